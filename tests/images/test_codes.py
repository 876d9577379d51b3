"""Masks: what is certain is read exactly as it stands in the file; lossy, rescaled, coloured and
turned ones are refused by name."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tifffile import TiffFile, TiffWriter

from breastseg.errors import ImageError
from breastseg.images import read_codes

CODES = np.random.default_rng(0).integers(0, 22, (48, 64), dtype=np.uint8)
WANTED = (
    "wanted 8-bit grey or palette with one label code a pixel; export the codes, not their image"
)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth: int, kind: int, rows: np.ndarray, *between: bytes) -> bytes:
    """Write a PNG by hand: rows of packed bytes, chunks between header and pixels."""
    width = CODES.shape[1]
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    parts = [
        chunk(b"IHDR", head),
        *between,
        chunk(b"IDAT", zlib.compress(body)),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def packed(codes: np.ndarray, depth: int) -> np.ndarray:
    bits = np.unpackbits(codes[..., None], axis=2)[..., 8 - depth :]
    return np.packbits(bits.reshape(len(codes), -1), axis=1)


PALETTE = chunk(b"PLTE", bytes((7 * i + 3) % 256 for i in range(768)))
CERTAIN = {
    "grey": png(8, 0, CODES),
    "palette": png(8, 3, CODES, PALETTE),
    "palette, transparent": png(8, 3, CODES, PALETTE, chunk(b"tRNS", bytes([0] * 5))),
    "palette of one colour": png(8, 3, CODES, chunk(b"PLTE", bytes(768))),
    "grey, a value transparent": png(8, 0, CODES, chunk(b"tRNS", b"\0\1")),
    "grey with gamma": png(
        8, 0, CODES, chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"sRGB", b"\0")
    ),
    "grey of few bits": png(8, 0, CODES, chunk(b"sBIT", b"\4")),
}


@pytest.mark.parametrize("case", list(CERTAIN))
def test_codes_are_read_as_they_stand(tmp_path: Path, case: str) -> None:
    (tmp_path / "m.png").write_bytes(CERTAIN[case])
    assert np.array_equal(read_codes(tmp_path / "m.png"), CODES)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_index_of_a_small_palette_is_the_code(tmp_path: Path, depth: int) -> None:
    codes = CODES % 2**depth
    palette = chunk(b"PLTE", bytes(range(3 * 2**depth)))
    (tmp_path / "m.png").write_bytes(png(depth, 3, packed(codes, depth), palette))
    assert np.array_equal(read_codes(tmp_path / "m.png"), codes)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_grey_of_less_than_8_bits_is_refused(tmp_path: Path, depth: int) -> None:
    """Programs stretch it over 0 to 255: codes 0, 1, 2, 3 came as 0, 85, 170, 255."""
    (tmp_path / "m.png").write_bytes(png(depth, 0, packed(CODES % 2**depth, depth)))
    with pytest.raises(ImageError, match=rf"m\.png: mask has {depth}-bit pixels, {WANTED}"):
        read_codes(tmp_path / "m.png")


def saved(array: np.ndarray, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, format=form, **options)
    return file.getvalue()


def turned_png() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 3
    return saved(CODES, "PNG", exif=exif)


UNCERTAIN = {
    "jpeg": (saved(CODES, "JPEG", quality=100), "JPEG compression, which changes codes"),
    "colours": (saved(np.dstack([CODES] * 3), "PNG"), "RGB colours"),
    "colours with transparency": (saved(np.dstack([CODES] * 4), "PNG"), "RGBA colours"),
    "grey with transparency": (saved(np.dstack([CODES] * 2), "PNG"), "grey with transparency"),
    "16 bits": (saved(CODES.astype(np.uint16), "PNG"), "16-bit pixels"),
    "turned": (turned_png(), r"an orientation tag \(3\)"),
    "several": (
        saved(CODES, "PNG", save_all=True, append_images=[Image.fromarray(CODES[::-1].copy())]),
        "several images",
    ),
}


@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.jpg"])
@pytest.mark.parametrize("case", list(UNCERTAIN))
def test_what_is_not_certain_is_refused_whatever_its_name(
    tmp_path: Path, case: str, name: str
) -> None:
    """Of a JPEG, noise of its compression became classes that nobody drew."""
    data, reason = UNCERTAIN[case]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImageError, match=rf"{name}: mask has {reason}, {WANTED}"):
        read_codes(tmp_path / name)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw"},
        {"compression": "deflate", "predictor": True},
        {"compression": "zstd", "tile": (16, 16)},
        {"compression": "packbits"},
        {"tile": (32, 32)},
        {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)},
    ],
)
def test_tiff_without_loss_is_read_exactly(tmp_path: Path, options: dict) -> None:
    with TiffWriter(tmp_path / "m.tif") as writer:
        writer.write(CODES, **{"photometric": "minisblack", "metadata": None, **options})
    assert np.array_equal(read_codes(tmp_path / "m.tif"), CODES)


TIFFS = {
    "jpeg": (CODES, {"compression": "jpeg"}, "pixels in JPEG compression, which may change codes"),
    "jpeg 2000": (
        CODES,
        {"compression": "jpeg2000"},
        "pixels in JPEG2000 compression, which may change codes",
    ),
    "jpeg xl": (
        CODES,
        {"compression": "jpegxl"},
        "pixels in JPEGXL compression, which may change codes",
    ),
    "webp": (
        np.dstack([CODES] * 3),
        {"compression": "webp", "photometric": "rgb"},
        "pixels in WEBP compression, which may change",
    ),
    "16 bits": (CODES.astype(np.uint16), {}, "16-bit pixels"),
    "1 bit": (CODES > 3, {}, "1-bit pixels"),
    "4 bits": (CODES % 16, {"bitspersample": 4}, "4-bit pixels"),
    "signed": (CODES.astype(np.int8), {}, "signed 8-bit pixels"),
    "float": (CODES.astype(np.float32), {}, "floating-point 32-bit pixels"),
    "white is zero": (CODES, {"photometric": "miniswhite"}, "miniswhite colours"),
    "colours": (np.dstack([CODES] * 3), {"photometric": "rgb"}, "rgb colours in 3 channels"),
    "alpha": (np.dstack([CODES] * 2), {"extrasamples": [2]}, "minisblack colours in 2 channels"),
    "turned": (CODES, {"extratags": [(274, 3, 1, 6, True)]}, r"an orientation tag \(6\)"),
}


@pytest.mark.parametrize("case", list(TIFFS))
def test_tiffs_that_are_not_certain_are_refused(tmp_path: Path, case: str) -> None:
    array, options, reason = TIFFS[case]
    with TiffWriter(tmp_path / "m.tif") as writer:
        writer.write(array, **{"photometric": "minisblack", "metadata": None, **options})
    with pytest.raises(ImageError, match=rf"m\.tif: mask has {reason}"):
        read_codes(tmp_path / "m.tif")


def test_a_mask_of_several_pages_is_refused(tmp_path: Path) -> None:
    """The first page was empty: all of the mask counted as not annotated."""
    for name, other, say in (
        ("a.tif", CODES, "2 images of 64 x 48 px"),
        ("b.tif", CODES[:9, :9], "mask has 2 pages"),
    ):
        with TiffWriter(tmp_path / name) as writer:
            for page in (other, CODES):
                writer.write(np.ascontiguousarray(page), photometric="minisblack", metadata=None)
        with pytest.raises(ImageError, match=rf"{name}: {say}"):
            read_codes(tmp_path / name)


def test_a_mask_with_tiles_left_out_is_refused(tmp_path: Path) -> None:
    with TiffWriter(tmp_path / "m.tif") as writer:
        writer.write(
            CODES, photometric="minisblack", metadata=None, tile=(16, 16), compression="lzw"
        )
    with TiffFile(tmp_path / "m.tif", mode="r+") as file:
        for name in ("TileByteCounts", "TileOffsets"):
            tag = file.pages.first.tags[name]
            tag.overwrite([0 if k == 5 else value for k, value in enumerate(tag.value)])
    with pytest.raises(ImageError, match=r"m\.tif: mask has tiles that are not there, wanted"):
        read_codes(tmp_path / "m.tif")


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_mask_cut_anywhere_says_so(tmp_path: Path, form: str) -> None:
    whole = saved(CODES, form)
    for end in range(16, len(whole) - 14, 97):
        (tmp_path / "m.png").write_bytes(whole[:end])
        with pytest.raises(ImageError, match=r"m\.png: cut short or damaged [^\n]*$"):
            read_codes(tmp_path / "m.png")


@pytest.mark.parametrize("length", [2**20, 4_261_412_936])
def test_a_chunk_longer_than_its_file_is_refused_before_memory_is_asked_for(
    tmp_path: Path, length: int
) -> None:
    whole = saved(CODES, "PNG")
    at = whole.index(b"IDAT") - 4
    path = tmp_path / "m.png"
    path.write_bytes(whole[:at] + length.to_bytes(4, "big") + whole[at + 4 :])
    tracemalloc.start()
    try:
        with pytest.raises(
            ImageError, match=r"m\.png: cut short or damaged \(chunk IDAT ends at byte"
        ):
            read_codes(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
