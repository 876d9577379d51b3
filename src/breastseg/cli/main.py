"""Choosing the command, and what a person sees when something is wrong: one line, exit status 2."""

from __future__ import annotations

import sys

import breastseg
from breastseg.cli.signals import end_now, ended, heed_signals, let_go

# typing's own name would be an import before signals are heeded; checkers know this one too.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.cli.options import Parser

COMMANDS = {
    "download": (
        "BCSS from a mirror that you name, goes on where it stopped; where other data sets are"
    ),
    "verify": "a copy of BCSS against the release: what is missing, wrong or odd",
    "prepare": "annotated images -> a data set, resampled once",
    "split": "a data set -> train, val and test, by patient or hospital",
    "audit": (
        "a data set -> leaks, copies, merged classes, wrong um/px, and what colour alone tells,"
        " before anyone trains"
    ),
    "train": "a data set -> a model",
    "evaluate": "a model and a data set -> scores and a report",
    "inflation": (
        "a data set -> how much of a score is protocol: random tiles, regions or patients held out"
    ),
    "predict": "images -> tissue maps, areas in mm2",
    "explain": (
        "a place of an image -> why it is named so: probabilities, surroundings that carry it, the"
        " nearest training fields"
    ),
    "gather": "shards of predict, from several machines -> one table, and what is missing",
    "cohort": "maps of many slides -> one page: distributions, outliers, failures, doubts",
    "masks": "maps -> the mask of one class, as TRIDENT, CLAM or hs2p reads it",
    "dicom": "maps of DICOM slides -> DICOM: segmentation, regions, measures, in the same study",
    "serve": "a folder of slides in the browser: maps over them, measures, jobs, corrections",
    "propose": "images -> first tumour masks by their dominant colours, for a person to correct",
    "export": (
        "a model -> the same with a bias per class, or a smaller, faster int8 network, its loss"
        " measured"
    ),
    "models": "shipped models, their cards and pages; to and from a hub; as a MONAI bundle",
    "mammo": (
        "mammograms: films -> clean images and masks of breast and muscle; reports -> values"
    ),
    "deidentify": (
        "slides -> copies without label and macro images, names, dates and identifiers; pixels"
        " untouched"
    ),
    "doctor": (
        "what is here and what is missing: readers, codecs, back ends, devices; a tiny slide is"
        " mapped"
    ),
    "bench": "how fast this machine reads, names and maps a slide",
}
"""Commands by name, each a file of this folder."""

STATUSES = {
    "0": "all is well",
    "1": "something failed, is missing or was found, the rest is done",
    "2": "a mistake, or nothing could be done",
    "130": "Ctrl-C",
    "143": "SIGTERM",
}
"""Exit statuses, as in docs/pipelines.md."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Without arguments it is the whole process: it takes them from the process, heeds signals, and
    prints on any terminal.
    """
    if arguments is not None:
        try:
            return _status_of(list(arguments))
        except KeyboardInterrupt:
            return ended()
    try:  # nothing is imported before that is not needed here: Ctrl-C may come at once
        heed_signals()
        _print_anywhere()
        status = _status_of(sys.argv[1:])
        let_go()
    except KeyboardInterrupt:
        end_now(ended())
    except SystemExit:  # argparse, after help or a wrong option
        let_go()
        raise
    return status


def _print_anywhere() -> None:
    """Print what a terminal or pipe cannot show (Windows' cp1252, LANG=C) as an escape."""
    from io import TextIOWrapper

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _status_of(words: list[str]) -> int:
    """Run the command and return its exit status; print in a line what went wrong."""
    from breastseg.errors import IncompleteError, LeakError, explained
    from breastseg.files import settle_temporary_folder
    from breastseg.wording import one_line

    settle_temporary_folder()  # before a library asks for it
    try:
        _run(words)
        # Here, while a broken pipe can be caught: when Python ends it would be a traceback.
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
        return 141  # 128 + SIGPIPE, as a shell has it of other programs
    except Exception as error:
        known = explained(error)
        if known is None:  # a fault of ours: its traceback is what helps
            raise
        print(f"breastseg: {one_line(str(known))}", file=sys.stderr)
        return 1 if isinstance(known, (IncompleteError, LeakError)) else 2
    return 0


def _close_output() -> None:
    """Whoever read the output has gone (`| head`): the rest goes nowhere, and is not missed when
    Python ends."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run(words: list[str]) -> None:
    from importlib import import_module

    # Only the options of the command that is run are declared: the other files are not imported.
    chosen = next((word for word in words if not word.startswith("-")), None)
    options = parser_of(chosen).parse_args(words)
    import_module(f"breastseg.cli.{options.command}").run(options)


def parser_of(chosen: str | None) -> Parser:
    """Return the parser of all commands; of the one that is chosen it knows the options too."""
    from importlib import import_module

    from breastseg.cli.options import Parser

    statuses = [f"  {status:3}  {meaning}" for status, meaning in STATUSES.items()]
    parser = Parser(
        prog="breastseg",
        description="Breast tissue segmentation on H&E. Research use only, not for diagnosis.",
        epilog="example: breastseg predict region.png --mpp 0.25 --out maps\n\nexit status:\n"
        + "\n".join(statuses),
    )
    parser.add_argument("--version", action="version", version=f"breastseg {breastseg.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary,
        )
        if name == chosen:
            import_module(f"breastseg.cli.{name}").add_arguments(command)
    return parser
