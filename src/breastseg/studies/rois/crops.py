"""Regions -> crops: each region as eight turned copies, shifted a little.

Copy 0 is the region as it is. The others are turned by quarters, mirrored from the fourth on, and
shifted by up to a twentieth of their side. That is the augmentation of the papers.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from breastseg.mammography.film import Grey
from breastseg.mammography.picture import read_picture
from breastseg.studies.rgu_net.crops import TURNS, start_inside, turned
from breastseg.studies.rois.regions import Region

Crops: TypeAlias = npt.NDArray[np.uint16]

COPIES = TURNS
_SHIFT = 0.05


def cut_crops(films: Path, regions: Sequence[Region], px: int, seed: int) -> Crops:
    """Return the copies of all regions, (regions * COPIES, px, px), region by region.

    Args:
        films: the folder of prepared films.
        regions: in the order of films.
        px: side of a crop.
        seed: of the shifts.
    """
    number = len(regions) * COPIES
    crops = np.zeros((number, px, px), np.uint16)
    name = ""
    pixels = np.zeros((0, 0), np.uint16)
    for place, region in enumerate(tqdm(regions, desc="cut", unit="region", disable=None)):
        # Regions are in the order of films: each is read once.
        if region.film != name:
            name = region.film
            pixels = read_picture(films / name / "image.png", name).pixels
        rng = np.random.default_rng([seed, 4, place])
        for copy in range(COPIES):
            shift_px = np.zeros(2)  # copy 0 is the region as it is
            if copy:
                shift_px = rng.uniform(-_SHIFT, _SHIFT, 2) * region.side_px
            crop = cut(pixels, region, shift_px, copy, px)
            crops[place * COPIES + copy] = crop
    return crops


def cut(
    pixels: Grey, region: Region, shift_px: npt.NDArray[np.float64], turn: int, px: int
) -> Crops:
    """Return one crop, (px, px).

    A square never leaves its film: at an edge it is moved inside. A film that is smaller is filled
    up with 0.

    Args:
        pixels: (H, W) of the film.
        region: its square.
        shift_px: (right, down) from the middle of the square.
        turn: 0 to 7.
        px: side of the crop.
    """
    side = max(2, round(region.side_px))
    height, width = pixels.shape
    top = start_inside(region.y_px + shift_px[1], side, height)
    left = start_inside(region.x_px + shift_px[0], side, width)
    piece = np.zeros((side, side), np.uint16)
    rows = slice(max(0, top), top + side)
    columns = slice(max(0, left), left + side)
    inside = pixels[rows, columns]
    # Only on a film that is smaller than the square do these differ from 0.
    down = max(0, -top)
    right = max(0, -left)
    bottom = down + inside.shape[0]
    end = right + inside.shape[1]
    piece[down:bottom, right:end] = inside
    # The mean of areas keeps small bright points where pixels grow; it makes blocks where they
    # shrink.
    way = cv2.INTER_AREA if side > px else cv2.INTER_LINEAR
    resized = cv2.resize(piece, (px, px), interpolation=way)
    return np.asarray(turned(resized, turn), np.uint16)


def digest_of(crops: Crops, regions: Sequence[Region]) -> str:
    """Return a hash of what is learned and scored: pixels, classes, patients."""
    digest = hashlib.sha256(crops.tobytes())
    for region in regions:
        digest.update(f"{region}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
