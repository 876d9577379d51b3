"""The options of every command that loads a model."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breastseg.inference.model import Model


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --model, --backend and --threads."""
    from breastseg.models.bundle import DEFAULT_MODEL

    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"name of a shipped model or folder of a bundle (default {DEFAULT_MODEL})")
    parser.add_argument("--backend", default="onnx", help="onnx (needs no PyTorch) or torch (default onnx)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the network (default: one per core)")


def model_of(options: argparse.Namespace) -> "Model":
    """Load the model the options name."""
    from breastseg.inference.model import load_model

    return load_model(options.model, backend=options.backend, threads=options.threads)
