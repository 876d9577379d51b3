"""PNGs in bands of rows: the same pixels and the same verdict as Pillow gives, but for what Pillow
passes over in silence."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import ImageError
from breastseg.images import open_slide
from breastseg.images.readers import png_bands
from breastseg.images.readers.flat import FlatSlide
from breastseg.images.readers.png_bands import PngRows, find_rows
from breastseg.images.readers.png_jpeg import opened
from conftest import CROPS
from png_files import KINDS, any_png, chunk, filtered, head, row_bytes, tissue_like

REFUSED = (
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    RuntimeError,
)


@pytest.fixture(autouse=True)
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_bands, "_BAND_BYTES", 1500)
    monkeypatch.setattr(png_bands, "_PIECE_BYTES", 700)


def by_pillow(data: bytes) -> np.ndarray:
    """Return the pixels of a PNG, decoded whole by Pillow, what is transparent over white."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        if "A" in image.getbands() or "transparency" in image.info:
            white = Image.new("RGBA", image.size, "white")
            return np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
        return np.asarray(image.convert("RGB"))


def rows_of(path: Path) -> PngRows | None:
    with opened(path) as image:
        return find_rows(image, path)


def read(path: Path) -> np.ndarray:
    slide = open_slide(path, mpp=0.5)
    assert isinstance(slide, FlatSlide)
    whole = slide.read(mpp=0.5)
    assert np.array_equal(np.concatenate(list(slide.bands())), whole)
    return whole


@pytest.mark.parametrize(("depth", "kind"), KINDS)
def test_bands_have_the_pixels_of_pillow(tmp_path: Path, depth: int, kind: int) -> None:
    rng = np.random.default_rng([depth, kind])
    path = tmp_path / "a.png"
    for width in (1, 2, 3, 7, 8, 9, 64, 301):
        height = int(rng.choice([1, 2, 5, 37, 80]))
        path.write_bytes(any_png(rng, depth, kind, (width, height)))
        rows = rows_of(path)
        assert rows is not None
        assert sum(len(band) for band in rows.bands()) == height
        assert np.array_equal(read(path), by_pillow(path.read_bytes()))


@pytest.mark.parametrize("crop", CROPS, ids=lambda one: one.stem[:12])
def test_a_real_crop_comes_in_many_bands(crop: Path) -> None:
    rows = rows_of(crop)
    assert rows is not None
    assert len(list(rows.bands())) > 50
    assert np.array_equal(read(crop), by_pillow(crop.read_bytes()))


def test_what_is_read_belongs_to_the_caller(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for depth, kind in KINDS:
        (tmp_path / "a.png").write_bytes(any_png(rng, depth, kind, (20, 10)))
        slide = open_slide(tmp_path / "a.png", mpp=0.5)
        pixels = slide.read(mpp=0.5)
        pixels[:] = 0
        assert pixels.flags.c_contiguous


def test_what_stands_behind_the_pixels_counts_as_with_pillow(tmp_path: Path) -> None:
    """A transparent colour behind the pixels is no PNG by the book; Pillow takes it."""
    rng, path = np.random.default_rng(3), tmp_path / "a.png"
    rows = tissue_like(40, row_bytes(30, 8, 2), rng)
    data = zlib.compress(filtered(rows, [4] * 40, 3))
    colour = b"".join(b"\0" + bytes([one]) for one in rows[20, :3])
    path.write_bytes(
        head(30, 40, 8, 2) + chunk(b"IDAT", data) + chunk(b"tRNS", colour) + chunk(b"IEND")
    )
    assert rows_of(path) is not None
    got = read(path)
    assert (got[20, 0] == 255).all()
    assert np.array_equal(got, by_pillow(path.read_bytes()))


def with_pixels(
    data: bytes, *, check: bytes | None = None, behind: bytes = chunk(b"IEND")
) -> bytes:
    """Return an RGB PNG of 30 x 40 px with such compressed pixels in one chunk, and a checksum of
    one's own."""
    pixels = chunk(b"IDAT", data)
    return head(30, 40, 8, 2) + (pixels if check is None else pixels[:-4] + check) + behind


ROWS = filtered(tissue_like(40, 90, np.random.default_rng(5)), [n % 5 for n in range(40)], 3)
WHOLE = zlib.compress(ROWS)
FITS = {
    "more rows than its head says": with_pixels(zlib.compress(ROWS + ROWS)),
    "more behind the compressed pixels": with_pixels(WHOLE + b"more"),
    "an empty chunk": (
        head(30, 40, 8, 2)
        + chunk(b"IDAT")
        + chunk(b"IDAT", WHOLE)
        + chunk(b"IDAT")
        + chunk(b"IEND")
    ),
    "no last chunk": with_pixels(WHOLE, behind=b""),
    "no checksum of the compressed pixels": with_pixels(WHOLE[:-4]),
    "half a chunk of words": with_pixels(WHOLE, behind=chunk(b"tEXt", b"a\0b")[:6]),
    "words with a wrong checksum": with_pixels(
        WHOLE, behind=chunk(b"tEXt", b"a\0b")[:-1] + b"x" + chunk(b"IEND")
    ),
    "pixels once more behind words": with_pixels(
        WHOLE, behind=chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", WHOLE) + chunk(b"IEND")
    ),
}
UNFIT = {
    "cut in its pixels": (with_pixels(WHOLE)[:900], "it ends before its pixels do"),
    "cut in a checksum": (
        with_pixels(WHOLE)[:-14],
        "a part of its pixels does not fit its checksum",
    ),
    "too few rows": (with_pixels(zlib.compress(ROWS[:-91])), "it ends before its pixels do"),
    "too few bytes": (with_pixels(zlib.compress(ROWS[:-9])), "it ends before its pixels do"),
    "another checksum": (
        with_pixels(WHOLE, check=b"abcd"),
        "a part of its pixels does not fit its checksum",
    ),
    "another checksum inside": (
        with_pixels(WHOLE[:-1] + bytes([WHOLE[-1] ^ 1])),
        "incorrect data check",
    ),
    "not compressed": (with_pixels(ROWS), "unknown compression method"),
    "an unknown filter": (with_pixels(zlib.compress(ROWS[:91] + b"\7" + ROWS[92:])), "filter"),
    "words between its pixels": (
        head(30, 40, 8, 2)
        + chunk(b"IDAT", WHOLE[:500])
        + chunk(b"tEXt", b"a\0b")
        + chunk(b"IDAT", WHOLE[500:])
        + chunk(b"IEND"),
        "it ends before its pixels do",
    ),
    "words cut short": (
        with_pixels(WHOLE, behind=chunk(b"tEXt", b"a\0b" * 20)[:30]),
        "chunk tEXt ends",
    ),
}
"""Some of it Pillow reads: see `PASSED_OVER`."""
PASSED_OVER = {"too few rows", "another checksum", "cut in a checksum"}


@pytest.mark.parametrize("case", list(FITS))
def test_what_pillow_reads_is_read(tmp_path: Path, case: str) -> None:
    (tmp_path / "a.png").write_bytes(FITS[case])
    assert np.array_equal(read(tmp_path / "a.png"), by_pillow(FITS[case]))


@pytest.mark.parametrize("case", list(UNFIT))
def test_what_is_damaged_is_told_in_one_line(tmp_path: Path, case: str) -> None:
    """Of too few rows Pillow made black ones, without a word."""
    data, reason = UNFIT[case]
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(
        ImageError,
        match=rf"a\.png: cut short or damaged \([^\n]*{reason}[^\n]*$",
    ):
        read(tmp_path / "a.png")
    if case in PASSED_OVER:
        by_pillow(data)
    else:
        with pytest.raises(REFUSED):
            by_pillow(data)


PLAIN = any_png(np.random.default_rng(9), 8, 2, (20, 10))
ANIMATION = chunk(b"acTL", bytes([0, 0, 0, 1, 0, 0, 0, 0]))
FRAME = chunk(b"fcTL", bytes(4) + bytes([0, 0, 0, 20, 0, 0, 0, 10]) + bytes(14))
ONE_PIXEL = chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND")
LEFT_TO_PILLOW = {
    "interlaced": head(1, 1, 8, 2, interlaced=True) + ONE_PIXEL,
    "two heads": head(40, 10, 8, 2) + PLAIN[8:],
    "a chunk before its head": PLAIN[:8] + chunk(b"tEXt", b"a\0b") + PLAIN[8:],
    "an animation of one": PLAIN[:33] + ANIMATION + FRAME + PLAIN[33:],
}


@pytest.mark.parametrize("case", list(LEFT_TO_PILLOW))
def test_what_is_unlike_is_left_to_pillow(tmp_path: Path, case: str) -> None:
    (tmp_path / "a.png").write_bytes(LEFT_TO_PILLOW[case])
    assert rows_of(tmp_path / "a.png") is None
    assert np.array_equal(read(tmp_path / "a.png"), by_pillow(LEFT_TO_PILLOW[case]))


def test_a_row_longer_than_libpng_takes_is_left_to_pillow(tmp_path: Path) -> None:
    data = (
        head(1_000_001, 2, 1, 0)
        + chunk(b"IDAT", zlib.compress(bytes(2 * 125_002)))
        + chunk(b"IEND")
    )
    (tmp_path / "a.png").write_bytes(data)
    assert rows_of(tmp_path / "a.png") is None
    assert not read(tmp_path / "a.png").any()


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a PNG with a few bytes changed, cut, doubled or gone; half of the time with checksums
    that fit again."""
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(8, len(data))), int(rng.integers(1, 30))
        how = int(rng.integers(5))
        if how == 0:
            data = data[:at] + bytes([int(rng.integers(256))]) + data[at + 1 :]
        elif how == 1:
            data = data[:at]
        elif how == 2:
            data = data[:at] + data[at + length :]
        elif how == 3:
            data = data[:at] + data[at : at + length] + data[at:]
        else:
            data = data[:at] + rng.bytes(length) + data[at:]
        if len(data) < 40:
            break
    return resealed(data) if rng.random() < 0.5 else data


def resealed(data: bytes) -> bytes:
    """Return a PNG whose chunks have the checksums of what they hold now, as far as their lengths
    tell."""
    out, at = [data[:8]], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            break
        out.append(chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return b"".join(out) + data[at:]


def verdicts(path: Path, data: bytes) -> tuple[str, str]:
    """Return what Pillow and we make of a PNG; whatever both read must have the same pixels."""
    path.write_bytes(data)
    try:
        ours: np.ndarray | None = read(path)
        said = "read"
    except ImageError as error:
        ours, said = None, str(error)
        assert "\n" not in said
    try:
        theirs: np.ndarray | None = by_pillow(data)
    except REFUSED:
        theirs = None
    if ours is not None:
        assert theirs is not None
        assert np.array_equal(ours, theirs)
    return said, "refused" if theirs is None else "read"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_files_are_refused_where_pillow_refuses_them(tmp_path: Path, seed: int) -> None:
    """What we refuse beyond it is refused by name: 16 bits, checksums that do not fit, too few
    rows, damage behind the last row."""
    rng, kinds = np.random.default_rng(seed), [*KINDS, (8, 2)]
    for number in range(150):
        whole = any_png(
            rng,
            *kinds[number % len(kinds)],
            (int(rng.integers(1, 70)), int(rng.integers(1, 60))),
            behind=chunk(b"tEXt", b"a\0b"),
        )
        said, theirs = verdicts(tmp_path / "a.png", damaged(whole, rng))
        if said != "read" and theirs == "read":
            named = (
                "16-bit",
                "does not fit its checksum",
                "ends before its pixels do",
                "while decompressing data",
            )
            assert any(reason in said for reason in named), said
