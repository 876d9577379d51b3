"""A proposal as files: areas for QuPath or a mask, and an overlay."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from breastseg.annotate.proposals.mask import LABEL_MAP
from breastseg.geometry import Box
from breastseg.images import Pixels, Slide, resample_labels, resample_pixels
from breastseg.labels import Labels
from breastseg.maps.files.label_tiff import write_label_tiff
from breastseg.maps.pictures import save_labels, save_overlay
from breastseg.maps.polygons import write_regions
from breastseg.maps.raster import Raster

_OVERLAY_PX = 2048
"""Longer side of an overlay."""


def write_areas(slide: Slide, labels: Labels, folder: Path, name: str) -> Path:
    """Write labels over the whole slide as NAME.geojson, in level-0 pixels; return where."""
    height, width = labels.shape
    path = folder / f"{name}.geojson"
    path.parent.mkdir(parents=True, exist_ok=True)
    with _raster(labels, path) as raster:
        scale = slide.size_px[0] / width, slide.size_px[1] / height
        write_regions(raster, LABEL_MAP, path, mpp=slide.mpp, scale=scale)
    return path


def write_mask(slide: Slide, labels: Labels, folder: Path, name: str) -> Path:
    """Write labels as NAME.png in the size of a flat image, or of a slide as NAME.ome.tif in
    their own size; return where."""
    if slide.is_flat:
        path = folder / f"{name}.png"
        save_labels(resample_labels(labels, slide.size_px), LABEL_MAP, path)
        return path
    path = folder / f"{name}.ome.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    with _raster(labels, path) as raster:
        # In their own size: at 2 um/px more pixels would say nothing more.
        mpp = slide.mpp * slide.size_px[0] / labels.shape[1]
        write_label_tiff(raster, LABEL_MAP, path, mpp=mpp)
    return path


def write_overlay(pixels: Pixels, labels: Labels, path: Path) -> None:
    """Write an image of the areas over the tissue, 2048 px a side at most."""
    height, width = labels.shape
    shrink = min(1.0, _OVERLAY_PX / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    save_overlay(resample_pixels(pixels, size), resample_labels(labels, size), LABEL_MAP, path)


@contextmanager
def _raster(labels: Labels, path: Path) -> Iterator[Raster]:
    """Yield labels as a raster whose scratch file lies beside `path`: the same command writes over
    what a kill leaves, and removes it."""
    height, width = labels.shape
    scratch = path.with_name(".part-labels")
    try:
        with Raster(scratch, (width, height)) as raster:
            raster.write(Box(0, 0, width, height), labels)
            raster.finish()
            yield raster
    finally:
        scratch.unlink(missing_ok=True)
