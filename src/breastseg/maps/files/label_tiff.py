"""Rasters as pyramidal OME-TIFF: labels with their names and colours, or planes of values.

Readers that know OME-TIFF (QuPath, ImageJ, tifffile) find the pyramid in SubIFDs; others see the
full size. Colours are a palette: the pixel values stay labels.
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import tifffile

from breastseg.errors import ImageError
from breastseg.files import written
from breastseg.images.directories import open_tiff
from breastseg.images.pyramid import DAMAGE
from breastseg.labels import LabelMap, Labels
from breastseg.maps.raster import TILE_PX, Raster
from breastseg.wording import in_short

_SMALLEST_PX = 512
"""The pyramid ends with the first level that fits into this."""
_MOST_OVERVIEW_PX = 2**22
_DAMAGE = (*DAMAGE, AttributeError, zlib.error)
"""What tifffile and its decoders raise at damaged files."""


def write_label_tiff(
    labels: Raster, label_map: LabelMap, path: Path, *, mpp: float, notes: Mapping[str, str] = {}
) -> None:
    """Write a label image: values are labels, 0 is not analysed.

    Args:
        labels: finished.
        label_map: names and colours of the classes; they stand in the file's map annotation as
            "label: name #RRGGBB".
        path: ends in .ome.tif; written beside, then renamed. Scratch files of the pyramid lie next
            to it meanwhile.
        mpp: microns per pixel.
        notes: more pairs for the map annotation.
    """
    names = {"0": "not analysed"}
    for label, named in enumerate(label_map.classes, start=1):
        names[str(label)] = f"{named.name} #{''.join(f'{value:02X}' for value in named.color)}"
    colours = np.zeros((3, 256), np.uint16)
    palette = label_map.palette()
    colours[:, : len(palette)] = palette.T.astype(np.uint16) * 257
    _write(
        [labels],
        path,
        mpp,
        {"Name": "tissue labels"},
        {**names, **notes},
        {"photometric": "palette", "colormap": colours},
    )


def write_planes_tiff(
    planes: Sequence[Raster],
    names: Sequence[str],
    path: Path,
    *,
    mpp: float,
    notes: Mapping[str, str] = {},
) -> None:
    """Write one channel a raster, all of one size, by name; `notes` say what the values mean."""
    _write(
        planes,
        path,
        mpp,
        {"Name": path.name.split(".")[0], "Channel": {"Name": list(names)}},
        notes,
        {"photometric": "minisblack"},
    )


def read_overview(path: Path) -> Labels:
    """Read the smallest level of a label image that `write_label_tiff` wrote: (H, W) uint8.

    Raises:
        ImageError: no such file, or one that is cut short, damaged or something else.
    """
    if not path.is_file():
        raise ImageError(f"{path}: not found; make the map again")
    try:
        with open_tiff(path) as tiff:
            level = tiff.series[0].levels[-1]
            if (
                len(level.shape) != 2
                or level.dtype != np.uint8
                or not 0 < level.size <= _MOST_OVERVIEW_PX
            ):
                raise ImageError(
                    f"{path}: its smallest level is {level.dtype} of {level.shape}, wanted 8-bit"
                    " labels; make the map again"
                )
            return np.asarray(level.asarray(), np.uint8)
    except ImageError:
        raise
    except _DAMAGE as cause:
        raise ImageError(
            f"{path}: cut short or damaged ({in_short(cause)}); make the map again"
        ) from None


def _write(
    planes: Sequence[Raster],
    path: Path,
    mpp: float,
    image: Mapping[str, Any],
    notes: Mapping[str, str],
    look: Mapping[str, Any],
) -> None:
    options = {
        "dtype": "uint8",
        "tile": (TILE_PX, TILE_PX),
        "compression": "adobe_deflate",
        "resolutionunit": "CENTIMETER",
        **look,
    }
    levels = [list(planes)]
    scratch: list[Path] = []
    try:
        while max(levels[-1][0].size_px) > _SMALLEST_PX:
            halves = []
            for number, plane in enumerate(levels[-1]):
                scratch.append(path.with_name(f".part-{path.name}-{len(levels)}-{number}"))
                halves.append(plane.halved(scratch[-1]))
            levels.append(halves)
        metadata = {
            **image,
            "axes": "CYX" if len(planes) > 1 else "YX",
            "UUID": _identity(planes),
            "MapAnnotation": dict(notes),
            "PhysicalSizeX": mpp,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": mpp,
            "PhysicalSizeYUnit": "µm",
        }
        with (
            written(path) as beside,
            tifffile.TiffWriter(beside, ome=True, bigtiff=_stored(levels) > 2**31) as tiff,
        ):
            for number, level in enumerate(levels):
                first = (
                    {"subifds": len(levels) - 1, "metadata": metadata, "software": "breastseg"}
                    if number == 0
                    else {"subfiletype": 1}
                )
                per_cm = 1e4 / (mpp * 2**number)
                tiff.write(
                    _tiles(level),
                    shape=_shape(level),
                    resolution=(per_cm, per_cm),
                    **first,
                    **options,
                )
    finally:
        for level in levels[1:]:
            for plane in level:
                plane.close()
        for leftover in scratch:
            leftover.unlink(missing_ok=True)


def _tiles(level: Sequence[Raster]) -> Iterator[bytes]:
    return chain.from_iterable(plane.compressed_tiles() for plane in level)


def _shape(level: Sequence[Raster]) -> tuple[int, ...]:
    height_width = level[0].size_px[::-1]
    return (len(level), *height_width) if len(level) > 1 else height_width


def _stored(levels: Sequence[Sequence[Raster]]) -> int:
    return sum(plane.stored_bytes for level in levels for plane in level)


def _identity(planes: Sequence[Raster]) -> str:
    """Return an OME identifier that is the same for the same values."""
    digest = hashlib.sha256()
    for tile in _tiles(planes):
        digest.update(tile)
    return str(uuid5(NAMESPACE_URL, digest.hexdigest()))
