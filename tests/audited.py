"""Data sets for tests of the audit, and what its report holds."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from conftest import DATA, crop, paint, quiet


def found(report: dict[str, Any], severity: str | None = None) -> list[str]:
    return [f["check"] for f in report["findings"] if severity in {None, f["severity"]}]


def finding(report: dict[str, Any], check: str) -> dict[str, Any]:
    (one,) = [f for f in report["findings"] if f["check"] == check]
    return one


def say_split(data: Dataset, parts: dict[str, str] | list[tuple[str, str]]) -> None:
    """Write split.csv as a person would, past the checks of `breastseg split`."""
    rows = parts.items() if isinstance(parts, dict) else parts
    (data.path / "split.csv").write_text(
        "region,split\n" + "".join(f"{region},{part}\n" for region, part in rows)
    )


def fields(folder: Path, pictures: dict[str, npt.NDArray[np.uint8]], **config: Any) -> Dataset:
    """Prepare images at 0.5 um/px, each with the five codes in stripes."""
    for name, picture in pictures.items():
        paint(folder / "src", name, side=picture.shape[0])
        Image.fromarray(picture).save(folder / "src" / "images" / f"{name}.png")
    chosen = {"to_mpp": 0.5, "mpp": 0.5, "labels": "region5", "workers": 1, **config}
    return prepare(folder / "src", folder / "data", PrepareConfig(**chosen), reporter=quiet)


def real(index: int, side: int = 224) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(crop(index)[:side, :side])


def kaggle(folder: Path, **changes: int) -> Dataset:
    """The real tiles of the Kaggle layout, one in train and one in val, with a code painted below a
    row."""
    shutil.copytree(DATA / "kaggle224", folder / "k")
    for kind in ("", "_mask"):
        tile = sorted((folder / "k" / f"train{kind}").iterdir())[0]
        (folder / "k" / f"val{kind}").mkdir()
        tile.rename(folder / "k" / f"val{kind}" / tile.name)
    if changes:
        for path in (folder / "k").glob("*_mask/*.png"):
            codes = np.asarray(Image.open(path)).copy()
            codes[changes["above"] :] = changes["become"]
            Image.fromarray(codes).save(path)
    return prepare(folder / "k", folder / "data", PrepareConfig(workers=1), reporter=quiet)
