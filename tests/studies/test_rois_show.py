"""The study's tables and its sheet of regions."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.metrics.ranking import SCORES
from breastseg.studies.rois.crops import COPIES
from breastseg.studies.rois.regions import Region
from breastseg.studies.rois.show import SYSTEMS, markdown, save_sheet


def result(off_centre: float = 0.0) -> dict[str, object]:
    scores: dict[str, object] = {}
    for score in SCORES:
        scores[score], scores[f"{score}_interval"] = 0.75, [0.5, 0.875]
    scores[f"{SCORES[-1]}_interval"] = None
    protocols = {}
    for name, leaky in (("patient", False), ("paper", True)):
        systems = dict.fromkeys(SYSTEMS, scores)
        protocols[name] = {"leaky": leaky, "copies": 16, "patients_scored": 2, "systems": systems}
    return {
        "task": "one",
        "regions": [1, 1],
        "classes": ["benign", "malignant"],
        "patients": 2,
        "config": {"off_centre": off_centre, "crop_px": 32, "folds": 5},
        "net": "cnn",
        "strategy": "scratch",
        "head": "one layer",
        "weights": "none",
        "folds_run": 1,
        "protocols": protocols,
    }


def test_a_table_for_each_protocol() -> None:
    lines = markdown(result()).splitlines()
    rows = [line for line in lines if line.startswith("| the network |")]
    assert rows == ["| the network | 0.75 [0.50, 0.88] | 0.75 [0.50, 0.88] | 0.75 |"] * 2
    assert [line.startswith("LEAKY: ") for line in lines if "protocol " in line] == [False, True]
    assert lines[0].startswith("one: 1 benign and 1 malignant regions of 2 patients")


@pytest.mark.parametrize(("share", "said"), [(0.0, "in the middle"), (0.25, "up to 0.25")])
def test_where_findings_are(share: float, said: str) -> None:
    assert said in markdown(result(share)).splitlines()[0]


def test_the_sheet_is_the_same_bytes_again(tmp_path: Path) -> None:
    region = Region("film", 1, "p", "painted", 1, 16.0, 16.0, 32.0, 0.4)
    crops = np.zeros((2 * COPIES, 32, 32), np.uint16)
    for name in ("first.png", "second.png"):
        save_sheet(crops, [region] * 2, ["benign", "malignant"], tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    with Image.open(tmp_path / "first.png") as sheet:
        # eight regions a line, 1.6 inches wide and 1.8 high, at 110 dots an inch
        assert sheet.size == (1408, 198)
