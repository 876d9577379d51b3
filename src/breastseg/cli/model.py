"""The options of every command that loads a model."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breastseg.inference.model import Model


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --model and how it is run."""
    from breastseg.bundles.bundle import DEFAULT_MODEL

    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        help=f"name of a shipped model or folder of a bundle (default {DEFAULT_MODEL})",
    )
    parser.add_argument(
        "--backend", default="openvino", help="openvino, onnx, or torch (default openvino)"
    )
    parser.add_argument(
        "--precision",
        default="auto",
        help=(
            "fp32, bf16 or int8 (default auto: by the processor; breastseg doctor says which, and"
            " why)"
        ),
    )
    parser.add_argument(
        "--flips",
        action="store_true",
        help="average over each tile and its mirror images: four times the work",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="CPU threads of the network (default: one for each core that was given)",
    )


def model_of(options: argparse.Namespace) -> "Model":
    """Load the model the options name."""
    from breastseg.inference.model import load_model

    return load_model(
        options.model,
        backend=options.backend,
        precision=options.precision,
        flips=options.flips,
        threads=options.threads,
    )
