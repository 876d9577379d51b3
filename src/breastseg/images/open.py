"""open_slide(): which reader a file is for is seen by looking at it, never by trying one after
another."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from breastseg.errors import ImageError, MissingPackageError
from breastseg.images.slide import Slide

READERS: Mapping[str, tuple[str, str, str]] = {
    "flat": ("breastseg.images.readers.flat", "FlatSlide", "breastseg"),
    "tiff": ("breastseg.images.readers.tiff", "TiffSlide", "breastseg"),
    "openslide": ("breastseg.images.readers.openslide", "VendorSlide", "breastseg"),
    "zarr": ("breastseg.images.readers.zarr", "ZarrSlide", "breastseg[zarr]"),
}
"""Readers: module, class, what to install. Imported when a file asks for it, so that flat images
wait for none of the others."""

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
"""Names of images in a folder; TIFFs may be slides."""

SLIDE_SUFFIXES = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide", ".czi")
"""Names of slides in a folder; a DICOM slide is several files, so that its folder is named and not
each of them."""

UNREAD_SUFFIXES: Mapping[str, str] = {
    ".bmp": "BMP",
    ".gif": "GIF",
    ".heic": "HEIC",
    ".isyntax": "Philips iSyntax",
    ".j2k": "JPEG 2000",
    ".jp2": "JPEG 2000",
    ".jpx": "JPEG 2000",
    ".jxl": "JPEG XL",
    ".kfb": "KFBio",
    ".lif": "Leica LIF",
    ".mds": "Motic",
    ".nd2": "Nikon ND2",
    ".psd": "Photoshop",
    ".sdpc": "Sqray",
    ".tmap": "Unic",
    ".vsi": "Olympus VSI",
    ".webp": "WebP",
    ".zvi": "Zeiss ZVI",
}
"""Names of images and slides that no reader takes, and what they are: a folder tells of them, so
that nobody thinks that all of it was mapped."""

_FLAT = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DICOM_AT, _DICOM = 128, b"DICM"
_ZARR_FILES = ("zarr.json", ".zattrs", ".zgroup")
_WANTED = (
    "PNG, JPEG or TIFF, or a slide that OpenSlide knows (SVS, NDPI, MRXS, SCN, BIF, VMS, DICOM)"
)


def open_slide(path: str | Path, *, mpp: float | None = None) -> Slide:
    """Open an image or a slide: read what its header says, find its microns per pixel.

    Args:
        path: a PNG, JPEG, TIFF or slide file, or a folder that is an OME-Zarr or holds the DICOM
            files of one slide.
        mpp: microns per pixel when the file does not say, or says it wrong.

    Raises:
        ImageError: no image, one that is broken, or one too large to decode whole.
        MppError: no mpp was given and the file has none; the message lists what was looked at.
        MissingPackageError: the reader's package is not installed.
    """
    path = Path(path)
    module, name, package = READERS[find_reader(path)]
    try:
        reader = getattr(import_module(module), name)
    except ImportError as cause:
        raise MissingPackageError(
            f"{path}: {cause.name or cause} is not installed; pip install '{package}'"
        ) from None
    slide: Slide = reader(path, mpp)
    return slide


def is_slide_folder(path: Path) -> bool:
    """Return whether a folder is one slide (an OME-Zarr, or nothing but DICOM files) and not a
    place where slides lie."""
    if any((path / name).is_file() for name in _ZARR_FILES):
        return True
    # Systems leave hidden files everywhere, as .DS_Store.
    files = [file for file in path.iterdir() if not file.name.startswith(".")]
    return bool(files) and all(file.is_file() and is_dicom(file) for file in files)


def is_dicom(path: Path) -> bool:
    """Return whether a file can be read and begins as DICOM files do."""
    try:
        return _head(path)[_DICOM_AT:] == _DICOM
    except ImageError:
        return False


def find_reader(path: Path) -> str:
    """Say which reader a file or folder is for: a name of READERS.

    Raises:
        ImageError: not there, or nothing that is known.
    """
    if path.is_dir():
        return _reader_of_folder(path)
    head = _head(path)
    # An MRXS slide is called by a JPEG, its thumbnail.
    if head.startswith(_FLAT) and path.suffix.lower() != ".mrxs":
        return "flat"
    # Here, so that flat images do not wait for it.
    from openslide import OpenSlide

    vendor = OpenSlide.detect_format(path)
    if vendor == "aperio":
        return "tiff" if _tiff().is_plain(path) else "openslide"
    if vendor not in {None, "generic-tiff"}:
        # NDPI has places of its own kind, and always 8 bits.
        if head.startswith(_TIFF) and vendor != "hamamatsu":
            _tiff().check_depth(path)
        return "openslide"
    if head.startswith(_TIFF):
        return "tiff" if _tiff().is_large(path) else "flat"
    if path.suffix.lower() == ".mrxs":
        raise ImageError(
            f"{path}: the folder {path.stem} with its pixels is not beside it; copy both"
        )
    raise ImageError(
        f"{path}: not an image that Pillow reads nor a slide that OpenSlide knows (it begins with"
        f" {head[:8]!r}); wanted {_WANTED}"
    )


def _tiff() -> ModuleType:
    return import_module(READERS["tiff"][0])


def _reader_of_folder(path: Path) -> str:
    if any((path / name).is_file() for name in _ZARR_FILES):
        return "zarr"
    if any(file.is_file() and is_dicom(file) for file in path.iterdir()):
        return "openslide"
    raise ImageError(
        f"{path}: is a folder, wanted an image, an OME-Zarr, or a folder of DICOM files"
    )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_DICOM_AT + len(_DICOM))
    except FileNotFoundError:
        raise ImageError(f"{path}: not found") from None
    except OSError as cause:
        raise ImageError(f"{path}: cannot be read ({cause.strerror or cause})") from None
