"""The study's table and its sheet of crops."""

from pathlib import Path

import numpy as np
from PIL import Image

from breastseg.mammography.findings import Circle
from breastseg.studies.rgu_net.cases import Case
from breastseg.studies.rgu_net.crops import Crop
from breastseg.studies.rgu_net.show import markdown, save_sheet
from breastseg.studies.rgu_net.summary import SYSTEMS, summary


def result(*, leaky: bool) -> dict[str, object]:
    rows = []
    for patient, dice in (("a", 0.8), ("b", 0.4)):
        row = {f"dice_{name}": 0.1 for name in SYSTEMS}
        rows.append({**row, "fold": 1, "patient": patient, "dice_rgu_net": dice})
    settings = {"folds": 5, "steps": 30}
    more = {"leaky": leaky, "protocol": "mm", "off_centre_mm": 10.0, "folds_run": 1}
    return {**summary(rows), **more, "config": settings}


def test_a_row_for_each_system_and_fold() -> None:
    lines = markdown(result(leaky=False)).splitlines()
    assert not lines[0].startswith("LEAKY")
    (network,) = [line for line in lines if line.startswith("| RGU-Net |")]
    assert network == "| RGU-Net | 0.600 [0.400, 0.800] | 0.600 [0.400, 0.800] |"
    assert sum(line.startswith(f"| {title} |") for line in lines for title in SYSTEMS.values()) == 4
    assert any("+0.500" in line for line in lines)
    assert lines[-1] == "| 1 | 2 | 2 | 0.600 | 0.100 | 0.100 | 0.100 |"


def test_a_leaky_protocol_says_so_first() -> None:
    assert markdown(result(leaky=True)).startswith("LEAKY: ")


def test_the_sheet_is_the_same_bytes_again(tmp_path: Path) -> None:
    circle = Circle(32, 32, 9)
    grey = np.zeros((64, 64), np.float32)
    case = Case("film", 1, "p", grey, circle, (circle,))
    mask = np.zeros((64, 64), bool)
    mask[20:40, 20:40] = True
    crops = [Crop(case, grey, mask, (0.0, 0.0), 0)]
    answers = mask[None].astype(np.uint8) * 255
    rows = [{"film": "film", "dice_rgu_net": 0.5}]
    for name in ("first.png", "second.png"):
        save_sheet(crops, answers, rows, tmp_path / name, 7)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    with Image.open(tmp_path / "first.png") as sheet:
        # six crops a line, 2 inches wide and 2.2 high, at 110 dots an inch
        assert sheet.size == (1320, 242)
