"""TIFFs of every codec, colour model and order of pages, painted for tests."""

import copy
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tifffile import TiffFile, TiffWriter

from breastseg.geometry import Box
from breastseg.images import Pixels, open_slide
from conftest import crop

FIELD = crop(0)[:192, :256]


GREY = np.ascontiguousarray(FIELD[..., 1])


PLANES = np.ascontiguousarray(FIELD.transpose(2, 0, 1))


CODECS = {
    "none": {},
    "lzw": {"compression": "lzw"},
    "deflate": {"compression": "deflate"},
    "zstd": {"compression": "zstd"},
    "packbits": {"compression": "packbits"},
    "lzw predictor": {"compression": "lzw", "predictor": True},
    "zstd predictor": {"compression": "zstd", "predictor": True},
    "jpeg": {"compression": "jpeg", "compressionargs": {"level": 95}},
    "jpeg2000": {"compression": "jpeg2000", "compressionargs": {"reversible": True}},
    "jpegxl": {"compression": "jpegxl", "compressionargs": {"lossless": True}},
    "webp": {"compression": "webp", "compressionargs": {"lossless": True}},
}


PLACES = {
    "tiles": {"tile": (64, 64)},
    "strips": {"rowsperstrip": 48},
    "one strip": {"rowsperstrip": 192},
}


LEVELS = {"one": 1, "three": 3}


def write(
    path: Path,
    levels: list[np.ndarray],
    *,
    order: str = "largest first",
    flagged: bool = True,
    **options: object,
) -> Path:
    """Write images into one TIFF at 0.25 um/px, each in a directory of its own or in SubIFDs."""
    said = {
        "metadata": None,
        "resolution": (40_000, 40_000),
        "resolutionunit": 3,
        **copy.deepcopy(options),
    }  # the writer changes them
    with TiffWriter(path) as writer:
        if order == "sub-directories":
            writer.write(levels[0], **said, subifds=len(levels) - 1)
            for level in levels[1:]:
                writer.write(level, **said, subfiletype=1)
        elif order == "in a sub-directory":
            writer.write(levels[-1], **said, subfiletype=1, subifds=1)
            writer.write(levels[0], **said, subfiletype=0)
        else:
            for level in levels if order == "largest first" else levels[::-1]:
                writer.write(level, **said, subfiletype=int(flagged and level is not levels[0]))
    return path


def read(path: Path) -> Pixels:
    with closing(open_slide(path)) as slide:
        return slide.read(mpp=slide.mpp)


def check_same(path: Path, wanted: np.ndarray, *, loss: float = 0) -> None:
    """The whole and a box of it have the pixels that were painted; a lossy codec may be off by a
    little in the mean."""
    with closing(open_slide(path)) as slide:
        assert slide.size_px == (wanted.shape[1], wanted.shape[0])
        assert slide.mpp == pytest.approx(0.25)
        got, part = slide.read(mpp=slide.mpp), slide.read(Box(50, 40, 90, 77), mpp=slide.mpp)
    assert np.array_equal(part, got[40:117, 50:140])
    off = np.abs(got.astype(int) - wanted)
    assert off.mean() <= loss
    assert off.max() <= (60 if loss else 0)


def patched(path: Path, name: str, value: int) -> Path:
    with TiffFile(path, mode="r+") as file:
        file.pages.first.tags[name].overwrite(value, dtype=4)
    return path
