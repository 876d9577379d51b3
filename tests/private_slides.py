"""Slides as scanners write them, with labels, macro images, names and dates; what must not be in a
copy is in SECRETS."""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, generate_uid
from tifffile import TiffWriter

from slide_files import TILES, halved

Picture = npt.NDArray[np.uint8]

SECRETS = (
    b"Miller",
    b"S09-1234",
    b"12/29/09",
    b"09:59:15",
    b"CPAPERIOCS",
    b"2009:12:29",
    b"PATH-PC-7",
    b"20091229",
    b"1.2.999.",
)
"""Parts of names, dates and identifiers that the files hold."""

SAID = (
    "|AppMag = 20|StripeWidth = 2040|ScanScope ID = CPAPERIOCS|Filename = S09-1234 Miller"
    "|Date = 12/29/09|Time = 09:59:15|User = dr-Miller|MPP = 0.4990|Title = Miller"
    "|Left = 25.691574|S09-1234 = yes|ImageID = S09-1234"
)
_UIDS = "1.2.999."


def tissue(seed: int = 0, height: int = 256, width: int = 320) -> Picture:
    """Paint noise in the colours of tissue."""
    draw = np.random.default_rng(seed)
    return draw.integers(100, 255, (height, width, 3)).astype(np.uint8)


def label_picture() -> Picture:
    """Paint a label whose rows are found again in a file that holds them uncompressed."""
    return np.random.default_rng(99).integers(0, 99, (40, 60, 3)).astype(np.uint8)


def write_scanned_svs(path: Path, *, bigtiff: bool = False, said: str = SAID) -> Path:
    """Write an SVS of two levels with thumbnail, label and macro image and private tags."""
    base = tissue()
    shape = f"{base.shape[1]}x{base.shape[0]}"
    name = f"Aperio Image Library v11.2.1 \r\n{shape} [0,0 {shape}] (64x64) JPEG/RGB Q=30"
    tags = [(65000, 2, 9, "S09-1234", True), (316, 2, 10, "PATH-PC-7", True)]
    plain = {"photometric": "rgb", "metadata": None}
    with TiffWriter(path, bigtiff=bigtiff) as writer:
        writer.write(
            base,
            **TILES,
            description=name + said,
            extratags=tags,
            software="ScanScope of Miller",
            datetime="2009:12:29 09:59:15",
        )
        small = np.ascontiguousarray(halved(halved(base)))
        thumb = f"Aperio Image Library v11.2.1 \r\n{shape} -> {small.shape[1]}x{small.shape[0]} - "
        writer.write(small, **plain, description=thumb + said)
        writer.write(halved(base), **TILES, description=name + f" -> 160x128{said}")
        writer.write(
            label_picture(),
            **plain,
            subfiletype=1,
            description="Aperio Image Library v11.2.1 \r\nlabel 60x40",
        )
        writer.write(
            label_picture()[::-1].copy(),
            **plain,
            subfiletype=9,
            description="Aperio Image Library v11.2.1 \r\nmacro 60x40",
        )
    return path


def write_labelled_ome(path: Path) -> Path:
    """Write an OME-TIFF with a level, and a label as a second image."""
    options = {**TILES, "metadata": None}
    said = {
        "axes": "YXS",
        "Name": "S09-1234 Miller",
        "PhysicalSizeX": 0.5,
        "PhysicalSizeXUnit": "\u00b5m",
        "PhysicalSizeY": 0.5,
        "PhysicalSizeYUnit": "\u00b5m",
        "AcquisitionDate": "2009-12-29T09:59:15",
        "Description": "of Miller",
    }
    base = tissue()
    with TiffWriter(path, ome=True) as writer:
        writer.write(base, **{**options, "metadata": said}, subifds=1)
        writer.write(halved(base), **options, subfiletype=1)
        writer.write(label_picture(), photometric="rgb", metadata={"axes": "YXS", "Name": "label"})
    return path


def write_ndpi(path: Path) -> Path:
    """Write an NDPI of two levels, a macro image and a map of the slide.

    Its places have 64 bits: that of the next directory, and all others by high halves that stand
    behind each directory.
    """
    base = tissue()
    pictures = [(base, 20.0), (halved(base), 10.0)]
    pictures += [(label_picture(), -1.0), (label_picture()[::-1].copy(), -2.0)]
    data = bytearray(b"II*\0" + bytes(8))
    link = 4
    for picture, lens in pictures:
        pixels = _jpeg(picture) if lens > 0 else picture.tobytes()
        tags = {
            256: (4, [picture.shape[1]]),
            257: (4, [picture.shape[0]]),
            258: (3, [8, 8, 8]),
            259: (3, [7 if lens > 0 else 1]),
            262: (3, [6 if lens > 0 else 2]),
            271: (2, b"Hamamatsu\0"),
            272: (2, b"C9600 of Miller\0"),
            273: (4, [len(data)]),
            277: (3, [3]),
            278: (4, [picture.shape[0]]),
            279: (4, [len(pixels)]),
            306: (2, b"2009:12:29 09:59:15\0"),
            65420: (4, [1]),
            65421: (11, struct.pack("<f", lens)),
            65427: (2, b"S09-1234\0"),
            65449: (2, b"Created=20091229\r\nNDP.S/N=S09-1234\0"),
        }
        data += pixels
        lines = [_ndpi_line(data, code, *tags[code]) for code in tags]
        data[link : link + 8] = struct.pack("<Q", len(data))
        data += struct.pack("<H", len(lines)) + b"".join(lines)
        link = len(data)
        data += bytes(8 + 4 * len(lines))
    path.write_bytes(data)
    return path


def _ndpi_line(data: bytearray, code: int, kind: int, value: bytes | list[int]) -> bytes:
    letter = {2: "B", 3: "H", 4: "I", 11: "f"}[kind]
    packed = value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{letter}", *value)
    count = len(packed) // struct.calcsize(letter)
    if len(packed) > 4:
        place = len(data)
        data += packed
        packed = struct.pack("<I", place)
    return struct.pack("<HHI", code, kind, count) + packed.ljust(4, b"\0")


def write_private_dicom(folder: Path, *, native: bool = False, **said: object) -> Path:
    """Write a DICOM slide: a level of four tiles, another of one, a label and an overview."""
    folder.mkdir(parents=True)
    kinds = (
        (["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], (128, 128)),
        (["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"], (64, 64)),
        (["ORIGINAL", "PRIMARY", "LABEL", "NONE"], (64, 64)),
        (["ORIGINAL", "PRIMARY", "OVERVIEW", "NONE"], (64, 64)),
    )
    for number, (kind, size) in enumerate(kinds):
        one = _instance(number, kind, size, native=native)
        for keyword, value in said.items():
            setattr(one, keyword, value)
        one.save_as(folder / f"S09-1234-{number}.dcm", enforce_file_format=True)
    return folder


def _instance(number: int, kind: list[str], size: tuple[int, int], *, native: bool) -> Dataset:
    one = Dataset()
    one.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"
    one.SOPInstanceUID = f"{_UIDS}1.{number}"
    one.StudyInstanceUID, one.SeriesInstanceUID = f"{_UIDS}2", f"{_UIDS}3"
    one.FrameOfReferenceUID = f"{_UIDS}4"
    one.ImageType, one.Modality = kind, "SM"
    one.PatientName, one.PatientID = "Miller^Anna", "S09-1234"
    one.PatientBirthDate = one.StudyDate = one.ContentDate = "20091229"
    one.ContentTime, one.AcquisitionDateTime = "095915", "20091229095915"
    one.InstitutionName, one.DeviceSerialNumber = "Miller clinic", "CPAPERIOCS"
    one.ContainerIdentifier = "S09-1234"
    one.PositionReferenceIndicator, one.AcquisitionContextSequence = "Miller", []
    specimen = Dataset()
    specimen.SpecimenIdentifier, specimen.SpecimenUID = "S09-1234", f"{_UIDS}5"
    specimen.SpecimenShortDescription = "left breast of Miller"
    one.SpecimenDescriptionSequence = [specimen]
    one.OpticalPathSequence = [_optical_path()]
    one.private_block(0x0009, "Miller Inc", create=True).add_new(0x01, "LO", "S09-1234")
    one.Rows = one.Columns = 64
    one.TotalPixelMatrixColumns, one.TotalPixelMatrixRows = size
    one.NumberOfFrames = (size[0] // 64) * (size[1] // 64)
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PlanarConfiguration = 3, "RGB", 0
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
    one.BurnedInAnnotation = "YES" if kind[2] == "LABEL" else "NO"
    one.DimensionOrganizationType = "TILED_FULL"
    one.ImagedVolumeWidth, one.ImagedVolumeHeight = size[0] * 0.0005, size[1] * 0.0005
    spacing, shared = Dataset(), Dataset()
    spacing.PixelSpacing = [0.0005 * 128 / size[0]] * 2
    shared.PixelMeasuresSequence = [spacing]
    one.SharedFunctionalGroupsSequence = [shared]
    one.file_meta = FileMetaDataset()
    draw = np.random.default_rng(number)
    tiles = [
        draw.integers(0, 255, (64, 64, 3)).astype(np.uint8) for _ in range(int(one.NumberOfFrames))
    ]
    if native:
        one.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        one.PixelData = b"".join(tile.tobytes() for tile in tiles)
        one["PixelData"].VR = "OB"
    else:
        one.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        one.PixelData = encapsulate([_jpeg(tile) for tile in tiles])
        one["PixelData"].VR = "OB"
    one.file_meta.ImplementationClassUID = generate_uid(entropy_srcs=["test"])
    one.add_new(0xFFFCFFFC, "OB", b"padding of Miller ")
    return one


def _optical_path() -> Dataset:
    path, light, own = Dataset(), Dataset(), Dataset()
    path.OpticalPathIdentifier = "Miller-1"
    path.ObjectiveLensPower = 20
    light.CodeValue, light.CodingSchemeDesignator = "111744", "DCM"
    light.CodeMeaning = "Brightfield of Miller"
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "1", "99MILLER", "Miller"
    path.IlluminationTypeCodeSequence = [light, own]
    return path


def _jpeg(tile: Picture) -> bytes:
    import cv2

    return bytes(cv2.imencode(".jpg", tile)[1].tobytes())
