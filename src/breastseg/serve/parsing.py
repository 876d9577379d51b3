"""What JSON takes in memory once it is read, which may be fifty times what it takes on disk:
estimated from its text, before it is read."""

import gzip
import zlib
from pathlib import Path

from breastseg.serve.refusals import TooMuch
from breastseg.sources.folder import LABEL_FILES

LABEL_MAP_BYTES = 2**18
"""Of a label map on disk; one of a hundred classes has 20 kB."""
_MOST_TEXT = 16 * 2**20
"""Of areas, as `annotations` takes them; what is longer it does not read."""
_PIECE = 2**20
_WEIGHTS = {b"{": 232, b"[": 96, b",": 44, b":": 64, b'"': 32}
"""Bytes that Python 3.11 to 3.13 takes at most for what each begins or ends: an object, a list, an
item, a member, half a string."""
_LEAST = 4096
_WIDE = 8
"""Times the text that it takes more where one letter is beyond ASCII: that makes all of a string
four bytes wide."""
_WRITTEN = 4
"""Times the text that writing it again takes."""


def json_bytes(text: bytes) -> int:
    """Return how many bytes of memory reading JSON takes, at most."""
    return _structure_bytes(text) + _WIDE * _is_wide(text) * len(text)


def check_label_maps(folder: Path) -> None:
    """Refuse a folder in which something large has the name of a label map; TooMuch."""
    for name in LABEL_FILES:
        path = folder / name
        if path.is_file() and path.stat().st_size > LABEL_MAP_BYTES:
            raise TooMuch(
                f"{name}: more than {LABEL_MAP_BYTES / 1e6:.1f} MB, a label map has less; move it"
                " away",
            )


def areas_bytes(path: Path) -> int:
    """Return how many bytes of memory reading a file of areas takes, and writing them again; 0 for
    what nobody reads."""
    if path.is_symlink() or not path.is_file():
        return 0
    taken = read = 0
    wide = False
    try:
        # Piece by piece: a small file may unpack to gigabytes.
        with gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb") as file:
            while read <= _MOST_TEXT and (piece := file.read(_PIECE)):
                read += len(piece)
                taken += _structure_bytes(piece) + _WRITTEN * len(piece)
                wide = wide or _is_wide(piece)
    except (OSError, EOFError, zlib.error):  # who reads it says so
        return 0
    return taken + _WIDE * wide * read if read <= _MOST_TEXT else 0


def body_bytes(text: bytes) -> int:
    """Return how many bytes of memory reading areas takes, and writing them again."""
    return json_bytes(text) + _WRITTEN * len(text)


def checked(taken: int, most: int, what: str) -> int:
    """Return what areas take; TooMuch when it is more than `most`."""
    if taken > most:
        raise TooMuch(
            f"{what}: reading these areas takes {taken / 1e6:.0f} MB of memory, up to"
            f" {most / 1e6:.0f} are there for it; open them in QuPath"
        )
    return taken


def _structure_bytes(text: bytes) -> int:
    taken = _LEAST + 2 * len(text)
    for mark, weight in _WEIGHTS.items():
        # Marks inside of strings count too: too much is said rather than too little.
        taken += weight * text.count(mark)
    return taken


def _is_wide(text: bytes) -> bool:
    # An escape may stand for any letter, also in text that is ASCII.
    return b"\\u" in text or not text.isascii()
