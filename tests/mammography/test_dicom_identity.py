"""What an object that is made from a film takes of its header."""

import pytest

from breastseg.errors import ImageError
from breastseg.mammography.dicom_identity import identity_of
from mammograms import dataset, paint_film

pytest.importorskip("pydicom")

UIDS = {"SeriesInstanceUID": "1.2.3", "StudyInstanceUID": "1.2"}


def test_who_and_which_film_and_nothing_else() -> None:
    film = dataset(
        paint_film(), **UIDS, PatientID="one", PatientSex="F", InstitutionName="somewhere"
    )
    film.PatientComments = "a comment"
    kept = identity_of(film, "one.dcm")
    assert (kept.PatientID, kept.PatientSex) == ("one", "F")
    assert kept.SOPInstanceUID == film.SOPInstanceUID
    assert kept.Rows == film.Rows
    assert kept.ReferringPhysicianName == ""
    for keyword in ("InstitutionName", "PatientComments", "PixelData"):
        assert keyword not in kept


def test_what_may_be_empty_is_empty_and_not_away() -> None:
    film = dataset(paint_film(), **UIDS, PatientSex="U")
    for keyword in ("StudyID", "AccessionNumber", "PatientBirthDate"):
        if keyword in film:
            delattr(film, keyword)
    kept = identity_of(film, "one.dcm")
    assert (kept.StudyID, kept.AccessionNumber, kept.PatientBirthDate) == ("", "", "")
    assert kept.PatientSex == ""


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"])
def test_a_film_without_a_uid_is_refused(keyword: str) -> None:
    film = dataset(paint_film(), **UIDS)
    setattr(film, keyword, "")
    with pytest.raises(ImageError, match=rf"one\.dcm: without {keyword}"):
        identity_of(film, "one.dcm")
