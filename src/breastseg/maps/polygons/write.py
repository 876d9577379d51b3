"""write_regions(): a raster of labels -> GeoJSON for QuPath, drawn again and compared before it
counts as written."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from breastseg.errors import InputError, OutputError
from breastseg.files import written
from breastseg.geometry import Box
from breastseg.labels import LabelMap
from breastseg.maps.polygons.components import Components, CrowdedError
from breastseg.maps.polygons.geojson import Writer, opened, ring_texts
from breastseg.maps.polygons.islands import Cleaned, cleaned
from breastseg.maps.polygons.outlines import outlines
from breastseg.maps.polygons.redraw import Redrawn, redraw
from breastseg.maps.polygons.scratch import Scratch
from breastseg.maps.polygons.stitch import Stitcher
from breastseg.maps.raster import Raster
from breastseg.wording import counted

BLOCK_PX = 2048
"""Side of the blocks that are held, where a map is not full of specks."""

MIN_AGREEMENT = 0.99
"""Intersection over union that each class must keep."""


@dataclass(frozen=True)
class RegionsConfig:
    """How to turn labels into regions.

    Attributes:
        min_area_um2: islands and holes smaller than this join what surrounds them; 0 keeps all. 500
            um2 is a disc 25 um across, a tumour bud of up to four cells (Lugli et al. 2017, Mod
            Pathol 30:1299): what is smaller is cells, not tissue.
        tolerance_px: borders lose the vertices whose triangle with their neighbours is smaller than
            the square of this, in pixels of the map; halved when a class would change by more than
            a hundredth. With 0 they follow the edges of the pixels.
    """

    min_area_um2: float = 500.0
    tolerance_px: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is no area or length."""
        for name, value in (
            ("min_area_um2", self.min_area_um2),
            ("tolerance_px", self.tolerance_px),
        ):
            if not 0 <= value < math.inf:
                raise InputError(f"{name} {value:g}: wanted 0 or more")


@dataclass(frozen=True)
class RegionsReport:
    """What was written.

    Attributes:
        polygons: regions in the file.
        vertices: of all their rings.
        agreement: intersection over union of the file, drawn again, and the map without its small
            islands, by class name.
        tolerance_px: with which borders were simplified.
        merged_share: share of the analysed pixels that changed their label because they were in a
            small island or hole.
    """

    polygons: int
    vertices: int
    agreement: dict[str, float]
    tolerance_px: float
    merged_share: float

    def __str__(self) -> str:
        """Return the line that is printed."""
        shares = []
        for name, share in self.agreement.items():
            # Rounded down: 0.99996 must not read as a full agreement.
            shares.append(f"{name} {math.floor(1e4 * share) / 1e4:.4f}")
        return (
            f"{counted(self.polygons, 'region')}, {self.vertices:,} vertices; drawn again,"
            f" intersection over union with the map: {', '.join(shares) or 'no class present'};"
            f" {100 * self.merged_share:.2g} % of it was small islands or holes"
        )


def write_regions(
    raster: Raster,
    label_map: LabelMap,
    path: Path,
    config: RegionsConfig = RegionsConfig(),
    *,
    mpp: float,
    scale: tuple[float, float],
) -> RegionsReport:
    """Write the areas of a raster as polygons for QuPath, and check them against it.

    Args:
        raster: labels of a whole slide; finished.
        label_map: names and colours of the labels.
        path: `.geojson`, or `.geojson.gz` for a compressed file.
        config: which areas are too small, how much borders are simplified.
        mpp: microns per pixel of level 0.
        scale: level-0 pixels per pixel of the raster, (x, y).

    Raises:
        InputError: another suffix. LabelError: a label that the map lacks. OutputError: the file
            does not show what the raster shows.
    """
    is_gzip = path.name.endswith(".geojson.gz")
    if not is_gzip and path.suffix != ".geojson":
        raise InputError(f"{path}: wanted a name that ends with .geojson or .geojson.gz")
    pixel_um2 = scale[0] * scale[1] * mpp**2
    with written(path) as temporary:
        file = _File(temporary, is_gzip, label_map, scale, pixel_um2)
        report = _checked(raster, file, config, BLOCK_PX)
        if min(report.agreement.values(), default=1.0) < MIN_AGREEMENT:
            raise OutputError(
                f"{path}: {report}; wanted {MIN_AGREEMENT} for each class, so nothing was written"
            )
    return report


@dataclass(frozen=True)
class _File:
    """A file of regions: where it is written, and what the pixels of the raster are in it."""

    path: Path
    is_gzip: bool
    label_map: LabelMap
    scale: tuple[float, float]
    pixel_um2: float

    def write(self, labels: Cleaned, tolerance_px: float, scratch: Scratch) -> None:
        """Go through the blocks of a raster and write regions as they become whole."""
        stitcher = Stitcher(labels.size_px, partial(ring_texts, scale=self.scale), scratch)
        with opened(self.path, "wb", self.is_gzip) as file:
            writer = Writer(file, self.label_map, self.pixel_um2, scratch)
            for box in labels.blocks():
                # With a pixel of the blocks around it: borders that go on there end at its side.
                frame = Box(box.x - 1, box.y - 1, box.width + 2, box.height + 2)
                framed = labels.read(frame)
                areas = Components(framed[1:-1, 1:-1])
                polygons = outlines(framed, areas, box, tolerance_px)
                for region in stitcher.add(box, areas, polygons):
                    writer.write(region)
            writer.end()

    def redraw(self, labels: Cleaned, scratch: Scratch) -> Redrawn:
        """Draw what was written and compare."""
        return redraw(
            self.path,
            labels,
            self.label_map,
            scale=self.scale,
            scratch=scratch,
            is_gzip=self.is_gzip,
        )


def _checked(raster: Raster, file: _File, config: RegionsConfig, side_px: int) -> RegionsReport:
    """Write with less and less simplification until every class agrees; in smaller blocks where
    they hold too much."""
    try:
        labels = cleaned(raster, config.min_area_um2 / file.pixel_um2, side_px)
        tolerance = config.tolerance_px
        # By keys, so that nothing is tried twice where the tolerance is 0.
        for tolerance_px in dict.fromkeys((tolerance, tolerance / 2, tolerance / 4, 0.0)):
            with Scratch(file.path.parent) as scratch:
                file.write(labels, tolerance_px, scratch)
                redrawn = file.redraw(labels, scratch)
            if min(redrawn.agreement.values(), default=1.0) >= MIN_AGREEMENT:
                break
    except CrowdedError:
        # It ends: a block of 256 px has at most 65,536 runs, fewer than are allowed.
        return _checked(raster, file, config, side_px // 2)
    merged_share = labels.changed_px / max(1, redrawn.analysed_px)
    return RegionsReport(
        redrawn.polygons, redrawn.vertices, redrawn.agreement, tolerance_px, merged_share
    )
