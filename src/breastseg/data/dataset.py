"""Dataset: a folder of prepared regions.

dataset.json          LabelMap, mpp, where it came from; written last, so a folder that has it is whole
regions.csv           one row a region: the path table
split.csv             region -> train / val / test, written by `breastseg split`
arrays/ID.image.npy   (H, W, 3) uint8, memory-mapped
arrays/ID.labels.npy  (H, W) uint8, memory-mapped; 0 is not annotated, k + 1 is class k
arrays/ID.points.npy  (N, 3) int32 rows of (label, y, x): places of each class to draw crops at
arrays/ID.dots.npy    (N, 3) int32 rows of (label, y, x): dots of the annotation
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from breastseg.errors import DatasetError
from breastseg.files import read_json
from breastseg.labels import LabelMap, Labels
from breastseg.slides import Pixels

FORMAT = 2
ARRAYS = "arrays"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A prepared data set, opened for reading.

    Attributes:
        path: its folder.
        label_map: what its labels mean.
        mpp: microns per pixel of all its regions.
        regions: one row a region, by id: patient, site, annotation ("areas" where areas are drawn or painted, "dots" where
            nothing else is known), width_px, height_px, source_mpp, mpp_source, source_split, image_sha256, labels_sha256,
            and `px_NAME` per class; box_level0_px ("x,y,width,height") where a region is a part of a slide.
        dot_radius_um: of the disc that a dot labels.
        parts: each kind of data in it with its licence.
    """

    path: Path
    label_map: LabelMap
    mpp: float
    regions: pd.DataFrame
    dot_radius_um: float
    parts: tuple[str, ...]

    def image(self, region: str) -> Pixels:
        """Return a region's pixels, (H, W, 3) uint8, memory-mapped."""
        pixels: Pixels = self._array(region, "image")
        return pixels

    def labels(self, region: str) -> Labels:
        """Return a region's labels, (H, W) uint8, memory-mapped."""
        labels: Labels = self._array(region, "labels")
        return labels

    def points(self, region: str) -> npt.NDArray[np.int32]:
        """Return places of each class, (N, 3) int32 rows of (label, y, x)."""
        points: npt.NDArray[np.int32] = self._array(region, "points")
        return points

    def dots(self, region: str) -> npt.NDArray[np.int32]:
        """Return the annotation's dots, (N, 3) int32 rows of (label, y, x)."""
        dots: npt.NDArray[np.int32] = self._array(region, "dots")
        return dots

    def dotted(self, regions: list[str]) -> list[str]:
        """Return those of the regions in which nothing but dots is known."""
        return [region for region in regions if self.regions.loc[region, "annotation"] == "dots"]

    def _array(self, region: str, kind: str) -> Any:
        path = self.path / ARRAYS / f"{region}.{kind}.npy"
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise DatasetError(f"{path}: missing though the data set was whole; prepare it again") from None
        except (ValueError, EOFError) as cause:
            raise DatasetError(f"{path}: damaged ({cause}); prepare the data set again") from None

    @cached_property
    def class_pixels(self) -> pd.DataFrame:
        """Return labelled pixels, one row a region, one column a class."""
        columns = self.regions[[f"px_{name}" for name in self.label_map.names]]
        return columns.set_axis(list(self.label_map.names), axis="columns")

    def fingerprint(self) -> str:
        """Return a hash of mpp, label map, dots' radius and every source file: what a model was trained on."""
        text = f"{FORMAT} {self.mpp!r} {self.dot_radius_um!r} {self.label_map.fingerprint()}\n"
        table = self.regions[["image_sha256", "labels_sha256", "source_mpp"]].sort_index()
        return hashlib.sha256((text + table.to_csv(lineterminator="\n")).encode()).hexdigest()[:16]


def open_dataset(path: str | Path) -> Dataset:
    """Open a prepared data set.

    Raises:
        DatasetError: no data set there, one whose preparation was interrupted, or one of another format.
    """
    root = Path(path)
    if not (root / "dataset.json").is_file():
        hint = (
            "its preparation was interrupted, run the same prepare again" if (root / ARRAYS).is_dir() else "make one with breastseg prepare"
        )
        raise DatasetError(f"{root}: no prepared data set (dataset.json is missing); {hint}")
    info = read_json(root / "dataset.json", DatasetError, "a data set's description")
    if not isinstance(info, dict) or "format" not in info:
        raise DatasetError(f"{root / 'dataset.json'}: not a data set's description; prepare it again")
    if info["format"] != FORMAT:
        raise DatasetError(f"{root}: data set format {info['format']}, wanted {FORMAT}; prepare it again into a new folder")
    if not {"mpp", "label_map", "dot_radius_um", "parts"} <= info.keys():
        raise DatasetError(f"{root / 'dataset.json'}: not a data set's description; prepare it again")
    label_map = LabelMap.from_dict(info["label_map"], str(root / "dataset.json"))
    table = pd.read_csv(root / "regions.csv", dtype={"region": str, "patient": str, "site": str, "source_split": str},
                        keep_default_na=False).set_index("region")  # fmt: skip
    return Dataset(root, label_map, float(info["mpp"]), table, float(info["dot_radius_um"]), tuple(info["parts"]))
