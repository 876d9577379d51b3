"""The mask of one class in the forms that pipelines of others read.

trident   contours_geojson/SLIDE.geojson: polygons with holes in level-0 pixels, one tissue_id each
hs2p      masks/SLIDE.tif: a tiled pyramid of 0 and 1 that says its um/px, one page a level
clam      patches/SLIDE.h5: where patches begin, in level-0 pixels
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tifffile

from breastseg.errors import MissingPackageError
from breastseg.files import written
from breastseg.json_files import JsonObject
from breastseg.maps.files.label_tiles import LabelTiles
from breastseg.maps.raster import TILE_PX, Raster
from breastseg.sources.drawn import Drawn, Ring

Corners: TypeAlias = npt.NDArray[np.int64]
"""(N, 2) places (x, y) in level-0 pixels."""

_SMALLEST_PX = 512  # the pyramid ends with the first level that fits into this
_PLANE = "urn:ogc:def:crs:EPSG::3857"
"""A plane in metres: readers of maps would take coordinates for degrees otherwise."""


def write_contours(drawn: Drawn, name: str, path: Path) -> int:
    """Write the areas of a class as TRIDENT keeps tissue; return how many.

    Args:
        drawn: the regions of a map, in level-0 pixels.
        name: of the class, as the regions have it.
        path: ends in .geojson.
    """
    features: list[JsonObject] = []
    for area in drawn.areas:
        if area.name == name:
            rings = [_closed(ring) for ring in (area.outline, *area.holes)]
            features.append(
                {
                    "type": "Feature",
                    "properties": {"tissue_id": len(features)},
                    "geometry": {"type": "Polygon", "coordinates": rings},
                }
            )
    collection = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": _PLANE}},
        "features": features,
    }
    with written(path) as temporary:
        temporary.write_text(json.dumps(collection), encoding="utf-8")
    return len(features)


def write_mask(labels: LabelTiles, label: int, path: Path, *, mpp: float) -> bool:
    """Write where a label image has one label, 1 there and 0 elsewhere; return whether it is
    anywhere.

    Args:
        labels: of a result.
        label: which.
        path: ends in .tif; scratch files lie beside it meanwhile.
        mpp: microns per pixel of the label image.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = [path.with_name(f".part-{path.name}-0")]
    levels = [Raster(scratch[0], labels.size_px)]
    try:
        is_anywhere = False
        for box, values in labels:
            mask = values == label
            levels[0].write(box, mask.astype(np.uint8))
            is_anywhere |= bool(mask.any())
        levels[0].finish()
        while max(levels[-1].size_px) > _SMALLEST_PX:
            scratch.append(path.with_name(f".part-{path.name}-{len(levels)}"))
            levels.append(levels[-1].halved(scratch[-1]))
        stored = sum(level.stored_bytes for level in levels)
        # Classic TIFF ends at 4 GiB; half of it leaves room for directories, in any case.
        with (
            written(path) as temporary,
            tifffile.TiffWriter(temporary, bigtiff=stored > 2**31) as tiff,
        ):
            for number, level in enumerate(levels):
                # By the sizes: a side of odd length is not halved exactly.
                per_cm = 1e4 * level.size_px[0] / (mpp * labels.size_px[0])
                tiff.write(
                    level.compressed_tiles(),
                    shape=level.size_px[::-1],
                    dtype="uint8",
                    tile=(TILE_PX, TILE_PX),
                    compression="zlib",
                    photometric="minisblack",
                    resolution=(per_cm, per_cm),
                    resolutionunit="CENTIMETER",
                    subfiletype=1 if number else 0,  # 1: a smaller copy of the first page
                    metadata=None,  # tifffile would describe the shape in a form of its own
                    software="breastseg" if number == 0 else None,
                )
        return is_anywhere
    finally:
        for level in levels:
            level.close()
        for leftover in scratch:
            leftover.unlink(missing_ok=True)


def patches_of(labels: LabelTiles, label: int, size_px: tuple[int, int], patch_px: int) -> Corners:
    """Return the left-top corners of patches of which at least half has a label, row by row.

    Patches lie side by side from the slide's left-top corner; those that its edge cuts are left
    out.

    Args:
        labels: of a result.
        label: which.
        size_px: (width, height) of the slide at level 0.
        patch_px: side of a patch at level 0.
    """
    columns, rows = size_px[0] // patch_px, size_px[1] // patch_px
    # Pixels of the label in each patch; the last row and column are those that the edge cuts.
    totals = np.zeros((rows + 1, columns + 1), np.int64)
    scale = size_px[0] / labels.size_px[0], size_px[1] / labels.size_px[1]
    for box, values in labels:
        mask = values == label  # (H, W)
        if mask.any():
            x = _patch(box.x, box.width, scale[0], patch_px, columns)  # (W,)
            y = _patch(box.y, box.height, scale[1], patch_px, rows)  # (H,)
            numbers = (y[:, None] * (columns + 1) + x[None])[mask]
            counts = np.bincount(numbers, minlength=totals.size)
            totals += counts.reshape(totals.shape)
    # Level-0 pixels of the label by those of a patch.
    share = totals[:rows, :columns] * (scale[0] * scale[1] / patch_px**2)
    y, x = np.nonzero(share >= 0.5)
    return np.stack([x, y], axis=1).astype(np.int64) * patch_px


def write_patches(
    corners: Corners, path: Path, *, patch_px: int, size_px: tuple[int, int], name: str
) -> None:
    """Write places of patches as CLAM keeps them.

    Args:
        corners: at level 0.
        path: ends in .h5.
        patch_px: side of a patch at level 0.
        size_px: (width, height) of the slide at level 0.
        name: of the slide.

    Raises:
        MissingPackageError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError as cause:
        raise MissingPackageError(
            f"--for clam: {cause.name or cause} is not installed; pip install 'breastseg[clam]'"
        ) from None
    # As CLAM's own scripts write them; it reads patch_level and patch_size.
    attributes: Mapping[str, Any] = {
        "patch_size": patch_px,
        "patch_level": 0,
        "downsample": np.ones(2),
        "downsampled_level_dim": np.array(size_px),
        "level_dim": np.array(size_px),
        "name": name,
    }
    with written(path) as temporary, h5py.File(temporary, "w") as file:
        places = file.create_dataset("coords", data=corners)
        for key, value in attributes.items():
            places.attrs[key] = value


def _patch(
    start: int, length: int, scale: float, patch_px: int, count: int
) -> npt.NDArray[np.int64]:
    """Return in which patch the middle of each pixel lies."""
    middles = (np.arange(start, start + length) + 0.5) * scale
    return np.minimum((middles // patch_px).astype(np.int64), count)


def _closed(ring: Ring) -> list[list[float]]:
    """Return a ring's places; GeoJSON wants the first again at the end."""
    places = ring.tolist()
    return places if places[0] == places[-1] else [*places, places[0]]
