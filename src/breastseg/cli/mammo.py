"""breastseg mammo: what is done with mammograms, one sub-command and one file each."""

import argparse
from importlib import import_module

ACTIONS = {
    "prepare": "films (DICOM, PGM, PNG, TIFF, or a data set) -> clean images, masks, tables",
    "split": "prepared films -> folds of whole patients, alike in findings, as a table",
    "masses": "prepared films -> RGU-Net for masses, scored by patient beside cheap controls",
    "classify": "prepared films -> regions named by a network, by patient, beside cheap controls",
    "audit": "films or images with classes -> leaks, turned copies, classes that give themselves"
    " away",
    "report": "reports of mammograms as text -> structured values, and what contradicts itself",
    "verify": "a copy of mini-MIAS against the release: what is missing, altered or turned",
}
"""Sub-commands by name; each is a file of this folder, mammo_NAME.py."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands and their options."""
    parser.epilog = "example:\n  breastseg mammo prepare mini-mias --out films"
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in ACTIONS.items():
        action = actions.add_parser(
            name,
            help=summary,
            description=summary,
        )
        import_module(f"breastseg.cli.mammo_{name}").add_arguments(action)


def run(options: argparse.Namespace) -> None:
    """Run the sub-command that was chosen."""
    import_module(f"breastseg.cli.mammo_{options.action}").run(options)
