"""One region of a data set, prepared: its arrays, then its row, which says that they are whole."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from breastseg.data.arrays import ARRAYS, array_path, save_array
from breastseg.data.config import PrepareConfig
from breastseg.data.fields import Known, hash_of, known_of
from breastseg.data.region_labels import (
    RegionLabels,
    box_of,
    check_turned,
    drawn_of,
    labels_of,
    notes_of,
)
from breastseg.data.regions_table import SCANNER
from breastseg.data.votes import SILENT, stroma_of, vote
from breastseg.errors import DatasetError
from breastseg.files import fingerprint, sha256_of, write_json, written
from breastseg.geometry import Box
from breastseg.images import Pixels, open_slide
from breastseg.json_files import JsonObject, read_json
from breastseg.labels import LabelMap, Labels
from breastseg.sources import Region

POINTS_PER_CLASS = 1024
"""Places kept per class and region for drawing crops: enough that neighbouring crops differ, 12 KB
a class."""
VOTES = "votes"
"""Key of a region's row: what `said_of_votes` needs to tell of all regions together."""


def prepare_region(region: Region, label_map: LabelMap, out: Path, config: PrepareConfig) -> None:
    """Write one region's arrays, then its row.

    Raises:
        BreastsegError: its image or annotation cannot be taken.
    """
    known = known_of(region.field, label_map) if region.field else None
    drawn = drawn_of(region)
    with closing(open_slide(region.image, mpp=region.mpp)) as slide:
        check_turned(region, known, drawn, slide)
        notes = notes_of(region, drawn, slide)
        box = box_of(region, known, drawn, slide, config.to_mpp)
        # Before the pixels, which take longest to read: an annotation that does not fit is refused.
        annotation = labels_of(region, known, drawn, box, slide.size_px, label_map, config)
        image = slide.read(box, mpp=config.to_mpp)
        is_whole = (box.width, box.height) == slide.size_px
        scanner = slide.scanner
    save_array(array_path(out, region.id, "image"), image)
    labels = annotation.labels
    save_array(array_path(out, region.id, "labels"), labels)
    save_array(array_path(out, region.id, "points"), class_points(labels, region.id))
    save_array(array_path(out, region.id, "dots"), annotation.dots)
    # The order of these keys is that of the columns in regions.csv.
    row = _facts(region, known, annotation.annotation, image, label_map)
    for name, note in notes.items():
        if note:
            row[name] = note
    if not is_whole:
        row["box_level0_px"] = _words(box)
    if scanner:
        row[SCANNER] = scanner
    if annotation.places is not None and len(annotation.places):
        save_array(array_path(out, region.id, "places"), annotation.places)
        row["places"] = len(annotation.places)
    row |= _save_votes(out, region.id, annotation, image, label_map, config)
    if config.tiles_px:
        folder = out / f"tiles_{config.tiles_px}"
        _save_tiles(image, labels, folder, region.id, config.tiles_px)
    row |= _class_pixels(labels, label_map)
    # Written last: it says that the arrays are whole.
    write_json(row_path(out, region.id), row)


def row_path(out: Path, region: str) -> Path:
    """Return where a region's row is kept until regions.csv is made of all of them."""
    return out / ARRAYS / f"{region}.json"


def is_made(region: Region, out: Path) -> bool:
    """Return whether the region's row is there and its files are still those it was made of."""
    path = row_path(out, region.id)
    if not path.is_file():
        return False
    row = read_json(path, DatasetError, "a region's row")
    if not isinstance(row, dict):
        raise DatasetError(f"{path}: not a region's row; remove it and run the same command again")
    return bool(
        row.get("image_sha256") == _hash(region)
        and row.get("labels_sha256") == _labels_hash(region)
    )


def _hash(region: Region) -> str:
    """Return the SHA-256 of an image; of a slide that is a folder, of the names and sizes in it,
    and of one that has many regions, the fingerprint."""
    image = region.image
    if region.box or image.is_dir():
        # A slide with 100 regions would be read 100 times.
        return fingerprint(image)
    return sha256_of(image)


def _labels_hash(region: Region) -> str:
    """Return the SHA-256 of what is annotated."""
    if region.field is None:
        return sha256_of(region.labels)
    return hash_of(region.field, sha256_of(region.labels) if region.is_drawn else "")


def _facts(
    region: Region, known: Known | None, annotation: str, image: Pixels, label_map: LabelMap
) -> JsonObject:
    """Return the head of a region's row: whose it is, its size, and of which files it was made."""
    row: JsonObject = {
        "region": region.id,
        "patient": region.patient,
        "site": region.site,
        "annotation": annotation,
        "width_px": image.shape[1],
        "height_px": image.shape[0],
        "source_mpp": region.mpp,
        "mpp_source": region.mpp_source,
        "source_split": region.split,
        "image_sha256": _hash(region),
        "labels_sha256": _labels_hash(region),
    }
    if known:
        row |= known.columns(label_map)
    return row


def _class_pixels(labels: Labels, label_map: LabelMap) -> JsonObject:
    """Return the end of a region's row: pixels by class."""
    counts = np.bincount(labels.ravel(), minlength=len(label_map.classes) + 1)
    row: JsonObject = {"px_not_annotated": int(counts[0])}
    for label, name in enumerate(label_map.names, start=1):
        row[f"px_{name}"] = int(counts[label])
    return row


def _words(box: Box) -> str:
    return f"{box.x},{box.y},{box.width},{box.height}"


def _save_votes(
    out: Path,
    region: str,
    annotation: RegionLabels,
    image: Pixels,
    label_map: LabelMap,
    config: PrepareConfig,
) -> JsonObject:
    """Write what the dots of a field vote for, where that is asked for; return what its row says of
    it."""
    if not config.vote_rules:
        return {}
    if annotation.annotation != "dots":
        row: JsonObject = {"voted_px": 0}
        # Areas know better than votes what lies between the dots.
        if len(annotation.dots):
            row[SILENT] = len(annotation.dots)
        return row
    voted = vote(
        annotation.dots,
        annotation.labels,
        image,
        mpp=config.to_mpp,
        width_um=config.vote_width_um,
        stroma=stroma_of(label_map),
    )
    voted_px = int(np.count_nonzero(voted.labels))
    if voted_px:
        save_array(array_path(out, region, "votes"), voted.labels)
    return {"voted_px": voted_px, VOTES: voted.row()}


def class_points(labels: Labels, seed: str) -> npt.NDArray[np.int32]:
    """Choose up to 1024 places of each class, the same for the same labels and seed.

    Returns:
        (N, 3) int32 rows of (label, y, x), by label.
    """
    # By the region's name: the same places whichever regions are prepared beside it.
    rng = np.random.default_rng(list(seed.encode()))
    flat = labels.ravel()
    width = labels.shape[1]
    chosen = [np.empty((0, 3), np.int32)]  # so that there is something to join without a class
    for label in range(1, int(flat.max(initial=0)) + 1):
        places = np.flatnonzero(flat == label)
        if places.size > POINTS_PER_CLASS:
            places = np.sort(rng.choice(places, POINTS_PER_CLASS, replace=False, shuffle=False))
        columns = [np.full_like(places, label), places // width, places % width]
        chosen.append(np.stack(columns, axis=1).astype(np.int32))
    return np.concatenate(chosen)


def _save_tiles(
    image: npt.NDArray[np.uint8], labels: Labels, folder: Path, region: str, side: int
) -> None:
    """Write whole tiles as PNG, `images/` and `masks/`, for tools that want folders; borders that
    fill no tile are left out."""
    for y, x in _tile_corners(labels.shape, side):
        box = Box(x, y, side, side)
        for kind, array in (("images", image), ("masks", labels)):
            tile: npt.NDArray[Any] = np.ascontiguousarray(array[box.slices])
            with written(folder / kind / f"{region}_y{y}_x{x}_{side}.png") as unfinished:
                Image.fromarray(tile).save(unfinished, format="PNG")


def _tile_corners(shape: tuple[int, ...], side: int) -> Iterator[tuple[int, int]]:
    for y in range(0, shape[0] - side + 1, side):
        for x in range(0, shape[1] - side + 1, side):
            yield y, x
