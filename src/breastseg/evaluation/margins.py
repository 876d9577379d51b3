"""export_margins(): a bundle -> a new bundle whose card says how far its maps are from the truth
for most patients."""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import CARD, Bundle, load_bundle
from breastseg.bundles.card import with_validators
from breastseg.bundles.margins import ClassMargin, Margins
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import load_split, regions_of
from breastseg.errors import DatasetError, OutputError
from breastseg.evaluation.leaks import check_labels, check_mpp_of, check_untaught
from breastseg.files import write_json, written_folder
from breastseg.inference.model import Model, load_model
from breastseg.labels import Labels
from breastseg.metrics.conformal import BORDER_SHARE, LEVEL, margin_of, needed, share_errors
from breastseg.metrics.rates import Floats
from breastseg.metrics.surface import border_errors, thinned
from breastseg.reporter import TERMINAL, Reporter
from breastseg.wording import counted

_LEAST_ANNOTATED = 0.5
"""Of a region: where less is annotated, shares are those of what somebody chose to annotate."""


@dataclass
class PatientErrors:
    """Truth and map of one patient, all regions together.

    Attributes:
        truth_px: (K,) annotated pixels by class.
        named_px: (K,) the same pixels by the class that the map has.
        borders_um: by class, distances of the map's border to that of truth, one array a region.
    """

    truth_px: npt.NDArray[np.int64]
    named_px: npt.NDArray[np.int64]
    borders_um: list[list[Floats]] = field(default_factory=list)

    @staticmethod
    def of(classes: int) -> "PatientErrors":
        """Return one who has nothing yet."""
        return PatientErrors(np.zeros(classes, np.int64), np.zeros(classes, np.int64))

    def add(self, truth: Labels, named: Labels, mpp: float) -> None:
        """Add a region: (H, W) uint8 labels of truth and map, of the same size."""
        classes = len(self.truth_px)
        annotated = truth > 0  # (H, W)
        for labels, target in ((truth, self.truth_px), (named, self.named_px)):
            counts = np.bincount(labels[annotated], minlength=classes + 1)
            target += counts[1 : classes + 1]  # label 0 has no class
        # Distances at the resolution that evaluate has, or both would differ by rounding.
        small_truth, small_mpp = thinned(truth, mpp)
        small_map, _ = thinned(named, mpp)
        self.borders_um.append(border_errors(small_truth, small_map, classes, mpp=small_mpp))

    def border_um(self, k: int) -> float:
        """Return within how many um `BORDER_SHARE` of the map's border of class k lie; NaN without
        such a border."""
        distances = np.concatenate([by_class[k] for by_class in self.borders_um])
        if not len(distances):
            return math.nan
        # A distance that occurs, no mean of two: at least the share lies within it.
        return float(np.quantile(distances, BORDER_SHARE, method="inverted_cdf"))


def margins_of(patients: Sequence[PatientErrors], names: Sequence[str]) -> Margins:
    """Return the margins that some patients give.

    A class is measured on those who have some of it, in truth or in the map: with it nowhere, there
    is nothing to be wrong about.

    Args:
        patients: one or more.
        names: of the K classes.
    """
    truth = _shares([patient.truth_px for patient in patients])  # (P, K), as both below
    named = _shares([patient.named_px for patient in patients])
    errors = share_errors(truth, named)
    classes = {}
    for k, name in enumerate(names):
        has_class = (truth[:, k] > 0) | (named[:, k] > 0)
        own_errors = errors[has_class, k]
        borders = np.array([patient.border_um(k) for patient in patients])
        borders = borders[~np.isnan(borders)]
        classes[name] = ClassMargin(
            patients=len(own_errors),
            log_odds=_finite(margin_of(own_errors)),
            border_patients=len(borders),
            border_um=_finite(margin_of(borders)),
        )
    return Margins(LEVEL, BORDER_SHARE, needed(), len(patients), classes)


def _shares(pixels: list[npt.NDArray[np.int64]]) -> Floats:
    """Return the (P, K) shares of each patient's pixels that have a class."""
    counts = np.stack(pixels).astype(np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    # A map may have no class on all that is annotated of a patient: 0 of 1, not 0 of 0.
    shares: Floats = counts / np.maximum(totals, 1)
    return shares


def _finite(margin: float) -> float | None:
    # Too few patients give an infinite margin, which JSON cannot hold.
    return round(margin, 4) if math.isfinite(margin) else None


def export_margins(
    model: str | Path,
    dataset: str | Path,
    out: str | Path,
    *,
    split: str = "val",
    reporter: Reporter = TERMINAL,
) -> Bundle:
    """Measure a model's margins on patients who did not train it, and write it as a new bundle that
    has them in its card, in place of any before; the network is the same.

    Patients who gave a margin are named in the card among those who validated the model, so that
    its coverage is tested on others. With too few, the card says how few.

    Args:
        model: a shipped model's name or a bundle's folder.
        dataset: folder of a prepared and split data set with the model's labels and um/px.
        out: folder of the new bundle; must not exist.
        split: the part whose patients are measured.
        reporter: who hears of it.

    Returns:
        the new bundle.

    Raises:
        OutputError: `out` exists. LabelError, SplitError, DatasetError: the data do not fit, a
            patient trained the model, or no area is annotated.
    """
    out = Path(out)
    if out.exists():
        raise OutputError(f"{out}: exists; choose another --out or remove it")
    loaded = load_model(model)
    data = open_dataset(dataset)
    check_labels(loaded, data)
    check_mpp_of(loaded, data)
    regions = regions_of(load_split(data), split)
    check_untaught(loaded.card, data.regions.loc[regions, "patient"], f"--margins on '{split}'")
    regions = _with_areas(data, regions, split, reporter)
    errors = patient_errors(loaded, data, regions, reporter=reporter)
    margins = margins_of(list(errors.values()), loaded.card.label_map.names)
    margins = replace(margins, data=data.fingerprint(), split=split, whose=tuple(sorted(errors)))
    reporter.message(f"'{split}': {margins.told()}")
    card = loaded.card
    if margins.has_some:
        card = with_validators(card, errors)
    with written_folder(out) as folder:
        for name in card.files:
            shutil.copyfile(loaded.bundle.path / name, folder / name)
        write_json(folder / CARD, replace(card, margins=margins).to_dict())
    return load_bundle(out)


def patient_errors(
    model: Model, data: Dataset, regions: Sequence[str], *, reporter: Reporter = TERMINAL
) -> dict[str, PatientErrors]:
    """Map some regions and compare them with their truth, patient by patient."""
    classes = len(model.card.label_map.classes)
    by_patient: dict[str, PatientErrors] = {}
    for region in reporter.each(regions, title="margins", unit="region"):
        patient = str(data.regions.loc[region, "patient"])
        named = model.label(data.image(region), mpp=data.mpp)
        errors = by_patient.setdefault(patient, PatientErrors.of(classes))
        errors.add(np.asarray(data.labels(region)), named, data.mpp)
    return by_patient


def _with_areas(data: Dataset, regions: Sequence[str], split: str, reporter: Reporter) -> list[str]:
    """Return the regions whose areas are known: dots and votes of dots are no areas, nor is what
    somebody marked here and there."""
    without_areas = {*data.dotted(list(regions)), *data.fields(list(regions))}
    chosen = []
    for region in regions:
        if region in without_areas:
            continue
        labels = np.asarray(data.labels(region))
        if np.count_nonzero(labels) >= _LEAST_ANNOTATED * labels.size:
            chosen.append(region)
    if not chosen:
        raise DatasetError(
            f"{data.path}: no region of '{split}' has areas over at least half of it; margins"
            " are measured on areas, give another --split or --data"
        )
    if len(chosen) < len(regions):
        reporter.message(
            f"{counted(len(regions) - len(chosen), 'region')} of '{split}' left out: dots, or less"
            " than half annotated; shares are measured where areas are known"
        )
    return chosen
