"""Fields of the training data in a bundle: written and read, and refused where they do not fit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from breastseg.bundles.bundle import REFERENCE, Bundle
from breastseg.bundles.reference import (
    Reference,
    ReferenceField,
    read_reference,
    write_reference,
)
from breastseg.bundles.tensors import write_tensors
from breastseg.errors import ModelError

JPEG = b"\xff\xd8\xff" + b"x" * 20
FIELDS = (
    ReferenceField("tumor", "P1", "r1", 3, 4, "CC0", JPEG),
    ReferenceField("stroma", "P2", "r2", 0, 9, "no images"),
    ReferenceField("tumor", "P1", "r1", 7, 7, "CC0", JPEG + b"more"),
)


def bundle_with_reference(folder: Path, bundle: Bundle) -> Bundle:
    card = replace(bundle.card, files={**bundle.card.files, REFERENCE: "0" * 64})
    return Bundle(folder, card)


def test_what_is_written_is_read(tmp_path: Path, tiny_bundle: Bundle) -> None:
    features = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    write_reference(tmp_path / REFERENCE, Reference(FIELDS, features))
    found = read_reference(bundle_with_reference(tmp_path, tiny_bundle))
    assert found.fields == FIELDS
    assert found.features.dtype == np.float32
    assert np.array_equal(found.features, features.astype(np.float16))


def test_a_model_without_says_how_to_make_one_that_has_them(tiny_bundle: Bundle) -> None:
    with pytest.raises(ModelError, match="--features DATASET"):
        read_reference(tiny_bundle)


def row(**changes: Any) -> dict[str, Any]:
    fields = {"class_name": "tumor", "patient": "P", "region": "r", "x": 0, "y": 0, "source": "s"}
    return {**fields, "thumbnail_bytes": 0, **changes}


@pytest.mark.parametrize(
    ("rows", "features", "pictures", "fact"),
    [
        ([], np.zeros((0, 2)), b"", "fields is"),
        ([row()], np.zeros((2, 2)), b"", r"features of \(2, 2\) for 1 fields"),
        ([row()], np.zeros(1), b"", "features of"),
        ([row()], np.full((1, 2), np.inf), b"", "no number"),
        ([row(class_name="blood")], np.zeros((1, 2)), b"", "blood"),
        ([row(x=-1)], np.zeros((1, 2)), b"", "x is"),
        ([row(thumbnail_bytes=3)], np.zeros((1, 2)), b"abc", "no JPEG"),
        ([row()], np.zeros((1, 2)), JPEG, "images of 23 bytes, wanted 0"),
        ([{"class_name": "tumor"}], np.zeros((1, 2)), b"", "thumbnail_bytes"),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(
    rows: list[dict[str, Any]],
    features: np.ndarray,
    pictures: bytes,
    fact: str,
    tmp_path: Path,
    tiny_bundle: Bundle,
) -> None:
    arrays = {
        "features": features.astype(np.float16),
        "thumbnails": np.frombuffer(pictures, np.uint8),
    }
    write_tensors(tmp_path / REFERENCE, arrays, {"fields": json.dumps(rows)})
    with pytest.raises(ModelError, match=fact):
        read_reference(bundle_with_reference(tmp_path, tiny_bundle))
