"""What a compressed tile says of itself, held against what encoders wrote."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from breastseg.images.claims import claimed_px, read_jpeg_head

SIZES = [(1, 1), (8, 8), (37, 21), (64, 48), (300, 200), (1030, 16)]


def picture(width: int, height: int, channels: int = 3) -> np.ndarray:
    values = np.random.default_rng(0).integers(0, 256, (height, width, channels))
    return values.astype(np.uint8)


def webp(pixels: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", **options)
    return file.getvalue()


ENCODERS = {
    "jpeg": imagecodecs.jpeg8_encode,
    "jpeg2000, codestream": lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k"),
    "jpeg2000, boxes": lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="jp2"),
    "jpegxl, bare": lambda pixels: imagecodecs.jpegxl_encode(pixels, effort=1),
    "jpegxl, boxes": lambda pixels: imagecodecs.jpegxl_encode(pixels, effort=1, usecontainer=True),
    "webp, lossy": lambda pixels: webp(pixels, quality=50),
    "webp, lossless": lambda pixels: webp(pixels, lossless=True),
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("codec", ENCODERS)
def test_the_claim_is_what_was_encoded(codec: str, size: tuple[int, int]) -> None:
    data = ENCODERS[codec](picture(*size))
    assert claimed_px(data) == size[0] * size[1]


def test_the_three_forms_of_webp_have_heads_of_their_own() -> None:
    forms = {
        b"VP8 ": webp(picture(37, 21), quality=50),
        b"VP8L": webp(picture(37, 21), lossless=True),
        b"VP8X": webp(picture(37, 21, 4), quality=50),
    }
    for name, data in forms.items():
        assert data[12:16] == name
        assert claimed_px(data) == 37 * 21


@pytest.mark.parametrize("data", [b"", b"\0", b"PNG", b"\xff\xd8", b"RIFF....WAVE" + bytes(40)])
def test_what_is_no_picture_claims_nothing(data: bytes) -> None:
    assert claimed_px(data) == 0


@pytest.mark.parametrize("codec", ENCODERS)
def test_a_head_cut_anywhere_never_raises(codec: str) -> None:
    data = ENCODERS[codec](picture(37, 21))
    for end in range(min(len(data), 120)):
        assert claimed_px(data[:end]) >= 0


def jpeg(**options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture(32, 16)).save(file, "JPEG", **options)
    return file.getvalue()


def test_a_plain_jpeg_is_ycbcr_by_its_jfif_marker() -> None:
    head = read_jpeg_head(jpeg())
    assert (head.pixels, head.components, head.jfif, head.adobe) == (512, (1, 2, 3), True, None)
    assert head.is_ycbcr
    assert not head.is_rgb


@pytest.mark.parametrize(("subsampling", "is_subsampled"), [(0, False), (1, True), (2, True)])
def test_subsampled_chroma_is_seen(subsampling: int, is_subsampled: bool) -> None:
    assert read_jpeg_head(jpeg(subsampling=subsampling)).subsampled is is_subsampled


def test_a_jpeg_in_rgb_says_so_by_adobes_marker() -> None:
    head = read_jpeg_head(jpeg(keep_rgb=True))
    assert (head.adobe, head.is_rgb, head.is_ycbcr) == (0, True, False)


def frame(components: bytes, before: bytes = b"") -> bytes:
    """A JPEG's head alone: 4 x 2 px, components without subsampling."""
    table = b"".join(bytes([name, 0x11, 0]) for name in components)
    size = struct.pack(">HBHHB", 8 + len(table), 8, 2, 4, len(components))
    return b"\xff\xd8" + before + b"\xff\xc0" + size + table


def test_components_called_r_g_b_are_rgb_unless_a_marker_says_otherwise() -> None:
    jfif = b"\xff\xe0\x00\x10JFIF\0\1\1" + bytes(7)
    assert read_jpeg_head(frame(b"RGB")).is_rgb
    assert not read_jpeg_head(frame(b"RGB", jfif)).is_rgb
    assert not read_jpeg_head(frame(b"\1\2\3")).is_rgb
    assert not read_jpeg_head(frame(b"\1\2\3")).is_ycbcr, "nothing is said: the tags decide"
    assert not read_jpeg_head(frame(b"\1", jfif)).is_ycbcr, "grey"


def test_markers_without_a_length_and_bytes_that_fill_are_passed_over() -> None:
    before = b"\xff\xff\xff\x01" + b"\xff\xd0" + b"\xff\xfe\x00\x04\xff\xc0"
    assert read_jpeg_head(frame(b"\1\2\3", before)).pixels == 8


def test_a_jpeg_xl_in_parts_has_the_head_of_its_first_part() -> None:
    """A part begins with its number; a box may have its length in 8 bytes behind its name."""
    bare = imagecodecs.jpegxl_encode(picture(37, 21), effort=1)
    start = b"\0\0\0\x0cJXL \r\n\x87\n" + struct.pack(">I4s", 12, b"ftyp") + b"jxl "
    part = bytes(4) + bare
    short = struct.pack(">I4s", 8 + len(part), b"jxlp") + part
    long = struct.pack(">I4sQ", 1, b"jxlp", 16 + len(part)) + part
    assert claimed_px(start + short) == claimed_px(start + long) == 37 * 21
