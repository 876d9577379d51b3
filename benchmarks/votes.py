"""How well dots vote for the tissue around them: widths and limits compared. Prints a table.

    breastseg prepare BRCA_M2C --out data/dots --to-mpp 0.5 --labels region5
    python benchmarks/votes.py data/dots

"left out": each dot named by the others, its own vote and disc away: share that gets a label, share
of those that is right, and its mean over classes. "own": share of dots that all votes, their own
among them, name right. "labelled": share of the tissue. "tumour" and "stroma": shares of the tissue
voted so whose colours are those of this class / of the other, outside nuclei, where a field's
colours
part the two: a linear discriminant between what is 3 to 6.5 um from tumour dots and what is 5 to
16 um from stroma dots, each far from any other class. No field has dots and a dense annotation, so
this is the nearest to a truth of pixels. Discs are left aside.
"""

import argparse
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.votes import CLOSE
from breastseg.histology.white import smooth_white

CLASSES = ("tumor", "stroma", "inflammatory")
FAR_UM = 99.0
FEWEST_PX = 800
PARTED = 0.8
NUCLEUS_UM = 4.0

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Way:
    """Widths and limits by class, in the order of `CLASSES`."""

    widths_um: tuple[float, float, float]
    weak: tuple[float, float, float]
    close: float = CLOSE


WAYS = [
    *(Way((w, w, w), (0.1, 0.1, 0.1)) for w in (4.0, 5.0, 6.0, 7.0, 8.0, 10.0)),
    *(Way((w, w, w), (0.5, 0.5, 0.5)) for w in (6.0, 8.0)),
    Way((6.0, 8.0, 8.0), (0.1, 0.1, 0.1)),
    Way((6.0, 8.0, 6.0), (0.5, 0.1, 0.5)),
    *(Way((w, w, w), (0.5, 0.1, 0.5)) for w in (4.0, 5.0, 6.0, 7.0, 8.0, 10.0)),
    Way((6.0, 6.0, 6.0), (0.5, 0.1, 0.5), 0.5),
    Way((6.0, 6.0, 6.0), (0.5, 0.1, 0.5), 1.0),
]


@dataclass
class Field:
    """One field: places of its dots, their classes from 0, white places, what colours look like."""

    dots: npt.NDArray[np.int32]
    classes: npt.NDArray[np.int64]
    white: Bools
    like_tumor: Bools | None
    between: Bools


def read(data: Dataset, region: str) -> Field:
    rows = np.asarray(data.dots(region))
    labels = [data.label_map.names.index(name) + 1 for name in CLASSES]
    rows = rows[np.isin(rows[:, 0], labels)]
    classes = np.array([labels.index(label) for label in rows[:, 0]])
    pixels = np.asarray(data.image(region))
    white = smooth_white(pixels, data.mpp)
    away = np.stack([far(rows[classes == k, 1:], white.shape, data.mpp) for k in range(3)])
    return Field(
        rows[:, 1:],
        classes,
        white,
        parted(pixels, away, white),
        (away.min(axis=0) > NUCLEUS_UM) & ~white,
    )


def far(places: npt.NDArray[np.int32], shape: tuple[int, ...], mpp: float) -> Floats:
    """Return microns to the nearest place."""
    plane = np.ones(shape, np.uint8)
    plane[places[:, 0], places[:, 1]] = 0
    return (
        cv2.distanceTransform(plane, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * mpp
        if len(places)
        else np.full(shape, FAR_UM)
    )


def parted(pixels: npt.NDArray[np.uint8], away: Floats, white: Bools) -> Bools | None:
    """Return what looks like tumour rather than stroma; None where colours do not part them."""
    tumor, stroma, lymphocyte = away
    cytoplasm = (tumor > 3) & (tumor < 6.5) & (stroma > 14) & (lymphocyte > 10) & ~white
    matrix = (stroma > 5) & (stroma < 16) & (tumor > 16) & (lymphocyte > 12) & ~white
    if min(cytoplasm.sum(), matrix.sum()) < FEWEST_PX:
        return None
    density = -np.log(np.maximum(pixels, 1) / 255).astype(np.float32)
    near, wide = cv2.blur(density, (5, 5)), cv2.blur(density, (11, 11))
    rough = np.sqrt(np.maximum(cv2.blur(density * density, (11, 11)) - wide * wide, 0))
    features = np.concatenate([near, wide, rough], axis=2)
    one, other = features[cytoplasm], features[matrix]
    spread = np.cov(one.T) + np.cov(other.T) + 1e-5 * np.eye(features.shape[2])
    weights = np.linalg.solve(spread, one.mean(axis=0) - other.mean(axis=0))
    found = features @ weights > (one.mean(axis=0) + other.mean(axis=0)) @ weights / 2
    return found if (found[cytoplasm].mean() + (~found[matrix]).mean()) / 2 >= PARTED else None


def decide(sums: Floats, way: Way) -> tuple[npt.NDArray[np.int64], Bools]:
    """Return the winner of votes (3, ...) and where it is clear."""
    ordered = np.sort(sums, axis=0)
    winner = sums.argmax(axis=0)
    return winner, (ordered[2] >= np.array(way.weak)[winner]) & (
        ordered[1] < way.close * ordered[2]
    )


def at_dots(field: Field, way: Way, mpp: float) -> tuple[Floats, Floats]:
    """Return votes (3, N) at each dot, with its own and without."""
    places = field.dots * mpp
    squares = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    votes = np.stack(
        [
            np.exp(-squares[:, field.classes == k] / (2 * way.widths_um[k] ** 2)).sum(axis=1)
            for k in range(3)
        ]
    )
    return votes, votes - (field.classes == np.arange(3)[:, None])


def everywhere(field: Field, way: Way, mpp: float) -> Floats:
    """Return votes (3, H, W)."""
    found = []
    for k, width in enumerate(way.widths_um):
        plane = np.zeros(field.white.shape)
        np.add.at(plane, tuple(field.dots[field.classes == k].T), 1)
        reach = int(4.2 * width / mpp)
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * mpp / width) ** 2)
        found.append(
            cv2.sepFilter2D(plane, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
        )
    return np.stack(found)


def row(fields: list[Field], way: Way, mpp: float) -> str:
    own, left, clear, classes, areas = [], [], [], [], np.zeros(7)
    for field in fields:
        with_own, without = at_dots(field, way, mpp)
        winner, is_clear = decide(with_own, way)
        own.append((winner == field.classes) & is_clear)
        winner, is_clear = decide(without, way)
        left.append(winner == field.classes)
        clear.append(is_clear)
        classes.append(field.classes)
        winner, is_clear = decide(everywhere(field, way, mpp), way)
        is_clear &= ~field.white
        areas[:2] += is_clear.sum(), (~field.white).sum()
        if field.like_tumor is not None:
            tumor, stroma = (is_clear & field.between & (winner == k) for k in (0, 1))
            like = field.like_tumor
            areas[2:] += [
                (tumor & like).sum(),
                (tumor & ~like).sum(),
                (stroma & ~like).sum(),
                (stroma & like).sum(),
                (~field.white).sum(),
            ]
    right, given, truth = (np.concatenate(found) for found in (left, clear, classes))
    balanced = np.mean([right[given & (truth == k)].mean() for k in range(3)])
    shares = areas[2:6] / areas[6]
    widths, limits = (
        " / ".join(f"{number:g}" for number in numbers) for numbers in (way.widths_um, way.weak)
    )
    return (
        f"| {widths} | {limits} | {way.close:g} | {given.mean():.3f} | {right[given].mean():.3f} |"
        f" {balanced:.3f} | {np.concatenate(own).mean():.3f} | {areas[0] / areas[1]:.3f} |"
        f" {shares[0]:.3f} / {shares[1]:.3f} | {shares[2]:.3f} / {shares[3]:.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", help="a prepared data set with dots of tumor, stroma and inflammatory"
    )
    data = open_dataset(parser.parse_args().data)
    fields = [read(data, region) for region in data.dotted(list(data.regions.index))]
    telling = sum(field.like_tumor is not None for field in fields)
    print(
        f"{len(fields)} fields, {sum(len(field.dots) for field in fields)} dots; colours part"
        f" tumour and stroma in {telling}\n"
    )
    print(
        "| um, tumour / stroma / lymphocyte | weak under | close from | left out: labelled | right"
        " | balanced | own | labelled | tumour | stroma |"
    )
    print("|" + " --- |" * 10)
    for way in WAYS:
        print(row(fields, way, data.mpp), flush=True)


if __name__ == "__main__":
    main()
