"""ONNX Runtime: CUDA where the installed build has it and it works, else the CPU; the runner's name
says which."""

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import ONNX, Bundle
from breastseg.bundles.onnx_engine import onnxruntime
from breastseg.errors import ModelError
from breastseg.labels import Labels
from breastseg.runners.runner import likeliest

errors = onnxruntime.capi.onnxruntime_pybind11_state
_BROKEN = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NoSuchFile,
)
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class OnnxRunner:
    """Runs a bundle's `model.onnx`."""

    package = "onnxruntime"

    def __init__(self, bundle: Bundle, precision: str, threads: int) -> None:
        """Load the file and check that it is the network the card describes; there is one
        precision, single."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        path = bundle.file(ONNX)
        available = onnxruntime.get_available_providers()
        providers = [name for name in _PROVIDERS if name in available]
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except _BROKEN as cause:
            raise ModelError(
                f"{path}: ONNX Runtime cannot read it ({str(cause).splitlines()[0]}); export the"
                " bundle again"
            ) from None
        shape = self._session.get_outputs()[0].shape
        classes = len(bundle.card.label_map.classes)
        if len(shape) != 4 or shape[1] != classes:
            raise ModelError(
                f"{path}: gives {shape}, the card has {classes} classes; the file belongs to"
                " another model"
            )
        self._input = self._session.get_inputs()[0].name
        # ONNX Runtime goes on without a CUDA that does not work: what it took counts.
        device = "cuda " if self._session.get_providers()[0] == _PROVIDERS[0] else ""
        self.name = f"onnx {device}fp32"

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, H, W, 3) uint8 to (N, K, H, W) float32 probabilities."""
        pictures = np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))  # (N, 3, H, W)
        return np.asarray(self._session.run(None, {self._input: pictures})[0], np.float32)

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        """Map (N, H, W, 3) uint8 to (N, H, W) uint8 labels."""
        return likeliest(self.probabilities(tiles))

    def release(self) -> None:
        """Do nothing: ONNX Runtime keeps its memory to itself."""
