"""What is looked at before a score: regions of which nothing but a type is known."""

import numpy as np
import pytest
from PIL import Image

from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import DatasetError
from breastseg.evaluation.leaks import left_out_note, with_truth
from breastseg.reporter import QUIET


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three typed fields; of the third is known, too, that it has tumour."""
    folder = tmp_path_factory.mktemp("typed")
    pixels = np.full((32, 32, 3), 128, np.uint8)
    for name in ("A", "B", "C"):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    rows = ["image,patient,mpp,type,with", "A.png,A,0.5,adenosis,", "B.png,B,0.5,adenosis,"]
    rows.append("C.png,C,0.5,ductal carcinoma,tumor")
    (folder / "fields.csv").write_text("\n".join(rows) + "\n")
    config = PrepareConfig(labels="region5", types="malignancy", workers=1)
    return prepare(folder, tmp_path_factory.mktemp("data") / "out", config, reporter=QUIET)


def test_types_alone_are_no_truth_of_a_map(data: Dataset) -> None:
    """It was refused as if nobody had annotated anything."""
    with pytest.raises(DatasetError, match=r"of 2 regions of split 'val' .* a type .*\(as of A\)"):
        with_truth(data, ["A", "B"], "val")


def test_a_region_with_a_type_alone_is_left_out_by_name(data: Dataset) -> None:
    known, left_out = with_truth(data, ["A", "B", "C"], "val")
    assert known == ["C"]
    assert left_out == ["A", "B"]
    note = left_out_note(data, left_out, 3)
    assert note.startswith("2 of 3 regions left out")
    assert "of 2 regions a type alone is known" in note
    assert note.endswith("A, B")
    assert left_out_note(data, [], 3) == ""
