"""Dataset: a folder of prepared regions.

dataset.json          LabelMap, mpp, where it came from; written last, so a folder that has it is
whole
regions.csv           one row a region: the path table
split.csv             region -> train / val / test, written by `breastseg split`
arrays/ID.image.npy   (H, W, 3) uint8, memory-mapped
arrays/ID.labels.npy  (H, W) uint8, memory-mapped; 0 is not annotated, k + 1 is class k
arrays/ID.points.npy  (N, 3) int32 rows of (label, y, x): places of each class to draw crops at
arrays/ID.dots.npy    (N, 3) int32 rows of (label, y, x): dots of the annotation
arrays/ID.places.npy  (N, 7) int32: dots, boxes and discs, and what they are not (see
metrics/places.py); only where regions.csv counts some
arrays/ID.votes.npy   (H, W) uint8, where asked for: what the dots of a field vote for (votes.py);
taught, never truth
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from breastseg.data.arrays import ARRAYS as ARRAYS
from breastseg.data.arrays import array_path, map_array
from breastseg.data.config import DOTS_AS as DOTS_AS
from breastseg.data.fields import FIELDS, TYPE, WITH, WITHOUT, facts_of, presence_of
from breastseg.data.places import COLUMNS, Places
from breastseg.data.regions_table import read_regions
from breastseg.errors import DatasetError, MppError
from breastseg.geometry import check_mpp
from breastseg.images import Pixels
from breastseg.json_files import JsonObject, read_json
from breastseg.labels import LabelMap, Labels, label_map_of
from breastseg.tables import shown

FORMAT = 2
# Rows that are counted at a time: bincount() makes an array of them that is eight times as large.
_BLOCK_ROWS = 512


@dataclass(frozen=True, eq=False)
class Dataset:
    """A prepared data set, opened for reading.

    Attributes:
        path: its folder.
        label_map: what its labels mean.
        mpp: microns per pixel of all its regions.
        regions: one row a region, by id: patient, site, annotation ("areas" where areas are drawn
            or painted, "dots" where nothing else is known, "fields" where something is known of the
            whole), width_px, height_px, source_mpp, mpp_source, source_split, image_sha256,
            labels_sha256, and `px_NAME` per class; box_level0_px ("x,y,width,height") where a
            region is a part of a slide; `scanner`, what scanned it, where a file says so;
            `places`, how many dots have an extent or say what is not there; `without` and `with`,
            classes joined by ";" that are known to be nowhere in a region, or somewhere in it;
            `type`, what its image was diagnosed as, where `types` has names.
        dot_radius_um: of the disc that a dot labels.
        parts: each kind of data in it with its licence.
        dots_as: what dots teach, one of `DOTS_AS`.
        vote_rules: what decided the votes; empty where nothing votes.
        types: names of the types; empty where none were taken.
    """

    path: Path
    label_map: LabelMap
    mpp: float
    regions: pd.DataFrame
    dot_radius_um: float
    parts: tuple[str, ...]
    dots_as: str = "discs"
    vote_rules: Mapping[str, float] = field(default_factory=dict)
    types: tuple[str, ...] = ()

    def image(self, region: str) -> Pixels:
        """Return a region's pixels, (H, W, 3) uint8, memory-mapped."""
        pixels: Pixels = self._array(region, "image", np.dtype(np.uint8), (*self._shape(region), 3))
        return pixels

    def labels(self, region: str) -> Labels:
        """Return a region's labels, (H, W) uint8, memory-mapped; they are counted once, so that no
        label comes out that regions.csv does not know."""
        labels: Labels = self._array(region, "labels", np.dtype(np.uint8), self._shape(region))
        if region not in self._checked:
            self._check_counts(region, labels)
            self._checked.add(region)
        return labels

    def points(self, region: str) -> npt.NDArray[np.int32]:
        """Return places of each class, (N, 3) int32 rows of (label, y, x)."""
        return self._places(region, "points")

    def dots(self, region: str) -> npt.NDArray[np.int32]:
        """Return the annotation's dots, (N, 3) int32 rows of (label, y, x)."""
        return self._places(region, "dots")

    def places(self, region: str) -> Places:
        """Return the dots as places that a map is scored at, (N, 7) int32: with their extents, and
        those that say what is not there."""
        count = int(self.regions["places"].get(region, 0)) if "places" in self.regions else 0
        if count:
            return self._checked_places(region, count)
        label, y, x = np.asarray(self.dots(region), np.int32).T
        no = np.zeros_like(label)
        # Each dot is one pixel of its class, neither "not CLASS" nor round.
        return np.stack([label, no, no, y, x, y + 1, x + 1], axis=1)

    def presence(self, region: str) -> Mapping[int, bool]:
        """Return, by label, the classes of which is known that the whole region has them (True), or
        that it has them not (False)."""
        return presence_of(self.regions, region, self.label_map.names)

    def votes(self, region: str) -> Labels | None:
        """Return what a region's dots vote for, (H, W) uint8, memory-mapped; None where they do
        not. For training alone, it is no truth."""
        if not self.vote_rules:
            return None
        cell: Any = self.regions.at[region, "voted_px"]
        voted_px = int(cell)
        if voted_px == 0:
            return None
        votes: Labels = self._array(region, "votes", np.dtype(np.uint8), self._shape(region))
        labels = self._counts.shape[1]  # K + 1
        if np.count_nonzero(votes) != voted_px or votes.max() >= labels:
            raise DatasetError(
                f"{self._path(region, 'votes')}: damaged (other votes than regions.csv counts);"
                " prepare the data set again"
            )
        return votes

    def dotted(self, regions: list[str]) -> list[str]:
        """Return those of the regions in which nothing but dots is known."""
        return self._annotated_as("dots", regions)

    def fields(self, regions: list[str]) -> list[str]:
        """Return those of the regions of which something is known as a whole, and not every
        pixel."""
        return self._annotated_as(FIELDS, regions)

    def _annotated_as(self, kind: str, regions: list[str]) -> list[str]:
        return [region for region in regions if self.regions.loc[region, "annotation"] == kind]

    def typed(self, regions: list[str]) -> list[str]:
        """Return those of the regions whose type is known."""
        if not self.types:
            return []
        return [region for region in regions if self.regions.at[region, TYPE]]

    @cached_property
    def facts(self) -> pd.DataFrame:
        """Return what is known of whole fields, one row a region, one column a class: -1 nowhere, 1
        somewhere, 0 not known."""
        names = self.label_map.names
        cells = []
        for column in (WITHOUT, WITH):
            # A data set without fields has neither column.
            has_it = column in self.regions
            cells.append(self.regions[column] if has_it else [""] * len(self.regions))
        rows = []
        for without, somewhere in zip(*cells, strict=True):
            rows.append(facts_of(without, somewhere, names))
        values = np.array(rows).reshape(-1, len(names))  # (R, K)
        return pd.DataFrame(values, index=self.regions.index, columns=list(names))

    @cached_property
    def _checked(self) -> set[str]:
        """Return the regions whose labels were counted and found right."""
        return set()

    @cached_property
    def _counts(self) -> npt.NDArray[np.int64]:
        """Return pixels by region and label, as regions.csv has them: those of the labels on disk,
        whatever they are grouped into."""
        columns = ["px_not_annotated"]
        for name in self.regions.columns:
            if name.startswith("px_") and name not in columns:
                columns.append(name)
        return self.regions[columns].to_numpy(np.int64)

    def _shape(self, region: str) -> tuple[int, int]:
        height: Any = self.regions.at[region, "height_px"]
        width: Any = self.regions.at[region, "width_px"]
        return int(height), int(width)

    def _places(self, region: str, kind: str) -> npt.NDArray[np.int32]:
        places: npt.NDArray[np.int32] = self._array(region, kind, np.dtype(np.int32), (None, 3))
        # Columns are label, y, x: no label is 0 or above K, no place outside.
        ends = (self._counts.shape[1], *self._shape(region))
        if np.any(places < (1, 0, 0)) or np.any(places >= ends):
            raise DatasetError(
                f"{self._path(region, kind)}: damaged (a place of no class, or outside); prepare"
                " the data set again"
            )
        return places

    def _checked_places(self, region: str, count: int) -> Places:
        places: Places = self._array(region, "places", np.dtype(np.int32), (count, COLUMNS))
        label, is_not, is_round, top, left, bottom, right = places.T
        height, width = self._shape(region)
        is_inside = (top >= 0) & (top < bottom) & (bottom <= height)
        is_inside &= (left >= 0) & (left < right) & (right <= width)
        is_known = (label >= 1) & (label < self._counts.shape[1])
        is_known &= np.isin(is_not, (0, 1)) & np.isin(is_round, (0, 1))
        if not (is_inside & is_known).all():
            raise DatasetError(
                f"{self._path(region, 'places')}: damaged (a place of no class, or outside);"
                " prepare the data set again"
            )
        return places

    def _check_counts(self, region: str, labels: Labels) -> None:
        wanted = self._counts[self.regions.index.get_loc(region)]  # (K + 1,)
        counts = np.zeros(256, np.int64)
        for top in range(0, len(labels), _BLOCK_ROWS):
            rows = labels[top : top + _BLOCK_ROWS]
            counts += np.bincount(rows.ravel(), minlength=256)
        has_unknown = counts[len(wanted) :].any()
        if has_unknown or not np.array_equal(counts[: len(wanted)], wanted):
            raise DatasetError(
                f"{self._path(region, 'labels')}: damaged (other labels than regions.csv counts);"
                " prepare the data set again"
            )

    def _path(self, region: str, kind: str) -> Path:
        return array_path(self.path, region, kind)

    def _array(
        self, region: str, kind: str, dtype: "np.dtype[Any]", shape: Sequence[int | None]
    ) -> Any:
        return map_array(self._path(region, kind), kind, dtype, shape)

    @cached_property
    def class_pixels(self) -> pd.DataFrame:
        """Return labelled pixels, one row a region, one column a class."""
        columns = self.regions[[f"px_{name}" for name in self.label_map.names]]
        return columns.set_axis(list(self.label_map.names), axis="columns")

    def fingerprint(self) -> str:
        """Return a hash of mpp, label map, dots' radius, how they vote, and every source file: what
        a model was trained on."""
        text = f"{FORMAT} {self.mpp!r} {self.dot_radius_um!r} {self.label_map.fingerprint()}\n"
        if self.vote_rules:
            text += f"{self.dots_as} {json.dumps(dict(self.vote_rules), sort_keys=True)}\n"
        if self.types:
            text += f"types {json.dumps(self.types)} {self.regions[TYPE].sort_index().tolist()}\n"
        # Sorted: the order in which regions were found decides nothing.
        table = self.regions[["image_sha256", "labels_sha256", "source_mpp"]].sort_index()
        text += table.to_csv(lineterminator="\n")
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def open_dataset(path: str | Path) -> Dataset:
    """Open a prepared data set.

    Raises:
        DatasetError: no data set there, one whose preparation was interrupted, or one of another
            format.
    """
    root = Path(path)
    where = root / "dataset.json"
    info = _description(root)
    label_map = label_map_of(info["label_map"], str(where))
    mpp = info["mpp"]
    radius = info["dot_radius_um"]
    parts = info["parts"]
    are_numbers = _is_number(mpp) and _is_number(radius) and radius > 0
    are_words = isinstance(parts, list) and all(isinstance(part, str) for part in parts)
    if not (are_numbers and are_words):
        raise DatasetError(
            f"{where}: mpp, dot_radius_um or parts are not as prepare writes them; prepare it again"
        )
    try:
        check_mpp(mpp, str(where))
    except MppError as cause:
        raise DatasetError(f"{cause}; prepare it again") from None
    regions = read_regions(root / "regions.csv", label_map)
    dots_as, rules = _votes(where, info, regions)
    types = _types(where, info.get("types", []), regions)
    return Dataset(
        root, label_map, float(mpp), regions, float(radius), tuple(parts), dots_as, rules, types
    )


def _description(root: Path) -> JsonObject:
    """Read dataset.json, as far as to know that it is one of this format."""
    where = root / "dataset.json"
    if not where.is_file():
        hint = "make one with breastseg prepare"
        if (root / ARRAYS).is_dir():
            hint = "its preparation was interrupted, run the same prepare again"
        raise DatasetError(f"{root}: no prepared data set (dataset.json is missing); {hint}")
    info = read_json(where, DatasetError, "a data set's description")
    if not isinstance(info, dict) or "format" not in info:
        raise DatasetError(f"{where}: not a data set's description; prepare it again")
    if info["format"] != FORMAT:
        raise DatasetError(
            f"{root}: data set format {shown(str(info['format']))}, wanted {FORMAT}; prepare it"
            " again into a new folder"
        )
    if not {"mpp", "label_map", "dot_radius_um", "parts"} <= info.keys():
        raise DatasetError(f"{where}: not a data set's description; prepare it again")
    return info


def _votes(where: Path, info: JsonObject, regions: pd.DataFrame) -> tuple[str, dict[str, float]]:
    """Return what dots teach, and what decided their votes; regions.csv must know them too."""
    dots_as = info.get("dots_as", "discs")
    rules = info.get("votes", {})
    are_numbers = isinstance(rules, dict) and all(map(_is_number, rules.values()))
    if dots_as not in DOTS_AS or not are_numbers:
        raise DatasetError(
            f"{where}: dots_as or votes are not as prepare writes them; prepare it again"
        )
    if (dots_as != "discs") != bool(rules) or bool(rules) != ("voted_px" in regions):
        raise DatasetError(
            f"{where}: it and regions.csv do not agree on whether dots vote; prepare it again"
        )
    return dots_as, rules


def _types(path: Path, names: Any, regions: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of types; each region has one of them or none."""
    are_names = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    if not are_names or bool(names) != (TYPE in regions):
        raise DatasetError(
            f"{path}: it and regions.csv do not agree on types; prepare the data set again"
        )
    if not names:
        return ()
    unknown = sorted(set(regions[TYPE]) - {"", *names})
    if unknown:
        raise DatasetError(
            f"{path}: regions.csv has type '{shown(unknown[0])}', wanted {', '.join(names)};"
            " prepare the data set again"
        )
    return tuple(names)


def _is_number(value: object) -> bool:
    # True is an int to Python; NaN fails both comparisons.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e9 < value < 1e9
