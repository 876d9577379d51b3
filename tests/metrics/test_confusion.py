"""Counts and scores: by hand, against torchmetrics, and the laws that make them add up."""

import math

import numpy as np
import pytest

import breastseg.networks.torchvision_ops  # noqa: F401  before torchmetrics

# isort: split
import sklearn.metrics
import torch
import torchmetrics.functional.classification as oracle
from PIL import Image

from breastseg.labels import BUILT_IN
from breastseg.metrics import class_scores, confusion_counts, dot_counts, dot_scores, overall_scores
from conftest import CROPS, DATA

SCORES = ("dice", "iou", "precision", "recall", "f1", "specificity", "accuracy")
TRUTH = np.array([[1, 1, 1, 2], [2, 2, 0, 0]], np.uint8)
PREDICTION = np.array([[1, 1, 2, 2], [2, 0, 1, 2]], np.uint8)


def random_labels(seed: int, shape: tuple[int, int], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and a prediction that is right about half the time; both hold every label, 0 too."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes + 1, shape, dtype=np.uint8)
    noise = rng.integers(0, classes + 1, shape, dtype=np.uint8)
    return truth, np.where(rng.random(shape) < 0.5, truth, noise).astype(np.uint8)


def test_counts_by_hand() -> None:
    counts = confusion_counts(TRUTH, PREDICTION, 3)
    assert counts.tolist() == [[0, 2, 1, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    assert counts.dtype == np.int64


def test_scores_by_hand() -> None:
    scores = class_scores(confusion_counts(TRUTH, PREDICTION, 3), ["a", "b", "c"])
    # a: 2 hits, 1 miss, 0 false; b: 2 hits, 1 miss (not analysed), 1 false; 6 annotated pixels
    a = {
        "dice": 4 / 5,
        "iou": 2 / 3,
        "precision": 1.0,
        "recall": 2 / 3,
        "f1": 4 / 5,
        "accuracy": 5 / 6,
    }
    b = {
        "dice": 4 / 6,
        "iou": 2 / 4,
        "precision": 2 / 3,
        "recall": 2 / 3,
        "f1": 4 / 6,
        "accuracy": 4 / 6,
    }
    a |= {"specificity": 3 / 3, "support_px": 3}
    b |= {"specificity": 2 / 3, "support_px": 3}
    assert scores["a"] == pytest.approx(a)
    assert scores["b"] == pytest.approx(b)


def test_overall_by_hand_leaves_out_the_class_without_support() -> None:
    overall = overall_scores(confusion_counts(TRUTH, PREDICTION, 3))
    chance = (3 * 2 + 3 * 3) / 36  # 2 pixels were named a, 3 b, 1 nothing
    wanted = {
        "accuracy": 4 / 6,
        "balanced_accuracy": 2 / 3,
        "kappa": (4 / 6 - chance) / (1 - chance),
        "mean_dice": (4 / 5 + 4 / 6) / 2,
    }
    assert overall == pytest.approx(
        {**wanted, "mean_iou": (2 / 3 + 1 / 2) / 2, "classes_present": 2, "support_px": 6}
    )


def test_what_is_predicted_where_nothing_is_annotated_changes_nothing() -> None:
    truth, prediction = random_labels(0, (40, 30), 5)
    other = np.where(truth == 0, np.uint8(4), prediction).astype(np.uint8)
    assert not np.array_equal(other, prediction)
    assert np.array_equal(confusion_counts(truth, prediction, 5), confusion_counts(truth, other, 5))
    assert confusion_counts(truth, prediction, 5).sum() == np.count_nonzero(truth)


def test_an_annotated_pixel_predicted_0_is_a_miss_of_its_class_alone() -> None:
    """A map that is mostly 'not analysed' must not score well on the few pixels it names."""
    truth = np.full((1, 10), 2, np.uint8)
    prediction = np.zeros((1, 10), np.uint8)
    prediction[0, :2] = 2
    counts = confusion_counts(truth, prediction, 2)
    assert counts[1].tolist() == [8, 0, 2]
    scores = class_scores(counts, ["a", "b"])["b"]
    assert (scores["recall"], scores["precision"], scores["dice"]) == (
        0.2,
        1.0,
        pytest.approx(4 / 12),
    )
    assert overall_scores(counts)["accuracy"] == 0.2


def test_a_class_without_support_is_nan_even_where_it_was_predicted() -> None:
    counts = confusion_counts(np.array([[1, 1]], np.uint8), np.array([[1, 3]], np.uint8), 3)
    for name in ("b", "c"):
        scores = class_scores(counts, ["a", "b", "c"])[name]
        assert scores["support_px"] == 0
        assert all(math.isnan(scores[key]) for key in SCORES)
    assert overall_scores(counts)["mean_dice"] == pytest.approx(2 / 3)
    assert overall_scores(counts)["classes_present"] == 1


def test_a_class_that_is_there_and_never_predicted_scores_0_without_precision() -> None:
    scores = class_scores(
        confusion_counts(np.array([[1, 2]], np.uint8), np.array([[1, 1]], np.uint8), 2), ["a", "b"]
    )["b"]
    assert (scores["dice"], scores["iou"], scores["recall"]) == (0, 0, 0)
    assert math.isnan(scores["precision"])


def test_nothing_annotated_scores_nan() -> None:
    overall = overall_scores(
        confusion_counts(np.zeros((3, 3), np.uint8), np.ones((3, 3), np.uint8), 2)
    )
    assert overall["support_px"] == overall["classes_present"] == 0
    assert all(
        math.isnan(overall[key])
        for key in ("accuracy", "balanced_accuracy", "kappa", "mean_dice", "mean_iou")
    )


def test_one_class_alone_has_no_specificity_and_no_kappa() -> None:
    """Nothing could have been taken for it, and chance would have named it right."""
    counts = confusion_counts(np.ones((2, 2), np.uint8), np.ones((2, 2), np.uint8), 2)
    assert math.isnan(class_scores(counts, ["a", "b"])["a"]["specificity"])
    assert math.isnan(overall_scores(counts)["kappa"])
    assert overall_scores(counts)["balanced_accuracy"] == 1


@pytest.mark.parametrize("classes", [1, 5, 21])
def test_counts_equal_torchmetrics(classes: int) -> None:
    truth, prediction = random_labels(classes, (64, 65), classes)
    expected = oracle.multiclass_confusion_matrix(
        torch.from_numpy(prediction).long(),
        torch.from_numpy(truth).long(),
        num_classes=classes + 1,
        ignore_index=0,
    )
    assert np.array_equal(confusion_counts(truth, prediction, classes), expected.numpy()[1:])


def real_pair(index: int) -> tuple[np.ndarray, np.ndarray]:
    """A real annotation, and itself moved by some pixels: its own classes in its own shapes."""
    mask = DATA / "bcss" / "masks" / CROPS[index].name
    truth = BUILT_IN["region5"].apply(np.asarray(Image.open(mask)), "mask")
    return truth, np.roll(truth, (9, -14), axis=(0, 1))


PAIRS = {
    "random": random_labels(5, (50, 70), 5),
    "few": random_labels(102, (50, 70), 2),
    **{str(k): real_pair(k) for k in range(3)},
}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("dice", oracle.multiclass_f1_score),
        ("f1", oracle.multiclass_f1_score),
        ("iou", oracle.multiclass_jaccard_index),
        ("precision", oracle.multiclass_precision),
        ("recall", oracle.multiclass_recall),
        ("specificity", oracle.multiclass_specificity),
    ],
)
@pytest.mark.parametrize("pair", PAIRS)
def test_scores_equal_torchmetrics(ours: str, theirs: object, pair: str) -> None:
    truth, prediction = PAIRS[pair]
    scores = class_scores(confusion_counts(truth, prediction, 5), list("abcde"))
    annotated = truth > 0  # torchmetrics gets the annotated pixels alone
    true, named = (torch.from_numpy(labels[annotated]).long() for labels in (truth, prediction))
    expected = theirs(named, true, num_classes=6, average="none")  # type: ignore[operator]
    present = sorted({*true.tolist()})
    assert len(present) >= 2
    assert [scores["abcde"[label - 1]][ours] for label in present] == pytest.approx(
        expected[present].tolist(), abs=1e-6
    )


@pytest.mark.parametrize("pair", PAIRS)
def test_scores_equal_scikit_learn(pair: str) -> None:
    truth, prediction = PAIRS[pair]
    counts, annotated = confusion_counts(truth, prediction, 5), truth > 0
    true, named = truth[annotated], prediction[annotated]
    present = sorted(set(true.tolist()))
    overall = overall_scores(counts)
    assert overall["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(true, named))
    assert overall["kappa"] == pytest.approx(sklearn.metrics.cohen_kappa_score(true, named))
    assert overall["balanced_accuracy"] == pytest.approx(
        sklearn.metrics.recall_score(true, named, labels=present, average="macro")
    )
    assert overall["mean_iou"] == pytest.approx(
        sklearn.metrics.jaccard_score(true, named, labels=present, average="macro")
    )
    assert overall["mean_dice"] == pytest.approx(
        sklearn.metrics.f1_score(true, named, labels=present, average="macro")
    )
    scores = list(class_scores(counts, list("abcde")).values())
    for label in present:
        wanted = sklearn.metrics.precision_recall_fscore_support(
            true, named, labels=[label], average=None
        )
        found = scores[label - 1]
        assert [
            found["precision"],
            found["recall"],
            found["dice"],
            found["support_px"],
        ] == pytest.approx([float(w[0]) for w in wanted])
        assert found["specificity"] == pytest.approx(
            sklearn.metrics.recall_score(true == label, named == label, pos_label=False)
        )
        assert found["accuracy"] == pytest.approx(
            sklearn.metrics.accuracy_score(true == label, named == label)
        )
        assert found["iou"] == pytest.approx(
            sklearn.metrics.jaccard_score(true == label, named == label)
        )


def test_overall_accuracy_equals_torchmetrics() -> None:
    truth, prediction = random_labels(9, (50, 70), 5)
    expected = oracle.multiclass_accuracy(
        torch.from_numpy(prediction).long(),
        torch.from_numpy(truth).long(),
        num_classes=6,
        average="micro",
        ignore_index=0,
    )
    assert overall_scores(confusion_counts(truth, prediction, 5))["accuracy"] == pytest.approx(
        expected.item(), abs=1e-6
    )


def test_counts_of_pieces_add_up_to_the_whole() -> None:
    truth, prediction = random_labels(11, (97, 61), 5)
    pieces = [
        confusion_counts(truth[y : y + 32, x : x + 17], prediction[y : y + 32, x : x + 17], 5)
        for y in range(0, 97, 32) for x in range(0, 61, 17)
    ]  # fmt: skip
    assert len(pieces) == 16
    assert np.array_equal(np.sum(pieces, axis=0), confusion_counts(truth, prediction, 5))


def test_253_classes_do_not_overflow() -> None:
    """The pair (253, 253) is number 64,515: 8- or 16-bit signed arithmetic would wrap."""
    label = np.full((2, 2), 253, np.uint8)
    counts = confusion_counts(label, label, 253)
    assert (counts[252, 253], counts.sum()) == (4, 4)


def test_sizes_must_agree() -> None:
    with pytest.raises(
        ValueError, match=r"truth is \(2, 3\), prediction \(3, 2\), wanted the same"
    ):
        confusion_counts(np.ones((2, 3), np.uint8), np.ones((3, 2), np.uint8), 1)


@pytest.mark.parametrize("which", ["truth", "prediction"])
def test_labels_beyond_the_classes_are_refused(which: str) -> None:
    arrays = {
        "truth": np.ones((2, 2), np.uint8),
        "prediction": np.ones((2, 2), np.uint8),
        which: np.full((2, 2), 4, np.uint8),
    }
    with pytest.raises(ValueError, match="labels go beyond 3 classes"):
        confusion_counts(arrays["truth"], arrays["prediction"], 3)


MAP = np.array([[1, 1, 2], [2, 0, 3]], np.uint8)
DOTS = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 2], [1, 1, 1], [2, 1, 0], [2, 0, 0]], np.int32)
"""Four dots of the first class: two right, one taken for the second, one not analysed; two of the
second: one right."""


def test_dots_by_hand() -> None:
    counts = dot_counts(DOTS, MAP, 3)
    assert counts.tolist() == [[1, 2, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    scores = dot_scores(counts, ["a", "b", "c"])
    assert scores["overall"] == {"balanced_accuracy": 0.5, "accuracy": 3 / 6, "support_dots": 6}
    assert scores["classes"]["a"] == {"accuracy": 2 / 4, "support_dots": 4}
    assert scores["classes"]["b"] == {"accuracy": 1 / 2, "support_dots": 2}
    assert math.isnan(scores["classes"]["c"]["accuracy"])
    assert scores["classes"]["c"]["support_dots"] == 0
    assert scores["counts"] == counts.tolist()


def test_balanced_accuracy_counts_every_class_alike() -> None:
    """99 of 99 and 0 of 1: accuracy 0.99 hides that a class is never found."""
    overall = dot_scores(np.array([[0, 99, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]), ["a", "b", "c"])[
        "overall"
    ]
    assert overall == {"balanced_accuracy": 0.5, "accuracy": 0.99, "support_dots": 100}


def test_balanced_accuracy_equals_torchmetrics() -> None:
    rng = np.random.default_rng(12)
    prediction = rng.integers(1, 6, (40, 50), dtype=np.uint8)
    y, x = rng.integers(0, 40, 500), rng.integers(0, 50, 500)
    label = np.where(
        rng.random(500) < 0.6, prediction[y, x], rng.choice([1, 1, 1, 2, 3, 4, 5], 500)
    )
    overall = dot_scores(
        dot_counts(np.stack([label, y, x], axis=1).astype(np.int32), prediction, 5), list("abcde")
    )["overall"]
    expected = oracle.multiclass_accuracy(
        torch.from_numpy(prediction[y, x]).long() - 1,
        torch.from_numpy(label).long() - 1,
        num_classes=5,
        average="macro",
    )
    assert overall["balanced_accuracy"] == pytest.approx(expected.item(), abs=1e-6)


def test_no_dots_no_score() -> None:
    counts = dot_counts(np.empty((0, 3), np.int32), MAP, 3)
    assert (counts.shape, counts.sum()) == ((3, 4), 0)
    overall = dot_scores(counts, ["a", "b", "c"])["overall"]
    assert math.isnan(overall["balanced_accuracy"])
    assert math.isnan(overall["accuracy"])
