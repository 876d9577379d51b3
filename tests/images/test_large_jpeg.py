"""Large JPEGs through imagecodecs: the same pixels and the same verdict as Pillow gives."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import ImageError
from breastseg.images import open_slide
from breastseg.images.readers import large_jpeg
from breastseg.images.readers.png_jpeg import opened
from conftest import crop

FIELD = Image.fromarray(np.ascontiguousarray(crop(0)[:121, :150]))
WAYS = {
    "4:2:0": {"quality": 80},
    "4:2:2": {"quality": 90, "subsampling": 1},
    "4:4:4": {"quality": 95, "subsampling": 0},
    "RGB": {"keep_rgb": True},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_blocks": 3},
}


def saved(path: Path, **options: object) -> bytes:
    FIELD.save(path, "JPEG", **options)
    return path.read_bytes()


def read(path: Path, monkeypatch: pytest.MonkeyPatch, large_px: int) -> np.ndarray | str:
    """Return the pixels of a JPEG, or what is said against it."""
    monkeypatch.setattr(large_jpeg, "LARGE_PX", large_px)
    try:
        return open_slide(path, mpp=0.5).read(mpp=0.5)
    except ImageError as error:
        return str(error)


@pytest.mark.parametrize("way", list(WAYS))
def test_a_large_jpeg_has_the_pixels_of_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    path = tmp_path / "a.jpg"
    saved(path, **WAYS[way])
    monkeypatch.setattr(large_jpeg, "LARGE_PX", 0)
    with opened(path) as image:
        pixels = large_jpeg.decode_large(image, path)
        assert pixels is not None
        assert np.array_equal(pixels, np.asarray(image))


def test_a_large_jpeg_is_turned_upright(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, exif = tmp_path / "a.jpg", Image.Exif()
    exif[0x0112] = 6
    saved(path, exif=exif)
    large, small = (read(path, monkeypatch, most) for most in (0, 10**9))
    assert np.array_equal(large, small)
    assert np.shape(large) == (150, 121, 3)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_inks_are_left_to_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    path = tmp_path / "a.jpg"
    FIELD.convert(mode).save(path)
    monkeypatch.setattr(large_jpeg, "LARGE_PX", 0)
    with opened(path) as image:
        assert large_jpeg.decode_large(image, path) is None


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a JPEG with bytes changed, gone or put in, or cut; most with the end of a whole
    one."""
    at, length = int(rng.integers(2, len(data))), int(rng.integers(1, 40))
    how = int(rng.integers(4))
    if how == 0:
        return data[:at]
    if how == 1:
        return data[:at] + rng.bytes(1) + data[at + 1 :]
    return data[:at] + (
        rng.bytes(length) + data[at:] if how == 2 else data[at + length : -2] + b"\xff\xd9"
    )


@pytest.mark.parametrize("way", list(WAYS))
def test_a_damaged_jpeg_has_the_same_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """imagecodecs fills up what was cut off; Pillow refuses it."""
    path, rng = tmp_path / "a.jpg", np.random.default_rng([7, *way.encode()])
    whole = saved(path, **WAYS[way])
    verdicts = set()
    for _ in range(80):
        path.write_bytes(damaged(whole, rng))
        large, small = (read(path, monkeypatch, most) for most in (0, 10**9))
        verdicts.add(type(large))
        assert np.array_equal(large, small)
    assert verdicts == {str, np.ndarray}
