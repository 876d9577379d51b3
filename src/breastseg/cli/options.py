"""What the options of all commands have in common.

A default and its choices are written once, where the work is done: in a config class or in a
function's signature. An option says where (`of`), help reads it there when it is asked for, and
`given` hands on only what a person gave. So no command imports anything in order to be parsed.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import Any, NoReturn

MPP = "UM/PX"
MM = "MM/PX"
NUMBERS = (MPP, MM, "UM", "UM2", "PX", "S", "N", "SHARE", "POINTS", "PORT")
"""What an option with a number calls it: its unit, N for how many, SHARE from 0 to 1."""


class Parser(argparse.ArgumentParser):
    """A parser whose help knows the defaults, and whose errors are one line."""

    def __init__(self, **words: Any) -> None:
        """Make one; options are given whole."""
        words.setdefault("formatter_class", Help)
        super().__init__(allow_abbrev=False, **words)
        self._read_before_out: str | None = None

    def let_last_word_be_out(self, read: str) -> None:
        """Take the last word for --out where that is not given.

        Args:
            read: the positional argument before it, of one word or of several.
        """
        self._read_before_out = read

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse, and settle what --out is."""
        # Words that argparse cannot place are returned here, before parse_args refuses them.
        options, rest = super().parse_known_args(args, namespace)
        if self._read_before_out is None or options.out is not None:
            return options, rest
        read = getattr(options, self._read_before_out)
        # An argument of several words has taken the last one too; behind one of a single word it
        # is left over.
        if isinstance(read, list) and len(read) > 1:
            options.out = read.pop()
        elif not isinstance(read, list) and len(rest) == 1 and not rest[0].startswith("-"):
            options.out = rest.pop()
        else:
            self.error("the following arguments are required: --out")
        return options, rest

    def error(self, message: str) -> NoReturn:
        """Print what is wrong in one line, without the usage; end with status 2."""
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


class Help(argparse.RawDescriptionHelpFormatter):
    """Help with the defaults and choices of the config classes."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text, of = action.help, getattr(action, "of", None)
        if of is None or text is None:
            return text
        shown = shown_default(default_of(of))
        return f"{text} (default {shown})" if shown else text

    def _metavar_formatter(self, action: argparse.Action, default_metavar: str) -> Any:
        names = getattr(action, "names", None)
        if names is None:
            return super()._metavar_formatter(action, default_metavar)
        # "" stands for none of them: a default, which nobody types.
        choices = ",".join(filter(None, looked_up(names)))
        return lambda size: ("{" + choices + "}",) * size


def add_option(
    parser: argparse._ActionsContainer,
    flag: str,
    sentence: str,
    *,
    of: str | None = None,
    names: str | None = None,
    **how: Any,
) -> None:
    """Declare an option that is None unless a person gives it.

    Args:
        parser: of the command.
        flag: as in "--dot-radius".
        sentence: its help, without the default.
        of: where its default is written, as in "breastseg.data.prepare:PrepareConfig.labels" or
            "breastseg.evaluation.evaluate:evaluate.split"; None when there is none.
        names: where its choices are written, as in "breastseg.mammography.prepare:MUSCLE"; what is
            given is checked there.
        how: as for `add_argument`. Without `dest` an option is called as the last part of `of`.
    """
    if of is not None:
        how.setdefault("dest", of.rpartition(".")[2])
    action = parser.add_argument(flag, help=sentence, default=None, **how)
    # Kept on argparse's own object, where Help and the tests find them.
    if of is not None:
        vars(action)["of"] = of
    if names is not None:
        vars(action)["names"] = names


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return what a person gave of these options."""
    values = {}
    for name, value in vars(options).items():
        if name in names and value is not None:
            values[name] = value
    return values


def configured(kind: type[Any], options: argparse.Namespace, **more: Any) -> Any:
    """Make a config class of the options that have its fields' names; its own defaults fill the
    rest."""
    return kind(**(given(options, *kind.__dataclass_fields__) | more))


def add_mpp(parser: argparse.ArgumentParser) -> None:
    """Declare --mpp, which is the input's in every command."""
    add_option(
        parser,
        "--mpp",
        "microns per pixel of the input at level 0, when it does not say or says it wrong",
        type=float,
        metavar=MPP,
    )


def add_out(
    parser: argparse.ArgumentParser,
    sentence: str,
    *,
    of: str | None = None,
    required: bool = True,
    or_after: str | None = None,
) -> None:
    """Declare --out, where every command that writes something new puts it.

    Args:
        parser: of the command.
        sentence: its help.
        of: where its default is written.
        required: it must be given.
        or_after: the positional argument behind which the last word may stand in its place, as it
            did before all commands had --out.
    """
    # Groups of options are no Parser, and have no last word.
    if or_after is not None and isinstance(parser, Parser):
        parser.add_argument("--out", metavar="FOLDER", help=f"{sentence}; or the last word")
        parser.let_last_word_be_out(or_after)
    elif required:
        parser.add_argument("--out", required=True, metavar="FOLDER", help=sentence)
    else:
        add_option(parser, "--out", sentence, of=of, dest="out", metavar="FOLDER")


def add_data(parser: argparse._ActionsContainer, sentence: str, *, required: bool = False) -> None:
    """Declare --data, a data set that a command reads beside a model."""
    if required:
        parser.add_argument("--data", required=True, metavar="FOLDER", help=sentence)
    else:
        add_option(parser, "--data", sentence, metavar="FOLDER")


def add_split(parser: argparse.ArgumentParser, sentence: str, *, of: str) -> None:
    """Declare --split, a part of a data set."""
    add_option(parser, "--split", sentence, of=of, names="breastseg.data.split:CHOSEN")


def looked_up(place: str) -> Any:
    """Return what stands at "module:NAME"."""
    # Imported only when help is asked for: it may bring in PyTorch or OpenVINO.
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def default_of(place: str) -> Any:
    """Return the default of a field of a config class or of a function's parameter."""
    import inspect

    owner, _, field = place.rpartition(".")
    return inspect.signature(looked_up(owner)).parameters[field].default


def shown_default(value: Any) -> str:
    """Return a default as help has it; "" for one that a sentence must explain."""
    if value is None or value == "" or isinstance(value, bool):
        return ""
    if isinstance(value, (int, float)):
        return f"{value:g}"
    return str(value)
