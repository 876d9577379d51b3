"""PNG and JPEG through Pillow: colours, and files that are broken."""

import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import ImageError, MppError
from breastseg.images import open_slide
from breastseg.images.readers.flat import image_size


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def test_transparent_is_white(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2, :, 3] = 255
    got = open_slide(save(tmp_path / "a.png", pixels), mpp=0.5).read(mpp=0.5)
    assert (got[:2] == 0).all()
    assert (got[2:] == 255).all()


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    grey = np.arange(16, dtype=np.uint8).reshape(4, 4)
    assert np.array_equal(
        open_slide(save(tmp_path / "a.png", grey), mpp=0.5).read(mpp=0.5),
        np.stack([grey] * 3, axis=2),
    )


def test_a_16_bit_picture_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.full((4, 4), 1000, np.uint16))
    with pytest.raises(
        ImageError,
        match=(r"a\.png: 16-bit pixels, wanted .* 8 bits a channel"),
    ):
        open_slide(path, mpp=0.5)


def test_inks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(8, 8)).convert("CMYK").save(path)
    with pytest.raises(
        ImageError,
        match=(r"a\.jpg: CMYK colours, wanted .*RGB or grey"),
    ):
        open_slide(path, mpp=0.5)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_wherever_a_picture_is_cut_it_says_so_and_never_asks_for_mpp(
    tmp_path: Path, suffix: str
) -> None:
    """A header alone counted as no image; with the header whole, microns per pixel were asked
    for, which did not help."""
    whole = save(tmp_path / f"a.{suffix}", noise(64, 64)).read_bytes()
    with pytest.raises(MppError, match="give --mpp"):
        open_slide(tmp_path / f"a.{suffix}")
    for end in [*range(9, 60), *range(60, len(whole), 499), len(whole) - 1]:
        if (suffix, end) == ("png", len(whole) - 1):
            end = len(whole) - 9  # of the last chunk, which is empty, the check sum may be missing
        (tmp_path / f"b.{suffix}").write_bytes(whole[:end])
        with pytest.raises(
            ImageError, match=rf"b\.{suffix}: cut short or damaged [^\n]*; copy or export it again$"
        ):
            open_slide(tmp_path / f"b.{suffix}")


def test_the_end_of_a_long_jpeg_is_looked_for_without_holding_it(tmp_path: Path) -> None:
    """The browser view looks for it in the server itself, which held 200 MB of a JPEG of 200 MB."""
    long = save(tmp_path / "a.jpg", noise(64, 64)).read_bytes()[:-2] + bytes(10**7) + b"\xff\xd9"
    for end, error in ((None, MppError), (-2, ImageError)):
        (tmp_path / "a.jpg").write_bytes(long[:end])
        tracemalloc.start()
        with pytest.raises(error):
            open_slide(tmp_path / "a.jpg")
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert taken < 4 * 2**20 < len(long)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_picture_cut_short_is_named(tmp_path: Path, suffix: str) -> None:
    """For a PNG, Pillow's getexif() decodes the image: the error came from the header's reader,
    without the file's name."""
    path = save(tmp_path / f"a.{suffix}", noise(64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=rf"a\.{suffix}: (cut short or damaged|not an image)"):
        open_slide(path, mpp=0.5).read(mpp=0.5)


def test_pillows_own_limits_are_told_as_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above its limit Pillow warns, which is nobody's business here; above twice that it raises."""
    path = save(tmp_path / "a.png", noise(20, 30))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    assert image_size(path) == (30, 20)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with pytest.raises(ImageError, match=r"a\.png: more than twice Pillow's limit, a flat image"):
        image_size(path)


def test_threads_may_open_pictures_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """catch_warnings() is of the whole process: two threads in it at once let Pillow's warning out,
    or silence it for good."""
    path = save(tmp_path / "a.png", noise(20, 30))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(lambda _: image_size(path), range(2000)))
    assert set(sizes) == {(30, 20)}
    assert warnings.filters == before
