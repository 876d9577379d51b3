"""How wide round nuclei are, in pixels: to tell um/px that nobody says, or says wrongly.

python recipes/breast1/nuclei.py FOLDER [--like NAME] [--scale 1.0]
    FOLDER   images of H&E (PNG or JPEG), at any depth
    --like   only images with this in their names
    --scale  resize them first: 1.3 shows images of 0.65 um/px as at 0.5

Nuclei of one tissue are equally wide everywhere: compare with images whose um/px are known.
Haematoxylin (Ruifrok & Johnston 2001) is cut by Otsu's threshold, and of the pieces the convex and
roundish ones are measured. Nuclei that touch, or are long, are left out.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

STAINS = ((0.650, 0.704, 0.286), (0.072, 0.990, 0.105), (0.268, 0.570, 0.776))
LEAST_PX, LEAST_CONVEX, LEAST_ROUND = 30, 0.9, 0.7
_STEPS = 127.5
"""Grey levels for one unit of density."""


def diameters(pixels: npt.NDArray[np.uint8]) -> Iterator[float]:
    """Yield the diameter of the disc as large as each round nucleus, of (H, W, 3) pixels."""
    density = -np.log(np.maximum(pixels, 1) / 255)
    haematoxylin = (density @ np.linalg.inv(np.array(STAINS)))[..., 0].clip(0, 2)
    blurred = cv2.GaussianBlur(haematoxylin.astype(np.float32), (0, 0), 1) * _STEPS
    _, dark = cv2.threshold(blurred.astype(np.uint8), 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    opened = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        area = cv2.contourArea(outline)
        if area < LEAST_PX or area < LEAST_CONVEX * cv2.contourArea(cv2.convexHull(outline)):
            continue
        _, axes, _ = cv2.fitEllipse(outline)
        if min(axes) > LEAST_ROUND * max(axes):
            yield 2 * float(np.sqrt(area / np.pi))


def main() -> None:
    """Measure, and print quartiles."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="images, at any depth")
    parser.add_argument("--like", default="", help="only images with this in their names")
    parser.add_argument("--scale", type=float, default=1.0, help="resize them first")
    options = parser.parse_args()
    pictures = [p for p in options.folder.rglob("*") if p.suffix in {".png", ".jpg", ".jpeg"}]
    paths = [path for path in pictures if options.like in path.name]
    found: list[float] = []
    for path in sorted(paths):
        pixels = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        size = tuple(round(side * options.scale) for side in pixels.shape[1::-1])
        found += diameters(np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)))
    if not found:
        parser.error(f"no round nucleus in the {len(paths)} images of {options.folder}")
    quartiles = ", ".join(f"{value:.1f}" for value in np.percentile(found, [25, 50, 75]))
    print(f"{len(paths)} images, {len(found):,} round nuclei: quartiles {quartiles} px")


if __name__ == "__main__":
    main()
