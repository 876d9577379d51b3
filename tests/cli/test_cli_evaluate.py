"""breastseg evaluate: what it refuses before a model is loaded."""

import pytest

from breastseg.cli import evaluate
from breastseg.cli.main import parser_of
from breastseg.cli.options import given
from breastseg.errors import InputError

WORDS = ["evaluate", "--data", "data", "--out", "o", "--model", "no-such-model"]


def test_a_card_takes_no_scores_of_other_classes() -> None:
    options = parser_of("evaluate").parse_args([*WORDS, "--record", "--labels", "region5"])
    with pytest.raises(InputError, match="--record with --labels"):
        evaluate.run(options)


def test_columns_are_collected() -> None:
    words = [*WORDS, "--patients", "p.csv", "--by", "age", "--by", "histology"]
    options = parser_of("evaluate").parse_args(words)
    assert given(options, "patients", "by") == {"patients": "p.csv", "by": ["age", "histology"]}


def test_data_and_out_are_needed() -> None:
    for missing in ("--data", "--out"):
        place = WORDS.index(missing)
        with pytest.raises(SystemExit):
            parser_of("evaluate").parse_args([*WORDS[:place], *WORDS[place + 2 :]])
