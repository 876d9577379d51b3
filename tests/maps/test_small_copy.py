"""The small copy inside an overview's file: as others read it, and what damage does to it."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from breastseg.labels import BUILT_IN
from breastseg.maps.pictures import save_overlay
from breastseg.maps.small_copy import SMALL_PX, exif_of, small_copy
from breastseg.report import thumbnails as pages
from breastseg.report.thumbnails import THUMBNAIL_PX, thumbnails
from conftest import crop

MAP = BUILT_IN["region5"]


def overview(path: Path, side: int = 600) -> Path:
    pixels = np.asarray(Image.fromarray(crop(0)).resize((side, side)))
    labels = np.full((side, side), 1, np.uint8)
    labels[: side // 2] = 2
    save_overlay(pixels, labels, MAP, path)
    return path


def shown(path: Path) -> str:
    (picture,) = thumbnails([path])
    return picture


@pytest.mark.parametrize("name", ["overlay.jpg", "overlay.png"])
def test_an_overview_holds_itself_small(name: str, tmp_path: Path) -> None:
    with Image.open(overview(tmp_path / name)) as picture:
        copy = Image.open(io.BytesIO(small_copy(picture)))
        whole = picture.convert("RGB")
    assert max(copy.size) == SMALL_PX
    assert whole.height / whole.width == pytest.approx(copy.height / copy.width, abs=0.01)
    apart = np.abs(np.asarray(whole.resize(copy.size, Image.Resampling.BOX), int) - copy)
    assert apart.mean() < 8


def test_another_reader_of_exif_finds_it(tmp_path: Path) -> None:
    with Image.open(overview(tmp_path / "overlay.jpg")) as picture:
        said = picture.getexif()
        assert said[ExifTags.Base.Orientation] == 1, "upright"
        copy = said.get_ifd(ExifTags.IFD.IFD1)
        place, length = copy[ExifTags.Base.JpegIFOffset], copy[ExifTags.Base.JpegIFByteCount]
        assert copy[ExifTags.Base.Compression] == 6, "JPEG"
        exif = picture.info["exif"].removeprefix(b"Exif\0\0")
        assert exif[place : place + length] == small_copy(picture) != b""


def test_a_page_takes_the_copy_and_else_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = overview(tmp_path / "overlay.jpg")
    plain = tmp_path / "plain.jpg"
    with Image.open(path) as picture:
        picture.convert("RGB").save(plain, quality=88)
    from_whole = shown(plain)
    monkeypatch.setattr(pages, "_from_whole", lambda picture: None)  # the image is not decoded
    assert shown(plain) == ""
    from_copy = shown(path)
    a, b = (decoded(one) for one in (from_copy, from_whole))
    assert a.shape == b.shape
    assert max(a.shape) == THUMBNAIL_PX
    assert np.abs(a - b).mean() < 8


def decoded(address: str) -> np.ndarray:
    import base64

    data = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # it reads EXIF too
def test_a_copy_that_is_damaged_small_or_large_is_left_out(tmp_path: Path) -> None:
    whole = Image.fromarray(crop(0))
    plain, path = tmp_path / "plain.jpg", tmp_path / "overlay.jpg"
    whole.save(plain, quality=88)
    wanted = shown(plain)
    assert wanted
    other = Image.new("RGB", (300, 300), "green")
    for exif in (
        exif_of(other.resize((40, 40))),  # as small as an image that was hardly larger
        exif_of(other)[:-900],
        exif_of(other).replace(b"\xff\xd8", b"\xff\xd7"),
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"no EXIF",
    ):
        whole.save(path, quality=88, exif=exif)
        assert shown(path) == wanted
    whole.save(path, quality=88, exif=exif_of(other))
    assert shown(path) != wanted, "a whole copy is taken"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # it reads EXIF too
def test_no_damage_of_the_exif_raises(tmp_path: Path) -> None:
    path = overview(tmp_path / "overlay.jpg", 160)
    data = path.read_bytes()
    start = data.index(b"Exif")
    draw = np.random.default_rng(3)
    found = set()
    for _ in range(400):
        damaged = bytearray(data)
        for place in draw.integers(start + 6, start + 90, draw.integers(1, 5)):
            damaged[place] = draw.integers(256)
        path.write_bytes(damaged)
        found.add(shown(path)[:16])
    assert found == {"data:image/webp;"}, "the image itself is whole"
