"""The headers of a DICOM slide's own levels, as what is written beside them needs them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from breastseg.errors import ImageError, MissingPackageError
from breastseg.images.dicom_headers import guarded_dicom
from breastseg.images.open import is_dicom

_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"  # VL Whole Slide Microscopy Image Storage
_NEEDED = (
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "ImageOrientationSlide",
    "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows",
    "Rows",
    "Columns",
    "NumberOfFrames",
)
"""Without these nobody can tell what a result belongs to, or where it lies."""
_MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
)
"""The standard lets these be empty; empty they are written where a slide lacks them."""
_LAID_BY = (
    "PositionReferenceIndicator",
    "ImageType",
    "Modality",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DimensionOrganizationType",
    "TotalPixelMatrixOriginSequence",
    "TotalPixelMatrixFocalPlanes",
    "NumberOfOpticalPaths",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
    "SpecificCharacterSet",
    "ContainerIdentifier",
    "IssuerOfTheContainerIdentifierSequence",
    "ContainerTypeCodeSequence",
    "SpecimenDescriptionSequence",
    "SOPClassUID",
    "ConcatenationUID",
)
"""What else results refer to: where pixels lie, and which slide of glass it is. Viewers take
results and images of one container together."""
# highdicom does not go on without one; that of the section itself, some um, nobody knows.
_THICKNESS_MM = 0.001
# Headers are written by anybody: these keep one from asking for more memory than there is.
_MOST_TILE_PX, _MOST_TILES = 2**24, 2**20


@dataclass(frozen=True)
class Level:
    """A level of a slide.

    Attributes:
        header: a pydicom Dataset without pixels, filled where the slide lacks what may be.
        size_px: (width, height).
        mpp: microns per pixel as the header says, of the two directions the mean.
    """

    header: Any
    size_px: tuple[int, int]
    mpp: float

    @property
    def frames(self) -> int:
        """Tiles that cover the level once."""
        width, height = self.size_px
        return -(-width // int(self.header.Columns)) * -(-height // int(self.header.Rows))


@dataclass(frozen=True)
class DicomSlide:
    """A slide's levels, the finest first, and what was filled in."""

    levels: tuple[Level, ...]
    notes: tuple[str, ...]


def read_dicom_slide(path: Path) -> DicomSlide:
    """Read the headers of a slide's levels.

    Args:
        path: a folder of DICOM files, or one; its series is looked for beside it.

    Raises:
        ImageError: no DICOM slide, damaged, a level in several files, or something missing that
            cannot be made up; by name.
        MissingPackageError: highdicom is not installed.
    """
    _check_packages(path)
    headers: list[Any] = []
    for file in _files(path):
        headers += _header(file)
    if not path.is_dir():
        own = _header(path)
        if not own:
            raise ImageError(f"{path}: no image of tissue (VOLUME), wanted a whole slide")
        # A folder may hold several slides; the levels of one are in one series.
        series = own[0].get("SeriesInstanceUID")
        headers = [header for header in headers if header.get("SeriesInstanceUID") == series]
    if not headers:
        raise ImageError(f"{path}: no whole slide image in it (VOLUME), wanted a DICOM slide")
    # A dict keeps the order and says each once, however many levels lack it.
    filled: dict[str, None] = {}
    with guarded_dicom(str(path)):
        levels = [_level(header, path, filled) for header in headers]
    levels.sort(key=lambda level: -level.size_px[0] * level.size_px[1])
    _check_levels(levels, path)
    return DicomSlide(tuple(levels), _notes(levels, list(filled)))


def _check_packages(path: Path) -> None:
    try:
        import highdicom  # noqa: F401
        import pydicom  # noqa: F401
    except ImportError as cause:
        raise MissingPackageError(
            f"{path}: DICOM results need the package {cause.name or cause}; pip install"
            " 'breastseg[dicom]'"
        ) from None


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise ImageError(f"{path}: not found; DICOM results are written from the slide's headers")
    if not path.is_dir() and not is_dicom(path):
        raise ImageError(f"{path}: is no DICOM slide, and DICOM results belong beside one")
    for file in sorted(path.iterdir() if path.is_dir() else path.parent.iterdir()):
        if file.is_file() and is_dicom(file):
            yield file


def _header(file: Path) -> list[Any]:
    """Return the header of a file that is a level of a slide, else nothing."""
    import pydicom

    with guarded_dicom(str(file)):
        header = pydicom.dcmread(file, stop_before_pixels=True)
        # The third word tells levels from LABEL, OVERVIEW and THUMBNAIL.
        kind = [str(word) for word in header.get("ImageType") or []]
        is_level = header.get("SOPClassUID") == _SLIDE and kind[2:3] == ["VOLUME"]
        return [_reduced(header)] if is_level else []


def _reduced(header: Any) -> Any:
    """Return a header of what results need, and nothing else of it: no comments, addresses,
    physicians or institution."""
    from pydicom import Dataset

    reduced = Dataset()
    for keyword in (*_NEEDED, *_MAY_BE_EMPTY, *_LAID_BY):
        if keyword in header:
            reduced[keyword] = header[keyword]
    return reduced


def _level(header: Any, path: Path, filled: dict[str, None]) -> Level:
    for keyword in _NEEDED:
        if header.get(keyword) in (None, "", []):
            raise ImageError(
                f"{path}: a level without {keyword}, so that no result can be placed on it;"
                " export the slide again with it"
            )
    if header.get("ConcatenationUID"):
        raise ImageError(
            f"{path}: a level in several files (a concatenation, {header.ConcatenationUID});"
            " results refer to one file a level; export the slide without concatenations"
        )
    for keyword in _MAY_BE_EMPTY:
        if keyword not in header:
            setattr(header, keyword, "")
            filled[f"{keyword} (empty)"] = None
    measures = _measures(header, path)
    if "SliceThickness" not in measures:
        measures.SliceThickness = _THICKNESS_MM
        filled[f"SliceThickness ({_THICKNESS_MM} mm)"] = None
    if not header.get("TotalPixelMatrixOriginSequence"):
        header.TotalPixelMatrixOriginSequence = [_origin()]
        filled["TotalPixelMatrixOriginSequence (0, 0)"] = None
    size = int(header.TotalPixelMatrixColumns), int(header.TotalPixelMatrixRows)
    mpp = 1000 * sum(map(float, measures.PixelSpacing)) / 2  # PixelSpacing is in mm
    tile = int(header.Rows), int(header.Columns)
    # "not mpp > 0" holds for NaN too.
    if min(*size, *tile) < 1 or tile[0] * tile[1] > _MOST_TILE_PX or not mpp > 0:
        raise ImageError(
            f"{path}: a level of {size[0]} x {size[1]} px at {mpp:.4g} um/px in tiles of"
            f" {tile[1]} x {tile[0]} px, wanted tiles of at most {_MOST_TILE_PX} pixels; export the"
            " slide again"
        )
    level = Level(header, size, mpp)
    if level.frames > _MOST_TILES:
        raise ImageError(
            f"{path}: a level of {level.frames} tiles, wanted at most {_MOST_TILES}; export the"
            " slide again with larger tiles"
        )
    return level


def _measures(header: Any, path: Path) -> Any:
    shared = header.get("SharedFunctionalGroupsSequence") or [None]
    measures = shared[0].get("PixelMeasuresSequence") if shared[0] is not None else None
    if not measures or len(measures[0].get("PixelSpacing") or ()) != 2:
        raise ImageError(
            f"{path}: a level without PixelSpacing, so that no result can be placed on it; export"
            " the slide again with it"
        )
    return measures[0]


def _origin() -> Any:
    from pydicom import Dataset

    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem = 0
    origin.YOffsetInSlideCoordinateSystem = 0
    return origin


def _check_levels(levels: list[Level], path: Path) -> None:
    for keyword in ("SeriesInstanceUID", "StudyInstanceUID"):
        if len({level.header.get(keyword) for level in levels}) > 1:
            raise ImageError(f"{path}: levels of several {keyword}, wanted one slide alone")
    sizes = [level.size_px for level in levels]
    for size in sizes:
        if sizes.count(size) > 1:
            raise ImageError(
                f"{path}: {sizes.count(size)} images of {size[0]} x {size[1]} px (planes, paths"
                " or copies), wanted one a level; export one of them alone"
            )


def _notes(levels: list[Level], filled: list[str]) -> tuple[str, ...]:
    notes = []
    if filled:
        notes.append(f"the slide lacks {', '.join(filled)}, written so")
    if len({level.header.FrameOfReferenceUID for level in levels}) > 1:
        notes.append(
            "the slide's levels have frames of reference of their own; each segmentation has its"
            " level's, and viewers may not draw one over another level"
        )
    return tuple(notes)
