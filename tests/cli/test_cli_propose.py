"""breastseg propose: one command, two configs."""

from pathlib import Path

import pytest

from breastseg.annotate.proposals.mask import ColourConfig
from breastseg.annotate.proposals.propose import ProposeConfig
from breastseg.cli import propose
from breastseg.cli.main import parser_of
from breastseg.cli.options import configured
from breastseg.errors import BreastsegError


def test_colours_and_form_go_to_their_configs() -> None:
    words = "propose a.png --out o --colours 4 --space hed --format mask"
    options = parser_of("propose").parse_args(words.split())
    colour = configured(ColourConfig, options)
    assert (colour.colours, colour.space) == (4, "hed")
    assert configured(ProposeConfig, options, colour=colour).form == "mask"


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    words = ["propose", str(tmp_path / "gone.png"), "--out", str(tmp_path / "o")]
    with pytest.raises(BreastsegError, match=r"gone\.png"):
        propose.run(parser_of("propose").parse_args(words))
