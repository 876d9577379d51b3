"""Films of no data set: a folder of DICOM files or images, or one of them.

DICOM films are numbered, and patients too, because names of files and numbers of patients may
name somebody. Images keep their names: nothing else is known of them.
"""

from pathlib import Path

from breastseg.errors import BreastsegError
from breastseg.mammography.dicom_mg import is_dicom, read_head
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below
from breastseg.mammography.picture import SUFFIXES

NAME = "films of no known data set"
_NO_PICTURES = {"SR", "PR", "KO", "REG", "SEG", "DOC"}
"""Modalities of what an exam has beside its images."""


def find(root: Path, *, keep_names: bool = False) -> Layout | None:
    """Take every DICOM file and image as a film; None where there are none.

    Args:
        root: a folder or a file.
        keep_names: call DICOM films as their files are called, not by numbers.
    """
    dicom: list[Path] = []
    pictures: list[Path] = []
    for path in files_below(root):
        if is_dicom(path):  # by its bytes: many DICOM files have no ending
            dicom.append(path)
        elif path.suffix.lower() in SUFFIXES:
            pictures.append(path)
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    patients: dict[str, str] = {}
    for number, path in enumerate(dicom, start=1):
        name = path.stem if keep_names else f"film-{number:04d}"
        try:
            head = read_head(path, name)
        except BreastsegError:
            entries.append(Entry(name, path, ""))  # reading it will say what is wrong
            continue
        if head.modality in _NO_PICTURES or not head.is_picture:
            kind = head.modality or "no modality"
            left_out.append(LeftOut(name, f"{name}: no image in it ({kind})"))
            continue
        # Of one patient as long as the identifier is the same; the identifier itself stays here.
        patient = patients.setdefault(head.patient, f"patient-{len(patients) + 1:04d}")
        entries.append(Entry(name, path, patient))
    names: set[str] = set()
    for path in pictures:
        name = path.stem if path.stem not in names else path.name  # a.pgm beside a.png
        names.add(name)
        entries.append(Entry(name, path, "", notes=("whose film it is is not known",)))
    if not entries and not left_out:
        return None
    return Layout(NAME, tuple(entries), tuple(left_out))
