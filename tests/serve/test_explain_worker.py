"""Lines between the server and what explains, and what the page is told."""

import base64
import json

import numpy as np

from breastseg.bundles.reference import ReferenceField
from breastseg.explain.explanation import Explanation, Near, Occlusion
from breastseg.serve.jobs.explain_worker import Place, told


def explanation(nearest: tuple[Near, ...] | None) -> Explanation:
    occlusion = Occlusion("tumor", 0.9, (0, 0, 64, 64), 40.0, ((0.5,),), (((0.0, 0.0),),))
    return Explanation(
        image="a.png",
        at_level0_px=(5.0, 6.0),
        mpp=0.5,
        mpp_source="given",
        model="m",
        model_mpp=0.5,
        backend="onnx fp32",
        probabilities={"tumor": 0.9, "stroma": 0.1},
        occlusion=occlusion,
        nearest=nearest,
        notes=(),
        picture=np.zeros((4, 4, 3), np.uint8),
    )


def test_a_place_is_one_line_that_comes_back() -> None:
    place = Place("/slides/a\nb \u00e9.svs", "/models/m", None, (1.5, 2.0))
    line = place.line()
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    value = json.loads(line)
    assert Place(**{**value, "at": tuple(value["at"])}) == place


def test_thumbnails_are_addresses_where_the_licence_lets_them_travel() -> None:
    shown = ReferenceField("tumor", "P1", "R1", 0, 0, "BCSS", b"\xff\xd8\xffpicture")
    kept = ReferenceField("tumor", "P2", "R2", 0, 0, "other")
    said = told(explanation((Near(shown, 0.9), Near(kept, 0.8))))
    first, second = said["nearest"]
    head, _, data = first["thumbnail"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(data) == shown.thumbnail
    assert second["thumbnail"] is None
    assert (second["patient"], second["similarity"]) == ("P2", 0.8)
    json.dumps(said)  # it goes as a line of JSON


def test_a_model_without_a_reference_has_nothing_near() -> None:
    assert told(explanation(None))["nearest"] is None
