"""A slide -> label rasters, tile by tile: tissue alone is looked at, and nothing the size of the
slide is held."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import InputError
from breastseg.geometry import Box, Tile, reach, scaled_size, tile_grid
from breastseg.histology.picture_mask import picture_mask
from breastseg.histology.tissue import tissue_mask
from breastseg.images import Pixels, Slide
from breastseg.inference.model import Model
from breastseg.inference.tiles import Field, Named, PixelField, TileConfig, name_tissue
from breastseg.maps.raster import Raster, Values

CELL_PX = 8
"""Side of a cell of uncertainty and disagreement, in pixels of the model."""

TissueMask: TypeAlias = Literal["auto", "on", "off"]
"""Whether glass is looked at: see `MapConfig`."""
TISSUE_MASKS: tuple[TissueMask, ...] = get_args(TissueMask)


@dataclass(frozen=True)
class SlideField:
    """A slide at the model's microns per pixel, read by box."""

    slide: Slide
    size_px: tuple[int, int]

    def pixels(self, box: Box) -> Pixels:
        """Return the (H, W, 3) pixels of a box inside."""
        (width, height), (across, down) = (
            self.slide.size_px,
            (old / new for old, new in zip(self.slide.size_px, self.size_px, strict=True)),
        )
        right, bottom = (
            min(width, (box.x + box.width) * across),
            min(height, (box.y + box.height) * down),
        )
        return self.slide.resampled(
            (box.x * across, box.y * down, right, bottom), (box.width, box.height)
        )


@dataclass(frozen=True)
class MapConfig:
    """What is mapped of a slide, and what is kept.

    Attributes:
        box: level-0 pixels; None is the whole slide.
        tissue_mask: "on" looks at tissue alone and leaves glass at 0; "off" looks at everything;
            "auto" is "on" for slides, and in a flat picture leaves out glass if it is wider than
            lumens and fat cells are.
        blend: take the mean where tiles overlap.
        probabilities: keep those of every class.
        uncertainty: keep the entropy of the probabilities, at low resolution.
        disagreement: keep how far several models, or a tile's mirror images, are apart, at low
            resolution.
    """

    box: Box | None = None
    tissue_mask: TissueMask = "auto"
    blend: bool = False
    probabilities: bool = False
    uncertainty: bool = False
    disagreement: bool = False

    def __post_init__(self) -> None:
        """Raise InputError for another word: "false" is not "off"."""
        if self.tissue_mask not in TISSUE_MASKS:
            raise InputError(
                f"tissue_mask {self.tissue_mask!r}: wanted {', '.join(TISSUE_MASKS[:-1])} or"
                f" {TISSUE_MASKS[-1]}"
            )


@dataclass(frozen=True)
class Plan:
    """What will be looked at.

    Attributes:
        field: the slide at the model's microns per pixel.
        tiles: how it is cut, and `wanted` which tiles are looked at.
        tissue: (h, w) bool over the whole slide; None takes everything for tissue.
        box: pixels of the field that may get a label.
    """

    field: Field
    tiles: TileConfig
    wanted: frozenset[Tile]
    tissue: npt.NDArray[np.bool_] | None
    box: Box

    @property
    def area_px(self) -> int:
        """Return the pixels of the field in the tiles that are looked at."""
        return sum(tile.inner.area for tile in self.wanted)

    def analysed(self, box: Box) -> npt.NDArray[np.bool_]:
        """Return which pixels of a box of the field get a label: (H, W) bool."""
        rows, columns = np.arange(box.y, box.y + box.height), np.arange(box.x, box.x + box.width)
        inside = np.logical_and.outer(
            (rows >= self.box.y) & (rows < self.box.y + self.box.height),
            (columns >= self.box.x) & (columns < self.box.x + self.box.width),
        )
        if self.tissue is None:
            return inside
        high, wide = self.tissue.shape
        width, height = self.field.size_px
        looked_up = self.tissue[
            np.ix_((rows * 2 + 1) * high // (2 * height), (columns * 2 + 1) * wide // (2 * width))
        ]
        return np.asarray(looked_up & inside)


@dataclass(frozen=True)
class Maps:
    """What was found, each over the whole slide.

    Attributes:
        labels: at the model's microns per pixel.
        probabilities: one raster a class, 255 is 1; empty when not asked for.
        uncertainty: 1 + 254 times the entropy as a share of its maximum, in cells of 8 px; 0 is not
            analysed.
        disagreement: the same of how far the members of a mean are apart.
    """

    labels: Raster
    probabilities: list[Raster] = field(default_factory=list)
    uncertainty: Raster | None = None
    disagreement: Raster | None = None

    def __enter__(self) -> "Maps":
        """Return itself; leaving closes the rasters."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close the rasters."""
        for raster in self._all():
            raster.close()

    def finish(self) -> None:
        """Finish the rasters."""
        for raster in self._all():
            raster.finish()

    def _all(self) -> list[Raster]:
        asked = (self.uncertainty, self.disagreement)
        return [self.labels, *self.probabilities, *(one for one in asked if one is not None)]


@dataclass(frozen=True)
class Block:
    """A piece of a map that was just segmented, as `on_block` takes it.

    Attributes:
        box: where it lies in the field.
        labels: (H, W) uint8, 0 is not analysed.
        size_px: (width, height) of the field, the whole slide at the model's microns per pixel.
        asked: pixels of the field that may get a label.
        area_px: pixels of the field that were looked at for it.
        done_px: pixels that were looked at until now.
        wanted_px: pixels that will have been looked at in the end.
    """

    box: Box
    labels: Values
    size_px: tuple[int, int]
    asked: Box
    area_px: int
    done_px: int
    wanted_px: int


def plan_map(slide: Slide, model: Model, config: MapConfig) -> Plan:
    """Find what will be looked at; the grid of tiles is that of the whole slide, so a box of it
    gets the labels that the whole gets.

    Raises:
        ImageError: the slide cannot be read.
    """
    size = scaled_size(slide.size_px, slide.mpp, model.card.mpp)
    source: Field = SlideField(slide, size)
    tissue = None
    if slide.is_flat:
        slide.hold()  # its result shows it in its own size, too
        source = PixelField(slide.read(mpp=model.card.mpp))
        if config.tissue_mask != "off":
            tissue = picture_mask(
                slide.read(mpp=slide.mpp), mpp=slide.mpp, always=config.tissue_mask == "on"
            )
    elif config.tissue_mask != "off":
        tissue = tissue_mask(slide)
    tiles = replace(model.tiles, blend=config.blend)
    plan = Plan(source, tiles, frozenset(), tissue, _scaled(config.box, slide.size_px, size))
    grid = tile_grid(size, tiles.tile_px, tiles.halo_px)
    return replace(
        plan,
        wanted=frozenset(
            tile
            for tile in grid
            if plan.analysed(reach(tile, tiles.halo_px, size) if config.blend else tile.inner).any()
        ),
    )


def make_maps(
    plan: Plan,
    model: Model,
    config: MapConfig,
    scratch: Path,
    *,
    on_block: Callable[[Block], object] = lambda block: None,
) -> Maps:
    """Look at every wanted tile; results go to disk as they come.

    Args:
        plan: from `plan_map`.
        model: from `load_model`.
        config: the same that made the plan.
        scratch: a folder for the rasters' files; whoever asked removes it after closing the maps.
        on_block: takes each block as it is segmented.
    """
    size, classes = plan.field.size_px, len(model.card.label_map.classes)
    cells = -(-size[0] // CELL_PX), -(-size[1] // CELL_PX)
    maps = Maps(
        Raster(scratch / "labels", size),
        (
            [Raster(scratch / f"probability-{number}", size) for number in range(classes)]
            if config.probabilities
            else []
        ),
        Raster(scratch / "uncertainty", cells) if config.uncertainty else None,
        Raster(scratch / "disagreement", cells) if config.disagreement else None,
    )
    wants_scores, wanted, done = config.probabilities or config.uncertainty, plan.area_px, 0
    try:
        with ExitStack() as unfinished:
            unfinished.push(maps)
            for named in name_tissue(
                plan.field,
                model.runner,
                plan.tiles,
                wanted=plan.wanted,
                probabilities=wants_scores,
                disagreement=config.disagreement,
            ):
                labels = named.labels * plan.analysed(named.box)
                _keep(named, labels, maps)
                done += named.area
                on_block(Block(named.box, labels, size, plan.box, named.area, done, wanted))
            maps.finish()
            unfinished.pop_all()
    finally:
        model.runner.release()
    return maps


def _keep(named: Named, labels: Values, maps: Maps) -> None:
    maps.labels.write(named.box, labels)
    box = named.box
    cells = Box(
        box.x // CELL_PX, box.y // CELL_PX, -(-box.width // CELL_PX), -(-box.height // CELL_PX)
    )
    if maps.disagreement is not None and named.disagreement is not None:
        maps.disagreement.write(cells, _in_cells(named.disagreement, labels > 0, cells))
    if named.probabilities is None:
        return
    for raster, scores in zip(maps.probabilities, named.probabilities, strict=False):
        raster.write(box, np.round(scores * 255).astype(np.uint8) * (labels > 0))
    if maps.uncertainty is not None:
        scores = named.probabilities
        entropy = -(scores * np.log(np.maximum(scores, 1e-12))).sum(axis=0)
        share = entropy / np.log(max(2, len(scores)))
        maps.uncertainty.write(cells, _in_cells(share, labels > 0, cells))


def _in_cells(
    shares: npt.NDArray[np.float32], analysed: npt.NDArray[np.bool_], cells: Box
) -> Values:
    """Return 1 + 254 times the mean share of the analysed pixels of each cell; 0 where there are
    none."""
    missing = [
        (0, cells.height * CELL_PX - shares.shape[0]),
        (0, cells.width * CELL_PX - shares.shape[1]),
    ]
    weight = np.pad(analysed, missing).astype(np.float32)
    size = cells.width, cells.height
    mean = cv2.resize(np.pad(shares, missing) * weight, size, interpolation=cv2.INTER_AREA)
    covered = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    value = 1 + np.round(254 * np.clip(mean / np.maximum(covered, 1e-6), 0, 1))
    return np.asarray(np.where(covered > 0, value, 0), np.uint8)


def _scaled(box: Box | None, size_px: tuple[int, int], size: tuple[int, int]) -> Box:
    if box is None:
        return Box(0, 0, *size)
    left, right = (round(place * size[0] / size_px[0]) for place in (box.x, box.x + box.width))
    top, bottom = (round(place * size[1] / size_px[1]) for place in (box.y, box.y + box.height))
    return Box(left, top, max(1, right - left), max(1, bottom - top))
