"""What the API takes and what it says of its errors."""

from typing import Any

import pytest

pytest.importorskip("fastapi")

from breastseg.serve.schema import (
    AnnotationIn,
    ErrorOut,
    FilmLineIn,
    JobIn,
    LayerOut,
    WhyIn,
    answers,
)

JOB = {"entry": "a", "model": "m"}
PLACE = {"entry": "a", "model": "m", "x": 1, "y": 2}
AREAS = {"version": "", "features": []}
LINE = {"version": "", "points_px": None}


@pytest.mark.parametrize(
    ("kind", "least"),
    [(JobIn, JOB), (WhyIn, PLACE), (AnnotationIn, AREAS), (FilmLineIn, LINE)],
)
def test_what_comes_from_outside_has_known_names_alone(kind: Any, least: dict[str, Any]) -> None:
    kind.model_validate(least)
    with pytest.raises(ValueError, match="odd"):
        kind.model_validate(least | {"odd": 1})


@pytest.mark.parametrize(
    ("kind", "least", "other"),
    [
        (JobIn, JOB, {"mpp": 0}),
        (JobIn, JOB, {"box": [0, 0, 10]}),
        (WhyIn, PLACE, {"x": -1}),
        (WhyIn, PLACE, {"y": 1e10}),
        (FilmLineIn, LINE, {"points_px": [[0, 0], [1, 1], [2, 2]]}),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(
    kind: Any, least: dict[str, Any], other: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=next(iter(other))):
        kind.model_validate(least | other)


def test_a_layer_is_a_map_or_a_truth() -> None:
    layer = {"id": "a", "kind": "map", "title": "m", "size_px": [3, 2], "levels": 1, "classes": []}
    assert LayerOut.model_validate(layer).uncertainty is False
    with pytest.raises(ValueError, match="kind"):
        LayerOut.model_validate(layer | {"kind": "other"})


def test_errors_of_every_route_are_described_once_each() -> None:
    assert list(answers()) == [400, 403, 408, 413, 503]
    assert list(answers(422, 404, 400)) == [400, 403, 404, 408, 413, 422, 503]
    assert all(answer == {"model": ErrorOut} for answer in answers(404).values())
