"""Copies of one image, turned, mirrored or shifted a little: found by hashes of 8 orientations.

A hash has 63 bits: the signs of the lowest cosines. Candidates, whose hashes are alike in some
orientation, are compared by their fine structure; breasts alike in outline alone are none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.studies.rgu_net.crops import TURNS, turned
from breastseg.studies.rois.audit.items import THUMBNAIL_PX, Thumbnails

Hashes = npt.NDArray[np.uint64]

_HASH_PX, _BITS = 32, 8
_NEAR_BITS = 16  # of 63 may differ: two images of chance differ in half of them
_FINE, _COARSE = 1.0, 4.0
"""Deviations of two blurs; between them lies the structure that is compared, in pixels of 64."""
_MARGIN_PX = 8  # how far a copy may be shifted, in pixels of 64
_ALIKE = 0.9
_CHUNK = 256  # rows of the comparison of all with all, which is held in memory
_MOST_CANDIDATES = 400_000


@dataclass(frozen=True)
class Copy:
    """Two images that are one.

    Attributes:
        one: place of the first.
        other: place of the second.
        turn: 0, or the orientation (1 to 7) in which the second is the first.
    """

    one: int
    other: int
    turn: int


def find_copies(small: Thumbnails) -> list[Copy]:
    """Return pairs of images that are copies, by places, each pair once.

    Args:
        small: (N, 64, 64) thumbnails.
    """
    structure = np.zeros_like(small)  # (N, 64, 64)
    for place, grey in enumerate(small):
        structure[place] = _structure(grey)
    # An image without structure is like every other one.
    values = structure.reshape(len(structure), -1)
    flat = values.std(axis=1) < 1e-5  # (N,)
    pairs: dict[tuple[int, int], Copy] = {}
    compared = 0
    for first, second, turn in _candidates(small):
        if flat[first] or flat[second] or (first, second) in pairs:
            continue
        compared += 1
        if compared > _MOST_CANDIDATES:
            break
        if _likeness(structure[first], structure[second], turn) >= _ALIKE:
            pairs[first, second] = Copy(first, second, turn)
    return sorted(pairs.values(), key=lambda copy: (copy.one, copy.other))


def _structure(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return fine structure; 0 near what is black, so that a border that was cut is none."""
    fine = cv2.GaussianBlur(grey, (0, 0), _FINE)
    coarse = cv2.GaussianBlur(grey, (0, 0), _COARSE)
    structure = fine - coarse
    shown = (grey > 0).astype(np.uint8)
    # Padded with 1: the edge of the image itself is no black border.
    padded = np.pad(shown, 1, constant_values=1)
    distance_px = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    # Two deviations away from black, the coarse blur has nearly nothing of it.
    is_far = distance_px[1:-1, 1:-1] > 2 * _COARSE
    return np.where(is_far, structure, 0).astype(np.float32)


def hashes(small: Thumbnails) -> Hashes:
    """Return the hash of each image, (N,)."""
    numbers = np.zeros(len(small), np.uint64)
    for place, grey in enumerate(small):
        tiny = cv2.resize(grey, (_HASH_PX, _HASH_PX), interpolation=cv2.INTER_AREA)
        lowest = cv2.dct(tiny)[:_BITS, :_BITS]
        low = lowest.ravel()[1:]  # (63,): without the mean
        bits = (low > np.median(low)).astype(np.uint8)
        digits = "".join(map(str, bits))
        numbers[place] = int(digits, 2)
    return numbers


def _candidates(small: Thumbnails) -> Iterator[tuple[int, int, int]]:
    """Yield (one, other, turn) with alike hashes; one < other."""
    plain = hashes(small)  # (N,)
    for turn in range(TURNS):
        other = plain
        if turn:
            other = hashes(np.asarray(turned(small, turn), np.float32))
        for start in range(0, len(plain), _CHUNK):
            chunk = plain[start : start + _CHUNK]
            # (chunk, N) bits that differ
            differing = chunk[:, None] ^ other[None, :]
            apart = np.bitwise_count(differing)
            rows, columns = np.nonzero(apart <= _NEAR_BITS)
            for row, column in zip(rows + start, columns, strict=True):
                # Each pair once: the turn of the one is undone by a turn of the other.
                if row < column:
                    yield int(row), int(column), turn


def _likeness(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], turn: int) -> float:
    """Return the correlation of the second, turned, with the first at the best small shift."""
    turned_other = np.asarray(turned(other, turn), np.float32)
    end = THUMBNAIL_PX - _MARGIN_PX
    middle = turned_other[_MARGIN_PX:end, _MARGIN_PX:end]  # (48, 48)
    if middle.std() < 1e-6:  # an even piece correlates with anything
        return 0.0
    # At all places of the middle in the first: (17, 17) correlations.
    correlations = cv2.matchTemplate(one, middle, cv2.TM_CCOEFF_NORMED)
    return float(correlations.max())
