"""Pyramids in TIFF through tifffile: Aperio's SVS, OME-TIFF, generic tiled pyramids, BigTIFF, and large pictures in strips.

Tiles and strips are read under a lock and decoded outside it; a level is never decoded whole, unless it is one compressed strip.
"""

import logging
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
from tifffile import PHOTOMETRIC, TiffFile, TiffFrame, TiffPage, TiffPageSeries

from breastseg.errors import BreastsegError, ImageError
from breastseg.geometry import Box
from breastseg.slides.claims import claimed_px
from breastseg.slides.pyramid import Pyramid, check_stored
from breastseg.slides.resolution import Clue, find_mpp, objective_clue, tiff_clues, with_unit, written_mpp
from breastseg.slides.slide import Pixels

LARGE_PX = 25_000_000
"""A TIFF without levels up to this size is a flat picture."""

_CACHE_BYTES = 64 * 2**20
"""Decoded tiles and strips that are kept: neighbouring boxes share those at their border, and strips are as wide as the slide."""
_STRIP_BYTES = 2**20
_CLAIMED = 4
"""Times the pixels of its place that a tile may say it has."""
_AXES = {"YX": 1, "YXS": 1, "SYX": 3, "CYX": 3}
"""Axes that can be read, and in how many planes."""
_DAMAGE = (ArithmeticError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError, struct.error)
"""What tifffile and its decoders raise at damaged files."""

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it logs is told as an error here

Segment: TypeAlias = npt.NDArray[np.uint8]
"""A decoded tile or strip: (H, W, samples) uint8."""


@dataclass(frozen=True)
class _Plane:
    """Where the tiles or strips of one plane lie, row by row, and how they are decoded."""

    offsets: Sequence[int]
    lengths: Sequence[int]
    decode: Callable[[bytes, int], Segment]


@dataclass(frozen=True)
class _Level:
    """One level: interleaved colours in one plane, or three planes."""

    size_px: tuple[int, int]
    segment_px: tuple[int, int]
    planes: tuple[_Plane, ...]


class TiffSlide(Pyramid):
    """A TIFF file with levels, or too large to hold. Tiles that were left out are white."""

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        """Read the directories and find the microns per pixel.

        Args:
            path: a TIFF file.
            mpp: microns per pixel when the file does not say, or says it wrong.

        Raises:
            ImageError: broken, or not RGB or grey in 8 bits.
            MppError: no mpp was given and the file has none that is plausible.
        """
        self._tiff = _opened(path)
        with ExitStack() as undo:
            undo.callback(self._tiff.close)
            try:
                series = max(self._tiff.series, key=_area)
                self._plans = [_level(path, level) for level in series.levels]
                clues = _clues(self._tiff, series)
            except BreastsegError:
                raise
            except _DAMAGE as cause:
                raise _damaged(path, cause) from None
            super().__init__(path, [plan.size_px for plan in self._plans], find_mpp(path, mpp, clues))
            undo.pop_all()
        self.piece_px = max(plan.segment_px[0] * plan.segment_px[1] for plan in self._plans)
        self._file_lock, self._cache_lock = threading.Lock(), threading.Lock()
        self._cache: OrderedDict[tuple[int, int, int], Segment] = OrderedDict()
        self._cached_bytes = 0

    def _stored(self, level: int, box: Box) -> Pixels:
        plan = self._plans[level]
        pixels = np.full((box.height, box.width, 3), 255, np.uint8)
        for index, place in _touched(plan, box):
            top, left = max(box.y, place.y), max(box.x, place.x)
            bottom, right = min(box.y + box.height, place.y + place.height), min(box.x + box.width, place.x + place.width)
            for number, plane in enumerate(plan.planes):
                if not plane.lengths[index]:
                    continue
                try:
                    segment = self._segment((level, number, index), plane)
                    part = segment[top - place.y : bottom - place.y, left - place.x : right - place.x]
                    target = pixels[top - box.y : bottom - box.y, left - box.x : right - box.x]
                    target[..., number : number + 1 if len(plan.planes) > 1 else None] = part
                except _DAMAGE as cause:
                    raise self._broken(level, place, cause) from None
        return pixels

    def _segment(self, key: tuple[int, int, int], plane: _Plane) -> Segment:
        """Return a decoded tile or strip. Two threads may decode the same one; neither waits for the other."""
        with self._cache_lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        offset, length = plane.offsets[key[2]], plane.lengths[key[2]]
        with self._file_lock:
            self._tiff.filehandle.seek(offset)
            data = self._tiff.filehandle.read(length)
        if len(data) < length:
            raise ValueError("the file ends before it")
        segment = plane.decode(data, key[2])
        with self._cache_lock:
            if key not in self._cache:
                self._cache[key] = segment
                self._cached_bytes += segment.nbytes
            while self._cached_bytes > _CACHE_BYTES:
                self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return segment

    def close(self) -> None:
        """Let go of the file and of what was decoded."""
        self._tiff.close()
        with self._cache_lock:
            self._cache.clear()
            self._cached_bytes = 0


def is_large(path: Path) -> bool:
    """Return whether a TIFF has levels, says that it is OME, or is too large to hold and stored in pieces."""
    with _opened(path) as tiff:
        try:
            page = tiff.pages.first
            if tiff.is_ome or page.subifds or len(max(tiff.series, key=_area).levels) > 1:
                return True
            pieces = page.is_tiled or page.is_contiguous or len(page.dataoffsets) > 1
            return bool(page.imagewidth * page.imagelength > LARGE_PX and pieces and _unfit(page) is None)
        except _DAMAGE as cause:
            raise _damaged(path, cause) from None


def is_plain(path: Path) -> bool:
    """Return whether every tile of a scanner's TIFF is there and decoded here: the same pixels as OpenSlide's, in a fifth of the time."""
    with _opened(path) as tiff:
        try:
            pages = [level.keyframe for level in tiff.series[0].levels]
            return all(_unfit(page) is None and page.is_tiled and page.databytecounts and all(page.databytecounts) for page in pages)
        except _DAMAGE as cause:
            raise _damaged(path, cause) from None


def _opened(path: Path) -> TiffFile:
    """Open one file and no other: OME and Micro-Manager can name more, by any path."""
    try:
        return TiffFile(path, _multifile=False, is_mmstack=False, is_ndtiff=False)
    except _DAMAGE as cause:
        raise _damaged(path, cause) from None


def _damaged(path: Path, cause: Exception) -> ImageError:
    return ImageError(f"{path}: cut short or damaged ({cause}); copy or export it again")


def _area(series: TiffPageSeries) -> int:
    return int(series.keyframe.imagewidth * series.keyframe.imagelength)


def _unfit(page: TiffPage) -> str | None:
    """Say in words why a page cannot be read as colours of 8 bits; None when it can."""
    if page.dtype != np.uint8 or page.bitspersample != 8:
        return f"{page.dtype} pixels" if page.bitspersample != 1 else "1-bit pixels"
    if page.photometric not in {PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR, PHOTOMETRIC.MINISBLACK}:
        return f"{PHOTOMETRIC(page.photometric).name.lower()} colours"
    if page.samplesperpixel not in {1, 3}:
        return f"{page.samplesperpixel} channels"
    return None


def _level(path: Path, series: TiffPageSeries) -> _Level:
    page, axes = series.keyframe, series.axes
    reason = _unfit(page)
    if reason is None and (axes not in _AXES or (axes == "CYX" and len(series.pages) != 3)):
        reason = f"axes {axes} of {' x '.join(map(str, series.shape))}"
    if reason:
        raise ImageError(f"{path}: {reason}, wanted one picture in RGB or grey with 8 bits a channel; convert it")
    width, height = page.imagewidth, page.imagelength
    pages = [one for one in series.pages if one is not None] if axes == "CYX" else [page]
    if page.is_contiguous and not page.is_tiled and all(len(one.dataoffsets) == 1 for one in pages):
        level = _rows(page, [one.dataoffsets[0] for one in pages], width, height)
    else:
        segment = (page.tilewidth, page.tilelength) if page.is_tiled else (width, min(page.rowsperstrip, height))
        check_stored(path, segment[0] * segment[1])
        count = -(-width // segment[0]) * -(-height // segment[1])
        firsts = [(one, 0) for one in pages] if axes == "CYX" else [(page, number * count) for number in range(_AXES[axes])]
        level = _Level((width, height), segment, tuple(_plane(page, one, first, count) for one, first in firsts))
    if len(level.planes) != _AXES[axes] or not all(plane.lengths for plane in level.planes):
        raise ImageError(f"{path}: cut short or damaged (fewer tiles than its size asks for); copy or export it again")
    return level


def _plane(keyframe: TiffPage, page: TiffPage | TiffFrame, first: int, count: int) -> _Plane:
    """Return the plane whose `count` tiles begin with the `first` of a page; an empty one when they are not all there."""
    offsets, lengths = page.dataoffsets[first : first + count], page.databytecounts[first : first + count]
    whole = len(offsets) == len(lengths) == count
    return _Plane(offsets if whole else (), lengths if whole else (), _decoder(keyframe, first))


def _rows(page: TiffPage, starts: Sequence[int], width: int, height: int) -> _Level:
    """Cut an uncompressed picture, whose pages lie in one piece each, into strips of about a megabyte."""
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    rows = max(1, _STRIP_BYTES // (width * samples))
    tops = range(0, height, rows)
    lengths = [min(rows, height - top) * width * samples for top in tops]

    def decode(data: bytes, index: int) -> Segment:
        return np.frombuffer(data, np.uint8).reshape(-1, width, samples)

    firsts = [start + plane * width * height for start in starts for plane in range(page.samplesperpixel // samples)]
    planes = tuple(_Plane([first + top * width * samples for top in tops], lengths, decode) for first in firsts)
    return _Level((width, height), (width, rows), planes)


def _decoder(page: TiffPage, first: int) -> Callable[[bytes, int], Segment]:
    decode, tables = page.decode, page.jpegtables
    options: dict[str, Any] = {} if tables is None else {"jpegtables": tables}
    width, height = (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.imagelength)

    def decoded(data: bytes, index: int) -> Segment:
        if (claimed := claimed_px(data)) > _CLAIMED * width * height:
            raise ValueError(f"{claimed / 1e6:.0f} Mpx in one tile")
        segment = decode(data, first + index, **options)[0]
        if segment is None:
            raise ValueError("nothing in it")
        return np.asarray(segment[0], np.uint8)

    return decoded


def _touched(plan: _Level, box: Box) -> Iterator[tuple[int, Box]]:
    """Yield the tiles or strips that a box touches: index and place."""
    width, height = plan.segment_px
    columns = -(-plan.size_px[0] // width)
    for row in range(box.y // height, -(-(box.y + box.height) // height)):
        for column in range(box.x // width, -(-(box.x + box.width) // width)):
            yield row * columns + column, Box(column * width, row * height, width, height)


def _clues(tiff: TiffFile, series: TiffPageSeries) -> list[Clue]:
    page = series.keyframe
    x, y = (_number(page.tags.valueof(name)) for name in ("XResolution", "YResolution"))
    tags = tiff_clues(x, y, page.tags.valueof("ResolutionUnit"), page.description)
    if tiff.is_ome:
        return [_ome_clue(tiff.ome_metadata or "", page.imagewidth, page.imagelength), *tags]
    if tiff.is_svs:
        said = {key.strip(): value.strip() for key, _, value in (part.partition("=") for part in page.description.split("|"))}
        return [written_mpp("Aperio's MPP", said.get("MPP"), said.get("MPP")), *tags, objective_clue(said.get("AppMag"))]
    return tags


def _number(value: Any) -> float | None:
    return value[0] / value[1] if isinstance(value, tuple) and len(value) == 2 and value[1] else None


def _ome_clue(text: str, width: int, height: int) -> Clue:
    place = "OME PhysicalSizeX and Y"
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as cause:
        return Clue(place, found=f"not XML ({cause})")
    for pixels in root.iterfind(".//{*}Pixels"):
        said = pixels.attrib
        if (said.get("SizeX"), said.get("SizeY")) == (str(width), str(height)) and "PhysicalSizeX" in said:
            x, y = said["PhysicalSizeX"], said.get("PhysicalSizeY", said["PhysicalSizeX"])
            units = said.get("PhysicalSizeXUnit", "µm"), said.get("PhysicalSizeYUnit", "µm")
            try:
                return with_unit(place, float(x), float(y), units)
            except ValueError:
                return Clue(place, found=f"{x} x {y}")
    return Clue(place)
