"""breastseg verify: a copy that is none of the release's."""

import json
from pathlib import Path

import pytest

from breastseg.cli import verify
from breastseg.cli.main import parser_of
from breastseg.errors import BreastsegError, IncompleteError


def test_regions_that_were_never_released_are_wrong(
    painted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(IncompleteError, match="wrong"):
        verify.run(parser_of("verify").parse_args(["verify", str(painted), "--json"]))
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "wrong"
    assert said["counts"]["regions"]["of"] == 151
    assert len(said["wrong"]) >= 6


def test_the_table_has_the_same_counts(painted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(IncompleteError):
        verify.run(parser_of("verify").parse_args(["verify", str(painted)]))
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:] if line.strip()}
    assert rows["regions"][1] == "151"


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match=tmp_path.name):
        verify.run(parser_of("verify").parse_args(["verify", str(tmp_path)]))
