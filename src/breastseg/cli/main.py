"""Choosing the command, and what a person sees when something is wrong: one line, exit status 2."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import breastseg
from breastseg.errors import BreastsegError, IncompleteError, LeakError

COMMANDS = {
    "download": "BCSS from a mirror that you name; goes on where it stopped",
    "verify": "a copy of BCSS against the release: what is missing, wrong or odd",
    "prepare": "annotated images -> a data set, resampled once",
    "split": "a data set -> train, val and test, by patient or hospital",
    "audit": "a data set -> leaks, copies, merged classes, wrong um/px, and what colour alone tells, before anyone trains",
    "train": "a data set -> a model",
    "evaluate": "a model and a data set -> scores and a report",
    "inflation": "a data set -> how much of a score is protocol: random tiles, regions or patients held out",
    "predict": "pictures -> tissue maps, areas in mm2",
    "serve": "a folder of slides in the browser: maps over them, measures, jobs, corrections",
    "propose": "pictures -> first tumour masks by their dominant colours, for a person to correct",
    "export": "a model -> the same with a smaller, faster int8 network, its loss measured",
    "models": "shipped models, their cards and pages; to and from a hub; as a MONAI bundle",
    "doctor": "what is here and what is missing: readers, codecs, back ends, devices; a tiny slide is mapped",
    "bench": "how fast this machine reads, names and maps a slide",
}
"""Commands by name, each a file of this folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0, 1 when some of several slides failed or an audit found a leak, 2 for a user's mistake, 130 when interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(words)
    except (IncompleteError, LeakError) as error:
        print(f"breastseg: {error}", file=sys.stderr)
        return 1
    except BreastsegError as error:
        print(f"breastseg: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"breastseg: {error.filename or 'a file'}: {error.strerror or error}; nothing half-written was kept, "
            "mend it and run the same command again",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("\nbreastseg: interrupted; what was finished is kept, the same command goes on from there", file=sys.stderr)
        return 130


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="breastseg", description="Breast tissue segmentation on H&E. Research use only, not for diagnosis.",
        epilog="example: breastseg predict region.png --mpp 0.25 --out maps", allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"breastseg {breastseg.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
        if name == chosen:
            import_module(f"breastseg.cli.{name}").add_arguments(command)
    options = parser.parse_args(words)
    import_module(f"breastseg.cli.{options.command}").run(options)
    return 0
