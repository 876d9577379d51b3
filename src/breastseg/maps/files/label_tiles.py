"""A label image of a result, tile by tile: never held whole, where it is a TIFF."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tifffile import COMPRESSION, TiffPage

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.images import read_codes
from breastseg.images.directories import open_tiff
from breastseg.images.pyramid import DAMAGE
from breastseg.images.readers.flat import image_size
from breastseg.labels import Labels
from breastseg.maps.raster import TILE_PX
from breastseg.wording import in_short

_TILE_BYTES = TILE_PX**2
_DEFLATED = (COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE)
_DAMAGE = (*DAMAGE, AttributeError, zlib.error)


@dataclass(frozen=True)
class LabelTiles:
    """A label image that lies in a result.

    Attributes:
        path: labels.ome.tif, or labels.png of a flat image.
        size_px: (width, height).
    """

    path: Path
    size_px: tuple[int, int]

    def __iter__(self) -> Iterator[tuple[Box, Labels]]:
        """Yield every tile that is not all 0, row by row: where it lies, and its (H, W) labels.

        Raises:
            ImageError: damaged.
        """
        if self.path.suffix.lower() == ".png":
            yield Box(0, 0, *self.size_px), read_codes(self.path)
            return
        places = _places(self.path)
        columns = -(-self.size_px[0] // TILE_PX)
        with self.path.open("rb") as file:
            for index, (start, length) in enumerate(places):
                x, y = index % columns * TILE_PX, index // columns * TILE_PX
                width = min(TILE_PX, self.size_px[0] - x)
                height = min(TILE_PX, self.size_px[1] - y)
                file.seek(start)
                # Tiles at the edge are filled up with 0.
                labels = self._decoded(file.read(length), index)[:height, :width]
                if labels.any():
                    yield Box(x, y, width, height), labels

    def _decoded(self, data: bytes, index: int) -> Labels:
        try:
            # Never more than a tile's bytes, however much is packed in it.
            tile = zlib.decompressobj().decompress(data, _TILE_BYTES)
            return np.frombuffer(tile, np.uint8).reshape(TILE_PX, TILE_PX)
        except (zlib.error, ValueError) as cause:
            raise ImageError(
                f"{self.path}: damaged at tile {index} ({in_short(cause)}); make the map again"
            ) from None


def label_tiles(folder: Path) -> LabelTiles:
    """Return the label image of a result's folder.

    Raises:
        ImageError: there is none, or it is damaged or not of this program.
    """
    flat, path = folder / "labels.png", folder / "labels.ome.tif"
    if flat.is_file():
        return LabelTiles(flat, image_size(flat))
    if not path.is_file():
        raise ImageError(f"{folder}: no labels.ome.tif and no labels.png; make the map again")
    with _opened(path) as page:
        return LabelTiles(path, (page.imagewidth, page.imagelength))


def _places(path: Path) -> list[tuple[int, int]]:
    """Return where each tile begins in the file, and its length."""
    with _opened(path) as page:
        return list(zip(page.dataoffsets, page.databytecounts, strict=True))


@contextmanager
def _opened(path: Path) -> Iterator[TiffPage]:
    """Yield the first page of a label TIFF, checked."""
    try:
        with open_tiff(path) as tiff:
            page = tiff.pages.first
            if not _is_ours(page):
                raise ImageError(f"{path}: not labels as breastseg writes them; make the map again")
            yield page
    except ImageError:
        raise
    except _DAMAGE as cause:
        raise ImageError(
            f"{path}: cut short or damaged ({in_short(cause)}); make the map again"
        ) from None


def _is_ours(page: TiffPage) -> bool:
    tiles = -(-page.imagewidth // TILE_PX) * -(-page.imagelength // TILE_PX)
    # Predictor 1 is none. Deflate never makes a tile much longer: what says so is damaged.
    return (
        page.dtype == np.uint8
        and (page.tilewidth, page.tilelength, page.samplesperpixel) == (TILE_PX, TILE_PX, 1)
        and page.compression in _DEFLATED
        and page.predictor == 1
        and len(page.databytecounts) == tiles
        and max(page.databytecounts) <= 2 * _TILE_BYTES
    )
