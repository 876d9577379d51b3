"""breastseg train: an option for each field of its config."""

from dataclasses import fields

import pytest

from breastseg.cli import train
from breastseg.cli.main import parser_of
from breastseg.errors import InputError
from breastseg.training.config import PRESETS, TrainConfig


def test_each_field_has_an_option_that_is_none_unless_given() -> None:
    found = vars(parser_of("train").parse_args(["train", "data", "--out", "run"]))
    for entry in fields(TrainConfig):
        assert found[f"config_{entry.name}"] is None


@pytest.mark.parametrize(
    ("name", "default", "metavar"),
    [
        ("crop_px", 256, "PX"),
        ("epochs", 10, "N"),
        ("lr", 0.1, "N"),
        ("start", "", "MODEL"),
        ("encoder_weights", "", "WEIGHTS"),
    ],
)
def test_a_number_is_called_by_its_unit(name: str, default: object, metavar: str) -> None:
    assert train._metavar(name, default) == metavar


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), (False, "no"), ("", "empty"), ((), "empty"), ((8, 4), "8 4"), (0.5, "0.5")],
)
def test_a_presets_value_is_shown_in_words(value: object, text: str) -> None:
    assert train._shown(value) == text


def test_help_says_once_what_all_presets_agree_on() -> None:
    for entry in fields(TrainConfig):
        values = {getattr(config, entry.name) for config in PRESETS.values()}
        assert train._values(entry.name).startswith("all ") == (len(values) == 1), entry.name


def test_a_value_that_the_config_refuses_is_an_error() -> None:
    words = ["train", "data", "--out", "run", "--crop-px", "33"]
    with pytest.raises(InputError, match="33"):
        train.run(parser_of("train").parse_args(words))
