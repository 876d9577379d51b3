"""Maps and annotations over a slide: which there are, what they are made of, and their tiles, whose
values are labels."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias, TypeVar

from breastseg.bundles.margins import Margins
from breastseg.errors import BreastsegError
from breastseg.images import check_upright, open_slide
from breastseg.labels import LabelMap, load_label_map
from breastseg.maps.record import (
    DISAGREEMENT,
    LABELS,
    MEASURES_TABLE,
    OVERLAYS,
    PACKED_REGIONS,
    PROBABILITIES,
    REGIONS,
    UNCERTAINTY,
    RunRecord,
)
from breastseg.serve.config import Limits
from breastseg.serve.library.entries import Entry
from breastseg.serve.library.folder import Folder
from breastseg.serve.library.known import Truth
from breastseg.serve.library.names import opaque
from breastseg.serve.library.results import Result, is_own_file
from breastseg.serve.refusals import Absent, Unreadable
from breastseg.serve.room import Room
from breastseg.serve.schema import ClassOut, LayerOut
from breastseg.serve.tiles.decoded import LARGE_PX, Decoded, Decoder
from breastseg.serve.tiles.decoding import Task
from breastseg.serve.tiles.label_files import HeldLabels, held_labels, labels_size, stored_labels
from breastseg.serve.tiles.pieces import grey_png, levels_of, piece_box
from breastseg.serve.tiles.shelf import Shelf

FILES = (
    *LABELS,
    REGIONS,
    PACKED_REGIONS,
    UNCERTAINTY,
    DISAGREEMENT,
    PROBABILITIES,
    *OVERLAYS,
)
"""What a folder of results may hold for download."""
MADE_FILES = (MEASURES_TABLE, "report.html")
"""What is made when it is asked for."""

_OPEN_BYTES = 2**20
"""What is open and holds no labels here."""
_LABEL_BYTES = 6
"""A label takes, while it is decoded: Pillow's pixel, codes, labels, and what finds codes that
nobody knows."""

Shown: TypeAlias = Literal["labels", "uncertainty", "disagreement"]
"""What of a layer is shown: what it names, or how much a pixel's name is worth."""
Answer = TypeVar("Answer")


class LabelImage:
    """A label image that is looked at, in one of three ways; threads may ask it for tiles.

    Tiles of our own TIFFs are read where they lie; what is small is held; what is large a process
    of its own has decoded.

    Attributes:
        size_px: (width, height).
        held_bytes: what is decoded and kept, at most.
        is_large: a process of its own decodes it.
    """

    def __init__(
        self,
        path: Path,
        label_map: LabelMap | None,
        passing: Room,
        large: Callable[[], AbstractContextManager[Decoded]],
    ) -> None:
        """Open a label image; nothing is decoded before somebody asks.

        Args:
            path: labels.ome.tif or labels.png of a result, or a mask of codes.
            label_map: turns codes into labels; None where values are labels.
            passing: room for what is decoded and not kept.
            large: lends it as `decoding` has decoded it.

        Raises:
            ImageError: no label image, broken, or too large to hold where it must be held.
        """
        self._path, self._label_map, self._passing, self._large = path, label_map, passing, large
        self._lock = threading.Lock()
        self._stored = None
        if label_map is None and path.name.endswith(".ome.tif"):
            self._stored = stored_labels(path)
        self._labels: HeldLabels | None = None
        self.size_px = self._stored.size_px if self._stored else labels_size(path)
        pixels = self.size_px[0] * self.size_px[1]
        self.is_large = self._stored is None and pixels > LARGE_PX
        # With its halves: 1 + 1/4 + 1/16 ... is 4/3.
        self.held_bytes = _OPEN_BYTES if self._stored or self.is_large else 4 * pixels // 3

    def png(self, level: int, column: int, row: int) -> bytes:
        """Return a tile as 8-bit grey PNG, whose values are labels.

        Raises:
            Refused: there is no such tile; as of `Decoder`. BreastsegError:
                the file is broken there.
        """
        if self.is_large:
            piece_box(self.size_px, level, column, row)  # what is not there is not decoded for
            with self._large() as decoded:
                return decoded.piece(level, column, row)
        if self._stored is None:
            return grey_png(self._held().tile(level, column, row))
        with self._passing.taken(self._stored.passing_bytes(level)):
            return grey_png(self._stored.tile(level, column, row))

    def check(self) -> None:
        """Decode what is decoded whole; raises as `png`."""
        if self.is_large:
            with self._large():
                return
        if self._stored is None:
            self._held()

    def close(self) -> None:
        """Let go of the file."""
        if self._stored is not None:
            self._stored.close()

    def _held(self) -> HeldLabels:
        with self._lock:
            if self._labels is None:
                with self._passing.taken(_LABEL_BYTES * self.size_px[0] * self.size_px[1]):
                    self._labels = held_labels(self._path, self._label_map)
            return self._labels


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
        return self._beside(UNCERTAINTY)

    @property
    def disagreement(self) -> Path | None:
        """Return the file of how far several models are apart, where there is one."""
        return self._beside(DISAGREEMENT)

    def _beside(self, name: str) -> Path | None:
        path = self.path.with_name(name)
        return path if self.result and is_own_file(path) else None

    @property
    def files(self) -> list[str]:
        """Return the names of what can be downloaded."""
        if self.result is None:
            return []
        there = [name for name in FILES if is_own_file(self.path.with_name(name))]
        return [*there, *MADE_FILES]

    @property
    def run(self) -> RunRecord | None:
        """Return what run.json says; None of a truth."""
        return self.result.run if self.result else None


class Layers:
    """The layers of all slides, and the label images that are open."""

    def __init__(
        self, folder: Folder, limits: Limits, kept: Room, passing: Room, decoder: Decoder
    ) -> None:
        """Take the folder, the room for what is kept and for what is not, and what decodes large
        label images; nothing is opened yet."""
        self._folder, self._passing, self._decoder = folder, passing, decoder
        self._shelf: Shelf[LabelImage] = Shelf(4 * limits.open_slides, kept)
        self._maps: dict[str, Layer | None] = {}
        self._truths: dict[str, Layer] = {}

    def of(self, entry: Entry, size_px: tuple[int, int]) -> list[Layer]:
        """Return the layers of a slide of this size: maps, newest first, then the truth."""
        layers = []
        for result in self._folder.results_of(entry, sure=True):
            # A record may say anything: labels of another size would lie beside the tissue.
            if result.run.size_px == size_px:
                layers.append(self._map_layer(result))
        truth = self._folder.truth_of(entry)
        if truth is not None:
            layers.append(self._truth_layer(truth))
        return [layer for layer in layers if layer is not None]

    def layer(self, layer_id: str) -> Layer:
        """Return a layer.

        Raises:
            Refused: there is none, or it was removed.
        """
        result = self._folder.result(layer_id)
        layer = self._map_layer(result) if result else self._truths.get(layer_id)
        if layer is None or not layer.path.is_file():
            raise Absent("no such map here; open the slide again")
        return layer

    def is_open(self, layer_id: str) -> bool:
        """Return whether a tile of labels can be made without opening their file first, or decoding
        all of it."""
        layer = self._maps.get(layer_id) or self._truths.get(layer_id)
        if layer is None:
            return False
        image = self._shelf.peek((layer.id, layer.path.name))
        if image is None:
            return False
        return not image.is_large or self._decoder.holds(_key(layer, layer.path))

    def told(self, layer: Layer) -> LayerOut:
        """Return what the page shows of a layer.

        Raises:
            Refused: its labels cannot be read; others take the room for long.
        """
        with self._borrowed(layer, layer.path) as labels:
            # Now, so that broken labels are named with the slide, and not tile by tile.
            self._guarded(labels.check)
            size = labels.size_px
        run = layer.run
        if run is None:
            classes = classes_of(layer.label_map)
        else:
            classes = classes_of(layer.label_map, run.measures, run.margins)
        return LayerOut(
            id=layer.id,
            kind=layer.kind,
            title=layer.title,
            made=layer.made,
            size_px=size,
            levels=levels_of(size),
            mpp=run.mpp if run else None,
            classes=classes,
            uncertainty=layer.uncertainty is not None,
            disagreement=layer.disagreement is not None,
            files=layer.files,
        )

    def tile(
        self, layer: Layer, level: int, column: int, row: int, *, of: Shown = "labels"
    ) -> bytes:
        """Return a tile as 8-bit grey PNG, whose values are labels or 1 + 254 times a share.

        Raises:
            Refused: no such tile, or no uncertainty or disagreement; the labels cannot be read
                there; others take the room for long.
        """
        path = layer.path
        if of == "uncertainty":
            if layer.uncertainty is None:
                raise Absent("this map was made without uncertainty; segment with it")
            path = layer.uncertainty
        elif of == "disagreement":
            if layer.disagreement is None:
                raise Absent("this map was made by one model; breastseg predict takes several")
            path = layer.disagreement
        with self._borrowed(layer, path) as labels:
            return self._guarded(partial(labels.png, level, column, row))

    def close(self) -> None:
        """Let go of all label images."""
        self._shelf.close()

    def _borrowed(self, layer: Layer, path: Path) -> AbstractContextManager[LabelImage]:
        return self._shelf.borrowed((layer.id, path.name), partial(self._opened, layer, path))

    def _opened(self, layer: Layer, path: Path) -> LabelImage:
        if layer.picture is not None:
            self._guarded(partial(_check_upright, layer.picture, path.name))
        label_map = layer.label_map if layer.kind == "truth" else None
        task = Task("labels", str(path), label_map.to_dict() if label_map else None)
        large = partial(self._decoder.borrowed, _key(layer, path), task)
        labels = self._guarded(lambda: LabelImage(path, label_map, self._passing, large))
        if layer.result and not _is_over(labels.size_px, layer.result.run.size_px):
            labels.close()
            width, height = labels.size_px
            raise Unreadable(
                f"{path.name}: {width} x {height} px do not lie over the slide of its run.json;"
                " make the map again",
            )
        return labels

    def _guarded(self, ask: Callable[[], Answer]) -> Answer:
        """Ask a label image; of what is broken the message has no paths."""
        try:
            return ask()
        except BreastsegError as cause:
            raise Unreadable(self._folder.told(str(cause))) from None

    def _map_layer(self, result: Result) -> Layer | None:
        """Return the layer of a result; None when its labels or their names are not there."""
        # Looked for once: a result that is made again has another id.
        if result.id not in self._maps:
            layer = None
            run = result.run
            for name in LABELS:
                path = result.folder / name
                if layer is None and is_own_file(path):
                    layer = Layer(
                        result.id, "map", run.model, result.made, run.label_map, path, result
                    )
            self._maps[result.id] = layer
        return self._maps[result.id]

    def _truth_layer(self, truth: Truth) -> Layer | None:
        try:
            label_map, facts = load_label_map(truth.label_map), truth.path.stat()
        except (BreastsegError, OSError):
            return None
        name = opaque(truth.path, facts.st_mtime_ns)
        self._truths[name] = Layer(
            name, "truth", "annotation", None, label_map, truth.path, picture=truth.picture
        )
        return self._truths[name]


def _key(layer: Layer, path: Path) -> tuple[str, ...]:
    """Return the name under which a label image that is decoded is held."""
    return "labels", layer.id, path.name


def _is_over(size_px: tuple[int, int], slide_px: tuple[int, int]) -> bool:
    """Return whether labels have the shape of their slide, to a pixel or two of theirs."""
    (width, height), (slide_width, slide_height) = size_px, slide_px
    # The sides' ratios, multiplied out: whole numbers, and no division by 0.
    return abs(width * slide_height - height * slide_width) <= 2 * (slide_width + slide_height)


def classes_of(
    label_map: LabelMap,
    measures: Mapping[str, object] = MappingProxyType({}),
    margins: Margins | None = None,
) -> list[ClassOut]:
    """Return the classes of a map, with their areas and shares where a row of measures has them,
    and how far their borders may be off where its model knows."""
    of_class = margins.classes if margins else {}
    numbers: dict[str, float] = {}
    for key, value in measures.items():
        # A share of nothing is NaN, which is no equal of itself and which JSON has not.
        if isinstance(value, int | float) and value == value:
            numbers[key] = value
    classes = []
    for label, label_class in enumerate(label_map.classes, start=1):
        name = label_class.name
        percent = numbers.get(f"{name}_percent")
        classes.append(
            ClassOut(
                label=label,
                name=name,
                color=label_class.color,
                area_mm2=numbers.get(f"{name}_mm2"),
                share=None if percent is None else percent / 100,
                border_um=of_class[name].border_um if name in of_class else None,
            )
        )
    return classes


def _check_upright(picture: Path, labels: str) -> None:
    """Refuse labels on an image that a tag turns: programs do not agree on what they lie on."""
    with closing(open_slide(picture, mpp=1.0)) as slide:  # looks at its header alone
        check_upright(slide, labels)
