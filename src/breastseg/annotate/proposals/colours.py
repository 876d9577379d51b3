"""The dominant colours of an image: k-means over its histogram of colours, so that every pixel
counts and none is drawn by lot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.histology.stains import UNMIXED
from breastseg.images import Pixels

Values: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]

_DROPPED = 2
"""Bits of each channel: colours less than four of 256 steps apart are one colour."""
_KEPT = 8 - _DROPPED
BINS = 1 << 3 * _KEPT
_BAND_PX = 512  # rows at a time: bins are four bytes a pixel
_MOST_STEPS = 200


@dataclass(frozen=True)
class Colours:
    """The dominant colours of an image, the one with the most haematoxylin first.

    Attributes:
        rgb: (K, 3) mean of each, 0 to 255.
        haematoxylin: (K,) mean optical density of the nuclear stain of each.
        share: (K,) share of the pixels that each has.
        number: (BINS,) uint8, the colour that a bin of the histogram belongs to; 0 where the bin is
            empty too.
    """

    rgb: Values
    haematoxylin: Values
    share: Values
    number: npt.NDArray[np.uint8]

    def nearest(self, pixels: Pixels) -> npt.NDArray[np.uint8]:
        """Return the number of the colour that each pixel of the same image belongs to: (H, W)
        uint8."""
        numbers = np.empty(pixels.shape[:2], np.uint8)
        for top in range(0, len(pixels), _BAND_PX):
            numbers[top : top + _BAND_PX] = self.number[_bins(pixels[top : top + _BAND_PX])]
        return numbers

    def __str__(self) -> str:
        """Return the colours as a person reads them: hexadecimal, share, haematoxylin."""
        texts = []
        rounded = np.round(self.rgb).astype(int).tolist()  # (K, 3)
        for rgb, share, stain in zip(rounded, self.share, self.haematoxylin, strict=True):
            red, green, blue = rgb
            texts.append(f"#{red:02X}{green:02X}{blue:02X} {100 * share:.0f} % ({stain:.2f})")
        return ", ".join(texts)


def count_colours(pixels: Pixels, mask: npt.NDArray[np.bool_]) -> Counts:
    """Return the histogram of the pixels (H, W, 3) where the mask (H, W) is true: (BINS,)."""
    counts = np.zeros(BINS, np.int64)
    for top in range(0, len(pixels), _BAND_PX):
        band = slice(top, top + _BAND_PX)
        counts += np.bincount(_bins(pixels[band])[mask[band]], minlength=BINS)
    return counts


def colour_spread(counts: Counts) -> float:
    """Return the standard deviation of the colours of a histogram (BINS,), as a distance in
    CIELAB."""
    bins = np.flatnonzero(counts)
    places, weights = lab(_middles(bins)), counts[bins]  # (N, 3), (N,)
    mean = np.average(places, axis=0, weights=weights)
    squared = ((places - mean) ** 2).sum(axis=1)
    return float(np.average(squared, weights=weights) ** 0.5)


def lab(rgb: Values) -> Values:
    """Return CIELAB values (D65) of sRGB colours from 0 to 255, both (N, 3)."""
    # As an image of one row, in float: of bytes OpenCV returns rounded values in a range of its
    # own.
    row = (rgb[None] / 255).astype(np.float32)
    return np.asarray(cv2.cvtColor(row, cv2.COLOR_RGB2Lab)[0], np.float64)


def hed(rgb: Values) -> Values:
    """Return optical densities (natural logarithm) of haematoxylin, eosin and the rest of colours
    from 0 to 255, both (N, 3)."""
    # Black has no density; 1 of 255 stands for it.
    density = -np.log(np.maximum(rgb, 1) / 255)
    return np.asarray(density @ UNMIXED, np.float64)


SPACES: Mapping[str, Callable[[Values], Values]] = {"lab": lab, "hed": hed}
"""Where colours are compared: by what the eye tells apart, or by how much there is of each stain.
"""


def dominant_colours(counts: Counts, most: int, space: str) -> Colours:
    """Find the dominant colours of a histogram.

    The first centre is the most frequent colour, each next one that with the largest count times
    squared distance to the centres before it. Nothing is drawn by lot: the same histogram has the
    same colours, and a turned image has the same histogram.

    Args:
        counts: (BINS,) pixels by bin; at least `most` bins hold some.
        most: how many colours; fewer are returned where k-means leaves one without a pixel.
        space: a name of SPACES.
    """
    bins = np.flatnonzero(counts)
    weights, rgb = counts[bins].astype(np.float64), _middles(bins)  # (N,), (N, 3)
    clusters = _k_means(SPACES[space](rgb), weights, most)  # (N,)
    # Numbered without gaps: a cluster may have lost all its colours to others.
    numbers, owners = np.unique(clusters, return_inverse=True)  # (K,), (N,)
    members = np.eye(len(numbers))[owners] * weights[:, None]  # (N, K) weight in its own cluster
    totals = members.sum(axis=0)  # (K,)
    values = np.column_stack([rgb, hed(rgb)[:, 0]])  # (N, 4) colour and haematoxylin
    means = members.T @ values / totals[:, None]  # (K, 4)
    order = np.argsort(-means[:, 3], kind="stable")
    number = np.zeros(BINS, np.uint8)
    # The argsort of an order is the rank of each: where its cluster stands in the order.
    number[bins] = np.argsort(order)[owners]
    return Colours(means[order, :3], means[order, 3], totals[order] / totals.sum(), number)


def _bins(pixels: Pixels) -> npt.NDArray[np.int32]:
    """Return the bin of each pixel, (H, W): the upper bits of red, green and blue in one number."""
    # int32 before the shifts: the three together have 18 bits.
    red, green, blue = cv2.split((pixels >> _DROPPED).astype(np.int32))
    return np.asarray((red << 2 * _KEPT) | (green << _KEPT) | blue, np.int32)


def _middles(bins: npt.NDArray[np.intp]) -> Values:
    """Return the (N, 3) colours in the middle of bins."""
    upper_bits = (1 << _KEPT) - 1
    channels = np.stack([bins >> 2 * _KEPT, bins >> _KEPT, bins], axis=1) & upper_bits
    # A bin holds the values from its first to the one before the next bin's first.
    middle = ((1 << _DROPPED) - 1) / 2
    return np.asarray((channels << _DROPPED) + middle, np.float64)


def _k_means(places: Values, weights: Values, most: int) -> npt.NDArray[np.intp]:
    """Return the cluster of each of (N, D) weighted places."""
    centres = _first_centres(places, weights, most)
    owners = _squared(places, centres).argmin(axis=1)
    for _ in range(_MOST_STEPS):
        for k in np.unique(owners):  # a centre without members stays where it is
            own = owners == k
            centres[k] = np.average(places[own], axis=0, weights=weights[own])
        before, owners = owners, _squared(places, centres).argmin(axis=1)
        if np.array_equal(before, owners):
            break
    return np.asarray(owners, np.intp)


def _first_centres(places: Values, weights: Values, most: int) -> Values:
    chosen = [int(weights.argmax())]
    while len(chosen) < most:
        to_nearest = _squared(places, places[chosen]).min(axis=1)  # (N,)
        chosen.append(int((weights * to_nearest).argmax()))
    return places[chosen]


def _squared(places: Values, centres: Values) -> Values:
    """Return (N, K) squared distances."""
    # A centre at a time: (N, K, D) of 200,000 colours would be large.
    columns = [((places - centre) ** 2).sum(axis=1) for centre in centres]
    return np.stack(columns, axis=1)
