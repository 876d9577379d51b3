"""Laws of the options, over the parsers of all commands."""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from breastseg.cli import main
from breastseg.cli.main import COMMANDS, parser_of
from breastseg.cli.options import NUMBERS, default_of, looked_up

READ = {
    "input", "image", "source", "slides", "dataset", "maps", "model", "folder", "films", "slide",
    "repository",
}  # fmt: skip
"""Positional arguments: what a command reads, or the folder that it works in."""
NAMED_LIKE_OUTPUT = {"out", "output", "run", "results", "destination", "target"}
WRITES_BESIDE = {
    "split": "split.csv of the data set",
    "cohort": "a page beside the tables that it is of",
    "gather": "tables of the folder that the shards shared",
    "doctor": "nothing",
    "verify": "nothing",
    "mammo verify": "nothing",
    "mammo split": "split.csv of the films",
    "bench": "nothing",
    "models show": "nothing",
    "models push": "a hub's repository",
}
"""Commands without --out, and why."""
OWN_IN_TRAIN = {"--precision", "--bias", "--task"}
"""`train` has them for the numbers, the bias and the task of training, with choices of its own."""


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield each command that does something, and each action of one, with its parser."""
    for name in COMMANDS:
        command = _children(parser_of(name))[name]
        actions = _children(command)
        if not actions:
            yield name, command
        for action, parser in actions.items():
            yield f"{name} {action}", parser


def _children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


PARSERS = dict(parsers())


def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.option_strings]


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_written_is_out_and_never_positional(name: str) -> None:
    """`prepare BCSS data` once wrote into its last folder, `deidentify a b given` too."""
    positional = {a.dest for a in PARSERS[name]._actions if not a.option_strings}
    assert positional <= READ
    assert not positional & NAMED_LIKE_OUTPUT
    flags = {flag for action in options(PARSERS[name]) for flag in action.option_strings}
    assert ("--out" in flags) != (name in WRITES_BESIDE)


@pytest.mark.parametrize(
    ("words", "read", "out"),
    [
        ("prepare BCSS data --labels region5", ["BCSS"], "data"),
        ("prepare one two data --source-mpp 0.25", ["one", "two"], "data"),
        ("prepare one two --out data", ["one", "two"], "data"),
        ("train data runs/first --preset fast", "data", "runs/first"),
        ("deidentify a.svs b.svs given", ["a.svs", "b.svs"], "given"),
        ("mammo prepare films out", "films", "out"),
        ("mammo masses films out", "films", "out"),
    ],
)
def test_command_lines_from_before_out_still_work(
    words: str, read: str | list[str], out: str
) -> None:
    found = parser_of(words.split()[0]).parse_args(words.split())
    assert found.out == out
    assert read in vars(found).values()
    if "--source-mpp" in words:
        assert found.mpp == 0.25


@pytest.mark.parametrize("words", ["train data one two", "train --out one data two", "train data"])
def test_words_that_nobody_reads_are_refused(words: str) -> None:
    with pytest.raises(SystemExit) as end:
        parser_of("train").parse_args(words.split())
    assert end.value.code == 2


def test_an_option_means_one_thing_in_all_commands() -> None:
    meant = defaultdict(set)
    for name, parser in PARSERS.items():
        for action in options(parser):
            for flag in action.option_strings:
                if not (name == "train" and flag in OWN_IN_TRAIN):
                    choices = getattr(action, "names", None) or action.choices
                    meant[flag].add((action.metavar, action.type, str(choices)))
    several = {flag: ways for flag, ways in meant.items() if len(ways) > 1}
    # FOLDER or FILE; one has no default; what a split keeps whole, and any column of a table.
    assert set(several) <= {"--out", "--preset", "--by"}


def test_mpp_is_the_inputs_everywhere() -> None:
    held = [a.help for p in PARSERS.values() for a in options(p) if "--mpp" in a.option_strings]
    assert len(held) >= 4
    assert set(held) == {
        "microns per pixel of the input at level 0, when it does not say or says it wrong"
    }
    assert default_of("breastseg.data.prepare:PrepareConfig.mpp") is None


@pytest.mark.parametrize("name", PARSERS)
def test_numbers_have_units_and_names_their_choices(name: str) -> None:
    for action in options(PARSERS[name]):
        if action.type in (int, float):
            assert action.metavar in NUMBERS, action.option_strings
        elif action.nargs != 0:
            says = action.metavar or action.choices or getattr(action, "names", None)
            assert says, f"{action.option_strings}: neither a metavar nor choices"


@pytest.mark.parametrize("name", PARSERS)
def test_a_default_is_written_in_the_config_alone(name: str) -> None:
    """Help reads it there; a parser hands on what a person gave."""
    for action in options(PARSERS[name]):
        told = action.option_strings
        if "%(default)s" not in (action.help or ""):
            assert action.default in (None, False, argparse.SUPPRESS) or action.default == [], told
        assert not re.search(r"\(default -?[\d.]+\)", action.help or ""), told
        if of := getattr(action, "of", None):
            default_of(of)
            assert of.rpartition(".")[2] == action.dest or action.dest == "model", told
        if names := getattr(action, "names", None):
            assert len([choice for choice in looked_up(names) if choice]) > 1


def test_help_shows_defaults_choices_and_units(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["prepare", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "--to-mpp UM/PX microns per pixel of the data set (default 0.5)" in shown
    assert "--dots-as {discs,regions,both}" in shown


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["prepare", "BCSS"], "--out"),
        (["predict", "a.png", "--out", "o", "--mpp", "fine"], "--mpp"),
        (["train", "data", "--out", "o", "--preset", "quick"], "standard"),
        (["mammo", "prepare", "films", "--ou", "o"], "--out"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], words: list[str], fact: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith("breastseg")
    assert line.count("\n") == 1
    assert fact in line
    assert "--help" in line
