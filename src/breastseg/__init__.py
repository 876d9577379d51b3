"""breastseg: breast tissue segmentation on H&E. Research use only.

The verbs on the way from annotation to map: prepare, split, train, evaluate, predict,
export_int8, write_report. The other commands' functions are in their rooms, as
breastseg.data.audit.audit. Nothing heavy is imported until used.
"""

TYPE_CHECKING = False  # typing's, without importing it: Ctrl-C may come at a command's first moment
if TYPE_CHECKING:
    from typing import Any

    from breastseg.data.dataset import open_dataset
    from breastseg.data.prepare import PrepareConfig, prepare
    from breastseg.data.split import SplitConfig, split
    from breastseg.errors import BreastsegError
    from breastseg.evaluation.evaluate import evaluate
    from breastseg.evaluation.int8 import export_int8
    from breastseg.images import open_slide
    from breastseg.inference.config import PredictConfig
    from breastseg.inference.model import load_model
    from breastseg.inference.predict import predict
    from breastseg.labels import LabelMap, load_label_map
    from breastseg.report.html import write_report
    from breastseg.sources import open_source
    from breastseg.training.config import TrainConfig, preset
    from breastseg.training.train import train

__version__ = "0.1.0"

_HOMES = {
    "BreastsegError": "breastseg.errors",
    "LabelMap": "breastseg.labels",
    "PredictConfig": "breastseg.inference.config",
    "PrepareConfig": "breastseg.data.prepare",
    "SplitConfig": "breastseg.data.split",
    "TrainConfig": "breastseg.training.config",
    "evaluate": "breastseg.evaluation.evaluate",
    "export_int8": "breastseg.evaluation.int8",
    "load_label_map": "breastseg.labels",
    "load_model": "breastseg.inference.model",
    "open_dataset": "breastseg.data.dataset",
    "open_slide": "breastseg.images",
    "open_source": "breastseg.sources",
    "predict": "breastseg.inference.predict",
    "prepare": "breastseg.data.prepare",
    "preset": "breastseg.training.config",
    "split": "breastseg.data.split",
    "train": "breastseg.training.train",
    "write_report": "breastseg.report.html",
}

__all__ = [
    "BreastsegError",
    "LabelMap",
    "PredictConfig",
    "PrepareConfig",
    "SplitConfig",
    "TrainConfig",
    "__version__",
    "evaluate",
    "export_int8",
    "load_label_map",
    "load_model",
    "open_dataset",
    "open_slide",
    "open_source",
    "predict",
    "prepare",
    "preset",
    "split",
    "train",
    "write_report",
]


def __getattr__(name: str) -> "Any":
    """Import a public name when it is first used."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'breastseg' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
