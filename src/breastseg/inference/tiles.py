"""Segmentation of a field, tile by tile; memory holds what a few tiles need, however large the
field is."""

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
        return self.array[box.slices]


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
    """The result of one tile.

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
    blend = None
    if config.blend:
        # Disagreement is blended like one more class.
        planes = config.classes + disagreement
        blend = Blend(field.size_px, config.tile_px, config.halo_px, planes)
    grid = list(tile_grid(field.size_px, config.tile_px, config.halo_px))
    looked_at = grid if wanted is None else [tile for tile in grid if tile in wanted]
    pictures = _ahead(lambda tile: shown_of(field, tile.outer), looked_at)
    if blend is None:
        for tile in looked_at:
            yield _whole_tile(
                tile,
                next(pictures),  # held by nobody here: an image of 2,048 px is 13 MB
                runner,
                config,
                probabilities=probabilities,
                disagreement=disagreement,
            )
        return
    is_looked_at = set(looked_at)
    # Blending goes by every tile of the grid: what no later one reaches is complete.
    for tile in grid:
        planes_of_tile = None
        area = 0
        if tile in is_looked_at:
            scores, apart = _asked(next(pictures), runner, config, disagreement=disagreement)
            planes_of_tile = scores if apart is None else np.concatenate([scores, apart[None]])
            area = tile.inner.area
        box, blended = blend.add(tile, planes_of_tile)
        mean = blended[: config.classes]  # (K, h, w), 0 where no tile was looked at
        yield Named(
            box,
            likeliest(mean[None])[0] * mean.any(axis=0),
            mean if probabilities else None,
            area,
            blended[config.classes] if disagreement else None,
        )


def _whole_tile(
    tile: Tile,
    picture: Pixels,
    runner: Runner,
    config: TileConfig,
    *,
    probabilities: bool,
    disagreement: bool,
) -> Named:
    """Return the result of a tile's inner box; the halo around it is thrown away."""
    inner = tile.inner
    top = inner.y - tile.outer.y
    left = inner.x - tile.outer.x
    part = np.s_[..., top : top + inner.height, left : left + inner.width]
    if not (config.flips or probabilities or disagreement):
        # A runner finds the likeliest class itself, faster than it hands over probabilities.
        labels = runner.labels(picture)[0][part]
        _check(bool(labels.all()), runner)
        return Named(inner, labels, None, inner.area)
    scores, apart = _asked(picture, runner, config, disagreement=disagreement)
    inner_scores = scores[part]
    return Named(
        inner,
        likeliest(inner_scores[None])[0],
        inner_scores if probabilities else None,
        inner.area,
        None if apart is None else apart[part],
    )


def label_pixels(
    pixels: Pixels,
    runner: Runner,
    config: TileConfig,
    *,
    on_progress: Callable[[int], object] = lambda area: None,
) -> Labels:
    """Name the tissue under every pixel of an image that is at the model's microns per pixel.

    Args:
        pixels: (H, W, 3) uint8, in memory or memory-mapped.
        runner: the model.
        config: sizes and ways.
        on_progress: takes the pixels of each tile that is done.

    Returns:
        (H, W) uint8 labels 1 to K.
    """
    labels = np.zeros(pixels.shape[:2], np.uint8)
    for tile in name_tissue(PixelField(pixels), runner, config):
        labels[tile.box.slices] = tile.labels
        on_progress(tile.area)
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
    apart = None
    if disagreement:
        scores, divergence = mean_and_disagreement(tile, runner, flips=config.flips)
        apart = divergence[0]
    else:
        scores = mean_probabilities(tile, runner, flips=config.flips)
    # One NaN makes the sum NaN: a sum is faster than a look at each value.
    _check(not np.isnan(scores[0].sum()), runner)
    return scores[0], apart


def _check(has_numbers: bool, runner: Runner) -> None:
    """Refuse a network that gives NaN: an argmax would make a class of it, and a runner labels it
    0."""
    if not has_numbers:
        raise ModelError(
            f"the network ({runner.name}) gives NaN, not probabilities; its weights are damaged,"
            " train or pull the model again"
        )


def shown_of(field: Field, box: Box) -> Pixels:
    """Cut a box, (1, H, W, 3); where it reaches over the edge the field is mirrored."""
    width, height = field.size_px
    begins_inside = box.x >= 0 and box.y >= 0
    ends_inside = box.x + box.width <= width and box.y + box.height <= height
    if begins_inside and ends_inside:
        return np.ascontiguousarray(field.pixels(box))[None]
    rows = _mirrored(box.y, box.height, height)
    columns = _mirrored(box.x, box.width, width)
    # One box holds all that is mirrored: it is read once.
    top = int(rows.min())
    left = int(columns.min())
    bottom = int(rows.max()) + 1
    right = int(columns.max()) + 1
    inside = field.pixels(Box(left, top, right - left, bottom - top))
    shown: Pixels = np.take(inside[rows - top], columns - left, axis=1)
    return shown[None]


def _mirrored(start: int, length: int, size: int) -> npt.NDArray[np.intp]:
    """Return indices of a mirrored line: ... 1 0 | 0 1 2 ... size-1 | size-1 size-2 ..."""
    # A line and its mirror image repeat every 2 * size.
    places = np.arange(start, start + length) % (2 * size)
    return np.where(places < size, places, 2 * size - 1 - places)
