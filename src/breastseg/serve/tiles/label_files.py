"""Label images on disk as deep zoom tiles: straight from a TIFF's own tiles where it has the same
geometry, else held and halved."""

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from tifffile import COMPRESSION, TiffPage

from breastseg.errors import ImageError
from breastseg.images import read_codes
from breastseg.images.directories import open_tiff
from breastseg.images.pyramid import DAMAGE
from breastseg.images.readers.flat import image_size
from breastseg.images.readers.flat_file import MAX_PIXELS
from breastseg.labels import LabelMap
from breastseg.serve.tiles.pieces import PIECE_PX, grid_of, halved, levels_of, piece_box

Labels: TypeAlias = npt.NDArray[np.uint8]

_OME = ".ome.tif"
_PIECE_BYTES = PIECE_PX**2
_DEFLATED = (COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE)
_LAST_PX = 2**22
"""The smallest level of a pyramid is put together whole; breastseg's own ends at 512 px."""
_DAMAGE = (*DAMAGE, zlib.error)
"""What tifffile and its decoders raise at damaged files."""


class StoredLabels:
    """A label TIFF whose levels are halves, in deflated tiles of 256 px; threads may read it.

    Attributes:
        size_px: (width, height).
        held_bytes: next to nothing.
    """

    held_bytes = 2**20

    def __init__(self, path: Path, pages: list[TiffPage]) -> None:
        """Note where the tiles lie; `pages` are the levels, as `_is_plain` found them."""
        self._path = path
        self._places: list[list[tuple[int, int]]] = []  # start and length, by level, row by row
        for page in pages:
            self._places.append(list(zip(page.dataoffsets, page.databytecounts, strict=True)))
        self.size_px = pages[0].imagewidth, pages[0].imagelength
        self._file = os.open(path, os.O_RDONLY)

    def tile(self, level: int, column: int, row: int) -> Labels:
        """Return a deep zoom tile: (H, W) uint8.

        Raises:
            Refused: there is no such tile. ImageError: the file is broken there.
        """
        place = piece_box(self.size_px, level, column, row)
        times = levels_of(self.size_px) - 1 - level
        if times < len(self._places):
            return self._piece(times, column, row)[: place.height, : place.width]
        # Coarser than the pyramid goes: cut from its smallest level, which is put together whole.
        last = len(self._places) - 1
        columns, rows = grid_of(halved(self.size_px, last))
        bands = []
        for y in range(rows):
            bands.append(np.hstack([self._piece(last, x, y) for x in range(columns)]))
        step = 2 ** (times - last)
        level_labels = np.vstack(bands)[::step, ::step]
        return level_labels[place.y :, place.x :][: place.height, : place.width]

    def passing_bytes(self, level: int) -> int:
        """Return what making a tile takes, at most: those below the smallest level are cut from all
        of it."""
        times = levels_of(self.size_px) - 1 - level
        return 4 * _PIECE_BYTES if times < len(self._places) else 2 * _LAST_PX

    def _piece(self, times: int, column: int, row: int) -> Labels:
        columns, _ = grid_of(halved(self.size_px, times))
        try:
            start, length = self._places[times][row * columns + column]
            if length > 2 * _PIECE_BYTES:
                raise ValueError(f"{length} bytes for one tile")
            data = os.pread(self._file, length, start)
            # Never more than a tile's bytes, however much is packed in it.
            piece = zlib.decompressobj().decompress(data, _PIECE_BYTES)
            return np.frombuffer(piece, np.uint8).reshape(PIECE_PX, PIECE_PX)
        except _DAMAGE as cause:
            raise ImageError(
                f"{self._path}: damaged at tile {column}, {row} of level {times} ({cause}); make"
                " the map again"
            ) from None

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


class HeldLabels:
    """A label image in memory, with its halves: of each four pixels the upper left one, so that
    labels are never mixed.

    Attributes:
        size_px: (width, height).
        held_bytes: of all levels.
    """

    def __init__(self, labels: Labels) -> None:
        """Take (H, W) uint8 labels."""
        self.size_px = labels.shape[1], labels.shape[0]
        self._levels = [labels]
        for _ in range(levels_of(self.size_px) - 1):
            self._levels.append(np.ascontiguousarray(self._levels[-1][::2, ::2]))
        self.held_bytes = sum(level.nbytes for level in self._levels)

    def tile(self, level: int, column: int, row: int) -> Labels:
        """Return a deep zoom tile: (H, W) uint8; Absent when there is none."""
        place = piece_box(self.size_px, level, column, row)
        labels = self._levels[-1 - level]  # held from the largest on, counted from the smallest
        return labels[place.y : place.y + place.height, place.x : place.x + place.width]

    def close(self) -> None:
        """Nothing is open."""


def stored_labels(path: Path) -> StoredLabels | None:
    """Open labels.ome.tif of a result; None where it is of other tiles than ours, and must be held
    whole.

    Raises:
        ImageError: no label image, broken, or too large to hold where it must be held.
    """
    with _opened(path) as pages:
        return StoredLabels(path, pages) if _is_plain(pages) else None


def labels_size(path: Path) -> tuple[int, int]:
    """Return (width, height) of a label image, from its header alone; ImageError as of
    `held_labels`."""
    if not path.name.endswith(_OME):
        return image_size(path)
    with _opened(path) as pages:
        return pages[0].imagewidth, pages[0].imagelength


def held_labels(path: Path, label_map: LabelMap | None = None) -> HeldLabels:
    """Decode a label image.

    Args:
        path: labels.ome.tif or labels.png of a result, or a mask of codes.
        label_map: turns codes into labels; None where values are labels.

    Raises:
        ImageError: no label image, broken, or too large to hold. LabelError: codes that the label
            map does not name.
    """
    if label_map is None and path.name.endswith(_OME):
        with _opened(path) as pages:
            return HeldLabels(pages[0].asarray())
    codes = read_codes(path)
    return HeldLabels(codes if label_map is None else label_map.apply(codes, path.name))


@contextmanager
def _opened(path: Path) -> Iterator[list[TiffPage]]:
    """Yield the levels of a label TIFF that can be read or held."""
    try:
        with open_tiff(path) as tiff:
            first = tiff.pages.first
            pages = [first]
            for page in first.pages or ():  # SubIFDs, where the smaller levels are
                if isinstance(page, TiffPage):
                    pages.append(page)
            # A tile too: a file may say one that is larger than its image.
            largest = max(first.imagewidth * first.imagelength, first.tilewidth * first.tilelength)
            is_labels = first.dtype == np.uint8 and first.samplesperpixel == 1
            can_be_held = is_labels and largest <= MAX_PIXELS
            if not can_be_held and not _is_plain(pages):
                raise ImageError(
                    f"{path}: not labels in tiles of {PIECE_PX} px, and too large to hold; make the"
                    " map again"
                )
            yield pages
    except ImageError:
        raise
    except _DAMAGE as cause:
        raise ImageError(f"{path}: cut short or damaged ({cause}); make the map again") from None


def _is_plain(pages: list[TiffPage]) -> bool:
    """Return whether the levels are what breastseg writes: tiles of the deep zoom geometry,
    deflated and nothing else."""
    full = pages[0].imagewidth, pages[0].imagelength
    if pages[-1].imagewidth * pages[-1].imagelength > _LAST_PX:
        return False
    for times, page in enumerate(pages):
        is_half = (page.imagewidth, page.imagelength) == halved(full, times)
        is_tiled = (page.tilewidth, page.tilelength) == (PIECE_PX, PIECE_PX)
        is_labels = page.samplesperpixel == 1 and page.dtype == np.uint8
        # Predictor 1 is none.
        is_deflated = page.compression in _DEFLATED and page.predictor == 1
        if not (is_half and is_tiled and is_labels and is_deflated):
            return False
    return True
