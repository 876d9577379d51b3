"""What a head on types is worth: its scores by patient beside what colours alone reach.

colours             a regression on the colours of an image, fitted to the patients that trained
                    the head
colours of patient  the same on the mean colours of the patient's images: stain and scanner,
                    nothing of the image itself
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from breastseg.data.dataset import Dataset
from breastseg.data.fields import TYPE
from breastseg.errors import SplitError
from breastseg.histology.colours import colours_of
from breastseg.inference.tiles import PixelField, TileConfig
from breastseg.inference.types import Cells, pool
from breastseg.json_files import JsonObject
from breastseg.metrics.logistic import Floats, Ints, Logistic, balanced, fit
from breastseg.metrics.types import type_difference, type_scores
from breastseg.reporter import Reporter
from breastseg.wording import counted

COLOURS, OF_PATIENT = "colours", "colours_of_patient"


@dataclass(frozen=True, eq=False)
class Typed:
    """Images whose type is known.

    Attributes:
        regions: their ids, N.
        patients: (N,).
        truth: (N,) 0 to T - 1.
        features: (N, 2 C) what a head reads; (N, 0) where only colours were read.
        colours: (N, 512).
    """

    regions: tuple[str, ...]
    patients: npt.NDArray[np.str_]
    truth: Ints
    features: Floats
    colours: Floats

    @property
    def of_patient(self) -> Floats:
        """Return the mean colours of each image's patient, (N, 512)."""
        means = [self.colours[self.patients == name].mean(axis=0) for name in self.patients]
        # Without an image the list is empty: reshape() gives it its (0, 512).
        return np.array(means).reshape(self.colours.shape)


def look_at(
    data: Dataset,
    regions: list[str],
    cells: Cells | None,
    tiles: TileConfig | None,
    reporter: Reporter,
) -> Typed:
    """Read the images of which the type is known.

    Args:
        data: the data set, at the model's um/px.
        regions: of it; those without a type are left out.
        cells: the model's; None reads colours alone.
        tiles: as the model is run.
        reporter: who sees how far it is.
    """
    ids = data.typed(regions)
    features: list[npt.NDArray[np.float64]] = []
    colours = []
    for region in reporter.each(ids, title="types", unit="image"):
        pixels = np.ascontiguousarray(data.image(region))
        colours.append(colours_of(pixels))
        if cells is not None and tiles is not None:
            features.append(pool(PixelField(pixels), cells, tiles).features)
    patients = []
    truth = []
    for region in ids:
        patients.append(str(data.regions.at[region, "patient"]))
        truth.append(data.types.index(str(data.regions.at[region, TYPE])))
    number = len(ids)
    read = np.empty((number, 0))
    if features:
        read = np.array(features).reshape(number, -1)
    return Typed(
        regions=tuple(ids),
        patients=np.array(patients),
        truth=np.array(truth, np.intp),
        features=read,
        # reshape() keeps two axes where there is no image at all.
        colours=np.array(colours, np.float64).reshape(number, -1),
    )


def check_types(data: Dataset, regions: list[str], part: str) -> None:
    """Refuse what no head can learn from.

    Raises:
        SplitError: no types, one type alone, or a patient with two types.
    """
    ids = data.typed(regions)
    if not ids:
        raise SplitError(
            f"{data.path}: no image of split '{part}' has a type; prepare the data set with"
            " --types, or train with --task segmentation"
        )
    type_of: dict[str, str] = {}
    for region in ids:
        patient = str(data.regions.at[region, "patient"])
        name = str(data.regions.at[region, TYPE])
        # Draws, weights and scores are by patient: one who has two types would be in both.
        before = type_of.setdefault(patient, name)
        if before != name:
            raise SplitError(
                f"{data.path}: patient {patient} has two types, {before} and {name} ({region}); put"
                " both into one type of a type map, or take the patient away"
            )
    if len(set(type_of.values())) < 2:
        only = next(iter(type_of.values()))
        raise SplitError(
            f"{data.path}: split '{part}' has patients of one type, {only}"
            f" ({counted(len(type_of), 'patient')}); types are told apart from two on: split"
            " otherwise"
        )


def fit_head(taught: Typed, types: int) -> Logistic:
    """Return a head fitted to finished features; types, patients of a type and images of a
    patient weigh alike."""
    return _fitted(taught.features, taught, types)


def judge(
    head: Callable[[Floats], Floats], taught: Typed, judged: Typed, names: tuple[str, ...]
) -> JsonObject:
    """Return a head's scores beside those of colours, and whether it is better.

    Args:
        head: (N, 2 C) features -> (N, T) probabilities.
        taught: the images that trained it; colours are fitted to them.
        judged: images of other patients.
        names: of the types.

    Returns:
        {"head", "colours", "colours_of_patient": as `type_scores`, "better_than_colours",
        "better_than_colours_of_patient": {balanced_accuracy, auc: head minus colours, and
        "intervals" of both}, "speaks": whether both intervals of balanced accuracy lie above 0}.
    """
    patients = judged.patients.tolist()
    own = head(judged.features)  # (N, T), as `other` below
    scores: JsonObject = {"head": type_scores(own, judged.truth, patients, names)}
    speaks = True
    for name, taught_colours, judged_colours in (
        (COLOURS, taught.colours, judged.colours),
        (OF_PATIENT, taught.of_patient, judged.of_patient),
    ):
        other = _fitted(taught_colours, taught, len(names)).probabilities(judged_colours)
        difference = type_difference(own, other, judged.truth, patients)
        scores[name] = type_scores(other, judged.truth, patients, names)
        scores[f"better_than_{name}"] = difference
        # A head speaks only where it is better than stain and scanner alone, beyond chance.
        speaks = speaks and _above(difference["intervals"]["balanced_accuracy"])
    scores["speaks"] = speaks
    return scores


def said(scores: JsonObject, part: str) -> str:
    """Return in words what a head is worth."""
    head = scores["head"]
    colours = scores[COLOURS]["balanced_accuracy"]
    of_patient = scores[OF_PATIENT]["balanced_accuracy"]
    comparison = f"colours alone {colours:.3f}, the patient's mean colours alone {of_patient:.3f}"
    verdict = "better than colours"
    if not scores["speaks"]:
        verdict = "no better than colours that can be told: predict keeps silent unless asked"
    accuracy = f"{head['balanced_accuracy']:.3f}{_ends(head['intervals']['balanced_accuracy'])}"
    auc = f"{head['auc']:.3f}{_ends(head['intervals']['auc'])}"
    return (
        f"types ({', '.join(head['recall'])}) of {head['patients']} patients of {part}: balanced"
        f" accuracy {accuracy}, AUC {auc}; {comparison}; {verdict}"
    )


def _fitted(features: Floats, taught: Typed, types: int) -> Logistic:
    return fit(features, taught.truth, balanced(taught.truth, taught.patients), types)


def _above(interval: list[float] | None) -> bool:
    return interval is not None and interval[0] > 0


def _ends(interval: list[float] | None) -> str:
    return "" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})"
