"""The regions of an evaluation, worst first, with their images as data addresses."""

import base64
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from breastseg.evaluation.figures import ClassScores, Overall, Region, RegionDots
from breastseg.maps.pictures import COMPARED

WORST = 10
SMALL_PX = 480
ADDRESSES_BYTES = 24_000_000
"""How much of a page images may take; a mail or a phone takes no more."""


@dataclass(frozen=True)
class Pictures:
    """A region's images as data addresses.

    Attributes:
        width: of all, in pixels.
        height: of all, in pixels.
        image: the tissue.
        layers: to lie over it, by name: truth, prediction, errors.
    """

    width: int
    height: int
    image: str
    layers: dict[str, str]

    @property
    def bytes(self) -> int:
        """Return what they take in a page."""
        return len(self.image) + sum(map(len, self.layers.values()))


@dataclass(frozen=True)
class RegionView:
    """What a page shows of a region: scores, and images where there is room."""

    id: str
    overall: Overall
    classes: dict[str, ClassScores]
    dots: RegionDots | None
    pictures: Pictures | None


def worst_first(scores: Mapping[str, Region]) -> list[str]:
    """Return regions by mean Dice, then those of dots alone by the share of dots named right,
    lowest first; without a score last."""

    def key(region: str) -> tuple[float, float, str]:
        dots = scores[region].dots
        right = dots.overall.accuracy if dots else None
        return _sortable(scores[region].overall.mean_dice), _sortable(right), region

    return sorted(scores, key=key)


def region_views(folder: Path, scores: Mapping[str, Region]) -> list[RegionView]:
    """Return what a page shows of each region, worst first.

    Args:
        folder: `regions` of an evaluation.
        scores: by region, as in scores.json.

    Returns:
        scores and images. From the eleventh on these are shrunk to 480 px; from where the page
        would grow too large they are None.

    Raises:
        OSError, ValueError: an image is missing or damaged, as Pillow says it.
    """
    views = []
    bytes_left = ADDRESSES_BYTES
    for rank, region in enumerate(worst_first(scores)):
        pictures = None
        if bytes_left > 0:
            pictures = _pictures(folder / region, small=rank >= WORST)
            bytes_left -= pictures.bytes
        own = scores[region]
        views.append(RegionView(region, own.overall, own.classes, own.dots, pictures))
    return views


def _sortable(dice: float | None) -> float:
    """Return a score to sort by: NaN, which sorts anywhere, and None go behind all others."""
    return math.inf if dice is None or math.isnan(dice) else dice


def _pictures(folder: Path, *, small: bool) -> Pictures:
    with Image.open(folder / "image.jpg") as picture:
        width, height = picture.size
    scale = min(1.0, SMALL_PX / max(width, height)) if small else 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    layers = {name: _address(folder / f"{name}.png", size) for name in COMPARED}
    return Pictures(size[0], size[1], _address(folder / "image.jpg", size), layers)


def _address(path: Path, size: tuple[int, int]) -> str:
    """Return a JPEG or a palette PNG as a data address: as it is, or shrunk to a size."""
    with Image.open(path) as picture:
        kind = picture.format or ""
        # An image of the right size is not decoded: its file's bytes are what the page holds.
        data = path.read_bytes() if picture.size == size else _shrunk(picture, size)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"


def _shrunk(picture: Image.Image, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    if picture.format == "JPEG":
        picture.draft("RGB", size)  # decodes at half size or a quarter where that is enough
        picture.resize(size, Image.Resampling.BOX).save(file, format="JPEG", quality=75)
    else:
        # Nearest: its pixels are labels, of which no mean is one.
        labels = picture.resize(size, Image.Resampling.NEAREST)
        labels.save(file, format="PNG", transparency=picture.info["transparency"])
    return file.getvalue()
