"""Slides as deep zoom tiles: read straight from the slide, at no more than a bounded number of open ones."""

import threading
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
from fastapi import HTTPException

from breastseg.errors import BreastsegError, ImageError, MppError
from breastseg.geometry import Box
from breastseg.serve.config import Limits
from breastseg.serve.folder import Entry, Folder
from breastseg.serve.schema import PIECE_PX
from breastseg.serve.shelf import Shelf
from breastseg.slides import Pixels, Slide, open_slide, resample_pixels
from breastseg.slides.flat import FlatSlide
from breastseg.slides.tissue import doubts

THUMBNAIL_PX = 320
_OVERVIEW_PX = 2048
"""Levels up to this side are cut from one picture of the whole slide, which is read once: few slides store them all."""
_DECODED_BYTES = 64 * 2**20
"""What a reader may keep of decoded tiles."""
_QUALITY = 90


def levels_of(size_px: tuple[int, int]) -> int:
    """Return the number of deep zoom levels: halvings until the larger side is no more than a tile, plus one."""
    halvings = 0
    while max(halved(size_px, halvings)) > PIECE_PX:
        halvings += 1
    return halvings + 1


def halved(size_px: tuple[int, int], times: int) -> tuple[int, int]:
    """Return (width, height) after so many halvings, rounded up."""
    return -(-size_px[0] // 2**times), -(-size_px[1] // 2**times)


def piece_box(size_px: tuple[int, int], level: int, column: int, row: int) -> Box:
    """Return the place of a tile in the pixels of its level; those at the edge are smaller.

    Raises:
        HTTPException: 404, there is no such tile.
    """
    levels = levels_of(size_px)
    if 0 <= level < levels and column >= 0 and row >= 0:
        width, height = halved(size_px, levels - 1 - level)
        x, y = column * PIECE_PX, row * PIECE_PX
        if x < width and y < height:
            return Box(x, y, min(PIECE_PX, width - x), min(PIECE_PX, height - y))
    raise HTTPException(404, f"no tile {column}, {row} at level {level}; a picture of {size_px[0]} x {size_px[1]} px has {levels} levels")


class View:
    """A slide that is looked at; threads may ask it for tiles.

    Attributes:
        size_px: (width, height) at level 0.
        mpp: microns per pixel and where these come from, in words; None when its file says none.
    """

    def __init__(self, path: Path) -> None:
        """Open a slide; one without microns per pixel too.

        Raises:
            BreastsegError: it cannot be opened.
        """
        self._slide, known = opened(path)
        self.size_px = self._slide.size_px
        self.mpp = (self._slide.mpp, self._slide.mpp_source) if known else None
        self._lock = threading.Lock()
        self._is_flat, self._is_broken = isinstance(self._slide, FlatSlide), False
        self._pictures: dict[int, Pixels] = {}

    @property
    def held_bytes(self) -> int:
        """Return what is decoded and kept, at most."""
        if self._is_flat:
            return 4 * self.size_px[0] * self.size_px[1]
        return _DECODED_BYTES + 4 * _OVERVIEW_PX**2

    def overview(self) -> Pixels:
        """Return the whole slide, at no more than 2048 px a side; white where it cannot be read.

        Raises:
            BreastsegError: nothing of it can be read.
        """
        level = next(k for k in reversed(range(levels_of(self.size_px))) if max(self._size(k)) <= _OVERVIEW_PX)
        held = self._held(level)
        return self._patched(level) if held is None else held

    def shrunk(self, size_px: tuple[int, int]) -> Pixels:
        """Return the whole slide at (width, height), straight from the file where all of it can be read."""
        try:
            return self._slide.resampled((0, 0, *self.size_px), size_px)
        except ImageError:
            return resample_pixels(self.overview(), size_px)

    def tile(self, level: int, column: int, row: int) -> Pixels:
        """Return a tile: (H, W, 3) uint8.

        Raises:
            HTTPException: 404, there is no such tile. BreastsegError: the slide is broken there.
        """
        place = piece_box(self.size_px, level, column, row)
        picture = self._held(level)
        if picture is not None:
            return picture[place.y : place.y + place.height, place.x : place.x + place.width]
        times = levels_of(self.size_px) - 1 - level
        right, bottom = (place.x + place.width) << times, (place.y + place.height) << times
        corners = place.x << times, place.y << times, min(right, self.size_px[0]), min(bottom, self.size_px[1])
        return self._slide.resampled(corners, (place.width, place.height))

    def _size(self, level: int) -> tuple[int, int]:
        return halved(self.size_px, levels_of(self.size_px) - 1 - level)

    def _held(self, level: int) -> Pixels | None:
        """Return a level that is kept whole: each of a flat picture, the small ones of a slide unless it is broken somewhere."""
        if not self._is_flat and max(self._size(level)) > _OVERVIEW_PX:
            return None
        with self._lock:
            if not self._pictures and not self._is_broken:
                self._hold()
            return self._pictures.get(level)

    def _hold(self) -> None:
        levels = [k for k in reversed(range(levels_of(self.size_px))) if self._is_flat or max(self._size(k)) <= _OVERVIEW_PX]
        try:
            picture = self._slide.resampled((0, 0, *self.size_px), self._size(levels[0]))
        except ImageError:
            if self._is_flat:
                raise
            self._is_broken = True
            return
        for level in levels:
            picture = resample_pixels(picture, self._size(level))
            self._pictures[level] = picture

    def _patched(self, level: int) -> Pixels:
        """Return a level of a slide that is broken somewhere, white where it is."""
        width, height = self._size(level)
        picture = np.full((height, width, 3), 255, np.uint8)
        columns, rows = -(-width // PIECE_PX), -(-height // PIECE_PX)
        broken = []
        for row, column in np.ndindex(rows, columns):
            place = piece_box(self.size_px, level, column, row)
            try:
                picture[place.y : place.y + place.height, place.x : place.x + place.width] = self.tile(level, column, row)
            except ImageError as cause:
                broken.append(cause)
        if len(broken) == rows * columns:
            raise broken[0]
        return picture

    def close(self) -> None:
        """Let go of the file."""
        self._slide.close()


def opened(path: Path) -> tuple[Slide, bool]:
    """Open a slide, at 1 um/px where its file says none; return it and whether that says its microns per pixel."""
    try:
        return open_slide(path), True
    except MppError:
        return open_slide(path, mpp=1.0), False


class Tiles:
    """Tiles, and slides that are open for them."""

    def __init__(self, folder: Folder, limits: Limits) -> None:
        """Take the folder; nothing is opened yet."""
        self._folder = folder
        self._shelf: Shelf[View] = Shelf(limits.open_slides, limits.held_bytes)

    def tile(self, entry: Entry, level: int, column: int, row: int) -> bytes:
        """Return a tile of a slide as JPEG.

        Raises:
            HTTPException: 404, no such tile; 422, the slide cannot be read there.
        """
        with self._shelf.borrowed((entry.id, entry.version), partial(self._opened, entry)) as view:
            try:
                return _jpeg(view.tile(level, column, row))
            except BreastsegError as cause:
                raise HTTPException(422, self._folder.told(str(cause))) from None

    def thumbnail(self, entry: Entry) -> bytes:
        """Return a slide at no more than 320 px as JPEG; it is opened for that alone.

        Raises:
            HTTPException: 422, the slide cannot be read.
        """
        view = self._opened(entry)
        try:
            shrink = min(1.0, THUMBNAIL_PX / max(view.size_px))
            width, height = (max(1, round(side * shrink)) for side in view.size_px)
            return _jpeg(view.shrunk((width, height)))
        except BreastsegError as cause:
            raise self._unreadable(entry, cause) from None
        finally:
            view.close()

    def view(self, entry: Entry) -> AbstractContextManager[View]:
        """Lend a slide that is open, or open it.

        Raises:
            HTTPException: 422, it cannot be opened.
        """
        return self._shelf.borrowed((entry.id, entry.version), partial(self._opened, entry))

    def doubts(self, entry: Entry, view: View) -> list[str]:
        """Say what speaks against a slide being H&E with tissue on it.

        Raises:
            HTTPException: 422, the slide cannot be read.
        """
        try:
            said = doubts(view.overview())
        except BreastsegError as cause:
            raise self._unreadable(entry, cause) from None
        self._folder.note_broken(entry, None)
        return said

    def close(self) -> None:
        """Let go of all slides."""
        self._shelf.close()

    def _opened(self, entry: Entry) -> View:
        try:
            return View(entry.path)
        except BreastsegError as cause:
            raise self._unreadable(entry, cause) from None

    def _unreadable(self, entry: Entry, cause: BreastsegError) -> HTTPException:
        """Note that a slide is broken, and return the error."""
        told = self._folder.told(str(cause))
        self._folder.note_broken(entry, told)
        return HTTPException(422, told)


def _jpeg(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(pixels, level=_QUALITY, subsampling="420"))
