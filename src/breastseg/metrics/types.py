"""Scores of types that are predicted of whole images: by image, and by patient with intervals.

A patient's probabilities are the mean of those of the images of one type, so that one with many
images counts once. Balanced accuracy is the mean over types of the share that is predicted right;
AUC is of each type against the rest, the mean over types.
"""

from collections.abc import Sequence

import numpy as np

from breastseg.json_files import JsonObject
from breastseg.metrics.intervals import DRAWS, SEED, interval_of, weights_of_draws
from breastseg.metrics.logistic import Floats, Ints
from breastseg.metrics.presence import area_of
from breastseg.metrics.rates import known_mean, ratio

_LEAST = 2
_NAMES = ("balanced_accuracy", "auc")


def type_scores(
    probabilities: Floats,
    truth: Ints,
    patients: Sequence[str],
    names: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> JsonObject:
    """Return balanced accuracy and AUC by patient, with 95 % intervals over patients, and by
    image.

    Args:
        probabilities: (N, T) of each image.
        truth: (N,) 0 to T - 1.
        patients: of the N images.
        names: of the T types.
        draws: of patients, for the intervals; 0 for none.
        seed: same seed, same intervals.

    Returns:
        {"pictures", "patients", "balanced_accuracy", "auc", "balanced_accuracy_pictures",
        "auc_pictures", "recall": {type: share of its patients that are predicted right},
        "cases": {type: patients}, "intervals": {balanced_accuracy, auc}}. An interval is None where
        a type has fewer than two patients. Types without a patient have no part in a mean; NaN
        where nothing is left.
    """
    cases, kinds, people = _cases(probabilities, truth, patients)  # (C, T), (C,), C patients
    # (1, N) weights of "each once": the figures themselves are a draw of everybody.
    each_case = np.ones((1, len(kinds)))
    each_picture = np.ones((1, len(truth)))
    recalls = _recalls(cases, kinds, each_case)[0]  # (T,), as of images
    recalls_of_pictures = _recalls(probabilities, truth, each_picture)[0]
    recall = {}
    number = {}
    for k, name in enumerate(names):
        recall[name] = float(recalls[k])
        number[name] = int((kinds == k).sum())
    return {
        "pictures": len(truth),
        "patients": len(set(patients)),
        "balanced_accuracy": float(known_mean(recalls, axis=0)),
        "auc": float(_areas(cases, kinds, each_case)[0]),
        "balanced_accuracy_pictures": float(known_mean(recalls_of_pictures, axis=0)),
        "auc_pictures": float(_areas(probabilities, truth, each_picture)[0]),
        "recall": recall,
        "cases": number,
        "intervals": _ends(_drawn(cases, kinds, people, draws, seed)),
    }


def type_difference(
    one: Floats,
    other: Floats,
    truth: Ints,
    patients: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> JsonObject:
    """Return one's scores by patient minus the other's, on the same draws of the same patients.

    Args:
        one: (N, T) probabilities of each image.
        other: likewise.
        truth: (N,).
        patients: of the N images.
        draws: of patients.
        seed: same seed, same intervals.

    Returns:
        {"balanced_accuracy", "auc", "intervals": {the same}}.
    """
    draws_of_both = []
    scores = []
    for probabilities in (one, other):
        cases, kinds, people = _cases(probabilities, truth, patients)
        once = np.ones((1, len(kinds)))
        scores.append(_rates(cases, kinds, once))
        draws_of_both.append(_drawn(cases, kinds, people, draws, seed))
    own_draws, other_draws = draws_of_both
    differences = None
    if own_draws is not None and other_draws is not None:
        differences = {name: own_draws[name] - other_draws[name] for name in _NAMES}
    own_scores, other_scores = scores
    result: JsonObject = {}
    for name in _NAMES:
        result[name] = float((own_scores[name] - other_scores[name])[0])
    result["intervals"] = _ends(differences)
    return result


def _cases(
    probabilities: Floats, truth: Ints, patients: Sequence[str]
) -> tuple[Floats, Ints, list[str]]:
    """Return mean probabilities of each patient's images of one type, the type, the patient."""
    patient_of_picture = np.asarray(patients)
    means = []
    kinds = []
    people = []
    for patient, kind in sorted(set(zip(patients, truth.tolist(), strict=True))):
        own = (patient_of_picture == patient) & (truth == kind)
        means.append(probabilities[own].mean(axis=0))
        kinds.append(kind)
        people.append(patient)
    return np.array(means), np.array(kinds, np.intp), people


def _drawn(
    cases: Floats, kinds: Ints, patients: list[str], draws: int, seed: int
) -> dict[str, Floats] | None:
    """Return each score in each draw; None where a type has too few patients."""
    people = sorted(set(patients))
    fewest = min(int((kinds == kind).sum()) for kind in np.unique(kinds))
    if not draws or len(people) < _LEAST or fewest < _LEAST:
        return None
    # (C,): a patient is drawn with all cases that it has.
    patient_of_case = np.array([people.index(patient) for patient in patients])
    draws_of_people = weights_of_draws(len(people), draws, seed, values=4 * len(patient_of_case))
    chunks = []
    for weights in draws_of_people:
        chunks.append(_rates(cases, kinds, weights[:, patient_of_case]))
    scores = {}
    for name in _NAMES:
        scores[name] = np.concatenate([chunk[name] for chunk in chunks])
    return scores


def _rates(cases: Floats, kinds: Ints, weights: Floats) -> dict[str, Floats]:
    accuracy = known_mean(_recalls(cases, kinds, weights), axis=1)
    return {"balanced_accuracy": accuracy, "auc": _areas(cases, kinds, weights)}


def _ends(draws_of_scores: dict[str, Floats] | None) -> JsonObject:
    return {
        name: interval_of(draws_of_scores[name]) if draws_of_scores else None for name in _NAMES
    }


def _recalls(probabilities: Floats, truth: Ints, weights: Floats) -> Floats:
    """Return (D, T) shares predicted right of (D, N) weights; NaN for a type without a case."""
    is_right = probabilities.argmax(axis=1) == truth  # (N,)
    of_type = np.eye(probabilities.shape[1])[truth]  # (N, T)
    right = weights @ (of_type * is_right[:, None])
    return ratio(right, weights @ of_type)


def _areas(probabilities: Floats, truth: Ints, weights: Floats) -> Floats:
    """Return (D,) areas under the ROC curve, the mean over types."""
    areas = []
    for kind in range(probabilities.shape[1]):
        areas.append(area_of(probabilities[:, kind], truth == kind, weights))  # (D,)
    return known_mean(np.stack(areas, axis=1), axis=1)
