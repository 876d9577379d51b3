"""Maps and annotations over a slide: which there are, what they are made of, and their tiles, whose values are labels."""

import struct
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from fastapi import HTTPException

from breastseg.errors import BreastsegError
from breastseg.labels import LabelMap, load_label_map
from breastseg.serve.config import Limits
from breastseg.serve.folder import Entry, Folder, Result, is_own_file, opaque
from breastseg.serve.known import Truth
from breastseg.serve.label_files import HeldLabels, Labels, StoredLabels, open_labels
from breastseg.serve.schema import ClassOut, LayerOut
from breastseg.serve.shelf import Shelf
from breastseg.serve.tiles import levels_of
from breastseg.slides import check_upright, open_slide

FILES = (
    "labels.ome.tif", "labels.png", "regions.geojson", "regions.geojson.gz", "uncertainty.ome.tif", "probabilities.ome.tif", "overlay.jpg",
    "overlay.png",
)  # fmt: skip
"""What a folder of results may hold for download."""
MADE_FILES = ("measures.csv", "report.html")
"""What is made when it is asked for."""

_LABELS = ("labels.ome.tif", "labels.png")
_UNCERTAINTY = "uncertainty.ome.tif"


@dataclass(frozen=True)
class Layer:
    """Labels over a whole slide.

    Attributes:
        id: opaque; another one when it is made again.
        kind: map, or truth: what a person painted.
        title: the model's name, or "annotation".
        made: ISO date and time; None of a truth.
        label_map: names and colours of its labels.
        path: labels.ome.tif, labels.png, or the mask.
        result: of a map.
        picture: that a truth was painted on.
    """

    id: str
    kind: Literal["map", "truth"]
    title: str
    made: str | None
    label_map: LabelMap
    path: Path
    result: Result | None = None
    picture: Path | None = None

    @property
    def uncertainty(self) -> Path | None:
        """Return the file of the model's uncertainty, where it was asked for."""
        path = self.path.with_name(_UNCERTAINTY)
        return path if self.result and is_own_file(path) else None

    @property
    def files(self) -> list[str]:
        """Return the names of what can be downloaded."""
        kept = [name for name in FILES if self.result and is_own_file(self.path.with_name(name))]
        return [*kept, *MADE_FILES] if self.result else []

    @property
    def run(self) -> dict[str, Any]:
        """Return what run.json says; nothing of a truth."""
        return self.result.run if self.result else {}


class Layers:
    """The layers of all slides, and the label images that are open."""

    def __init__(self, folder: Folder, limits: Limits) -> None:
        """Take the folder; nothing is opened yet."""
        self._folder = folder
        self._shelf: Shelf[StoredLabels | HeldLabels] = Shelf(4 * limits.open_slides, limits.held_bytes)
        self._maps: dict[str, Layer | None] = {}
        self._truths: dict[str, Layer] = {}

    def of(self, entry: Entry, size_px: tuple[int, int]) -> list[Layer]:
        """Return the layers of a slide of this size: maps, newest first, then the truth."""
        results = self._folder.results_of(entry, sure=True)
        layers = [self._map_layer(result) for result in results if tuple(result.run["size_px"]) == size_px]
        truth = self._folder.truth_of(entry)
        if truth is not None:
            layers.append(self._truth_layer(truth))
        return [layer for layer in layers if layer is not None]

    def layer(self, layer_id: str) -> Layer:
        """Return a layer.

        Raises:
            HTTPException: 404, there is none, or it was removed.
        """
        result = self._folder.result(layer_id)
        layer = self._map_layer(result) if result else self._truths.get(layer_id)
        if layer is None or not layer.path.is_file():
            raise HTTPException(404, "no such map here; open the slide again")
        return layer

    def told(self, layer: Layer) -> LayerOut:
        """Return what the page is told of a layer.

        Raises:
            HTTPException: 422, its labels cannot be read.
        """
        with self._borrowed(layer, layer.path) as labels:
            size = labels.size_px
        classes = classes_of(layer.label_map, layer.run.get("measures", {}))
        return LayerOut(
            id=layer.id, kind=layer.kind, title=layer.title, made=layer.made, size_px=size, levels=levels_of(size), classes=classes,
            uncertainty=layer.uncertainty is not None, files=layer.files,
        )  # fmt: skip

    def tile(self, layer: Layer, level: int, column: int, row: int, *, uncertainty: bool = False) -> bytes:
        """Return a tile as 8-bit grey PNG, whose values are labels.

        Raises:
            HTTPException: 404, no such tile, or no uncertainty; 422, the labels cannot be read there.
        """
        path = layer.uncertainty if uncertainty else layer.path
        if path is None:
            raise HTTPException(404, "this map was made without uncertainty; segment with it")
        with self._borrowed(layer, path) as labels:
            try:
                return grey_png(labels.tile(level, column, row))
            except BreastsegError as cause:
                raise HTTPException(422, self._folder.told(str(cause))) from None

    def close(self) -> None:
        """Let go of all label images."""
        self._shelf.close()

    def _borrowed(self, layer: Layer, path: Path) -> AbstractContextManager[StoredLabels | HeldLabels]:
        return self._shelf.borrowed((layer.id, path.name), partial(self._opened, layer, path))

    def _opened(self, layer: Layer, path: Path) -> StoredLabels | HeldLabels:
        look = partial(layer.label_map.apply, where=path.name) if layer.kind == "truth" else None
        try:
            if layer.picture is not None:
                with closing(open_slide(layer.picture, mpp=1.0)) as slide:  # looks at its header alone
                    check_upright(slide, path.name)
            labels = open_labels(path, look)
        except BreastsegError as cause:
            raise HTTPException(422, self._folder.told(str(cause))) from None
        if layer.result and not _is_over(labels.size_px, layer.result.run["size_px"]):
            labels.close()
            width, height = labels.size_px
            raise HTTPException(422, f"{path.name}: {width} x {height} px do not lie over the slide of its run.json; make the map again")
        return labels

    def _map_layer(self, result: Result) -> Layer | None:
        """Return the layer of a result; None when its labels or their names are not there."""
        if result.id not in self._maps:
            path = next((result.folder / name for name in _LABELS if is_own_file(result.folder / name)), None)
            try:
                label_map = LabelMap.from_dict(result.run["label_map"], "run.json")
            except BreastsegError:
                path = None
            title = str(result.run.get("model", "map"))
            self._maps[result.id] = Layer(result.id, "map", title, result.made, label_map, path, result) if path else None
        return self._maps[result.id]

    def _truth_layer(self, truth: Truth) -> Layer | None:
        try:
            label_map, found = load_label_map(truth.label_map), truth.path.stat()
        except (BreastsegError, OSError):
            return None
        name = opaque(truth.path, found.st_mtime_ns)
        self._truths[name] = Layer(name, "truth", "annotation", None, label_map, truth.path, picture=truth.picture)
        return self._truths[name]


def _is_over(size_px: tuple[int, int], slide_px: list[int]) -> bool:
    """Return whether labels have the shape of their slide, to a pixel or two of theirs."""
    (width, height), (slide_width, slide_height) = size_px, slide_px
    return abs(width * slide_height - height * slide_width) <= 2 * (slide_width + slide_height)


def classes_of(label_map: LabelMap, measures: Mapping[str, Any] = MappingProxyType({})) -> list[ClassOut]:
    """Return the classes of a map, with their areas and shares where a row of measures has them."""
    numbers = {key: value for key, value in measures.items() if isinstance(value, int | float)}
    known = {key: value for key, value in numbers.items() if value == value}  # a share of nothing is NaN
    told = []
    for label, one in enumerate(label_map.classes, start=1):
        percent = known.get(f"{one.name}_percent")
        share = None if percent is None else percent / 100
        told.append(ClassOut(label=label, name=one.name, color=one.color, area_mm2=known.get(f"{one.name}_mm2"), share=share))
    return told


def grey_png(values: Labels) -> bytes:
    """Return (H, W) uint8 as 8-bit grey PNG without filters or colour tables: what a page decodes is what was stored."""
    height, width = values.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = values
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name))) for name, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
