"""scores.json: one record, with a version."""

import json
from pathlib import Path
from typing import Any

import pytest

from breastseg.errors import InputError
from breastseg.evaluation.scores import SCORES, Scores
from breastseg.labels import BUILT_IN

OVERALL = {
    "accuracy": 1.0,
    "balanced_accuracy": 1.0,
    "kappa": float("nan"),
    "mean_dice": 1.0,
    "mean_iou": 1.0,
    "classes_present": 1,
    "support_px": 9,
}
WHOLE: dict[str, Any] = {
    "model": "m",
    "data": "d",
    "split": "test",
    "label_map": BUILT_IN["tumor"].to_dict(),
    "mpp": 0.5,
    "patients": ["a"],
    "overall": OVERALL,
    "pooled": {},
    "mean_per_region": {"overall": {}, "classes": {}},
    "intervals": {"patients": 1, "note": "one"},
    "boundary": {"tolerance_um": 4.0, "classes": {}},
    "hospitals": {},
    "regions": {"r": {"overall": OVERALL, "classes": {}, "boundary": {}}},
    "left_out": [],
    "seen": {"trained": None, "validated": None, "note": "nobody"},
    "protocol": "p",
}


def kept(folder: Path, said: dict[str, Any]) -> bytes:
    (folder / SCORES).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    return (folder / SCORES).read_bytes()


def test_what_is_read_is_written_again_as_it_was(tmp_path: Path) -> None:
    before = kept(tmp_path, WHOLE)
    Scores.read(tmp_path).write(tmp_path)
    assert (tmp_path / SCORES).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"version": 2}, "version 2, .* up to 1"),
        ({"version": "x"}, "version"),
        ({"overall": {**OVERALL, "kappa": "high"}}, "overall.kappa"),
        ({"patients": "a"}, "patients"),
        ({"seen": {"trained": 1, "note": ""}}, "seen.validated is missing"),
        ({"regions": {"../r": {}}}, "without folders"),
        ({"label_map": {}}, "label map"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(tmp_path: Path, change: dict[str, Any], where: str) -> None:
    kept(tmp_path, {**WHOLE, **change})
    with pytest.raises(InputError, match=where):
        Scores.read(tmp_path)
