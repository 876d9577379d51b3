"""masses(): RGU-Net trained and scored by folds, beside the best constant mask and Otsu's.

OUT/fold-K/            a training: rgu_net.safetensors, answers.png (of the held-out crops, one
                       below the other), rows.json (a row a crop); whole or not there
OUT/scores.json        every figure, with what was done
OUT/crops.csv          the rows of all folds
OUT/rgu_net.md, .png   the table, and 24 held-out crops to look at
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from breastseg.errors import InputError, OutputError
from breastseg.files import (
    Remains,
    own_folder,
    sha256_of,
    write_json,
    write_table,
    write_text,
    written,
    written_folder,
)
from breastseg.json_files import number_in, read_json
from breastseg.mammography.crf import CrfConfig, refine
from breastseg.mammography.split import read_folds
from breastseg.reporter import TERMINAL, Reporter
from breastseg.studies.rgu_net.cases import CROP_PX, MM_PER_PX, Case, read_cases
from breastseg.studies.rgu_net.controls import constant_mask, dice, otsu_component
from breastseg.studies.rgu_net.crops import (
    OFF_CENTRE_MM,
    TURNS,
    Crop,
    scored_crops,
    training_crop,
    turned,
)
from breastseg.studies.rgu_net.folds import PAPER, PATIENT, PROTOCOLS, Fold, make_folds
from breastseg.studies.rgu_net.show import markdown, save_sheet
from breastseg.studies.rgu_net.summary import SYSTEMS, summary
from breastseg.wording import counted

_REMAINS = Remains(
    finished=("fold-*/rows.json",), rest=("scores.json", "crops.csv", "rgu_net.md", "rgu_net.png")
)
_CONTROL_DRAWS = 4  # crops of each training finding, of which the constant mask is made
_SHOWN = 24


@dataclass(frozen=True)
class MassesConfig:
    """What decides a study.

    Attributes:
        folds: into how many parts patients (under `paper` images) are dealt.
        steps: of 8 crops, in the training of each fold.
        protocol: "patient" or "paper"; the second is leaky on purpose.
        width: channels of the network's first level.
        depth: how often the network halves its image.
        draws: scored crops of each held-out finding, each off centre by itself.
        seed: of every draw.
        crf: the field after the network.
        split_table: a CSV with film and split; its folds are taken, and `folds` is their number
            then; "" deals patients by the seed.
    """

    folds: int = 5
    steps: int = 460
    protocol: str = PATIENT
    width: int = 16
    depth: int = 3
    draws: int = 4
    seed: int = 0
    crf: CrfConfig = field(default_factory=CrfConfig)
    split_table: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if self.protocol not in PROTOCOLS:
            raise InputError(f"--protocol '{self.protocol}': wanted {' or '.join(PROTOCOLS)}")
        for option, value, least, most in (
            ("--folds", self.folds, 2, 100),
            ("--steps", self.steps, 1, 1_000_000),
            ("--width", self.width, 8, 512),
            ("--depth", self.depth, 1, 6),
            ("--draws", self.draws, 1, 100),
            ("--seed", self.seed, 0, 2**31),
        ):
            if not least <= value <= most:
                raise InputError(f"{option} {value}: wanted {least} to {most}")
        if self.split_table and self.protocol == PAPER:
            raise InputError(
                f"--split-table {self.split_table}: --protocol paper deals copies one by one; leave"
                " it out"
            )
        if self.width % 8:
            raise InputError(f"--width {self.width}: wanted a multiple of 8")


def masses(
    films: str | Path,
    out: str | Path,
    config: MassesConfig = MassesConfig(),
    *,
    only: int | None = None,
    reporter: Reporter = TERMINAL,
) -> dict[str, object]:
    """Train and score RGU-Net by folds; goes on where an interrupted run stopped.

    Args:
        films: folder that `breastseg mammo prepare` wrote, at 0.8 mm a pixel or finer.
        out: folder of the results; must be empty or hold the same work.
        config: folds, network and protocol.
        only: train and score the first so many folds; None is all.
        reporter: who hears of it.

    Returns:
        what scores.json holds.

    Raises:
        DatasetError: no prepared films, or no finding with a circle.
        SplitError: fewer patients than folds, or a split table with a patient in two.
        InputError: `only` is no number of folds.
    """
    films = Path(films)
    out = Path(out)
    cases = read_cases(films, reporter=reporter)
    fold_of_patient = None
    if config.split_table:
        patient_of = {case.film: case.patient for case in cases}
        fold_of_patient = read_folds(config.split_table, patient_of)
        config = replace(config, folds=len(set(fold_of_patient.values())))
    if only is not None and not 1 <= only <= config.folds:
        raise InputError(f"--only {only}: wanted 1 to {config.folds}, the folds")
    folds = make_folds(
        cases,
        config.folds,
        config.protocol,
        draws=config.draws,
        seed=config.seed,
        fold_of_patient=fold_of_patient,
    )[:only]
    if config.protocol == PAPER:
        reporter.message(
            "LEAKY: crops are centred, and turned copies of one finding are on both sides"
        )
    settings = {"cases": _digest(cases), **asdict(config)}
    if config.split_table:
        settings["split_table"] = sha256_of(Path(config.split_table))
    with own_folder(out, "mammo masses", settings, remains=_REMAINS):
        rows: list[dict[str, object]] = []
        answers: list[npt.NDArray[np.uint8]] = []
        crops: list[Crop] = []
        for fold in folds:
            folder = out / f"fold-{fold.number}"
            if not (folder / "rows.json").is_file():
                sides = _sides(fold)
                reporter.message(f"fold {fold.number} of {config.folds}: {sides}")
                _run(fold, folder, config)
            # Read back also what was just written: a run that goes on and one that does not are
            # then of the same rounded numbers.
            rows += _read_rows(folder / "rows.json", fold)
            answers.append(_read_answers(folder / "answers.png", fold))
            crops += fold.test
        scores: dict[str, object] = {
            "protocol": config.protocol,
            "leaky": config.protocol == PAPER,
            "mm_per_px": MM_PER_PX,
            "crop_px": CROP_PX,
            "off_centre_mm": 0.0 if config.protocol == PAPER else OFF_CENTRE_MM,
            "findings": len(cases),
            "patients": len({case.patient for case in cases}),
            "folds_run": len(folds),
            # the table's hash, not its path: what counts is what is in it
            "config": {**asdict(config), "split_table": settings["split_table"]},
        }
        scores.update(summary(rows))
        write_table(out / "crops.csv", rows)
        write_text(out / "rgu_net.md", markdown(scores))
        save_sheet(crops, np.concatenate(answers), rows, out / "rgu_net.png", _SHOWN)
        write_json(out / "scores.json", scores)
    return scores


def _digest(cases: Sequence[Case]) -> str:
    """Return a hash of what is learned and scored: pixels, circles, patients."""
    digest = hashlib.sha256()
    for case in cases:
        line = f"{case.film} {case.finding} {case.patient} {case.circle} {case.grey.shape}\n"
        # Names of folders may hold bytes that are no UTF-8.
        digest.update(line.encode(errors="surrogateescape"))
        digest.update(case.grey.tobytes())
    return digest.hexdigest()


def _sides(fold: Fold) -> str:
    """Return in words who trains and who is scored."""
    if fold.copies:
        return f"{len(fold.copies)} copies train, {len(fold.test)} of them the like are scored"
    patients = {case.patient for case in fold.train}
    held_out = {crop.case.patient for crop in fold.test}
    return (
        f"{counted(len(fold.train), 'finding')} of {counted(len(patients), 'patient')} train, "
        f"{counted(len(fold.test), 'crop')} of {counted(len(held_out), 'patient')} are scored"
    )


def _run(fold: Fold, folder: Path, config: MassesConfig) -> None:
    """Train a fold, score its held-out crops, and write its folder, whole."""
    from safetensors.torch import save_file

    from breastseg.studies.rgu_net.training import answer, train

    def draw(rng: np.random.Generator) -> Crop:
        if fold.copies:
            return fold.copies[rng.integers(len(fold.copies))]
        case = fold.train[rng.integers(len(fold.train))]
        return training_crop(case, rng)

    network = train(
        draw,
        width=config.width,
        depth=config.depth,
        steps=config.steps,
        seed=(config.seed, 2, fold.number),
        name=f"fold {fold.number}",
    )
    probability = answer(network, list(fold.test))  # (N, H, W)
    # Scored as they are kept, in 255 steps, so that an image and its Dice belong together.
    answers = np.round(probability * 255).astype(np.uint8)
    constant = constant_mask(_control_masks(fold, config.seed))
    rows = []
    for crop, own_answer in zip(fold.test, answers, strict=True):
        row = _row(crop, own_answer, constant, fold.number, config.crf)
        rows.append(row)
    weights = {}
    for name, tensor in network.state_dict().items():
        weights[name] = tensor.contiguous()  # safetensors takes no channels-last tensors
    with written_folder(folder) as inside:
        save_file(weights, inside / "rgu_net.safetensors")
        with written(inside / "answers.png") as unfinished:
            # (N, H, W) -> (N * H, W): one crop below the other
            Image.fromarray(answers.reshape(-1, CROP_PX)).save(unfinished, "PNG")
        write_json(inside / "rows.json", rows)


def _control_masks(fold: Fold, seed: int) -> npt.NDArray[np.bool_]:
    """Return masks of training crops, (N, H, W), from which the constant mask is made."""
    # Another seed than the scored crops have: the control sees other offsets, as the network does.
    crops = fold.copies or scored_crops(fold.train, _CONTROL_DRAWS, seed + 1)
    masks = np.stack([crop.mask for crop in crops])
    if fold.copies:  # they are turned already
        return masks
    turns = []
    for turn in range(TURNS):
        turns.append(np.asarray(turned(masks, turn), bool))
    return np.concatenate(turns)


def _row(
    crop: Crop, answer: npt.NDArray[np.uint8], constant: Any, fold: int, crf: CrfConfig
) -> dict[str, object]:
    """Return the row of a held-out crop: where it lies, and the Dice of each system."""
    probability = answer.astype(np.float64) / 255
    masks = {
        "rgu_net": answer > 127,  # a probability over a half
        "rgu_net_crf": refine(probability, crop.grey, crf) > 0.5,
        "constant": constant,
        "otsu": otsu_component(crop),
    }
    row: dict[str, object] = {
        "fold": fold,
        "film": crop.case.film,
        "finding": crop.case.finding,
        "patient": crop.case.patient,
        "radius_mm": round(crop.case.circle.radius_px * MM_PER_PX, 1),
        "off_centre_mm": round(float(np.hypot(*crop.off_px)) * MM_PER_PX, 1),
        "turn": crop.turn,
    }
    for name in SYSTEMS:
        value = dice(masks[name], crop.mask)
        row[f"dice_{name}"] = round(value, 4)
    return row


def _read_rows(path: Path, fold: Fold) -> list[dict[str, object]]:
    """Read the rows of a finished fold; OutputError when they are not this fold's."""
    record = read_json(path, OutputError, "the scores of a finished fold")
    again = f"remove {path.parent} and run the same command again"
    wanted = [(crop.case.film, crop.case.finding) for crop in fold.test]
    rows: list[Any] = record if isinstance(record, list) else [None]
    named = []  # None stands for what is no row, so that it equals nothing that is wanted
    for row in rows:
        is_row = isinstance(row, dict)
        named.append((row.get("film"), row.get("finding")) if is_row else None)
    if named != wanted:
        raise OutputError(f"{path}: not the scores of the held-out crops of this fold; {again}")
    for row in rows:
        for name in SYSTEMS:
            try:
                number_in(row.get(f"dice_{name}"), 0, 1, f"dice_{name}")
            except ValueError as cause:
                raise OutputError(f"{path}: {cause}; {again}") from None
    return list(rows)


def _read_answers(path: Path, fold: Fold) -> npt.NDArray[np.uint8]:
    """Read the answers of a finished fold, (N, H, W)."""
    again = f"remove {path.parent} and run the same command again"
    wanted = (len(fold.test) * CROP_PX, CROP_PX)
    try:
        with Image.open(path) as picture:
            if picture.mode != "L" or (picture.height, picture.width) != wanted:
                raise OutputError(f"{path}: not the answers of this fold; {again}")
            values = np.asarray(picture, np.uint8)
    except (OSError, SyntaxError) as cause:
        if isinstance(cause, OutputError):
            raise
        raise OutputError(f"{path}: no image ({type(cause).__name__}); {again}") from None
    return values.reshape(-1, CROP_PX, CROP_PX)
