"""Types in an evaluation."""

from pathlib import Path

from breastseg.data.dataset import Dataset
from breastseg.evaluation.types import type_figures
from breastseg.inference.model import load_model
from conftest import quiet


def test_a_model_without_a_head_has_none_and_writes_nothing(
    painted_data: Dataset, tmp_path: Path
) -> None:
    model = load_model("lite0", backend="onnx", threads=1)
    table = painted_data.regions.assign(split="test")
    assert type_figures(model, painted_data, table, "test", tmp_path / "o", quiet) is None
    assert not (tmp_path / "o").exists()
