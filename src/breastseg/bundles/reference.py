"""reference.safetensors: fields of the training data with the network's features, for the nearest
of them to be found at a place.

The tensor `features` is (N, C) in half precision, `thumbnails` holds JPEG files one after
the other; the text beside them says of each field what it is and how long its image is.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import REFERENCE, Bundle
from breastseg.bundles.tensors import BYTE, HALF, Place, tensor_places, write_tensors
from breastseg.errors import ModelError
from breastseg.json_files import shown, text_of, whole_in
from breastseg.labels import LabelMap
from breastseg.records import to_json

FIELD_PX = 128
"""Side of a field at the model's microns per pixel."""
MOST_FIELDS = 100_000
MOST_FEATURES = 8192
MOST_THUMBNAIL = 64 * 2**10
"""Bytes of one JPEG."""
_MOST_SIDE = 10**7
# A JPEG file begins with these bytes.
_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True)
class ReferenceField:
    """A field of the training data.

    Attributes:
        class_name: its class by the annotation.
        patient: whose it is.
        region: of the data set.
        x: of its left edge in the region, at the model's microns per pixel.
        y: of its top edge.
        source: the data it comes from, with licence.
        thumbnail: JPEG; empty where the licence does not let images travel.
    """

    class_name: str
    patient: str
    region: str
    x: int
    y: int
    source: str
    thumbnail: bytes = b""


@dataclass(frozen=True, eq=False)
class Reference:
    """Fields, and the features of each: (N, C) float32."""

    fields: tuple[ReferenceField, ...]
    features: npt.NDArray[np.float32]


def write_reference(path: Path, reference: Reference) -> None:
    """Write a reference; features are rounded to half precision."""
    rows = []
    for field in reference.fields:
        row = {name: to_json(value) for name, value in vars(field).items()}
        # JPEG bytes are no JSON; they lie one after the other in a tensor of their own.
        del row["thumbnail"]
        row["thumbnail_bytes"] = len(field.thumbnail)
        rows.append(row)
    thumbnails = b"".join(field.thumbnail for field in reference.fields)
    pictures = np.frombuffer(thumbnails, np.uint8)
    write_tensors(
        path,
        {"features": reference.features.astype(np.float16), "thumbnails": pictures},
        {"fields": json.dumps(rows, sort_keys=True)},
    )


def read_reference(bundle: Bundle) -> Reference:
    """Read the reference of a bundle.

    Raises:
        ModelError: it has none, or what is there is no reference of this model.
    """
    name = bundle.card.name
    if REFERENCE not in bundle.card.files:
        raise ModelError(
            f"model '{name}': has no fields of its training data to compare with; breastseg export"
            f" {bundle.path.name} --features DATASET --out NEW makes a model that has them"
        )
    path = bundle.file(REFERENCE)
    places, texts = tensor_places(path, HALF, BYTE)
    try:
        return _read(path, places, texts, bundle.card.label_map)
    except (KeyError, TypeError, ValueError, RecursionError) as cause:
        raise ModelError(
            f"{path}: not a reference of this model ({cause}); export it again"
        ) from None


def _read(
    path: Path, places: dict[str, Place], texts: dict[str, str], label_map: LabelMap
) -> Reference:
    """Return the reference of a file; ValueError says what does not fit."""
    rows = json.loads(texts["fields"])
    features_at = places["features"]
    pictures_at = places["thumbnails"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_FIELDS:
        raise ValueError(f"fields is {shown(rows)}, wanted a list of 1 to {MOST_FIELDS}")
    # Sizes are checked before anything is read, so that a wrong one allocates nothing.
    shape = features_at.shape  # (N, C)
    if len(shape) != 2 or shape[0] != len(rows) or not 1 <= shape[1] <= MOST_FEATURES:
        raise ValueError(f"features of {shape} for {len(rows)} fields")
    with path.open("rb") as file:
        file.seek(features_at.offset)
        features = np.frombuffer(file.read(features_at.length), "<f2").reshape(shape)
        file.seek(pictures_at.offset)
        pictures = file.read(pictures_at.length)
    if not np.isfinite(features).all():
        raise ValueError("a feature that is no number")
    fields = []
    start = 0
    for row in rows:
        length = whole_in(row["thumbnail_bytes"], 0, MOST_THUMBNAIL, "thumbnail_bytes")
        fields.append(_field(row, pictures[start : start + length], label_map))
        start += length
    if start != len(pictures):
        raise ValueError(f"images of {len(pictures)} bytes, wanted {start}")
    return Reference(tuple(fields), features.astype(np.float32))


def _field(row: Any, thumbnail: bytes, label_map: LabelMap) -> ReferenceField:
    """Return a field of the file, checked."""
    # The browser shows it: nothing but a JPEG may be handed on under that name.
    if thumbnail and not thumbnail.startswith(_JPEG):
        raise ValueError("a thumbnail that is no JPEG")
    name = text_of(row["class_name"], "class_name")
    if name not in label_map.names:
        raise ValueError(f"class {shown(name)}, wanted {', '.join(label_map.names)}")
    return ReferenceField(
        class_name=name,
        patient=text_of(row["patient"], "patient"),
        region=text_of(row["region"], "region"),
        x=whole_in(row["x"], 0, _MOST_SIDE, "x"),
        y=whole_in(row["y"], 0, _MOST_SIDE, "y"),
        source=text_of(row["source"], "source", most=1000),
        thumbnail=thumbnail,
    )
