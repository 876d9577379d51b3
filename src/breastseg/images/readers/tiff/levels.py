"""Where the tiles or strips of a level lie, and how they are decoded; nothing is allocated by what
tags claim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tifffile import TiffFile, TiffPage

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.images.pyramid import check_stored
from breastseg.images.readers.tiff.damage import REMEDY, WANTED
from breastseg.images.readers.tiff.pixels import Decode, Segment, converter, decoder, unfit

_STRIP_BYTES = 2**20
"""An uncompressed image in one piece is read in strips of about so many."""


@dataclass(frozen=True)
class Plane:
    """Where the tiles or strips of one plane lie, row by row, and how they are decoded."""

    offsets: Sequence[int]
    lengths: Sequence[int]
    decode: Decode


@dataclass(frozen=True)
class Level:
    """One level: interleaved colours in one plane, or three planes."""

    size_px: tuple[int, int]
    segment_px: tuple[int, int]
    planes: tuple[Plane, ...]


def is_cut(tiff: TiffFile, plans: Sequence[Level]) -> bool:
    """Return whether the file ends before its tiles or strips do."""
    end = 0
    for plan in plans:
        for plane in plan.planes:
            for start, length in zip(plane.offsets, plane.lengths, strict=True):
                if length:  # a tile without bytes was left out, wherever it is said to lie
                    end = max(end, start + length)
    return bool(end > tiff.filehandle.size)


def plan_level(
    path: Path, tiff: TiffFile, pages: Sequence[TiffPage], *, most_px: int, raw: bool = False
) -> Level:
    """Plan how a level is read; nothing is allocated for it by what its tags claim.

    Raises:
        ImageError: samples that cannot be read, tiles too large to decode, or fewer tiles than its
            size asks for.
    """
    page = pages[0]
    reason = None if raw else unfit(page)
    if reason:
        raise ImageError(f"{path}: {reason}, {WANTED}")
    width, height = page.imagewidth, page.imagelength
    planar = page.samplesperpixel if page.planarconfig == 2 else 1
    is_uncompressed = page.is_contiguous and page.predictor == 1 and page.fillorder == 1
    is_one_strip = not page.is_tiled and all(len(one.dataoffsets) == 1 for one in pages)
    if is_uncompressed and is_one_strip:
        return _rows(path, tiff, pages, raw=raw)
    if page.is_tiled:
        segment = page.tilewidth, page.tilelength
    else:
        segment = width, min(page.rowsperstrip, height)
    segment_px = segment[0] * segment[1]
    check_stored(path, segment_px, most_px)
    count = -(-width // segment[0]) * -(-height // segment[1])
    planes = []
    for one in pages:
        for number in range(planar):
            planes.append(_plane(one, number * count, count, segment_px, raw))
    if not all(plane.lengths for plane in planes):
        raise ImageError(
            f"{path}: cut short or damaged (fewer tiles than its size asks for); {REMEDY}"
        )
    return Level((width, height), segment, tuple(planes))


def _plane(page: TiffPage, first: int, count: int, place_px: int, raw: bool) -> Plane:
    """Return the plane whose `count` tiles begin with the `first` of a page; an empty one when they
    are not all there."""
    offsets = page.dataoffsets[first : first + count]
    lengths = page.databytecounts[first : first + count]
    decode = decoder(page, first, place_px, raw=raw)
    if not len(offsets) == len(lengths) == count:
        return Plane((), (), decode)
    return Plane(offsets, lengths, decode)


def _rows(path: Path, tiff: TiffFile, pages: Sequence[TiffPage], *, raw: bool) -> Level:
    """Cut an uncompressed image, whose pages lie in one piece each, into strips of about a
    megabyte."""
    page = pages[0]
    end = tiff.filehandle.size
    width, height = page.imagewidth, page.imagelength
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    planar = page.samplesperpixel // samples
    starts = []
    for one in pages:
        for plane in range(planar):  # one behind the other
            starts.append(one.dataoffsets[0] + plane * width * height)
    last = max(starts) + width * height * samples
    if last > end:
        raise ImageError(
            f"{path}: cut short or damaged (it ends at byte {end}, its pixels go on to byte"
            f" {last}); {REMEDY}"
        )
    rows = max(1, _STRIP_BYTES // (width * samples))
    tops = range(0, height, rows)
    row_bytes = width * samples
    lengths = [min(rows, height - top) * row_bytes for top in tops]
    convert = converter(page)

    def decode(data: bytes, index: int) -> Segment:
        segment = np.frombuffer(data, np.uint8).reshape(-1, width, samples)  # (rows, W, samples)
        return segment if raw else convert(segment)

    planes = []
    for first in starts:
        offsets = [first + top * row_bytes for top in tops]
        planes.append(Plane(offsets, lengths, decode))
    return Level((width, height), (width, rows), tuple(planes))


def touched(plan: Level, box: Box) -> Iterator[tuple[int, Box]]:
    """Yield the tiles or strips that a box touches: index and place."""
    width, height = plan.segment_px
    columns = -(-plan.size_px[0] // width)
    last_row = -(-(box.y + box.height) // height)
    last_column = -(-(box.x + box.width) // width)
    for row in range(box.y // height, last_row):
        for column in range(box.x // width, last_column):
            yield row * columns + column, Box(column * width, row * height, width, height)
