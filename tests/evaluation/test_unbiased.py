"""A bias taken off again: probabilities, labels and their counts."""

import numpy as np
import pytest

from breastseg.evaluation.probabilities import SeenProbabilities
from breastseg.evaluation.unbiased import Unbiased
from breastseg.geometry import Box
from breastseg.inference.model import Model, load_model
from breastseg.inference.tiles import Named

NO_PLACES = np.zeros((0, 7), np.int32)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("lite0", backend="onnx", threads=1)


def biased(logits: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return (K, H, W) probabilities of logits to which a bias was added."""
    scores = np.exp(logits + bias[:, None, None])
    return (scores / scores.sum(axis=0)).astype(np.float32)


def test_labels_are_those_of_the_logits_alone(model: Model) -> None:
    rng = np.random.default_rng(0)
    names = list(model.card.label_map.names)
    logits = rng.normal(size=(len(names), 6, 7))
    bias = rng.normal(size=len(names))
    plain = Unbiased(model, bias)
    found = plain.labels(biased(logits, bias))
    assert found.tolist() == (logits.argmax(axis=0) + 1).tolist()
    plain.add(found, NO_PLACES, found)
    figures = plain.figures({names[0]: 1.0}, names)
    assert figures.overall.accuracy == 1.0
    assert figures.overall.support_px == 42
    assert figures.dots is None


def test_probabilities_are_counted_by_patient(model: Model) -> None:
    classes = len(model.card.label_map.classes)
    shares = np.full((classes, 2, 3), 1 / classes, np.float32)
    labels = np.ones((2, 3), np.uint8)
    seen = SeenProbabilities(model, {"r1": "p", "r2": "p", "r3": "q"})
    for region in ("r1", "r2", "r3"):
        piece = Named(Box(0, 0, 3, 2), labels, shares, 6)
        assert (seen.add(region, piece, labels) == labels).all()
    assert {patient: counts.pixels for patient, counts in seen.by_patient.items()} == {
        "p": 12,
        "q": 6,
    }
