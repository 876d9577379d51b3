"""What a network makes of a field before it draws a map: its deepest features, pooled.

They are the last tensor of `model.onnx` at the lowest resolution that the network computes in:
the output of a U-Net's encoder. No second file is needed, and the network in it is not changed.
"""

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import ONNX, Bundle
from breastseg.bundles.engine import core, hints, openvino, opset
from breastseg.errors import EngineError, ModelError, explained

_PROBE_PX = 256
"""Side of the tile on which resolutions are compared: large enough that none of stride 32 is
1 x 1, as what is pooled over everything is."""


class FeatureNetwork:
    """Pooled deepest features of a bundle's network, in single precision on every processor, so
    that those of one machine may be compared with those of another."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        """Read the network; it is compiled when first used.

        Raises:
            ModelError: no such file, or a network that keeps one resolution.
        """
        self._path = bundle.file(ONNX)
        self._options = hints("fp32", threads)
        try:
            self._network = core().read_model(self._path)
        except RuntimeError as cause:
            raise ModelError(
                f"{self._path}: OpenVINO cannot read it ({str(cause).strip().splitlines()[-1]});"
                " export the bundle again"
            ) from None
        self._shape: tuple[int, ...] = ()
        self._request: openvino.InferRequest | None = None

    def __call__(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, H, W, 3) uint8, H and W multiples of 32, to (N, C) float32."""
        pictures = np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))
        try:
            if self._request is None or self._shape != pictures.shape:
                self._request = self._compiled(pictures.shape)
                self._shape = pictures.shape
            return np.array(self._request.infer([pictures])[0], np.float32)
        except RuntimeError as cause:
            told = explained(cause, "the network's features")
            raise told or EngineError(
                f"the network's features: {str(cause).strip().splitlines()[-1]}"
            ) from None

    def _compiled(self, shape: tuple[int, ...]) -> "openvino.InferRequest":
        network = self._network.clone()
        # With a fixed size every output has one too, by which resolutions are compared.
        network.reshape([1, 3, _PROBE_PX, _PROBE_PX])
        deepest = _deepest(network)
        if deepest is None:
            raise ModelError(
                f"{self._path}: the network has no features at a lower resolution than its map's"
            )
        pooled = opset.reduce_mean(deepest, np.array([2, 3]), keep_dims=False)
        network = openvino.Model([opset.result(pooled)], network.get_parameters(), "features")
        network.reshape(list(shape))
        return core().compile_model(network, "CPU", self._options).create_infer_request()


def _deepest(network: "openvino.Model") -> "openvino.Output | None":
    """Return the last output of the lowest resolution above 1 x 1, in the order of computation;
    None where nothing is below the tile's."""
    deepest = None
    lowest = _PROBE_PX
    from_picture = {parameter.get_name() for parameter in network.get_parameters()}
    for node in network.get_ordered_ops():
        sources = {value.get_node().get_name() for value in node.input_values()}
        if not sources & from_picture:
            # Weights have four sides too, and are no features.
            continue
        from_picture.add(node.get_name())
        for output in node.outputs():
            shape = output.get_partial_shape()
            if len(shape) != 4 or not shape.is_static:
                continue
            side = min(shape[2].get_length(), shape[3].get_length())
            is_lower = 1 < side < lowest
            is_later = side == lowest and deepest is not None
            if is_lower or is_later:
                deepest = output
                lowest = side
    return deepest
