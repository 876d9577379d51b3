"""breastseg export."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n  breastseg export runs/first/bundle --int8 --data data/bcss\n"
        "  breastseg export runs/first/bundle --int8 --data data/bcss --crops 300 --allow-loss 0.5 --out models/first-int8"
    )
    parser.add_argument("model", help="folder of a bundle or name of a shipped model")
    parser.add_argument("--int8", action="store_true", required=True, help="add a network in 8-bit whole numbers, calibrated on real crops")
    parser.add_argument("--data", required=True, help="folder of a prepared and split data set; its train part calibrates")
    parser.add_argument("--split", default="val", help="part on which the loss of Dice is measured (default val)")
    parser.add_argument("--crops", type=int, default=128, help="crops to calibrate on (default 128)")
    parser.add_argument(
        "--allow-loss", type=float, default=1.0, metavar="POINTS", help="points of mean Dice (1 is 0.01) that may be lost (default 1)"
    )
    parser.add_argument("--limits", metavar="FILE", help="text whose lines go into the card: what the model has not seen, where it fails")
    parser.add_argument("--out", help="folder of the new bundle (default: the model's, with -int8)")


def run(options: argparse.Namespace) -> None:
    """Export, and print where the new bundle is."""
    from pathlib import Path

    from breastseg.evaluation.quantise import Int8Config, export_int8
    from breastseg.files import read_lines

    limits = tuple(read_lines(Path(options.limits))) if options.limits else ()
    config = Int8Config(split=options.split, crops=options.crops, allow_loss=options.allow_loss, limits=limits)
    bundle = export_int8(options.model, options.data, options.out or f"{options.model.rstrip('/')}-int8", config)
    print(f"{bundle.path}: {sum((bundle.path / name).stat().st_size for name in bundle.card.files) / 1e6:.1f} MB")
