"""The pixels of an open TIFF by boxes: tiles and strips are read under a lock and decoded outside
it."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from tifffile import TiffFile

from breastseg.geometry import Box
from breastseg.images.pyramid import DAMAGE
from breastseg.images.readers.tiff.levels import Level, Plane, touched
from breastseg.images.readers.tiff.pixels import Segment
from breastseg.images.slide import Pixels

_CACHE_BYTES = 64 * 2**20
"""Decoded tiles and strips that are kept: neighbouring boxes share those at their border, and
strips are as wide as the slide."""
_PACKED = 8
"""Times the bytes of its pixels that a stored tile may have."""


class TornError(Exception):
    """A tile or strip that cannot be read: its place in pixels of the level, and why."""

    def __init__(self, place: Box, cause: object) -> None:
        """Note the tile or strip, and what was raised at it."""
        super().__init__(str(cause))
        self.place = place


class Stored:
    """The pixels of some levels of an open file, by box; threads may read them."""

    def __init__(self, tiff: TiffFile, plans: Sequence[Level], channels: int = 3) -> None:
        """Take an open file, its levels, and how many channels a pixel has."""
        self._tiff = tiff
        self._plans = plans
        self._channels = channels
        self._file_lock = threading.Lock()
        self._cache_lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, int, int], Segment] = OrderedDict()
        self._cached_bytes = 0

    def read(self, level: int, box: Box) -> Pixels:
        """Return a box of a level, (H, W, channels) uint8; what was left out of the file is white.

        Raises:
            TornError: a tile or strip of it cannot be read.
        """
        plan = self._plans[level]
        pixels = np.full((box.height, box.width, self._channels), 255, np.uint8)
        for index, place in touched(plan, box):
            # What box and place share: rows and columns of it in either.
            top, left = max(box.y, place.y), max(box.x, place.x)
            bottom = min(box.y + box.height, place.y + place.height)
            right = min(box.x + box.width, place.x + place.width)
            in_place = (
                slice(top - place.y, bottom - place.y),
                slice(left - place.x, right - place.x),
            )
            in_box = (slice(top - box.y, bottom - box.y), slice(left - box.x, right - box.x))
            for number, plane in enumerate(plan.planes):
                if not plane.lengths[index]:
                    continue
                try:
                    segment = self._segment((level, number, index), plane, place.area)
                    part = segment[in_place]  # (h, w, channels), or (h, w, 1) of one plane
                    if part.shape[:2] != (bottom - top, right - left):
                        raise ValueError(f"{segment.shape[1]} x {segment.shape[0]} px in it")
                    end = number + 1 if len(plan.planes) > 1 else None
                    pixels[in_box][..., number:end] = part
                except DAMAGE as cause:
                    raise TornError(place, cause) from None
        return pixels

    def _segment(self, key: tuple[int, int, int], plane: Plane, place_px: int) -> Segment:
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
