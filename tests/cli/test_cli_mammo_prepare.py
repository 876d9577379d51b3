"""breastseg mammo prepare: its options make its config."""

from pathlib import Path

import pytest

from breastseg.cli import mammo_prepare
from breastseg.cli.main import parser_of
from breastseg.cli.options import configured
from breastseg.errors import BreastsegError
from breastseg.mammography.prepare import FilmsConfig


def test_options_make_the_config() -> None:
    words = "mammo prepare films --out o --muscle none --denoise median --clahe --to-pixel-mm 0.1"
    options = parser_of("mammo").parse_args(words.split())
    assert configured(FilmsConfig, options) == FilmsConfig(
        muscle="none", denoise="median", clahe=True, mm_per_px=0.1
    )


@pytest.mark.parametrize("size", ["0", "0.2"])
def test_films_that_are_not_there_are_named(tmp_path: Path, size: str) -> None:
    words = ["mammo", "prepare", str(tmp_path / "gone"), "--out", str(tmp_path / "o")]
    options = parser_of("mammo").parse_args([*words, "--to-pixel-mm", size])
    with pytest.raises(BreastsegError, match="gone"):
        mammo_prepare.run(options)
