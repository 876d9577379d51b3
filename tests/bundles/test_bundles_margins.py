"""Margins in a card and in run.json: kept as they are, refused where they do not fit, and told."""

import json
from dataclasses import replace
from typing import Any

import pytest

from breastseg.bundles.bundle import CARD, Bundle
from breastseg.bundles.card import Card
from breastseg.bundles.margins import ClassMargin, Margins
from breastseg.errors import ModelError
from breastseg.records import to_json

SOME = Margins(
    0.9,
    0.9,
    9,
    12,
    {"tumor": ClassMargin(12, 0.8, 11, 34.5), "necrosis": ClassMargin(3, None, 2, None)},
    "abc",
    "val",
    ("P1", "P2"),
)


def test_a_card_keeps_them_and_one_without_has_no_word_of_them(tiny_bundle: Bundle) -> None:
    plain = json.loads((tiny_bundle.path / CARD).read_text(encoding="utf-8"))
    assert "margins" not in plain
    card = replace(tiny_bundle.card, margins=SOME)
    assert Card.from_dict(json.loads(json.dumps(card.to_dict())), "x") == card


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"level": 1.5}, "margins.level is 1.5"),
        ({"more": 1}, "'more' is no field of margins"),
        ({"classes": {"blood": to_json(SOME.classes["tumor"])}}, "margins of 'blood'"),
        ({"classes": {"tumor": {"patients": -1}}}, "margins.classes.tumor"),
        ({"classes": {"tumor": {**to_json(SOME.classes["tumor"]), "log_odds": -1}}}, "log_odds"),
        ({"classes": {"tumor": {**to_json(SOME.classes["tumor"]), "border_um": 1e9}}}, "border_um"),
    ],
)
def test_a_card_with_others_is_refused(
    tiny_bundle: Bundle, change: dict[str, Any], said: str
) -> None:
    value = replace(tiny_bundle.card, margins=SOME).to_dict()
    value["margins"] |= change
    with pytest.raises(ModelError, match=said):
        Card.from_dict(value, "x")


def test_they_say_how_many_they_stand_on_and_who_has_too_few() -> None:
    told = SOME.told()
    assert "90 % of patients" in told
    assert "tumor 12" in told
    assert "fewer than 9 have the class: necrosis 3" in told
    assert "fewer than 20" in told
    assert "tumor 34.5 um (11)" in SOME.borders_told()
    few = replace(SOME, patients=3, classes={"tumor": ClassMargin(3, None, 3, None)})
    assert "3 patients, 90 % needs 9" in few.told()
    assert few.borders_told() == ""
    assert not few.has_some
    assert SOME.has_some


def test_a_map_tells_of_no_patient() -> None:
    assert "P1" not in json.dumps(to_json(SOME.without_names()))
