"""breastseg mammo: its sub-commands."""

import argparse

import pytest

from breastseg.cli import mammo
from breastseg.cli.main import parser_of


def test_each_action_is_a_file_of_this_folder() -> None:
    from pathlib import Path

    folder = Path(mammo.__file__).parent
    files = {path.stem.removeprefix("mammo_") for path in folder.glob("mammo_*.py")}
    assert files == set(mammo.ACTIONS)


def test_the_action_that_was_chosen_runs(capsys: pytest.CaptureFixture[str]) -> None:
    options = argparse.Namespace(action="verify", folder="no-such-folder")
    with pytest.raises(Exception, match="no-such-folder"):
        mammo.run(options)
    with pytest.raises(SystemExit):
        parser_of("mammo").parse_args(["mammo"])
    assert "ACTION" in capsys.readouterr().err
