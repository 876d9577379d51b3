"""AUC and calibration from counts: against scikit-learn and torchmetrics, on random scores and on a
network's of real crops."""

import math

import numpy as np
import pytest

import breastseg.networks.torchvision_ops  # noqa: F401  before torchmetrics

# isort: split
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from torchmetrics.functional.classification import multiclass_calibration_error

from breastseg.bundles.bundle import Bundle
from breastseg.labels import BUILT_IN
from breastseg.metrics import ProbabilityCounts
from breastseg.runners import load_runner
from breastseg.runners.runner import likeliest
from conftest import CROPS, DATA, crop

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def random_scores(seed: int, classes: int = 5) -> Arrays:
    """Probabilities that know something of the truth, labels and truth with some pixels not
    annotated."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes + 1, (60, 80), dtype=np.uint8)
    logits = rng.normal(0, 2, (classes, 60, 80)) + 1.5 * (
        truth == np.arange(1, classes + 1)[:, None, None]
    )
    found = np.exp(logits) / np.exp(logits).sum(axis=0)
    scores = found.astype(np.float32)
    return scores, likeliest(scores[None])[0], truth


@pytest.fixture(scope="module")
def network_scores(lively_bundle: Bundle) -> Arrays:
    """A network's probabilities of a real crop, and its annotation."""
    truth = BUILT_IN["region5"].apply(
        np.asarray(Image.open(DATA / "bcss" / "masks" / CROPS[0].name)), "mask"
    )
    height, width = (side // 32 * 32 for side in truth.shape)
    scores = load_runner(lively_bundle, "onnx", threads=1).probabilities(
        crop(0)[None, :height, :width]
    )
    return scores[0], likeliest(scores)[0], truth[:height, :width]


def counted(arrays: Arrays) -> ProbabilityCounts:
    counts = ProbabilityCounts(len(arrays[0]))
    counts.add(*arrays)
    return counts


def agrees_with_scikit_learn(arrays: Arrays) -> int:
    """Compare the AUC of every class; return of how many there is one."""
    scores, _, truth = arrays
    area, bound = counted(arrays).auc()
    known = truth > 0
    present = [k for k in range(len(scores)) if 0 < (truth[known] == k + 1).mean() < 1]
    for k in present:
        exact = roc_auc_score(truth[known] == k + 1, scores[k][known])
        assert abs(area[k] - exact) <= bound[k] + 1e-12
    return len(present)


def test_auc_of_random_scores_is_within_its_own_bound_of_scikit_learns() -> None:
    assert agrees_with_scikit_learn(random_scores(0)) == 5
    assert (counted(random_scores(0)).auc()[1] < 0.005).all()


def test_auc_of_a_network_on_a_real_crop_is_within_its_own_bound_of_scikit_learns(
    network_scores: Arrays,
) -> None:
    assert agrees_with_scikit_learn(network_scores) >= 2


def test_auc_of_scores_on_the_bins_grid_is_exact() -> None:
    """Where equal bins mean equal scores, ties count half here and there, and nothing is left to be
    off."""
    scores, labels, truth = random_scores(1)
    coarse = ((np.floor(scores * 20) + 0.5) / 20).astype(np.float32)
    area, _ = counted((coarse, labels, truth)).auc()
    known = truth > 0
    assert area == pytest.approx(
        [roc_auc_score(truth[known] == k + 1, coarse[k][known]) for k in range(5)], abs=1e-12
    )


@pytest.mark.parametrize("seed", [2, 3])
def test_calibration_error_equals_torchmetrics(seed: int) -> None:
    agrees_with_torchmetrics(random_scores(seed))


def test_calibration_error_of_a_network_on_a_real_crop_equals_torchmetrics(
    network_scores: Arrays,
) -> None:
    agrees_with_torchmetrics(network_scores)


def agrees_with_torchmetrics(arrays: Arrays) -> None:
    scores, _, truth = arrays
    known = truth > 0
    expected = multiclass_calibration_error(
        torch.from_numpy(scores[:, known].T.copy()),
        torch.from_numpy(truth[known]).long() - 1,
        num_classes=len(scores),
        n_bins=15,
    )
    assert counted(arrays).ece() == pytest.approx(expected.item(), abs=1e-5)


def test_the_table_adds_up() -> None:
    arrays = random_scores(4)
    rows = counted(arrays).reliability()
    known = arrays[2] > 0
    assert sum(row["pixels"] for row in rows) == known.sum()
    assert sum(row["pixels"] * row["accuracy"] for row in rows) == pytest.approx(
        (arrays[1] == arrays[2])[known].sum()
    )
    assert sum(row["pixels"] * row["confidence"] for row in rows) == pytest.approx(
        arrays[0].max(axis=0)[known].sum(), rel=1e-5
    )
    assert all(row["from"] <= row["confidence"] <= row["to"] for row in rows)


def test_counts_of_pieces_are_those_of_the_whole() -> None:
    scores, labels, truth = random_scores(5)
    pieces = ProbabilityCounts(5)
    for rows in (np.s_[:7], np.s_[7:8], np.s_[8:]):
        pieces.add(scores[:, rows], labels[rows], truth[rows])
    whole = counted((scores, labels, truth))
    assert np.array_equal(pieces.auc()[0], whole.auc()[0])
    assert pieces.ece() == pytest.approx(whole.ece())


def test_what_is_not_annotated_changes_nothing() -> None:
    scores, labels, truth = random_scores(6)
    other = scores.copy()
    other[:, truth == 0] = 1 / 5
    assert np.array_equal(
        counted((scores, labels, truth)).auc()[0], counted((other, labels, truth)).auc()[0]
    )
    empty = counted((scores, labels, np.zeros_like(truth)))
    assert math.isnan(empty.ece())
    assert np.isnan(empty.auc()).all()
    assert empty.reliability() == []


def test_a_class_without_truth_and_a_class_without_others_have_no_auc() -> None:
    scores, labels, _ = random_scores(7)
    area, bound = counted((scores, labels, np.full(labels.shape, 2, np.uint8))).auc()
    assert np.isnan(area).all()
    assert np.isnan(bound).all()


def test_the_sure_and_right_are_perfect() -> None:
    truth = np.array([[1, 2, 2, 1]], np.uint8)
    scores = np.stack([truth == 1, truth == 2]).astype(np.float32)
    found = counted((scores, truth, truth))
    assert found.auc()[0].tolist() == [1, 1]
    assert found.ece() == 0


@pytest.mark.parametrize("wrong", [math.nan, -0.1, 1.2, math.inf])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    scores, labels, truth = random_scores(8)
    scores[3, 5, 5], truth[5, 5] = wrong, 1
    with pytest.raises(ValueError, match=r"probabilities are .* wanted 0 to 1"):
        counted((scores, labels, truth))
