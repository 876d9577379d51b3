"""Folders of annotation for tests: images, masks, and a table beside them."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from breastseg.sources import Source, open_source
from slide_files import levels_of, write_ome


def picture(path: Path, *, mask: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ones((8, 8) if mask else (8, 8, 3), np.uint8)).save(path)


def fields(folder: Path, *names: str) -> Path:
    """Write images with masks, under `images` and `masks`."""
    for name in names:
        picture(folder / "src" / "images" / f"{name}.png")
        picture(folder / "src" / "masks" / f"{name}.png", mask=True)
    return folder / "src"


def joined(folder: Path, text: str, **options: Any) -> Source:
    (folder / "t.csv").write_text(text)
    return open_source(folder / "src", **{"mpp": 0.5, "table": folder / "t.csv", **options})


def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def slide(path: Path, size: tuple[int, int] = (1600, 800)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0], 3), 220, np.uint8)
    write_ome(
        path,
        levels_of(pixels, 1),
        PhysicalSizeX=0.5,
        PhysicalSizeY=0.5,
        PhysicalSizeXUnit="µm",
        PhysicalSizeYUnit="µm",
    )


def painted(path: Path, values: object, picture: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.parent.mkdir(parents=True, exist_ok=True)
    mask = np.array(values, np.uint8).repeat(16, 0).repeat(16, 1)
    Image.fromarray(mask).save(path)
    Image.fromarray(np.full((*mask.shape, 3), 200, np.uint8)).save(picture)
