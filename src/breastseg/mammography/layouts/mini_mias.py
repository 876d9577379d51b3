"""mini-MIAS: 322 digitised films of 161 patients, 1024 x 1024 pixels of 0.2 mm, MLO.

Facts of the release (Suckling et al. 1994, Excerpta Medica 1069:375; its Info.txt):
* `Info.txt` has one row a finding: film, tissue (F, G, D), class, severity (B, M), x, y, radius.
  A film with two findings has two rows; a film without has one that says NORM.
* y counts from the bottom. Calcifications are circles around clusters.
* "*NOTE 3*" in place of a circle: calcifications all over the film. Some rows have no circle and
  do not say why. In both the place is not known.
* Films 2k-1 and 2k are of one patient; odd ones are right breasts by Info.txt.
* The images are mirrored: markers in them read backwards. They are kept as they are, so that
  circles fit.
* Pixels of 50 um were made 4 times larger. The licence allows research only.
"""

import re
from pathlib import Path
from typing import NamedTuple

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import Circle, Finding
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below

NAME = "mini-MIAS"
SIDE_PX = 1024
MM_PER_PX = 0.05 * 4
TISSUES = {"F": "fatty", "G": "fatty-glandular", "D": "dense-glandular"}
CLASSES = {
    "CALC": ("calcification", "calcification"),
    "CIRC": ("mass", "well-defined mass"),
    "SPIC": ("mass", "spiculated mass"),
    "MISC": ("mass", "ill-defined mass"),
    "ARCH": ("architectural distortion", "architectural distortion"),
    "ASYM": ("asymmetry", "asymmetry"),
}
"""Its code -> our kind, its own words."""
SEVERITIES = {"B": "benign", "M": "malignant"}

_ROW = re.compile(r"(mdb\d{3})\b(.*)")
_FILM = re.compile(r"mdb(\d{3})")
_HEAD = "MIAS"


class _Row(NamedTuple):
    """A row of Info.txt: its film, the words behind it, and the line that it is in."""

    film: str
    words: list[str]
    line: int


def find(root: Path) -> Layout | None:
    """Recognise mini-MIAS by an Info.txt that names its films, and read that.

    Args:
        root: the folder, or one above it.

    Raises:
        DatasetError: a row of Info.txt that does not fit, or rows that contradict.
        SourceError: an Info.txt without films beside it.
    """
    table = _table(root)
    if table is None:
        return None
    by_film: dict[str, list[_Row]] = {}
    for row in _rows(table):
        by_film.setdefault(row.film, []).append(row)
    pictures: dict[str, Path] = {}
    for path in files_below(table.parent, (".pgm", ".png")):
        pictures[path.stem.lower()] = path
    entries = []
    for film in sorted(by_film):
        if film in pictures:
            entries.append(_entry(film, by_film[film], pictures[film], table))
    left_out = []
    for film in by_film:
        if film not in pictures:
            left_out.append(LeftOut(film, f"{film}: in Info.txt, no image"))
    if not entries:
        raise SourceError(
            f"{table}: none of its {len(by_film)} films is beside it, wanted mdb001.pgm and so on"
        )
    for film in sorted(pictures):
        if _FILM.fullmatch(film) and film not in by_film:
            cause = "an image without a row in Info.txt; what is known of it is not"
            left_out.append(LeftOut(film, f"{film}: {cause}"))
    notes = ("images are mirrored in this release: markers read backwards; sides are Info.txt's",)
    return Layout(NAME, tuple(entries), tuple(left_out), notes)


def table_rows(root: Path) -> list[list[str]]:
    """Return the words of each row of the Info.txt under a folder, none where there is none."""
    table = _table(root)
    if table is None:
        return []
    return [[row.film, *row.words] for row in _rows(table)]


def _table(root: Path) -> Path | None:
    if not root.is_dir():
        return None
    for path in files_below(root, (".txt",)):
        if path.stem.lower() != "info":
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if _HEAD in text.upper() or _ROW.search(text):
            return path
    return None


def _rows(table: Path) -> list[_Row]:
    """Return the rows of Info.txt, in order."""
    rows = []
    lines: dict[str, int] = {}  # row -> the line that it is in
    text = table.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        row = " ".join(line.split())
        # The file has text above and below its table.
        if not row.lower().startswith("mdb"):
            continue
        match = _ROW.fullmatch(row)
        if not match:
            raise DatasetError(
                f"{table}, line {number}: '{row[:60]}', wanted a row such as "
                "'mdb001 G CIRC B 535 425 197'"
            )
        if row in lines:
            raise DatasetError(
                f"{table}, line {number}: '{row}' is in line {lines[row]} too; "
                "remove the row that is too many"
            )
        lines[row] = number
        rows.append(_Row(match[1], match[2].split(), number))
    return rows


def _entry(film: str, rows: list[_Row], path: Path, table: Path) -> Entry:
    """Return the entry of a film from its rows."""
    number = int(film[3:])
    _check_rows(film, rows, table)
    findings = []
    for row in rows:
        if "NORM" not in row.words:
            findings.append(_finding(film, row.words, f"{table}, line {row.line}"))
    notes = ["the image is mirrored, as released"]
    if any(finding.shape is None for finding in findings):
        notes.append("some findings have no place in Info.txt")
    tissue = rows[0].words[0] if rows[0].words else ""
    if tissue not in TISSUES:
        raise DatasetError(
            f"{table}, line {rows[0].line}: tissue '{tissue}' of {film}, wanted F, G or D"
        )
    return Entry(
        name=film,
        path=path,
        patient=f"mias{(number + 1) // 2:03d}",  # films 2k-1 and 2k are of one patient
        mm_per_px=MM_PER_PX,
        mm_origin="known of mini-MIAS: 50 um x 4",
        laterality="R" if number % 2 else "L",
        view="MLO",
        origin="mini-MIAS Info.txt, note 1 (all films are MLO)",
        findings=tuple(findings),
        facts={"tissue": TISSUES[tissue]},
        notes=tuple(notes),
    )


def _check_rows(film: str, rows: list[_Row], table: Path) -> None:
    """Refuse rows of a film that contradict one another."""
    tissues = {row.words[0] for row in rows if row.words}
    if len(tissues) > 1:
        raise DatasetError(
            f"{table}, line {rows[1].line}: {film} is {' and '.join(sorted(tissues))}, wanted one "
            "tissue a film; correct the row that is wrong"
        )
    by_circle: dict[tuple[str, ...], _Row] = {}
    for row in rows:
        if "NORM" in row.words and len(rows) > 1:
            raise DatasetError(
                f"{table}, line {row.line}: {film} is NORM and has {len(rows) - 1} more rows; "
                "remove the row that is too many"
            )
    for row in rows:
        circle = tuple(row.words[3:6])  # x, y, radius, where there are any
        if len(circle) == 3 and circle in by_circle:
            first = by_circle[circle]
            raise DatasetError(
                f"{table}, line {row.line}: {film} is {' '.join(row.words[1:3])} where line "
                f"{first.line} says {' '.join(first.words[1:3])}, one circle; remove the row that "
                "is wrong"
            )
        by_circle[circle] = row


def _finding(film: str, words: list[str], where: str) -> Finding:
    """Return what a row says: tissue, class, severity, and x, y, radius or nothing."""
    if len(words) < 3 or words[1] not in CLASSES or words[2] not in SEVERITIES:
        row = " ".join([film, *words])
        raise DatasetError(
            f"{where}: '{row}', wanted film, tissue, class ({', '.join(CLASSES)} or NORM) "
            "and severity (B or M)"
        )
    kind, class_words = CLASSES[words[1]]
    pathology = SEVERITIES[words[2]]
    rest = words[3:]
    if not rest or rest[0].startswith("*NOTE"):
        why = "spread over the film (note 3)" if rest else "Info.txt does not say where"
        return Finding(kind, pathology, shape=None, told=f"{class_words}, {why}")
    try:
        x, y, radius = map(float, rest)  # ValueError also where there are more or fewer
    except ValueError:
        raise DatasetError(
            f"{where}: {film}: '{' '.join(rest)}', wanted x, y and radius in pixels, or '*NOTE 3*'"
        ) from None
    is_inside = 0 <= x < SIDE_PX and 0 <= y < SIDE_PX
    if not (is_inside and 0 < radius < SIDE_PX):
        raise DatasetError(
            f"{where}: {film}: circle {x:g} {y:g} {radius:g}, wanted it inside 1024 x 1024 pixels"
        )
    circle = Circle(x, SIDE_PX - 1 - y, radius)  # y counts from the bottom
    return Finding(kind, pathology, shape=circle, told=class_words)
