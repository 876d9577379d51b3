"""Places on a map: dots, boxes and discs, each with the class that most of its pixels have; and
what a place is not.

A place is a row of seven whole numbers: the label; 1 where the place is *not* of it, else 0; 1
where it is round, else 0; and the box of its pixels, top, left, bottom, right (the last two are one
past the last). A round place has the pixels of its box whose middles lie in the ellipse that
touches the box's sides. A dot has one pixel.

Counts of places have 2 K rows: a row a class, as `confusion_counts` has them, then a row for "not"
each class.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from breastseg.labels import NOT, Labels
from breastseg.metrics.confusion import Counts, confusion_counts

Places = npt.NDArray[np.int32]
"""(N, 7): label, is_not, is_round, top, left, bottom, right."""


def kinds_of(names: Sequence[str]) -> list[str]:
    """Return what the rows of counts of places are: the K classes, then "not CLASS" for each."""
    return [*names, *(f"{NOT}{name}" for name in names)]


def pixels_of(places: Places, width: int) -> Iterator[npt.NDArray[np.intp]]:
    """Yield the pixels of each place, as positions in the flat map of that width."""
    for _, _, is_round, top, left, bottom, right in places.tolist():
        rows, columns = np.ogrid[top:bottom, left:right]  # (h, 1) and (1, w)
        flat = rows * width + columns  # (h, w)
        if not is_round:
            yield flat.reshape(-1)
            continue
        # Middles of pixels in half axes of the ellipse: -1 and 1 are the sides of the box.
        y = (2 * rows + 1 - top - bottom) / (bottom - top)
        x = (2 * columns + 1 - left - right) / (right - left)
        is_inside = y * y + x * x <= 1
        yield flat[is_inside]


def labels_of(places: Places, prediction: Labels) -> Labels:
    """Return the label that most pixels of each place have, (N,) uint8; of equals the smallest, 0
    is "not analysed".

    Args:
        places: inside the map.
        prediction: (H, W) uint8 labels.
    """
    flat = prediction.reshape(-1)
    labels = np.empty(len(places), np.uint8)
    height = places[:, 5] - places[:, 3]
    width = places[:, 6] - places[:, 4]
    # Most places are dots of one pixel: all of them are read in one step.
    is_dot = (height == 1) & (width == 1)
    y, x = places[is_dot, 3], places[is_dot, 4]
    labels[is_dot] = prediction[y, x]
    wide = np.flatnonzero(~is_dot)
    pixels_of_wide = pixels_of(places[wide], prediction.shape[1])
    for number, pixels in zip(wide, pixels_of_wide, strict=True):
        # argmax() takes the first of equals, which is the smallest label.
        labels[number] = np.bincount(flat[pixels]).argmax()
    return labels


def place_counts(places: Places, prediction: Labels, classes: int) -> Counts:
    """Count places by what they are, or are not, and the label that most of their pixels have.

    Args:
        places: inside the map.
        prediction: (H, W) uint8 labels.
        classes: number of classes K.

    Returns:
        (2 K, K + 1) counts.
    """
    labels = labels_of(places, prediction)
    halves = []
    for is_not in (False, True):
        own = (places[:, 1] > 0) == is_not
        truth = places[own, 0].astype(np.uint8)
        # (N,) -> (1, N): places are counted like an image of one row.
        halves.append(confusion_counts(truth[None], labels[own][None], classes))
    return np.concatenate(halves)


def squared(counts: Counts) -> Counts:
    """Return (..., 2 K, K + 1) counts of places as those of 2 K classes, (..., 2 K, 2 K + 1).

    A place that is not of a class is right where the map says another class (0 is no class). It is
    then counted as its own row's class, and as "not analysed" where it is wrong. So shares, means
    and intervals of classes are computed for both alike.
    """
    classes = counts.shape[-2] // 2
    square = np.zeros((*counts.shape[:-1], 2 * classes + 1), np.int64)
    square[..., :classes, : classes + 1] = counts[..., :classes, :]
    for k in range(classes):
        row = counts[..., classes + k, :]  # (..., K + 1), places that are not class k
        wrong = row[..., 0] + row[..., k + 1]
        right = row.sum(axis=-1) - wrong
        square[..., classes + k, 0] = wrong
        square[..., classes + k, classes + k + 1] = right
    return square
