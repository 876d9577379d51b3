"""A map as a DICOM segmentation: a pyramid on the slide's own levels, one file a level.

Labels lie in a file that is mapped into memory, and one level is made at a time; what highdicom
holds beyond that is the frames that are not empty (BINARY), or all of them packed (LABELMAP).
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.errors import InputError
from breastseg.files import nameless_file
from breastseg.labels import LabelMap
from breastseg.maps.dicom.codes import BREAST, class_codes, coded
from breastseg.maps.dicom.made import Making, built_for, display_color
from breastseg.maps.dicom.source import DicomSlide, Level
from breastseg.maps.files.label_tiles import LabelTiles
from breastseg.maps.raster import centres

KINDS = ("binary", "labelmap")
# High, so that the slide's own series have other numbers; regions and measures follow.
_SERIES = 9901
_MOST_PX = 2**33  # a byte each: 8 GiB on disk


def write_segmentation(
    labels: LabelTiles,
    label_map: LabelMap,
    slide: DicomSlide,
    folder: Path,
    making: Making,
    *,
    kind: str,
    mpp: float,
) -> list[Path]:
    """Write segmentation_N.dcm, the finest first; N is the level of the slide.

    Segment k is label k of the map; label 0, not analysed, is in no segment. A map in which
    nothing was analysed has no segmentation.

    Args:
        labels: of the whole slide.
        label_map: names the classes.
        slide: where it belongs.
        folder: where the files go.
        making: who made the map.
        kind: one of KINDS; binary has a frame for each class and tile, labelmap one for each tile.
        mpp: microns per pixel of `labels`, by the slide's own header.

    Raises:
        InputError: the level that fits is too large.
    """
    if next(iter(labels), None) is None:
        return []
    first = level_of(slide, mpp)
    paths = []
    for number, level in enumerate(slide.levels[first:], start=1):
        path = folder / f"segmentation_{first + number - 1}.dcm"
        values = level_labels(labels, level)
        with built_for(path):
            making.save(_segmentation(values, label_map, level, making, kind, number), path)
        paths.append(path)
        # A level that is one tile is read at once: coarser ones would save nobody anything.
        if level.frames == 1:
            break
    return paths


def level_of(slide: DicomSlide, mpp: float) -> int:
    """Return the level whose um/px is nearest to `mpp`, as a factor; of equals the finer."""
    # Rounded to a hundredth of a halving, so that equals are equal; argmin takes the first of them.
    factors = [round(abs(np.log2(level.mpp / mpp)), 2) for level in slide.levels]
    return int(np.argmin(factors))


def level_labels(labels: LabelTiles, level: Level) -> npt.NDArray[np.uint8]:
    """Return labels in a level's size, the one under each new pixel's centre: (H, W) uint8, in a
    file without a name that goes with the array."""
    width, height = level.size_px
    if width * height > _MOST_PX:
        raise InputError(
            f"{labels.path}: a level of {width} x {height} px, wanted at most {_MOST_PX} pixels;"
            " choose a model of coarser um/px"
        )
    with nameless_file() as file:
        values = np.memmap(file, np.uint8, "w+", shape=(height, width))
    columns = centres(width, labels.size_px[0])
    rows = centres(height, labels.size_px[1])
    for box, tile in labels:
        left, right = np.searchsorted(columns, (box.x, box.x + box.width))
        top, bottom = np.searchsorted(rows, (box.y, box.y + box.height))
        picked = np.ix_(rows[top:bottom] - box.y, columns[left:right] - box.x)
        values[top:bottom, left:right] = tile[picked]
    return values


def _segmentation(
    values: npt.NDArray[np.uint8],
    label_map: LabelMap,
    level: Level,
    making: Making,
    kind: str,
    number: int,
) -> Any:
    from highdicom.seg import Segmentation
    from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

    is_binary = kind == "binary"
    # Binary frames are bits, which JPEG-LS does not pack: empty ones are left out instead (but not
    # all of them, an object has at least one). It does pack bytes, so a label map has every frame,
    # and readers of TILED_FULL find each without a table.
    return Segmentation(
        source_images=[level.header],
        pixel_array=values,
        segmentation_type=kind.upper(),
        segment_descriptions=_segments(label_map, making),
        sop_instance_uid=making.uid(f"segmentation {kind} {number}"),
        instance_number=number,
        transfer_syntax_uid=ExplicitVRLittleEndian if is_binary else JPEGLSLossless,
        omit_empty_frames=is_binary and bool(values.any()),
        dimension_organization_type="TILED_SPARSE" if is_binary else "TILED_FULL",
        tile_pixel_array=True,
        pyramid_uid=making.uid(f"pyramid {kind}"),
        series_description="breastseg: tissue, research use only",
        content_label="TISSUE",
        **making.common(f"segmentation {kind}", _SERIES),
    )


def _segments(label_map: LabelMap, making: Making) -> list[Any]:
    from highdicom.seg import SegmentDescription

    segments = []
    for label, label_class in enumerate(label_map.classes, start=1):
        category, kind = class_codes(label_class.name)
        name = label_class.name[:64]  # LO ends at 64 characters
        segments.append(
            SegmentDescription(
                segment_number=label,
                segment_label=name,
                segmented_property_category=coded(category),
                segmented_property_type=coded(kind),
                algorithm_type="AUTOMATIC",
                algorithm_identification=making.algorithm(),
                anatomic_regions=[coded(BREAST)],
                tracking_uid=making.uid(f"segment {label}"),
                tracking_id=name,
                display_color=display_color(label_class.color),
            )
        )
    return segments
