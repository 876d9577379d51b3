"""What is annotated of one region, as labels at the data set's resolution: painted in a mask, drawn
as areas and dots, or known of the whole field."""

import math
from dataclasses import dataclass

import numpy as np

from breastseg.data.config import PrepareConfig
from breastseg.data.fields import FIELDS, Known
from breastseg.data.places import Places, places_of, without_nots
from breastseg.data.rasterise import Dots, check_inside, draw
from breastseg.errors import ImageError, SourceError
from breastseg.geometry import Box, scaled_size
from breastseg.images import Slide, check_upright, read_codes, resample_labels
from breastseg.json_files import JsonObject
from breastseg.labels import LabelMap, Labels
from breastseg.sources import Region
from breastseg.sources.annotations import Drawn, read_drawn, said_kinds
from breastseg.sources.parts import within

SKIPPED = "skipped"
INSTEAD = "instead_of_annotations"
CUT = "areas_cut"
"""Keys of a region's row, counted over all regions in one message."""
_MARGIN_PX = 128
"""Pixels of the data set that are taken of a slide around what is drawn on it: networks see more
than they predict."""
_MOST_PX = 100_000_000
"""Most pixels of a slide at the resolution of the data set: 300 MB for each worker."""


@dataclass(frozen=True, eq=False)
class RegionLabels:
    """What is annotated of a region.

    Attributes:
        labels: (H, W) at the data set's resolution.
        dots: (N, 3) rows of (label, y, x).
        annotation: "areas", "dots" where nothing else is known, or "fields".
        places: what a map is scored at, where dots have extents or say what is not there.
    """

    labels: Labels
    dots: Dots
    annotation: str
    places: Places | None = None


def drawn_of(region: Region) -> Drawn | None:
    """Return what is drawn on a region, in pixels of its image; None where it is painted.

    Raises:
        SourceError: nothing in the file can be taken.
    """
    if not region.is_drawn:
        return None
    drawn = read_drawn(region.labels)
    if drawn.skipped and not drawn.areas and not drawn.dots:
        raise SourceError(
            f"{region.labels}: nothing in it can be taken (skipped: {said_kinds(drawn.skipped)});"
            " wanted annotations of a class on plane z 0, time 0; give them classes in QuPath (an"
            " object's name is none) and export them again"
        )
    if region.words is not None:
        drawn = drawn.without(region.words.dropped)
    if region.box is not None:
        drawn = within(drawn, region.box)
    return drawn.measured(region.mpp)


def notes_of(region: Region, drawn: Drawn | None, slide: Slide) -> JsonObject:
    """Return by name how much was not taken, or only in part, of what was drawn.

    Raises:
        SourceError: something lies outside of the image.
    """
    if drawn is None:
        return {}
    return {
        SKIPPED: dict(drawn.skipped),
        INSTEAD: dict(drawn.instead),
        CUT: check_inside(drawn, slide.size_px, str(region.labels)),
    }


def check_turned(region: Region, known: Known | None, drawn: Drawn | None, slide: Slide) -> None:
    """Refuse an image with an orientation tag, where places in it are annotated."""
    if drawn is not None or known is None:
        check_upright(slide, region.labels.name)


def box_of(
    region: Region, known: Known | None, drawn: Drawn | None, slide: Slide, mpp: float
) -> Box:
    """Return the box of a slide, in level-0 pixels, that a data set at `mpp` takes of it.

    Raises:
        SourceError: it is too large, or nothing is drawn.
    """
    if known is not None:
        _check_size(slide, mpp)
    elif region.box is not None:
        return region.box
    elif drawn is not None and not slide.is_flat:
        return _around(drawn, slide, mpp, str(region.labels))
    return Box(0, 0, *slide.size_px)


def labels_of(
    region: Region,
    known: Known | None,
    drawn: Drawn | None,
    box: Box,
    size_px: tuple[int, int],
    label_map: LabelMap,
    config: PrepareConfig,
) -> RegionLabels:
    """Return the labels of a box of an image.

    Args:
        region: whose they are.
        known: what is known of the whole of it.
        drawn: what is drawn on it; a mask is read where there is neither.
        box: of the image, in level-0 pixels.
        size_px: of the image, (width, height).
        label_map: of the data set.
        config: its resolution, and the radius of dots.

    Raises:
        BreastsegError: the annotation does not fit the image or the label map.
    """
    if known is not None:
        return _known(region, known, drawn, box, label_map, config)
    reading = region.words.seen_in(label_map) if region.words else label_map
    if drawn is None:
        return _painted(region, reading, size_px, config)
    return _drawn(region, drawn, box, reading, config)


def _around(drawn: Drawn, slide: Slide, mpp: float, where: str) -> Box:
    """Return the box of a slide in which something is drawn, with a little around it."""
    boxes = drawn.boxes()  # (N, 4) rows of left, top, right, bottom
    if not len(boxes):
        raise SourceError(f"{where}: nothing is drawn in it; draw an area, or take the file away")
    margin = _MARGIN_PX * mpp / slide.mpp  # in level-0 pixels
    width, height = slide.size_px
    first_x, first_y = boxes[:, :2].min(axis=0).tolist()
    last_x, last_y = boxes[:, 2:].max(axis=0).tolist()
    left = max(0, math.floor(first_x - margin))
    top = max(0, math.floor(first_y - margin))
    right = min(width, math.ceil(last_x + margin))
    bottom = min(height, math.ceil(last_y + margin))
    across, down = scaled_size((right - left, bottom - top), slide.mpp, mpp)
    if across * down > _MOST_PX:
        raise SourceError(
            f"{where}: areas are spread over {across} x {down} px at {mpp:g} um/px, wanted up to"
            f" {_MOST_PX // 10**6} Mpx of a slide; draw them nearer together, or cut the slide into"
            " fields"
        )
    return Box(left, top, right - left, bottom - top)


def _check_size(slide: Slide, mpp: float) -> None:
    """Refuse a slide that is known as a whole and too large to be held."""
    across, down = scaled_size(slide.size_px, slide.mpp, mpp)
    if across * down > _MOST_PX:
        raise SourceError(
            f"{slide.path}: {across} x {down} px at {mpp:g} um/px, wanted up to {_MOST_PX // 10**6}"
            " Mpx of a field; cut fields from it"
        )


def _drawn(
    region: Region, drawn: Drawn, box: Box, label_map: LabelMap, config: PrepareConfig
) -> RegionLabels:
    """Return what areas and dots say of a box."""
    box_size = (box.width, box.height)
    size = scaled_size(box_size, region.mpp, config.to_mpp)
    in_box = drawn.seen_from(box.x, box.y) if box.x or box.y else drawn
    where = str(region.labels)
    labels, dots = draw(
        # "Not tumour" labels no pixel: it is a place to score a map at, and nothing else.
        without_nots(in_box, label_map, where),
        label_map,
        box_size,
        size,
        radius_px=config.dot_radius_um / config.to_mpp,
        where=where,
    )
    annotation = "dots" if drawn.dots and not drawn.areas else "areas"
    places = places_of(in_box, label_map, box_size, size, where)
    return RegionLabels(labels, dots, annotation, places)


def _known(
    region: Region,
    known: Known,
    drawn: Drawn | None,
    box: Box,
    label_map: LabelMap,
    config: PrepareConfig,
) -> RegionLabels:
    """Return what is known of a whole image, with the areas that are drawn beside it."""
    if drawn is not None and region.field is not None:
        if drawn.dots:
            raise SourceError(
                f"{region.labels}: has dots, and {region.field.where} tells of the whole field;"
                " keep one of the two"
            )
        areas = _drawn(region, drawn, box, label_map, config)
        known.check_drawn(areas.labels, label_map, region.field, region.labels.name)
        return RegionLabels(areas.labels, areas.dots, FIELDS)
    width, height = scaled_size((box.width, box.height), region.mpp, config.to_mpp)
    labels = np.full((height, width), known.all, np.uint8)
    return RegionLabels(labels, _no_dots(), "areas" if known.all else FIELDS)


def _painted(
    region: Region, label_map: LabelMap, size_px: tuple[int, int], config: PrepareConfig
) -> RegionLabels:
    """Return what a mask of codes says of an image."""
    size = scaled_size(size_px, region.mpp, config.to_mpp)
    where = str(region.labels)
    codes = read_codes(region.labels)
    # (height, width) against (width, height)
    if codes.shape[::-1] != size_px:
        raise ImageError(
            f"{where}: {codes.shape[1]} x {codes.shape[0]} px, its image is {size_px[0]} x"
            f" {size_px[1]}; export both at the same size"
        )
    counts = np.bincount(codes.ravel(), minlength=256)  # by code
    occurring = np.flatnonzero(counts).astype(np.uint8)
    # Every code is looked up, a rare one too: it must not slip through the resampling unknown.
    label_map.apply(occurring, where)
    labels = label_map.apply(resample_labels(codes, size), where)
    return RegionLabels(labels, _no_dots(), "areas")


def _no_dots() -> Dots:
    return np.empty((0, 3), np.int32)
