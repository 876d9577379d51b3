"""DICOM: the same colours as the scanner's own file of the same tissue, whatever the header calls
them; other forms are refused by name."""

import io
import re
import shutil
import struct
from contextlib import closing
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.images import Pixels, open_slide, resample_pixels
from breastseg.images.claims import read_jpeg_head
from breastseg.images.readers.dicom import misnamed_levels
from conftest import DATA, SHARED, crop

MADE = DATA / "slides"
SMALL = MADE / "cmu1_dicom" / "level-4-frames-0-1.dcm"
FIELD = resample_pixels(crop(0), (138, 185))
"""In the size of the small file, whose header it is given."""


def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, kind, len(value)) + value


def replaced(data: bytes, group: int, number: int, kind: bytes, value: bytes) -> bytes:
    """Give a short element of a header another value; add it before the pixels' group where it is
    missing."""
    at = data.find(struct.pack("<HH2s", group, number, kind))
    if at < 0:
        at = data.index(struct.pack("<HH2s", 0x0028, 0x0002, b"US"))
        return data[:at] + element(group, number, kind, value) + data[at:]
    (length,) = struct.unpack_from("<H", data, at + 6)
    return data[:at] + element(group, number, kind, value) + data[at + 8 + length :]


def write_dicom(path: Path, frame: bytes, said: str, syntax: str | None = None) -> Path:
    """Write a slide of one frame with the header of the small file."""
    data = replaced(SMALL.read_bytes(), 0x0028, 0x0004, b"CS", said.encode())
    if syntax:
        data = replaced(data, 0x0002, 0x0010, b"UI", syntax.encode() + b"\0" * (len(syntax) % 2))
    pixels = data.index(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 12
    frame += b"\0" * (len(frame) % 2)
    items = (
        struct.pack("<HHI", 0xFFFE, 0xE000, 0)
        + struct.pack("<HHI", 0xFFFE, 0xE000, len(frame))
        + frame
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data[:pixels] + items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    return path


def read(path: Path) -> Pixels:
    with closing(open_slide(path)) as slide:
        return slide.read(mpp=slide.mpp)


def jpeg(**options: object) -> bytes:
    return imagecodecs.jpeg8_encode(FIELD, 95, **options)


def without_markers(data: bytes) -> bytes:
    """Take JFIF's and Adobe's markers away, so that a JPEG says nothing of its colours."""
    for marker in (b"\xff\xe0", b"\xff\xee"):
        if (at := data.find(marker)) > 0:
            data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    return data


FRAMES = {
    "subsampled": (jpeg(subsampling="420"), "RGB"),
    "subsampled across": (jpeg(subsampling="422"), "RGB"),
    "subsampled without markers": (without_markers(jpeg(subsampling="420")), "RGB"),
    "full chroma with the marker of JFIF": (jpeg(subsampling="444"), "RGB"),
    "said as it is": (jpeg(subsampling="420"), "YBR_FULL_422"),
    "full chroma said as it is": (without_markers(jpeg(subsampling="444")), "YBR_FULL_422"),
    "RGB": (jpeg(outcolorspace="rgb"), "RGB"),
    "RGB without markers": (without_markers(jpeg(outcolorspace="rgb")), "RGB"),
}  # fmt: skip


@pytest.mark.parametrize("form", list(FRAMES))
def test_colours_are_those_of_the_frame_whatever_the_header_says(tmp_path: Path, form: str) -> None:
    frame, said = FRAMES[form]
    got = read(write_dicom(tmp_path / "a.dcm", frame, said)).astype(int)
    assert (
        np.abs(got - FIELD).mean() < 6
    )  # the loss of JPEG; colours misread are off by 50 and more


def test_colours_turned_right_are_those_that_a_jpeg_decoder_gives(tmp_path: Path) -> None:
    frame = FRAMES["subsampled"][0]
    got = read(write_dicom(tmp_path / "a.dcm", frame, "RGB")).astype(int)
    assert np.abs(got - np.asarray(Image.open(io.BytesIO(frame)))).max() <= 1


def test_rgb_that_is_called_ycbcr_is_refused(tmp_path: Path) -> None:
    """OpenSlide turns it, and what it cuts off at 0 and 255 does not come back."""
    path = write_dicom(tmp_path / "a.dcm", FRAMES["RGB"][0], "YBR_FULL_422")
    with pytest.raises(
        ImageError,
        match=(r"a\.dcm: frames in RGB, .* YBR_FULL_422; .*Photometric"),
    ):
        read(path)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.80", "JPEG-LS"),
        ("1.2.840.10008.1.2.5", "RLE"),
        ("1.2.840.10008.1.2.4.51", "12-bit JPEG"),
        ("1.2.840.10008.1.2.1.99", "deflated"),
        ("1.2.840.10008.1.2.2", "big-endian"),
        ("1.2.3.4", r"the transfer syntax 1\.2\.3\.4"),
    ],
)
def test_other_forms_of_pixels_are_refused_by_name(tmp_path: Path, syntax: str, name: str) -> None:
    path = write_dicom(tmp_path / "a.dcm", FRAMES["RGB"][0], "RGB", syntax)
    with pytest.raises(
        ImageError,
        match=rf"a\.dcm: pixels in {name}, wanted JPEG, JPEG 2000 or uncompr",
    ):
        read(path)


def test_jpeg_2000_is_read_or_refused(tmp_path: Path) -> None:
    frame = imagecodecs.jpeg2k_encode(FIELD, level=0, codecformat="j2k", reversible=True)
    assert np.array_equal(
        read(write_dicom(tmp_path / "1" / "a.dcm", frame, "YBR_RCT", "1.2.840.10008.1.2.4.90")),
        FIELD,
    )
    plain = imagecodecs.jpeg2k_encode(FIELD, level=0, codecformat="j2k", reversible=True, mct=False)
    assert np.array_equal(
        read(write_dicom(tmp_path / "2" / "a.dcm", plain, "RGB", "1.2.840.10008.1.2.4.90")), FIELD
    )
    path = write_dicom(tmp_path / "3" / "a.dcm", plain, "YBR_RCT", "1.2.840.10008.1.2.4.90")
    with pytest.raises(
        ImageError,
        match=(r"a\.dcm: frames .*JPEG 2000 is not YBR_RCT.* RGB"),
    ):
        read(path)


@pytest.mark.parametrize(
    ("number", "say"),
    [
        (0x0302, "3 illuminations, wanted one; export one alone"),
        (0x0303, "3 planes of focus, wanted one; export"),
    ],
)
def test_several_planes_are_refused(tmp_path: Path, number: int, say: str) -> None:
    (tmp_path / "a.dcm").write_bytes(
        replaced(SMALL.read_bytes(), 0x0048, number, b"UL", struct.pack("<I", 3))
    )
    with pytest.raises(ImageError, match=rf"a\.dcm: {say}"):
        read(tmp_path / "a.dcm")


def test_a_level_of_which_parts_are_missing_is_refused(tmp_path: Path) -> None:
    data = replaced(SMALL.read_bytes(), 0x0020, 0x9161, b"UI", b"1.2.3.4\0")
    data = replaced(data, 0x0020, 0x9162, b"US", struct.pack("<H", 1))
    (tmp_path / "a.dcm").write_bytes(replaced(data, 0x0020, 0x9163, b"US", struct.pack("<H", 2)))
    with pytest.raises(
        ImageError,
        match=r"a\.dcm: part of a level of 2 files, 1 of which",
    ):
        read(tmp_path / "a.dcm")


@pytest.mark.parametrize("share", [0.05, 0.13, 0.5, 0.95])
def test_dicom_cut_short_is_told(tmp_path: Path, share: float) -> None:
    data = SMALL.read_bytes()
    (tmp_path / "a.dcm").write_bytes(data[: int(share * len(data))])
    with pytest.raises(ImageError, match=r"a\.dcm: .*(cut short|cannot be (opened|read))") as told:
        read(tmp_path / "a.dcm")
    assert "\n" not in str(told.value)
    assert "--mpp" not in str(told.value)


def test_files_of_another_slide_in_the_folder_count_for_nothing(tmp_path: Path) -> None:
    shutil.copy(SMALL, tmp_path / "a.dcm")
    other = write_dicom(tmp_path / "b.dcm", FRAMES["RGB"][0], "YBR_FULL_422").read_bytes()
    at = other.index(b"\x20\x00\x0e\x00UI") + 10
    (tmp_path / "b.dcm").write_bytes(other[:at] + other[at:].replace(b"7", b"8", 1))
    assert misnamed_levels(tmp_path / "a.dcm") == {(138, 185)}


def test_dicom_shows_the_tissue_that_the_scanners_file_shows() -> None:
    """Its header says RGB, its frames are YCbCr: glass was salmon and tissue teal."""
    assert read_jpeg_head(FRAMES["subsampled"][0]).is_ycbcr
    with closing(open_slide(MADE / "cmu1_dicom")) as slide:
        small = slide.read(mpp=slide.mpp).astype(float)
        place = Box(4 * 240 // 8, 6 * 240 // 8, 480 // 8, 480 // 8)
    with closing(open_slide(MADE / "cmu1.svs")) as scan:
        truth = resample_pixels(scan.read(mpp=scan.mpp), (60, 60)).astype(float)
    part = small[place.y : place.y + place.height, place.x : place.x + place.width]
    assert np.abs(part.mean(axis=(0, 1)) - truth.mean(axis=(0, 1))).max() < 5
    assert np.abs(part.std(axis=(0, 1)) - truth.std(axis=(0, 1))).max() < 25
    assert np.median(small, axis=(0, 1)).min() > 225  # glass is white


@pytest.mark.skipif(
    not SHARED.joinpath("slides", "cmu-1-small-region-dicom").is_dir(),
    reason="the real slides are not here",
)
def test_the_whole_of_a_real_slide_in_dicom_is_that_of_its_svs() -> None:
    folder, svs = (
        SHARED / "slides" / "cmu-1-small-region-dicom",
        SHARED / "slides" / "CMU-1-Small-Region.svs",
    )
    with closing(open_slide(folder)) as one, closing(open_slide(svs)) as other:
        got, wanted = one.read(mpp=one.mpp).astype(int), other.read(mpp=other.mpp)
    assert np.abs(got - wanted).mean() < 5
    assert np.abs(got.mean(axis=(0, 1)) - wanted.mean(axis=(0, 1))).max() < 1


def test_every_message_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(SMALL.read_bytes()[:140])
    with pytest.raises(ImageError) as told:
        read(tmp_path / "a.dcm")
    assert re.fullmatch(r"[^\n]+", str(told.value))
