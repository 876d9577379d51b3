"""A film's masks as a DICOM segmentation (SEG), by highdicom; imported only when asked for."""

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import MissingPackageError
from breastseg.files import written
from breastseg.images.dicom_headers import guarded_dicom, uids_from
from breastseg.mammography.dicom_identity import identity_of
from breastseg.mammography.masks import ARTEFACT, BREAST, MUSCLE

SEG = "seg.dcm"
SEGMENTS: Mapping[int, tuple[str, str, str]] = MappingProxyType(
    {
        BREAST: ("breast without muscle", "AnatomicalStructure", "Breast"),
        MUSCLE: ("pectoral muscle", "AnatomicalStructure", "PectoralisMajorMuscle"),
        ARTEFACT: ("labels, tape, stripes and wedges", "PhysicalObject", ""),
    }
)
"""Value of labels.png -> label of the segment, and names of its category and its type in SNOMED CT.

Segments are numbered from 1 in this order. There is no code for writing and tape on a film: ours is
of the scheme 99BREASTSEG.
"""
_ARTEFACT_CODE = ("film-artefact", "99BREASTSEG", "Label, tape or edge on a film")
_SERIES_NUMBER = 900
"""Far from those of the films; nothing depends on it."""


def write_seg(
    path: Path, film: Path, labels: npt.NDArray[np.uint8], where: str, algorithm: str
) -> None:
    """Write the masks of a film as a binary segmentation of its DICOM image.

    It has the patient and the study of the film, which it names as its source. UIDs depend on the
    film and the masks alone; the time of its making is in it too.

    Args:
        path: the file to write, .dcm.
        film: the DICOM file that the masks are of.
        labels: (H, W) of the values in `SEGMENTS` and others, of the whole image at any size:
            brought to the size of the film by its nearest pixels.
        where: how errors call the film.
        algorithm: how the muscle was found.

    Raises:
        MissingPackageError: highdicom is not installed.
        ImageError: the film has no UIDs, or cannot be read.
    """
    try:
        from highdicom.seg import Segmentation
        from pydicom import dcmread
    except ImportError as cause:
        raise MissingPackageError(
            f"{where}: a DICOM segmentation: {cause.name or cause} is not installed; pip install "
            "'breastseg[dicom]'"
        ) from None
    with guarded_dicom(where):
        source = identity_of(dcmread(film, stop_before_pixels=True), where)
        masks = stacked(labels, (int(source.Rows), int(source.Columns)))
        # The same masks of the same film have the same UIDs: an archive keeps one object of them.
        digest = hashlib.sha256(masks.tobytes()).hexdigest()
        uid = uids_from((str(source.SOPInstanceUID), digest, algorithm))
        document = Segmentation(
            source_images=[source],
            pixel_array=masks,
            segmentation_type="BINARY",
            segment_descriptions=_descriptions(algorithm),
            series_instance_uid=uid("series"),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=uid("instance"),
            instance_number=1,
            manufacturer="breastseg",
            manufacturer_model_name="breastseg mammo prepare",
            software_versions=version("breastseg"),
            device_serial_number="none",
            content_label="BREAST_MASKS",
            content_description="Breast, muscle and artefacts; research use only",
            series_description="breastseg masks, research use only",
        )
        with written(path) as unfinished:
            document.save_as(unfinished)


def stacked(labels: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return (1, H, W, segments) of 0 and 1, in the order of `SEGMENTS`.

    Args:
        labels: (h, w) label image.
        size: (H, W) that is wanted.
    """
    if labels.shape != size:
        labels = np.asarray(
            cv2.resize(labels, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8
        )
    masks = [labels == value for value in SEGMENTS]
    stack = np.stack(masks, axis=-1)[None]  # (1, H, W, segments): one frame
    return stack.astype(np.uint8)


def _descriptions(algorithm: str) -> list[Any]:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    steps = AlgorithmIdentificationSequence(
        name=f"breastseg mammo prepare, muscle by {algorithm}",
        family=codes.DCM.EdgeDetection,
        version=version("breastseg"),
        source="breastseg",
    )
    descriptions = []
    for number, (label, category, kind) in enumerate(SEGMENTS.values(), start=1):
        code = getattr(codes.SCT, kind) if kind else CodedConcept(*_ARTEFACT_CODE)
        descriptions.append(
            SegmentDescription(
                segment_number=number,
                segment_label=label,
                segmented_property_category=getattr(codes.SCT, category),
                segmented_property_type=code,
                algorithm_type="AUTOMATIC",
                algorithm_identification=steps,
            )
        )
    return descriptions
