"""Images that are there twice: a hash of what is darker than its neighbour, and near neighbours
by Hamming distance."""

from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.data.audit.findings import SHOWN, Finding
from breastseg.data.audit.leaks import Split
from breastseg.data.dataset import Dataset
from breastseg.images import Pixels
from breastseg.wording import counted

NEAR_BITS = 40
"""Most bits, of 256, in which copies differ. 507 tiles of 86 patients differ in 89 and more; copies
of them after JPEG at quality 30, at two fifths of the resolution, blurred by 1 um, recoloured, or
all of it and mirrored, in at most 26. Moved by 4 px of 224 a copy differs in about 37 bits: tiles
that overlap are found by their names."""
MAX_PAIRS = 100_000
"""Most pairs that are kept."""
_SIDE = 16
"""Cells a side; a hash has _SIDE ** 2 = 256 bits."""
_ENOUGH_PX = 1024
"""Pixels a side that are averaged into cells; of larger images every n-th is taken."""
_BLOCK = 256

Hashes: TypeAlias = npt.NDArray[np.uint64]


def difference_hashes(pixels: Pixels) -> Hashes:
    """Return an image's hash as it lies, and as it lies turned and mirrored.

    The image is shrunk to 17 x 17 grey cells; 256 bits say which of two neighbours in a row is
    darker.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (8, 4) uint64; the first row as it lies.
    """
    step = max(1, min(pixels.shape[:2]) // _ENOUGH_PX)
    thinned = np.ascontiguousarray(pixels[::step, ::step])
    grey = cv2.cvtColor(thinned, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Means over areas: a hash of single pixels would follow noise.
    grey = cv2.resize(grey, (_SIDE + 1, _SIDE + 1), interpolation=cv2.INTER_AREA)
    bits_of_turns = []
    for side in (grey, grey[:, ::-1]):
        for turns in range(4):
            cells = np.rot90(side, turns)  # (17, 17)
            bits_of_turns.append(cells[:_SIDE, 1:] > cells[:_SIDE, :-1])
    bits = np.stack(bits_of_turns)  # (8, 16, 16)
    # 256 bits -> 32 bytes -> 4 words of 64 bits
    return np.packbits(bits.reshape(8, -1), axis=1).view(np.uint64)


def near_pairs(hashes: Hashes, bits: int = NEAR_BITS) -> Iterator[tuple[int, int, int]]:
    """Find images that are nearly the same, also turned or mirrored.

    Every image is compared with every other, in blocks: memory grows with the number of images,
    time with its square.

    Args:
        hashes: (N, 8, 4) from `difference_hashes`.
        bits: most bits in which two may differ.

    Yields:
        (i, j, bits) with i < j, each pair once, at its smallest distance.
    """
    lying = np.ascontiguousarray(hashes[:, 0])
    for start in range(0, len(lying), _BLOCK):
        block = lying[start : start + _BLOCK]
        # Images before the block were compared with it already.
        shape = (len(block), len(lying) - start)
        nearest = np.full(shape, bits + 1, np.uint16)
        for turn in range(hashes.shape[1]):
            _lower(nearest, block, np.ascontiguousarray(hashes[start:, turn]))
        for i, j in np.argwhere(nearest <= bits):
            if i < j:
                yield start + int(i), start + int(j), int(nearest[i, j])


def _lower(nearest: npt.NDArray[np.uint16], some: Hashes, others: Hashes) -> None:
    """Lower `nearest` (A, B) to the Hamming distances of (A, 4) and (B, 4) hashes; half of the bits
    tell nearly all pairs apart."""
    # Two of the four words of 64 bits; a pair that differs in too many of these needs no more.
    half = np.bitwise_count(some[:, None, 0] ^ others[None, :, 0])  # (A, B)
    half = half + np.bitwise_count(some[:, None, 2] ^ others[None, :, 2])
    rows, columns = np.nonzero(half < nearest)
    differing = np.bitwise_count(some[rows] ^ others[columns])  # (pairs, 4) bits by word
    distances = differing.sum(axis=1, dtype=np.uint16)
    nearest[rows, columns] = np.minimum(nearest[rows, columns], distances)


def duplicates(
    data: Dataset, hashes: Hashes, comparable: npt.NDArray[np.bool_], splits: list[Split]
) -> Iterator[Finding]:
    """Yield findings for images that are nearly the same: in two parts of a split, of two
    patients, or twice in one part.

    Args:
        data: the data set.
        hashes: (N, 8, 4) in the order of its regions.
        comparable: (N,) whether an image shows enough to differ from others.
        splits: its splits.
    """
    names = [str(name) for name in data.regions.index]
    patients = list(data.regions["patient"])
    numbers = np.flatnonzero(comparable)
    pairs = []
    for i, j, bits in islice(near_pairs(hashes[numbers]), MAX_PAIRS):
        pairs.append((int(numbers[i]), int(numbers[j]), bits))
    rest = pairs
    for split in splits:
        parts = split.parts()
        parted = []
        for pair in pairs:
            one = parts.get(names[pair[0]], set())
            other = parts.get(names[pair[1]], set())
            if len(one | other) > 1:
                parted.append(pair)
        # A pair that a split parts is reported once, as the worst that is known of it.
        reported = {*parted}
        rest = [pair for pair in rest if pair not in reported]
        yield from _reported(
            split.severity,
            f"in different parts of {split.name}",
            names,
            parted,
            "keep one of each pair, then split again",
        )
    of_two_patients: list[tuple[int, int, int]] = []
    of_one_patient: list[tuple[int, int, int]] = []
    for pair in rest:
        is_same = patients[pair[0]] == patients[pair[1]]
        (of_one_patient if is_same else of_two_patients).append(pair)
    yield from _reported(
        "warning",
        "under the names of different patients",
        names,
        of_two_patients,
        "find out whose image it is, keep one",
    )
    yield from _reported(
        "note",
        "of one patient and one part",
        names,
        of_one_patient,
        "keep one: it counts twice in training and scores",
    )


def _reported(
    severity: str, where: str, names: list[str], pairs: list[tuple[int, int, int]], advice: str
) -> Iterator[Finding]:
    """Yield a finding for some pairs; nothing where there are none."""
    if not pairs:
        return
    shown = []
    for i, j, bits in pairs[:SHOWN]:
        shown.append(f"{names[i]} + {names[j]} ({bits} bits)")
    at_least = "at least " if len(pairs) == MAX_PAIRS else ""
    yield Finding(
        severity,
        "near-identical",
        f"{at_least}{counted(len(pairs), 'pair')} of nearly"
        f" the same images {where} (at most {NEAR_BITS} of 256 bits differ, also turned or"
        f" mirrored): {shown[0]}",
        advice,
        {"where": where, "pairs": len(pairs), "most_bits": NEAR_BITS, "names": shown},
    )
