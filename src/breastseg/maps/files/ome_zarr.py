"""A map as OME-Zarr 0.5: the slide, small, and its labels over it, each a pyramid.

NAME.ome.zarr/0, 1 ...              the slide, at most 2,048 px a side, and its halves: (3, H, W)
NAME.ome.zarr/labels/tissue/0 ...   the labels, at their own um/px, and their halves: (H, W)

Both say where they lie in microns from the slide's left-top corner, so that readers lay one over
the other, and both have as many levels, as the format wants it. Nothing is held whole: the slide is
read, and everything written, a chunk or a shard at a time.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.errors import MissingPackageError
from breastseg.geometry import Box
from breastseg.images import Slide
from breastseg.json_files import JsonObject
from breastseg.labels import LabelMap
from breastseg.maps.raster import Raster

MAX_THUMBNAIL_PX = 2048
"""Longer side of the slide's first level."""
LABELS = "tissue"

_SMALLEST_PX = 512  # the pyramid ends with the first level that fits into this
_CHUNK_PX, _SHARD_PX = 512, 4096
"""Labels are sharded: 50,000 px a side would be ten thousand files else."""
_VERSION = "0.5"


def check_zarr() -> None:
    """Raise MissingPackageError where zarr is not installed."""
    try:
        import zarr  # noqa: F401
    except ImportError as cause:
        raise MissingPackageError(
            f"--ome-zarr: {cause.name or cause} is not installed; pip install 'breastseg[zarr]'"
        ) from None


def write_ome_zarr(slide: Slide, labels: Raster, label_map: LabelMap, path: Path) -> None:
    """Write a slide, small, and its labels.

    Args:
        slide: of the map.
        labels: finished, over the whole slide.
        label_map: names and colours of the classes.
        path: ends in .ome.zarr; must not exist. Scratch files lie beside it meanwhile.
    """
    import zarr

    root = zarr.create_group(path, zarr_format=3)
    _write_slide(root, slide, len(_sizes(labels.size_px)))
    group = root.create_group("labels")
    group.attrs["ome"] = {"version": _VERSION, "labels": [LABELS]}
    _write_labels(group.create_group(LABELS), slide, labels, label_map, path)


def _write_slide(root: Any, slide: Slide, count: int) -> None:
    width, height = slide.size_px
    shrink = max(1.0, max(width, height) / MAX_THUMBNAIL_PX)
    sizes = [(max(1, round(width / shrink)), max(1, round(height / shrink)))]
    while len(sizes) < count:
        sizes.append(_half(sizes[-1]))
    first = _array(root, 0, sizes[0], channels=3)
    across, down = sizes[0]
    for box in _boxes(sizes[0], _CHUNK_PX):
        right, bottom = box.x + box.width, box.y + box.height
        corners = (
            box.x * width / across,
            box.y * height / down,
            right * width / across,
            bottom * height / down,
        )
        pixels = slide.resampled(corners, (box.width, box.height))
        # (H, W, 3) -> (3, H, W): OME-Zarr's channels come first.
        first[:, box.y : bottom, box.x : right] = pixels.transpose(2, 0, 1)
    finer = first
    for level, size in enumerate(sizes[1:], start=1):
        array = _array(root, level, size, channels=3)
        for box in _boxes(size, _CHUNK_PX):
            right, bottom = box.x + box.width, box.y + box.height
            pixels = finer[:, 2 * box.y : 2 * bottom, 2 * box.x : 2 * right]
            array[:, box.y : bottom, box.x : right] = _mean_of_four(pixels)
        finer = array
    root.attrs["ome"] = {
        "version": _VERSION,
        "multiscales": [_multiscale("slide", slide, sizes, ("c", "y", "x"))],
        # Without it readers show three grey channels and not one image in colour.
        "omero": {"channels": [_channel(name, color) for name, color in _COLOURS]},
    }


def _write_labels(
    group: Any, slide: Slide, labels: Raster, label_map: LabelMap, path: Path
) -> None:
    sizes = _sizes(labels.size_px)
    level, scratch = labels, path.with_name(f".part-{path.name}")
    scratch.mkdir()
    try:
        for number, size in enumerate(sizes):
            if number:
                halved = level.halved(scratch / str(number))
                # The caller's own raster stays open, the halves are ours.
                if level is not labels:
                    level.close()
                level = halved
            array = _array(group, number, size)
            # A whole shard at a time: zarr would read and write again one that is written in parts.
            for box in _boxes(size, _SHARD_PX):
                array[box.y : box.y + box.height, box.x : box.x + box.width] = level.read(box)
    finally:
        if level is not labels:
            level.close()
        shutil.rmtree(scratch)
    colours: list[JsonObject] = [{"label-value": 0, "rgba": [0, 0, 0, 0]}]
    names: list[JsonObject] = [{"label-value": 0, "name": "not analysed"}]
    for label, label_class in enumerate(label_map.classes, start=1):
        colours.append({"label-value": label, "rgba": [*label_class.color, 255]})
        names.append({"label-value": label, "name": label_class.name})
    group.attrs["ome"] = {
        "version": _VERSION,
        "multiscales": [_multiscale(LABELS, slide, sizes, ("y", "x"))],
        "image-label": {
            "colors": colours,
            "properties": names,
            "source": {"image": "../../"},
        },
    }


_COLOURS = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"))


def _channel(name: str, color: str) -> JsonObject:
    window = {"start": 0, "end": 255, "min": 0, "max": 255}
    return {"label": name, "color": color, "window": window, "active": True}


def _multiscale(
    name: str, slide: Slide, sizes: list[tuple[int, int]], axes: tuple[str, ...]
) -> JsonObject:
    """Return a pyramid's metadata; a pixel's place is its middle, in microns from the slide's
    left-top corner."""
    datasets = []
    width_um, height_um = slide.size_px[0] * slide.mpp, slide.size_px[1] * slide.mpp
    channels = len(axes) - 2  # an axis before y and x, or none
    for number, (width, height) in enumerate(sizes):
        # By the extent: sides are rounded when they are halved, the slide stays as large.
        pixel_y, pixel_x = height_um / height, width_um / width
        scale = [1.0] * channels + [pixel_y, pixel_x]
        translation = [0.0] * channels + [pixel_y / 2, pixel_x / 2]
        datasets.append(
            {
                "path": str(number),
                "coordinateTransformations": [
                    {"type": "scale", "scale": scale},
                    {"type": "translation", "translation": translation},
                ],
            }
        )
    return {"name": name, "axes": [_AXES[axis] for axis in axes], "datasets": datasets}


_AXES = {
    "c": {"name": "c", "type": "channel"},
    "y": {"name": "y", "type": "space", "unit": "micrometer"},
    "x": {"name": "x", "type": "space", "unit": "micrometer"},
}


def _array(group: Any, level: int, size_px: tuple[int, int], *, channels: int = 0) -> Any:
    width, height = size_px
    before: tuple[int, ...] = ()
    axes: tuple[str, ...] = ("y", "x")
    if channels:
        before, axes = (channels,), ("c", "y", "x")
    # The slide is at most 2,048 px a side: few chunks, each a file.
    is_sharded = not channels and max(size_px) > _CHUNK_PX
    return group.create_array(
        str(level),
        shape=(*before, height, width),
        chunks=(*before, _CHUNK_PX, _CHUNK_PX),
        shards=(*before, _SHARD_PX, _SHARD_PX) if is_sharded else None,
        dtype="uint8",
        fill_value=0,
        dimension_names=axes,
    )


def _sizes(size_px: tuple[int, int]) -> list[tuple[int, int]]:
    """Return (width, height) of each level, as a raster is halved."""
    sizes = [size_px]
    while max(sizes[-1]) > _SMALLEST_PX:
        sizes.append(_half(sizes[-1]))
    return sizes


def _half(size_px: tuple[int, int]) -> tuple[int, int]:
    return -(-size_px[0] // 2), -(-size_px[1] // 2)


def _boxes(size_px: tuple[int, int], side_px: int) -> Iterator[Box]:
    width, height = size_px
    for y in range(0, height, side_px):
        for x in range(0, width, side_px):
            yield Box(x, y, min(side_px, width - x), min(side_px, height - y))


def _mean_of_four(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return (C, H, W) of half the size, rounded up; the edge is repeated."""
    odd_rows, odd_columns = pixels.shape[1] % 2, pixels.shape[2] % 2
    even = np.pad(pixels, ((0, 0), (0, odd_rows), (0, odd_columns)), mode="edge")
    even = even.astype(np.uint16)  # the sum of four bytes needs ten bits
    upper = even[:, ::2, ::2] + even[:, ::2, 1::2]
    lower = even[:, 1::2, ::2] + even[:, 1::2, 1::2]
    return ((upper + lower + 2) // 4).astype(np.uint8)
