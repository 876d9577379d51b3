"""Pictures that are there twice: a hash of what is darker than its neighbour, and near neighbours
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
    """Return a picture's hash as it lies, and as it lies turned and mirrored.

    The picture is shrunk to 17 x 17 grey cells; 256 bits say which of two neighbours in a row is
    darker.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (8, 4) uint64; the first row as it lies.
    """
    step = max(1, min(pixels.shape[:2]) // _ENOUGH_PX)
    thinned = np.ascontiguousarray(pixels[::step, ::step])
    grey = cv2.cvtColor(thinned, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.resize(grey, (_SIDE + 1, _SIDE + 1), interpolation=cv2.INTER_AREA)
    bits_of_turns = []
    for side in (grey, grey[:, ::-1]):
        for turns in range(4):
            cells = np.rot90(side, turns)
            bits_of_turns.append(cells[:_SIDE, 1:] > cells[:_SIDE, :-1])
    bits = np.stack(bits_of_turns)  # (8, 16, 16)
    return np.packbits(bits.reshape(8, -1), axis=1).view(np.uint64)


def near_pairs(hashes: Hashes, bits: int = NEAR_BITS) -> Iterator[tuple[int, int, int]]:
    """Find pictures that are nearly the same, also turned or mirrored.

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
        # (block, rest): images before the block were compared with it already.
        nearest = np.full((len(block), len(lying) - start), bits + 1, np.uint16)
        for turn in range(hashes.shape[1]):
            _lower(nearest, block, np.ascontiguousarray(hashes[start:, turn]))
        for i, j in np.argwhere(nearest <= bits):
            if i < j:
                yield start + int(i), start + int(j), int(nearest[i, j])


def _lower(nearest: npt.NDArray[np.uint16], some: Hashes, others: Hashes) -> None:
    """Lower `nearest` (A, B) to the Hamming distances of (A, 4) and (B, 4) hashes; half of the bits
    tell nearly all pairs apart."""
    # Two of the four words of 64 bits; a pair that differs in too many of these needs no more.
    half = np.bitwise_count(some[:, None, 0] ^ others[None, :, 0])
    half = half + np.bitwise_count(some[:, None, 2] ^ others[None, :, 2])
    rows, columns = np.nonzero(half < nearest)
    distances = np.bitwise_count(some[rows] ^ others[columns]).sum(axis=1, dtype=np.uint16)
    nearest[rows, columns] = np.minimum(nearest[rows, columns], distances)


def duplicates(
    data: Dataset, hashes: Hashes, comparable: npt.NDArray[np.bool_], splits: list[Split]
) -> Iterator[Finding]:
    """Yield findings for pictures that are nearly the same: in two parts of a split, of two
    patients, or twice in one part.

    Args:
        data: the data set.
        hashes: (N, 8, 4) in the order of its regions.
        comparable: (N,) whether a picture shows enough to be told from others.
        splits: its splits.
    """
    names = [str(name) for name in data.regions.index]
    patients = list(data.regions["patient"])
    which = np.flatnonzero(comparable)
    pairs = []
    for i, j, bits in islice(near_pairs(hashes[which]), MAX_PAIRS):
        pairs.append((int(which[i]), int(which[j]), bits))
    left = pairs
    for split in splits:
        parts = split.parts()
        apart = []
        for pair in pairs:
            one = parts.get(names[pair[0]], set())
            other = parts.get(names[pair[1]], set())
            if len(one | other) > 1:
                apart.append(pair)
        # A pair that a split parts is told once, as the worst that is known of it.
        told = {*apart}
        left = [pair for pair in left if pair not in told]
        yield from _told(
            split.severity,
            f"in different parts of {split.name}",
            names,
            apart,
            "keep one of each pair, then split again",
        )
    strangers = [pair for pair in left if patients[pair[0]] != patients[pair[1]]]
    again = [pair for pair in left if patients[pair[0]] == patients[pair[1]]]
    yield from _told(
        "warning",
        "under the names of different patients",
        names,
        strangers,
        "find out whose picture it is, keep one",
    )
    yield from _told(
        "note",
        "of one patient and one part",
        names,
        again,
        "keep one: it counts twice in training and scores",
    )


def _told(
    severity: str, where: str, names: list[str], pairs: list[tuple[int, int, int]], advice: str
) -> Iterator[Finding]:
    if not pairs:
        return
    shown = [f"{names[i]} + {names[j]} ({bits} bits)" for i, j, bits in pairs[:SHOWN]]
    yield Finding(
        severity,
        "near-identical",
        f"{'at least ' if len(pairs) == MAX_PAIRS else ''}{counted(len(pairs), 'pair')} of nearly"
        f" the same pictures {where} (at most {NEAR_BITS} of 256 bits differ, also turned or"
        f" mirrored): {shown[0]}",
        advice,
        {"where": where, "pairs": len(pairs), "most_bits": NEAR_BITS, "names": shown},
    )
