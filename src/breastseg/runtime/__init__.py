"""A bundle -> something that maps a batch of uint8 tiles to probabilities. PyTorch is one back end of several, never needed."""

from breastseg.runtime.runner import BACKENDS, Runner, load_runner

__all__ = ["BACKENDS", "Runner", "load_runner"]
