"""The heart: a field in, labels out, tile by tile with a halo; what one tile needs is all that is held beside the result."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from breastseg.geometry import Box, Tile, tile_grid
from breastseg.labels import Labels
from breastseg.runtime import Runner


def label_pixels(
    pixels: npt.NDArray[np.uint8], runner: Runner, *, tile_px: int, halo_px: int, step: Callable[[int], object] = lambda area: None
) -> Labels:
    """Name the tissue under every pixel of a field that is at the model's microns per pixel.

    Args:
        pixels: (H, W, 3) uint8, in memory or memory-mapped.
        runner: the model.
        tile_px: side of a tile shown to the network, a multiple of 32.
        halo_px: border of it that is thrown away, a multiple of 32.
        step: told the pixels of each tile that is done.

    Returns:
        (H, W) uint8 labels 1 to K.
    """
    height, width = pixels.shape[:2]
    labels = np.zeros((height, width), np.uint8)
    for tile in tile_grid((width, height), tile_px, halo_px):
        probabilities = runner(_shown(pixels, tile.outer))[0]
        inner = tile.inner
        labels[inner.y : inner.y + inner.height, inner.x : inner.x + inner.width] = _kept(probabilities, tile).argmax(axis=0) + 1
        step(inner.area)
    return labels


def _shown(pixels: npt.NDArray[np.uint8], box: Box) -> npt.NDArray[np.uint8]:
    """Cut a box that may reach over the edge, where the field is mirrored: (1, 3, H, W)."""
    height, width = pixels.shape[:2]
    rows, columns = _mirrored(box.y, box.height, height), _mirrored(box.x, box.width, width)
    top, left = rows.min(), columns.min()
    cut = pixels[top : rows.max() + 1, left : columns.max() + 1]
    return np.ascontiguousarray(cut[rows - top][:, columns - left].transpose(2, 0, 1)[None])


def _mirrored(start: int, length: int, size: int) -> npt.NDArray[np.intp]:
    """Return indices of a mirrored line: ... 1 0 | 0 1 2 ... size-1 | size-1 size-2 ..."""
    places = np.arange(start, start + length) % (2 * size)
    return np.where(places < size, places, 2 * size - 1 - places)


def _kept(probabilities: npt.NDArray[np.float32], tile: Tile) -> npt.NDArray[np.float32]:
    top, left = tile.inner.y - tile.outer.y, tile.inner.x - tile.outer.x
    return probabilities[:, top : top + tile.inner.height, left : left + tile.inner.width]
