"""A model looks at a field once; what is kept are counts from which the map at every shift of its
tumour follows.

A shift is added to the log-probability of tumour before the likeliest class is taken. Whether a
pixel is tumour depends on one number, the shift from which on it is; what it is otherwise does not
change. So pixels are counted by truth, by that number (in bins that begin at `SHIFTS`), and by
their likeliest class other than tumour.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from breastseg.data.places import place_px
from breastseg.evaluation.regroup import grouped_probabilities, table
from breastseg.files import written
from breastseg.geometry import scaled_size
from breastseg.histology.picture_mask import picture_mask
from breastseg.images import Pixels, open_slide, read_codes, resample_labels, resample_pixels
from breastseg.inference.model import Model
from breastseg.inference.tiles import PixelField, name_tissue
from breastseg.labels import LabelMap, Labels, load_label_map
from breastseg.metrics import pixels_of
from yardstick.fields import Field, nucleus_class

REGION5 = load_label_map("region5")
NAMES = REGION5.names
TUMOR = 0
"""Channel of tumour in `REGION5`."""
SHIFTS = np.arange(-64, 33) / 16
"""Shifts of the log-probability of tumour: -4 to 2 in steps of 1/16."""
AS_IT_IS = int(np.flatnonzero(SHIFTS == 0)[0])
_LEAST = 1e-12
_VERSION = 2

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Seen:
    """What a model says of a field.

    Attributes:
        pixels: (K + 1, S, K) int64, of each truth (0: none) the pixels that have each label at each
            of the S shifts.
        glass: pixels that are left out as glass.
        names: of the places, as in "tumor" or "not tumor".
        places: (N, S) uint8, the label of most pixels of each place, at each shift.
    """

    pixels: Counts
    glass: int
    names: tuple[str, ...]
    places: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Change:
    """A change of a field's colours: its name, what does it to (H, W, 3) pixels, and the numbers
    that it has.
    """

    name: str
    apply: Callable[[Pixels], Pixels]
    numbers: Sequence[float]


def look(
    model: Model, fields: Sequence[Field], cache: Path | None, change: Change | None = None
) -> list[Seen]:
    """Return what a model says of each field, perhaps in changed colours; what was looked at before
    comes from the cache.
    """
    names = {field: f"{_digest(model, field, change)}.npz" for field in fields}
    kept = {field: None if cache is None else cache / name for field, name in names.items()}
    old = {field for field, path in kept.items() if path is not None and path.is_file()}
    new = _look_at(model, [field for field in fields if field not in old], change)
    found = []
    for field in fields:
        path = kept[field]
        if path is not None and field in old:
            found.append(_load(path))
            continue
        found.append(next(new))
        if path is not None:
            _save(found[-1], path)
    return found


def _groups(model: Model) -> Labels | None:
    own: LabelMap = model.card.label_map
    if own.fingerprint() == REGION5.fingerprint():
        return None
    return table(own, REGION5, f"model '{model.card.name}'")


def _look_at(model: Model, fields: Sequence[Field], change: Change | None) -> Iterator[Seen]:
    """Look at fields; an image of which several are parts is opened once."""
    groups, slide = _groups(model), None
    said = f"{model.runner.name}{f' as {change.name}' if change else ''}"
    for field in tqdm(fields, desc=said, unit="field", disable=None, leave=False):
        if slide is None or slide.path != field.path:
            if slide is not None:
                slide.close()
            slide = open_slide(field.path, mpp=field.mpp)
            slide.hold()
        pixels = slide.read(field.box, mpp=slide.mpp)
        yield look_at(model, field, change.apply(pixels) if change else pixels, groups)
    if slide is not None:
        slide.close()


def look_at(model: Model, field: Field, pixels: Pixels, groups: Labels | None) -> Seen:
    """Return what a model says of a field with these (H, W, 3) pixels."""
    native = pixels.shape[1], pixels.shape[0]
    size = scaled_size(native, field.mpp, model.card.mpp)
    shown = resample_pixels(pixels, size)
    begin, rest = np.empty(size[::-1], np.uint8), np.empty(size[::-1], np.uint8)
    for named in name_tissue(PixelField(shown), model.runner, model.tiles, probabilities=True):
        box = named.box
        part = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
        scores = np.asarray(named.probabilities)
        begin[part], rest[part] = _decided(grouped_probabilities(scores, groups, len(NAMES)))
    truth, outside = _truth(field, size), _glass(field, pixels, size)
    inside = ~outside
    rows = [(1, 0, place.is_round, *place_px(place, native, size)) for place in field.places]
    names = [place.name for place in field.places]
    pairs = [
        *zip(names, pixels_of(np.array(rows, np.int32).reshape(-1, 7), size[0]), strict=True),
        *_nuclei(field, size),
    ]
    labels = [_majority(begin.reshape(-1)[at], rest.reshape(-1)[at]) for _, at in pairs]
    return Seen(
        _at_shifts(_histogram(truth[inside], begin[inside], rest[inside], len(NAMES) + 1)),
        int(outside.sum()),
        tuple(name for name, _ in pairs),
        np.array(labels, np.uint8).reshape(-1, len(SHIFTS)),
    )


def _decided(
    probabilities: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the number of the first shift at which a pixel is tumour (S: at none), and its
    likeliest other channel: (H, W) both.
    """
    others = probabilities.copy()
    others[TUMOR] = -1
    rest = others.argmax(axis=0)
    most = np.take_along_axis(others, rest[None], axis=0)[0]
    needed = np.log(np.maximum(most, _LEAST)) - np.log(np.maximum(probabilities[TUMOR], _LEAST))
    return np.searchsorted(SHIFTS, needed, side="left").astype(np.uint8), rest.astype(np.uint8)


def _histogram(
    truth: npt.NDArray[np.uint8],
    begin: npt.NDArray[np.uint8],
    rest: npt.NDArray[np.uint8],
    rows: int,
) -> Counts:
    """Count (N,) pixels: (rows, S + 1, K)."""
    shape = rows, len(SHIFTS) + 1, len(NAMES)
    at = (truth.astype(np.int64) * shape[1] + begin) * shape[2] + rest
    return np.bincount(at, minlength=int(np.prod(shape))).reshape(shape)


def _at_shifts(counts: Counts) -> Counts:
    """Return (R, S, K) pixels by label at each shift, from (R, S + 1, K) counts."""
    turned = counts.cumsum(axis=1)[:, :-1]
    found = counts.sum(axis=1, keepdims=True) - turned
    found[:, :, TUMOR] += turned.sum(axis=2)
    return np.asarray(found)


def _majority(begin: npt.NDArray[np.uint8], rest: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the label of most of some pixels at each shift, (S,); of equals the first."""
    counts = _at_shifts(_histogram(np.zeros(len(begin), np.uint8), begin, rest, 1))[0]
    return np.asarray(counts.argmax(axis=1) + 1, np.uint8)


def _truth(field: Field, size: tuple[int, int]) -> Labels:
    if field.mask is None:
        return np.zeros(size[::-1], np.uint8)
    return resample_labels(REGION5.apply(read_codes(field.mask), str(field.mask)), size)


def _glass(field: Field, pixels: Pixels, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    mask = picture_mask(pixels, mpp=field.mpp, always=False) if field.tissue else None
    if mask is None:
        return np.zeros(size[::-1], np.bool_)
    rows, columns = _nearest(mask.shape, size)
    return ~mask[np.ix_(rows, columns)]


def _nearest(shape: tuple[int, ...], size: tuple[int, int]) -> list[npt.NDArray[np.intp]]:
    """Return rows and columns of an image of a shape that lie under the pixels of a size."""
    sides = zip(size[::-1], shape, strict=True)
    return [(np.arange(new) * 2 + 1) * old // (2 * new) for new, old in sides]


def _nuclei(field: Field, size: tuple[int, int]) -> Iterator[tuple[str, npt.NDArray[np.intp]]]:
    """Yield class and pixels of each nucleus of a mask."""
    if field.nuclei is None:
        return
    codes = read_codes(field.nuclei)
    rows, columns = _nearest(codes.shape, size)
    for code in np.unique(codes[codes > 0]).tolist():
        name = nucleus_class(code)
        if not name:
            continue
        count, numbered = cv2.connectedComponents((codes == code).astype(np.uint8))
        flat = numbered[np.ix_(rows, columns)].reshape(-1)
        order = np.argsort(flat, kind="stable")
        cuts = np.searchsorted(flat[order], np.arange(count + 1))
        for number in range(1, count):
            at = order[cuts[number] : cuts[number + 1]]
            if len(at):
                yield name, at


def _digest(model: Model, field: Field, change: Change | None) -> str:
    """Return a name for what one model in one precision says of a field."""
    told = {
        "version": _VERSION, "card": model.card.to_dict(), "runner": model.backend,
        "field": {**asdict(field), "path": str(field.path)}, "bytes": field.path.stat().st_size,
        "change": [change.name, *change.numbers] if change else None,
    }  # fmt: skip
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()[:24]


def _save(seen: Seen, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = np.array(seen.names, dtype="U32")
    with written(path) as beside, beside.open("wb") as file:
        glass = np.array(seen.glass)
        np.savez_compressed(file, pixels=seen.pixels, glass=glass, names=names, places=seen.places)


def _load(path: Path) -> Seen:
    with closing(np.load(path, allow_pickle=False)) as kept:
        names = tuple(kept["names"].tolist())
        return Seen(kept["pixels"], int(kept["glass"]), names, kept["places"])
