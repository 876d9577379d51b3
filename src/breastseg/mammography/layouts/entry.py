"""What a layout finds: films to read, what is known of each, and what it leaves out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from breastseg.mammography.findings import Finding


@dataclass(frozen=True)
class Entry:
    """A film that a layout files, not read yet.

    Attributes:
        name: what the film is called from here on; no name of a patient.
        path: its file.
        patient: whose it is, as the data set calls him, or a number given here.
        mm_per_px: millimetres a pixel that are known of the release; None asks the file.
        mm_origin: where that comes from.
        laterality: "L", "R" or "" as the data set's table says.
        view: such as "MLO", or "" as the data set's table says.
        origin: what says side and view.
        findings: on this film, in pixels of the file.
        findings_by_side: of the breast, for sets whose tables know sides and not films.
        facts: columns of films.csv that the data set knows: density, birads, split.
        size_px: (W, H) of the film that findings were drawn on; None is that of the file.
        table_first: whether the table goes before the header on side and view, because the
            headers of this release are known to be wrong.
        notes: what a person should know of the film.
    """

    name: str
    path: Path
    patient: str
    mm_per_px: float | None = None
    mm_origin: str = ""
    laterality: str = ""
    view: str = ""
    origin: str = ""
    findings: tuple[Finding, ...] = ()
    findings_by_side: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    size_px: tuple[int, int] | None = None
    table_first: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """A film or file that is not read, and why in a sentence."""

    name: str
    cause: str


@dataclass(frozen=True)
class Layout:
    """A folder that was recognised.

    Attributes:
        name: of the data set.
        entries: its films, in the order of their names.
        left_out: what is named and not there, or there and not named.
        notes: what a person should know of the set as a whole.
    """

    name: str
    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


def files_below(root: Path, suffixes: tuple[str, ...] = ()) -> list[Path]:
    """Return the files under a folder in the order of their names; hidden ones are left out.

    Args:
        root: the folder, or one file.
        suffixes: such as ".dcm", in small letters; none is all.
    """
    if root.is_file():
        return [root]
    files = []
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        # macOS puts a folder of that name into its ZIP files, with a stub for each file.
        is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if is_hidden or not path.is_file():
            continue
        if not suffixes or path.suffix.lower() in suffixes:
            files.append(path)
    return files
