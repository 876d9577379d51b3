"""What is looked at before a score is computed: do model and data fit, who trained the model, is
there truth."""

from collections.abc import Iterable, Sequence

import pandas as pd

from breastseg.bundles.card import Card
from breastseg.data.dataset import Dataset
from breastseg.data.split import is_leaky, split_fingerprint
from breastseg.errors import DatasetError, LabelError, SplitError
from breastseg.evaluation.figures import KnownPatients
from breastseg.evaluation.regroup import common_maps, regroup
from breastseg.inference.model import Model
from breastseg.labels import load_label_map
from breastseg.wording import counted

_NAMED = 10
"""Regions without truth that are named in a sentence; the others are in scores.json."""


def fitted(model: Model, data: Dataset, labels: str | None) -> tuple[Model, Dataset]:
    """Return model and data set in the same classes: their own, or those of the label map that is
    asked for.

    Raises:
        LabelError: they have other classes, or the label map does not fit both.
    """
    if labels is not None:
        return regroup(model, data, load_label_map(labels))
    check_labels(model, data)
    return model, data


def check_labels(model: Model, data: Dataset) -> None:
    """Raise LabelError when model and data set name other classes."""
    own = model.card.label_map
    theirs = data.label_map
    # By fingerprint: a map's name is no part of what its labels mean.
    if own.fingerprint() == theirs.fingerprint():
        return
    common = common_maps((own, theirs))
    both = ""
    if common:
        both = f", or score both in the classes of one: evaluate --labels {' or '.join(common)}"
    raise LabelError(
        f"model '{model.card.name}' has label map '{own.name}' ({', '.join(own.names)}), data set"
        f" {data.path} has '{theirs.name}' ({', '.join(theirs.names)}); prepare the data set with"
        f" the model's label map{both}"
    )


def check_mpp_of(model: Model, data: Dataset) -> None:
    """Raise DatasetError when a data set is at other microns per pixel than its model wants."""
    wanted = model.card.mpp
    if data.mpp != wanted:
        raise DatasetError(
            f"{data.path}: data set at {data.mpp:g} um/px, the model wants {wanted:g}; prepare it"
            f" with --to-mpp {wanted:g}"
        )


def check_untaught(card: Card, patients: Iterable[str], where: str) -> None:
    """Raise SplitError when patients by whom something is chosen or measured trained the model:
    the model is right on them more often than on others. `where` begins the sentence."""
    everybody = set(patients)
    trained = everybody & set(card.training.patients_of("train"))
    if trained:
        raise SplitError(
            f"{where}: patient {min(trained)} trained the model '{card.name}'"
            f" ({len(trained)} of {len(everybody)} did) and shows no fault of it; give another"
            " --split"
        )


def leak_of(
    model: Model, data: Dataset, table: pd.DataFrame, regions: Sequence[str], part: str
) -> str:
    """Return in words which scored patients trained the model: possible only on a split that was
    made leaky on purpose.

    Args:
        model: its card names who trained it.
        data: the data set.
        table: its split.
        regions: what is scored.
        part: its name.

    Raises:
        SplitError: a patient trained the model and the split is no leaky one, or not the one that
            the model was trained on.
    """
    if part == "train":
        return ""
    patients, trained, validated = _known(model, data, regions)
    # Who validated may be scored on "val": that is what the part is for.
    known = trained if part == "val" else trained | validated
    if not known:
        return ""
    # The first is named in messages: one who trained, where there is one.
    first = min(trained or known)
    training = model.card.training
    is_same_split = training.data == data.fingerprint() and training.split == split_fingerprint(
        table
    )
    if part != "all" and is_same_split and is_leaky(table):
        more = ", ..." if len(known) > 1 else ""
        return (
            f"LEAKY: {len(known)} of the {counted(len(patients), 'patient')} scored here also"
            f" trained the model ({first}{more}), through other regions of"
            " theirs: this is no estimate for other patients"
        )
    raise SplitError(
        f"patient {first} was used to {'train' if trained else 'validate'} the model"
        f" '{model.card.name}' ({len(known)} in all); scores on them say nothing, evaluate another"
        " part, or --split train to see the fit"
    )


def seen_by(model: Model, data: Dataset, regions: Sequence[str]) -> KnownPatients:
    """Return how many of the scored patients the model knows, by the names in its card.

    Returns:
        both numbers, and the same in words; they are None where the card names nobody.
    """
    patients, trained, validated = _known(model, data, regions)
    # On a leaky split a patient can be in both parts; who trained counts once.
    validated -= trained
    of = f"of the {counted(len(patients), 'patient')} scored here"
    if not model.card.training.patients_of("train"):
        note = f"whether any {of} trained the model is not known, its card names nobody"
        return KnownPatients(trained=None, validated=None, note=note)
    note = f"none {of} trained the model or validated it"
    if trained:
        note = (
            f"FIT: {len(trained)} {of} trained the model: this shows what it learned, no estimate"
            " for other patients"
        )
    elif validated:
        note = (
            f"none {of} trained the model, but {len(validated)} validated it, and choices were made"
            " by them: expect less elsewhere"
        )
    return KnownPatients(trained=len(trained), validated=len(validated), note=note)


def _known(
    model: Model, data: Dataset, regions: Sequence[str]
) -> tuple[set[str], set[str], set[str]]:
    """Return the patients of some regions, and which of them trained and validated the model."""
    patients = set(data.regions.loc[list(regions), "patient"])
    training = model.card.training
    trained = patients & set(training.patients_of("train"))
    validated = patients & set(training.patients_of("val"))
    return patients, trained, validated


def with_truth(data: Dataset, regions: Sequence[str], part: str) -> tuple[list[str], list[str]]:
    """Return the regions of which something is known (an annotated pixel, a dot, a class that is in
    it or not), and the others.

    Raises:
        DatasetError: none has.
    """
    pixels = data.class_pixels.loc[list(regions)].sum(axis=1)
    known: list[str] = []
    others: list[str] = []
    for region in regions:
        has_truth = pixels[region] or len(data.places(region)) or data.presence(region)
        (known if has_truth else others).append(region)
    typed = data.typed(list(regions))
    # A type is of the whole image: no pixel of a map can be judged by it.
    if not known and typed:
        raise DatasetError(
            f"{data.path}: of {counted(len(typed), 'region')} of split '{part}' nothing but a type"
            f" is known (as of {typed[0]}), wanted annotation to score a map by: areas, dots, or"
            " the columns with, without or all of fields.csv; add it and prepare the data set again"
        )
    if not known:
        raise DatasetError(
            f"{data.path}: no annotated pixel in the {counted(len(regions), 'region')} of split"
            f" '{part}'; there is nothing to score"
        )
    return known, others


def left_out_note(data: Dataset, regions: Sequence[str], of: int) -> str:
    """Return in words which regions have no truth; nothing where all have some.

    Args:
        data: the data set.
        regions: those without.
        of: how many were looked at.
    """
    if not regions:
        return ""
    names = ", ".join(regions[:_NAMED])
    if len(regions) > _NAMED:
        names += f" and {len(regions) - _NAMED} more (left_out in scores.json)"
    typed = len(data.typed(list(regions)))
    but = f" (of {counted(typed, 'region')} a type alone is known)" if typed else ""
    return (
        f"{len(regions)} of {counted(of, 'region')} left out, nothing is annotated there{but}:"
        f" {names}"
    )
