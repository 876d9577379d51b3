"""breastseg predict: what it refuses before a model is loaded, and its lines of JSON."""

import json

import pytest

from breastseg.cli import predict
from breastseg.cli.main import parser_of
from breastseg.errors import InputError
from breastseg.inference.ledger import Outcome

WORDS = ["predict", "a.png", "--out", "maps", "--model", "no-such-model"]


@pytest.mark.parametrize(
    ("more", "fact"),
    [
        (["--cluster", "auto", "--shard", "1/2"], "--cluster with --shard"),
        (["--cluster", "auto", "--dry-run"], "--cluster with --dry-run"),
        (["--json", "--dry-run"], "--json with --dry-run"),
        (["--box", "1,2,3"], "1,2,3"),
        (["--shard", "3/2"], "3/2"),
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_named(more: list[str], fact: str) -> None:
    with pytest.raises(InputError, match=fact):
        predict.run(parser_of("predict").parse_args([*WORDS, *more]))


def test_an_outcome_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    predict._print_json(Outcome("a", "slides/a.svs", "failed", "a cause"))
    predict._print_json("another event")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    said = json.loads(lines[0])
    assert "slides/a.svs" in said.values()
    assert "failed" in said.values()
