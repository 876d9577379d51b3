"""Slides as deep zoom tiles: read straight from the slide, at no more than a bounded number of open
ones."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from breastseg.errors import BreastsegError, ImageError, MppError
from breastseg.histology.stain_check import doubts
from breastseg.images import Pixels, Slide, open_slide, resample_pixels
from breastseg.images.pyramid import Pyramid
from breastseg.images.slide import Corners
from breastseg.serve.config import Limits
from breastseg.serve.library.entries import Entry
from breastseg.serve.library.folder import Folder
from breastseg.serve.refusals import Unreadable
from breastseg.serve.room import Room
from breastseg.serve.tiles.decoded import LARGE_PX, Decoded, Decoder
from breastseg.serve.tiles.decoding import Task
from breastseg.serve.tiles.halvings import halve
from breastseg.serve.tiles.pieces import (
    OVERVIEW_PX,
    grid_of,
    halved,
    jpeg,
    levels_of,
    piece_box,
    thumbnail_size,
)
from breastseg.serve.tiles.shelf import Shelf

_DECODED_BYTES = 64 * 2**20
"""What a reader may keep of decoded tiles."""
_OPEN_BYTES = 2**20
"""What is open and holds no pixels here."""
_FLAT_BYTES = 16
"""A pixel of a flat image takes at most, while it is decoded: a progressive JPEG six of its
coefficients and four in Pillow, and four more while it is turned."""

Answer = TypeVar("Answer")


class View:
    """A slide that is looked at; threads may ask it for tiles. Nothing is decoded before somebody
    asks.

    Attributes:
        size_px: (width, height) at level 0.
        mpp: microns per pixel and where these come from, in words; None when its file says none.
        held_bytes: what is decoded and kept, at most.
        is_large: a flat image that is decoded in a process of its own.
    """

    def __init__(
        self, path: Path, passing: Room, large: Callable[[], AbstractContextManager[Decoded]]
    ) -> None:
        """Open a slide; one without microns per pixel too.

        Args:
            path: the slide.
            passing: room for what is decoded and not kept.
            large: lends it as `decoding` has decoded it.

        Raises:
            BreastsegError: it cannot be opened.
        """
        self._slide, has_mpp = opened(path)
        self.size_px = self._slide.size_px
        self.mpp = (self._slide.mpp, self._slide.mpp_source) if has_mpp else None
        self._passing, self._large = passing, large
        self._lock = threading.Lock()
        self._is_flat = self._slide.is_flat
        self._is_broken = False
        self._pictures: dict[int, Pixels] = {}
        pixels = self.size_px[0] * self.size_px[1]
        self.is_large = self._is_flat and pixels > LARGE_PX
        # Three bytes a pixel, and of all levels together a third more: four.
        held = 4 * pixels if self._is_flat else _DECODED_BYTES + 4 * OVERVIEW_PX**2
        self.held_bytes = _OPEN_BYTES if self.is_large else held

    def jpeg(self, level: int, column: int, row: int) -> bytes:
        """Return a tile as JPEG.

        Raises:
            Refused: there is no such tile; as of `Decoder`. BreastsegError:
                the slide is broken there.
        """
        if self.is_large:
            piece_box(self.size_px, level, column, row)  # what is not there is not decoded for
            with self._large() as decoded:
                return decoded.piece(level, column, row)
        return jpeg(self._tile(level, column, row))

    def doubts(self) -> list[str]:
        """Return what speaks against it being H&E with tissue on it.

        Raises:
            Refused: as of `Decoder`. BreastsegError: nothing of it can be read.
        """
        if self.is_large:
            with self._large() as decoded:
                return decoded.doubts
        return doubts(self._overview())

    def thumbnail(self) -> bytes:
        """Return it at no more than 320 px as JPEG, straight from the file where all of it can be
        read.

        Raises:
            Refused: as of `Decoder`. BreastsegError: nothing of it can be read.
        """
        if self.is_large:
            with self._large() as decoded:
                return decoded.thumbnail()
        size = thumbnail_size(self.size_px)
        try:
            return jpeg(self._read((0, 0, *self.size_px), size))
        except ImageError:  # broken somewhere: the overview is white there
            return jpeg(resample_pixels(self._overview(), size))

    def close(self) -> None:
        """Let go of the file."""
        self._slide.close()

    def _overview(self) -> Pixels:
        """Return the whole slide, at no more than 2048 px a side; white where it cannot be read."""
        level = levels_of(self.size_px) - 1
        while max(self._size(level)) > OVERVIEW_PX:
            level -= 1
        held = self._held(level)
        return self._patched(level) if held is None else held

    def _tile(self, level: int, column: int, row: int) -> Pixels:
        place = piece_box(self.size_px, level, column, row)
        picture = self._held(level)
        if picture is not None:
            return picture[place.y : place.y + place.height, place.x : place.x + place.width]
        times = levels_of(self.size_px) - 1 - level
        # Levels are rounded up: the last pixels of one reach beyond the slide.
        right = min((place.x + place.width) << times, self.size_px[0])
        bottom = min((place.y + place.height) << times, self.size_px[1])
        corners = place.x << times, place.y << times, right, bottom
        return self._read(corners, (place.width, place.height))

    def _read(self, corners: Corners, size_px: tuple[int, int]) -> Pixels:
        """Return a field at (width, height), when there is room for what reading it takes."""
        if self._is_flat:
            needed = _FLAT_BYTES * self.size_px[0] * self.size_px[1]
        elif isinstance(self._slide, Pyramid):
            # The level that is read may be far finer than what is asked for.
            needed = 3 * self._slide.reading_px(corners, size_px)
        else:
            needed = 3 * size_px[0] * size_px[1]
        with self._passing.taken(needed):
            return self._slide.resampled(corners, size_px)

    def _size(self, level: int) -> tuple[int, int]:
        return halved(self.size_px, levels_of(self.size_px) - 1 - level)

    def _held(self, level: int) -> Pixels | None:
        """Return a level that is kept whole: each of a flat image, the small ones of a slide
        unless it is broken somewhere."""
        if not self._is_flat and max(self._size(level)) > OVERVIEW_PX:
            return None
        with self._lock:
            if not self._pictures and not self._is_broken:
                self._hold()
            return self._pictures.get(level)

    def _hold(self) -> None:
        """Read the levels that are kept, the largest first: the others are made of it."""
        levels = []
        for level in reversed(range(levels_of(self.size_px))):
            if self._is_flat or max(self._size(level)) <= OVERVIEW_PX:
                levels.append(level)
        try:
            picture = self._read((0, 0, *self.size_px), self._size(levels[0]))
        except ImageError:
            if self._is_flat:
                raise
            self._is_broken = True
            return
        for level in levels:
            if self._pictures and self._is_flat:
                picture = halve(picture)
            elif self._pictures:
                picture = resample_pixels(picture, self._size(level))
            self._pictures[level] = picture

    def _patched(self, level: int) -> Pixels:
        """Return a level of a slide that is broken somewhere, white where it is."""
        width, height = self._size(level)
        picture = np.full((height, width, 3), 255, np.uint8)
        columns, rows = grid_of((width, height))
        broken = []
        for row, column in np.ndindex(rows, columns):
            place = piece_box(self.size_px, level, column, row)
            try:
                tile = self._tile(level, column, row)
            except ImageError as cause:
                broken.append(cause)
                continue
            picture[place.y : place.y + place.height, place.x : place.x + place.width] = tile
        if len(broken) == rows * columns:  # nothing of it can be read
            raise broken[0]
        return picture


def opened(path: Path) -> tuple[Slide, bool]:
    """Open a slide, at 1 um/px where its file says none; return it and whether that says its
    microns per pixel."""
    try:
        return open_slide(path), True
    except MppError:
        return open_slide(path, mpp=1.0), False


class Tiles:
    """Tiles, and slides that are open for them."""

    def __init__(
        self, folder: Folder, limits: Limits, kept: Room, passing: Room, decoder: Decoder
    ) -> None:
        """Take the folder, the room for what is kept and for what is not, and what decodes large
        images; nothing is opened yet."""
        self._folder, self._passing, self._decoder = folder, passing, decoder
        self._shelf: Shelf[View] = Shelf(limits.open_slides, kept)

    def tile(self, entry: Entry, level: int, column: int, row: int) -> bytes:
        """Return a tile of a slide as JPEG.

        Raises:
            Refused: no such tile; the slide cannot be read there; others take
                the room for long.
        """
        with self.view(entry) as view:
            try:
                return view.jpeg(level, column, row)
            except BreastsegError as cause:
                raise Unreadable(self._folder.told(str(cause))) from None

    def thumbnail(self, entry: Entry) -> bytes:
        """Return a slide at no more than 320 px as JPEG; it is opened for that alone, but a large
        image is decoded once for all.

        Raises:
            Refused: the slide cannot be read; others take the room for long.
        """
        # Not from the shelf: a gallery of thousands would push out the slide that is looked at.
        with closing(self._opened(entry)) as view:
            return self._guarded(entry, view.thumbnail)

    def is_open(self, entry_id: str, version: str) -> bool:
        """Return whether a tile of a slide can be made without opening it first, or decoding all of
        it."""
        view = self._shelf.peek((entry_id, version))
        return view is not None and (
            not view.is_large or self._decoder.holds(("picture", entry_id, version))
        )

    def view(self, entry: Entry) -> AbstractContextManager[View]:
        """Lend a slide that is open, or open it.

        Raises:
            Refused: it cannot be opened; others take the room for long.
        """
        return self._shelf.borrowed((entry.id, entry.version), partial(self._opened, entry))

    def doubts(self, entry: Entry, view: View) -> list[str]:
        """Return what speaks against a slide being H&E with tissue on it.

        Raises:
            Refused: the slide cannot be read; others take the room for long.
        """
        warnings = self._guarded(entry, view.doubts)
        self._folder.note_broken(entry, None)
        return warnings

    def close(self) -> None:
        """Let go of all slides."""
        self._shelf.close()

    def _opened(self, entry: Entry) -> View:
        key, task = ("picture", entry.id, entry.version), Task("picture", str(entry.path))
        large = partial(self._decoder.borrowed, key, task)
        return self._guarded(entry, lambda: View(entry.path, self._passing, large))

    def _guarded(self, entry: Entry, ask: Callable[[], Answer]) -> Answer:
        """Ask a slide; note that it is broken where it is."""
        try:
            return ask()
        except (BreastsegError, Unreadable) as cause:
            message = self._folder.told(str(cause))
            self._folder.note_broken(entry, message)
            raise Unreadable(message) from None
