"""Images of a film as its files hold them: the page decodes them itself, to the last of 16 bits.

Nothing is decoded here but for thumbnails. What a file claims is looked at before it is sent: a
browser makes room for what the first bytes say.
"""

import struct
from contextlib import closing
from pathlib import Path

from breastseg.errors import BreastsegError
from breastseg.mammography.record import CUT, IMAGE, MASKS, mask_name
from breastseg.serve.films.films import Film
from breastseg.serve.library.results import is_own_file
from breastseg.serve.refusals import Absent, TooMuch, Unreadable
from breastseg.serve.room import Room
from breastseg.serve.tiles.decoded import LARGE_PX, Decoder
from breastseg.serve.tiles.decoding import Task
from breastseg.serve.tiles.film_thumbnail import film_thumbnail

MOST_PX = 64_000_000
"""Of a film that a page shows: 128 MB of grey values; a film of 24 x 30 cm has 29 million at 0.05
mm."""
# Signature, length and name of the first chunk, then its fields: width, height, bits, colour type
# (0 is grey), compression, filter, interlace (0 is none).
_HEAD = struct.Struct(">8s4x4sIIBBBBB")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BITS = {IMAGE: 16, CUT: 16, MASKS: 8}
_SMALL_BYTES = 10
"""A pixel takes at most while a thumbnail is made of it: twice two, and a little."""


def checked_picture(film: Film, name: str) -> Path:
    """Return where an image of a film lies, when it is what it should be.

    Args:
        film: whose.
        name: IMAGE, CUT, MASKS, or the mask of a finding.

    Raises:
        Refused: there is none; it is too large, or not a grey PNG of the film's size.
    """
    path = film.folder / name
    if not is_own_file(path):
        raise Absent(f"{film.name}: has no {name}")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
        size = path.stat().st_size
    except OSError as cause:
        raise Unreadable(f"{film.name}: {name}: cannot be read ({cause.strerror})") from None
    bits = _BITS.get(name, 8)
    width, height = film.head.size_px
    wanted = (_SIGNATURE, b"IHDR", width, height, bits, 0, 0, 0, 0)
    if width * height > MOST_PX:
        raise TooMuch(
            f"{film.name}: {width} x {height} px, a page shows up to {MOST_PX:,}; prepare it with "
            "larger pixels, as in --mm 0.2"
        )
    if len(head) < _HEAD.size or _HEAD.unpack(head) != wanted:
        raise Unreadable(
            f"{film.name}: {name}: not a grey PNG of {bits} bits and {width} x {height} px; "
            "remove the film's folder and prepare it again"
        )
    # Deflate adds next to nothing to what it cannot pack; other chunks have a MB.
    if size > width * height * bits // 8 * 1.01 + 2**20:
        raise Unreadable(f"{film.name}: {name}: longer than its pixels are; prepare it again")
    return path


def finding_mask(number: int) -> str:
    """Return the file of a finding's mask; the first finding has number 1."""
    return mask_name(number - 1)


def thumbnail(film: Film, passing: Room, decoder: Decoder) -> bytes:
    """Return a film at no more than 320 px, as JPEG.

    Raises:
        Refused: its image cannot be read; others take the room for long.
    """
    path = checked_picture(film, IMAGE)
    width, height = film.head.size_px
    # In a process of its own, as slides are: its memory goes with it.
    if width * height > LARGE_PX:
        with closing(decoder.decoded(Task("film", str(path)))) as made:
            return made.content()
    with passing.taken(_SMALL_BYTES * width * height):
        try:
            return film_thumbnail(path)
        except BreastsegError:
            raise Unreadable(f"{film.name}: {IMAGE}: cannot be decoded") from None
