"""Classes of which is known that whole regions have them, or not: their shares of the map."""

from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from breastseg.data.dataset import Dataset
from breastseg.evaluation.figures import Presence, PresenceClass
from breastseg.evaluation.intervals import few
from breastseg.evaluation.summary import RegionCounts
from breastseg.metrics import presence
from breastseg.metrics.intervals import DRAWS, LEVEL, SEED
from breastseg.records import from_json

_WORDS = {True: "with", False: "without"}

PresenceRow = TypedDict(
    "PresenceRow", {"region": str, "patient": str, "class": str, "known": str, "share": float}
)
"""A row of presence.csv."""


def presence_rows(
    counts_of: Mapping[str, RegionCounts], data: Dataset, names: list[str]
) -> list[PresenceRow]:
    """Return a row for each region and class of which is known that it has it, or not: region,
    patient, class, known, share.

    The share is of the pixels that have a label; NaN where none has.
    """
    rows: list[PresenceRow] = []
    for region, counts in counts_of.items():
        total = int(counts.named[1:].sum())  # label 0 is what the map has no class for
        patient = str(data.regions.at[region, "patient"])
        for label, has in data.presence(region).items():
            share = float(counts.named[label]) / total if total else np.nan
            rows.append(
                {
                    "region": region,
                    "patient": patient,
                    "class": names[label - 1],
                    "known": _WORDS[has],
                    "share": share,
                }
            )
    return rows


def presence_figures(rows: list[PresenceRow], names: list[str]) -> Presence:
    """Return, of each class of which something is known, shares, AUC, intervals over patients.

    Args:
        rows: from `presence_rows`.
        names: of the K classes.
    """
    classes = {}
    for name in names:
        shares = []
        has_class = []
        patients = []
        for row in rows:
            if row["class"] == name:
                shares.append(row["share"])
                has_class.append(row["known"] == _WORDS[True])
                patients.append(row["patient"])
        if shares:
            figures = presence(np.array(shares), np.array(has_class), patients)
            classes[name] = from_json(PresenceClass, figures, name)
    everybody = len({row["patient"] for row in rows})
    note = (
        f"{100 * LEVEL:g} % of {DRAWS:,} draws of patients, with replacement, lie between the two"
        f" numbers; a kind that fewer than two patients have gets none{few(everybody)}"
    )
    return Presence(classes=classes, patients=everybody, draws=DRAWS, seed=SEED, note=note)
