"""DDSM: digitised films of 2,620 cases, a text a case, outlines as chain codes.

Facts of the release (Heath et al. 2001, University of South Florida; as its readers by others and
its own C programs read it):
* A case is a folder: `A-0001-1.ics`, and for each view `A_0001_1.LEFT_CC.LJPEG`, with
  `A_0001_1.LEFT_CC.OVERLAY` where something was found.
* `.ics`: DENSITY 1 to 4, and a line a film, `LEFT_CC LINES 4616 PIXELS_PER_LINE 3016 BITS_PER_PIXEL
  12 RESOLUTION 50 OVERLAY` (or NON_OVERLAY); resolution in um.
* `.OVERLAY`: TOTAL_ABNORMALITIES; for each ABNORMALITY one or more LESION_TYPE, ASSESSMENT,
  SUBTLETY, PATHOLOGY, TOTAL_OUTLINES, then BOUNDARY (the finding) and CORE (bright parts of it).
* An outline is one line: column and row where it starts, then a step a number, 0 is up and they go
  round clockwise, then `#`. Counted from the upper left, in pixels of the film of the `.ics`.
* LJPEG is lossless JPEG of an old kind without a size in its header, and with its bytes swapped:
  images that were made from it (`A_0001_1.LEFT_CC.png`) are read, LJPEG is not.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import Finding, Polygon
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below
from breastseg.mammography.picture import SUFFIXES

NAME = "DDSM"
STEPS = ((0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1))
"""(columns, rows) of each number of a chain code."""
MOST_BYTES = 4 * 2**20
_VIEW = re.compile(
    r"(LEFT|RIGHT)_(CC|MLO) +LINES +(\d+) +PIXELS_PER_LINE +(\d+) +BITS_PER_PIXEL +\d+ +"
    r"RESOLUTION +([\d.]+) +(OVERLAY|NON_OVERLAY)"
)
_KINDS = {"MASS": "mass", "CALCIFICATION": "calcification"}
_PATHOLOGIES = {
    "MALIGNANT": "malignant",
    "BENIGN": "benign",
    "BENIGN_WITHOUT_CALLBACK": "benign",
    "UNPROVEN": "",
}
_CONVERT = (
    "LJPEG of DDSM is read by no package here; convert it to PNG or TIFF of 16 bits beside it, as "
    "with the jpeg program of Stanford's PVRG (DDSMUtility runs it)"
)


@dataclass(frozen=True)
class _Film:
    """A line of an .ics."""

    side: str
    view: str
    size_px: tuple[int, int]
    mm_per_px: float
    has_overlay: bool


def find(root: Path) -> Layout | None:
    """Recognise DDSM by its .ics files, and read the cases below.

    Raises:
        DatasetError: an .ics or .OVERLAY that does not fit, or the two contradict.
        SourceError: cases without any image that can be read.
    """
    if not root.is_dir():
        return None
    cases = []
    for path in files_below(root, (".ics",)):
        if "ics_version" in _text(path)[:200]:  # calendars are called .ics, too
            cases.append(path)
    if not cases:
        return None
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    for path in cases:
        case = path.stem.replace("-", "_")
        text = _text(path)
        density = re.search(r"^DENSITY +(\d)", text, re.MULTILINE)
        for film in _films(text):
            name = f"{case}.{film.side}_{film.view}"
            picture = _picture(path.parent, name)
            if picture is None:
                has_ljpeg = any(path.parent.glob(f"{name}.LJPEG*"))
                cause = _CONVERT if has_ljpeg else "in the .ics, no image"
                left_out.append(LeftOut(name, f"{name}: {cause}"))
                continue
            of_case = density[1] if density else ""  # one for all films of a case
            entries.append(_entry(name, case, film, picture, of_case))
    if not entries:
        raise SourceError(f"{root}: no film of DDSM that can be read; {left_out[0].cause}")
    return Layout(NAME, tuple(entries), tuple(left_out))


def _text(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise DatasetError(f"{path}: larger than 4 MB, wanted a text of DDSM")
    return path.read_text(encoding="utf-8", errors="replace")


def _films(text: str) -> list[_Film]:
    films = []
    for side, view, lines, columns, um, overlay in _VIEW.findall(text):
        size = (int(columns), int(lines))
        mm_per_px = float(um) / 1000
        films.append(_Film(side, view, size, mm_per_px, overlay == "OVERLAY"))
    return films


def _picture(folder: Path, name: str) -> Path | None:
    for path in sorted(folder.glob(f"{name}.*")):
        if path.suffix.lower() in SUFFIXES:
            return path
    return None


def _entry(name: str, case: str, film: _Film, picture: Path, density: str) -> Entry:
    overlay = picture.parent / f"{name}.OVERLAY"
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    if overlay.is_file() and not film.has_overlay:
        raise DatasetError(f"{overlay}: the .ics says NON_OVERLAY; correct the one that is wrong")
    if overlay.is_file():
        findings = read_overlay(overlay)
    elif film.has_overlay:
        notes = ("the .ics says OVERLAY, the file is not there: findings are not known",)
    return Entry(
        name=name,
        path=picture,
        patient=case,
        mm_per_px=film.mm_per_px,
        mm_origin="RESOLUTION of the .ics",
        laterality=film.side[0],
        view=film.view,
        origin="DDSM .ics",
        findings=findings,
        facts={"density": density},
        size_px=film.size_px,
        notes=notes,
    )


def read_overlay(path: Path) -> tuple[Finding, ...]:
    """Return the findings of an .OVERLAY; each has its boundary, and its cores are left out.

    Raises:
        DatasetError: another number of abnormalities or outlines than it says, or no chain code.
    """
    head, *parts = re.split(r"^ABNORMALITY +\d+", _text(path), flags=re.MULTILINE)
    total = re.search(r"TOTAL_ABNORMALITIES +(\d+)", head)
    # A file that is cut short has fewer than it says.
    if total is None or int(total[1]) != len(parts):
        wanted = total[1] if total else "no TOTAL_ABNORMALITIES"
        raise DatasetError(f"{path}: {len(parts)} abnormalities, its head says {wanted}")
    findings: list[Finding] = []
    for number, part in enumerate(parts, start=1):
        findings += _findings(part, f"{path}, abnormality {number}")
    return tuple(findings)


def _findings(part: str, where: str) -> list[Finding]:
    pathology = re.search(r"^PATHOLOGY +(\S+)", part, re.MULTILINE)
    if pathology is None or pathology[1] not in _PATHOLOGIES:
        came = pathology[1] if pathology else "none"
        raise DatasetError(f"{where}: pathology '{came}', wanted {', '.join(_PATHOLOGIES)}")
    outlines = re.findall(r"^\s*(BOUNDARY|CORE)\s+([\d #]+)", part, re.MULTILINE)
    total = re.search(r"^TOTAL_OUTLINES +(\d+)", part, re.MULTILINE)
    if total is None or int(total[1]) != len(outlines) or not outlines:
        wanted = total[1] if total else "none"
        raise DatasetError(f"{where}: {len(outlines)} outlines, TOTAL_OUTLINES says {wanted}")
    shape = Polygon(chain(outlines[0][1], where))  # the first is the boundary
    assessment = re.search(r"^ASSESSMENT +(\d)", part, re.MULTILINE)
    birads = assessment[1] if assessment else ""
    findings = []
    # A mass with calcifications has two lines, and one outline.
    for line in re.findall(r"^LESION_TYPE +(.+)$", part, re.MULTILINE):
        kind = _KINDS.get(line.split()[0], "other")
        words = " ".join(line.lower().replace("_", " ").split())
        findings.append(Finding(kind, _PATHOLOGIES[pathology[1]], birads, shape, words))
    return findings


def chain(text: str, where: str) -> tuple[tuple[float, float], ...]:
    """Return the points of a chain code.

    Args:
        text: column, row, steps of 0 to 7, and a #.
        where: for the error.

    Raises:
        DatasetError: too short, or a step that is none.
    """
    words = text.replace("#", " ").split()
    steps = words[2:]
    are_steps = all(word in "01234567" for word in steps)
    if len(words) < 3 or not are_steps:
        raise DatasetError(
            f"{where}: chain code '{text.strip()[:40]}', wanted column, row and steps of 0 to 7"
        )
    x = float(words[0])
    y = float(words[1])
    points = [(x, y)]
    for word in steps:
        right, down = STEPS[int(word)]
        x = x + right
        y = y + down
        points.append((x, y))
    return tuple(points)
