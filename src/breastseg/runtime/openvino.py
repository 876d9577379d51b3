"""OpenVINO on the CPU: in single precision, in bfloat16, or the bundle's int8 network."""

from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from breastseg.errors import InputError, ModelError
from breastseg.labels import Labels
from breastseg.models.bundle import INT8, ONNX, Bundle
from breastseg.models.engine import core, cpu_has_bf16, hints, openvino, opset


class OpenvinoRunner:
    """Runs a bundle's `model.onnx` or `model.int8.xml`."""

    package = "openvino"

    def __init__(self, bundle: Bundle, precision: str, threads: int) -> None:
        """Read the file and check that it is the network the card describes; it is compiled when first used."""
        precision = _chosen(bundle, precision)
        self._options = hints(precision, threads)
        path = bundle.file(INT8 if precision == "int8" else ONNX)
        rest = "+bf16" if precision == "int8" and self._options["INFERENCE_PRECISION_HINT"] == "bf16" else ""
        self.name = f"openvino {precision}{rest}"
        self._network = _read(path)
        self._size_px: tuple[int, int] | None = None
        shape, classes = self._network.outputs[0].partial_shape, len(bundle.card.label_map.classes)
        if len(shape) != 4 or shape[1] != classes:
            raise ModelError(f"{path}: gives {shape}, the card has {classes} classes; the file belongs to another model")

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, H, W, 3) uint8 to (N, K, H, W) float32 probabilities."""
        return np.asarray(self._probabilities.infer([tiles], share_inputs=True)[0], np.float32)

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        """Map (N, H, W, 3) uint8 to (N, H, W) uint8 labels; the argmax is part of the compiled network."""
        return np.asarray(self._labels.infer([tiles], share_inputs=True)[0], np.uint8)

    def prepare(self, size_px: tuple[int, int] | None) -> None:
        """Compile for tiles of this (width, height) alone, or of any; what was held for the tiles so far is given back.

        The intermediate values of the shipped model take about 80 bytes a pixel of a tile; 45 where the size is known when it is compiled.
        """
        for name in ("_labels", "_probabilities"):
            if name in self.__dict__:
                self.__dict__[name].get_compiled_model().release_memory()
                if size_px != self._size_px:
                    del self.__dict__[name]
        self._size_px = size_px

    @cached_property
    def _probabilities(self) -> "openvino.InferRequest":
        return self._compiled(self._network.clone())

    @cached_property
    def _labels(self) -> "openvino.InferRequest":
        network = self._network.clone()
        probabilities = network.get_results()[0].input_value(0)
        # Sorted and stable, or OpenVINO chooses among equals as it likes; bfloat16 has equals in one pixel of 600.
        best = opset.topk(probabilities, 1, 1, "max", "value", index_element_type="i32", stable=True)
        named = opset.add(opset.squeeze(best.output(1), [1]), np.int32(1))
        nothing = opset.is_nan(opset.squeeze(best.output(0), [1]))
        labels = opset.convert(opset.select(nothing, np.int32(0), named), "u8")
        return self._compiled(openvino.Model([opset.result(labels)], network.get_parameters(), "labels"))

    def _compiled(self, network: "openvino.Model") -> "openvino.InferRequest":
        """Compile for tiles as pictures lie in memory, of any number and size unless `prepare` named one."""
        steps = openvino.preprocess.PrePostProcessor(network)
        steps.input().tensor().set_layout(openvino.Layout("NHWC"))
        steps.input().model().set_layout(openvino.Layout("NCHW"))
        network = steps.build()
        if self._size_px is not None:
            network.reshape([1, self._size_px[1], self._size_px[0], 3])
        return core().compile_model(network, "CPU", self._options).create_infer_request()


def _read(path: Path) -> "openvino.Model":
    try:
        return core().read_model(path)
    except RuntimeError as cause:
        reason = str(cause).strip().splitlines()[-1]
        raise ModelError(f"{path}: OpenVINO cannot read it ({reason}); export the bundle again") from None


def _chosen(bundle: Bundle, asked: str) -> str:
    """Return fp32, bf16 or int8; what was asked for by name is never replaced by another."""
    if asked == "auto":
        return "int8" if INT8 in bundle.card.files else "bf16" if cpu_has_bf16() else "fp32"
    if asked == "int8" and INT8 not in bundle.card.files:
        raise ModelError(f"{bundle.path}: bundle has no int8 network; make one with breastseg export {bundle.path} --int8 --data DATASET")
    if asked == "bf16" and not cpu_has_bf16():
        raise InputError("precision 'bf16': this processor has none; wanted auto, fp32 or int8")
    return asked
