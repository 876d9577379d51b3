"""Where an image lies, read from its name: slide, region, and its box on the slide in microns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from breastseg.data.dataset import Dataset
from breastseg.sources.bcss.find import BASE_MPP

OVERLAP = 0.02
"""Least share of the smaller of two boxes that both cover: below it, sizes were rounded."""

_SLIDE = re.compile(r"(?P<patient>TCGA-\w\w-\w{4})(?:-\d\d[A-Z]-\d\d)?-(?P<slide>[DT][XS]\d)")
_TILES = (
    re.compile(r"(?P<field>.+)_(?P<y>\d+)_(?P<x>\d+)_size(?P<side>\d+)"),
    re.compile(r"(?P<field>.+)_y(?P<y>\d+)_x(?P<x>\d+)(?:_(?P<side>\d+))?"),
    re.compile(r"(?P<field>.+)_x(?P<x>\d+)_y(?P<y>\d+)(?:_(?P<side>\d+))?"),
)
_GRID = re.compile(r"(?P<field>.+)_\d+x\d+")
_BCSS = re.compile(r".+_xmin(?P<x>\d+)_ymin(?P<y>\d+)_MPP-[\d.]+")
_M2C = re.compile(r".+_(?P<x>\d+)_(?P<y>\d+)_\d+_\d+_(?P<mpp4>\d\.\d+)")


@dataclass(frozen=True)
class Place:
    """Where an image lies.

    Attributes:
        slide: as in "TCGA-A2-A0D2-DX1"; the field where the name tells no slide.
        field: the region it was cut from; its own name when it was not cut.
        frame: images of one frame can be compared by their boxes; empty when the name tells no
            position.
        x_um, y_um, width_um, height_um: the box.
        named_px: side in pixels that the name tells; 0 when it tells none.
    """

    slide: str
    field: str
    frame: str = ""
    x_um: float = 0.0
    y_um: float = 0.0
    width_um: float = 0.0
    height_um: float = 0.0
    named_px: int = 0


def places(data: Dataset) -> pd.DataFrame:
    """Return the `Place` of every region, one row a region, one column an attribute."""
    columns = data.regions[["source_mpp", "width_px", "height_px"]].itertuples()
    rows = []
    for name, mpp, width, height in columns:
        size_um = (width * data.mpp, height * data.mpp)
        rows.append(place(str(name), float(mpp), size_um))
    return pd.DataFrame(rows, index=data.regions.index)


def place(name: str, mpp: float, size_um: tuple[float, float]) -> Place:
    """Read an image's place from its name.

    Positions of BCSS regions count in base pixels of a 40x scan, those of tiles in pixels of their
    region's image.

    Args:
        name: region id.
        mpp: microns per pixel of its source image.
        size_um: its (width, height).
    """
    tile = _tile(name)
    # "NAME_2x3" says which tile of a grid it is, but not how large the grid's steps are.
    grid = None if tile else _GRID.fullmatch(name)
    cut = tile or grid
    field = cut["field"] if cut else name
    slide = field
    of_tcga = _SLIDE.match(field)
    if of_tcga:
        slide = f"{of_tcga['patient']}-{of_tcga['slide']}"
    origin = _origin(field)
    if not tile and (not origin or grid):
        return Place(slide, field)
    x, y = origin or (0.0, 0.0)
    side = 0
    if tile:
        x += int(tile["x"]) * mpp
        y += int(tile["y"]) * mpp
        side = int(tile["side"] or 0)
    # Without an origin on the slide only tiles of one field can be compared.
    frame = slide if origin else field
    width, height = size_um
    return Place(slide, field, frame, x, y, width, height, named_px=side)


def _tile(name: str) -> re.Match[str] | None:
    """Return what a tile's name says, in the first of the forms that it has."""
    for pattern in _TILES:
        match = pattern.fullmatch(name)
        if match:
            return match
    return None


def _origin(field: str) -> tuple[float, float] | None:
    """Return (x, y) of a field on its slide, microns."""
    bcss = _BCSS.fullmatch(field)
    if bcss:
        return int(bcss["x"]) * BASE_MPP, int(bcss["y"]) * BASE_MPP
    m2c = _M2C.fullmatch(field)
    if m2c:
        # The name has four times the um/px.
        mpp4 = float(m2c["mpp4"])
        return int(m2c["x"]) * mpp4 / 4, int(m2c["y"]) * mpp4 / 4
    return None


def overlapping(table: pd.DataFrame) -> Iterator[tuple[str, str, float]]:
    """Yield (region, region, share of the smaller) of all that overlap; memory grows with the
    images of one frame."""
    for _, rows in table[table["frame"] != ""].groupby("frame"):
        rows = rows.sort_values("x_um", kind="stable")
        names = [str(name) for name in rows.index]
        left = rows["x_um"].to_numpy()
        top = rows["y_um"].to_numpy()
        right = left + rows["width_um"].to_numpy()
        bottom = top + rows["height_um"].to_numpy()
        areas = (right - left) * (bottom - top)
        # Sorted by their left sides, only those up to here begin before this one ends.
        ends = np.searchsorted(left, right)
        for i, end in enumerate(ends):
            later = slice(i + 1, end)
            common_top = np.maximum(top[i], top[later])
            common_bottom = np.minimum(bottom[i], bottom[later])
            # Below 0 where boxes do not meet.
            width = np.minimum(right[i], right[later]) - left[later]
            height = common_bottom - common_top
            common = width.clip(0) * height.clip(0)
            shares = common / np.minimum(areas[i], areas[later])
            for j in np.flatnonzero(shares > OVERLAP):
                yield names[i], names[i + 1 + j], float(shares[j])
