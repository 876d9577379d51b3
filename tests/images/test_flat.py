"""Pictures and masks: resolution with its origin, area weights for pixels, nearest for codes, and
files that are broken."""

import re
import struct
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import ImageError, MppError
from breastseg.images import open_slide, read_codes, resample_labels, resample_pixels
from breastseg.images.readers import flat_file
from breastseg.images.readers.flat import image_size


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_pixels_shrink_by_the_mean_of_blocks(factor: int) -> None:
    pixels = noise(12 * factor, 20 * factor)
    mean = pixels.reshape(12, factor, 20, factor, 3).astype(float).mean(axis=(1, 3))
    got = resample_pixels(pixels, (20, 12))
    assert got.dtype == np.uint8
    assert got.shape == (12, 20, 3)
    assert np.abs(got - mean).max() <= 0.5 + 1e-6


def test_pixels_shrink_by_area_between_whole_factors() -> None:
    """5 px -> 3: the first new pixel is all of one old pixel and two thirds of the next."""
    row = np.array([0, 30, 90, 150, 210], np.uint8)
    pixels = np.repeat(np.repeat(row[None, :, None], 5, axis=0), 3, axis=2)
    got = resample_pixels(pixels, (3, 5))[0, :, 0]
    first, middle, last = (
        (0 + 30 * 2 / 3) / (5 / 3),
        (30 / 3 + 90 + 150 / 3) / (5 / 3),
        (150 * 2 / 3 + 210) / (5 / 3),
    )
    assert got.tolist() == [round(first), round(middle), round(last)] == [12, 90, 186]


def test_the_mean_of_a_picture_survives() -> None:
    pixels = noise(90, 120)
    assert resample_pixels(pixels, (54, 54))[..., 0].mean() == pytest.approx(
        pixels[..., 0].mean(), abs=0.6
    )


@pytest.mark.parametrize("size", [(7, 5), (30, 40), (13, 40)])
def test_a_constant_stays_constant(size: tuple[int, int]) -> None:
    assert (resample_pixels(np.full((20, 20, 3), 137, np.uint8), size) == 137).all()


def test_the_same_size_is_left_alone() -> None:
    pixels, labels = noise(8, 9), np.arange(72, dtype=np.uint8).reshape(8, 9)
    assert np.array_equal(resample_pixels(pixels, (9, 8)), pixels)
    assert np.array_equal(resample_labels(labels, (9, 8)), labels)


@pytest.mark.parametrize(
    ("old", "new"),
    [((90, 60), (30, 20)), ((96, 97), (58, 58)), ((50, 40), (31, 17)), ((20, 30), (32, 46))],
)
def test_labels_are_those_under_the_new_centres(old: tuple[int, int], new: tuple[int, int]) -> None:
    """INTER_NEAREST takes corners for centres: it moves labels by half a new pixel against the
    pixels."""
    labels = np.random.default_rng(1).integers(0, 22, old[::-1], dtype=np.uint8)
    rows = np.floor((np.arange(new[1]) + 0.5) * old[1] / new[1] + 1e-9).astype(int)
    columns = np.floor((np.arange(new[0]) + 0.5) * old[0] / new[0] + 1e-9).astype(int)
    got = resample_labels(labels, new)
    assert got.dtype == np.uint8
    assert np.array_equal(got, labels[rows][:, columns])


@pytest.mark.parametrize("factor", [3, 5])
def test_odd_factors_take_the_middle(factor: int) -> None:
    labels = np.random.default_rng(2).integers(0, 22, (10 * factor, 8 * factor), dtype=np.uint8)
    assert np.array_equal(
        resample_labels(labels, (8, 10)), labels[factor // 2 :: factor, factor // 2 :: factor]
    )


def test_no_code_is_invented() -> None:
    labels = np.where(np.arange(99)[:, None] < 50, 1, 20).astype(np.uint8).repeat(99, axis=1)
    assert set(np.unique(resample_labels(labels, (41, 41)))) == {1, 20}


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
    with pytest.raises(ImageError, match="is a folder, wanted a picture"):
        open_slide(tmp_path, mpp=0.5)
    for content in (b"", b"words"):
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(
            ImageError,
            match=r"a\.png: not a picture .*; wanted PNG, JPEG or TIFF",
        ):
            read_codes(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_wherever_a_picture_is_cut_it_says_so_and_never_asks_for_mpp(
    tmp_path: Path, suffix: str
) -> None:
    """A header alone counted as no picture; with the header whole, microns per pixel were asked
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
    """For a PNG, Pillow's getexif() decodes the picture: the error came from the header's reader,
    without the file's name."""
    path = save(tmp_path / f"a.{suffix}", noise(64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=rf"a\.{suffix}: (cut short or damaged|not a picture)"):
        open_slide(path, mpp=0.5).read(mpp=0.5)


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


def test_the_former_name_of_this_room_has_the_same_things() -> None:
    from breastseg import images, slides

    assert slides.__all__ == images.__all__
    assert all(getattr(slides, name) is getattr(images, name) for name in images.__all__)
