"""breastseg deidentify."""

from pathlib import Path

import pytest

from breastseg.cli import deidentify
from breastseg.cli.main import parser_of
from breastseg.errors import BreastsegError


def test_names_are_taken_off_unless_they_are_asked_for() -> None:
    options = parser_of("deidentify").parse_args(["deidentify", "a.svs", "b.svs", "given"])
    assert (options.slides, options.out) == (["a.svs", "b.svs"], "given")
    assert (options.keep_names, options.names) == (False, None)


def test_a_slide_that_is_not_there_is_named(tmp_path: Path) -> None:
    words = ["deidentify", str(tmp_path / "gone.svs"), "--out", str(tmp_path / "given")]
    with pytest.raises(BreastsegError, match=r"gone\.svs"):
        deidentify.run(parser_of("deidentify").parse_args(words))
