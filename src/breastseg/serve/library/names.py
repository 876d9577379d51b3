"""Names that can be shown and that tell nothing of this machine."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

_MARK = "\N{REPLACEMENT CHARACTER}"
"""In place of letters that cannot be seen."""
_JOINERS = "\u200c\u200d"
"""Cannot be seen, but are part of how some scripts are written."""
_ABSOLUTE = re.compile(r"(?<![\w/.:])/(?:[^/\s:'\"]+/)+([^/\s:'\"]*)")


def opaque(place: Path, changed: int | None = None) -> str:
    """Return a name for a file or folder that tells nothing of it; with the time of its last
    change, a new one after each."""
    said = os.fsencode(place.as_posix()) + (b"" if changed is None else f" {changed}".encode())
    return hashlib.sha256(said).hexdigest()[:16]


def shown_name(name: str) -> str:
    """Return a name as text that can be shown: what is not UTF-8, cannot be seen or turns the
    letters around it has a mark in its place."""
    return "".join(_MARK if _is_unseen(letter) else letter for letter in name)


def _is_unseen(letter: str) -> bool:
    kind = unicodedata.category(letter)
    return (kind[0] == "C" and letter not in _JOINERS) or kind in {"Zl", "Zp"}


def without_places(text: str, places: Iterable[Path]) -> str:
    """Return a message without paths of this machine: what lies in one of the places has its name
    there, all else its file name."""
    for place in places:
        text = text.replace(f"{place}{os.sep}", "").replace(str(place), place.name)
    return shown_name(_ABSOLUTE.sub(r"\1", text))
