"""export_reference(): a bundle and the data that trained it -> the same bundle with fields of that
data, and the network's features of each field."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import CARD, REFERENCE, Bundle, load_bundle
from breastseg.bundles.reference import FIELD_PX, Reference, ReferenceField, write_reference
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.errors import DatasetError, OutputError
from breastseg.evaluation.leaks import check_labels, check_mpp_of
from breastseg.files import sha256_of, write_json, written_folder
from breastseg.geometry import Box
from breastseg.images import Pixels, resample_pixels
from breastseg.inference.model import Model, load_model
from breastseg.reporter import TERMINAL, Reporter
from breastseg.wording import counted

PER_CLASS, PER_PATIENT = 200, 24
"""Most fields of a class, and most of them of one patient."""
_PURE = 0.75
"""Share of a field that one class must have: what is on a border is like both."""
_THUMBNAIL_PX, _QUALITY = 64, 80
_BATCH = 8
Item = TypeVar("Item")
_FREE = ("CC0-1.0", "BSD-3-Clause")
"""Licences under which images travel with a model."""


def export_reference(
    model: str | Path,
    dataset: str | Path,
    out: str | Path,
    *,
    reporter: Reporter = TERMINAL,
) -> Bundle:
    """Write a bundle again with fields of its training data, for `explain` to find the nearest.

    The network stays as it is, byte for byte.

    Args:
        model: a shipped model's name or a bundle's folder.
        dataset: folder of a prepared data set with the model's labels and microns per pixel. Areas
            of patients that trained the model are taken, and no others.
        out: folder of the new bundle; must not exist.
        reporter: who hears of it.

    Raises:
        OutputError: `out` exists. LabelError, DatasetError: the data do not fit, or none of it
            trained the model.
    """
    loaded = load_model(model)
    data = open_dataset(dataset)
    out = Path(out)
    if out.exists():
        raise OutputError(f"{out}: exists; choose another --out or remove it")
    check_labels(loaded, data)
    check_mpp_of(loaded, data)
    chosen = _chosen(data, _taught(data, loaded))
    reference = _reference(data, chosen, loaded)
    bundle = loaded.bundle
    with written_folder(out) as folder:
        for name in bundle.card.files:
            shutil.copyfile(bundle.path / name, folder / name)
        write_reference(folder / REFERENCE, reference)
        files = {**bundle.card.files, REFERENCE: sha256_of(folder / REFERENCE)}
        write_json(folder / CARD, replace(bundle.card, files=files).to_dict())
    reporter.message(_in_words(reference))
    return load_bundle(out)


def _taught(data: Dataset, model: Model) -> list[str]:
    """Return the regions with areas, of patients that trained the model."""
    patients = set(model.card.training.patients_of("train"))
    is_theirs = data.regions["patient"].isin(patients)
    has_areas = data.regions["annotation"] == "areas"
    rows = data.regions[is_theirs & has_areas]
    if rows.empty:
        raise DatasetError(
            f"{data.path}: no region with areas is of a patient that trained model"
            f" '{model.card.name}' by its card; wanted the data set that it was trained on"
        )
    return [str(name) for name in sorted(rows.index)]


def _chosen(data: Dataset, regions: list[str]) -> list[tuple[str, str, int, int]]:
    """Return (class, region, x, y) of the fields, spread over patients and evenly over each."""
    by_class: dict[str, dict[str, list[tuple[str, int, int]]]] = {}
    for region in regions:
        patient = str(data.regions.at[region, "patient"])
        for name, x, y in _pure(data, region):
            by_patient = by_class.setdefault(name, {})
            by_patient.setdefault(patient, []).append((region, x, y))
    if not by_class:
        raise DatasetError(
            f"{data.path}: no field of {FIELD_PX} px has one class on three quarters of it; wanted"
            " larger annotated areas"
        )
    chosen = []
    for name in data.label_map.names:
        if name not in by_class:
            continue
        patients = _spread(sorted(by_class[name]), PER_CLASS)
        # Equally many of each patient: else a large region would be most of the answers.
        most = min(PER_PATIENT, PER_CLASS // len(patients))
        for patient in patients:
            for region, x, y in _spread(by_class[name][patient], most):
                chosen.append((name, region, x, y))
    return chosen


def _spread(items: list[Item], most: int) -> list[Item]:
    """Return no more than `most` items, evenly spread in their order."""
    count = min(len(items), most)
    chosen = []
    for index in range(count):
        # The middle of each of `count` equal parts: (index + 1/2) / count of the way.
        place = (2 * index + 1) * len(items) // (2 * count)
        chosen.append(items[place])
    return chosen


def _pure(data: Dataset, region: str) -> Iterator[tuple[str, int, int]]:
    """Yield class, x and y of the fields of a region that are of one class."""
    labels = np.asarray(data.labels(region))  # (H, W)
    height, width = labels.shape
    names = data.label_map.names
    for y in range(0, height - FIELD_PX + 1, FIELD_PX):
        for x in range(0, width - FIELD_PX + 1, FIELD_PX):
            field = labels[Box(x, y, FIELD_PX, FIELD_PX).slices]
            counts = np.bincount(field.ravel(), minlength=len(names) + 1)
            label = int(counts[1:].argmax()) + 1  # 0 is "not annotated", no class
            if counts[label] >= _PURE * FIELD_PX**2:
                yield names[label - 1], x, y


def _reference(data: Dataset, chosen: list[tuple[str, str, int, int]], model: Model) -> Reference:
    # Which region is of which part is not known: one licence that forbids it forbids all.
    may_travel = bool(data.parts) and all(_is_free(part) for part in data.parts)
    source = "; ".join(data.parts) or "not known"
    fields = []
    pictures = []
    for name, region, x, y in chosen:
        box = Box(x, y, FIELD_PX, FIELD_PX)
        picture = np.asarray(data.image(region)[box.slices])
        patient = str(data.regions.at[region, "patient"])
        thumbnail = _thumbnail(picture) if may_travel else b""
        fields.append(ReferenceField(name, patient, region, x, y, source, thumbnail))
        pictures.append(picture)
    return Reference(tuple(fields), _features(pictures, model))


def _is_free(part: str) -> bool:
    return any(licence in part for licence in _FREE)


def _features(pictures: list[Pixels], model: Model) -> npt.NDArray[np.float32]:
    """Return the (N, C) features of fields."""
    batches = []
    for start in range(0, len(pictures), _BATCH):
        tiles = np.stack(pictures[start : start + _BATCH])  # (up to 8, H, W, 3)
        missing = _BATCH - len(tiles)  # one shape: a network is compiled for each
        widths = [(0, missing), (0, 0), (0, 0), (0, 0)]
        padded = np.pad(tiles, widths, mode="edge")
        batches.append(model.features(padded)[: len(tiles)])
    return np.concatenate(batches)


def _thumbnail(picture: Pixels) -> bytes:
    small = resample_pixels(picture, (_THUMBNAIL_PX, _THUMBNAIL_PX))
    bgr = np.ascontiguousarray(small[..., ::-1])  # the order that OpenCV writes
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(encoded.tobytes())


def _in_words(reference: Reference) -> str:
    patients = {field.patient for field in reference.fields}
    with_picture = sum(bool(field.thumbnail) for field in reference.fields)
    pictures = "without images, which this data's licence does not let travel"
    if with_picture:
        pictures = f"{with_picture} with their images"
    return (
        f"{counted(len(reference.fields), 'field')} of {counted(len(patients), 'patient')},"
        f" {pictures}"
    )
