"""Sums by patient and hospital, and intervals over patients: against plain loops, by laws, and
within their time."""

import math
import time

import numpy as np
import pytest

from breastseg.evaluation.figures import Intervals
from breastseg.evaluation.intervals import (
    NO_INTERVAL,
    dot_intervals,
    intervals,
    probability_intervals,
    region_intervals,
)
from breastseg.metrics import (
    ProbabilityCounts,
    Surface,
    bootstrap,
    bootstrap_difference,
    bootstrap_ratio,
    class_scores,
    overall_scores,
    surface_dice,
)
from breastseg.records import to_json
from patient_counts import drawn_one_by_one, patients

NAMES = ["a", "b", "c"]


def test_intervals_equal_a_plain_loop_over_draws() -> None:
    counts = patients(0, 7)
    found = bootstrap(counts, NAMES, draws=300, seed=5)
    pooled = [counts[rows].sum(axis=0) for rows in drawn_one_by_one(counts, 300, 5)]
    assert {len(rows) for rows in drawn_one_by_one(counts, 300, 5)} == {7}
    for score in ("accuracy", "balanced_accuracy", "kappa", "mean_dice", "mean_iou"):
        assert found["overall"][score] == pytest.approx(
            np.percentile([overall_scores(c)[score] for c in pooled], [2.5, 97.5])
        )
    for name in NAMES:
        for score in ("dice", "iou", "precision", "recall", "specificity", "accuracy"):
            values = [class_scores(c, NAMES)[name][score] for c in pooled]
            assert found["classes"][name][score] == pytest.approx(
                np.nanpercentile(values, [2.5, 97.5])
            ), (name, score)


def test_draws_without_a_class_are_left_out_of_its_interval() -> None:
    counts = patients(
        1, 5
    )  # the last class is in two of five patients: 8 % of the draws are without
    pooled = [counts[rows].sum(axis=0) for rows in drawn_one_by_one(counts, 1000, 3)]
    values = np.array([class_scores(c, NAMES)["c"]["dice"] for c in pooled])
    assert 20 < np.isnan(values).sum() < 200
    assert bootstrap(counts, NAMES, draws=1000, seed=3)["classes"]["c"]["dice"] == pytest.approx(
        np.nanpercentile(values, [2.5, 97.5])
    )


def test_the_interval_of_a_mean_has_the_textbook_width() -> None:
    """Patients of equal size: pooled accuracy is a mean, whose interval is 1.96 standard errors to
    each side."""
    rng = np.random.default_rng(2)
    right = rng.integers(400, 1000, 200)
    counts = np.zeros((200, 2, 3), np.int64)
    counts[:, 0, 1], counts[:, 0, 2] = right, 1000 - right
    low, high = bootstrap(counts, ["a", "b"])["overall"]["accuracy"]
    error = right.std() / 1000 / math.sqrt(200)
    assert (low + high) / 2 == pytest.approx(right.mean() / 1000, abs=0.1 * error)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_same_seed_same_intervals_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = patients(3, 9)
    whole = bootstrap(counts, NAMES, draws=500)
    monkeypatch.setattr("breastseg.metrics.intervals._CHUNK_VALUES", 70)
    assert bootstrap(counts, NAMES, draws=500) == whole
    assert bootstrap(counts, NAMES, draws=500, seed=43) != whole


def test_a_class_of_one_patient_has_no_interval() -> None:
    counts = patients(4, 6)
    counts[1:, 2] = 0
    counts[0, 2] = [1, 2, 3, 4]
    found = bootstrap(counts, NAMES, draws=100)["classes"]
    assert set(found["c"].values()) == {None}
    assert None not in found["a"].values()


def test_one_patient_alone_cannot_be_drawn_among() -> None:
    with pytest.raises(ValueError, match="1 patients: wanted two or more to draw among"):
        bootstrap(patients(5, 1), NAMES)


def test_the_difference_of_two_models_equals_a_plain_loop_over_pairs() -> None:
    one, other = patients(6, 8), patients(7, 8)
    other[..., 0] += one.sum(axis=2) - other.sum(
        axis=2
    )  # the same truth; what is missing was not analysed
    other = np.where(other < 0, 0, other)
    one[..., 0] += other.sum(axis=2) - one.sum(axis=2)
    assert np.array_equal(one.sum(axis=2), other.sum(axis=2))
    found = bootstrap_difference(one, other, NAMES, draws=200, seed=1)
    rows = drawn_one_by_one(one, 200, 1)
    values = [
        overall_scores(one[r].sum(axis=0))["mean_dice"]
        - overall_scores(other[r].sum(axis=0))["mean_dice"]
        for r in rows
    ]
    assert found["overall"]["mean_dice"] == pytest.approx(np.percentile(values, [2.5, 97.5]))
    back = bootstrap_difference(other, one, NAMES, draws=200, seed=1)["classes"]["a"]["dice"]
    assert found["classes"]["a"]["dice"] == pytest.approx([-back[1], -back[0]])


def test_pairs_see_a_small_steady_gain_that_single_intervals_hide() -> None:
    """Patients differ by far more than the models do; one percent better on every patient is a
    difference all the same."""
    rng = np.random.default_rng(8)
    one = np.zeros((30, 2, 3), np.int64)
    one[:, 0, 1] = rng.integers(300, 900, 30)
    one[:, 0, 2] = 1000 - one[:, 0, 1]
    other = one + np.array([[0, -10, 10], [0, 0, 0]])
    alone, worse = (bootstrap(counts, ["a", "b"])["overall"]["accuracy"] for counts in (one, other))
    assert alone[0] < worse[1]  # they overlap
    assert bootstrap_difference(one, other, ["a", "b"])["overall"]["accuracy"] == pytest.approx(
        [0.01, 0.01]
    )


def test_two_models_must_have_seen_the_same_truth() -> None:
    with pytest.raises(
        ValueError, match="other truth; wanted the same patients and the same pixels"
    ):
        bootstrap_difference(patients(9, 4), patients(10, 4), NAMES)


def test_ten_thousand_draws_of_151_patients_and_21_classes_within_5_seconds() -> None:
    counts = patients(11, 151, 21)
    begun = time.process_time()
    bootstrap(counts, [str(k) for k in range(21)])
    assert time.process_time() - begun < 5


def test_intervals_of_ratios_equal_a_plain_loop_over_draws() -> None:
    """A draw that has nothing of what is needed has no value, whatever its whole; nor has a column
    that one patient alone has."""
    rng = np.random.default_rng(15)
    part, whole, needed = (
        rng.random((6, 4)),
        1 + rng.random((6, 4)),
        rng.integers(0, 2, (6, 4)).astype(float),
    )
    needed[:, 0], needed[:, 1], needed[:, 2] = 1, [1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]
    found = bootstrap_ratio(part, whole, needed, draws=400, seed=7)
    drawn = drawn_one_by_one(part, 400, 7)
    for k in (0, 2, 3):
        values = [
            part[rows, k].sum() / whole[rows, k].sum() if needed[rows, k].any() else np.nan
            for rows in drawn
        ]
        assert found[k] == pytest.approx(np.nanpercentile(values, [2.5, 97.5]))
    assert found[1] is None


def probabilities(seed: int) -> ProbabilityCounts:
    """Counts of one patient: random probabilities of three classes; patients of an odd seed lack
    the last class."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4 - seed % 2, (20, 30), dtype=np.uint8)
    scores = rng.random((3, 20, 30)) + (truth == np.arange(1, 4)[:, None, None])
    scores = (scores / scores.sum(axis=0)).astype(np.float32)
    counts = ProbabilityCounts(3)
    counts.add(scores, (scores.argmax(axis=0) + 1).astype(np.uint8), truth)
    return counts


def test_intervals_of_auc_and_calibration_equal_a_plain_loop_over_draws() -> None:
    people = [probabilities(seed) for seed in range(6)]
    found = ProbabilityCounts.bootstrap(people, NAMES, draws=200, seed=9)
    pooled = [
        ProbabilityCounts.total([people[i] for i in rows])
        for rows in drawn_one_by_one(np.zeros((6, 1)), 200, 9)
    ]
    areas = np.array([one.auc()[0] for one in pooled])
    assert found["ece"] == pytest.approx(np.percentile([one.ece() for one in pooled], [2.5, 97.5]))
    for k, name in enumerate(NAMES):
        assert found["classes"][name]["auc"] == pytest.approx(
            np.nanpercentile(areas[:, k], [2.5, 97.5])
        )
    assert found["mean_auc"] == pytest.approx(np.percentile(np.nanmean(areas, axis=1), [2.5, 97.5]))
    assert ProbabilityCounts.bootstrap(people[:2], NAMES, draws=50)["classes"]["c"] == {
        "auc": None
    }  # one of the two has it
    with pytest.raises(ValueError, match="1 patients: wanted two or more to draw among"):
        ProbabilityCounts.bootstrap(people[:1], NAMES)


def test_all_intervals_of_151_patients_and_21_classes_within_5_seconds() -> None:
    rng, names, people = (
        np.random.default_rng(17),
        [str(k) for k in range(21)],
        [f"p{k:03}" for k in range(151)],
    )
    counts, borders = (
        patients(18, 151, 21),
        [Surface(rng.integers(1, 1000, (21, 4)), rng.random(21)) for _ in people],
    )
    seen, scores = {}, rng.dirichlet(np.ones(21), (40, 40)).transpose(2, 0, 1).astype(np.float32)
    for person in people:
        seen[person] = ProbabilityCounts(21)
        seen[person].add(
            scores,
            (scores.argmax(axis=0) + 1).astype(np.uint8),
            rng.integers(1, 22, (40, 40), dtype=np.uint8),
        )
    begun = time.process_time()
    by_patient = dict(zip(people, counts, strict=True))
    intervals(by_patient, names)
    dot_intervals(by_patient, names)
    region_intervals(counts, people, borders, names)
    assert to_json(probability_intervals(seen, names))["classes"]["3"]["auc"] is not None
    assert time.process_time() - begun < 5


def test_intervals_of_borders_equal_a_plain_loop_over_draws() -> None:
    rng, people = np.random.default_rng(19), ["p", "q", "r", "r", "s"]
    borders = rng.integers(0, 50, (5, 3, 4))
    borders[:4, 2, :2] = 0  # a border in one patient's truth alone
    hd95 = rng.random((5, 3)) * 30
    hd95[0, 1] = np.nan
    surfaces = [Surface(count, far) for count, far in zip(borders, hd95, strict=True)]
    both = region_intervals(patients(20, 5), people, surfaces, NAMES)
    assert both is not None
    found = both[1]
    regions = [[0], [1], [2, 3], [4]]
    drawn = [
        [k for i in rows for k in regions[i]]
        for rows in drawn_one_by_one(np.zeros((4, 1)), 10_000, 42)
    ]
    for k, name in enumerate(NAMES[:2]):
        pooled = [surface_dice(borders[rows].sum(axis=0))[k] for rows in drawn]
        assert found[name]["surface_dice"] == pytest.approx(np.percentile(pooled, [2.5, 97.5]))
        known = [[far for far in hd95[rows, k] if far == far] for rows in drawn]
        assert found[name]["region_hd95_um"] == pytest.approx(
            np.percentile([np.mean(far) for far in known if far], [2.5, 97.5])
        )
    assert found["c"]["surface_dice"] is None
    assert region_intervals(patients(21, 2), ["p", "p"], surfaces[:2], NAMES) is None


def test_intervals_of_dots_are_those_of_their_shares() -> None:
    by_patient = {str(k): found for k, found in enumerate(patients(22, 6))}
    found, whole = (
        to_json(dot_intervals(by_patient, NAMES)),
        bootstrap(np.array(list(by_patient.values())), NAMES),
    )
    assert found["overall"] == {
        score: whole["overall"][score] for score in ("balanced_accuracy", "accuracy")
    }
    assert found["classes"] == {
        name: {"accuracy": whole["classes"][name]["recall"]} for name in NAMES
    }
    assert dot_intervals({"p": by_patient["1"]}, NAMES) == Intervals(patients=1, note=NO_INTERVAL)
