"""The options of every command that loads a model."""

import argparse

import pytest

from breastseg.cli import model
from breastseg.errors import BreastsegError


def options_of(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    model.add_model_arguments(parser, several=True)
    return parser.parse_args(list(words))


def test_one_name_is_one_model_and_several_are_a_mean() -> None:
    one, other = "breast1", "lite0"  # of one um/px
    ways = ("--backend", "onnx", "--threads", "1")
    alone = model.model_of(options_of("--model", one, *ways))
    assert (alone.card.name, alone.flips) == (one, False)
    both = model.model_of(options_of("--model", one, "--model", other, "--flips", *ways))
    assert len(both.members) == 2


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(BreastsegError, match="no-such-model"):
        model.model_of(options_of("--model", "no-such-model"))
