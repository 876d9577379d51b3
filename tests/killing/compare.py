"""What a run made, by name: permissions and SHA-256 of every file, and that a folder is there."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Apart:
    """What two undisturbed runs of the same command do not have in common.

    Attributes:
        files: regular expression for names of files.
        what: it, in words.
        rest: the file without it.
    """

    files: str
    what: str
    rest: Callable[[Path], bytes]


def names(folder: Path, dated: str = "") -> set[str]:
    """Return the names of everything in a folder; see `everything`."""
    return {_name(path, folder, dated) for path in folder.rglob("*")}


def everything(folder: Path, apart: Sequence[Apart] = (), dated: str = "") -> dict[str, str]:
    """Return what each name in a folder stands for.

    Args:
        folder: all in it is looked at; may be missing.
        apart: what of which file is left out.
        dated: regular expression for what is left out of names.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = _name(path, folder, dated)
        known = next((one for one in apart if re.fullmatch(one.files, name)), None)
        if path.is_symlink():
            says = f"link to {path.readlink()}"
        elif path.is_dir():
            says = "folder"
        else:
            data = known.rest(path) if known else path.read_bytes()
            says = f"{path.stat().st_mode & 0o777:o} {hashlib.sha256(data).hexdigest()}"
        found[name] = says
    return found


def differences(wanted: dict[str, str], found: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return which names are missing or other than wanted, and which are there and were not
    wanted."""
    differing = [
        f"{name} is {'missing' if name not in found else 'other'}"
        for name, says in wanted.items()
        if found.get(name) != says
    ]
    return differing, sorted(found.keys() - wanted.keys())


def _name(path: Path, folder: Path, dated: str) -> str:
    name = path.relative_to(folder).as_posix()
    return re.sub(dated, "DATE", name) if dated else name
