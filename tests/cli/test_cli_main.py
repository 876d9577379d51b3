"""What a person sees when something is wrong: one line, and an exit status."""

from importlib.util import find_spec

import pytest

from breastseg.cli import main
from breastseg.cli.main import COMMANDS, STATUSES, parser_of


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_a_file_of_this_folder(name: str) -> None:
    assert find_spec(f"breastseg.cli.{name}") is not None


def test_only_the_chosen_command_knows_its_options() -> None:
    assert parser_of("gather").parse_args(["gather", "maps"]).folder == "maps"
    with pytest.raises(SystemExit):
        parser_of("predict").parse_args(["gather", "maps"])


def test_a_mistake_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gather", "no-such-folder"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("breastseg: ")
    assert "no-such-folder" in said
    assert said.count("\n") == 1


def test_help_has_every_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    for status, told in STATUSES.items():
        assert f"  {status:3}  {told}" in shown
