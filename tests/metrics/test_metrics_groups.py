"""Counts summed by patient and averaged over regions: against plain loops."""

import math

import numpy as np
import pytest

from breastseg.metrics import (
    class_scores,
    overall_scores,
    region_mean_intervals,
    region_means,
    summed_by,
    supports,
)
from patient_counts import drawn_one_by_one, patients

NAMES = ["a", "b", "c"]


def test_sums_by_group_add_up() -> None:
    counts, groups = patients(12, 5), ["z", "a", "z", "m", "a"]
    found = summed_by(counts, groups)
    assert list(found) == ["a", "m", "z"]
    assert np.array_equal(found["z"], counts[0] + counts[2])
    assert np.array_equal(sum(found.values()), counts.sum(axis=0))


def test_means_over_regions_leave_out_regions_without_the_class() -> None:
    counts = patients(13, 4)
    means = region_means(counts, NAMES)
    by_region = [class_scores(c, NAMES) for c in counts]
    assert means["classes"]["a"]["dice"] == pytest.approx(
        np.mean([s["a"]["dice"] for s in by_region])
    )
    assert means["classes"]["c"]["dice"] == pytest.approx(
        np.mean([by_region[1]["c"]["dice"], by_region[3]["c"]["dice"]])
    )
    assert means["overall"]["kappa"] == pytest.approx(
        np.mean([overall_scores(c)["kappa"] for c in counts])
    )
    counts[:, 2] = 0
    assert math.isnan(region_means(counts, NAMES)["classes"]["c"]["dice"])


def test_support_in_regions_and_patients() -> None:
    counts = patients(14, 4)  # the last class is in regions 1 and 3
    regions, people = supports(counts, ["p", "q", "p", "q"])
    assert (regions.tolist(), people.tolist()) == ([4, 4, 2], [2, 2, 1])


def test_intervals_of_means_over_regions_equal_a_plain_loop_over_draws() -> None:
    counts, people = patients(16, 9), ["p", "q", "p", "r", "s", "s", "s", "t", "t"]
    found = region_mean_intervals(counts, people, NAMES)
    regions = [
        [k for k, person in enumerate(people) if person == name] for name in sorted(set(people))
    ]
    drawn = [
        [k for i in rows for k in regions[i]]
        for rows in drawn_one_by_one(np.zeros((5, 1)), 10_000, 42)
    ]
    dice = np.array(
        [
            [scores[name]["dice"] for name in NAMES]
            for scores in (class_scores(c, NAMES) for c in counts)
        ]
    )
    kappa = np.array([overall_scores(c)["kappa"] for c in counts])
    assert found["overall"]["kappa"] == pytest.approx(
        np.percentile([kappa[rows].mean() for rows in drawn], [2.5, 97.5])
    )
    for k, name in enumerate(NAMES):
        with np.errstate(invalid="ignore"):
            means = [np.nansum(dice[rows, k]) / np.isfinite(dice[rows, k]).sum() for rows in drawn]
        assert found["classes"][name]["dice"] == pytest.approx(
            np.nanpercentile(means, [2.5, 97.5])
        ), name
