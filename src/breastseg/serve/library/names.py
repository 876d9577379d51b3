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
# A slash that begins a word, folders, and the last name, which is kept: not an address (http://),
# nor a fraction (mm/px).
_ABSOLUTE = re.compile(r"(?<![\w/.:])/(?:[^/\s:'\"]+/)+([^/\s:'\"]*)")


def opaque(place: Path, changed: int | None = None) -> str:
    """Return a name for a file or folder that tells nothing of it; with the time of its last
    change, a new one after each."""
    text = os.fsencode(place.as_posix())  # a name may be no UTF-8
    if changed is not None:
        text += f" {changed}".encode()
    return hashlib.sha256(text).hexdigest()[:16]


def shown_name(name: str) -> str:
    """Return a name as text that can be shown: what is not UTF-8, cannot be seen or turns the
    letters around it has a mark in its place."""
    return "".join(_MARK if _is_unseen(letter) else letter for letter in name)


def _is_unseen(letter: str) -> bool:
    # C: control letters, formats (such as those that turn the direction), surrogates and what is
    # not assigned; Zl and Zp: ends of lines and paragraphs.
    kind = unicodedata.category(letter)
    return (kind[0] == "C" and letter not in _JOINERS) or kind in {"Zl", "Zp"}


def without_places(text: str, places: Iterable[Path]) -> str:
    """Return a message without paths of this machine: what lies in one of the places has its name
    there, all else its file name."""
    for place in places:
        text = text.replace(f"{place}{os.sep}", "").replace(str(place), place.name)
    return shown_name(_ABSOLUTE.sub(r"\1", text))
