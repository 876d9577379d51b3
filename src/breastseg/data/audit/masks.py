"""What the truth holds: classes that never occur, in the whole or in one part, and regions without
annotation."""

from collections.abc import Iterator

import pandas as pd

from breastseg.data.audit.findings import SHOWN, Finding, PartContents, listed
from breastseg.data.audit.leaks import Split
from breastseg.data.dataset import Dataset
from breastseg.data.split import PARTS
from breastseg.wording import counted

FEW_PATIENTS = 5
"""Below it, a class that never occurs may be chance: reported as a note."""


def contents(data: Dataset, split: Split) -> dict[str, PartContents]:
    """Return, for each part of a split, how many regions, slides, patients and hospitals it has,
    and pixels by class."""
    parts: dict[str, PartContents] = {}
    for part in PARTS:
        rows = split.rows[split.rows["part"] == part]
        if not len(rows):
            continue
        pixels = data.class_pixels.loc[rows["region"]].sum()
        parts[part] = {
            "regions": rows["region"].nunique(),
            "slides": rows["slide"].nunique(),
            "patients": rows["patient"].nunique(),
            "hospitals": rows.loc[rows["site"] != "", "site"].nunique(),
            "pixels": {str(name): int(px) for name, px in pixels.items()},
        }
    return parts


def merged(data: Dataset) -> Iterator[Finding]:
    """Yield a finding when classes of the label map never occur: the source may have merged them
    into others or into 0."""
    totals = data.class_pixels.sum()
    absent = [str(name) for name in totals.index if totals[name] == 0]
    if not absent:
        return
    patients = data.regions["patient"].nunique()
    # Dots are put on a few kinds of cells; that they lack a class says nothing.
    are_dots = bool((data.regions["annotation"] == "dots").all())
    pixels = (data.regions["width_px"] * data.regions["height_px"]).sum()
    unknown = float(data.regions["px_not_annotated"].sum() / pixels)
    is_suspicious = patients >= FEW_PATIENTS and not are_dots
    suspicion = ""
    if is_suspicious:
        suspicion = "; if the source's scheme has them, its masks were merged"
    occur = "occurs" if len(absent) == 1 else "occur"
    yield Finding(
        "warning" if is_suspicious else "note",
        "absent classes",
        f"{', '.join(absent)} never {occur} in"
        f" {totals.sum() / 1e6:.2f} Mpx of truth of {counted(len(data.regions), 'region')} and"
        f" {counted(patients, 'patient')} ({unknown:.0%} is not annotated){suspicion}",
        "look at the source's codes: such a class gets no score, and what was merged cannot be told"
        " apart again",
        {
            "absent": absent,
            "annotated_px": int(totals.sum()),
            "patients": patients,
            "share_not_annotated": round(unknown, 4),
        },
    )


def lopsided(data: Dataset, split: Split) -> Iterator[Finding]:
    """Yield findings for classes that are scored but not taught, and taught but not scored."""
    classes_of: dict[str, set[str]] = {}
    for part, held in contents(data, split).items():
        classes_of[part] = {name for name, px in held["pixels"].items() if px}
    taught = classes_of.get("train", set())
    for part in PARTS[1:]:
        if part not in classes_of or not taught:
            continue
        scored = classes_of[part]
        not_taught = sorted(scored - taught)
        if not_taught:
            how = f"occurs in {part} and not in train"
            advice = "no model can learn it: split otherwise"
            yield _lopsided("warning", split, not_taught, how, advice)
        not_scored = sorted(taught - scored)
        if not_scored:
            how = f"occurs in train, not in {part}"
            advice = f"{part} gives it no score (NaN)"
            yield _lopsided("note", split, not_scored, how, advice)


def _lopsided(severity: str, split: Split, names: list[str], how: str, advice: str) -> Finding:
    return Finding(
        severity,
        "class support",
        f"{', '.join(names)}: {how} ({split.name})",
        advice,
        {"split": split.name, "classes": names},
    )


def unannotated(data: Dataset) -> Iterator[Finding]:
    """Yield a finding for regions without any annotated pixel, of which nothing is known as a whole
    either."""
    fields = data.fields(list(data.regions.index))
    pixels: pd.Series = data.class_pixels.sum(axis=1).drop(fields)
    empty = [str(name) for name in pixels.index[pixels == 0]]
    if empty:
        yield Finding(
            "note",
            "no annotation",
            f"{len(empty):,} of {counted(len(pixels), 'region')} without any annotated pixel:"
            f" {listed(empty)}",
            "they teach and score nothing; leave them out",
            {"count": len(empty), "names": empty[:SHOWN]},
        )


def unknown_patients(data: Dataset) -> Iterator[Finding]:
    """Yield a finding when the source tells no patients, so that nobody can see one in two
    parts."""
    # Where a source tells no patient, the region's name stands for one.
    unknown = int((data.regions["patient"] == data.regions.index).sum())
    if unknown > 1:
        yield Finding(
            "warning",
            "patients unknown",
            f"{unknown:,} of {counted(len(data.regions), 'region')} without a patient's name: each"
            " counts as a patient of its own, and no one can see whether a patient is in two"
            " parts",
            "name the patients: breastseg prepare --table CSV (image, patient)",
            {"count": unknown},
        )
