"""breastseg export."""

import argparse
from typing import TYPE_CHECKING

from breastseg.cli.options import add_data, add_option, add_out, add_split, given

if TYPE_CHECKING:
    from breastseg.bundles.bundle import Bundle

_CONFIG = "breastseg.evaluation.config:Int8Config"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg export runs/first/bundle --int8 --data data/bcss\n"
        "  breastseg export runs/first/bundle --int8 --data data/bcss --crops 300 --allow-loss "
        "0.5 --out models/first-int8\n"
        "  breastseg export runs/first/bundle --bias auto --int8 --data data/bcss --out "
        "models/first\n"
        "  breastseg export runs/first/bundle --bias tumor=-0.8,inflammatory=0.4 --out "
        "models/first-shifted\n"
        "  breastseg export runs/first/bundle --margins --data data/bcss --out models/first-margins"
        "\n"
        "  breastseg export runs/first/bundle --features data/bcss --out models/first-why"
    )
    parser.add_argument("model", help="folder of a bundle or name of a shipped model")
    parser.add_argument(
        "--int8",
        action="store_true",
        help="add a network in 8-bit whole numbers, calibrated on real crops",
    )
    add_option(
        parser,
        "--bias",
        "a number added to the logits of each class before the likeliest is taken, in place of any"
        " before: chosen on the part, taken only where patients that were left out gain (auto),"
        " given by class name, or none",
        metavar="auto|none|NAME=NUMBER,...",
    )
    parser.add_argument(
        "--margins",
        action="store_true",
        help="measure on the part's patients how far areas, shares and borders are from the truth"
        " for 9 of 10 of them; predict then writes a low and a high beside each. Given alone,"
        " last: they are of one network",
    )
    add_option(
        parser,
        "--features",
        "add fields of this data set, which trained the model, with the network's features: what"
        " explain finds the nearest in; given alone",
        metavar="FOLDER",
    )
    add_data(
        parser,
        "folder of a prepared and split data set: for --int8, whose train part calibrates,"
        " --bias auto and --margins",
    )
    add_split(
        parser,
        "part on which a bias is chosen, the loss of int8 and margins are measured",
        of=f"{_CONFIG}.split",
    )
    add_option(
        parser,
        "--crops",
        "crops to calibrate on",
        of=f"{_CONFIG}.crops",
        type=int,
        metavar="N",
    )
    add_option(
        parser,
        "--allow-loss",
        "points of mean Dice (1 is 0.01) that may be lost",
        of=f"{_CONFIG}.allow_loss",
        type=float,
        metavar="POINTS",
    )
    add_option(
        parser,
        "--limits",
        "text whose lines go into the card: what the model has not seen, where it fails",
        metavar="FILE",
    )
    add_out(
        parser,
        "folder of the new bundle (default: the model's, with -bias, -int8, both, or -margins)",
        required=False,
    )


def run(options: argparse.Namespace) -> None:
    """Export, and print where the new bundle is."""
    from pathlib import Path

    from breastseg.bundles.bias import parse_bias
    from breastseg.bundles.bundle import load_bundle
    from breastseg.errors import InputError
    from breastseg.evaluation.bias import AUTO, export_bias, export_bias_int8
    from breastseg.evaluation.config import Int8Config
    from breastseg.evaluation.int8 import export_int8
    from breastseg.evaluation.margins import export_margins
    from breastseg.files import read_lines

    changes = options.int8 or options.bias is not None
    # Fields hold one network's features: any other change would make them those of another.
    if options.features is not None:
        if changes or options.margins:
            raise InputError("--features: made alone; export the rest first, then this of that")
        _export_features(options)
        return
    if not changes and not options.margins:
        raise InputError(
            "export: nothing to do; give --int8, --bias or both, --margins, or --features"
        )
    if options.margins and changes:
        raise InputError(
            "--margins: of the network as it is in the end; export that first, then give --margins"
            " alone"
        )
    if options.margins and options.data is None:
        raise InputError(
            "--margins: measured on real regions; give --data, a prepared and split data set"
        )
    if options.int8 and options.data is None:
        raise InputError(
            "--int8: calibrated on real crops; give --data, a prepared and split data set"
        )
    if options.limits and not options.int8:
        raise InputError("--limits: written when --int8 is made; give both")
    limits = tuple(read_lines(Path(options.limits))) if options.limits else ()
    config = Int8Config(limits=limits, **given(options, "split", "crops", "allow_loss"))
    ending = ""
    if options.bias is not None:
        ending += "-bias"
    if options.int8:
        ending += "-int8"
    if options.margins:
        ending += "-margins"
    out = options.out or f"{options.model.rstrip('/')}{ending}"
    if options.margins:
        bundle = export_margins(options.model, options.data, out, split=config.split)
    elif options.bias is None:
        bundle = export_int8(options.model, options.data, out, config)
    else:
        label_map = load_bundle(options.model).card.label_map
        bias = AUTO if options.bias == AUTO else parse_bias(options.bias, label_map)
        # Together: the bias is chosen for the int8 network, whose scores are not the other's.
        if options.int8:
            bundle = export_bias_int8(options.model, out, bias, options.data, config)
        else:
            bundle = export_bias(options.model, out, bias, dataset=options.data, split=config.split)
    _print(bundle)


def _export_features(options: argparse.Namespace) -> None:
    from breastseg.explain.reference import export_reference

    out = options.out or f"{options.model.rstrip('/')}-features"
    _print(export_reference(options.model, options.features, out))


def _print(bundle: "Bundle") -> None:
    sizes = [(bundle.path / name).stat().st_size for name in bundle.card.files]
    print(f"{bundle.path}: {sum(sizes) / 1e6:.1f} MB")
