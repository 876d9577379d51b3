"""BCDR: films (F01 to F03) and digital mammograms (D01, D02) of Portugal, outlines in tables.

Facts of the release (Guevara Lopez et al. 2012, Breast Cancer Digital Repository; as readers by
others read it):
* `bcdr_d01_img.csv`: patient_id, study_id, series, image_filename, image_type_name (RCC, LO ...),
  density (1 to 4, or NaN); F03 has no such table.
* `bcdr_d01_outlines.csv`: a row an outline: image_filename, lw_x_points and lw_y_points (pixels
  from the upper left, blanks between), a column of 0 and 1 a kind, density, classification (Benign,
  Malign). Cells begin with a blank.
* Images are TIFF under the folder of their table, `patient_1/study_1/img_1_1_1_RCC.tif`; O is an
  oblique view (MLO). The files do not say how large a pixel is.
"""

import re
from pathlib import Path

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import Finding, Polygon
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below
from breastseg.tables import Row, Table, read_table

NAME = "BCDR"
_TABLE = re.compile(r"bcdr_([df]\d\d)_(img|outlines)\.csv", re.IGNORECASE)
_VIEW = re.compile(r"(?:^|_)(L|R)(CC|MLO|O)$", re.IGNORECASE)
KINDS = {
    "mammography_nodule": "mass",
    "mammography_calcification": "calcification",
    "mammography_microcalcification": "calcification",
    "mammography_axillary_adenopathy": "lymph node",
    "mammography_architectural_distortion": "architectural distortion",
    "mammography_stroma_distortion": "other",
}
"""Column of 0 and 1 -> our kind."""
_PATHOLOGIES = {"benign": "benign", "malign": "malignant", "malignant": "malignant"}
_POINTS = ("lw_x_points", "lw_y_points")
_FILM = ("patient_id", "study_id", "image_filename", "density")


def find(root: Path) -> Layout | None:
    """Recognise BCDR by its tables, and read them.

    Raises:
        DatasetError: a row that does not fit, or the two tables contradict.
        SourceError: tables without films.
    """
    if not root.is_dir():
        return None
    paths = [path for path in files_below(root, (".csv",)) if _TABLE.fullmatch(path.name)]
    if not paths:
        return None
    films: dict[Path, tuple[Row, Table]] = {}
    findings: dict[Path, list[Finding]] = {}
    for path in sorted(paths, key=lambda path: "outlines" in path.name.lower()):  # films first
        if "outlines" in path.name.lower():
            _read_outlines(path, films, findings)
        else:
            table = read_table(path, DatasetError, needed=_FILM, others=True)
            for row in table.rows:
                _add(films, row, table)
    entries, left_out = [], []
    for picture in sorted(films):
        row, _ = films[picture]
        if picture.is_file():
            own_findings = tuple(findings.get(picture, ()))
            entries.append(_entry(picture, row, own_findings))
        else:
            left_out.append(LeftOut(picture.stem, f"{picture.stem}: in the table, no image"))
    if not entries:
        raise SourceError(f"{root}: tables of BCDR without films; put the patients' folders there")
    return Layout(NAME, tuple(entries), tuple(left_out))


def _add(films: dict[Path, tuple[Row, Table]], row: Row, table: Table) -> Path:
    """Return the image of a row; DatasetError where another row says otherwise of it."""
    name = row["image_filename"]
    parts = name.replace("\\", "/").split("/")
    # A table from elsewhere must not lead to files outside of the data set.
    if not name or ".." in parts or name.startswith(("/", "\\")):
        raise DatasetError(
            f"{table.where(row)}: image_filename '{name[:60]}', wanted a file below the table"
        )
    picture = table.path.parent.joinpath(*parts)
    first, first_table = films.setdefault(picture, (row, table))
    for column in ("patient_id", "density"):
        if row[column] != first[column]:
            raise DatasetError(
                f"{table.where(row)}: {column} of {picture.name} is '{row[column]}', row "
                f"{first.number} of {first_table.path.name} says '{first[column]}'; correct "
                "the one that is wrong"
            )
    return picture


def _read_outlines(
    path: Path, films: dict[Path, tuple[Row, Table]], findings: dict[Path, list[Finding]]
) -> None:
    table = read_table(
        path,
        DatasetError,
        needed=(*_FILM, *_POINTS, "classification"),
        known=tuple(KINDS),
        others=True,
    )
    for row in table.rows:
        picture = _add(films, row, table)
        findings.setdefault(picture, []).extend(_of_row(row, table))


def _of_row(row: Row, table: Table) -> list[Finding]:
    pathology = _PATHOLOGIES.get(row["classification"].lower())
    if pathology is None:
        raise DatasetError(
            f"{table.where(row)}: classification '{row['classification']}', wanted Benign or Malign"
        )
    columns: list[float] = []
    rows: list[float] = []
    try:
        columns = _numbers(row["lw_x_points"])
        rows = _numbers(row["lw_y_points"])
    except ValueError:
        columns, rows = [], []
    if not columns or len(columns) != len(rows):
        raise DatasetError(
            f"{table.where(row)}: {len(columns)} columns and {len(rows)} rows of an outline, "
            "wanted as many numbers in lw_x_points as in lw_y_points"
        )
    shape = Polygon(tuple(zip(columns, rows, strict=True)))
    words = []
    kinds: dict[str, None] = {}  # two columns may be of one kind of ours
    for column, kind in KINDS.items():
        if row[column] == "1":
            words.append(column.removeprefix("mammography_").replace("_", " "))
            kinds[kind] = None
    findings = []
    for kind in kinds or {"other": None}:
        findings.append(Finding(kind, pathology, "", shape, ", ".join(words)))
    return findings


def _numbers(cell: str) -> list[float]:
    """Return the numbers of a cell, with blanks between; ValueError for what is none."""
    return [float(word) for word in cell.split()]


def _entry(picture: Path, row: Row, findings: tuple[Finding, ...]) -> Entry:
    side, view = "", ""
    match = _VIEW.search(picture.stem)
    if match:
        side = match[1].upper()
        view = match[2].upper()
    density = row["density"]
    return Entry(
        name=picture.stem,
        path=picture,
        patient=f"bcdr-{row['patient_id']}",
        laterality=side,
        view={"O": "MLO"}.get(view, view),  # O is oblique
        origin="BCDR file name",
        findings=findings,
        facts={"density": "" if density.lower() == "nan" else density},
    )
