"""Borders: by hand, against MONAI on random and real label images, and where the annotation
ends."""

import math

import cv2
import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from PIL import Image

from breastseg.labels import BUILT_IN
from breastseg.metrics import measure_surface, surface_dice
from breastseg.metrics.surface import border_errors, thinned
from conftest import DATA

MASKS = sorted((DATA / "bcss" / "masks").glob("*.png"))
CLASSES = 5


def framed(labels: np.ndarray) -> np.ndarray:
    """Give what is not annotated, and a frame, a class of its own: MONAI knows neither, and takes
    the image's edge for a border."""
    return np.pad(
        np.where(labels == 0, np.uint8(CLASSES + 1), labels), 3, constant_values=CLASSES + 1
    ).astype(np.uint8)


def blobs(seed: int) -> np.ndarray:
    """Smooth random areas of all classes, and some of none."""
    noise = np.random.default_rng(seed).random((CLASSES + 1, 90, 110), np.float32)
    return (
        np.stack([cv2.GaussianBlur(plane, (0, 0), 6) for plane in noise])
        .argmax(axis=0)
        .astype(np.uint8)
    )


def real(index: int) -> tuple[np.ndarray, np.ndarray]:
    """A real annotation, and itself moved, smoothed and with holes."""
    truth = BUILT_IN["region5"].apply(np.asarray(Image.open(MASKS[index])), "mask")
    moved = cv2.medianBlur(np.roll(truth, (5, -3), axis=(0, 1)), 9)
    return truth, np.where(
        np.random.default_rng(index).random(truth.shape) < 0.001, np.uint8(2), moved
    ).astype(np.uint8)


def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (blobs(1), blobs(2)),
        (blobs(3), np.roll(blobs(3), 2, axis=1)),
        *(real(index) for index in range(len(MASKS))),
    ]


def one_hot(labels: np.ndarray, classes: list[int]) -> torch.Tensor:
    return torch.from_numpy(np.stack([labels == k + 1 for k in classes])[None].astype(np.float32))


@pytest.mark.filterwarnings(
    "ignore:monai.metrics.utils get_mask_edges"
)  # MONAI warns of an argument that it gives itself
@pytest.mark.parametrize("number", range(2 + len(MASKS)))
def test_surface_dice_and_hd95_equal_monai(number: int) -> None:
    truth, prediction = (framed(labels) for labels in pairs()[number])
    ours = measure_surface(truth, prediction, CLASSES + 1, mpp=0.5, tolerance_um=2.0)
    both = [k for k in range(CLASSES) if ours.counts[k, 0] and ours.counts[k, 2]]
    assert len(both) >= 2
    theirs = one_hot(prediction, both), one_hot(truth, both)
    dice = compute_surface_dice(*theirs, [2.0] * len(both), include_background=True, spacing=0.5)
    hd95 = compute_hausdorff_distance(*theirs, include_background=True, percentile=95, spacing=0.5)
    assert surface_dice(ours.counts)[both] == pytest.approx(dice[0].numpy(), abs=1e-6)
    assert ours.hd95_um[both] == pytest.approx(hd95[0].numpy(), rel=1e-5)
    # neither all nor nothing agrees
    assert 0.01 < np.mean(surface_dice(ours.counts)[both]) < 0.999


def bars(column: int) -> np.ndarray:
    """The first class to the left of a column, the second to the right."""
    labels = np.full((20, 40), 2, np.uint8)
    labels[:, :column] = 1
    return labels


@pytest.mark.parametrize(("tolerance_um", "dice"), [(1.9, 0.0), (2.0, 1.0)])
def test_by_hand_a_border_moved_by_four_pixels(tolerance_um: float, dice: float) -> None:
    found = measure_surface(bars(10), bars(14), 2, mpp=0.5, tolerance_um=tolerance_um)
    assert found.counts[:, [0, 2]].tolist() == [
        [20, 20],
        [20, 20],
    ]  # one column a class: the image's edge is no border
    assert surface_dice(found.counts).tolist() == [dice, dice]
    assert found.hd95_um.tolist() == [2.0, 2.0]


def test_microns_not_pixels() -> None:
    fine = measure_surface(bars(10), bars(14), 2, mpp=0.5)
    coarse = measure_surface(bars(10), bars(14), 2, mpp=5.0)
    assert (fine.hd95_um[0], coarse.hd95_um[0]) == (2.0, 20.0)
    assert (surface_dice(fine.counts)[0], surface_dice(coarse.counts)[0]) == (1.0, 0.0)


def test_where_the_annotation_ends_is_no_border() -> None:
    """A gap in the annotation between two classes: nobody said where the border runs, so nothing is
    scored there."""
    truth = bars(10)
    truth[:, 8:12] = 0
    found = measure_surface(truth, bars(10), 2, mpp=1.0)
    assert found.counts.sum() == 0
    assert np.isnan(surface_dice(found.counts)).all()
    assert np.isnan(found.hd95_um).all()


def test_what_is_predicted_where_nothing_is_annotated_changes_nothing() -> None:
    truth, prediction = blobs(4), blobs(5)
    other = np.where(truth == 0, np.uint8(3), prediction).astype(np.uint8)
    assert not np.array_equal(other, prediction)
    one, two = (measure_surface(truth, p, CLASSES, mpp=1.0) for p in (prediction, other))
    assert one.counts.sum() > 1000
    assert np.array_equal(one.counts, two.counts)
    assert np.array_equal(one.hd95_um, two.hd95_um, equal_nan=True)


def test_a_class_that_was_missed_scores_0_and_has_no_distance() -> None:
    found = measure_surface(bars(10), np.full((20, 40), 2, np.uint8), 2, mpp=1.0)
    assert surface_dice(found.counts).tolist() == [0, 0]
    assert np.isnan(found.hd95_um).all()


def test_a_class_without_truth_has_no_score_and_its_false_border_counts_when_pooled() -> None:
    alone, false = (
        measure_surface(bars(10), bars(10), 3, mpp=1.0),
        measure_surface(bars(0), bars(10), 3, mpp=1.0),
    )
    assert math.isnan(surface_dice(false.counts)[0])
    assert surface_dice(alone.counts)[0] == 1
    assert surface_dice(alone.counts + false.counts)[0] == pytest.approx(40 / 60)


def test_not_analysed_is_a_border_too() -> None:
    prediction = bars(10)
    prediction[:, 30:] = 0
    assert measure_surface(bars(10), prediction, 2, mpp=1.0).counts[1].tolist() == [20, 20, 40, 20]


@pytest.mark.parametrize(("mpp", "step"), [(0.25, 4), (0.3, 3), (0.5, 2), (1.0, 1), (2.0, 1)])
def test_thinned_to_about_a_micron(mpp: float, step: int) -> None:
    labels = np.arange(240, dtype=np.uint8).reshape(12, 20)
    small, found = thinned(labels, mpp)
    assert found == pytest.approx(step * mpp)
    assert np.array_equal(small, labels[step // 2 :: step, step // 2 :: step])


def test_sizes_must_agree() -> None:
    with pytest.raises(
        ValueError, match=r"truth is \(2, 3\), prediction \(3, 2\), wanted the same"
    ):
        measure_surface(np.ones((2, 3), np.uint8), np.ones((3, 2), np.uint8), 1, mpp=1.0)


def test_errors_of_borders_are_distances_to_the_nearest_true_one() -> None:
    truth, named = blobs(1), blobs(2)
    surface = measure_surface(truth, named, CLASSES, mpp=0.5, tolerance_um=4)
    errors = border_errors(truth, named, CLASSES, mpp=0.5)
    for k, found in enumerate(errors):
        assert len(found) == surface.counts[k, 2]
        assert np.count_nonzero(found <= 4) == surface.counts[k, 3]


def test_a_border_that_truth_lacks_is_endlessly_far() -> None:
    truth, named = np.ones((20, 20), np.uint8), np.ones((20, 20), np.uint8)
    named[5:10, 5:10] = 2
    errors = border_errors(truth, named, 3, mpp=0.5)
    assert np.isinf(errors[0]).all()
    assert np.isinf(errors[1]).all()
    assert [len(found) for found in errors] == [20, 16, 0]
