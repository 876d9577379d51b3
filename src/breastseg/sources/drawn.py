"""What is drawn on one image: areas with holes, and dots, by class name.

Coordinates are pixels of the image, (0, 0) its left-top corner, (0.5, 0.5) the middle of its
first pixel.
"""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from breastseg.sources.points import Dot
from breastseg.wording import counted

Ring: TypeAlias = npt.NDArray[np.float64]
"""A closed line: (N, 2) places (x, y); the last may be the first again."""

MAX_HELD_BYTES = 400_000_000
"""Most that outlines and dots of one file may take in memory."""

RING_BYTES = 250
"""What the array of a ring takes beside its numbers."""
DOT_BYTES = 150
"""What a dot takes."""

FARTHEST = 2.0**53
"""Largest coordinate: beyond it float64 has no halves of pixels."""
LONGEST_NAME = 200

_NOUNS = ("line", "detection", "cell", "tile", "TMA core", "root object")


@dataclass(frozen=True, eq=False)
class Area:
    """An area of one class: its outline, and its holes."""

    name: str
    outline: Ring
    holes: tuple[Ring, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """What is drawn on one image.

    Attributes:
        areas: in the order of the file.
        dots: likewise.
        skipped: how many objects of a GeoJSON were not taken, by kind.
        instead: how many objects, by kind, were looked at in place of annotations, where the file
            has none.
    """

    areas: tuple[Area, ...]
    dots: tuple[Dot, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    instead: Mapping[str, int] = field(default_factory=dict)

    def boxes(self) -> npt.NDArray[np.float64]:
        """Return left, top, right and bottom of each area and then of each dot: (N, 4)."""
        rings = [area.outline for area in self.areas]
        # (N, 2) each; reshape() keeps two axes where there is no dot.
        places = [(dot.x, dot.y) for dot in self.dots]
        extents = [(dot.width, dot.height) for dot in self.dots]
        middles = np.array(places, np.float64).reshape(-1, 2)
        sides = np.array(extents, np.float64).reshape(-1, 2)
        of_dots = np.hstack([middles - sides / 2, middles + sides / 2])
        if not rings:
            return of_dots
        # All corners in one array, and the least and largest of each stretch: a file may have
        # 100,000 areas.
        corners = np.concatenate(rings)  # (corners of all, 2)
        lengths = np.array([len(ring) for ring in rings])
        starts = np.cumsum(lengths) - lengths
        least = np.minimum.reduceat(corners, starts)  # (areas, 2), as `largest`
        largest = np.maximum.reduceat(corners, starts)
        return np.concatenate([np.hstack([least, largest]), of_dots])

    def seen_from(self, x: float, y: float) -> "Drawn":
        """Return the same in pixels of a field whose left-top corner is (x, y)."""
        areas = []
        for area in self.areas:
            holes = tuple(hole - (x, y) for hole in area.holes)
            areas.append(Area(area.name, area.outline - (x, y), holes))
        dots = [replace(dot, x=dot.x - x, y=dot.y - y) for dot in self.dots]
        return replace(self, areas=tuple(areas), dots=tuple(dots))

    def without(self, names: Collection[str]) -> "Drawn":
        """Return the same without the areas and dots of these names; case does not matter."""
        left_out = {name.casefold() for name in names}
        areas = [area for area in self.areas if area.name.casefold() not in left_out]
        dots = [dot for dot in self.dots if dot.name.casefold() not in left_out]
        return replace(self, areas=tuple(areas), dots=tuple(dots))

    def measured(self, mpp: float) -> "Drawn":
        """Return the same with discs in pixels, where a pixel has these microns."""
        if not any(dot.radius_um for dot in self.dots):
            return self
        dots = []
        for dot in self.dots:
            if dot.radius_um:
                side = 2 * dot.radius_um / mpp
                dot = replace(dot, width=side, height=side, radius_um=0.0)
            dots.append(dot)
        return replace(self, dots=tuple(dots))


def said_kinds(skipped: Mapping[str, int]) -> str:
    """Return counts by kind as a person reads them, as in "3 without class, 2 lines, 40 cells"."""
    words = []
    for kind, number in skipped.items():
        # "2 lines", but "2 without class".
        words.append(counted(number, kind) if kind in _NOUNS else f"{number:,} {kind}")
    return ", ".join(words)


def shows(name: str) -> bool:
    """Return whether a class name can be shown: no control letters, at most 200 letters."""
    if len(name) > LONGEST_NAME:
        return False
    # Cc are control letters, Cs halves of a letter, which no file can hold in UTF-8.
    return not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
