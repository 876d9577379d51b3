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
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from breastseg.data.fields import (
    FIELDS,
    TYPE,
    WITH,
    WITHOUT,
    check_pixels,
    check_row,
    facts_of,
    presence_of,
)
from breastseg.data.places import COLUMNS, Places
from breastseg.errors import DatasetError, MppError
from breastseg.geometry import check_mpp
from breastseg.images import Pixels
from breastseg.json_files import read_json
from breastseg.labels import LabelMap, Labels, label_map_of
from breastseg.tables import Table, read_table, shown

FORMAT = 2
ARRAYS = "arrays"
DOTS_AS = ("discs", "regions", "both")
"""What dots teach: a disc each; the areas that they vote for; or both."""
_WORDS = (
    "patient",
    "site",
    "annotation",
    "mpp_source",
    "source_split",
    "image_sha256",
    "labels_sha256",
)
_ANNOTATIONS = ("areas", "dots", FIELDS)
_MOST_PX = 2**40
_HEADER = re.compile(
    rb"\{'descr': '([^']{1,8})', 'fortran_order': False, 'shape': \(([\d, ]{1,60})\), \} *\n"
)
"""What `prepare` writes at the start of an array; anything else is not of a data set."""
_MAGIC = b"\x93NUMPY\x01\0"
_HEADER_BYTES = 1024
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
            region is a part of a slide; `places`, how many dots have an extent or say what is not
            there; `without` and `with`, classes joined by ";" that are known to be nowhere in a
            region, or somewhere in it; `type`, what its picture was diagnosed as, where `types`
            has names.
        dot_radius_um: of the disc that a dot labels.
        parts: each kind of data in it with its licence.
        dots_as: what dots teach, one of `DOTS_AS`.
        vote_rules: what decided the votes; empty where nothing votes.
        types: names of the types that are told apart; empty where none were taken.
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
        """Return a region's labels, (H, W) uint8, memory-mapped; counted once, so that none is
        there that regions.csv does not know."""
        labels: Labels = self._array(region, "labels", np.dtype(np.uint8), self._shape(region))
        if region not in self._counted:
            self._check_counts(region, labels)
            self._counted.add(region)
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
        none = np.zeros_like(label)
        return np.stack([label, none, none, y, x, y + 1, x + 1], axis=1)

    def presence(self, region: str) -> Mapping[int, bool]:
        """Return, by label, the classes of which is known that the whole region has them (True), or
        that it has them not (False)."""
        return presence_of(self.regions, region, self.label_map.names)

    def votes(self, region: str) -> Labels | None:
        """Return what a region's dots vote for, (H, W) uint8, memory-mapped; None where they do
        not. For training alone, it is no truth."""
        told: Any = self.regions.at[region, "voted_px"] if self.vote_rules else 0
        if not (voted_px := int(told)):
            return None
        votes: Labels = self._array(region, "votes", np.dtype(np.uint8), self._shape(region))
        if np.count_nonzero(votes) != voted_px or votes.max() >= self._counts.shape[1]:
            raise DatasetError(
                f"{self._path(region, 'votes')}: damaged (other votes than regions.csv counts);"
                " prepare the data set again"
            )
        return votes

    def dotted(self, regions: list[str]) -> list[str]:
        """Return those of the regions in which nothing but dots is known."""
        return [region for region in regions if self.regions.loc[region, "annotation"] == "dots"]

    def fields(self, regions: list[str]) -> list[str]:
        """Return those of the regions of which something is known as a whole, and not every
        pixel."""
        return [region for region in regions if self.regions.loc[region, "annotation"] == FIELDS]

    def typed(self, regions: list[str]) -> list[str]:
        """Return those of the regions whose type is known."""
        return [region for region in regions if self.types and self.regions.at[region, TYPE]]

    @cached_property
    def facts(self) -> pd.DataFrame:
        """Return what is known of whole fields, one row a region, one column a class: -1 nowhere, 1
        somewhere, 0 not known."""
        names = self.label_map.names
        cells = [
            self.regions[column] if column in self.regions else [""] * len(self.regions)
            for column in (WITHOUT, WITH)
        ]
        rows = [
            facts_of(without, somewhere, names) for without, somewhere in zip(*cells, strict=True)
        ]
        return pd.DataFrame(
            np.array(rows).reshape(-1, len(names)), index=self.regions.index, columns=list(names)
        )

    @cached_property
    def _counted(self) -> set[str]:
        """Return the regions whose labels were counted."""
        return set()

    @cached_property
    def _counts(self) -> npt.NDArray[np.int64]:
        """Return pixels by region and label, as regions.csv has them: those of the labels on disk,
        whatever they are grouped into."""
        columns = [
            name
            for name in self.regions.columns
            if name.startswith("px_") and name != "px_not_annotated"
        ]
        return self.regions[["px_not_annotated", *columns]].to_numpy(np.int64)

    def _shape(self, region: str) -> tuple[int, int]:
        sides: list[Any] = [self.regions.at[region, side] for side in ("height_px", "width_px")]
        return int(sides[0]), int(sides[1])

    def _places(self, region: str, kind: str) -> npt.NDArray[np.int32]:
        places: npt.NDArray[np.int32] = self._array(region, kind, np.dtype(np.int32), (None, 3))
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
        inside = (
            (top >= 0)
            & (top < bottom)
            & (bottom <= height)
            & (left >= 0)
            & (left < right)
            & (right <= width)
        )
        known = (
            (label >= 1)
            & (label < self._counts.shape[1])
            & np.isin(is_not, (0, 1))
            & np.isin(is_round, (0, 1))
        )
        if not (inside & known).all():
            raise DatasetError(
                f"{self._path(region, 'places')}: damaged (a place of no class, or outside);"
                " prepare the data set again"
            )
        return places

    def _check_counts(self, region: str, labels: Labels) -> None:
        told = self._counts[self.regions.index.get_loc(region)]
        found = np.zeros(256, np.int64)
        for top in range(0, len(labels), _BLOCK_ROWS):
            found += np.bincount(labels[top : top + _BLOCK_ROWS].ravel(), minlength=256)
        if found[len(told) :].any() or not np.array_equal(found[: len(told)], told):
            raise DatasetError(
                f"{self._path(region, 'labels')}: damaged (other labels than regions.csv counts);"
                " prepare the data set again"
            )

    def _path(self, region: str, kind: str) -> Path:
        return self.path / ARRAYS / f"{region}.{kind}.npy"

    def _array(
        self, region: str, kind: str, dtype: "np.dtype[Any]", shape: Sequence[int | None]
    ) -> Any:
        """Map an array when its header and its size are those of `shape`, in which None is any
        length."""
        path = self._path(region, kind)
        try:
            with path.open("rb") as file:
                head = file.read(_HEADER_BYTES)
                size = file.seek(0, os.SEEK_END)
        except FileNotFoundError:
            raise DatasetError(
                f"{path}: missing though the data set was whole; prepare it again"
            ) from None
        except OSError as cause:
            raise DatasetError(
                f"{path}: cannot be read ({cause.strerror or cause}); prepare the data set again"
            ) from None
        start = 10 + int.from_bytes(head[8:10], "little")
        header = _HEADER.fullmatch(head[10:start]) if head.startswith(_MAGIC) else None
        if header is None:
            raise DatasetError(
                f"{path}: damaged (not an array as prepare writes it); prepare the data set again"
            )
        found = tuple(int(length) for length in header[2].split(b",") if length.strip())
        wanted = tuple(
            there if here is None else here for here, there in zip(shape, found, strict=False)
        )
        if header[1] != dtype.str.encode() or len(found) != len(shape) or found != wanted:
            raise DatasetError(
                f"{path}: {kind} of {found} {header[1].decode('latin-1')}, regions.csv tells"
                f" {wanted} {dtype.str}; prepare it again"
            )
        if size != start + math.prod(found) * dtype.itemsize:
            raise DatasetError(
                f"{path}: damaged ({size:,} bytes, its head tells another size); prepare the data"
                " set again"
            )
        return np.memmap(path, dtype, mode="r", offset=start, shape=found)

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
        table = self.regions[["image_sha256", "labels_sha256", "source_mpp"]].sort_index()
        return hashlib.sha256((text + table.to_csv(lineterminator="\n")).encode()).hexdigest()[:16]


def open_dataset(path: str | Path) -> Dataset:
    """Open a prepared data set.

    Raises:
        DatasetError: no data set there, one whose preparation was interrupted, or one of another
            format.
    """
    root = Path(path)
    if not (root / "dataset.json").is_file():
        hint = (
            "its preparation was interrupted, run the same prepare again"
            if (root / ARRAYS).is_dir()
            else "make one with breastseg prepare"
        )
        raise DatasetError(f"{root}: no prepared data set (dataset.json is missing); {hint}")
    info = read_json(root / "dataset.json", DatasetError, "a data set's description")
    if not isinstance(info, dict) or "format" not in info:
        raise DatasetError(
            f"{root / 'dataset.json'}: not a data set's description; prepare it again"
        )
    if info["format"] != FORMAT:
        raise DatasetError(
            f"{root}: data set format {shown(str(info['format']))}, wanted {FORMAT}; prepare it"
            " again into a new folder"
        )
    if not {"mpp", "label_map", "dot_radius_um", "parts"} <= info.keys():
        raise DatasetError(
            f"{root / 'dataset.json'}: not a data set's description; prepare it again"
        )
    label_map = label_map_of(info["label_map"], str(root / "dataset.json"))
    mpp, radius, parts = info["mpp"], info["dot_radius_um"], info["parts"]
    if not (
        _is_number(mpp)
        and _is_number(radius)
        and radius > 0
        and isinstance(parts, list)
        and all(isinstance(p, str) for p in parts)
    ):
        raise DatasetError(
            f"{root / 'dataset.json'}: mpp, dot_radius_um or parts are not as prepare writes them;"
            " prepare it again"
        )
    try:
        check_mpp(mpp, str(root / "dataset.json"))
    except MppError as cause:
        raise DatasetError(f"{cause}; prepare it again") from None
    regions = _regions(root / "regions.csv", label_map)
    dots_as, rules = info.get("dots_as", "discs"), info.get("votes", {})
    if (
        dots_as not in DOTS_AS
        or not isinstance(rules, dict)
        or not all(map(_is_number, rules.values()))
    ):
        raise DatasetError(
            f"{root / 'dataset.json'}: dots_as or votes are not as prepare writes them; prepare it"
            " again"
        )
    if (dots_as != "discs") != bool(rules) or bool(rules) != ("voted_px" in regions):
        raise DatasetError(
            f"{root / 'dataset.json'}: it and regions.csv do not agree on whether dots vote;"
            " prepare it again"
        )
    types = _types(root / "dataset.json", info.get("types", []), regions)
    return Dataset(
        root, label_map, float(mpp), regions, float(radius), tuple(parts), dots_as, rules, types
    )


def _types(path: Path, names: Any, regions: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of types; each region has one of them or none."""
    fit = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    if not fit or bool(names) != (TYPE in regions):
        raise DatasetError(
            f"{path}: it and regions.csv do not agree on types; prepare the data set again"
        )
    if names and not set(regions[TYPE]) <= {"", *names}:
        odd = sorted(set(regions[TYPE]) - {"", *names})[0]
        raise DatasetError(
            f"{path}: regions.csv has type '{shown(odd)}', wanted {', '.join(names)}; prepare the"
            " data set again"
        )
    return tuple(names)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e9 < value < 1e9


def _regions(path: Path, label_map: LabelMap) -> pd.DataFrame:
    """Read the table of regions, columns of pixels in the order of the labels.

    Raises:
        DatasetError: it is not such a table, or one that has been changed: a region twice, pixels
            that do not add up, no number.
    """
    classes = tuple(f"px_{name}" for name in label_map.names)
    needed = (
        "region",
        *_WORDS[:3],
        "width_px",
        "height_px",
        "source_mpp",
        *_WORDS[3:],
        "px_not_annotated",
        *classes,
    )
    table = read_table(
        path,
        DatasetError,
        needed=needed,
        known=("box_level0_px", "places", "voted_px", WITHOUT, WITH, TYPE),
        others=True,
    )
    if foreign := [name for name in table.columns if name.startswith("px_") and name not in needed]:
        raise DatasetError(
            f"{path}: column {shown(foreign[0])} is of no class in dataset.json; prepare it again"
        )
    for column in ("region", "patient"):
        table.needs(column, f"no {column}; prepare it again")
    for name, row in table.by("region").items():
        if re.search(r"[/\\]", name):
            raise DatasetError(
                f"{table.where(row)}: region '{shown(name)}' is no name of a file; prepare it again"
            )
        if row["annotation"] not in _ANNOTATIONS:
            odd_kind = shown(row["annotation"])
            raise DatasetError(
                f"{table.where(row)}: annotation '{odd_kind}', wanted {', '.join(_ANNOTATIONS)};"
                " prepare it again"
            )
        check_row(table, row, label_map.names)
    columns: dict[str, object] = {}
    for column in sorted(
        table.columns, key=lambda name: needed.index(name) if name in needed else len(needed)
    ):
        if column in {"width_px", "height_px", "px_not_annotated", "places", "voted_px", *classes}:
            columns[column] = _whole(table, column)
        elif column == "source_mpp":
            columns[column] = _positive(table, column)
        else:
            columns[column] = [row[column] for row in table.rows]
    found = pd.DataFrame(columns).set_index("region")
    odd = (
        found[["px_not_annotated", *classes]].sum(axis=1).to_numpy()
        != (found["width_px"] * found["height_px"]).to_numpy()
    )
    if odd.any():
        raise DatasetError(
            f"{table.where(table.rows[int(odd.argmax())])}: pixels do not add up to width_px x"
            " height_px; prepare it again"
        )
    check_pixels(table, found)
    return found


def _whole(table: Table, column: str) -> list[int]:
    found = table.numbers(column)
    for row, number in zip(table.rows, found, strict=True):
        if number is None or not (number.is_integer() and 0 <= number <= _MOST_PX):
            raise DatasetError(
                f"{table.where(row)}: {column} '{shown(row[column])}', wanted a whole number;"
                " prepare it again"
            )
    return [int(number or 0) for number in found]


def _positive(table: Table, column: str) -> list[float]:
    found = table.numbers(column)
    for row, number in zip(table.rows, found, strict=True):
        if not number or number < 0:
            raise DatasetError(
                f"{table.where(row)}: {column} '{shown(row[column])}', wanted microns per pixel;"
                " prepare it again"
            )
    return [number or 0.0 for number in found]
