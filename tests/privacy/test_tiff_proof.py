"""The proof that a copy has the pixels of its slide."""

import hashlib
from pathlib import Path

import pytest
from tifffile import TiffFile

from breastseg.errors import ImageError
from breastseg.privacy.tiff_proof import check_head, directories_of, prove_tiff
from private_slides import tissue, write_labelled_ome
from slide_files import levels_of, write_tiled


def test_the_proof_is_the_hash_of_the_hashes_of_the_tiles(tmp_path: Path) -> None:
    path = write_tiled(tmp_path / "a.tif", levels_of(tissue(), 2))
    data = path.read_bytes()
    digest = hashlib.sha256()
    with TiffFile(path) as tiff:
        page = tiff.pages[1]
        places = [page.offset]
        for start, length in zip(page.dataoffsets, page.databytecounts, strict=True):
            digest.update(hashlib.sha256(data[start : start + length]).digest())
    [level] = prove_tiff(path, places)
    assert (level.width_px, level.height_px, level.tiles) == (160, 128, 6)
    assert level.bytes == sum(page.databytecounts)
    assert level.sha256 == digest.hexdigest()


def test_one_bit_of_a_tile_changes_the_proof(tmp_path: Path) -> None:
    path = write_tiled(tmp_path / "a.tif", levels_of(tissue(), 2))
    with TiffFile(path) as tiff:
        places = [page.offset for page in tiff.pages]
        inside = tiff.pages[0].dataoffsets[7] + 100
    before = prove_tiff(path, places)
    data = bytearray(path.read_bytes())
    data[inside] ^= 1
    path.write_bytes(data)
    after = prove_tiff(path, places)
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_directories_are_found_in_subifds_too(tmp_path: Path) -> None:
    path = write_labelled_ome(tmp_path / "a.ome.tif")
    with TiffFile(path) as tiff:
        wanted = [tiff.pages[0].offset, *tiff.pages[0].subifds, tiff.pages[1].offset]
    assert directories_of(path) == wanted


def segment(marker: int, inside: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(inside) + 2).to_bytes(2, "big") + inside


JFIF = segment(0xE0, b"JFIF\0")
SCAN = segment(0xDA, b"x")


@pytest.mark.parametrize(
    "head",
    [
        b"not a JPEG, whatever \xff\xe1 it holds",
        b"\xff\xd8" + JFIF + SCAN,
        b"\xff\xd8" + JFIF + segment(0xFE, b"LEAD Technologies Inc.") + SCAN,
        b"\xff\xd8" + JFIF + segment(0xEE, b"Adobe") + SCAN + segment(0xFE, b"of pixels"),
        b"\xff\x4f" + segment(0x64, b"\0\1Created by OpenJPEG version 2.5") + segment(0x90, b""),
    ],
)
def test_what_coders_write_of_themselves_may_stay(head: bytes) -> None:
    check_head(head, Path("a.svs"))


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xd8" + segment(0xE1, b"Exif\0\0") + SCAN,
        b"\xff\xd8" + JFIF + segment(0xED, b"Photoshop") + SCAN,
        b"\xff\xd8" + JFIF + segment(0xFE, b"S09-1234 Miller") + SCAN,
        b"\xff\x4f" + segment(0x64, b"\0\1of Miller") + segment(0x90, b""),
    ],
)
def test_texts_of_a_person_are_refused_and_not_repeated(head: bytes) -> None:
    with pytest.raises(ImageError, match="carries text or Exif") as caught:
        check_head(head, Path("a.svs"))
    assert "Miller" not in str(caught.value)


def test_a_file_cut_short_is_told(tmp_path: Path) -> None:
    path = write_tiled(tmp_path / "a.tif", levels_of(tissue(), 2))
    with TiffFile(path) as tiff:
        places = [page.offset for page in tiff.pages]
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ImageError, match=r"a\.tif: cut short or damaged"):
        prove_tiff(path, places)
