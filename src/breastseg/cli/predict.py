"""breastseg predict."""

import argparse

from breastseg.cli.model import add_model_arguments, model_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n  breastseg predict region.png --mpp 0.25 --out maps\n"
        "  breastseg predict fields/ --mpp 0.5 --model runs/first/bundle --out maps --figure 10"
    )
    parser.add_argument("input", nargs="+", help="pictures or folders of pictures (PNG, JPEG, TIFF)")
    add_model_arguments(parser)
    parser.add_argument("--out", required=True, help="folder of the results, one folder an input in it")
    parser.add_argument("--mpp", type=float, help="microns per pixel of the pictures, when they do not say")
    parser.add_argument("--figure", type=int, default=0, metavar="N", help="draw the first N pictures beside their masks")


def run(options: argparse.Namespace) -> None:
    """Predict, and print where the results are."""
    from breastseg.inference.predict import PredictConfig, predict

    predict(options.input, model_of(options), options.out, PredictConfig(mpp=options.mpp, figure=options.figure))
