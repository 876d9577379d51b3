"""The fields that judge, read from a folder as `benchmarks/generalise.py` describes it."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from breastseg.errors import SourceError
from breastseg.geometry import Box, check_mpp
from breastseg.images.readers.flat import image_size
from breastseg.sources import open_source
from breastseg.sources.annotations import read_drawn
from breastseg.sources.points import Dot

DENSE = ("bcss", "bcss_kaggle224", "bcss_tile512")
DOTTED = "brca_m2c"
PRESENCE = ("ucsb", "bracs_rois", "breakhis")
SMALL = {"her2st": "section", "monusac_breast": "patient", "pannuke_breast25": "field"}
"""Sets with spots and nuclei, and whose they are."""
UNIFORM = ("gtex_adipose", "nct_crc")
MANIFEST = ("file", "patient_or_slide", "um_per_px", "label_file", "label_summary")
SPOT_DISTANCE_PX = 140.0
SPOT_UM = 100.0
SPOT_FIELD_UM = 224.0
"""Side of what is shown around a spot: the spot, and 62 um of what surrounds it on each side."""
BREAKHIS_MPP = 0.65
"""Its paper gives 0.20 at 100X, at which a round nucleus would be 1.7 um wide; at 0.65 nuclei
are as large as in BCSS."""
BREAKHIS_FIELDS = 6
"""Of a case, from its first to its last: fields of one case are alike."""
BREAKHIS_DOUBTFUL = "14-13412"
"""A case that is filed under two diagnoses."""

_BREAKHIS_NAME = re.compile(r"SOB_(?P<kind>[BM])_[A-Z]+-(?P<case>\d+-\d+)[A-Z]*-100-\d+\.png")
_SPOTS = {
    "invasive cancer": "tumor",
    "connective tissue": "stroma",
    "adipose tissue": "other",
    "breast glands": "not tumor",
}
_CORES = {"benign": "benign", "malignant": "malignant"}
_NUCLEI = {1: "tumor", 2: "inflammatory"}
_BOXES = {"neoplastic": "tumor", "non_neoplastic": "not tumor"}
_COLON = {"ADI": "other", "LYM": "inflammatory", "STR": "stroma", "MUC": "other"}


@dataclass(frozen=True)
class Field:
    """One image, or a part of one, and what is true of it.

    Attributes:
        set: the folder it is from.
        name: unique in its set.
        path: the image.
        mpp: microns per pixel.
        patient: whose tissue it is.
        group: hospital, diagnosis or kind of tissue.
        whole: class of all of it; empty where it has no single one.
        mask: label codes of its pixels, or None.
        nuclei: a mask whose codes are kinds of nuclei, or None.
        places: small things of a known class.
        box: the part of the image; None is all of it.
        tissue: leave glass out by the rule that predict follows.
    """

    set: str
    name: str
    path: Path
    mpp: float
    patient: str
    group: str = ""
    whole: str = ""
    mask: Path | None = None
    nuclei: Path | None = None
    places: tuple[Dot, ...] = ()
    box: Box | None = None
    tissue: bool = False

    @property
    def aliases(self) -> tuple[str, ...]:
        """Return the names under which a card may list whom it learned from."""
        return (self.patient, self.path.stem)


def read_fields(data: Path, breakhis: Path | None) -> list[Field]:
    """List every field that is there, set by set.

    Raises:
        SourceError: nothing is there, or a table does not fit its images.
    """
    if not data.is_dir():
        raise SourceError(f"{data}: no such folder; wanted one with bcss/, ucsb/ ... in it")
    readers = {
        **dict.fromkeys(DENSE, _dense), DOTTED: _dots, "ucsb": _cores, "bracs_rois": _rois,
        "her2st": _spots, "monusac_breast": _nuclei, "pannuke_breast25": _boxes,
        "gtex_adipose": _fat, "nct_crc": _colon,
    }  # fmt: skip
    there = [(data / name, read) for name, read in readers.items() if (data / name).is_dir()]
    found = [field for folder, read in there for field in read(folder)]
    if breakhis is not None:
        found += _breakhis(breakhis)
    if not found:
        wanted = ", ".join(readers)
        raise SourceError(f"{data}: none of {wanted} is there; give the folder that holds them")
    return found


def _dense(folder: Path) -> Iterator[Field]:
    for one in open_source(folder).regions:
        yield Field(folder.name, one.id, one.image, one.mpp, one.patient, one.site, mask=one.labels)


def _dots(folder: Path) -> Iterator[Field]:
    names = {"lymphocytic_infiltrate": "inflammatory"}
    for one in open_source(folder).regions:
        dots = read_drawn(one.labels).dots
        places = tuple(replace(dot, name=names.get(dot.name, dot.name)) for dot in dots)
        yield Field(folder.name, one.id, one.image, one.mpp, one.patient, one.site, places=places)


def _cores(folder: Path) -> Iterator[Field]:
    for row, path in _manifest(folder):
        yield _image_level(folder, row, path, _one_of(row, _CORES, folder))


def _rois(folder: Path) -> Iterator[Field]:
    kinds = {
        "DCIS": "malignant",
        "UDH": "benign",
        "FEA": "benign",
        "ADH": "benign",
        "normal": "benign",
        "benign": "benign",
    }
    for row, path in _manifest(folder):
        yield _image_level(folder, row, path, _one_of(row, kinds, folder))


def _image_level(folder: Path, row: dict[str, str], path: Path, group: str) -> Field:
    patient = row["patient_or_slide"]
    return Field(folder.name, path.stem, path, _mpp(row), patient, group, tissue=True)


def _one_of(row: dict[str, str], kinds: dict[str, str], folder: Path) -> str:
    said = row["label_summary"]
    for word, group in kinds.items():
        if word.casefold() in said.casefold():
            return group
    table, wanted = folder / "manifest.csv", ", ".join(kinds)
    raise SourceError(f"{table}: {row['file']} is '{said}', wanted one of {wanted}")


def _spots(folder: Path) -> Iterator[Field]:
    for row, path in _manifest(folder):
        mpp = _mpp(row)
        side = round(SPOT_FIELD_UM / mpp)
        width, height = image_size(path)
        for spot in _agreeing(folder / row["label_file"]):
            x, y = float(spot["pixel_x"]), float(spot["pixel_y"])
            left, top = (
                min(max(0, round(x - side / 2)), width - side),
                min(max(0, round(y - side / 2)), height - side),
            )
            place = Dot(
                _SPOTS[spot["label_transferred"]],
                x - left,
                y - top,
                SPOT_UM / mpp,
                SPOT_UM / mpp,
                is_round=True,
            )
            name = f"{path.stem}_{spot['array_x']}x{spot['array_y']}"
            yield Field(
                folder.name,
                name,
                path,
                mpp,
                row["patient_or_slide"],
                path.stem,
                places=(place,),
                box=Box(left, top, side, side),
            )


def _agreeing(table: Path) -> Iterator[dict[str, str]]:
    """Yield the spots near a labelled one whose neighbours on the array, one at least, agree."""
    rows = _rows(table)
    near = {(int(r["array_x"]), int(r["array_y"])): r for r in rows}
    for (x, y), row in near.items():
        label = row["label_transferred"]
        around = ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1))
        beside = [near[at]["label_transferred"] for at in around if at in near]
        is_near = float(row["dist_px_to_labelled_spot"]) <= SPOT_DISTANCE_PX
        if label in _SPOTS and is_near and beside and all(other == label for other in beside):
            yield row


def _nuclei(folder: Path) -> Iterator[Field]:
    for row, path in _manifest(folder):
        patient, mask = row["patient_or_slide"], folder / row["label_file"]
        yield Field(folder.name, path.stem, path, _mpp(row), patient, nuclei=mask)


def nucleus_class(code: int) -> str:
    """Return the class of a nucleus by its code in a mask; empty for those that are left."""
    return _NUCLEI.get(code, "")


def _boxes(folder: Path) -> Iterator[Field]:
    for row, path in _manifest(folder):
        places = tuple(
            Dot(
                _BOXES[box["class"]],
                float(box["x"]),
                float(box["y"]),
                float(box["w"]),
                float(box["h"]),
            )
            for box in _rows(folder / "labels" / f"{path.stem}.csv")
        )
        yield Field(folder.name, path.stem, path, _mpp(row), path.stem, places=places)


def _fat(folder: Path) -> Iterator[Field]:
    for row, path in _manifest(folder):
        kind = row["label_summary"].strip()
        whole = {"adipocyte": "other", "empty": "glass"}.get(kind)
        if whole:
            yield Field(
                folder.name,
                path.stem,
                path,
                _mpp(row),
                row["patient_or_slide"],
                "fat" if whole == "other" else "glass",
                whole,
                tissue=whole == "glass",
            )


def _colon(folder: Path) -> Iterator[Field]:
    for row, path in _manifest(folder):
        kind = row["label_summary"].strip().split()[0]
        if kind in _COLON:
            patient = path.stem  # nobody says whose they are
            yield Field(folder.name, path.stem, path, _mpp(row), patient, kind, _COLON[kind])


def _breakhis(folder: Path) -> Iterator[Field]:
    """Yield images named as BreaKHis names them, SOB_B_A-14-22549AB-100-001.png: benign or
    malignant, type, slide, magnification.

    A case is the slide's number without its letters.
    """
    cases: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.rglob("SOB_[BM]_*.png")):
        found = _BREAKHIS_NAME.fullmatch(path.name)
        if found is None:
            example = "SOB_B_A-14-22549AB-100-001.png"
            raise SourceError(f"{path}: wanted a name as in {example}, at 100X")
        if found["case"] != BREAKHIS_DOUBTFUL:
            cases.setdefault((found["case"], found["kind"]), []).append(path)
    if not cases:
        wanted = "no image named SOB_B_*.png or SOB_M_*.png"
        raise SourceError(f"{folder}: {wanted}; give BreaKHis's folder")
    for (case, kind), paths in cases.items():
        count = min(BREAKHIS_FIELDS, len(paths))
        for number in range(count):
            path = paths[number * len(paths) // count]
            group = "benign" if kind == "B" else "malignant"
            yield Field("breakhis", path.stem, path, BREAKHIS_MPP, case, group, tissue=True)


def _manifest(folder: Path) -> Iterator[tuple[dict[str, str], Path]]:
    """Yield the rows of a manifest, each with its image.

    Raises:
        SourceError: a row lacks a column, an image or its microns per pixel.
    """
    table = folder / "manifest.csv"
    for row in _rows(table):
        if missing := [name for name in MANIFEST if row.get(name) is None]:
            raise SourceError(f"{table}: has no column {missing[0]}, wanted {', '.join(MANIFEST)}")
        path = folder / row["file"]
        if not path.is_file():
            raise SourceError(f"{table}: names {row['file']}, which is not there; copy it again")
        try:
            check_mpp(_mpp(row), str(path))
        except ValueError:
            said = f"{row['file']} has um_per_px '{row['um_per_px']}'"
            raise SourceError(f"{table}: {said}, wanted a number of microns") from None
        yield row, path


def _mpp(row: dict[str, str]) -> float:
    """Return microns per pixel of a manifest's row, which `_manifest` has looked at."""
    return float(row["um_per_px"])


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise SourceError(f"{path}: not found")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
