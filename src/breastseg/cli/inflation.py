"""breastseg inflation."""

import argparse
from dataclasses import asdict
from importlib import import_module

from breastseg.cli.options import add_option, add_out, configured, given

_CONFIG = "breastseg.studies.inflation.config:InflationConfig"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "example:\n  breastseg inflation data/bcss --out results/inflation\n"
        "an interrupted study goes on when the same command is given again"
    )
    parser.add_argument("dataset", help="folder of a prepared data set; its split is not used")
    add_out(parser, "folder of the results")
    add_option(
        parser,
        "--preset",
        "train with one (default: fast made smaller, for it trains many times)",
        names="breastseg.training.config:PRESETS",
    )
    add_option(parser, "--epochs", "epochs of each training", type=int, metavar="N")
    add_option(parser, "--crops-per-epoch", "tiles shown in an epoch", type=int, metavar="N")
    add_option(
        parser,
        "--tile",
        "side of a tile, a multiple of 32",
        of=f"{_CONFIG}.tile_px",
        type=int,
        metavar="PX",
    )
    add_option(
        parser,
        "--folds",
        "trainings in each protocol, no more than patients",
        of=f"{_CONFIG}.folds",
        type=int,
        metavar="N",
    )
    add_option(parser, "--seed", "of every draw", type=int, metavar="N")


def run(options: argparse.Namespace) -> None:
    """Run the study, print its table and where it is."""
    from breastseg.errors import MissingPackageError
    from breastseg.studies.inflation.config import STUDY, InflationConfig
    from breastseg.studies.inflation.inflation import inflation
    from breastseg.studies.inflation.show import markdown
    from breastseg.training.config import TrainConfig, preset

    changes = given(options, "epochs", "crops_per_epoch", "seed")
    base = preset(options.preset) if options.preset else STUDY
    train = TrainConfig(**(asdict(base) | changes))
    config = configured(InflationConfig, options, train=train)
    # Before the study: it is long, and needs PyTorch only when the first fold is trained.
    try:
        import_module("breastseg.training.train")
    except ImportError as cause:
        raise MissingPackageError(
            f"training: {cause.name} is not installed; pip install 'breastseg[train]'"
        ) from None
    table = inflation(options.dataset, options.out, config)
    print(markdown(table))
    print(f"{options.out}: inflation.md, inflation.csv, inflation.json, inflation.png")
