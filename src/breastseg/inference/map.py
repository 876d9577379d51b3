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
        (width, height), (own_width, own_height) = self.slide.size_px, self.size_px
        # By sizes and not by mpp: the field's size was rounded to whole pixels.
        across = width / own_width
        down = height / own_height
        left = box.x * across
        top = box.y * down
        # A product of fractions can end a little outside.
        right = min(width, (box.x + box.width) * across)
        bottom = min(height, (box.y + box.height) * down)
        return self.slide.resampled((left, top, right, bottom), (box.width, box.height))


@dataclass(frozen=True)
class MapConfig:
    """What is mapped of a slide, and what is kept.

    Attributes:
        box: level-0 pixels; None is the whole slide.
        tissue_mask: "on" looks at tissue alone and leaves glass at 0; "off" looks at everything;
            "auto" is "on" for slides, and in a flat image leaves out glass if it is wider than
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
        rows = np.arange(box.y, box.y + box.height)  # (H,)
        columns = np.arange(box.x, box.x + box.width)  # (W,)
        asked = self.box
        is_row = (rows >= asked.y) & (rows < asked.y + asked.height)
        is_column = (columns >= asked.x) & (columns < asked.x + asked.width)
        inside = np.logical_and.outer(is_row, is_column)
        if self.tissue is None:
            return inside
        mask_height, mask_width = self.tissue.shape
        width, height = self.field.size_px
        # The mask's pixel under the middle of each of the field's, in whole numbers:
        # (row + 1/2) / height * mask_height, doubled above and below.
        mask_rows = (rows * 2 + 1) * mask_height // (2 * height)
        mask_columns = (columns * 2 + 1) * mask_width // (2 * width)
        is_tissue = self.tissue[np.ix_(mask_rows, mask_columns)]
        return np.asarray(is_tissue & inside)


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
        rasters = [self.labels, *self.probabilities]
        for raster in (self.uncertainty, self.disagreement):
            if raster is not None:
                rasters.append(raster)
        return rasters


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
            pixels = slide.read(mpp=slide.mpp)
            tissue = picture_mask(pixels, mpp=slide.mpp, always=config.tissue_mask == "on")
    elif config.tissue_mask != "off":
        tissue = tissue_mask(slide)
    tiles = replace(model.tiles, blend=config.blend)
    box = _scaled(config.box, slide.size_px, size)
    plan = Plan(source, tiles, frozenset(), tissue, box)
    wanted = []
    for tile in tile_grid(size, tiles.tile_px, tiles.halo_px):
        # With blending a tile has a say in its halo too.
        covered = reach(tile, tiles.halo_px, size) if config.blend else tile.inner
        if plan.analysed(covered).any():
            wanted.append(tile)
    return replace(plan, wanted=frozenset(wanted))


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
    size = plan.field.size_px
    maps = _new_maps(size, len(model.card.label_map.classes), config, scratch)
    wanted_px = plan.area_px
    done_px = 0
    try:
        # Rasters are closed by whoever gets them, and here where that is nobody.
        with ExitStack() as unfinished:
            unfinished.push(maps)
            for tile in name_tissue(
                plan.field,
                model.runner,
                plan.tiles,
                wanted=plan.wanted,
                probabilities=config.probabilities or config.uncertainty,
                disagreement=config.disagreement,
            ):
                labels = tile.labels * plan.analysed(tile.box)
                _write_tile(tile, labels, maps)
                done_px += tile.area
                on_block(Block(tile.box, labels, size, plan.box, tile.area, done_px, wanted_px))
            maps.finish()
            unfinished.pop_all()
    finally:
        model.runner.release()
    return maps


def _new_maps(size: tuple[int, int], classes: int, config: MapConfig, scratch: Path) -> Maps:
    """Begin the rasters that are asked for."""
    cells = -(-size[0] // CELL_PX), -(-size[1] // CELL_PX)  # rounded up
    probabilities = []
    if config.probabilities:
        for number in range(classes):
            probabilities.append(Raster(scratch / f"probability-{number}", size))
    return Maps(
        labels=Raster(scratch / "labels", size),
        probabilities=probabilities,
        uncertainty=Raster(scratch / "uncertainty", cells) if config.uncertainty else None,
        disagreement=Raster(scratch / "disagreement", cells) if config.disagreement else None,
    )


def _write_tile(tile: Named, labels: Values, maps: Maps) -> None:
    """Write one tile's result into the rasters; `labels` are 0 where nothing is analysed."""
    box = tile.box
    analysed = labels > 0
    maps.labels.write(box, labels)
    # Tiles begin on a cell, for their sides and halos are multiples of 32.
    cells = Box(
        box.x // CELL_PX, box.y // CELL_PX, -(-box.width // CELL_PX), -(-box.height // CELL_PX)
    )
    if maps.disagreement is not None and tile.disagreement is not None:
        maps.disagreement.write(cells, _in_cells(tile.disagreement, analysed, cells))
    if tile.probabilities is None:
        return
    # Without rasters of probabilities there is nothing to zip: hence not strict.
    for raster, plane in zip(maps.probabilities, tile.probabilities, strict=False):
        raster.write(box, np.round(plane * 255).astype(np.uint8) * analysed)
    if maps.uncertainty is not None:
        scores = tile.probabilities  # (K, H, W)
        # 0 log 0 is 0, which the logarithm of a tiny number gives and that of 0 does not.
        entropy = -(scores * np.log(np.maximum(scores, 1e-12))).sum(axis=0)
        share = entropy / np.log(max(2, len(scores)))
        maps.uncertainty.write(cells, _in_cells(share, analysed, cells))


def _in_cells(
    shares: npt.NDArray[np.float32], analysed: npt.NDArray[np.bool_], cells: Box
) -> Values:
    """Return 1 + 254 times the mean share of the analysed pixels of each cell; 0 where there are
    none."""
    # At the field's edge a cell is cut: it is filled up with what is not analysed.
    missing = [
        (0, cells.height * CELL_PX - shares.shape[0]),
        (0, cells.width * CELL_PX - shares.shape[1]),
    ]
    weight = np.pad(analysed, missing).astype(np.float32)
    size = cells.width, cells.height
    # Means over whole cells, of what is analysed and of the weight: their ratio is the mean.
    mean = cv2.resize(np.pad(shares, missing) * weight, size, interpolation=cv2.INTER_AREA)
    covered = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    share = np.clip(mean / np.maximum(covered, 1e-6), 0, 1)
    value = 1 + np.round(254 * share)
    return np.asarray(np.where(covered > 0, value, 0), np.uint8)


def _scaled(box: Box | None, size_px: tuple[int, int], size: tuple[int, int]) -> Box:
    """Return a box in level-0 pixels of a slide of `size_px` as one of a field of `size`."""
    if box is None:
        return Box(0, 0, *size)
    # Edges are rounded, not sizes: boxes that touch in the slide touch in the field.
    left = round(box.x * size[0] / size_px[0])
    right = round((box.x + box.width) * size[0] / size_px[0])
    top = round(box.y * size[1] / size_px[1])
    bottom = round((box.y + box.height) * size[1] / size_px[1])
    return Box(left, top, max(1, right - left), max(1, bottom - top))
