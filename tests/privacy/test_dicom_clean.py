"""The header of a DICOM slide with what the list lets stay."""

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from breastseg.privacy.dicom_clean import Cleaner, finding_of


def header(**more: object) -> Dataset:
    one = Dataset()
    one.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"
    one.SOPInstanceUID = "1.2.999.1"
    one.StudyInstanceUID = "1.2.999.2"
    one.PatientName = "Miller^Ann"
    one.PatientID = "S09-1234"
    one.Rows = 64
    one.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "MILLER"]
    for name, value in more.items():
        setattr(one, name, value)
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return one


def test_names_go_numbers_stay_and_the_standards_words_too() -> None:
    cleaner = Cleaner(b"key")
    new = cleaner.clean(header(), "file 1")
    assert (new.PatientName, new.PatientID) == ("", "")
    assert new.Rows == 64
    assert list(new.ImageType) == ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    assert (new.PatientIdentityRemoved, new.SOPClassUID) == ("YES", header().SOPClassUID)
    tags = {one.tag: one.kind for one in cleaner.found}
    assert tags["PatientName"] == "name of a person"
    assert "Miller" not in repr(cleaner.found)


def test_one_identifier_becomes_one_new_identifier_by_the_key() -> None:
    first, second = Cleaner(b"key").clean(header(), "x"), Cleaner(b"key").clean(header(), "x")
    other = Cleaner(b"another").clean(header(), "x")
    assert first.StudyInstanceUID == second.StudyInstanceUID != other.StudyInstanceUID
    assert first.StudyInstanceUID != first.SOPInstanceUID
    assert first.StudyInstanceUID.startswith("2.25.")
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID


def test_private_and_unknown_attributes_go() -> None:
    old = header()
    block = old.private_block(0x0009, "of Miller", create=True)
    block.add_new(1, "LO", "S09-1234")
    cleaner = Cleaner(b"key")
    new = cleaner.clean(old, "file 1")
    assert not [element for element in new if element.tag.is_private]
    assert any(one.kind == "private: unknown" for one in cleaner.found)


def test_a_code_has_the_meaning_of_the_standard_or_none() -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "111744", "DCM"
    code.CodeMeaning = "of Miller"
    own = Dataset()
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "1", "99MILLER", "of Miller"
    path = Dataset()
    path.IlluminationTypeCodeSequence = [code, own]
    new = Cleaner(b"key").clean(header(OpticalPathSequence=[path]), "x")
    [kept] = new.OpticalPathSequence[0].IlluminationTypeCodeSequence
    assert kept.CodeValue == "111744"
    assert kept.CodeMeaning != "of Miller"
    assert "Miller" not in str(new)


def test_a_specimen_stays_without_a_name() -> None:
    specimen = Dataset()
    specimen.SpecimenIdentifier, specimen.SpecimenUID = "S09-1234", "1.2.999.7"
    specimen.SpecimenShortDescription = "breast of Miller"
    new = Cleaner(b"key").clean(header(SpecimenDescriptionSequence=[specimen]), "x")
    [kept] = new.SpecimenDescriptionSequence
    assert kept.SpecimenIdentifier == "1"
    assert kept.SpecimenUID.startswith("2.25.")
    assert "SpecimenShortDescription" not in kept


@pytest.mark.parametrize(
    ("keyword", "value", "kind"),
    [
        ("StudyDate", "20091229", "date"),
        ("StationName", "PATH-PC-7", "text"),
        ("StudyInstanceUID", "1.2", "identifier"),
        ("Rows", 3, "number"),
    ],
)
def test_what_is_lost_is_told_by_its_kind(keyword: str, value: object, kind: str) -> None:
    one = Dataset()
    setattr(one, keyword, value)
    found = finding_of(one[keyword], "file 1")
    assert (found.place, found.tag, found.kind) == ("file 1", keyword, kind)
