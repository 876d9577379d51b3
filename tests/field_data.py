"""Painted fields of which is known what is in them and what is not."""

from pathlib import Path

import numpy as np
from PIL import Image

from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from conftest import paint, quiet, tcga


def small(folder: Path, *, seed: int = 0, **config: object) -> Dataset:
    """Prepare one painted region of BCSS."""
    paint(folder / "src", tcga("A2", "A001"), side=40, seed=seed)
    return prepare(
        folder / "src",
        folder / "data",
        PrepareConfig(**{"to_mpp": 0.30, "workers": 1, **config}),
        reporter=quiet,
    )  # type: ignore[arg-type]


def field(folder: Path, name: str, *, blue: int, side: tuple[int, int] = (64, 96)) -> None:
    """Write an image that tells where each pixel is: red is y, green is x."""
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.indices(side)
    pixels = np.stack([y, x, np.full_like(y, blue)], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(folder / f"{name}.png")


def dataset(folder: Path, rows: str) -> Dataset:
    """Prepare two painted regions of BCSS and fields named f0, f1 ... by their rows (mpp,
    facts)."""
    for patient in ("A001", "A002"):
        paint(folder / "bcss", tcga("A2", patient), side=64)
    lines = rows.strip().splitlines()
    for number in range(len(lines)):
        field(folder / "fields", f"f{number}", blue=10 * number)
    text = "".join(f"f{number}.png,P{number},{line}\n" for number, line in enumerate(lines))
    (folder / "fields" / "fields.csv").write_text(f"image,patient,mpp,without,with\n{text}")
    config = PrepareConfig(to_mpp=0.3, workers=1)
    return prepare([folder / "bcss", folder / "fields"], folder / "data", config, reporter=quiet)


ROWS = """
0.3,tumor,
0.3,,tumor
0.3,tumor;necrosis,stroma
"""
