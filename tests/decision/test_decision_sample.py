"""Samples of places: scores by hand, units by patient, parts put together."""

import numpy as np
import pytest

from breastseg.decision.sample import AREAS, DOTS, FIELDS, Sample, joined


def test_scores_by_hand() -> None:
    """Areas: class 0 has 3 px of which 2 are hit and one other px is called so: Dice 4 / 6."""
    sure = np.log(np.array([[0.9, 0.1], [0.1, 0.9]], np.float32))
    named = np.array([0, 0, 1, 0, 1, 1])
    truth = np.array([0, 0, 0, 1, 1, 1])
    sample = joined(
        [
            ((AREAS, "A"), sure[named], truth, np.ones(6)),
            ((DOTS, "A"), sure[named], truth, np.array([1.0, 1.0, 2.0, 1.0, 1.0, 1.0])),
            ((FIELDS, "B"), sure[named], np.zeros(6, np.intp), np.full(6, 1 / 6)),
        ]
    )
    scores = sample.scores(np.zeros(2))
    assert scores.tolist() == pytest.approx([2 / 3, (2 / 4 + 2 / 3) / 2, 1 - 3 / 6])
    assert sample.means(scores) == {AREAS: scores[0], DOTS: scores[1], FIELDS: scores[2]}


def two_patients() -> Sample:
    """Areas of A in two regions, dots of B, and a field of B that is without the third class."""
    logs = np.log(np.full((2, 3), 1 / 3, np.float32))
    return joined(
        [
            ((AREAS, "A"), logs, np.array([0, 1]), np.ones(2)),
            ((DOTS, "B"), logs, np.array([1, 1]), np.array([1.0, 2.0])),
            ((AREAS, "A"), logs, np.array([0, 0]), np.array([5.0, 7.0])),
            ((FIELDS, "B"), logs, np.array([2, 2]), np.array([0.5, 0.5])),
        ]
    )


def test_regions_of_one_patient_are_one_unit() -> None:
    sample = two_patients()
    assert sample.units == ((AREAS, "A"), (DOTS, "B"), (FIELDS, "B"))
    assert sample.unit.tolist() == [0, 0, 1, 1, 0, 0, 2, 2]
    assert sample.support.tolist() == [[13, 1, 0], [0, 3, 0], [0, 0, 1]]
    assert sample.patients == ("A", "B")
    assert sample.rows == {AREAS: [0], DOTS: [1], FIELDS: [2]}


def test_places_of_some_patients_keep_their_weights() -> None:
    of_b = two_patients().of(["B", "nobody"])
    assert of_b.units == ((DOTS, "B"), (FIELDS, "B"))
    assert of_b.unit.tolist() == [0, 0, 1, 1]
    assert of_b.weight.tolist() == [1, 2, 0.5, 0.5]
    assert of_b.support.tolist() == two_patients().support[1:].tolist()


def test_a_field_is_no_truth_of_the_class_that_it_lacks() -> None:
    sample = two_patients()
    assert sample.with_truth().tolist() == [0, 1]
    assert sample.with_truth(patients=2).tolist() == [1]
    assert sample.with_truth(patients=3).tolist() == []


def test_no_parts_are_no_sample() -> None:
    with pytest.raises(ValueError, match="concatenate"):
        joined([])


def test_a_bias_that_lifts_one_class_over_all_names_it_everywhere() -> None:
    sample = two_patients()
    scores = sample.scores(np.array([0.0, 0.0, 9.0]))
    assert scores.tolist() == [0, 0, 0]
    assert sample.scores(np.array([0.0, 9.0, 0.0])).tolist()[1:] == [1, 1]
