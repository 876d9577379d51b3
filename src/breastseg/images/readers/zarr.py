"""OME-Zarr 0.4 and 0.5: a folder with levels of chunks (extra `zarr`)."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from breastseg.errors import BreastsegError, ImageError
from breastseg.geometry import Box
from breastseg.images.pyramid import DAMAGE, Pyramid, check_stored
from breastseg.images.resolution import Clue, find_mpp, with_unit
from breastseg.images.slide import Pixels
from breastseg.json_files import JsonObject, read_json

_DAMAGE = (*DAMAGE, AttributeError, EOFError, zlib.error)
"""What zarr and its codecs raise at damaged files, and what comes of metadata in another form."""


class ZarrSlide(Pyramid):
    """The first image of an OME-Zarr folder. Chunks that were left out have the array's fill
    value."""

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        """Read the metadata and find the microns per pixel.

        Args:
            path: the folder.
            mpp: microns per pixel when the metadata do not say, or say it wrong.

        Raises:
            ImageError: no image of OME-Zarr 0.4 or 0.5, broken, or not RGB or grey in 8 bits.
            MppError: no mpp was given and the metadata have none that is plausible.
        """
        try:
            place, image = _image(path)
            axes = [axis["name"] for axis in image["axes"]]
            self._arrays = []
            levels = []
            for level in image["datasets"]:
                array = zarr.open_array(_inside(path, place, level["path"]), mode="r")
                self._arrays.append(array)
                levels.append(_size(path, axes, array))
            found = find_mpp(path, mpp, [_scale_clue(image)])
        except BreastsegError:
            raise
        except _DAMAGE as cause:
            raise ImageError(
                f"{path}: cut short or damaged, or not OME-Zarr 0.4 or 0.5 ({cause!r}); copy or"
                " export it again"
            ) from None
        super().__init__(path, levels, found)
        self._axes = axes
        self.piece_px = max(int(np.prod(array.chunks)) for array in self._arrays)

    def _stored(self, level: int, box: Box) -> Pixels:
        # Missing chunks count as left out: a folder that has gone would be a white slide.
        if not self.path.is_dir():
            raise ImageError(f"{self.path}: not found any more; it was there when it was opened")
        spans = {
            "y": slice(box.y, box.y + box.height),
            "x": slice(box.x, box.x + box.width),
            "c": slice(None),
        }
        # Other axes, as time, have one place: 0 takes it, and the axis goes.
        region = tuple(spans.get(name, 0) for name in self._axes)
        try:
            pixels = np.asarray(self._arrays[level][region], np.uint8)
        except _DAMAGE as cause:
            raise self._broken(level, box, cause) from None
        left = [name for name in self._axes if name in spans]
        order = [left.index(name) for name in "yxc" if name in left]
        pixels = pixels.transpose(order)  # (H, W, c), or (H, W) without channels
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        # Grey, of one channel, becomes three alike.
        return np.ascontiguousarray(np.broadcast_to(pixels, (box.height, box.width, 3)))

    def close(self) -> None:
        """Nothing is held: each chunk is opened when it is read."""


def _image(path: Path) -> tuple[Path, JsonObject]:
    """Return the folder and the metadata of the first image; what bioformats2raw writes has it in
    the folder 0."""
    for place in (path, path / "0"):
        metadata: JsonObject = {}
        if (place / "zarr.json").is_file():  # 0.5
            whole = read_json(place / "zarr.json", ImageError, "the metadata of a Zarr")
            metadata = whole.get("attributes", {}).get("ome", {})
        elif (place / ".zattrs").is_file():  # 0.4
            metadata = read_json(place / ".zattrs", ImageError, "the metadata of a Zarr")
        if metadata.get("multiscales"):
            return place, metadata["multiscales"][0]
    raise ImageError(
        f"{path}: a Zarr without an image (no 'multiscales'), wanted OME-Zarr 0.4 or 0.5; name the"
        " folder of an image"
    )


def _inside(path: Path, place: Path, name: str) -> Path:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ImageError(f"{path}: names pixels in another folder; put all of it into one")
    return place / name


def _size(path: Path, axes: list[str], array: Any) -> tuple[int, int]:
    """Return (width, height) of a level, when its pixels are ones that can be read."""
    size = dict(zip(axes, array.shape, strict=True))
    others = [length for name, length in size.items() if name not in {"x", "y", "c"}]
    has_several = any(length != 1 for length in others)  # times or depths
    if array.dtype != np.uint8 or size.get("c", 1) not in {1, 3} or has_several:
        shape = ", ".join(f"{name} {length}" for name, length in size.items())
        raise ImageError(
            f"{path}: {array.dtype} pixels, axes {shape}; wanted one image in RGB or grey with 8"
            " bits a channel; convert it"
        )
    samples = int(np.prod(array.chunks))
    channels = array.chunks[axes.index("c")] if "c" in axes else 1
    check_stored(path, samples // min(channels, 3))
    return size["x"], size["y"]


def _scale_clue(image: JsonObject) -> Clue:
    """Return what the metadata say of level 0: its own scales times those of the whole image."""
    place = "OME-Zarr scale"
    names = [axis["name"] for axis in image["axes"]]
    units = {axis["name"]: axis.get("unit") for axis in image["axes"]}
    of_level = image["datasets"][0].get("coordinateTransformations", ())
    of_image = image.get("coordinateTransformations", ())
    scales = [step["scale"] for step in (*of_level, *of_image) if step.get("type") == "scale"]
    if not scales:
        return Clue(place)
    x = y = 1.0
    for scale in scales:
        x *= float(scale[names.index("x")])
        y *= float(scale[names.index("y")])
    return with_unit(place, x, y, (units["x"], units["y"]))
