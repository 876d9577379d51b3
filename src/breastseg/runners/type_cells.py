"""The cells that a head on types reads, by OpenVINO in single precision: types.onnx of a bundle."""

from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import Bundle
from breastseg.bundles.engine import hints, openvino
from breastseg.bundles.types import TYPES_ONNX
from breastseg.errors import EngineError, InputError
from breastseg.labels import Labels
from breastseg.runners.openvino import compiled_for, last_line, read_network

_KEPT = 4
"""Compiled networks that are kept, each for tiles of one shape."""


class TypeCellsRunner:
    """Runs a bundle's `types.onnx`."""

    package = "openvino"
    name = "openvino fp32 types"

    def __init__(self, bundle: Bundle, precision: str, threads: int) -> None:
        """Read the file; it is compiled when first used."""
        self._network = read_network(bundle.file(TYPES_ONNX))
        self._options = hints("fp32", threads)
        self._compiled: OrderedDict[tuple[int, ...], openvino.InferRequest] = OrderedDict()

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, H, W, 3) uint8 to (N, C + 2, H / 32, W / 32) float32: features, then shares of
        tumour and of tissue."""
        try:
            if tiles.shape not in self._compiled:
                self._compiled[tiles.shape] = compiled_for(
                    self._network, tiles.shape, self._options
                )
            self._compiled.move_to_end(tiles.shape)
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
            cells = self._compiled[tiles.shape].infer([tiles], share_inputs=True)[0]
        except RuntimeError as cause:
            raise EngineError(f"the network ({self.name}) cannot run: {last_line(cause)}") from None
        return np.asarray(cells, np.float32)

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        """Refuse: cells have no labels."""
        raise InputError(f"{self.name}: names no tissue; wanted another back end")

    def release(self) -> None:
        """Give back what is held between tiles."""
        self._compiled.clear()
