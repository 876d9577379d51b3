"""The colour baseline: what colour alone tells of tiles, images and patients."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from breastseg.data.audit.colours import colour_baseline, stain_gap
from breastseg.data.audit.look import Looks


def windows(region: list[int], colours: list[int], labels: list[int]) -> Looks:
    """Return windows of one pure colour and one pure class each."""
    return Looks(
        pd.DataFrame(),
        np.zeros((0, 8, 4), np.uint64),
        np.array(region),
        np.eye(64, dtype=np.float32)[colours],
        100 * np.eye(2, dtype=np.int64)[labels],
    )


def test_colours_that_belong_to_patients_fall_apart_by_patient() -> None:
    """Each of four patients has its own colour of each class, and the next patient's colours mean
    the other class."""
    rows = [
        (patient, label, 2 * (patient // 2) + (label + patient) % 2)
        for patient in range(4)
        for label in (0, 1)
        for _ in range(20)
    ]
    patients, labels, colours = (list(column) for column in zip(*rows, strict=True))
    own = [2 * p + y for p, y, _ in rows]
    number = np.arange(4)
    told = colour_baseline(windows(patients, own, labels), number, number, None)
    assert told["tile"]["balanced_accuracy"] == 1.0
    told = colour_baseline(
        windows(patients, colours, labels),
        number,
        number,
        np.array(["train", "test", "train", "test"]),
    )
    assert (
        told["patient"]["balanced_accuracy"]
        == told["image"]["balanced_accuracy"]
        == told["split"]["balanced_accuracy"]
        == 0.0
    )
    assert told["patient"]["overlap"] == 0.0


@pytest.mark.parametrize(("by_patient", "severity"), [(False, "warning"), (True, "note")])
def test_a_gap_between_tiles_and_patients_is_a_finding(by_patient: bool, severity: str) -> None:
    rows = [
        (patient, label, (label + patient) % 2 + 2 * (patient // 2))
        for patient in range(4)
        for label in (0, 1)
        for _ in range(20)
    ]
    patients, labels, colours = (list(column) for column in zip(*rows, strict=True))
    number = np.arange(4)
    (stain,) = stain_gap(
        colour_baseline(windows(patients, colours, labels), number, number, None), by_patient
    )
    assert (stain.severity, stain.numbers["patient"]) == (severity, 0.0)
    assert stain.numbers["tile"] > 0.1
    assert (
        list(
            stain_gap(
                colour_baseline(windows(patients, labels, labels), number, number, None), by_patient
            )
        )
        == []
    )


def test_a_class_of_one_patient_is_no_stain() -> None:
    """Nobody else can tell it, whatever the stain: its windows would be wrong by patient and right
    by tile."""
    rows = [
        (patient, label)
        for patient in range(3)
        for label in (0, 1, 2)
        if label < 2 or patient == 0
        for _ in range(10)
    ]
    patients, labels = (list(column) for column in zip(*rows, strict=True))
    looks = replace(
        windows(patients, labels, [0] * len(rows)), pixels=100 * np.eye(3, dtype=np.int64)[labels]
    )
    told = colour_baseline(looks, np.arange(3), np.arange(3), None)
    assert [
        (told[name]["balanced_accuracy"], told[name]["classes"])
        for name in ("tile", "image", "patient")
    ] == [(1.0, 2)] * 3
    assert told["patient"]["overlap"] < 1
    assert list(stain_gap(told, by_patient=False)) == []


def test_colours_that_mean_tissue_hold_for_every_patient() -> None:
    rows = [(patient, label) for patient in range(3) for label in (0, 1) for _ in range(10)]
    patients, labels = (list(column) for column in zip(*rows, strict=True))
    number = np.arange(3)
    told = colour_baseline(windows(patients, labels, labels), number, number, None)
    assert [told[name]["balanced_accuracy"] for name in ("tile", "image", "patient")] == [1.0] * 3
    assert told["windows"] == 60


def test_one_patient_has_nobody_to_be_compared_with() -> None:
    told = colour_baseline(
        windows([0] * 12, [0, 1] * 6, [0, 1] * 6), np.zeros(1, int), np.zeros(1, int), None
    )
    assert (told["patient"], told["image"]) == (None, None)
    assert told["tile"]["balanced_accuracy"] == 1.0


def test_one_class_is_nothing_to_tell_apart() -> None:
    told = colour_baseline(
        windows([0, 1] * 6, [0, 1] * 6, [0] * 12), np.arange(2), np.arange(2), None
    )
    assert told == {"windows": 12, "tile": None, "image": None, "patient": None}
