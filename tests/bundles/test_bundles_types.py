"""types.json: the head on types of a bundle, read as it was written, refused where it is none."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from breastseg.bundles.bundle import Bundle
from breastseg.bundles.types import TYPES, Types, types_of
from breastseg.errors import ModelError

HEAD = Types(
    ("benign", "malignant"),
    np.array([[1.0, -1.0], [0.1, 0.3], [0.0, 2.0]]),
    np.array([0.5, -0.5]),
    {"auc": 0.9},
    True,
    "better than colours",
)


def bundle_with(folder: Path, bundle: Bundle, value: Any) -> Bundle:
    (folder / TYPES).write_text(json.dumps(value), encoding="utf-8")
    return Bundle(folder, replace(bundle.card, files={**bundle.card.files, TYPES: "0" * 64}))


def test_probabilities_are_a_softmax_by_hand() -> None:
    found = HEAD.probabilities(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1000.0]]))
    logits = np.array([1.5, -1.5])
    assert found[0] == pytest.approx(np.exp(logits) / np.exp(logits).sum())
    assert found[1].tolist() == [0, 1]  # 2000 in exp() would be infinite


def test_a_head_is_read_as_it_was_written(tmp_path: Path, tiny_bundle: Bundle) -> None:
    found = types_of(bundle_with(tmp_path, tiny_bundle, HEAD.to_dict()))
    assert found is not None
    assert (found.names, found.scores, found.speaks, found.note) == (
        HEAD.names,
        HEAD.scores,
        HEAD.speaks,
        HEAD.note,
    )
    assert np.array_equal(found.weights, HEAD.weights.astype(np.float32).astype(float))
    assert np.array_equal(found.bias, HEAD.bias)


def test_a_bundle_may_have_none(tiny_bundle: Bundle) -> None:
    assert types_of(tiny_bundle) is None


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"types": ["benign"]}, "1 types"),
        ({"bias": [0.5]}, "1 biases"),
        ({"weights": []}, "0 rows"),
        ({"weights": [[1, 2], [3]]}, "not 2 numbers"),
        ({"weights": [[1, "x"]]}, "a weight"),
        ({"bias": [1, 1e12]}, "a bias"),
        ({"speaks": 1}, "speaks"),
        ({"scores": []}, "speaks"),
        ({"note": 3}, "note"),
    ],
)
def test_a_head_that_is_none_is_refused(
    changes: dict[str, Any], fact: str, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    value = {**HEAD.to_dict(), **changes}
    with pytest.raises(ModelError, match=rf"types\.json: not a head on types .*{fact}"):
        types_of(bundle_with(tmp_path, tiny_bundle, value))
