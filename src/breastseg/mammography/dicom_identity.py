"""What a DICOM object of ours takes from the film that it is of: whose it is, and which image.

An archive files an object by patient and study, and a viewer lays it over the image that it
names. So an object that names nobody opens nowhere; it is written only where a person asks for it.
Of the film's header it gets what is listed here and nothing else: no comments, addresses,
physicians or institution.
"""

from typing import Any

from breastseg.errors import ImageError

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_FILED_BY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber",
)  # fmt: skip
"""DICOM lets these be empty, but not be away."""
_PICTURE = (
    "SpecificCharacterSet", "Modality", "Rows", "Columns", "PixelSpacing", "ImagerPixelSpacing",
    "PatientOrientation",
)  # fmt: skip
_SEXES = ("M", "F", "O")


def identity_of(dataset: Any, where: str) -> Any:
    """Return a dataset with nothing but what an object made from a film has to carry.

    Args:
        dataset: the film's, pixels or not.
        where: how errors call the film.

    Raises:
        ImageError: the film has no UID of its own, its series or its study.
    """
    from pydicom import Dataset

    identity = Dataset()
    for keyword in _NEEDED:
        if not dataset.get(keyword):
            raise ImageError(f"{where}: without {keyword}, give films as the archive has them")
    # A list of what is taken: what nobody thought of stays behind.
    for keyword in (*_NEEDED, *_FILED_BY, *_PICTURE):
        if keyword in dataset:
            setattr(identity, keyword, dataset.get(keyword))
        elif keyword in _FILED_BY:
            setattr(identity, keyword, "")
    identity.ReferringPhysicianName = ""
    if identity.PatientSex not in _SEXES:
        identity.PatientSex = ""
    return identity
