"""A bundle -> something that maps uint8 tiles to probabilities or labels. PyTorch is one back end
of several, never needed."""

from breastseg.runners.runner import BACKENDS, PRECISIONS, Runner, load_runner

__all__ = ["BACKENDS", "PRECISIONS", "Runner", "load_runner"]
