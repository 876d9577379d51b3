"""DICOM slides are copied without what tells of a person, and every tile stays."""

import shutil
from contextlib import closing
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import generate_frames

from breastseg.errors import ImageError
from breastseg.images import open_slide
from breastseg.privacy import look_at
from breastseg.privacy.dicom import copy_dicom
from conftest import SHARED
from private_slides import SECRETS, write_private_dicom

SLIDE = SHARED / "slides" / "cmu-1-small-region-dicom"


def copied(slide: Path, out: Path, key: bytes = b"key") -> list[pydicom.Dataset]:
    out.mkdir()
    copy_dicom(slide, out, key)
    return [pydicom.dcmread(file) for file in sorted(out.iterdir())]


@pytest.mark.parametrize("native", [False, True])
def test_a_slide_loses_label_overview_and_names_and_keeps_its_tiles(
    tmp_path: Path, native: bool
) -> None:
    slide = write_private_dicom(tmp_path / "a", native=native)
    copies = copied(slide, tmp_path / "b")
    assert [one.ImageType[2] for one in copies] == ["VOLUME", "VOLUME"]
    for number, one in enumerate(copies):
        file = tmp_path / "b" / f"{number + 1:04d}.dcm"
        for secret in SECRETS:
            assert secret not in file.read_bytes(), secret
        old = pydicom.dcmread(slide / f"S09-1234-{number}.dcm")
        assert one.PixelData == old.PixelData
        assert one.SharedFunctionalGroupsSequence == old.SharedFunctionalGroupsSequence
        if not native:
            frames = [
                list(generate_frames(d.PixelData, number_of_frames=d.NumberOfFrames))
                for d in (old, one)
            ]
            assert frames[0] == frames[1]
        assert one.PatientIdentityRemoved == "YES"
        assert one.PatientName == ""
        assert one.PositionReferenceIndicator == "SLIDE_CORNER"
        assert [tag for tag in one if tag.tag.is_private] == []
        path = one.OpticalPathSequence[0]
        assert (path.OpticalPathIdentifier, path.ObjectiveLensPower) == ("1", 20)
        codes = [code.CodeMeaning for code in path.IlluminationTypeCodeSequence]
        assert codes == ["Brightfield illumination"]


def test_identifiers_are_new_and_the_same_for_the_same(tmp_path: Path) -> None:
    slide = write_private_dicom(tmp_path / "a")
    first, second = copied(slide, tmp_path / "b")
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.StudyInstanceUID.startswith("2.25.")
    assert first.SOPInstanceUID == first.file_meta.MediaStorageSOPInstanceUID
    again = copied(slide, tmp_path / "c")
    assert again[0].StudyInstanceUID == first.StudyInstanceUID
    other = copied(slide, tmp_path / "d", key=b"another")
    assert other[0].StudyInstanceUID != first.StudyInstanceUID


def test_writing_in_the_pixels_is_refused(tmp_path: Path) -> None:
    slide = write_private_dicom(tmp_path / "a", BurnedInAnnotation="YES")
    with pytest.raises(ImageError, match="BurnedInAnnotation is YES"):
        copied(slide, tmp_path / "b")


def test_a_file_compressed_as_a_whole_and_one_cut_short_are_refused(tmp_path: Path) -> None:
    slide = write_private_dicom(tmp_path / "a", native=True)
    file = slide / "S09-1234-0.dcm"
    whole = pydicom.dcmread(file)
    file.write_bytes(file.read_bytes()[:-20000])
    with pytest.raises(ImageError, match="cut short or damaged"):
        copied(slide, tmp_path / "b")
    whole.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    whole.save_as(file)
    with pytest.raises(ImageError, match="compressed as a whole"):
        copied(slide, tmp_path / "c")


def test_what_a_slide_gives_away_is_listed_without_values(tmp_path: Path) -> None:
    found = look_at(write_private_dicom(tmp_path / "a"))
    listed = {(one.tag, one.kind) for one in found}
    assert ("PatientName", "name of a person") in listed
    assert ("the whole file", "label image") in listed
    assert ("private attribute (0009,1001)", "private: unknown") in listed
    assert not any(secret.decode() in repr(found) for secret in SECRETS)


def test_a_scanners_slide_is_read_as_before(tmp_path: Path) -> None:
    if not SLIDE.is_dir():
        pytest.skip(f"{SLIDE} is not here")
    shutil.copytree(SLIDE, tmp_path / "a")
    copied(tmp_path / "a", tmp_path / "b")
    with (
        closing(open_slide(tmp_path / "a")) as before,
        closing(open_slide(tmp_path / "b")) as after,
    ):
        assert (after.size_px, after.mpp) == (before.size_px, before.mpp)
