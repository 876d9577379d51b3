"""breastseg prepare."""

from pathlib import Path

import pytest

from breastseg.cli import prepare
from breastseg.cli.main import parser_of
from breastseg.cli.options import configured
from breastseg.data.config import PrepareConfig


def test_options_make_the_config() -> None:
    words = "prepare BCSS --out o --to-mpp 0.25 --dots-as both --dot-radius 3 --tiles 64"
    options = parser_of("prepare").parse_args(words.split())
    assert configured(PrepareConfig, options) == PrepareConfig(
        to_mpp=0.25, dots_as="both", dot_radius_um=3.0, tiles_px=64
    )


def test_it_prints_what_was_prepared(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    words = ["prepare", str(painted), "--out", str(out), "--to-mpp", "0.3", "--workers", "1"]
    prepare.run(parser_of("prepare").parse_args(words))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"{out}: 6 regions at 0.3 um/px, label map region5"
