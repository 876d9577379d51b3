"""breastseg mammo split."""

from pathlib import Path

import pytest

from breastseg.cli import mammo_split
from breastseg.cli.main import parser_of
from breastseg.cli.options import given
from breastseg.errors import BreastsegError


def test_films_that_were_not_prepared_are_named(tmp_path: Path) -> None:
    options = parser_of("mammo").parse_args(["mammo", "split", str(tmp_path), "--folds", "3"])
    assert given(options, "folds", "seed") == {"folds": 3}
    with pytest.raises(BreastsegError, match=tmp_path.name):
        mammo_split.run(options)
