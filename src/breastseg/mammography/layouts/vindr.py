"""VinDr-Mammo: 20,000 digital mammograms of 5,000 exams, boxes, a split.

Facts of the release (Nguyen et al. 2023, Sci Data 10:277; PhysioNet 1.0.0):
* Films are `images/STUDY/IMAGE.dicom`; copies as PNG keep the names.
* `breast-level_annotations.csv`: a row a film with BI-RADS, density and split.
* `finding_annotations.csv`: a row a finding; categories as a list in a cell, box in pixels of the
  released film (`height`, `width`). "No Finding" has no box. A study is one patient.
"""

import re
from pathlib import Path

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import Finding, Rectangle
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below
from breastseg.tables import Row, Table, read_table

NAME = "VinDr-Mammo"
FILMS, FINDINGS = "breast-level_annotations.csv", "finding_annotations.csv"
_SHARED = ("laterality", "view_position", "height", "width", "split")
_BOX = ("xmin", "ymin", "xmax", "ymax")
KINDS = {
    "mass": "mass",
    "suspicious calcification": "calcification",
    "architectural distortion": "architectural distortion",
    "asymmetry": "asymmetry",
    "focal asymmetry": "asymmetry",
    "global asymmetry": "asymmetry",
    "suspicious lymph node": "lymph node",
    "skin thickening": "skin or nipple",
    "skin retraction": "skin or nipple",
    "nipple retraction": "skin or nipple",
}
_CATEGORY = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def find(root: Path) -> Layout | None:
    """Recognise VinDr-Mammo by its two tables, and read them.

    Raises:
        DatasetError: a row that does not fit, or the two tables contradict.
        SourceError: tables without films.
    """
    if not root.is_dir():
        return None
    tables = {path.name: path for path in files_below(root, (".csv",))}
    if FILMS not in tables or FINDINGS not in tables:
        return None
    films = read_table(
        tables[FILMS],
        DatasetError,
        needed=("study_id", "image_id", *_SHARED, "breast_birads", "breast_density"),
        others=True,
    )
    findings = read_table(
        tables[FINDINGS],
        DatasetError,
        needed=("image_id", "finding_categories", "finding_birads", *_BOX, *_SHARED),
        others=True,
    )
    by_film = films.by("image_id")
    findings_of = _findings(findings, by_film)
    files = {}
    for path in files_below(root, (".dicom", ".dcm", ".png")):
        files[path.stem] = path
    entries = []
    left_out = []
    for name, row in sorted(by_film.items()):
        if name in files:
            own_findings = findings_of.get(name, ())
            entries.append(_entry(name, row, files[name], own_findings))
        else:
            left_out.append(LeftOut(name, f"{name}: in the table, no file"))
    if not entries:
        raise SourceError(f"{root}: tables of VinDr-Mammo without films; download images/ too")
    return Layout(NAME, tuple(entries), tuple(left_out))


def _findings(table: Table, films: dict[str, Row]) -> dict[str, tuple[Finding, ...]]:
    """Return the findings of each film; rows must say the same of a film as the films' table."""
    columns = [table.numbers(column) for column in _BOX]
    boxes = list(zip(*columns, strict=True))
    findings: dict[str, tuple[Finding, ...]] = {}
    for row, box in zip(table.rows, boxes, strict=True):
        name = row["image_id"]
        film = films.get(name)
        if film is None:
            raise DatasetError(f"{table.where(row)}: film {name} is not in {FILMS}")
        for column in _SHARED:
            if row[column] != film[column]:
                raise DatasetError(
                    f"{table.where(row)}: {column} of {name} is '{row[column]}', {FILMS} row "
                    f"{film.number} says '{film[column]}'; correct the one that is wrong"
                )
        former = findings.get(name, ())
        findings[name] = (*former, *_of_row(row, box, table))
    return findings


def _of_row(row: Row, box: tuple[float | None, ...], table: Table) -> tuple[Finding, ...]:
    """Return the findings of a row: one box, of one kind or several."""
    words = []
    kinds: dict[str, None] = {}  # two categories may be of one kind of ours
    for single, double in _CATEGORY.findall(row["finding_categories"]):
        word = single or double  # in either sort of quotation marks
        if word.lower() != "no finding":
            words.append(word)
            kinds[KINDS.get(word.lower(), "other")] = None
    if not words:
        return ()
    left, top, right, bottom = box
    if left is None or top is None or right is None or bottom is None:
        raise DatasetError(f"{table.where(row)}: {', '.join(words)} without a box, wanted {_BOX}")
    if not (left < right and top < bottom):
        raise DatasetError(
            f"{table.where(row)}: box {left:g} {top:g} {right:g} {bottom:g}, wanted xmin below "
            "xmax and ymin below ymax"
        )
    shape = Rectangle(left, top, right, bottom)
    birads = _birads(row["finding_birads"])
    text = ", ".join(words).lower()
    return tuple(Finding(kind, "", birads, shape, text) for kind in kinds)


def _birads(cell: str) -> str:
    """Return "4" of "BI-RADS 4"."""
    return cell.upper().replace("BI-RADS", "").strip().lower()


def _entry(name: str, row: Row, path: Path, findings: tuple[Finding, ...]) -> Entry:
    density = row["breast_density"].upper().replace("DENSITY", "").strip()  # "DENSITY C"
    return Entry(
        name=name,
        path=path,
        patient=row["study_id"],
        laterality=row["laterality"].upper(),
        view=row["view_position"].upper(),
        origin="VinDr-Mammo table",
        findings=findings,
        facts={
            "density": density,
            "birads": _birads(row["breast_birads"]),
            "split": {"training": "train"}.get(row["split"], row["split"]),
        },
        size_px=_size(row),
    )


def _size(row: Row) -> tuple[int, int] | None:
    if row["width"].isdigit() and row["height"].isdigit():
        return int(row["width"]), int(row["height"])
    return None
