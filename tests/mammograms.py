"""Painted mammograms and DICOM files of them, for tests. Nothing of a real person is in them."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MG = "1.2.840.10008.5.1.4.1.1.1.2"
MG_RAW = "1.2.840.10008.5.1.4.1.1.1.2.1"
PATIENT, NUMBER, HOSPITAL, DATE = "Doe^Jane", "ID-4711-X", "Saint Elsewhere", "19990102"
"""What must be nowhere in any output."""


def paint_film(
    height: int = 320, width: int = 256, *, seed: int = 0, chest_wall: str = "left"
) -> npt.NDArray[np.uint16]:
    """Return a painted MLO of 12 bits: half an ellipse, a triangle of muscle, noise; (H, W)."""
    rng = np.random.default_rng(seed)
    rows = np.arange(height)[:, None] / height
    columns = np.arange(width)[None, :] / width
    breast = ((rows - 0.5) / 0.42) ** 2 + (columns / 0.75) ** 2 < 1
    muscle = columns / 0.4 + rows / 0.55 < 1
    film = np.full((height, width), 120.0)
    film[breast] = 1400.0
    film[muscle & (breast | (columns < 0.4))] = 2600.0
    film += rng.normal(0, 25, film.shape)
    film = np.clip(film, 0, 4095).astype(np.uint16)
    return film if chest_wall == "left" else np.ascontiguousarray(film[:, ::-1])


def dataset(pixels: npt.NDArray[Any], **changes: Any) -> Any:
    """Return a DICOM mammogram FOR PRESENTATION; None among the changes takes an element away."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    held = pydicom.Dataset()
    held.file_meta = FileMetaDataset()
    held.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    held.file_meta.MediaStorageSOPClassUID = MG
    held.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["one"])
    values: dict[str, Any] = {
        "SOPClassUID": MG,
        "SOPInstanceUID": held.file_meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": generate_uid(entropy_srcs=["study"]),
        "Modality": "MG",
        "PresentationIntentType": "FOR PRESENTATION",
        "PatientName": PATIENT,
        "PatientID": NUMBER,
        "InstitutionName": HOSPITAL,
        "StudyDate": DATE,
        "ImageLaterality": "L",
        "ViewPosition": "MLO",
        "ImagerPixelSpacing": [0.2, 0.2],
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "WindowCenter": 2048,
        "WindowWidth": 4096,
        "PixelData": pixels.astype("<u2").tobytes(),
        **changes,
    }
    for name, value in values.items():
        if value is not None:
            setattr(held, name, value)
    return held


def write_mg(path: Path, pixels: npt.NDArray[Any] | None = None, **changes: Any) -> Path:
    """Write a DICOM mammogram."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = dataset(paint_film() if pixels is None else pixels, **changes)
    held.file_meta.MediaStorageSOPClassUID = held.SOPClassUID
    held.save_as(path, enforce_file_format=True)
    return path


def write_compressed(path: Path, frame: bytes, pixels: npt.NDArray[Any], syntax: str) -> Path:
    """Write a DICOM mammogram whose only frame is compressed already."""
    from pydicom.encaps import encapsulate

    held = dataset(pixels, PixelData=encapsulate([frame]))
    held.file_meta.TransferSyntaxUID = syntax
    held["PixelData"].is_undefined_length = True
    path.parent.mkdir(parents=True, exist_ok=True)
    held.save_as(path, enforce_file_format=True)
    return path


def codes(*values: str, modifiers: tuple[str, ...] = ()) -> Any:
    """Return a code sequence of SNOMED codes, the first with modifiers inside."""
    import pydicom

    items = []
    for value in values:
        item = pydicom.Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", "a view"
        items.append(item)
    if modifiers:
        items[0].ViewModifierCodeSequence = codes(*modifiers)
    return pydicom.Sequence(items)


def save_picture(path: Path, values: npt.NDArray[Any]) -> Path:
    """Write an array as an image, with its folders."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


MIAS_INFO = """              MAMMOGRAPHIC IMAGE ANALYSIS SOCIETY
                  MiniMammographic Database

mdb001 G CIRC B 30 40 12
mdb002 F NORM
mdb003 D CALC M *NOTE 3*
mdb004 F CIRC B
"""


def paint_mini_mias(folder: Path, info: str = MIAS_INFO, films: int = 4) -> Path:
    """Write images of 1024 x 1024 pixels and an Info.txt."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Info.txt").write_text(info)
    for number in range(1, films + 1):
        side = "right" if number % 2 else "left"
        film = paint_film(1024, 1024, seed=number, chest_wall=side)
        Image.fromarray((film >> 4).astype(np.uint8)).save(folder / f"mdb{number:03d}.pgm")
    return folder


CBIS_HEAD = (
    "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,"
    "mass shape,mass margins,assessment,pathology,subtlety,image file path,"
    "cropped image file path,ROI mask file path\n"
)
CBIS_ROW = "P_00001,3,LEFT,CC,{},mass,OVAL,SPICULATED,4,{},4,a/b.dcm,a/c.dcm,a/d.dcm\n"


def paint_cbis(
    folder: Path, rows: str, mask_size: tuple[int, int] = (320, 256), side: str = "L"
) -> Path:
    folder.mkdir(parents=True)
    (folder / "mass_case_description_train_set.csv").write_text(CBIS_HEAD + rows)
    film = "Mass-Training_P_00001_LEFT_CC"
    head = {"ImagerPixelSpacing": None, "ViewPosition": None, "ImageLaterality": side}
    write_mg(folder / film / "study" / "1-1.dcm", **head)
    mask = np.zeros(mask_size, np.uint16)
    mask[mask_size[0] // 4 : mask_size[0] // 2, mask_size[1] // 4 : mask_size[1] // 2] = 255
    crop = paint_film(100, 80)
    # the crop has the name that tables of some rows give to the mask
    write_mg(folder / f"{film}_1" / "study" / "1-1.dcm", crop)
    write_mg(folder / f"{film}_1" / "study" / "1-2.dcm", mask)
    return folder
