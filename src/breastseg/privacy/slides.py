"""Which slides a person named, and which of our two ways each is for."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from breastseg.errors import ImageError
from breastseg.files import WORK_FILE, fingerprint
from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES, is_slide_folder
from breastseg.privacy.dicom import files_of

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DICOM_AT, _DICOM = 128, b"DICM"
_SUFFIXES = frozenset((*IMAGE_SUFFIXES, *SLIDE_SUFFIXES, ".dcm"))
_WANTED = "wanted SVS, NDPI, OME-TIFF, a plain tiled TIFF, or a folder of DICOM files"


def list_slides(named: Sequence[str | Path]) -> list[Path]:
    """List the slides that are named, and those in folders that are named; no folder of results.

    Raises:
        ImageError: a folder without slides.
    """
    slides: list[Path] = []
    for path in map(Path, named):
        if not path.is_dir() or is_slide_folder(path):
            slides.append(path)
            continue
        inside = _inside(path)
        if not inside:
            raise ImageError(f"{path}: no slides in this folder, {_WANTED}")
        slides += inside
    # Each once, also one that is named by itself and lies in a folder that is named.
    return list(dict.fromkeys(slides))


def _inside(top: Path) -> list[Path]:
    """Return the slides below a folder, sorted."""
    slides: list[Path] = []
    for place, folders, files in os.walk(top):
        folder = Path(place)
        if WORK_FILE in files:  # breastseg wrote it
            folders.clear()
            continue
        # The folder beside NAME.mrxs is a part of that slide.
        parts = {name.removesuffix(".mrxs") for name in files}
        further = []
        for name in sorted(folders):
            if name.startswith("."):
                continue
            if is_slide_folder(folder / name):
                slides.append(folder / name)
            elif name not in parts:
                further.append(name)
        folders[:] = further  # os.walk() goes into these alone
        for name in files:
            if _is_slide_name(name):
                slides.append(folder / name)
    return sorted(slides)


def _is_slide_name(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in _SUFFIXES


def kind_of(path: Path) -> str:
    """Say what a slide is by its first bytes: "tiff" or "dicom".

    Raises:
        ImageError: it is neither, with what it is where that is known.
    """
    if path.is_dir():
        files = files_of(path)
        if files and all(_head(file)[_DICOM_AT:] == _DICOM for file in files):
            return "dicom"
        raise ImageError(f"{path}: a folder that is not one DICOM slide, {_WANTED}")
    head = _head(path)
    if path.suffix.lower() == ".mrxs":
        raise ImageError(f"{path}: MRXS is not understood, {_WANTED}; export it as one of these")
    if head.startswith(_TIFF):
        return "tiff"
    if head[_DICOM_AT:] == _DICOM:
        return "dicom"
    raise ImageError(f"{path}: a format that is not understood, {_WANTED}")


def content_hash(path: Path) -> str:
    """Return a hash of what is in a slide's files, whatever they are called; of large files, of
    their size and ends."""
    if not path.is_dir():
        return fingerprint(path)
    # Sorted: the order of files is that of their names, which say nothing here.
    prints = sorted(fingerprint(file) for file in files_of(path))
    return hashlib.sha256("".join(prints).encode()).hexdigest()


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_DICOM_AT + len(_DICOM))
    except FileNotFoundError:
        raise ImageError(f"{path}: not found, {_WANTED}") from None
    except OSError as cause:
        raise ImageError(f"{path}: cannot be read ({cause.strerror or cause})") from None
