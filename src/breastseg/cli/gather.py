"""breastseg gather."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "exit status: 0 all slides are done; 1 something failed or is missing; 2 a mistake\n"
        "example:\n  breastseg gather maps"
    )
    parser.add_argument("folder", help="the folder that the shards of predict shared")


def run(options: argparse.Namespace) -> None:
    """Gather, and say what is there and what is missing."""
    from breastseg.inference.gather import gather

    gather(options.folder)
