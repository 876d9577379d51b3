"""Dots as regions: where every nucleus of a field has a dot, they say what the tissue between is.

Each dot votes for its class around itself, by a Gaussian some um wide; a pixel gets the class with
most votes. It gets none (0) where votes are weak, far from the dots, or close, with a second class
nearly as strong. Stroma is what lies between its cells, so it keeps a pixel with fewer votes than
other classes need: collagen without a nucleus must not become the tumour beside it. How widths and
limits were chosen stands in docs/LOG.md. Votes are whole numbers, so that sums do not depend on
their order and a turned field has turned votes, to the pixel.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.data.config import WIDTH_UM as WIDTH_UM
from breastseg.data.rasterise import Dots
from breastseg.histology.planes import square
from breastseg.histology.white import smooth_white
from breastseg.images import Pixels
from breastseg.labels import LabelMap, Labels
from breastseg.wording import counted

WEAK = 0.5
"""Votes that a class needs; one dot has 1 at its place and this at 1.2 widths from it."""

WEAK_STROMA = 0.1
"""The same for stroma: one dot has this at 2.1 widths from it."""

CLOSE = 0.7
"""Share of the strongest class's votes from which the second leaves a pixel without label.

Of dots that were left out, those are named right half the time.
"""

LEAST_SEEN = 0.7
"""Share of what is as dark as dotted nuclei that must lie near a dot, or the field is no map.

Of the 90 fields of BRCA-M2C one has less, and nuclei without dots; with half of the dots, all have.
"""

NEAR_UM = 6.0
"""Largest distance from a dot at which a nucleus counts as dotted."""

FEWEST_PER_MM2 = 100.0
"""Dots on a mm2 of tissue under which a field is no map; the emptiest of those 90 has 382."""

CONTRADICTION_UM = 1.0
"""Dots of two classes this near are one nucleus with two names."""

SILENT = "dots_not_voting"
"""Key of a field's row: dots beside areas; the areas know better what is between."""

_ONE = 1 << 12
"""What a dot votes at its place, along one axis."""

_BAND_PX = 1 << 21
"""Pixels that are looked at together."""

_WHITE_UM = 20.0
"""How far from a pixel the rule of white places looks: with this margin a band gives what the whole
gives."""

_NAMED = 3
"""Regions that are named in a message."""


@dataclass(frozen=True)
class Voted:
    """What the dots of a field vote for.

    Attributes:
        labels: (H, W) uint8, 0 where votes decide nothing; all 0 where the field is no map.
        dots: how many dots voted.
        agreeing: how many of them lie where all votes, their own among them, name their class.
        contradicting: how many have a dot of another class within `CONTRADICTION_UM`.
        per_mm2: dots on a mm2 of tissue, white places left out.
        seen: share of what is as dark as dotted nuclei that lies within `NEAR_UM` of a dot.
    """

    labels: Labels
    dots: int
    agreeing: int
    contradicting: int
    per_mm2: float
    seen: float

    @property
    def is_map(self) -> bool:
        """Return whether the field seems to have a dot on every nucleus."""
        return self.per_mm2 >= FEWEST_PER_MM2 and self.seen >= LEAST_SEEN

    def row(self) -> dict[str, object]:
        """Return what is counted over many fields."""
        return {
            "dots": self.dots,
            "agreeing": self.agreeing,
            "contradicting": self.contradicting,
            "is_map": self.is_map,
            "pixels": int(self.labels.size),
        }


def rules(width_um: float) -> dict[str, float]:
    """Return what decides votes, as it is kept with a data set."""
    return {
        "width_um": width_um,
        "weak": WEAK,
        "weak_stroma": WEAK_STROMA,
        "close": CLOSE,
        "least_seen": LEAST_SEEN,
        "fewest_per_mm2": FEWEST_PER_MM2,
    }


def stroma_of(label_map: LabelMap) -> frozenset[int]:
    """Return the labels of classes that are called stroma, by name or in QuPath."""
    labels = set()
    for label, entry in enumerate(label_map.classes, start=1):
        if "stroma" in (entry.name.casefold(), entry.qupath.casefold()):
            labels.add(label)
    return frozenset(labels)


def vote(
    dots: Dots,
    discs: Labels,
    pixels: Pixels,
    *,
    mpp: float,
    width_um: float = WIDTH_UM,
    stroma: Collection[int] = (),
) -> Voted:
    """Let the dots of a field vote.

    Args:
        dots: (N, 3) rows of (label, y, x).
        discs: (H, W) uint8 labels of the dots' discs; what lies in a disc keeps its class.
        pixels: (H, W, 3) uint8 of H&E; places that are smooth and white get no label, they are
            left to the rule (`weak.py`).
        mpp: microns per pixel.
        width_um: standard deviation of a dot's votes.
        stroma: labels that keep a pixel with fewer votes.
    """
    labels = np.zeros(discs.shape, np.uint8)
    agreeing = tissue_px = dark_px = seen_px = 0
    # Nuclei are dark in the red channel, where eosin is bright; blurred over 2 um, a nucleus counts
    # and a grain does not.
    darkness = cv2.blur(255 - pixels[..., 0], square(2.0, mpp))  # (H, W)
    # 256 is darker than any pixel: without dots nothing is as dark as they are.
    dot_darkness = np.median(darkness[dots[:, 1], dots[:, 2]]) if len(dots) else 256.0
    needed = np.full(256, WEAK)  # votes by label
    needed[list(stroma)] = WEAK_STROMA
    kernel = _kernel(width_um / mpp)
    # As far as anything below looks: votes, white places, and dots near a nucleus.
    reach = int(max(_WHITE_UM, NEAR_UM) / mpp) + 1
    margin = max(len(kernel) // 2, reach)
    for rows, wide, inner in _bands(discs.shape, margin):
        # The dots of this band and its margin, in rows of the band.
        is_in_band = (dots[:, 1] >= wide.start) & (dots[:, 1] < wide.stop)
        band_dots = dots[is_in_band] - np.array([0, wide.start, 0], np.int32)
        shape = (wide.stop - wide.start, discs.shape[1])
        tissue = ~smooth_white(np.ascontiguousarray(pixels[wide]), mpp)[inner]
        winners = _most(band_dots, shape, kernel, needed)[inner]
        labels[rows] = np.where(tissue, winners, 0)
        # Each dot is counted in the one band that it lies in, not in the margins of others.
        is_inner = (band_dots[:, 1] >= inner.start) & (band_dots[:, 1] < inner.stop)
        label, y, x = band_dots[is_inner].T
        agreeing += int((winners[y - inner.start, x] == label).sum())
        dark = (darkness[rows] >= dot_darkness) & tissue
        near_dots = _near(band_dots, shape, NEAR_UM / mpp)[inner]
        tissue_px += int(tissue.sum())
        dark_px += int(dark.sum())
        seen_px += int((dark & near_dots).sum())
    labels = np.where(discs > 0, discs, labels)
    contradicting = _contradicting(dots, discs.shape, mpp)
    per_mm2 = len(dots) / (max(1, tissue_px) * mpp**2 / 1e6)
    seen = seen_px / max(1, dark_px)
    voted = Voted(labels, len(dots), agreeing, contradicting, per_mm2, seen)
    if not voted.is_map:
        labels[:] = 0
    return voted


def _bands(shape: tuple[int, ...], margin: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield rows, the same with a margin around them, and where in those they lie."""
    height = max(1, _BAND_PX // max(1, shape[1]))
    for top in range(0, shape[0], height):
        bottom = min(top + height, shape[0])
        first = max(0, top - margin)
        last = min(shape[0], bottom + margin)
        inner = slice(top - first, bottom - first)
        yield slice(top, bottom), slice(first, last), inner


def _kernel(sigma_px: float) -> npt.NDArray[np.float64]:
    """Return votes along one axis, in whole numbers, as far as there are any."""
    # Farther away the Gaussian is under half a vote and rounds to 0.
    reach = int(sigma_px * np.sqrt(2 * np.log(2 * _ONE)))
    distance = np.arange(-reach, reach + 1)
    gaussian = np.exp(-0.5 * (distance / sigma_px) ** 2)
    return np.asarray(np.round(_ONE * gaussian))


def _most(
    dots: Dots,
    shape: tuple[int, int],
    kernel: npt.NDArray[np.float64],
    needed: npt.NDArray[np.float64],
) -> Labels:
    """Return the class with most votes, 0 where votes are weak or close."""
    most = np.zeros(shape)
    second = np.zeros(shape)
    winner = np.zeros(shape, np.uint8)
    for label in np.unique(dots[:, 0]).tolist():
        places = np.zeros(shape)
        own = dots[dots[:, 0] == label]
        # Unlike += this adds twice where two dots lie on one pixel.
        np.add.at(places, (own[:, 1], own[:, 2]), 1)
        # Sums of whole numbers in float64 have no rounding.
        votes = cv2.sepFilter2D(places, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
        # The lesser of the new and the former first is a candidate for the second place.
        second = np.maximum(second, np.minimum(votes, most))
        winner[votes > most] = label
        most = np.maximum(most, votes)
    # Votes along both axes are multiplied, so one dot has _ONE ** 2 at its place.
    is_clear = (most >= needed[winner] * _ONE**2) & (second < CLOSE * most)
    return np.where(is_clear, winner, 0).astype(np.uint8)


def _near(dots: Dots, shape: tuple[int, int], radius_px: float) -> npt.NDArray[np.bool_]:
    """Return where a dot is near."""
    if not len(dots):
        return np.zeros(shape, bool)
    # distanceTransform() measures how far each pixel is from the nearest 0.
    away = np.ones(shape, np.uint8)
    away[dots[:, 1], dots[:, 2]] = 0
    distance = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= radius_px)


def _contradicting(dots: Dots, shape: tuple[int, ...], mpp: float) -> int:
    """Count the dots that have one of another class near."""
    radius = CONTRADICTION_UM / mpp
    reach = int(radius)
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = (np.hypot(rows, columns) <= radius).astype(np.uint8)
    is_contradicted = np.zeros(len(dots), bool)
    for label in np.unique(dots[:, 0]).tolist():
        own = dots[:, 0] == label
        places = np.zeros(shape, np.uint8)
        places[dots[own, 1], dots[own, 2]] = 1
        near_own = cv2.dilate(places, disc)
        is_contradicted |= ~own & (near_own[dots[:, 1], dots[:, 2]] > 0)
    return int(is_contradicted.sum())


def said_of_votes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return notes on what became of the dots of many fields.

    Args:
        rows: of each field its `region`, `voted_px`, and, where it has dots alone, what
            `Voted.row` gave as `votes`; where it has areas too, how many dots, as `SILENT`.
    """
    voting: list[Mapping[str, Any]] = []
    maps: list[Mapping[str, Any]] = []
    poor: list[Mapping[str, Any]] = []
    contradicting: list[Mapping[str, Any]] = []
    silent: list[Mapping[str, Any]] = []
    for row in rows:
        if row.get(SILENT):
            silent.append(row)
        if "votes" not in row:
            continue
        voting.append(row)
        (maps if row["votes"]["is_map"] else poor).append(row)
        if row["votes"]["contradicting"]:
            contradicting.append(row)
    notes = []
    if not voting:
        notes.append("dots as regions: no field has dots alone, so none votes")
    else:
        notes.append(_maps_in_words(maps, len(voting)))
    if poor:
        why = "kept as dots, for not every nucleus seems to have one"
        notes.append(f"{why}: {counted(len(poor), 'field')} ({_names(poor)})")
    if contradicting:
        dots = counted(sum(row["votes"]["contradicting"] for row in contradicting), "dot")
        what = f"{dots} within {CONTRADICTION_UM:g} um of one of another class"
        notes.append(f"contradicting: {what} (in {_names(contradicting)})")
    if silent:
        fields = f"{counted(len(silent), 'field')} ({_names(silent)})"
        notes.append(f"no votes where areas are known too: {fields}")
    return notes


def _maps_in_words(maps: Sequence[Mapping[str, Any]], voting: int) -> str:
    """Return how many fields became maps, and how much of them has a label."""
    note = f"dots as regions: {len(maps)} of {counted(voting, 'field')}"
    if not maps:
        return note
    voted_px = pixels = dots = agreeing = 0
    for row in maps:
        voted_px += row["voted_px"]
        pixels += row["votes"]["pixels"]
        dots += row["votes"]["dots"]
        agreeing += row["votes"]["agreeing"]
    labelled = f"{100 * (voted_px / pixels):.0f} % of their pixels have a label"
    agreed = f"the votes name {100 * agreeing / dots:.0f} % of their dots right"
    return f"{note}; {labelled}, {agreed}"


def _names(rows: Sequence[Mapping[str, Any]]) -> str:
    names = [str(row["region"]) for row in rows]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
