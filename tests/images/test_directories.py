"""A TIFF's directories are held against the file before anything is believed."""

import os
import struct
from pathlib import Path

import pytest
from tifffile import TiffFile, TiffWriter

import breastseg
from breastseg.errors import ImageError
from breastseg.images import open_slide
from breastseg.images.directories import MAX_DIRECTORIES, check_directories
from conftest import crop
from slide_files import levels_of, write_scn
from tiff_files import FIELD, GREY, write


def test_sub_directories_that_are_named_again_and_again(tmp_path: Path) -> None:
    """A thousand pages that name the same thousand SubIFDs were a million to look at."""
    many = 600
    inner = 8 + 18 * 2
    entries = struct.pack("<HHLL", 330, 4, many, inner)
    pages = [
        struct.pack("<H", 1) + entries + struct.pack("<L", 8 + 18 * (k + 1) if k == 0 else 0)
        for k in range(2)
    ]
    names = struct.pack("<L", inner + 4 * many) * many
    (tmp_path / "a.tif").write_bytes(
        b"II*\0"
        + struct.pack("<L", 8)
        + b"".join(pages)
        + names
        + struct.pack("<HHHLLL", 1, 256, 4, 1, 16, 0)
    )
    with pytest.raises(
        ImageError, match=rf"a\.tif: a TIFF of more than {MAX_DIRECTORIES} images, wanted one"
    ):
        open_slide(tmp_path / "a.tif")


def test_directories_that_go_round_or_are_too_many(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", [FIELD, FIELD[:64]], photometric="rgb")
    with TiffFile(path) as file:
        first, second = (page.offset for page in file.pages)
    data = bytearray(path.read_bytes())
    (entries,) = struct.unpack_from("<H", data, second)
    struct.pack_into("<L", data, second + 2 + 12 * entries, first)
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"a\.tif: .*damaged \(its directories .* circle\)"):
        open_slide(path)
    head = b"II*\0" + struct.pack("<L", 8)
    pages = [
        struct.pack("<HHHLLL", 1, 256, 4, 1, 16, 8 + 18 * (k + 1))
        for k in range(MAX_DIRECTORIES + 1)
    ]
    (tmp_path / "b.tif").write_bytes(
        head + b"".join(pages) + struct.pack("<HHHLLL", 1, 256, 4, 1, 16, 0)
    )
    with pytest.raises(
        ImageError, match=rf"b\.tif: a TIFF of more than {MAX_DIRECTORIES} images, wanted one"
    ):
        open_slide(tmp_path / "b.tif")


def test_no_tiff_is_opened_without_a_look_at_its_directories() -> None:
    """A damaged map, opened by the browser view past that look, kept it busy for ever."""
    sources = Path(breastseg.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "TiffFile(" in path.read_text(encoding="utf-8")] == [
        "directories.py"
    ]


@pytest.mark.parametrize("side", [322, 323])
def test_a_scanners_tile_that_is_said_to_be_huge(tmp_path: Path, side: int) -> None:
    """OpenSlide takes memory for a tile as it is said to be, and ends the process where there is
    not so much."""
    path = tmp_path / "a.scn"
    write_scn(path, levels_of(crop(0)))
    data = bytearray(path.read_bytes())
    with TiffFile(path) as tiff:
        places = [page.tags[side] for page in tiff.pages]
    for tag in places:
        struct.pack_into(
            "<HHQL" if tag.dtype == 4 else "<HHQH",
            data,
            tag.offset,
            side,
            tag.dtype,
            1,
            2**31 - 1 if tag.dtype == 4 else 2**16 - 1,
        )
    path.write_bytes(data)
    with pytest.raises(
        ImageError, match=r"a\.scn: (stored in pieces of \d+ Mpx|cut short or damaged)"
    ):
        open_slide(path, mpp=0.5)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_directory_cut_anywhere_is_told_in_one_line(
    tmp_path: Path, byteorder: str, big: bool
) -> None:
    path = tmp_path / "a.tif"
    with TiffWriter(path, bigtiff=big, byteorder=byteorder) as writer:
        writer.write(GREY[:8, :8], metadata=None, description="a text beside the directory")
    check_directories(path)
    with TiffFile(path) as tiff:
        last_value = max(tag.valueoffset for tag in tiff.pages[0].tags)
        pixels = tiff.pages[0].dataoffsets[0]
    assert last_value < pixels
    os.truncate(path, pixels)
    check_directories(path)
    for end in range(last_value, 0, -7):
        os.truncate(path, end)
        with pytest.raises(ImageError, match=r"a\.tif: cut short or damaged") as caught:
            check_directories(path)
        assert "\n" not in str(caught.value)


def directory(*entries: bytes, following: int = 0) -> bytes:
    """A classic TIFF of one directory at byte 8."""
    count = struct.pack("<H", len(entries))
    return (
        b"II*\0" + struct.pack("<L", 8) + count + b"".join(entries) + struct.pack("<L", following)
    )


def entry(code: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHLL", code, kind, count, value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"II*\0" + bytes(4), "no directory: its writing was not finished"),
        (directory(entry(256, 4, 1, 16), following=8), "go round in a circle"),
        (directory(entry(270, 2, 5000, 26)), "goes on to byte 5026"),
        (directory(entry(330, 4, 2000, 26)) + bytes(8000), "more than 1000 images"),
        (directory(entry(322, 4, 1, 2**16), entry(323, 4, 1, 2**16)), "stored in pieces of 4295"),
        (b"II*\0" + struct.pack("<LH", 8, 5000) + bytes(70_000), "a directory of 5000 entries"),
    ],
)
def test_what_no_slide_says_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ImageError, match=message):
        check_directories(tmp_path / "a.tif")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"a\.tif: cannot be read \(No such file"):
        check_directories(tmp_path / "a.tif")
