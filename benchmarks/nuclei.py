"""How large the nuclei of `predict --explore` are beside those that people outlined.

    python benchmarks/nuclei.py DATA

DATA holds monusac_breast (masks of classes: what touches is one part, so nearly convex parts alone
are compared) and pannuke_breast25 (outlines of each nucleus, as COCO's run lengths). Both at 0.25
um/px; nuclei are looked for at 0.5. A found nucleus counts where its middle lies in an outlined one
of tumour (MoNuSAC: epithelial). Outlines that touch the edge of an image are left out.
"""

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from breastseg.histology.nuclei import (
    LEAST_UM2,
    NUCLEI_MPP,
    SOLID,
    Nucleus,
    between,
    nuclei_of,
    plane_of,
)
from breastseg.images import resample_pixels

MPP = 0.25
LARGE_UM2 = 80.0
LEAST_IN_FIELD = 5
"""Outlined nuclei of an image whose median is compared."""
EPITHELIAL, NEOPLASTIC = 1, 1


@dataclass(frozen=True)
class Picture:
    """One image: outlined nuclei by number (0 elsewhere), their areas, and which are whole."""

    name: str
    numbers: npt.NDArray[np.int32]
    areas_um2: dict[int, float]
    found: list[Nucleus]

    def pairs(self) -> list[tuple[float, float, int]]:
        """Return (found area, outlined area, number) of found nuclei whose middle lies in an
        outlined one."""
        pairs = []
        for nucleus in self.found:
            y, x = (int((at + 0.5) * NUCLEI_MPP / MPP) for at in (nucleus.y, nucleus.x))
            height, width = self.numbers.shape
            number = int(self.numbers[min(y, height - 1), min(x, width - 1)])
            if number in self.areas_um2:
                pairs.append((nucleus.area_um2, self.areas_um2[number], number))
        return pairs


def looked_at(path: Path) -> list[Nucleus]:
    """Find the nuclei of an image."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    height, width = (round(side * MPP / NUCLEI_MPP) for side in pixels.shape[:2])
    plane = plane_of(resample_pixels(pixels, (width, height)), NUCLEI_MPP)
    return nuclei_of(plane, between(plane.counts()))


def monusac(folder: Path) -> Iterator[Picture]:
    """Yield the images of MoNuSAC with epithelial nuclei."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        mask = np.asarray(Image.open(folder / row["label_file"])) == EPITHELIAL
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        areas = {}
        for number in range(1, len(stats)):
            part = (numbers == number).astype(np.uint8)
            outlines, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            hull = cv2.convexHull(np.concatenate(outlines))
            filled = np.zeros_like(part)
            cv2.fillConvexPoly(filled, hull, 1)
            is_solid = part.sum() >= SOLID * filled.sum()
            area = float(part.sum()) * MPP**2
            if is_solid and area >= LEAST_UM2 and not _at_edge(part):
                areas[number] = area
        if areas:
            yield Picture(row["file"], numbers, areas, looked_at(folder / row["file"]))


def pannuke(folder: Path) -> Iterator[Picture]:
    """Yield the images of PanNuke with neoplastic nuclei."""
    said = json.loads((folder / "labels" / "coco.json").read_text(encoding="utf-8"))
    for image in said["images"]:
        own = [one for one in said["annotations"] if one["image_id"] == image["id"]]
        numbers = np.zeros((image["height"], image["width"]), np.int32)
        areas = {}
        for number, one in enumerate(own, start=1):
            mask = _run_lengths(one["segmentation"])
            numbers[mask] = number
            if one["category_id"] == NEOPLASTIC and not _at_edge(mask):
                areas[number] = float(mask.sum()) * MPP**2
        if areas:
            path = folder / "images" / image["file_name"]
            yield Picture(image["file_name"], numbers, areas, looked_at(path))


def _run_lengths(said: dict[str, Any]) -> npt.NDArray[np.bool_]:
    """Return a mask of COCO's run lengths, which go down columns."""
    height, width = said["size"]
    values = np.resize([False, True], len(said["counts"]))
    return np.repeat(values, said["counts"]).reshape(width, height).T


def _at_edge(mask: npt.NDArray[Any]) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def tell(name: str, pictures: Sequence[Picture]) -> None:
    """Print how found and outlined areas agree."""
    pairs = [np.array(one.pairs()).reshape(-1, 3) for one in pictures]
    found, outlined, _ = np.concatenate(pairs).T
    met = sum(len(set(own[:, 2])) for own in pairs)
    every = np.concatenate([list(one.areas_um2.values()) for one in pictures])
    ratio = found / outlined
    medians = []
    for own, one in zip(pairs, pictures, strict=True):
        if len(one.areas_um2) >= LEAST_IN_FIELD and len(own) >= LEAST_IN_FIELD:
            medians.append((np.median(own[:, 0]), np.median(list(one.areas_um2.values()))))
    by_picture = np.array(medians)
    print(f"{name}: {len(pictures)} images, {len(every)} nuclei outlined, {met} of them found")
    for words, areas in (("found", found), ("outlined", every)):
        low, middle, high = np.percentile(areas, [25, 50, 75])
        large = 100 * np.mean(areas > LARGE_UM2)
        print(f"  {words}: {middle:.1f} um2 ({low:.1f} to {high:.1f}), {large:.1f} % large")
    print(
        f"  pairs: ratio {np.median(ratio):.2f},"
        f" within a quarter {np.mean(abs(ratio - 1) < 0.25):.2f},"
        f" correlation {np.corrcoef(found, outlined)[0, 1]:.2f}"
    )
    if len(by_picture) > 2:
        correlation = np.corrcoef(by_picture.T)[0, 1]
        ratio = np.median(by_picture[:, 0] / by_picture[:, 1])
        print(f"  medians of {len(by_picture)} images: {ratio:.2f}, correlation {correlation:.2f}")


def main() -> None:
    """Print both sets."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, help="folder of monusac_breast and pannuke_breast25")
    given = parser.parse_args()
    tell("MoNuSAC", list(monusac(given.data / "monusac_breast")))
    tell("PanNuke", list(pannuke(given.data / "pannuke_breast25")))


if __name__ == "__main__":
    main()
