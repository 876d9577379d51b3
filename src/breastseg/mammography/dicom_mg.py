"""Reading a mammogram from DICOM. Nothing that names a patient, a date or a place leaves it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from breastseg.errors import ImageError, MissingPackageError
from breastseg.images.dicom_headers import guarded_dicom
from breastseg.mammography.dicom_pixels import grey_values, stored_values
from breastseg.mammography.dicom_tags import (
    check_kind,
    chest_wall_of,
    laterality_of,
    spacing_of,
    view_of,
)
from breastseg.mammography.film import Film, check_film

_MARK_AT, _MARK = 128, b"DICM"  # behind a preamble that may hold anything (PS3.10, 7.1)


@dataclass(frozen=True)
class Head:
    """What groups files, for this process alone: never written anywhere.

    Attributes:
        patient: PatientID, or the study where it is blank.
        modality: such as "MG".
        is_picture: whether there are pixels in it.
    """

    patient: str
    modality: str
    is_picture: bool


def is_dicom(path: Path) -> bool:
    """Return whether a file begins as DICOM files do."""
    try:
        with path.open("rb") as file:
            return file.read(_MARK_AT + len(_MARK))[_MARK_AT:] == _MARK
    except OSError:
        return False


def read_head(path: Path, where: str) -> Head:
    """Read what a file is and whose, without its pixels; ImageError when it is no DICOM file."""
    with guarded_dicom(where):
        dataset = _read(path, where, pixels=False)
        # Blank after many anonymisers; films of one study are of one person in any case.
        patient = str(dataset.get("PatientID", "") or dataset.get("StudyInstanceUID", ""))
        modality = str(dataset.get("Modality", "")).strip()
        return Head(patient, modality, "Rows" in dataset)


def read_film(path: Path, where: str) -> Film:
    """Read a mammogram: modality LUT, VOI, inversion; side, view and size with their origin.

    Args:
        path: a DICOM file.
        where: how errors call it; no path, because they are written down.

    Raises:
        ImageError: no DICOM, no mammogram, or one of a kind that is not taken (implant,
            tomosynthesis, spot or magnification view), or pixels that cannot be read.
        MissingPackageError: pydicom or a codec is not installed.
    """
    with guarded_dicom(where):
        dataset = _read(path, where, pixels=True)
        return check_film(_film(dataset, where), where)


def read_grey(path: Path, where: str) -> npt.NDArray[Any]:
    """Read the stored values of a DICOM file, for masks that are stored as DICOM: (H, W)."""
    with guarded_dicom(where):
        return stored_values(_read(path, where, pixels=True), where)


def read_size(path: Path, where: str) -> tuple[int, int]:
    """Read how many (rows, columns) a DICOM file says it has."""
    with guarded_dicom(where):
        dataset = _read(path, where, pixels=False)
        return int(dataset.get("Rows", 0)), int(dataset.get("Columns", 0))


def _film(dataset: Any, where: str) -> Film:
    notes = check_kind(dataset, where)  # first: what is no mammogram is not decoded
    mm_per_px, mm_origin = spacing_of(dataset, where)
    laterality, laterality_origin = laterality_of(dataset)
    view, view_origin = view_of(dataset)
    pixels, history = grey_values(dataset, where)
    return Film(
        pixels,
        mm_per_px,
        mm_origin,
        laterality,
        laterality_origin,
        view,
        view_origin,
        (*notes, *history),
        chest_wall_of(dataset),
    )


def _read(path: Path, where: str, *, pixels: bool) -> Any:
    try:
        import pydicom
    except ImportError:
        raise MissingPackageError(
            f"{where}: DICOM needs the package pydicom; pip install 'breastseg[dicom]'"
        ) from None
    try:
        return pydicom.dcmread(path, stop_before_pixels=not pixels)
    except pydicom.errors.InvalidDicomError:
        raise ImageError(f"{where}: not a DICOM file, wanted one with 'DICM' in it") from None
