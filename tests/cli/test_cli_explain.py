"""breastseg explain: what it refuses before a model is loaded."""

import pytest

from breastseg.cli import explain
from breastseg.cli.main import parser_of
from breastseg.errors import InputError


@pytest.mark.parametrize("place", ["12", "a,b", "1,2,3", ""])
def test_a_place_is_two_numbers(place: str) -> None:
    words = ["explain", "image.png", "--out", "why", "--model", "no-such-model", "--at", place]
    with pytest.raises(InputError, match=f"'{place}'.*X,Y"):
        explain.run(parser_of("explain").parse_args(words))


def test_a_place_is_needed() -> None:
    with pytest.raises(SystemExit):
        parser_of("explain").parse_args(["explain", "image.png", "--out", "why"])
