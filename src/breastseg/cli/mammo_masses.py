"""breastseg mammo masses."""

import argparse
from importlib import import_module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Trains RGU-Net by folds on findings that have a circle (mini-MIAS), and scores it on the\n"
        "patients that were left out, with and without a CRF, beside controls without training:\n"
        "the best constant mask, and Otsu's component nearest to the middle. A circle is no\n"
        "outline. --protocol paper is LEAKY on purpose. Needs pip install 'breastseg[train]'.\n"
        "examples:\n"
        "  breastseg mammo prepare mini-mias films --mm 0.4\n"
        "  breastseg mammo masses films masses\n"
        "  breastseg mammo masses films leaky --protocol paper --only 1\n"
        "an interrupted study goes on when the same command is given again"
    )
    parser.add_argument("films", help="folder that breastseg mammo prepare wrote")
    parser.add_argument("out", help="folder of the results; the same command goes on in it")
    parser.add_argument("--folds", type=int, default=5, help="parts of patients (default 5)")
    parser.add_argument(
        "--steps",
        type=int,
        default=400,
        metavar="N",
        help="steps of 8 crops in each fold's training (default 400)",
    )
    parser.add_argument(
        "--protocol",
        default="patient",
        metavar="HOW",
        help="patient (crops off centre, no patient on both sides; default) or paper (centred "
        "crops, turned copies dealt one by one: LEAKY)",
    )
    parser.add_argument(
        "--only", type=int, metavar="N", help="train and score the first N folds; default all"
    )
    parser.add_argument(
        "--width", type=int, default=16, help="channels of the first level (default 16)"
    )
    parser.add_argument("--depth", type=int, default=3, help="halvings of a picture (default 3)")
    parser.add_argument("--seed", type=int, default=0, help="of every draw (default 0)")


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

    config = MassesConfig(
        folds=options.folds,
        steps=options.steps,
        protocol=options.protocol,
        width=options.width,
        depth=options.depth,
        seed=options.seed,
    )
    found = masses(options.films, options.out, config, only=options.only)
    print(markdown(found))
    print(f"{options.out}: rgu_net.md, rgu_net.png (look at it), scores.json, crops.csv")
