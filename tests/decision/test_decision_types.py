"""What a head on types is worth beside colours: who wins, what is said, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from breastseg.decision.types import (
    COLOURS,
    OF_PATIENT,
    Typed,
    check_types,
    fit_head,
    judge,
    said,
)
from breastseg.errors import SplitError

NAMES = ("benign", "malignant")


def typed(seed: int, patients: int, *, features_know: bool, colours_know: bool) -> Typed:
    """Two images a patient; what knows the type shows it with little noise, what does not is
    noise."""
    rng = np.random.default_rng(seed)
    whose = np.repeat([f"P{number:02}" for number in range(patients)], 2)
    truth = np.repeat(np.arange(patients) % 2, 2)
    signal = np.eye(2)[truth]
    features = rng.normal(0, 0.3, (len(truth), 4))
    colours = rng.normal(0, 0.3, (len(truth), 6))
    if features_know:
        features[:, :2] += signal
    if colours_know:
        colours[:, :2] += signal
    regions = tuple(f"r{number}" for number in range(len(truth)))
    return Typed(regions, whose, truth, features, colours)


def judged(*, features_know: bool, colours_know: bool) -> dict:
    know = {"features_know": features_know, "colours_know": colours_know}
    taught = typed(0, 16, **know)
    head = fit_head(taught, 2)
    return judge(head.probabilities, taught, typed(1, 24, **know), NAMES)


def test_a_head_that_knows_more_than_colours_speaks() -> None:
    found = judged(features_know=True, colours_know=False)
    assert found["head"]["balanced_accuracy"] > 0.9
    assert found[COLOURS]["balanced_accuracy"] < 0.8
    assert found["speaks"]
    gain = found["head"]["balanced_accuracy"] - found[COLOURS]["balanced_accuracy"]
    assert found["better_than_colours"]["balanced_accuracy"] == pytest.approx(gain)
    assert "better than colours" in said(found, "val")
    assert "24 patients of val" in said(found, "val")


def test_a_head_that_colours_equal_keeps_silent() -> None:
    found = judged(features_know=True, colours_know=True)
    assert not found["speaks"]
    assert "keeps silent" in said(found, "val")


def test_the_colours_of_a_patient_are_the_mean_of_its_images() -> None:
    images = typed(2, 3, features_know=False, colours_know=True)
    mean = images.of_patient
    assert np.array_equal(mean[0], mean[1])
    assert mean[0] == pytest.approx((images.colours[0] + images.colours[1]) / 2)
    found = judged(features_know=False, colours_know=True)
    assert found[OF_PATIENT]["balanced_accuracy"] > 0.9
    assert found["head"]["balanced_accuracy"] < 0.8


class Table:
    """Of a data set what types are read from: its path, its regions and their types."""

    path = "data"

    def __init__(self, rows: dict[str, tuple[str, str]]) -> None:
        self.regions = pd.DataFrame.from_dict(rows, orient="index", columns=["patient", "type"])

    def typed(self, regions: list[str]) -> list[str]:
        return [region for region in regions if self.regions.at[region, "type"]]


@pytest.mark.parametrize(
    ("rows", "facts"),
    [
        ({"r1": ("A", ""), "r2": ("B", "")}, "no image of split 'val'.*--types"),
        ({"r1": ("A", "x"), "r2": ("A", "y")}, r"patient A has two types, x and y \(r2\)"),
        ({"r1": ("A", "x"), "r2": ("B", "x")}, r"'val' has patients of one type, x \(2 patients\)"),
    ],
)
def test_what_no_head_can_learn_from_is_refused(
    rows: dict[str, tuple[str, str]], facts: str
) -> None:
    with pytest.raises(SplitError, match=facts):
        check_types(Table(rows), list(rows), "val")  # type: ignore[arg-type]


def test_two_patients_of_two_types_are_enough() -> None:
    rows = {"r1": ("A", "x"), "r2": ("A", "x"), "r3": ("B", "y"), "r4": ("C", "")}
    check_types(Table(rows), list(rows), "val")  # type: ignore[arg-type]
