"""The heart: a field in, labels out, tile by tile with a halo; what one tile needs is all that is held beside the result."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from breastseg.geometry import Box, tile_grid
from breastseg.labels import Labels
from breastseg.runtime import Runner
from breastseg.runtime.runner import likeliest

_FORWARD, _BACKWARD = slice(None), slice(None, None, -1)


def label_pixels(
    pixels: npt.NDArray[np.uint8], runner: Runner, *, tile_px: int, halo_px: int, flips: bool = False,
    step: Callable[[int], object] = lambda area: None,
) -> Labels:  # fmt: skip
    """Name the tissue under every pixel of a field that is at the model's microns per pixel.

    Args:
        pixels: (H, W, 3) uint8, in memory or memory-mapped.
        runner: the model.
        tile_px: side of a tile shown to the network, a multiple of 32.
        halo_px: border of it that is thrown away, a multiple of 32.
        flips: take the mean of the probabilities of a tile and of its three mirror images, at four times the work.
        step: told the pixels of each tile that is done.

    Returns:
        (H, W) uint8 labels 1 to K.
    """
    height, width = pixels.shape[:2]
    labels = np.zeros((height, width), np.uint8)
    for tile in tile_grid((width, height), tile_px, halo_px):
        shown, inner = _shown(pixels, tile.outer)[None], tile.inner
        named = likeliest(_flipped_mean(shown, runner)) if flips else runner.labels(shown)
        top, left = inner.y - tile.outer.y, inner.x - tile.outer.x
        kept = named[0, top : top + inner.height, left : left + inner.width]
        labels[inner.y : inner.y + inner.height, inner.x : inner.x + inner.width] = kept
        step(inner.area)
    return labels


def _flipped_mean(tiles: npt.NDArray[np.uint8], runner: Runner) -> npt.NDArray[np.float32]:
    """Return the mean probabilities over both mirrorings; summed in pairs, so that a mirrored field has the very same sums."""

    def seen(rows: slice, columns: slice) -> npt.NDArray[np.float32]:
        return runner.probabilities(np.ascontiguousarray(tiles[:, rows, columns]))[:, :, rows, columns]

    upright = seen(_FORWARD, _FORWARD) + seen(_FORWARD, _BACKWARD)
    upside_down = seen(_BACKWARD, _FORWARD) + seen(_BACKWARD, _BACKWARD)
    return np.divide(upright + upside_down, 4, dtype=np.float32)


def _shown(pixels: npt.NDArray[np.uint8], box: Box) -> npt.NDArray[np.uint8]:
    """Cut a box, (H, W, 3); where it reaches over the edge the field is mirrored."""
    height, width = pixels.shape[:2]
    if box.x >= 0 and box.y >= 0 and box.x + box.width <= width and box.y + box.height <= height:
        return np.ascontiguousarray(pixels[box.y : box.y + box.height, box.x : box.x + box.width])
    rows, columns = _mirrored(box.y, box.height, height), _mirrored(box.x, box.width, width)
    top, left = rows.min(), columns.min()
    around = pixels[top : rows.max() + 1, left : columns.max() + 1]
    shown: npt.NDArray[np.uint8] = np.take(around[rows - top], columns - left, axis=1)
    return shown


def _mirrored(start: int, length: int, size: int) -> npt.NDArray[np.intp]:
    """Return indices of a mirrored line: ... 1 0 | 0 1 2 ... size-1 | size-1 size-2 ..."""
    places = np.arange(start, start + length) % (2 * size)
    return np.where(places < size, places, 2 * size - 1 - places)
