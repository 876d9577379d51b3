"""explain(): a place of an image or slide -> why the model says what it says there."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from breastseg.bundles.bundle import REFERENCE
from breastseg.bundles.reference import FIELD_PX as FEATURE_PX
from breastseg.bundles.reference import read_reference
from breastseg.errors import InputError, ModelError
from breastseg.explain.explanation import Explanation, Near, Occlusion
from breastseg.explain.gradients import gradients_module, gradients_of
from breastseg.explain.nearest import nearest
from breastseg.explain.occlusion import FIELD_PX, SQUARE_PX, SQUARES, occlude
from breastseg.geometry import STRIDE_PX, TILE_SIDES_PX, Box
from breastseg.images import Slide, open_slide
from breastseg.inference.map import MapConfig, Plan, plan_map
from breastseg.inference.model import Model
from breastseg.inference.tiles import Field, shown_of
from breastseg.wording import one_line

CONTEXT_PX = TILE_SIDES_PX[0]
"""Side of the tile that the probabilities come from. Maps are made from tiles of up to 2,048 px;
the largest takes 2.6 CPU-seconds on a processor with AVX2 alone."""


def explain(
    image: str | Path,
    model: Model,
    at: tuple[float, float],
    *,
    mpp: float | None = None,
    needs_nearest: bool = False,
    gradients: bool = False,
) -> Explanation:
    """Explain why a model says what it says at a place.

    Args:
        image: an image or slide.
        model: from `load_model`.
        at: (x, y) in level-0 pixels.
        mpp: microns per pixel, when the image does not say or says it wrong.
        needs_nearest: whether the nearest training fields must be there.
        gradients: integrated gradients too, beside those of random weights; needs PyTorch.

    Raises:
        ImageError, MppError: the image cannot be used. InputError: the place lies outside, or on
            glass. ModelError: `needs_nearest`, and the model has no reference.
        MissingPackageError: `gradients`, and PyTorch is not installed.
    """
    if needs_nearest:
        read_reference(model.bundle)  # before any work
    if gradients:
        gradients_module()  # likewise: it says so where PyTorch is missing
    with closing(open_slide(image, mpp=mpp)) as slide:
        plan = look_at(slide, model)
        explanation = explain_place(slide, plan, model, at)
        if not gradients:
            return explanation
        place = _placed(slide, plan, at)
    box = around(place, FIELD_PX)
    inside = place[0] - box.x, place[1] - box.y
    label = model.card.label_map.names.index(explanation.class_name) + 1
    pixels = gradients_of(model, explanation.picture, inside, label)
    return replace(explanation, gradients=pixels)


def look_at(slide: Slide, model: Model) -> Plan:
    """Return a slide at the model's microns per pixel, and where on it is tissue: what all places
    of it share."""
    # One pixel: a plan of the whole slide would list its tiles, which nobody runs here.
    plan = plan_map(slide, model, MapConfig(box=Box(0, 0, 1, 1)))
    return replace(plan, box=Box(0, 0, *plan.field.size_px))


def explain_place(slide: Slide, plan: Plan, model: Model, at: tuple[float, float]) -> Explanation:
    """Do the same on a slide that is open; `plan` is from `look_at`."""
    place = _placed(slide, plan, at)
    probabilities = _probabilities(plan.field, model, place)
    names = model.card.label_map.names
    name = max(names, key=lambda name: probabilities[name])
    box = around(place, FIELD_PX)
    picture = shown_of(plan.field, box)[0]  # (160, 160, 3)
    inside = place[0] - box.x, place[1] - box.y
    k = names.index(name)
    drops, field_probabilities = occlude(picture, inside, k + 1, model.runner)  # (8, 8), (K,)
    rounded_drops = []
    for row in drops.tolist():
        rounded_drops.append(tuple(round(drop, 4) for drop in row))
    occlusion = Occlusion(
        class_name=name,
        probability=round(float(field_probabilities[k]), 6),
        box_level0_px=_at_level0(box, slide, plan.field),
        square_um=SQUARE_PX * model.card.mpp,
        drops=tuple(rounded_drops),
        offsets_um=_offsets(inside, model.card.mpp),
    )
    nearest_fields = _nearest(plan.field, model, place)
    notes = _notes(name, names[int(field_probabilities.argmax())], nearest_fields, model)
    return Explanation(
        image=one_line(slide.path.name),
        at_level0_px=at,
        mpp=slide.mpp,
        mpp_source=slide.mpp_source,
        model=model.card.name,
        model_mpp=model.card.mpp,
        backend=model.backend,
        probabilities=probabilities,
        occlusion=occlusion,
        nearest=nearest_fields,
        notes=tuple(notes),
        picture=picture,
    )


def _at_level0(box: Box, slide: Slide, field: Field) -> tuple[int, int, int, int]:
    """Return left, top, width and height in level-0 pixels of a box in the model's pixels."""
    (width, height), (field_width, field_height) = slide.size_px, field.size_px
    # By sizes and not by mpp: the field's size was rounded to whole pixels.
    across = width / field_width
    down = height / field_height
    return (
        round(box.x * across),
        round(box.y * down),
        round(box.width * across),
        round(box.height * down),
    )


def _placed(slide: Slide, plan: Plan, at: tuple[float, float]) -> tuple[int, int]:
    """Return a place in the model's pixels."""
    (x, y), (width, height) = at, slide.size_px
    if not (0 <= x < width and 0 <= y < height):
        raise InputError(
            f"{slide.path}: the place {x:g},{y:g} lies outside, the image has {width} x {height}"
            " px at level 0; wanted X,Y inside"
        )
    field_width, field_height = plan.field.size_px
    # A place on the last pixel of level 0 can round to one past the end.
    place_x = min(int(x * field_width / width), field_width - 1)
    place_y = min(int(y * field_height / height), field_height - 1)
    if not plan.analysed(Box(place_x, place_y, 1, 1)).any():
        raise InputError(
            f"{slide.path}: the place {x:g},{y:g} is on glass, which has no class; wanted a place"
            " on tissue"
        )
    return place_x, place_y


def _probabilities(field: Field, model: Model, place: tuple[int, int]) -> dict[str, float]:
    box = around(place, CONTEXT_PX)
    x = place[0] - box.x
    y = place[1] - box.y
    values = model.runner.probabilities(shown_of(field, box))[0, :, y, x]  # (K,)
    if np.isnan(values).any():
        raise ModelError(
            f"model '{model.card.name}' gives NaN, not probabilities; its weights are damaged,"
            " train or pull the model again"
        )
    probabilities = {}
    for name, value in zip(model.card.label_map.names, values, strict=True):
        probabilities[name] = round(float(value), 6)
    return probabilities


def around(place: tuple[int, int], side: int) -> Box:
    """Return the square field around a place, on the grid that networks halve their input by: the
    place lies within half a stride of its middle."""
    half = side / 2 / STRIDE_PX
    x, y = place
    left = STRIDE_PX * round(x / STRIDE_PX - half)
    top = STRIDE_PX * round(y / STRIDE_PX - half)
    return Box(left, top, side, side)


def _offsets(inside: tuple[int, int], mpp: float) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return (right, down) in microns from the place to the middle of each square, by row and
    column."""
    middles = [SQUARE_PX * index + SQUARE_PX / 2 for index in range(SQUARES)]
    x, y = inside
    right = [round((middle - x) * mpp, 1) for middle in middles]
    down = [round((middle - y) * mpp, 1) for middle in middles]
    rows = []
    for to_row in down:
        rows.append(tuple((to_column, to_row) for to_column in right))
    return tuple(rows)


def _nearest(field: Field, model: Model, place: tuple[int, int]) -> tuple[Near, ...] | None:
    if REFERENCE not in model.card.files:
        return None
    tile = shown_of(field, around(place, FEATURE_PX))
    return nearest(read_reference(model.bundle), model.features(tile)[0])


def _notes(
    name: str, field_class: str, nearest_fields: tuple[Near, ...] | None, model: Model
) -> list[str]:
    notes = []
    if field_class != name:
        field_um = FIELD_PX * model.card.mpp
        notes.append(
            f"in this field of {field_um:g} um alone the network says {field_class}: what makes it"
            f" say {name} lies further away, and hidden squares tell little"
        )
    if nearest_fields is None:
        notes.append(
            f"no nearest fields: model '{model.card.name}' has no reference of its training data;"
            " breastseg export MODEL --features DATASET --out NEW adds one"
        )
    return notes
