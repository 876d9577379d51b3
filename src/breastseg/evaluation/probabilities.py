"""Probabilities as they come from the network -> counts by patient, in the classes that are
scored."""

from collections.abc import Mapping

import numpy as np

from breastseg.errors import ModelError
from breastseg.evaluation.regroup import GroupedModel, grouped, grouped_probabilities
from breastseg.inference.model import Model
from breastseg.inference.tiles import Named
from breastseg.labels import Labels
from breastseg.metrics import ProbabilityCounts


class SeenProbabilities:
    """Counts of probabilities, by patient: 16 KB a patient and class, however many pixels there
    are."""

    def __init__(self, model: Model, patients: Mapping[str, str]) -> None:
        """Take the model and the patient of each region."""
        self._name = model.card.name
        self._patients = patients
        self._groups = model.groups if isinstance(model, GroupedModel) else None
        self._classes = len(model.card.label_map.classes)
        self.by_patient: dict[str, ProbabilityCounts] = {}

    def add(self, region: str, named: Named, truth: Labels) -> Labels:
        """Count a piece of a region's map, and return its labels in the classes that are scored.

        Args:
            region: whose map it is.
            named: with probabilities.
            truth: (H, W) labels under it.

        Raises:
            ModelError: what the network gives are no probabilities.
        """
        patient = self._patients[region]
        counts = self.by_patient.setdefault(patient, ProbabilityCounts(self._classes))
        # Labels are grouped, not decided anew: two classes of one group may outweigh a third
        # together, and the map that users get has the third there.
        labels = grouped(named.labels, self._groups)
        fine = np.asarray(named.probabilities)  # (K of the network, H, W)
        probabilities = grouped_probabilities(fine, self._groups, self._classes)
        try:
            counts.add(probabilities, labels, truth)
        except ValueError as cause:
            raise ModelError(
                f"model '{self._name}' on region {region}: {cause}; its weights are damaged, train"
                " or pull it again"
            ) from None
        return labels
