"""The heart: a field in, names of tissue out, tile by tile; what a few tiles need is all that is
held."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from breastseg.errors import ModelError
from breastseg.geometry import Box, Tile, tile_grid
from breastseg.images import Pixels
from breastseg.inference.blend import Blend
from breastseg.inference.members import mean_and_disagreement, mean_probabilities
from breastseg.labels import Labels
from breastseg.runners import Runner
from breastseg.runners.runner import likeliest

_AHEAD = 1
"""Tiles read before the network asks for them, by as many threads: reading takes a tenth of the
time, and memory."""


class Field(Protocol):
    """What is mapped: pixels at the model's microns per pixel, read by box."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Return (width, height)."""
        ...

    def pixels(self, box: Box) -> Pixels:
        """Return the (H, W, 3) uint8 pixels of a box inside the field."""
        ...


@dataclass(frozen=True)
class PixelField:
    """A field that is in memory, (H, W, 3) uint8."""

    array: Pixels

    @property
    def size_px(self) -> tuple[int, int]:
        """Return (width, height)."""
        return self.array.shape[1], self.array.shape[0]

    def pixels(self, box: Box) -> Pixels:
        """Return the pixels of a box."""
        return self.array[box.y : box.y + box.height, box.x : box.x + box.width]


@dataclass(frozen=True)
class TileConfig:
    """How a field is cut and shown.

    Attributes:
        tile_px: side of a tile shown to the network, a multiple of 32.
        halo_px: border of it that its neighbours see too, a multiple of 32.
        classes: K, how many the model has.
        flips: take the mean of the probabilities of a tile and of its three mirror images, at four
            times the work.
        blend: where tiles overlap, take the mean of their probabilities, weighted less towards a
            tile's border; without, the border is thrown away.
    """

    tile_px: int
    halo_px: int
    classes: int
    flips: bool = False
    blend: bool = False


@dataclass(frozen=True)
class Named:
    """One piece of the answer.

    Attributes:
        box: where it lies in the field.
        labels: (H, W) uint8 labels 1 to K; 0 where blending found no tile.
        probabilities: (K, H, W), when they were asked for.
        area: pixels of the field that were looked at for it.
        disagreement: (H, W) of the members of the mean, 0 to 1, when it was asked for.
    """

    box: Box
    labels: Labels
    probabilities: npt.NDArray[np.float32] | None
    area: int
    disagreement: npt.NDArray[np.float32] | None = None


def name_tissue(
    field: Field,
    runner: Runner,
    config: TileConfig,
    *,
    wanted: Collection[Tile] | None = None,
    probabilities: bool = False,
    disagreement: bool = False,
) -> Iterator[Named]:
    """Name the tissue of a field, piece by piece in the order of its tiles; tiles are read ahead of
    the network.

    Args:
        field: at the model's microns per pixel.
        runner: the model.
        config: sizes and ways.
        wanted: the tiles of the field's grid that are looked at (None: all).
        probabilities: give probabilities too.
        disagreement: give it too; `runner` is of several models, or `config` has flips.

    Raises:
        InputError: tile and halo do not fit together. ModelError: the network gives NaN.
    """
    planes = config.classes + disagreement
    blend = Blend(field.size_px, config.tile_px, config.halo_px, planes) if config.blend else None
    grid = tile_grid(field.size_px, config.tile_px, config.halo_px)
    tiles = [tile for tile in grid if blend or wanted is None or tile in wanted]
    looked_at = (tile for tile in tiles if wanted is None or tile in wanted)
    shown = _ahead(lambda tile: shown_of(field, tile.outer), looked_at)
    for tile in tiles:
        looks = wanted is None or tile in wanted
        if blend:
            found = None
            if looks:
                scores, apart = _asked(next(shown), runner, config, disagreement=disagreement)
                found = scores if apart is None else np.concatenate([scores, apart[None]])
            box, blended = blend.add(tile, found)
            mean = blended[: config.classes]
            named = likeliest(mean[None])[0] * mean.any(axis=0)
            yield Named(
                box,
                named,
                mean if probabilities else None,
                tile.inner.area if looks else 0,
                blended[config.classes] if disagreement else None,
            )
            continue
        inner, top, left = tile.inner, tile.inner.y - tile.outer.y, tile.inner.x - tile.outer.x
        kept = np.s_[..., top : top + inner.height, left : left + inner.width]
        if config.flips or probabilities or disagreement:
            whole, apart = _asked(next(shown), runner, config, disagreement=disagreement)
            scores = whole[kept]
            yield Named(
                inner,
                likeliest(scores[None])[0],
                scores if probabilities else None,
                inner.area,
                None if apart is None else apart[kept],
            )
        else:
            named = runner.labels(next(shown))[0][kept]
            _check(bool(named.all()), runner)
            yield Named(inner, named, None, inner.area)


def label_pixels(
    pixels: Pixels,
    runner: Runner,
    config: TileConfig,
    *,
    on_progress: Callable[[int], object] = lambda area: None,
) -> Labels:
    """Name the tissue under every pixel of a picture that is at the model's microns per pixel.

    Args:
        pixels: (H, W, 3) uint8, in memory or memory-mapped.
        runner: the model.
        config: sizes and ways.
        on_progress: takes the pixels of each tile that is done.

    Returns:
        (H, W) uint8 labels 1 to K.
    """
    labels = np.zeros(pixels.shape[:2], np.uint8)
    for named in name_tissue(PixelField(pixels), runner, config):
        box = named.box
        labels[box.y : box.y + box.height, box.x : box.x + box.width] = named.labels
        on_progress(named.area)
    return labels


def _ahead(read: Callable[[Tile], Pixels], tiles: Iterable[Tile]) -> Iterator[Pixels]:
    """Yield what `read` gives for each tile, in order, with a few being read in other threads
    meanwhile."""
    waiting: deque[Future[Pixels]] = deque()
    pool = ThreadPoolExecutor(_AHEAD, "reader")
    try:
        for tile in tiles:
            waiting.append(pool.submit(read, tile))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _asked(
    tile: Pixels, runner: Runner, config: TileConfig, *, disagreement: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
    """Return the (K, H, W) probabilities of one tile, (1, H, W, 3), and where it is asked for the
    (H, W) disagreement."""
    if disagreement:
        scores, apart = mean_and_disagreement(tile, runner, flips=config.flips)
        found = scores[0], apart[0]
    else:
        found = mean_probabilities(tile, runner, flips=config.flips)[0], None
    _check(not np.isnan(found[0].sum()), runner)
    return found


def _check(numbers: bool, runner: Runner) -> None:
    """Refuse a network that gives NaN: an argmax would make a class of it."""
    if not numbers:
        raise ModelError(
            f"the network ({runner.name}) gives NaN, not probabilities; its weights are damaged,"
            " train or pull the model again"
        )


def shown_of(field: Field, box: Box) -> Pixels:
    """Cut a box, (1, H, W, 3); where it reaches over the edge the field is mirrored."""
    width, height = field.size_px
    if box.x >= 0 and box.y >= 0 and box.x + box.width <= width and box.y + box.height <= height:
        return np.ascontiguousarray(field.pixels(box))[None]
    rows, columns = _mirrored(box.y, box.height, height), _mirrored(box.x, box.width, width)
    top, left = int(rows.min()), int(columns.min())
    around = field.pixels(Box(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top))
    shown: Pixels = np.take(around[rows - top], columns - left, axis=1)
    return shown[None]


def _mirrored(start: int, length: int, size: int) -> npt.NDArray[np.intp]:
    """Return indices of a mirrored line: ... 1 0 | 0 1 2 ... size-1 | size-1 size-2 ..."""
    places = np.arange(start, start + length) % (2 * size)
    return np.where(places < size, places, 2 * size - 1 - places)
