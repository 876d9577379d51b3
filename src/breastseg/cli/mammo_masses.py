"""breastseg mammo masses."""

import argparse
from importlib import import_module

from breastseg.cli.options import add_option, add_out, configured

_CONFIG = "breastseg.studies.rgu_net.study:MassesConfig"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Trains RGU-Net by folds on findings that have a circle (mini-MIAS), and scores it on the\n"
        "patients that were left out, with and without a CRF, beside controls without training:\n"
        "the best constant mask, and Otsu's component nearest to the middle. A circle is no\n"
        "outline. --protocol paper is LEAKY on purpose. Needs pip install 'breastseg[train]'.\n"
        "examples:\n"
        "  breastseg mammo prepare mini-mias --out films --to-pixel-mm 0.4\n"
        "  breastseg mammo masses films --out masses\n"
        "  breastseg mammo masses films --out leaky --protocol paper --only 1\n"
        "an interrupted study goes on when the same command is given again"
    )
    parser.add_argument("films", help="folder that breastseg mammo prepare wrote")
    add_out(parser, "folder of the results; the same command goes on in it", or_after="films")
    numbers = {
        "folds": "parts of patients",
        "steps": "steps of 8 crops in each fold's training",
        "width": "channels of the first level",
        "depth": "halvings of an image",
        "seed": "of every draw",
    }
    for name, sentence in numbers.items():
        add_option(parser, f"--{name}", sentence, of=f"{_CONFIG}.{name}", type=int, metavar="N")
    add_option(
        parser,
        "--protocol",
        "patient (crops off centre, no patient on both sides) or paper (centred crops, turned"
        " copies dealt one by one: LEAKY)",
        of=f"{_CONFIG}.protocol",
        names="breastseg.studies.rgu_net.study:PROTOCOLS",
    )
    add_option(
        parser,
        "--split-table",
        "folds of this CSV (film, split) in place of those that are drawn; mammo split writes one",
        of=f"{_CONFIG}.split_table",
        metavar="FILE",
    )
    add_option(
        parser, "--only", "train and score the first N folds; default all", type=int, metavar="N"
    )


def run(options: argparse.Namespace) -> None:
    """Run the study, print its table and where it is."""
    from breastseg.errors import MissingPackageError

    for name in ("torch", "safetensors", "matplotlib"):
        try:
            import_module(name)
        except ImportError:
            raise MissingPackageError(
                f"mammo masses: {name} is not installed; pip install 'breastseg[train]'"
            ) from None
    from breastseg.studies.rgu_net.show import markdown
    from breastseg.studies.rgu_net.study import MassesConfig, masses

    config = configured(MassesConfig, options)
    results = masses(options.films, options.out, config, only=options.only)
    print(markdown(results))
    print(f"{options.out}: rgu_net.md, rgu_net.png (look at it), scores.json, crops.csv")
