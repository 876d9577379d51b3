"""The regions of a map as Microscopy Bulk Simple Annotations: a group of polygons a class.

These polygons have no holes, by the standard. One with holes is cut by upright lines through them
into pieces that have none, so that areas stay what they are; outlines show the cuts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import shapely

from breastseg.errors import ImageError
from breastseg.labels import LabelClass, LabelMap
from breastseg.maps.dicom.codes import BREAST, class_codes, coded
from breastseg.maps.dicom.made import Making, built_for, display_color
from breastseg.maps.dicom.source import DicomSlide
from breastseg.sources.annotations import Area, Drawn
from breastseg.wording import in_short

Ring: TypeAlias = npt.NDArray[np.float32]
"""(N, 2) x, y in level-0 pixels; the first place is not said again at the end."""

_SERIES = 9902
_EDGE_PX = np.float32(2**-16)
"""Stands for 0: dicom-microscopy-viewer 0.48 leaves out places with a coordinate of 0, and all of
that outline behind it is wrong then."""


def write_regions_dicom(
    drawn: Drawn, label_map: LabelMap, slide: DicomSlide, path: Path, making: Making
) -> int:
    """Write the regions of a map; no file where it has none.

    Args:
        drawn: from regions.geojson, in level-0 pixels.
        label_map: names the classes.
        slide: where they belong; the file refers to its finest level.
        path: of the file.
        making: who made the map.

    Returns:
        how many polygons were written.
    """
    from highdicom.ann import MicroscopyBulkSimpleAnnotations

    groups: list[Any] = []
    count = 0
    for label_class in label_map.classes:
        rings: list[Ring] = []
        for area in drawn.areas:
            if area.name == label_class.qupath:
                rings.extend(whole_rings(area))
        if rings:
            with built_for(path):
                # Groups are numbered from 1 without gaps, by the standard.
                groups.append(_group(label_class, rings, len(groups) + 1, making))
            count += len(rings)
    if not groups:
        return 0
    with built_for(path):
        annotations = MicroscopyBulkSimpleAnnotations(
            source_images=[slide.levels[0].header],
            annotation_coordinate_type="2D",
            annotation_groups=groups,
            sop_instance_uid=making.uid("annotations"),
            instance_number=1,
            series_description="breastseg: regions, research use only",
            content_label="REGIONS",
            **making.common("annotations", _SERIES),
        )
        making.save(annotations, path)
    return count


def _group(label_class: LabelClass, rings: list[Ring], number: int, making: Making) -> Any:
    from highdicom.ann import AnnotationGroup

    category, kind = class_codes(label_class.name)
    return AnnotationGroup(
        number=number,
        uid=making.uid(f"annotations {label_class.name}"),
        label=label_class.name[:64],  # LO ends at 64 characters
        annotated_property_category=coded(category),
        annotated_property_type=coded(kind),
        graphic_type="POLYGON",
        graphic_data=rings,
        algorithm_type="AUTOMATIC",
        algorithm_identification=making.algorithm(),
        anatomic_regions=[coded(BREAST)],
        display_color=display_color(label_class.color),
    )


def whole_rings(area: Area) -> Iterator[Ring]:
    """Yield the outlines of pieces without holes that make up an area.

    Raises:
        ImageError: lines of it cross each other.
    """
    try:
        pieces = _without_holes(shapely.Polygon(area.outline, area.holes))
    except (shapely.errors.ShapelyError, ValueError) as cause:
        raise ImageError(
            f"a region of {area.name} whose outline crosses itself ({in_short(cause)}); make the"
            " map again"
        ) from None
    for piece in pieces:
        places = np.asarray(piece.exterior.coords, np.float32)[:-1]  # (N, 2)
        ring = np.maximum(places, _EDGE_PX)
        # Rounding to float32 may make two neighbours the same place.
        is_new = (ring != np.roll(ring, 1, axis=0)).any(axis=1)  # (N,)
        ring = ring[is_new]
        if len(ring) >= 3:
            yield ring


def _without_holes(polygon: Any) -> list[Any]:
    """Cut at the middle of the middle hole, until no piece has any: each cut halves the rest."""
    waiting, done = [polygon], []
    while waiting:
        piece = waiting.pop()
        holes = len(piece.interiors)
        if not holes:
            done.append(piece)
            continue
        middles = sorted((hole.bounds[0] + hole.bounds[2]) / 2 for hole in piece.interiors)
        x = middles[holes // 2]
        left, top, right, bottom = piece.bounds
        halves = []
        for side in (shapely.box(left, top, x, bottom), shapely.box(x, top, right, bottom)):
            halves += _polygons(shapely.intersection(piece, side))
        # A cut opens at least one hole; where it does not, this would go on for ever.
        if sum(len(half.interiors) for half in halves) >= holes:
            raise ValueError("a hole without width")
        waiting += halves
    return done


def _polygons(shape: Any) -> list[Any]:
    """Return the polygons of a shape; where pieces touch, it also has lines and points."""
    return [part for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon)]
