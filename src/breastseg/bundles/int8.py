"""A bundle's ONNX file -> the same network in 8-bit whole numbers, by NNCF. Weights and
activations; no training."""

import logging
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from breastseg.bundles.engine import openvino
from breastseg.errors import MissingPackageError

try:
    import nncf
except ImportError as cause:
    raise MissingPackageError(
        f"int8: {cause.name or cause} is not installed; pip install 'breastseg[int8]'"
    ) from None


def write_int8(source: Path, crops: npt.NDArray[np.uint8], target: Path) -> None:
    """Quantise a network and write it as OpenVINO's pair of files.

    Args:
        source: `model.onnx` of a bundle.
        crops: (N, H, W, 3) uint8 real crops; they tell the range of every activation.
        target: the `.xml`; the weights go beside it, in a `.bin`.
    """
    # Not read_model: converting folds batch norms into convolutions, and only then does NNCF find
    # the biases to correct.
    network = openvino.convert_model(source)
    pictures = tqdm(crops.transpose(0, 3, 1, 2), desc="calibrate", unit="crop", disable=None)
    nncf.set_log_level(logging.ERROR)
    # NNCF draws progress bars of its own.
    with redirect_stdout(StringIO()):
        smaller = nncf.quantize(
            network,
            nncf.Dataset(pictures, _batch),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(crops),  # NNCF takes 300 otherwise
            # The fast one left necrosis half as large again on tissue with a border of it.
            fast_bias_correction=False,
        )
    openvino.save_model(smaller, target)
    _pack(target)


def _pack(description: Path) -> None:
    """Take out the spaces between the elements, a sixth of the file."""
    tree = ElementTree.parse(description)
    for element in tree.iter():
        if element.text and element.text.isspace():
            element.text = None
        if element.tail and element.tail.isspace():
            element.tail = None
    tree.write(description, encoding="utf-8", xml_declaration=True)


def _batch(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return (3, H, W) as a batch of one, (1, 3, H, W)."""
    return np.ascontiguousarray(picture[None])
