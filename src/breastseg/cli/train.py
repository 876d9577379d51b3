"""breastseg train."""

import argparse
from dataclasses import fields
from typing import Any

from breastseg.cli.options import add_option, add_out

_CALLED = {"start": "MODEL", "white_as": "CLASS"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options: one for each field of TrainConfig, with the field's own help."""
    from breastseg.training.config import LOGGERS, PRESETS, TrainConfig, choices_of

    parser.epilog = (
        "examples:\n  breastseg train data/bcss --out runs/first --preset fast\n"
        "  breastseg train data/bcss21 --out runs/report --preset report --encoder-weights"
        " resnet34.pth\n"
        "an interrupted run goes on when the same command is given again"
    )
    parser.add_argument("dataset", help="folder of a prepared data set that has been split")
    add_out(parser, "folder of the run", or_after="dataset")
    parser.add_argument(
        "--preset",
        default="fast",
        choices=tuple(PRESETS),
        help="where to start from; options below change it (default %(default)s)",
    )
    add_option(parser, "--name", "the model's name (default: the run folder's)", metavar="NAME")
    parser.add_argument(
        "--log",
        action="append",
        default=[],
        choices=LOGGERS,
        help="also log there; may be repeated",
    )
    group = parser.add_argument_group("what the preset sets")
    for entry in fields(TrainConfig):
        option = "--" + entry.name.replace("_", "-")
        # argparse fills in "%(default)s" and the like: its own % must be doubled.
        sentence = f"{entry.metadata['help']} ({_values(entry.name)})".replace("%", "%%")
        # None wherever a person gives nothing: then the preset's value stays.
        if entry.type is bool:
            group.add_argument(
                option,
                dest=f"config_{entry.name}",
                action=argparse.BooleanOptionalAction,
                default=None,
                help=sentence,
            )
        elif entry.name == "decoder_channels":
            group.add_argument(
                option,
                dest=f"config_{entry.name}",
                type=int,
                nargs="*",
                default=None,
                help=sentence,
                metavar="N",
            )
        elif choices := choices_of(entry.type):
            group.add_argument(
                option, dest=f"config_{entry.name}", choices=choices, default=None, help=sentence
            )
        else:
            group.add_argument(
                option,
                dest=f"config_{entry.name}",
                type=type(entry.default),
                default=None,
                help=sentence,
                metavar=_metavar(entry.name, entry.default),
            )


def _metavar(name: str, default: Any) -> str:
    """Return what an option calls its value: the unit of a number, N where it has none."""
    if name.endswith("_px"):
        return "PX"
    if isinstance(default, (int, float)):
        return "N"
    return _CALLED.get(name, name.rpartition("_")[2].upper())


def _values(name: str) -> str:
    """Return what each preset sets a field to, once where all agree: "all 42"."""
    from breastseg.training.config import PRESETS

    values = {preset: _shown(getattr(config, name)) for preset, config in PRESETS.items()}
    different = set(values.values())
    if len(different) == 1:
        return f"all {different.pop()}"
    return ", ".join(f"{preset} {value}" for preset, value in values.items())


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        value = " ".join(map(str, value))
    return str(value) if value != "" else "empty"


def run(options: argparse.Namespace) -> None:
    """Train, and print where the model is."""
    from breastseg.errors import MissingPackageError
    from breastseg.training.config import preset

    changes: dict[str, Any] = {}
    for key, value in vars(options).items():
        # The prefix parts fields from the command's own options, such as --name.
        if key.startswith("config_") and value is not None:
            changes[key.removeprefix("config_")] = value
    if "decoder_channels" in changes:
        changes["decoder_channels"] = tuple(changes["decoder_channels"])
    config = preset(options.preset, **changes)
    try:
        from breastseg.training.train import train
    except ImportError as cause:
        raise MissingPackageError(
            f"training: {cause.name} is not installed; pip install 'breastseg[train]'"
        ) from None
    bundle = train(
        options.dataset, options.out, config, name=options.name or "", loggers=tuple(options.log)
    )
    print(
        f"{bundle.path}: model '{bundle.card.name}', {bundle.card.mpp:g} um/px, classes"
        f" {', '.join(bundle.card.label_map.names)}"
    )
