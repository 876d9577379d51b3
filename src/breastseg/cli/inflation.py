"""breastseg inflation."""

import argparse
from dataclasses import asdict
from importlib import import_module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from breastseg.training.config import PRESETS

    parser.epilog = (
        "example:\n  breastseg inflation data/bcss --out results/inflation\n"
        "an interrupted study goes on when the same command is given again"
    )
    parser.add_argument("dataset", help="folder of a prepared data set; its split is not used")
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument(
        "--preset",
        help=(
            f"train with {', '.join(PRESETS)} (default: fast made smaller, for it trains many"
            " times)"
        ),
    )
    parser.add_argument("--epochs", type=int, help="epochs of each training")
    parser.add_argument("--crops-per-epoch", type=int, metavar="N", help="tiles shown in an epoch")
    parser.add_argument(
        "--tile",
        type=int,
        default=128,
        metavar="PX",
        help="side of a tile, a multiple of 32 (default 128)",
    )
    parser.add_argument(
        "--folds",
        type=int,
        default=3,
        help="trainings in each protocol, no more than patients (default 3)",
    )
    parser.add_argument("--seed", type=int, help="of every draw")


def run(options: argparse.Namespace) -> None:
    """Run the study, print its table and where it is."""
    from breastseg.errors import MissingPackageError
    from breastseg.studies.inflation.inflation import STUDY, InflationConfig, inflation
    from breastseg.studies.inflation.show import markdown
    from breastseg.training.config import TrainConfig, preset

    given = {
        key: getattr(options, key)
        for key in ("epochs", "crops_per_epoch", "seed")
        if getattr(options, key) is not None
    }
    base = preset(options.preset) if options.preset else STUDY
    config = InflationConfig(
        TrainConfig(**{**asdict(base), **given}), tile_px=options.tile, folds=options.folds
    )
    try:
        import_module("breastseg.training.train")
    except ImportError as cause:
        raise MissingPackageError(
            f"training: {cause.name} is not installed; pip install 'breastseg[train]'"
        ) from None
    found = inflation(options.dataset, options.out, config)
    print(markdown(found))
    print(f"{options.out}: inflation.md, inflation.csv, inflation.json, inflation.png")
