"""How well a model, or a recipe for one, holds where it never learned: one number that chooses.

    python benchmarks/generalise.py BUNDLE [BUNDLE ...] --data FOLDER [--breakhis FOLDER]
    python benchmarks/generalise.py recipes/lite0 --data FOLDER --work WORK [--seeds 1 2]

FOLDER holds any of bcss, bcss_kaggle224, bcss_tile512 (BCSS), brca_m2c, and folders with a
manifest.csv (file, patient_or_slide, um_per_px, label_file, label_summary): ucsb, bracs_rois,
her2st, monusac_breast, pannuke_breast25, gtex_adipose, nct_crc. BreaKHis is a folder of images
named SOB_*.png. Patients that trained a bundle are left out, and said to be; of several bundles
those that trained any of them, so that their numbers compare.

A recipe (a folder with recipe.json, see recipes/make.py) is trained once for each fold, without
the hospitals that the fold holds out: 1 A1 and the dots of A7; 2 A2-A0D2, A2-A3XX and the dots of
A8; 3 A2-A1G6 and the dots of AC; each also without a third of all others that it would train on.
Patients that choose in the recipe's own split (val) choose in the folds too. Every fold is
judged by what it never saw, and the folds together give one number a seed.

What parts and number are: yardstick/judges.py, yardstick/number.py. WORK keeps what was looked
at, by model, so that a second call takes seconds; a call that was interrupted goes on.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from breastseg.bundles.bundle import INT8, load_bundle
from breastseg.bundles.engine import cpu_has_bf16
from breastseg.errors import BreastsegError, InputError
from breastseg.files import write_json, write_text
from breastseg.inference.model import load_model
from breastseg.runners.precision import has_exact_int8
from yardstick.fields import Field, read_fields
from yardstick.folds import FOLDS, Fold, train_fold
from yardstick.judges import judges_of
from yardstick.look import look
from yardstick.number import Result
from yardstick.pool import pooled
from yardstick.show import compared, curves_of, facts_of, losses_of, spread_of, table_of
from yardstick.stains import Fall, falls_of, lenders_of

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "breastseg-yardstick"
_LEAST_ALIAS = 6
"""Letters of a name that says who somebody is."""
_NAMED = 4


def trained_on(field: Field, names: set[str]) -> bool:
    """Tell whether names of patients on a card have that of a field."""
    aliases = [alias for alias in field.aliases if len(alias) >= _LEAST_ALIAS]
    return any(alias in name for alias in aliases for name in names)


def patients_of(bundle: str | Path, part: str = "train") -> set[str]:
    """Return whom a bundle learned from, or was chosen by, as its card has it."""
    return set(load_bundle(bundle).card.training.patients_of(part))


def kept_of(fields: Sequence[Field], trained: set[str]) -> tuple[list[Field], list[str]]:
    """Return the fields of others, and in words who was left out."""
    kept, notes = [field for field in fields if not trained_on(field, trained)], []
    for name in dict.fromkeys(field.set for field in fields):
        everybody = {field.patient for field in fields if field.set == name}
        gone = sorted(everybody - {field.patient for field in kept if field.set == name})
        if gone:
            some = ", ".join(gone[:_NAMED]) + (", ..." if len(gone) > _NAMED else "")
            number = f"{len(gone)} of {len(everybody)}"
            notes.append(f"left out of {name}, known to the model: {number} ({some})")
    if not kept:
        raise InputError("every patient here trained the model; nothing is left to judge it by")
    return kept, notes


def precisions_of(bundle: str | Path, asked: str) -> list[str]:
    """Return the precisions to look in: what is asked for, or all that can be had."""
    if asked != "all":
        return [asked]
    has_int8 = INT8 in load_bundle(bundle).card.files and has_exact_int8()
    return ["fp32", *(["bf16"] if cpu_has_bf16() else []), *(["int8"] if has_int8 else [])]


def judged(
    bundle: str | Path,
    precision: str,
    fields: Sequence[Field],
    notes: Sequence[str],
    given: argparse.Namespace,
    name: str = "",
) -> tuple[Result, list[Fall]]:
    """Look at fields with a bundle, and judge it."""
    start = time.perf_counter()
    model = load_model(bundle, precision=precision, threads=given.threads)
    cache, name = given.work / "seen", name or model.card.name
    judges = judges_of(fields, look(model, fields, cache))
    falls = []
    if given.stains:
        falls = falls_of(model, fields, lenders_of(fields_of(given)), cache)
    chose = patients_of(bundle, "val")
    chosen = {field.patient for field in fields if trained_on(field, chose)}
    if chosen:
        notes = [*notes, f"{len(chosen)} patients here chose among its trainings: expect less"]
    print(f"{name}, {model.runner.name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return Result(f"{name} {precision}", judges, tuple(notes)), falls


def fields_of(given: argparse.Namespace) -> list[Field]:
    """Return all fields, read once."""
    if not hasattr(given, "fields"):
        given.fields = read_fields(given.data, given.breakhis)
    found: list[Field] = given.fields
    return found


def judge_bundles(given: argparse.Namespace) -> None:
    """Judge finished bundles beside each other."""
    trained = set[str]().union(*(patients_of(one) for one in (*given.model, *given.apart)))
    fields, notes = kept_of(fields_of(given), trained)
    results: list[Result] = []
    facts, pairs, firsts = [], [], []
    for bundle in given.model:
        first = len(results)
        firsts.append(first)
        for precision in precisions_of(bundle, given.precision):
            result, falls = judged(bundle, precision, fields, notes, given)
            if len(results) > first:
                pairs.append((first, len(results)))
            results.append(result)
            facts.append(facts_of(result, falls))
    alike = [results[k] for k in firsts]
    lines = [*compared(alike), *losses_of(facts, pairs), *seeds_of(given.model, alike)]
    tell(facts, results, lines, given)


def seeds_of(bundles: Sequence[str], results: Sequence[Result]) -> list[str]:
    """Return in words the spread over bundles that differ in their seed alone."""
    groups: dict[str, list[float]] = {}
    for bundle, result in zip(bundles, results, strict=True):
        training = load_bundle(bundle).card.training
        config = {key: one for key, one in (training.config or {}).items() if key != "seed"}
        same = sorted(config.items()), training.data, training.split
        groups.setdefault(repr(same), []).append(result.number)
    several = [numbers for numbers in groups.values() if len(numbers) > 1]
    return [spread_of(numbers, f"spread over {len(numbers)} seeds") for numbers in several]


def judge_recipe(given: argparse.Namespace) -> None:
    """Train a recipe fold by fold, and judge what was never seen."""
    recipe = Path(given.model[0])
    results, facts, alone = [], [], {}
    for seed in given.seeds:
        folds, notes, falls = [], [], []
        for number in given.folds:
            fold = Fold(recipe, number, seed, given.epochs, given.work / recipe.name)
            bundle = train_fold(fold, given.data, given.breakhis)
            name = f"fold {number}, seed {seed}"
            knew = patients_of(bundle) | patients_of(bundle, "val")
            fields, left_out = kept_of(fields_of(given), knew)
            result, lost = judged(bundle, given.precision, fields, left_out, given, name)
            alone[name] = result.number
            notes += [f"fold {number}: {note}" for note in result.notes]
            folds.append(result.judges)
            falls += lost
        results.append(Result(f"{recipe.name} seed {seed}", pooled(folds), tuple(notes)))
        facts.append(facts_of(results[-1], falls))
    lines = [f"{name}, alone: {value:.4f}" for name, value in alone.items()]
    lines.append(spread_of(list(alone.values()), "over folds and seeds"))
    numbers = [result.number for result in results]
    lines.append(spread_of(numbers, f"over {len(numbers)} seeds, folds together"))
    tell(facts, results, lines, given)


def tell(
    facts: list[dict[str, Any]],
    results: Sequence[Result],
    lines: Sequence[str],
    given: argparse.Namespace,
) -> None:
    """Print tables and the numbers, and write them where asked to."""
    notes = dict.fromkeys(note for result in results for note in result.notes)
    text = [*notes, "", table_of(facts)]
    for one in facts:
        text += [f"{one['name']}, by a shift of tumour's log-probability:", "", curves_of(one)]
    text += [*lines, ""]
    for result in results:
        best = f"{result.curve[result.best]:.4f} at its best shift"
        text.append(f"**{result.number:.4f}** {result.name}; {best}")
    print("\n".join(text))
    if given.out:
        write_json(given.out / "generalise.json", {"results": facts, "said": list(lines)})
        write_text(given.out / "generalise.md", "\n".join(text) + "\n")
        print(given.out / "generalise.md")


def options() -> argparse.ArgumentParser:
    """Declare the options."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    add = parser.add_argument
    add("model", nargs="+", help="names of shipped models, bundles' folders, or a recipe's folder")
    add("--data", type=Path, required=True, help="folder that holds the sets")
    add("--breakhis", type=Path, help="folder of BreaKHis images")
    add("--apart", nargs="*", default=[], metavar="BUNDLE", help="leave out whom these knew too")
    add("--precision", default="fp32", help="fp32, bf16, int8, auto, or all that can be had")
    stains = "part f: fields in the colours of others"
    add("--stains", action=argparse.BooleanOptionalAction, default=True, help=stains)
    add("--threads", type=int, default=0, help="CPU threads of the network (default: all cores)")
    add("--out", type=Path, help="also write generalise.json and generalise.md here")
    add("--work", type=Path, default=CACHE, help=f"keeps what was looked at (default {CACHE})")
    add = parser.add_argument_group("of a recipe").add_argument
    which = sorted(FOLDS)
    add("--folds", type=int, nargs="+", default=which, choices=which, help="which to train (all)")
    add("--seeds", type=int, nargs="+", default=[42], help="of the trainings (default 42)")
    add("--epochs", type=int, help="cap for quick comparisons (default: the recipe's)")
    return parser


def main() -> None:
    """Judge what was asked for."""
    given = options().parse_args()
    is_recipe = (Path(given.model[0]) / "recipe.json").is_file()
    try:
        if is_recipe and len(given.model) > 1:
            raise InputError("several recipes: wanted one at a time")
        if is_recipe:
            judge_recipe(given)
        else:
            judge_bundles(given)
    except BreastsegError as error:
        sys.exit(f"generalise.py: {error}")


if __name__ == "__main__":
    main()
