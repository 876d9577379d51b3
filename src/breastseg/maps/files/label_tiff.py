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
    for label, label_class in enumerate(label_map.classes, start=1):
        red, green, blue = label_class.color
        names[str(label)] = f"{label_class.name} #{red:02X}{green:02X}{blue:02X}"
    colours = np.zeros((3, 256), np.uint16)
    palette = label_map.palette()  # (N, 3)
    # TIFF's palette has 16 bits: 255 * 257 is 65,535, its white.
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
            is_labels = len(level.shape) == 2 and level.dtype == np.uint8
            # Asked before it is decoded: a damaged file may say any size.
            if not is_labels or not 0 < level.size <= _MOST_OVERVIEW_PX:
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
        # Classic TIFF ends at 4 GiB; half of it leaves room for directories, in any case.
        is_big = _stored(levels) > 2**31
        with (
            written(path) as temporary,
            tifffile.TiffWriter(temporary, ome=True, bigtiff=is_big) as tiff,
        ):
            for number, level in enumerate(levels):
                # OME's place for smaller levels is below the first directory, and 1 says "reduced".
                own: dict[str, Any] = {"subfiletype": 1}
                if number == 0:
                    own = {"subifds": len(levels) - 1, "metadata": metadata}
                    own["software"] = "breastseg"
                per_cm = 1e4 / (mpp * 2**number)
                tiff.write(
                    _tiles(level),
                    shape=_shape(level),
                    dtype="uint8",
                    tile=(TILE_PX, TILE_PX),
                    compression="adobe_deflate",  # as the rasters' tiles are: bytes are copied
                    resolution=(per_cm, per_cm),
                    resolutionunit="CENTIMETER",
                    **own,
                    **look,
                )
    finally:
        for level in levels[1:]:
            for plane in level:
                plane.close()
        for leftover in scratch:
            leftover.unlink(missing_ok=True)


def _tiles(level: Sequence[Raster]) -> Iterator[bytes]:
    return chain.from_iterable(map(Raster.compressed_tiles, level))


def _shape(level: Sequence[Raster]) -> tuple[int, ...]:
    height_width = level[0].size_px[::-1]
    return (len(level), *height_width) if len(level) > 1 else height_width


def _stored(levels: Sequence[Sequence[Raster]]) -> int:
    """Return how many bytes all tiles take."""
    return sum(plane.stored_bytes for plane in chain.from_iterable(levels))


def _identity(planes: Sequence[Raster]) -> str:
    """Return an OME identifier that is the same for the same values; tifffile's own is drawn by
    lot, so that no file would be like another."""
    digest = hashlib.sha256()
    for tile in _tiles(planes):
        digest.update(tile)
    return str(uuid5(NAMESPACE_URL, digest.hexdigest()))
