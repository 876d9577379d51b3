"""Copies of one picture, turned, mirrored or shifted a little: found by hashes of 8 orientations.

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
_NEAR_BITS = 16
_FINE, _COARSE = 1.0, 4.0
"""Deviations of two blurs; between them lies the structure that is compared, in pixels of 64."""
_MARGIN_PX = 8
_ALIKE = 0.9
_CHUNK = 256
_MOST_CANDIDATES = 400_000


@dataclass(frozen=True)
class Copy:
    """Two pictures that are one.

    Attributes:
        one: place of the first.
        other: place of the second.
        turn: 0, or the orientation (1 to 7) in which the second is the first.
    """

    one: int
    other: int
    turn: int


def find_copies(small: Thumbnails) -> list[Copy]:
    """Return pairs of pictures that are copies, by places, each pair once.

    Args:
        small: (N, 64, 64) thumbnails.
    """
    structure = np.stack([_structure(one) for one in small]) if len(small) else small
    flat = structure.reshape(len(structure), -1).std(axis=1) < 1e-5
    found: dict[tuple[int, int], Copy] = {}
    looked_at = 0
    for one, other, turn in _candidates(small):
        if flat[one] or flat[other] or (one, other) in found:
            continue
        looked_at += 1
        if looked_at > _MOST_CANDIDATES:
            break
        if _likeness(structure[one], structure[other], turn) >= _ALIKE:
            found[one, other] = Copy(one, other, turn)
    return sorted(found.values(), key=lambda copy: (copy.one, copy.other))


def _structure(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return fine structure; 0 near what is black, so that a border that was cut is none."""
    fine = cv2.GaussianBlur(grey, (0, 0), _FINE)
    structure = fine - cv2.GaussianBlur(grey, (0, 0), _COARSE)
    shown = (grey > 0).astype(np.uint8)
    far = cv2.distanceTransform(np.pad(shown, 1, constant_values=1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.where(far > 2 * _COARSE, structure, 0).astype(np.float32)


def hashes(small: Thumbnails) -> Hashes:
    """Return the hash of each picture, (N,)."""
    found = np.zeros(len(small), np.uint64)
    for place, grey in enumerate(small):
        tiny = cv2.resize(grey, (_HASH_PX, _HASH_PX), interpolation=cv2.INTER_AREA)
        low = cv2.dct(tiny)[:_BITS, :_BITS].ravel()[1:]  # without the mean
        bits = (low > np.median(low)).astype(np.uint8)
        found[place] = int("".join(map(str, bits)), 2)
    return found


def _candidates(small: Thumbnails) -> Iterator[tuple[int, int, int]]:
    """Yield (one, other, turn) with alike hashes; one < other."""
    plain = hashes(small)
    for turn in range(TURNS):
        other = hashes(np.asarray(turned(small, turn), np.float32)) if turn else plain
        for start in range(0, len(plain), _CHUNK):
            # (chunk, N) bits that differ
            apart = np.bitwise_count(plain[start : start + _CHUNK, None] ^ other[None, :])
            rows, columns = np.nonzero(apart <= _NEAR_BITS)
            for row, column in zip(rows + start, columns, strict=True):
                if row < column:
                    yield int(row), int(column), turn


def _likeness(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], turn: int) -> float:
    """Return the correlation of the second, turned, with the first at the best small shift."""
    seen = np.asarray(turned(other, turn), np.float32)
    end = THUMBNAIL_PX - _MARGIN_PX
    middle = seen[_MARGIN_PX:end, _MARGIN_PX:end]
    if middle.std() < 1e-6:
        return 0.0
    return float(cv2.matchTemplate(one, middle, cv2.TM_CCOEFF_NORMED).max())
