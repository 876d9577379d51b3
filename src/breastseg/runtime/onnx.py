"""ONNX Runtime on the CPU."""

import numpy as np
import numpy.typing as npt
import onnxruntime

from breastseg.errors import ModelError
from breastseg.models.bundle import ONNX, Bundle


class OnnxRunner:
    """Runs a bundle's `model.onnx`."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        """Load the file and check that it is the network the card describes."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        path = bundle.file(ONNX)
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        shape, classes = self._session.get_outputs()[0].shape, len(bundle.card.label_map.classes)
        if len(shape) != 4 or shape[1] != classes:
            raise ModelError(f"{path}: gives {shape}, the card has {classes} classes; the file belongs to another model")
        self._input = self._session.get_inputs()[0].name

    def __call__(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, 3, H, W) uint8 to (N, K, H, W) float32 probabilities."""
        return np.asarray(self._session.run(None, {self._input: tiles})[0], np.float32)
