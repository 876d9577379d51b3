"""The card's part on training: shipped cards are written again as they are, odd ones refused."""

import json

import pytest

from breastseg.bundles.bundle import CARD, bundled_models
from breastseg.bundles.card import Card
from breastseg.bundles.training import Training
from breastseg.errors import ModelError

CARDS = {name: path / CARD for name, path in bundled_models().items()}


@pytest.mark.parametrize("name", CARDS)
def test_a_shipped_card_is_written_again_as_it_is(name: str) -> None:
    said = json.loads(CARDS[name].read_text(encoding="utf-8"))
    card = Card.from_dict(said, name)
    again = card.to_dict()
    assert json.dumps({key: again[key] for key in said}) == json.dumps(said)
    assert card.training.patients_of("train")
    assert card.training.packages["torch"]


def test_a_card_may_lack_all_of_it() -> None:
    assert Training.from_dict({}, "training") == Training()
    assert Training().patients_of("train") == ()
    assert Training().packages == {}


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ([], "training"),
        ({"patients": ["a"]}, "training.patients"),
        ({"patients": {"train": "a"}}, "training.patients.train"),
        ({"class_px": {"tumor": "many"}}, "training.class_px.tumor"),
        ({"environment": {"packages": 3}}, "training.environment.packages"),
        ({"odd": 1}, "'odd' is no field of training"),
    ],
    ids=str,
)
def test_a_part_of_another_form_is_named(said: object, where: str) -> None:
    whole = json.loads(next(iter(CARDS.values())).read_text(encoding="utf-8"))
    with pytest.raises(ModelError, match=where):
        Card.from_dict({**whole, "training": said}, "card.json")
