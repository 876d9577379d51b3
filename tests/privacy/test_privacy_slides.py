"""Which slides a person named, and which of our two ways each is for."""

from pathlib import Path

import pytest

from breastseg.errors import ImageError
from breastseg.files import WORK_FILE
from breastseg.privacy.slides import content_hash, kind_of, list_slides

TIFF = b"II*\0" + bytes(200)
DICOM = bytes(128) + b"DICM" + bytes(100)


def made(path: Path, data: bytes = TIFF) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_slides_of_a_folder_are_listed_in_order(tmp_path: Path) -> None:
    wanted = [made(tmp_path / "b" / "2.svs"), made(tmp_path / "b" / "3.TIF")]
    made(tmp_path / "b" / "notes.txt")
    made(tmp_path / "b" / ".hidden.svs")
    made(tmp_path / "b" / ".folder" / "4.svs")
    made(tmp_path / "result" / WORK_FILE)
    made(tmp_path / "result" / "5.tif")
    made(tmp_path / "b" / "dicom" / "1.dcm", DICOM)
    wanted.append(tmp_path / "b" / "dicom")
    assert list_slides([tmp_path]) == wanted
    assert list_slides([tmp_path, wanted[0]]) == wanted, "a slide that is named twice is one"


def test_the_folder_beside_an_mrxs_is_a_part_of_that_slide(tmp_path: Path) -> None:
    slide = made(tmp_path / "a.mrxs")
    made(tmp_path / "a" / "0.tif")
    assert list_slides([tmp_path]) == [slide]


def test_a_folder_without_slides_is_refused(tmp_path: Path) -> None:
    made(tmp_path / "notes.txt")
    with pytest.raises(ImageError, match="no slides in this folder"):
        list_slides([tmp_path])


def test_a_slide_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    assert kind_of(made(tmp_path / "a.svs")) == "tiff"
    assert kind_of(made(tmp_path / "a.ndpi", b"MM\0+" + bytes(9))) == "tiff"
    assert kind_of(made(tmp_path / "a.dcm", DICOM)) == "dicom"
    made(tmp_path / "d" / "1", DICOM)
    assert kind_of(tmp_path / "d") == "dicom"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.mrxs", TIFF, "MRXS is not understood"),
        ("a.png", b"\x89PNG", "a format that is not understood"),
        ("d/1", TIFF, "a folder that is not one DICOM slide"),
    ],
)
def test_what_is_not_understood_is_refused(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    made(tmp_path / name, data)
    with pytest.raises(ImageError, match=message):
        kind_of(tmp_path / name.partition("/")[0])


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"a\.svs: not found, wanted SVS"):
        kind_of(tmp_path / "a.svs")


def test_the_hash_of_a_folder_does_not_depend_on_names(tmp_path: Path) -> None:
    made(tmp_path / "d" / "1", b"one")
    made(tmp_path / "d" / "2", b"two")
    made(tmp_path / "e" / "8", b"two")
    made(tmp_path / "e" / "9", b"one")
    assert content_hash(tmp_path / "d") == content_hash(tmp_path / "e")
    made(tmp_path / "e" / "9", b"other")
    assert content_hash(tmp_path / "d") != content_hash(tmp_path / "e")
