"""The description of an int8 network: smaller, and the same."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("nncf")

from breastseg.bundles import int8

TEXT = """<?xml version="1.0"?>
<net name="x">
    <layers>
        <layer id="0" />
        <data>1, 2</data>
    </layers>
</net>
"""


def test_packing_takes_out_spaces_between_elements_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.int8.xml"
    path.write_text(TEXT, encoding="utf-8")
    int8._pack(path)
    packed = path.read_text(encoding="utf-8")
    assert len(packed) < len(TEXT)
    assert "> " not in packed.partition("?>")[2]
    root = ElementTree.fromstring(packed)
    assert root.attrib == {"name": "x"}
    assert root.find("layers/data").text == "1, 2"
    assert root.find("layers/layer").attrib == {"id": "0"}


def test_a_crop_becomes_a_batch_of_one() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 2, 2).transpose(0, 2, 1)
    batch = int8._batch(picture)
    assert batch.shape == (1, 3, 2, 2)
    assert batch.flags.c_contiguous
    assert np.array_equal(batch[0], picture)
