"""Classes of which is known that whole regions have them, or not: their shares of the map."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from breastseg.data.dataset import Dataset
from breastseg.evaluation.intervals import few
from breastseg.evaluation.summary import RegionCounts
from breastseg.metrics import presence
from breastseg.metrics.intervals import DRAWS, LEVEL, SEED

_WORDS = {True: "with", False: "without"}


def presence_rows(
    found: Mapping[str, RegionCounts], data: Dataset, names: list[str]
) -> list[dict[str, Any]]:
    """Return a row for each region and class of which is known that it has it, or not: region,
    patient, class, known, share.

    The share is of the pixels that have a label; NaN where none has.
    """
    rows = []
    for region, one in found.items():
        total = int(one.named[1:].sum())
        for label, has in data.presence(region).items():
            share = float(one.named[label]) / total if total else np.nan
            patient = str(data.regions.at[region, "patient"])
            known = {"class": names[label - 1], "known": _WORDS[has], "share": share}
            rows.append({"region": region, "patient": patient, **known})
    return rows


def presence_figures(rows: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    """Return, of each class of which something is known, shares, AUC, intervals over patients.

    Args:
        rows: from `presence_rows`.
        names: of the K classes.
    """
    classes = {}
    for name in names:
        own = [row for row in rows if row["class"] == name]
        if own:
            shares = np.array([row["share"] for row in own])
            has = np.array([row["known"] == _WORDS[True] for row in own])
            classes[name] = presence(shares, has, [row["patient"] for row in own])
    patients = len({row["patient"] for row in rows})
    drawn = f"{100 * LEVEL:g} % of {DRAWS:,} draws of patients, with replacement"
    lonely = "a kind that fewer than two patients have gets none"
    note = f"{drawn}, lie between the two numbers; {lonely}{few(patients)}"
    return {"classes": classes, "patients": patients, "draws": DRAWS, "seed": SEED, "note": note}
