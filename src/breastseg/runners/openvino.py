"""OpenVINO on the CPU: in single precision, in bfloat16, or the bundle's int8 network."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import INT8, ONNX, Bundle
from breastseg.bundles.engine import core, cpu_has_bf16, hints, openvino, opset
from breastseg.errors import EngineError, InputError, ModelError, explained
from breastseg.labels import Labels
from breastseg.runners.precision import auto_precision, has_exact_int8

_KEPT = 8
"""Compiled networks that are kept, each for tiles of one shape: images of a batch come in a few
shapes."""


class OpenvinoRunner:
    """Runs a bundle's `model.onnx` or `model.int8.xml`.

    A network is compiled for the shape of the tiles that it is shown, never with open sizes: on
    processors with AMX, int8 networks with open sizes end the process at certain heights of a
    tile (openvinotoolkit/openvino#37577), and hold twice the memory everywhere.
    """

    package = "openvino"

    def __init__(self, bundle: Bundle, precision: str, threads: int) -> None:
        """Read the file and check that it is the network the card describes; it is compiled when
        first used."""
        precision = _chosen(bundle, precision)
        self._options = hints(precision, threads)
        path = bundle.file(INT8 if precision == "int8" else ONNX)
        # What an int8 network leaves in floating point may be computed in bfloat16.
        has_bf16 = self._options["INFERENCE_PRECISION_HINT"] == "bf16"
        rest = "+bf16" if precision == "int8" and has_bf16 else ""
        self.name = f"openvino {precision}{rest}"
        self._probabilities = read_network(path)
        self._labels = _likeliest(self._probabilities)
        self._compiled: OrderedDict[tuple[str, tuple[int, ...]], openvino.InferRequest] = (
            OrderedDict()
        )
        shape = self._probabilities.outputs[0].partial_shape
        classes = len(bundle.card.label_map.classes)
        if len(shape) != 4 or shape[1] != classes:
            raise ModelError(
                f"{path}: gives {shape}, the card has {classes} classes; the file belongs to"
                " another model"
            )

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, H, W, 3) uint8 to (N, K, H, W) float32 probabilities."""
        return np.asarray(self._run(self._probabilities, tiles), np.float32)

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        """Map (N, H, W, 3) uint8 to (N, H, W) uint8 labels; the argmax is part of the compiled
        network."""
        return np.asarray(self._run(self._labels, tiles), np.uint8)

    def release(self) -> None:
        """Give back what is held between tiles: about 45 bytes a pixel of the last shape for the
        shipped model."""
        for request in self._compiled.values():
            request.get_compiled_model().release_memory()

    def _run(
        self, network: "openvino.Model", tiles: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.generic]:
        key = network.get_friendly_name(), tiles.shape
        try:
            # Another shape than the last: what is held for that one is given back first, so that
            # two shapes never hold memory at once.
            if key not in self._compiled:
                self.release()
                self._compiled[key] = compiled_for(network, tiles.shape, self._options)
            elif key != next(reversed(self._compiled)):
                self.release()
            self._compiled.move_to_end(key)
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
            answers = self._compiled[key].infer([tiles], share_inputs=True)
            values: npt.NDArray[np.generic] = answers[0]
        except RuntimeError as cause:
            told = explained(cause, f"the network ({self.name})")
            raise told or EngineError(
                f"the network ({self.name}) cannot run: {last_line(cause)}"
            ) from None
        return values


def _likeliest(network: "openvino.Model") -> "openvino.Model":
    """Return the network with the argmax of its probabilities at its end, as labels."""
    network = network.clone()
    probabilities = network.get_results()[0].input_value(0)
    # Sorted and stable, or OpenVINO chooses among equals as it likes; bfloat16 has equals in one
    # pixel of 600.
    best = opset.topk(probabilities, 1, 1, "max", "value", index_element_type="i32", stable=True)
    # (N, 1, H, W) -> (N, H, W): class k is label k + 1, and NaN has label 0.
    winner = opset.add(opset.squeeze(best.output(1), [1]), np.int32(1))
    is_nan = opset.is_nan(opset.squeeze(best.output(0), [1]))
    labels = opset.convert(opset.select(is_nan, np.int32(0), winner), "u8")
    return openvino.Model([opset.result(labels)], network.get_parameters(), "labels")


def compiled_for(
    network: "openvino.Model", shape: tuple[int, ...], options: dict[str, str | int]
) -> "openvino.InferRequest":
    """Compile for tiles of one shape, (N, H, W, 3) as images lie in memory."""
    steps = openvino.preprocess.PrePostProcessor(network.clone())
    steps.input().tensor().set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    network = steps.build()
    network.reshape(list(shape))
    return core().compile_model(network, "CPU", options).create_infer_request()


def last_line(cause: Exception) -> str:
    """Return the last line of what OpenVINO says: the others name its own files."""
    return str(cause).strip().splitlines()[-1]


def read_network(path: Path) -> "openvino.Model":
    """Read a network; ModelError for what is none."""
    try:
        return core().read_model(path)
    except RuntimeError as cause:
        raise ModelError(
            f"{path}: OpenVINO cannot read it ({last_line(cause)}); export the bundle again"
        ) from None


def _chosen(bundle: Bundle, asked: str) -> str:
    """Return fp32, bf16 or int8; what was asked for by name is never replaced by another."""
    if asked == "auto":
        return auto_precision(INT8 in bundle.card.files)[0]
    if asked == "int8" and INT8 not in bundle.card.files:
        raise ModelError(
            f"{bundle.path}: bundle has no int8 network; make one with breastseg export"
            f" {bundle.path} --int8 --data DATASET"
        )
    if asked == "int8" and not has_exact_int8():
        raise InputError(
            "precision 'int8': sums of 8-bit numbers overflow on this processor, which has no VNNI;"
            " wanted auto, bf16 or fp32"
        )
    if asked == "bf16" and not cpu_has_bf16():
        raise InputError("precision 'bf16': this processor has none; wanted auto, fp32 or int8")
    return asked
