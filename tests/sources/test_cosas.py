"""COSAS24, task 2: a test across scanners."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import LabelError, SourceError
from breastseg.reporter import QUIET
from breastseg.sources import cosas as source_of_cosas
from breastseg.sources import open_source
from source_folders import painted


@pytest.fixture
def cosas(tmp_path: Path) -> Path:
    root = tmp_path / "COSAS24-TrainingSet"
    for number, scanner in enumerate(("3d-1000", "kfbio-400", "teksqray-600p")):
        place = root / "task2" / scanner
        painted(place / "mask" / f"h{number}.png", [[0, 255]], place / "image" / f"h{number}.png")
    place = root / "task1" / "colorectum"
    painted(place / "mask" / "c.png", [[0, 255]], place / "image" / "c.png")
    return root


def test_cosas_is_a_test_of_scanners(cosas: Path, tmp_path: Path) -> None:
    """Its 0 means "no tumour" and is a class; ours is none."""
    source = open_source(cosas, mpp=0.5)
    assert [(r.id, r.site, r.split) for r in source.regions] == [
        ("h0", "3d-1000", "test"),
        ("h1", "kfbio-400", "test"),
        ("h2", "teksqray-600p", "test"),
    ]
    assert source.label_map == "tumor"
    assert any("not for training" in note for note in source.notes)
    config = PrepareConfig(to_mpp=0.5, mpp=0.5, workers=1)
    data = prepare(cosas / "task2", tmp_path / "data", config, reporter=QUIET)
    labels = np.asarray(data.labels("h1"))
    assert np.unique(labels[:, :16]).tolist() == [2]
    assert np.unique(labels[:, 16:]).tolist() == [1]


def test_task_1_of_cosas_is_refused(cosas: Path) -> None:
    with pytest.raises(SourceError, match="other organs, wanted task2"):
        open_source(cosas / "task1", mpp=0.5)


def test_a_mask_of_cosas_has_two_values(cosas: Path, tmp_path: Path) -> None:
    place = cosas / "task2" / "3d-1000"
    painted(place / "mask" / "h0.png", [[0, 254]], place / "image" / "h0.png")
    config = PrepareConfig(mpp=0.5, workers=1)
    with pytest.raises(LabelError, match="value 254 is no class of COSAS24"):
        prepare(cosas, tmp_path / "data", config, reporter=QUIET)


def test_task_2_is_found_from_above_and_itself(cosas: Path) -> None:
    for folder in (cosas, cosas / "task2"):
        found = source_of_cosas.find(folder)
        assert found is not None
        assert [pair.site for pair in found.pairs] == ["3d-1000", "kfbio-400", "teksqray-600p"]
    assert source_of_cosas.find(cosas / "task2" / "3d-1000") is None
