"""The options of every command that loads a model."""

import argparse
from typing import TYPE_CHECKING

from breastseg.cli.options import add_option, given

if TYPE_CHECKING:
    from breastseg.inference.model import Model

_LOAD = "breastseg.inference.model:load_model"


def add_model(parser: argparse.ArgumentParser, of: str, *, several: bool = False) -> None:
    """Declare --model; of several the mean is taken."""
    sentence = "name of a shipped model or folder of a bundle"
    more = "; given again, the mean of several is mapped, and where they disagree"
    add_option(
        parser,
        "--model",
        sentence + (more if several else ""),
        of=of,
        dest="model",
        metavar="MODEL",
        action="append" if several else "store",
    )


def add_threads(parser: argparse.ArgumentParser, of: str) -> None:
    """Declare --threads."""
    add_option(
        parser,
        "--threads",
        "CPU threads of the network; 0 takes one for each core that was given",
        of=of,
        type=int,
        metavar="N",
    )


def add_model_arguments(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Declare --model, or several of it, and how it is run."""
    add_model(parser, f"{_LOAD}.name_or_path", several=several)
    add_option(
        parser,
        "--backend",
        "what runs the network; torch needs PyTorch",
        of=f"{_LOAD}.backend",
        names="breastseg.runners:BACKENDS",
    )
    add_option(
        parser,
        "--precision",
        "of the network's numbers; auto: by the processor, breastseg doctor says which and why",
        of=f"{_LOAD}.precision",
        names="breastseg.runners:PRECISIONS",
    )
    parser.add_argument(
        "--flips",
        action="store_true",
        help="average over each tile and its mirror images: four times the work",
    )
    add_threads(parser, f"{_LOAD}.threads")


def model_of(options: argparse.Namespace) -> "Model":
    """Load the model the options name, or the mean of several."""
    from breastseg.inference.model import load_model, mean_of

    ways = given(options, "backend", "precision", "flips", "threads")
    if options.model is None:  # load_model knows which is the default
        return load_model(**ways)
    names = options.model if isinstance(options.model, list) else [options.model]
    return mean_of([load_model(name, **ways) for name in names])
