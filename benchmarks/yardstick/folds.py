"""A recipe, trained without the hospitals that a fold holds out."""

import csv
import json
import subprocess
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import InputError
from breastseg.files import write_table
from breastseg.wording import counted

MAKE = Path(__file__).resolve().parents[2] / "recipes" / "make.py"
FOLDS = {1: ("A1", "A7"), 2: ("TCGA-A2-A0D2", "TCGA-A2-A3XX", "A8"), 3: ("TCGA-A2-A1G6", "AC")}
"""What each fold holds out: patients or hospitals with areas, and a hospital with dots."""


@dataclass(frozen=True)
class Fold:
    """One training.

    Attributes:
        recipe: folder of the recipe.
        number: of `FOLDS`.
        seed: of the training.
        epochs: cap; None takes the recipe's.
        work: folder of all trainings of the recipe.
    """

    recipe: Path
    number: int
    seed: int
    epochs: int | None
    work: Path

    @property
    def out(self) -> Path:
        """Return the folder of this training."""
        cap = f"_epochs{self.epochs}" if self.epochs else ""
        return self.work / f"fold{self.number}_seed{self.seed}{cap}"


def train_fold(fold: Fold, data: Path, breakhis: Path | None) -> Path:
    """Train, or go on; return the bundle's folder.

    Raises:
        InputError: a step failed, as it has said; or nothing is held out.
    """
    sources = ["--source", f"breakhis={breakhis}"] if breakhis else []
    words = [str(fold.recipe), str(data), str(fold.out), *sources]
    _make(*words, "--until", "prepare")
    split = fold.out / "split.csv"
    rows = parts_of(fold.out / "data" / "regions.csv", fold.number, own_parts(fold.recipe))
    write_table(split, rows)
    changes = changes_of(fold.recipe)
    changes |= {"seed": str(fold.seed)}
    if fold.epochs:
        changes["epochs"] = str(fold.epochs)
    changed = [f"{name}={value}" for name, value in changes.items()]
    _make(*words, "--split", str(split), "--until", "train", "--train", *changed)
    return fold.out / "run" / "bundle"


def changes_of(recipe: Path) -> dict[str, str]:
    """Return what a recipe changes where it is trained without some patients.

    Raises:
        InputError: it starts from a model that may know them.
    """
    found = json.loads((recipe / "recipe.json").read_text(encoding="utf-8"))
    changes = {name: str(value) for name, value in found.get("folds", {}).items()}
    start = found.get("train", {}).get("start") or " ".join(found.get("start", []))
    if start and changes.get("start") != "":
        said = f"the recipe starts from '{start}', which may know who is held out"
        raise InputError(f'{recipe}/recipe.json: {said}; give it "folds": {{"start": ""}}')
    return changes


def own_parts(recipe: Path) -> dict[str, str]:
    """Return the part that a recipe's own split gives patients; nothing where it is no file."""
    found = json.loads((recipe / "recipe.json").read_text(encoding="utf-8"))
    path = recipe / str(found.get("split"))
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["patient"]: row["split"] for row in rows if row.get("patient")}


def parts_of(regions: Path, number: int, own: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the split of a fold: patient and part.

    Who is held out is in test, whoever else chooses in the recipe (val) chooses here too, and all
    others train.

    Args:
        regions: regions.csv of the prepared data set.
        number: of `FOLDS`.
        own: the recipe's own parts, by patient.

    Raises:
        InputError: nobody is held out, or nobody left.
    """
    with regions.open(newline="", encoding="utf-8") as file:
        people = {row["patient"]: row["site"] for row in csv.DictReader(file)}
    held = [name for name, site in people.items() if is_held_out(name, site, number)]
    if len(held) in (0, len(people)):
        said = f"fold {number} holds out {len(held)} of {counted(len(people), 'patient')}"
        raise InputError(f"{regions}: {said}; wanted some")
    parts = {name: "val" if own.get(name) == "val" else "train" for name in sorted(people)}
    parts |= dict.fromkeys(held, "test")
    return [{"patient": name, "split": part} for name, part in parts.items()]


def is_held_out(patient: str, site: str, number: int) -> bool:
    """Tell whether a fold holds a patient out.

    It does by name or hospital; of those that no fold names, a third by the name's checksum.
    """
    held = {fold: patient in names or site in names for fold, names in FOLDS.items()}
    if any(held.values()):
        return held[number]
    return zlib.crc32(patient.encode()) % len(FOLDS) == number - 1


def _make(*words: str) -> None:
    if subprocess.run([sys.executable, str(MAKE), *words], check=False).returncode:
        advice = "mend what it says above and give the same command again"
        raise InputError(f"{words[0]}: recipes/make.py failed; {advice}")
