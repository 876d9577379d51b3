"""breastseg train."""

import argparse
from dataclasses import fields
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options: one for each field of TrainConfig, said in its own words."""
    from breastseg.training.config import LOGGERS, PRESETS, TrainConfig

    parser.epilog = (
        "examples:\n  breastseg train data/bcss runs/first --preset fast\n"
        "  breastseg train data/bcss21 runs/report --preset report --encoder-weights resnet34.pth\n"
        "an interrupted run goes on when the same command is given again"
    )
    parser.add_argument("dataset", help="folder of a prepared data set that has been split")
    parser.add_argument("run", help="folder of the run")
    parser.add_argument(
        "--preset",
        default="fast",
        help=f"{', '.join(PRESETS)} (default fast); options below change it",
    )
    parser.add_argument("--name", default="", help="the model's name (default: the run folder's)")
    parser.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="LOGGER",
        help=f"also log to {' or '.join(LOGGERS)}",
    )
    group = parser.add_argument_group("what the preset sets")
    for entry in fields(TrainConfig):
        option = "--" + entry.name.replace("_", "-")
        sentence = f"{entry.metadata['help']} ({_values(entry.name)})".replace("%", "%%")
        if entry.type in (bool, "bool"):
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
        else:
            group.add_argument(
                option,
                dest=f"config_{entry.name}",
                type=type(entry.default),
                default=None,
                help=sentence,
                metavar=entry.name.upper(),
            )


def _values(name: str) -> str:
    """Return what each preset sets a field to, said once where all agree: "all 42"."""
    from breastseg.training.config import PRESETS

    values = {preset: _shown(getattr(config, name)) for preset, config in PRESETS.items()}
    agreed = set(values.values())
    return (
        f"all {agreed.pop()}"
        if len(agreed) == 1
        else ", ".join(f"{preset} {value}" for preset, value in values.items())
    )


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

    given = {
        key.removeprefix("config_"): value
        for key, value in vars(options).items()
        if key.startswith("config_") and value is not None
    }
    if "decoder_channels" in given:
        given["decoder_channels"] = tuple(given["decoder_channels"])
    config = preset(options.preset, **given)
    try:
        from breastseg.training.train import train
    except ImportError as cause:
        raise MissingPackageError(
            f"training: {cause.name} is not installed; pip install 'breastseg[train]'"
        ) from None
    bundle = train(
        options.dataset, options.run, config, name=options.name, loggers=tuple(options.log)
    )
    print(
        f"{bundle.path}: model '{bundle.card.name}', {bundle.card.mpp:g} um/px, classes"
        f" {', '.join(bundle.card.label_map.names)}"
    )
