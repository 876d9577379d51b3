"""TIFF through tifffile, whatever its size, levels and order of pages: Aperio's SVS, OME-TIFF,
pyramids, BigTIFF, fields, masks.

Tiles and strips are read under a lock and decoded outside it; a level is never decoded whole,
unless it is one compressed strip or a picture small enough to be held.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from tifffile import TiffFile, TiffPage

from breastseg.errors import BreastsegError, ImageError, MppError
from breastseg.geometry import Box
from breastseg.images.directories import open_tiff
from breastseg.images.pyramid import DAMAGE, MAX_ASKED_PX, MAX_STORED_PX, Pyramid, check_stored
from breastseg.images.readers.flat_file import WANTED_CODES, Flat, check_area
from breastseg.images.readers.orientation import UPRIGHT, turned, upright_size
from breastseg.images.readers.tiff_pictures import Pictures, choose
from breastseg.images.readers.tiff_pixels import (
    Decode,
    Segment,
    converter,
    decoder,
    depth_unfit,
    mask_unfit,
    unfit,
)
from breastseg.images.resample import resample_pixels
from breastseg.images.resolution import (
    Clue,
    find_mpp,
    objective_clue,
    tiff_clues,
    with_unit,
    written_mpp,
)
from breastseg.images.slide import Pixels

LARGE_PX = 25_000_000
"""A TIFF without levels up to this size is a flat picture."""

_CACHE_BYTES = 64 * 2**20
"""Decoded tiles and strips that are kept: neighbouring boxes share those at their border, and
strips are as wide as the slide."""
_STRIP_BYTES = 2**20
_PACKED = 8
"""Times the bytes of its pixels that a stored tile may have."""
_PLACES = ((0.25, 0.25), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0.75, 0.75))
_LOOK_PX, _MOST_LOOK_PX = 64, 1024
"""Sides of what is looked at in a level and, at most, in the next finer one."""
_UNLIKE = 15
"""Mean difference of blocks, of 255: copies have up to 5, also where a scanner left out pixels; two
fields of one stain have 29 or more."""
_FIRST_PAGES = 32
_ORIENTATION = "Orientation"
_REMEDY, _WANTED = (
    "copy or export it again",
    "wanted one picture in RGB or grey with 8 bits a channel; convert it",
)

logging.getLogger("tifffile").addHandler(
    logging.NullHandler()
)  # what it logs is told as an error here


@dataclass(frozen=True)
class _Plane:
    """Where the tiles or strips of one plane lie, row by row, and how they are decoded."""

    offsets: Sequence[int]
    lengths: Sequence[int]
    decode: Decode


@dataclass(frozen=True)
class _Level:
    """One level: interleaved colours in one plane, or three planes."""

    size_px: tuple[int, int]
    segment_px: tuple[int, int]
    planes: tuple[_Plane, ...]


class _TornError(Exception):
    """A tile or strip that cannot be read: its place in pixels of the level, and why."""

    def __init__(self, place: Box, cause: object) -> None:
        super().__init__(str(cause))
        self.place = place


class _Stored:
    """The pixels of some levels of an open file, by box; threads may read them."""

    def __init__(self, tiff: TiffFile, plans: Sequence[_Level], channels: int = 3) -> None:
        self._tiff, self._plans, self._channels = tiff, plans, channels
        self._file_lock, self._cache_lock = threading.Lock(), threading.Lock()
        self._cache: OrderedDict[tuple[int, int, int], Segment] = OrderedDict()
        self._cached_bytes = 0

    def read(self, level: int, box: Box) -> Pixels:
        """Return a box of a level, (H, W, channels) uint8; what was left out of the file is white.

        Raises:
            _TornError: a tile or strip of it cannot be read.
        """
        plan = self._plans[level]
        pixels = np.full((box.height, box.width, self._channels), 255, np.uint8)
        for index, place in _touched(plan, box):
            top, left = max(box.y, place.y), max(box.x, place.x)
            bottom, right = (
                min(box.y + box.height, place.y + place.height),
                min(box.x + box.width, place.x + place.width),
            )
            for number, plane in enumerate(plan.planes):
                if not plane.lengths[index]:
                    continue
                try:
                    segment = self._segment((level, number, index), plane, place.area)
                    part = segment[
                        top - place.y : bottom - place.y, left - place.x : right - place.x
                    ]
                    if part.shape[:2] != (bottom - top, right - left):
                        raise ValueError(f"{segment.shape[1]} x {segment.shape[0]} px in it")
                    target = pixels[top - box.y : bottom - box.y, left - box.x : right - box.x]
                    target[..., number : number + 1 if len(plan.planes) > 1 else None] = part
                except DAMAGE as cause:
                    raise _TornError(place, cause) from None
        return pixels

    def _segment(self, key: tuple[int, int, int], plane: _Plane, place_px: int) -> Segment:
        """Return a decoded tile or strip. Two threads may decode the same one; neither waits for
        the other."""
        with self._cache_lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        offset, length = plane.offsets[key[2]], plane.lengths[key[2]]
        if length > _PACKED * self._channels * place_px + 2**16:
            raise ValueError(f"{length} bytes for one tile")
        with self._file_lock:
            self._tiff.filehandle.seek(offset)
            data = self._tiff.filehandle.read(length)
        if len(data) < length:
            raise ValueError("cut short: the file ends before it")
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


class TiffSlide(Pyramid):
    """A TIFF file with levels, or too large to hold. Tiles that were left out are white."""

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        """Read the directories and find the microns per pixel.

        Args:
            path: a TIFF file.
            mpp: microns per pixel when the file does not say, or says it wrong.

        Raises:
            ImageError: broken, not RGB or grey in 8 bits, turned by a tag, or several pictures.
            MppError: no mpp was given and the file has none that is plausible.
        """
        with _damage_told(path), ExitStack() as undo:
            tiff = undo.enter_context(open_tiff(path))
            found = choose(path, tiff)
            if (turn := _turn(found.page)) != UPRIGHT:
                raise ImageError(
                    f"{path}: turned by its orientation tag ({turn}), which is followed in pictures"
                    f" without levels up to {LARGE_PX // 10**6} Mpx alone; write it upright"
                )
            plans = [_level(path, tiff, pages, most_px=MAX_STORED_PX) for pages in found.levels]
            super().__init__(
                path, [plan.size_px for plan in plans], _mpp(path, mpp, tiff, found, plans)
            )
            self.notes, self._pixels = _notes(found), _Stored(tiff, plans)
            self.piece_px = max(plan.segment_px[0] * plan.segment_px[1] for plan in plans)
            _check_copies(path, found, plans, self._pixels)
            undo.pop_all()

    def _stored(self, level: int, box: Box) -> Pixels:
        try:
            return self._pixels.read(level, box)
        except _TornError as torn:
            raise self._broken(level, torn.place, torn) from None

    def close(self) -> None:
        """Let go of the file and of what was decoded."""
        self._pixels.close()


def look_flat(path: Path) -> Flat:
    """Look at a TIFF that is small enough to hold: its size, its clues, and how it is decoded.

    Raises:
        ImageError: broken, not RGB or grey in 8 bits, or several pictures.
    """
    with _damage_told(path), open_tiff(path) as tiff:
        found = choose(path, tiff)
        plans = [_level(path, tiff, found.levels[0], most_px=MAX_ASKED_PX)]
        check_area(path, found.size_px)
        turn, is_cut = _turn(found.page), _is_cut(tiff, plans)
        size, clues = upright_size(found.size_px, turn), _clues(tiff, found)
        return Flat(
            size, turn, clues, lambda: iter((_decoded(path, turn),)), lambda: is_cut, _notes(found)
        )


def read_tiff_codes(path: Path) -> Segment:
    """Read a mask whose samples are label codes: (H, W) uint8.

    Raises:
        ImageError: broken, several pictures, turned by a tag, tiles that are missing, or samples
            that are not surely codes.
    """
    with _damage_told(path), open_tiff(path) as tiff:
        found = choose(path, tiff)
        page, count = found.page, 1 + len(found.spare)
        reason = f"{count} pages" if count > 1 else mask_unfit(page)
        if reason is None and len(found.levels[0]) > 1:
            reason = "a page for each colour"
        if reason is None and _turn(page) != UPRIGHT:
            reason = f"an orientation tag ({_turn(page)})"
        if reason:
            raise ImageError(f"{path}: mask has {reason}, {WANTED_CODES}")
        check_area(path, found.size_px)
        plan = _level(path, tiff, (page,), most_px=MAX_ASKED_PX, raw=True)
        if not all(plan.planes[0].lengths):
            raise ImageError(f"{path}: mask has tiles that are not there, {WANTED_CODES}")
        return _whole(path, tiff, plan, channels=1)[..., 0]


def is_large(path: Path) -> bool:
    """Return whether a TIFF has levels, says that it is OME, or is too large to hold and stored in
    pieces."""
    with _damage_told(path), open_tiff(path) as tiff:
        found = choose(path, tiff)
        if tiff.is_ome or len(found.levels) > 1:
            return True
        page, (width, height) = found.page, found.size_px
        pieces = page.is_tiled or page.is_contiguous or len(page.dataoffsets) > 1
        return bool(width * height > LARGE_PX and pieces and unfit(page) is None)


def is_plain(path: Path) -> bool:
    """Return whether every tile of a scanner's TIFF is there and decoded here: the same pixels as
    OpenSlide's, in a fifth of the time."""
    check_depth(path)
    with _damage_told(path), open_tiff(path) as tiff:
        pages = [page for level in choose(path, tiff).levels for page in level]
        return all(
            unfit(page) is None
            and page.is_tiled
            and page.databytecounts
            and all(page.databytecounts)
            for page in pages
        )


def check_depth(path: Path) -> None:
    """Refuse a scanner's TIFF whose tiles have more or less than 8 bits a sample, of which
    OpenSlide would give the upper ones alone.

    Raises:
        ImageError: it has, or its directories are damaged; what else is broken is left to the
            reader that it is for.
    """
    try:
        with open_tiff(path) as tiff:
            pages = [
                page
                for page in islice(tiff.pages, _FIRST_PAGES)
                if isinstance(page, TiffPage) and page.is_tiled
            ]
            reasons = [reason for page in pages if (reason := depth_unfit(page))]
    except BreastsegError:
        raise
    except DAMAGE:
        return
    if reasons:
        raise ImageError(f"{path}: {reasons[0]}, {_WANTED}")


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except BreastsegError:
        raise
    except DAMAGE as cause:
        raise ImageError(
            f"{path}: cut short or damaged"
            f" ({' '.join(str(cause).split()) or type(cause).__name__}); {_REMEDY}"
        ) from None


def _decoded(path: Path, turn: int) -> Pixels:
    with _damage_told(path), open_tiff(path) as tiff:
        plan = _level(path, tiff, choose(path, tiff).levels[0], most_px=MAX_ASKED_PX)
        return turned(_whole(path, tiff, plan), turn)


def _whole(path: Path, tiff: TiffFile, plan: _Level, channels: int = 3) -> Pixels:
    try:
        return _Stored(tiff, [plan], channels).read(0, Box(0, 0, *plan.size_px))
    except _TornError as torn:
        raise ImageError(
            f"{path}: cut short or damaged at x {torn.place.x}, y {torn.place.y} ({torn});"
            f" {_REMEDY}"
        ) from None


def _turn(page: TiffPage) -> int:
    """Return the orientation, 1 to 8; what is none of these turns nothing."""
    said = page.tags.valueof(_ORIENTATION)
    return said if isinstance(said, int) and UPRIGHT < said <= 8 else UPRIGHT


def _notes(found: Pictures) -> tuple[str, ...]:
    if not found.spare:
        return ()
    others = ", ".join(f"{width} x {height}" for width, height in found.spare[:3])
    width, height = found.size_px
    return (
        (
            f"of {1 + len(found.spare)} pictures in it the largest is taken, {width} x {height} px;"
            f" others have {others} px"
        ),
    )


def _mpp(
    path: Path, mpp: float | None, tiff: TiffFile, found: Pictures, plans: Sequence[_Level]
) -> tuple[float, str]:
    try:
        return find_mpp(path, mpp, _clues(tiff, found))
    except MppError:
        if _is_cut(tiff, plans):
            raise ImageError(
                f"{path}: cut short or damaged (it ends before its pixels do); {_REMEDY}"
            ) from None
        raise


def _is_cut(tiff: TiffFile, plans: Sequence[_Level]) -> bool:
    planes = [plane for plan in plans for plane in plan.planes]
    ends = [
        start + length
        for plane in planes
        for start, length in zip(plane.offsets, plane.lengths, strict=True)
        if length
    ]
    return max(ends, default=0) > tiff.filehandle.size


def _check_copies(path: Path, found: Pictures, plans: Sequence[_Level], pixels: _Stored) -> None:
    """Look at five places of each level that is one by its shape alone, and of the next finer:
    another picture is not read as a copy."""
    for number in (number for number, said in enumerate(found.is_said) if not said):
        (width, height), finer = plans[number].size_px, plans[number - 1].size_px
        factor = min(finer[0] / width, finer[1] / height)
        side = max(1, min(_LOOK_PX, int(_MOST_LOOK_PX / factor), width, height))
        off = []
        for across, down in _PLACES:
            x, y = int(across * (width - side)), int(down * (height - side))
            whole = Box(
                int(x * factor),
                int(y * factor),
                max(1, int(side * factor)),
                max(1, int(side * factor)),
            )
            try:
                copy, full = (
                    pixels.read(number, Box(x, y, side, side)),
                    pixels.read(number - 1, whole),
                )
            except _TornError:  # whoever reads there is told
                continue
            off.append(
                np.abs(
                    resample_pixels(copy, (8, 8)).astype(int) - resample_pixels(full, (8, 8))
                ).mean()
            )
        if off and np.mean(off) > _UNLIKE:
            raise ImageError(
                f"{path}: several pictures, of {finer[0]} x {finer[1]} and {width} x {height} px:"
                " the smaller is no copy of the larger, wanted one picture; export the one that is"
                " wanted alone"
            )


def _level(
    path: Path, tiff: TiffFile, pages: Sequence[TiffPage], *, most_px: int, raw: bool = False
) -> _Level:
    """Plan how a level is read; nothing is allocated for it by what its tags claim.

    Raises:
        ImageError: samples that cannot be read, tiles too large to decode, or fewer tiles than its
            size asks for.
    """
    page = pages[0]
    if not raw and (reason := unfit(page)):
        raise ImageError(f"{path}: {reason}, {_WANTED}")
    width, height = page.imagewidth, page.imagelength
    planar = page.samplesperpixel if page.planarconfig == 2 else 1
    plain = page.is_contiguous and not page.is_tiled and page.predictor == 1 and page.fillorder == 1
    if plain and all(len(one.dataoffsets) == 1 for one in pages):
        return _rows(path, tiff, pages, raw=raw)
    segment = (
        (page.tilewidth, page.tilelength)
        if page.is_tiled
        else (width, min(page.rowsperstrip, height))
    )
    check_stored(path, segment[0] * segment[1], most_px)
    count = -(-width // segment[0]) * -(-height // segment[1])
    planes = [
        _plane(one, number * count, count, segment[0] * segment[1], raw)
        for one in pages
        for number in range(planar)
    ]
    if not all(plane.lengths for plane in planes):
        raise ImageError(
            f"{path}: cut short or damaged (fewer tiles than its size asks for); {_REMEDY}"
        )
    return _Level((width, height), segment, tuple(planes))


def _plane(page: TiffPage, first: int, count: int, place_px: int, raw: bool) -> _Plane:
    """Return the plane whose `count` tiles begin with the `first` of a page; an empty one when they
    are not all there."""
    offsets, lengths = (
        page.dataoffsets[first : first + count],
        page.databytecounts[first : first + count],
    )
    whole = len(offsets) == len(lengths) == count
    return _Plane(
        offsets if whole else (), lengths if whole else (), decoder(page, first, place_px, raw=raw)
    )


def _rows(path: Path, tiff: TiffFile, pages: Sequence[TiffPage], *, raw: bool) -> _Level:
    """Cut an uncompressed picture, whose pages lie in one piece each, into strips of about a
    megabyte."""
    page, end = pages[0], tiff.filehandle.size
    width, height = page.imagewidth, page.imagelength
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    planar = page.samplesperpixel // samples
    starts = [
        one.dataoffsets[0] + plane * width * height for one in pages for plane in range(planar)
    ]
    if (last := max(starts) + width * height * samples) > end:
        raise ImageError(
            f"{path}: cut short or damaged (it ends at byte {end}, its pixels go on to byte"
            f" {last}); {_REMEDY}"
        )
    rows = max(1, _STRIP_BYTES // (width * samples))
    tops = range(0, height, rows)
    lengths = [min(rows, height - top) * width * samples for top in tops]
    convert = converter(page)

    def decode(data: bytes, index: int) -> Segment:
        segment = np.frombuffer(data, np.uint8).reshape(-1, width, samples)
        return segment if raw else convert(segment)

    planes = tuple(
        _Plane([first + top * width * samples for top in tops], lengths, decode) for first in starts
    )
    return _Level((width, height), (width, rows), planes)


def _touched(plan: _Level, box: Box) -> Iterator[tuple[int, Box]]:
    """Yield the tiles or strips that a box touches: index and place."""
    width, height = plan.segment_px
    columns = -(-plan.size_px[0] // width)
    for row in range(box.y // height, -(-(box.y + box.height) // height)):
        for column in range(box.x // width, -(-(box.x + box.width) // width)):
            yield row * columns + column, Box(column * width, row * height, width, height)


def _clues(tiff: TiffFile, found: Pictures) -> list[Clue]:
    page = found.page
    x, y = (_number(page.tags.valueof(name)) for name in ("XResolution", "YResolution"))
    tags = tiff_clues(x, y, page.tags.valueof("ResolutionUnit"), page.description)
    if tiff.is_ome:
        return [_ome_clue(tiff.ome_metadata or "", page.imagewidth, page.imagelength), *tags]
    if tiff.is_svs:
        said = {
            key.strip(): value.strip()
            for key, _, value in (part.partition("=") for part in page.description.split("|"))
        }
        return [
            written_mpp("Aperio's MPP", said.get("MPP"), said.get("MPP")),
            *tags,
            objective_clue(said.get("AppMag")),
        ]
    return tags


def _number(value: Any) -> float | None:
    """Return a number of a tag: a fraction, as the standard has it, or a single number, as some
    programs write it."""
    if isinstance(value, tuple) and len(value) == 2:
        return value[0] / value[1] if value[1] else None
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    return float(value) if isinstance(value, (int, float)) else None


def _ome_clue(text: str, width: int, height: int) -> Clue:
    place = "OME PhysicalSizeX and Y"
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as cause:
        return Clue(place, found=f"not XML ({cause})")
    for pixels in root.iterfind(".//{*}Pixels"):
        said = pixels.attrib
        if (said.get("SizeX"), said.get("SizeY")) == (
            str(width),
            str(height),
        ) and "PhysicalSizeX" in said:
            x, y = said["PhysicalSizeX"], said.get("PhysicalSizeY", said["PhysicalSizeX"])
            units = said.get("PhysicalSizeXUnit", "µm"), said.get("PhysicalSizeYUnit", "µm")
            try:
                return with_unit(place, float(x), float(y), units)
            except ValueError:
                return Clue(place, found=f"{x} x {y}")
    return Clue(place)
