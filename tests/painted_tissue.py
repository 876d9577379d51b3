"""Real fields of tissue, painted fat and clean glass, and a slide that has all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from breastseg.images.slide import Pixels
from conftest import DATA

FIELDS = sorted(
    [
        *DATA.glob("bcss/images/*.png"),
        *DATA.glob("brca_m2c/images/*.png"),
        *DATA.glob("kaggle224/train/*.png"),
    ]
)
SKIN = DATA / "tissue" / "CMU-1-Small-Region_8um.png"
GLASS = (243, 242, 240)
Mask = npt.NDArray[np.bool_]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def density(picture: np.ndarray) -> np.ndarray:
    return -np.log(np.maximum(picture, 1) / 255)


def clean_glass(
    height: int, width: int, colour: tuple[int, int, int] = GLASS
) -> npt.NDArray[np.float64]:
    """Off-white, uneven by a hundredth over millimetres, with the noise of a scan averaged down to
    8 um/px."""
    rng = np.random.default_rng(5)
    uneven = cv2.resize(rng.normal(0, 1.5, (5, 5)), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.array(colour, float) + uneven[..., None] + rng.normal(0, 0.6, (height, width, 3))


def painted_fat(side: int) -> np.ndarray:
    """Optical density of fat at 8 um/px: cells of some 80 um, drawn at 2 um/px with pale membranes
    and few nuclei."""
    rng, fine = np.random.default_rng(6), 4 * side
    centres = rng.uniform(0, fine, ((fine // 40) ** 2, 2)).astype(np.float32)
    y, x = np.mgrid[:fine, :fine].astype(np.float32)
    nearest = np.full((2, fine, fine), 1e9, np.float32)
    for centre in centres:
        distance = np.hypot(y - centre[0], x - centre[1])
        nearest[1] = np.minimum(nearest[1], np.maximum(nearest[0], distance))
        nearest[0] = np.minimum(nearest[0], distance)
    membrane = (nearest[1] - nearest[0] < 1.5)[..., None] * np.array([0.10, 0.45, 0.25])
    for row, column in rng.integers(0, fine, (side, 2)):
        membrane[row : row + 3, column : column + 3] = (0.6, 0.8, 0.4)
    return np.asarray(cv2.resize(membrane, (side, side), interpolation=cv2.INTER_AREA))


def tiled(field: np.ndarray, side: int) -> np.ndarray:
    """A real field, mirrored at its edges until it covers a square of this side."""
    repeats = -(-side // min(field.shape[:2]))
    wide = np.hstack([field[:, :: 1 - 2 * (i % 2)] for i in range(repeats)])
    return np.vstack([wide[:: 1 - 2 * (i % 2)] for i in range(repeats)])[:side, :side]


@dataclass(frozen=True)
class Scene:
    """A slide at 8 um/px and what lies on it."""

    picture: Pixels
    skin: Mask
    breast: Mask
    pale: Mask
    fat: Mask
    glass: Mask

    def check(self, mask: Mask, fault: Mask | bool = False, *, false_area: float = 0.001) -> None:
        """What no fault covers is found as it was, and of glass beside a fault next to nothing is
        taken."""
        for name, least in (("skin", 0.98), ("breast", 0.995), ("pale", 0.97), ("fat", 0.95)):
            place = getattr(self, name) & ~np.asarray(fault)
            assert mask[place].mean() >= least, name
        assert mask[self.glass & ~np.asarray(fault)].mean() <= false_area


@cache
def paint_scene() -> Scene:
    """Real skin, real breast, the same breast in a tenth of its density, and painted fat on
    glass."""
    height, width = 420, 560
    skin = pixels(SKIN)
    breast = tiled(cv2.resize(pixels(FIELDS[0]), (38, 38), interpolation=cv2.INTER_AREA), 100)
    places = {
        "skin": (20, 20, 185, 138),
        "breast": (260, 60, 100, 100),
        "pale": (40, 260, 100, 100),
        "fat": (240, 240, 140, 140),
    }
    depth = np.zeros((height, width, 3))
    depths = {
        "skin": density(skin) - density(np.array(GLASS)),
        "breast": density(breast),
        "pale": 0.1 * density(breast),
        "fat": painted_fat(140),
    }
    masks = {}
    for name, (y, x, high, wide) in places.items():
        depth[y : y + high, x : x + wide] = depths[name]
        masks[name] = np.zeros((height, width), np.bool_)
        masks[name][y : y + high, x : x + wide] = True
    occupied = (
        cv2.dilate(np.any(list(masks.values()), axis=0).astype(np.uint8), np.ones((31, 31))) > 0
    )
    masks["skin"] &= cv2.blur(depth.mean(axis=2), (5, 5)) > 0.15
    masks["fat"] = cv2.erode(masks["fat"].astype(np.uint8), np.ones((9, 9))) > 0
    picture = np.clip(clean_glass(height, width) * np.exp(-depth), 0, 255).astype(np.uint8)
    return Scene(picture, **masks, glass=~occupied)


def drawn(
    shape: tuple[int, ...], draw: Callable[[Pixels], object], soft: float
) -> npt.NDArray[np.float32]:
    canvas = np.zeros(shape[:2], np.uint8)
    draw(canvas)
    return np.asarray(cv2.GaussianBlur(canvas.astype(np.float32), (0, 0), soft))


def laid_over(
    picture: Pixels, cover: npt.NDArray[np.float32], colour: tuple[int, int, int]
) -> Pixels:
    """Light goes through glass, then through what covers it."""
    return np.clip(picture * np.exp(-cover[..., None] * density(np.array(colour))), 0, 255).astype(
        np.uint8
    )


def grown(cover: Mask, by_px: int) -> Mask:
    return np.asarray(
        cv2.dilate(cover.astype(np.uint8), np.ones((2 * by_px + 1, 2 * by_px + 1))) > 0
    )
