"""mini-MIAS: 322 digitised films of 161 patients, 1024 x 1024 pixels of 0.2 mm, MLO.

Facts of the release (Suckling et al. 1994, Excerpta Medica 1069:375; its Info.txt):
* `Info.txt` has one row a finding: film, tissue (F, G, D), class, severity (B, M), x, y, radius.
  A film with two findings has two rows; a film without has one that says NORM.
* y counts from the bottom. Calcifications are circles around clusters.
* "*NOTE 3*" in place of a circle: calcifications all over the film. Some rows have no circle and
  do not say why. In both the place is not known.
* Films 2k-1 and 2k are of one patient; odd ones are right breasts by Info.txt.
* The pictures are mirrored: markers in them read backwards. They are kept as they are, so that
  circles fit.
* Pixels of 50 um were made 4 times larger. The licence allows research only.
"""

import re
from pathlib import Path

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
    rows = _rows(table)
    pictures = {path.stem.lower(): path for path in files_below(table.parent, (".pgm", ".png"))}
    named = list(dict.fromkeys(film for film, _, _ in rows))
    present = [film for film in named if film in pictures]
    if not present:
        raise SourceError(
            f"{table}: none of its {len(named)} films is beside it, wanted mdb001.pgm and so on"
        )
    entries = tuple(_entry(film, rows, pictures[film], table) for film in sorted(present))
    missing = [LeftOut(film, f"{film}: in Info.txt, no picture") for film in named]
    missing = [one for one in missing if one.name not in pictures]
    extra = [
        LeftOut(film, f"{film}: a picture without a row in Info.txt; what is known of it is not")
        for film in sorted(pictures)
        if _FILM.fullmatch(film) and film not in named
    ]
    notes = ("pictures are mirrored in this release: markers read backwards; sides are Info.txt's",)
    return Layout(NAME, entries, (*missing, *extra), notes)


def table_rows(root: Path) -> list[list[str]]:
    """Return the words of each row of the Info.txt under a folder, none where there is none."""
    table = _table(root)
    return [] if table is None else [[film, *words] for film, words, _ in _rows(table)]


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


def _rows(table: Path) -> list[tuple[str, list[str], int]]:
    """Return (film, its words, line) of each row, in order."""
    rows = []
    seen: dict[str, int] = {}
    text = table.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        said = " ".join(line.split())
        if not said.lower().startswith("mdb"):
            continue
        found = _ROW.fullmatch(said)
        if not found:
            raise DatasetError(
                f"{table}, line {number}: '{said[:60]}', wanted a row such as "
                "'mdb001 G CIRC B 535 425 197'"
            )
        if said in seen:
            raise DatasetError(
                f"{table}, line {number}: '{said}' is in line {seen[said]} too; "
                "remove the row that is too many"
            )
        seen[said] = number
        rows.append((found[1], found[2].split(), number))
    return rows


def _entry(film: str, rows: list[tuple[str, list[str], int]], path: Path, table: Path) -> Entry:
    own = [(words, line) for name, words, line in rows if name == film]
    number = int(film[3:])
    tissues = {words[0] for words, _ in own if words}
    if len(tissues) > 1:
        raise DatasetError(
            f"{table}, line {own[1][1]}: {film} is {' and '.join(sorted(tissues))}, wanted one "
            "tissue a film; correct the row that is wrong"
        )
    normal = [line for words, line in own if "NORM" in words]
    if normal and len(own) > 1:
        raise DatasetError(
            f"{table}, line {normal[0]}: {film} is NORM and has {len(own) - 1} more rows; "
            "remove the row that is too many"
        )
    places_seen: dict[tuple[str, ...], tuple[list[str], int]] = {}
    for words, line in own:
        place = tuple(words[3:6])  # x, y, radius, where there are any
        if len(place) == 3 and place in places_seen:
            before, first = places_seen[place]
            raise DatasetError(
                f"{table}, line {line}: {film} is {' '.join(words[1:3])} where line {first} says "
                f"{' '.join(before[1:3])}, one circle; remove the row that is wrong"
            )
        places_seen[place] = (words, line)
    findings = tuple(
        _finding(film, words, f"{table}, line {line}") for words, line in own if not normal
    )
    places = sum(finding.shape is not None for finding in findings)
    notes = ("some findings have no place in Info.txt",) if places < len(findings) else ()
    tissue = own[0][0][0] if own[0][0] else ""
    if tissue not in TISSUES:
        raise DatasetError(
            f"{table}, line {own[0][1]}: tissue '{tissue}' of {film}, wanted F, G or D"
        )
    return Entry(
        name=film,
        path=path,
        patient=f"mias{(number + 1) // 2:03d}",
        mm_per_px=MM_PER_PX,
        mm_origin="known of mini-MIAS: 50 um x 4",
        laterality="R" if number % 2 else "L",
        view="MLO",
        origin="mini-MIAS Info.txt, note 1 (all films are MLO)",
        findings=findings,
        facts={"tissue": TISSUES[tissue]},
        notes=("the picture is mirrored, as released", *notes),
    )


def _finding(film: str, words: list[str], where: str) -> Finding:
    """Return what a row says: tissue, class, severity, and x, y, radius or nothing."""
    if len(words) < 3 or words[1] not in CLASSES or words[2] not in SEVERITIES:
        said = " ".join([film, *words])
        raise DatasetError(
            f"{where}: '{said}', wanted film, tissue, class ({', '.join(CLASSES)} or NORM) "
            "and severity (B or M)"
        )
    kind, told = CLASSES[words[1]]
    pathology = SEVERITIES[words[2]]
    rest = words[3:]
    if not rest or rest[0].startswith("*NOTE"):
        why = "spread over the film (note 3)" if rest else "Info.txt does not say where"
        return Finding(kind, pathology, shape=None, told=f"{told}, {why}")
    try:
        x, y, radius = (float(word) for word in rest)
    except ValueError:
        raise DatasetError(
            f"{where}: {film}: '{' '.join(rest)}', wanted x, y and radius in pixels, or '*NOTE 3*'"
        ) from None
    if not (0 <= x < SIDE_PX and 0 <= y < SIDE_PX and 0 < radius < SIDE_PX):
        raise DatasetError(
            f"{where}: {film}: circle {x:g} {y:g} {radius:g}, wanted it inside 1024 x 1024 pixels"
        )
    return Finding(kind, pathology, shape=Circle(x, SIDE_PX - 1 - y, radius), told=told)
