"""Images and masks: resolution with its origin, area weights for pixels, nearest for codes, and
files that are broken."""

import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import ImageError, MppError
from breastseg.images import open_slide, read_codes, resample_pixels
from breastseg.images.readers import flat_file
from breastseg.images.readers.flat import image_size


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize(("unit", "per_unit", "mpp"), [(3, 40_000, 0.25), (2, 50_800, 0.5)])
def test_tiff_tags_give_the_resolution(
    tmp_path: Path, unit: int, per_unit: int, mpp: float
) -> None:
    """Unit 3 is centimetres, 2 inches."""
    path = save(
        tmp_path / "a.tif",
        noise(20, 30),
        tiffinfo={282: float(per_unit), 283: float(per_unit), 296: unit},
    )
    slide = open_slide(path)
    assert slide.size_px == (30, 20)
    assert slide.mpp == pytest.approx(mpp)
    assert slide.mpp_source == "TIFF resolution tags"


def test_a_given_resolution_goes_over_the_tags(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", noise(8, 8), tiffinfo={282: 40_000.0, 283: 40_000.0, 296: 3})
    slide = open_slide(path, mpp=0.3)
    assert (slide.mpp, slide.mpp_source) == (0.3, "given")


def test_screen_resolution_is_not_believed(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", noise(8, 8), tiffinfo={282: 72.0, 283: 72.0, 296: 2})
    with pytest.raises(
        MppError,
        match=r"a\.tif: no microns per pixel .*352\.778 um/px.* --mpp",
    ):
        open_slide(path)


def test_no_resolution_says_what_was_looked_at(tmp_path: Path) -> None:
    with pytest.raises(
        MppError,
        match=(r"a\.png: no microns per pixel .*not a TIFF\); give --mpp"),
    ):
        open_slide(save(tmp_path / "a.png", noise(8, 8)))


def test_an_implausible_given_resolution(tmp_path: Path) -> None:
    with pytest.raises(MppError, match=r"250 um/px, wanted 0\.05 to 20"):
        open_slide(save(tmp_path / "a.png", noise(8, 8)), mpp=250)


def test_read_at_another_resolution(tmp_path: Path) -> None:
    pixels = noise(24, 36)
    slide = open_slide(save(tmp_path / "a.png", pixels), mpp=0.25)
    assert np.array_equal(slide.read(mpp=0.25), pixels)
    assert np.array_equal(slide.read(mpp=0.5), resample_pixels(pixels, (18, 12)))


def test_a_turned_photograph_is_read_upright(tmp_path: Path) -> None:
    """EXIF orientation 6: the first stored row is the right-hand side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.full((16, 32, 3), 255, np.uint8)
    pixels[:8] = 0
    for name in ("a.jpg", "a.png"):
        slide = open_slide(save(tmp_path / name, pixels, exif=exif), mpp=0.5)
        assert slide.size_px == image_size(tmp_path / name) == (16, 32)
        got = slide.read(mpp=0.5)
        assert got.shape == (32, 16, 3)
        assert got[:, 10:].max() < 40
        assert got[:, :6].min() > 215


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_codes_are_read_as_they_are(tmp_path: Path, suffix: str) -> None:
    codes = np.random.default_rng(0).integers(0, 22, (9, 7), dtype=np.uint8)
    assert np.array_equal(read_codes(save(tmp_path / f"m.{suffix}", codes)), codes)


def test_a_palette_mask_is_its_indices(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(0, 22, (9, 7), dtype=np.uint8)
    image = Image.fromarray(codes)
    image.putpalette([(7 * i) % 256 for i in range(768)])
    assert image.mode == "P"
    image.save(tmp_path / "m.png")
    assert np.array_equal(read_codes(tmp_path / "m.png"), codes)


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.zeros((4, 4, 3), np.uint8), "RGB colours"),
        (np.zeros((4, 4, 4), np.uint8), "RGBA colours"),
        (np.zeros((4, 4), np.uint16), "16-bit"),
    ],
)
def test_a_picture_of_a_mask_is_refused(tmp_path: Path, array: np.ndarray, kind: str) -> None:
    with pytest.raises(
        ImageError,
        match=(rf"m\.png: mask has {kind}[^,]*, wanted 8-bit grey or palette"),
    ):
        read_codes(save(tmp_path / "m.png", array))


def test_missing_folder_and_words(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"a\.png: not found"):
        open_slide(tmp_path / "a.png", mpp=0.5)
    with pytest.raises(ImageError, match="is a folder, wanted an image"):
        open_slide(tmp_path, mpp=0.5)
    for content in (b"", b"words"):
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(
            ImageError,
            match=r"a\.png: not an image .*; wanted PNG, JPEG or TIFF",
        ):
            read_codes(tmp_path / "a.png")


def test_a_mask_cut_short_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", noise(64, 64)[..., 0])
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(
        ImageError, match=r"m\.png: cut short or damaged .*; copy or export it again"
    ):
        read_codes(path)


def test_the_size_comes_from_the_header_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", noise(64, 48))
    path.write_bytes(path.read_bytes()[:200])
    assert image_size(path) == (48, 64)


def test_a_picture_too_large_to_decode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", noise(20, 30))
    monkeypatch.setattr(flat_file, "MAX_PIXELS", 599)
    with pytest.raises(
        ImageError, match=re.escape("a.png: 30 x 20 px, a flat image is decoded whole up to")
    ):
        open_slide(path, mpp=0.5)


@pytest.mark.parametrize(
    ("megapixels", "side"), [(81, 9000), (180, 13_416), (249, 15_779), (251, 15_843)]
)
def test_flat_pictures_are_read_up_to_250_megapixels(
    tmp_path: Path, megapixels: int, side: int
) -> None:
    """Pillow refused above 179, and warned above 89. Only the header is looked at here."""
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path = tmp_path / "a.png"
    chunks = [(b"IHDR", head), (b"IDAT", b""), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    if megapixels > 250:
        with pytest.raises(
            ImageError,
            match=(rf"a\.png: {side} x {side} px, .*up to 250 Mpx"),
        ):
            open_slide(path, mpp=0.5)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_slide(path, mpp=0.5).size_px == (side, side)
