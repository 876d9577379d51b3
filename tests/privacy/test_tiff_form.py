"""The directories of a TIFF as they lie in the file, held against what tifffile reads."""

import struct
from pathlib import Path

import numpy as np
import pytest
from tifffile import TiffFile, TiffWriter

from breastseg.errors import ImageError
from breastseg.privacy.tiff_form import TiffFileForm
from private_slides import tissue, write_labelled_ome, write_ndpi, write_scanned_svs


def form_of(path: Path) -> TiffFileForm:
    with path.open("rb") as file:
        return TiffFileForm(path, file)


def check_like_tifffile(path: Path) -> None:
    """Every tag of every image has the values that tifffile reads."""
    with path.open("rb") as file, TiffFile(path) as tiff:
        form = TiffFileForm(path, file)
        assert [one.place for one in form.directories] == [page.offset for page in tiff.pages]
        for directory, page in zip(form.directories, tiff.pages, strict=True):
            assert sorted(directory.entries) == sorted(tag.code for tag in page.tags)
            assert form.number(directory, 256, 0) == page.imagewidth
            for code in (324, 325, 273, 279):
                if code in page.tags:
                    numbers = form.numbers(directory.entries[code])
                    assert numbers.tolist() == np.atleast_1d(page.tags[code].value).tolist()
            assert len(directory.inner) == len(page.subifds or ())


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_plain_tiffs(tmp_path: Path, order: str, big: bool) -> None:
    with TiffWriter(tmp_path / "a.tif", bigtiff=big, byteorder=order) as writer:
        writer.write(
            tissue(), photometric="rgb", tile=(64, 64), description="a text", metadata=None
        )
        writer.write(tissue(1), photometric="rgb")
    check_like_tifffile(tmp_path / "a.tif")
    form = form_of(tmp_path / "a.tif").form
    assert (form.order, form.big, form.ndpi) == (order, big, False)


def test_scanners_files(tmp_path: Path) -> None:
    check_like_tifffile(write_scanned_svs(tmp_path / "a.svs"))
    check_like_tifffile(write_labelled_ome(tmp_path / "a.ome.tif"))
    check_like_tifffile(write_ndpi(tmp_path / "a.ndpi"))
    assert form_of(tmp_path / "a.ndpi").form.ndpi


def line(code: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHLL", code, kind, count, value)


def tiff(*lines: bytes, following: int = 0) -> bytes:
    table = struct.pack("<H", len(lines)) + b"".join(lines) + struct.pack("<L", following)
    return b"II*\0" + struct.pack("<L", 8) + table


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PNG.....", "not a TIFF"),
        (b"II*\0" + bytes(4), "no directory"),
        (tiff(line(256, 4, 1, 9), following=8), "go round in a circle"),
        (tiff(line(256, 4, 1, 9), line(256, 4, 1, 9)), "tag 256 stands twice"),
        (tiff(line(256, 99, 1, 9)), "of a type that TIFF does not have"),
        (tiff(line(270, 2, 50, 26)), "lies behind its end"),
        (tiff(line(256, 4, 1, 9), following=5000), "it ends at byte"),
        (b"II*\0" + struct.pack("<LH", 8, 0) + bytes(9), "a directory of 0 entries"),
    ],
)
def test_damage_is_told(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ImageError, match=message):
        form_of(tmp_path / "a.tif")


def test_a_tag_of_another_type_is_no_number(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(line(256, 11, 1, 9)))
    with (tmp_path / "a.tif").open("rb") as file:
        form = TiffFileForm(tmp_path / "a.tif", file)
        with pytest.raises(ImageError, match="tag 256 has no whole numbers"):
            form.number(form.directories[0], 256, 0)
        assert form.number(form.directories[0], 257, 7) == 7
        assert form.text(None) == ""
