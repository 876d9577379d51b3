"""INbreast: 410 digital mammograms as DICOM, outlines as OsiriX XML, a table.

Facts of the release (Moreira et al. 2012, Acad Radiol 19:236):
* Films are `20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm`: number, patient, side, view. `ML` in a
  name is an MLO, the table says so and goes before
  the header; `FB` is a caudo-cranial view.
* `INbreast.csv` (semicolons): Laterality, View, File Name, ACR, Bi-Rads. Save INbreast.xls as CSV.
* `AllXML/20586908.xml`: property lists; each ROI has a Name and Point_px, "(x, y)" from the upper
  left corner. Calcifications are often single points.
* Pixels of 0.07 mm. BI-RADS is of the film; there is no pathology.
"""

import plistlib
import re
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from breastseg.errors import DatasetError
from breastseg.mammography.findings import Finding, Polygon
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below
from breastseg.tables import Row, Table, read_table

NAME = "INbreast"
MM_PER_PX = 0.07
_FILM = re.compile(r"(\d{6,})_([0-9a-f]{12,})_MG_([LR])_([A-Z]+)_ANON", re.IGNORECASE)
_POINT = re.compile(r"\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*\)")
_VIEWS = {"ML": "MLO", "MLO": "MLO", "CC": "CC", "FB": "FB"}
_TABLES = ("inbreast.csv",)
KINDS = (
    ("calcif", "calcification"),
    ("cluster", "calcification"),
    ("mass", "mass"),
    ("espicul", "mass"),
    ("spicul", "mass"),
    ("distor", "architectural distortion"),
    ("asym", "asymmetry"),
    ("assim", "asymmetry"),
    ("assym", "asymmetry"),
)
"""Beginnings of the words that the release calls findings by."""
MOST_XML_BYTES = 64 * 2**20


def find(root: Path) -> Layout | None:
    """Recognise INbreast by the names of its films and its table, and read it.

    Raises:
        DatasetError: a row that contradicts its film's name, or an outline that does not fit.
    """
    if not root.is_dir():
        return None
    films = {}  # number -> path, and its parts by `_FILM`
    for path in files_below(root, (".dcm",)):
        parts = _FILM.fullmatch(path.stem)
        if parts:
            films[parts[1]] = (path, parts)
    if not films:
        return None
    rows, notes = _rows(root)
    outlines = {}
    for path in files_below(root, (".xml",)):
        # Outlines of the muscle have the same names, in another folder.
        if "muscle" not in path.relative_to(root).as_posix().lower():
            outlines[path.stem] = path
    entries = []
    for number in sorted(films):
        path, parts = films[number]
        entries.append(_entry(path, parts, rows.get(number), outlines))
    left_out = []
    for number in sorted(rows):
        if number not in films:
            left_out.append(LeftOut(number, f"{number}: in the table, no DICOM file"))
    return Layout(NAME, tuple(entries), tuple(left_out), notes)


def _rows(root: Path) -> tuple[dict[str, tuple[Row, Table]], tuple[str, ...]]:
    """Return the rows of the table by number of the film, with the table; and notes."""
    tables = [path for path in files_below(root, (".csv",)) if path.name.lower() in _TABLES]
    if not tables:
        return {}, ("no INbreast.csv: density and BI-RADS are not known; save INbreast.xls as CSV",)
    table = read_table(
        tables[0],
        DatasetError,
        needed=("Laterality", "View", "File Name", "ACR", "Bi-Rads"),
        others=True,
    )
    rows: dict[str, tuple[Row, Table]] = {}
    for row in table.rows:
        # A spreadsheet makes 20586908.0 of a number, and may leave rows without one.
        number = row["File Name"].split(".")[0]
        if not number:
            continue
        if number in rows:
            first, _ = rows[number]
            raise DatasetError(
                f"{table.where(row)}: film {number} is in row {first.number} too; "
                "remove the row that is too many"
            )
        rows[number] = (row, table)
    return rows, ()


def _entry(
    path: Path,
    parts: "re.Match[str]",
    table_row: tuple[Row, Table] | None,
    outlines: dict[str, Path],
) -> Entry:
    """Return a film's entry from the parts of its name, its row and the outlines of all films."""
    number = parts[1]
    patient = parts[2]
    side = parts[3].upper()
    view_in_name = parts[4].upper()
    view = _VIEWS.get(view_in_name, view_in_name)
    birads, density = "", ""
    if table_row is not None:
        row, table = table_row
        in_table = (row["Laterality"].upper(), row["View"].upper())
        if in_table != (side, view):
            raise DatasetError(
                f"{table.where(row)}: film {number} is {row['Laterality']} {row['View']}, its "
                f"file's name says {side} {view}; correct the one that is wrong"
            )
        birads = row["Bi-Rads"].lower()
        density = row["ACR"]
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    if number in outlines:
        findings, notes = _findings(outlines[number], number, birads)
    return Entry(
        name=number,
        path=path,
        patient=patient,
        mm_per_px=MM_PER_PX,
        mm_origin="known of INbreast",
        laterality=side,
        view=view,
        origin="INbreast file name and table",
        findings=findings,
        facts={"density": density, "birads": birads},
        table_first=True,
        notes=notes,
    )


def _findings(path: Path, number: str, birads: str) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    if path.stat().st_size > MOST_XML_BYTES:
        raise DatasetError(f"{path}: larger than 64 MB, wanted outlines of one film")
    rois: list[Any] = []
    try:
        record = plistlib.loads(path.read_bytes(), fmt=plistlib.FMT_XML)
        for image in record["Images"]:
            rois.extend(image["ROIs"])
    except (ExpatError, ValueError, KeyError, TypeError, AttributeError, LookupError) as cause:
        raise DatasetError(
            f"{path}: not outlines of OsiriX ({type(cause).__name__}), wanted a property list with "
            "Images and ROIs; copy it again"
        ) from None
    findings, empty = [], 0
    for place, roi in enumerate(rois, start=1):
        points = _points(roi, f"{path}, ROI {place}")
        if not points:
            empty += 1
            continue
        name = " ".join(str(roi.get("Name", "")).split())[:60]
        findings.append(Finding(_kind(name), "", birads, Polygon(points), name))
    notes = (f"{empty} outlines of {number} have no points",) if empty else ()
    return tuple(findings), notes


def _points(roi: Any, where: str) -> tuple[tuple[float, float], ...]:
    """Return the (x, y) of a ROI of a property list, none where it has none."""
    texts = roi.get("Point_px") if isinstance(roi, dict) else None
    points = []
    for text in texts if isinstance(texts, list) else []:
        match = _POINT.fullmatch(str(text).strip())
        if not match:
            raise DatasetError(f"{where}: point '{str(text)[:40]}', wanted '(x, y)'")
        points.append((float(match[1]), float(match[2])))
    return tuple(points)


def _kind(name: str) -> str:
    for beginning, kind in KINDS:
        if beginning in name.lower():
            return kind
    return "other"
