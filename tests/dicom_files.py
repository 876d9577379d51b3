"""A DICOM slide of our own: a pyramid of levels in JPEG, with all that a scanner says."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from slide_files import Picture

UIDS = "1.2.826.0.1.3680043.8.498."


def write_dicom_pyramid(
    folder: Path,
    levels: list[Picture],
    *,
    mpp: float = 0.5,
    tile_px: int = 64,
    change: Callable[[Dataset, int], None] = lambda header, number: None,
) -> Path:
    """Write level_N.dcm for each level; `change` alters a header before."""
    folder.mkdir(parents=True)
    for number, pixels in enumerate(levels):
        height, width = pixels.shape[:2]
        header = level_header((width, height), mpp * levels[0].shape[1] / width, number, tile_px)
        header.PixelData = encapsulate(
            [
                _jpeg(pixels[y : y + tile_px, x : x + tile_px], tile_px)
                for y in range(0, height, tile_px)
                for x in range(0, width, tile_px)
            ]
        )
        header["PixelData"].VR = "OB"
        change(header, number)
        header.save_as(folder / f"level_{number}.dcm", enforce_file_format=True)
    return folder


def level_header(size_px: tuple[int, int], mpp: float, number: int, tile_px: int) -> Dataset:
    """Return the header of a level, without pixels."""
    one = Dataset()
    one.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"
    one.SOPInstanceUID = f"{UIDS}1.{number + 1}"
    one.StudyInstanceUID, one.SeriesInstanceUID = f"{UIDS}2", f"{UIDS}3"
    one.FrameOfReferenceUID, one.PositionReferenceIndicator = f"{UIDS}4", "SLIDE_CORNER"
    kind = ["ORIGINAL", "PRIMARY"] if number == 0 else ["DERIVED", "PRIMARY"]
    one.ImageType = [*kind, "VOLUME", "NONE" if number == 0 else "RESAMPLED"]
    one.Modality, one.Manufacturer, one.ManufacturerModelName = "SM", "Painter", "One"
    one.DeviceSerialNumber, one.SoftwareVersions = "1", "1"
    one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = "A^B", "P1", "", "F"
    one.AccessionNumber, one.StudyID, one.ReferringPhysicianName = "A1", "S1", ""
    one.StudyDate, one.StudyTime = "20200102", "030405"
    one.ContentDate, one.ContentTime, one.AcquisitionDateTime = "20200102", "030405", "20200102"
    one.SeriesNumber, one.InstanceNumber = 1, number + 1
    one.ContainerIdentifier, one.AcquisitionContextSequence = "C1", []
    one.IssuerOfTheContainerIdentifierSequence, one.ContainerTypeCodeSequence = [], []
    specimen = Dataset()
    specimen.SpecimenIdentifier, specimen.SpecimenUID = "C1", f"{UIDS}5"
    specimen.IssuerOfTheSpecimenIdentifierSequence = []
    specimen.SpecimenPreparationSequence = []
    one.SpecimenDescriptionSequence = [specimen]
    _add_geometry(one, size_px, mpp, tile_px)
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return one


def _add_geometry(one: Dataset, size_px: tuple[int, int], mpp: float, tile_px: int) -> None:
    width, height = size_px
    one.Rows = one.Columns = tile_px
    one.TotalPixelMatrixColumns, one.TotalPixelMatrixRows = size_px
    one.TotalPixelMatrixFocalPlanes = one.NumberOfOpticalPaths = one.NumberOfFocalPlanes = 1
    one.NumberOfFrames = -(-width // tile_px) * -(-height // tile_px)
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PlanarConfiguration = (
        3,
        "YBR_FULL_422",
        0,
    )
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
    one.BurnedInAnnotation = one.SpecimenLabelInImage = one.ExtendedDepthOfField = "NO"
    one.LossyImageCompression, one.FocusMethod = "01", "AUTO"
    one.LossyImageCompressionRatio, one.LossyImageCompressionMethod = 10, "ISO_10918_1"
    one.VolumetricProperties, one.DimensionOrganizationType = "VOLUME", "TILED_FULL"
    one.ImagedVolumeWidth, one.ImagedVolumeHeight = width * mpp / 1000, height * mpp / 1000
    one.ImagedVolumeDepth = 1.0
    one.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    origin, spacing, shared, kind = Dataset(), Dataset(), Dataset(), Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = 20, 40
    one.TotalPixelMatrixOriginSequence = [origin]
    spacing.PixelSpacing, spacing.SliceThickness = [mpp / 1000] * 2, 0.001
    kind.FrameType = list(one.ImageType)
    shared.PixelMeasuresSequence, shared.WholeSlideMicroscopyImageFrameTypeSequence = (
        [spacing],
        [kind],
    )
    one.SharedFunctionalGroupsSequence = [shared]
    path, light = Dataset(), Dataset()
    path.OpticalPathIdentifier, path.ObjectiveLensPower = "1", 20
    light.CodeValue, light.CodingSchemeDesignator, light.CodeMeaning = (
        "111744",
        "DCM",
        "Brightfield",
    )
    path.IlluminationTypeCodeSequence = [light]
    one.OpticalPathSequence = [path]


def _jpeg(tile: npt.NDArray[np.uint8], tile_px: int) -> bytes:
    full = np.full((tile_px, tile_px, 3), 255, np.uint8)
    full[: tile.shape[0], : tile.shape[1]] = tile
    packed = BytesIO()
    Image.fromarray(full).save(packed, "JPEG", quality=90)
    return packed.getvalue()
