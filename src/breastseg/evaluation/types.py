"""Types in an evaluation: a head's scores by patient beside colours that learned from the same data
set's training part."""

from pathlib import Path

import numpy as np
import pandas as pd

from breastseg.bundles.types import types_of
from breastseg.data.dataset import Dataset
from breastseg.data.fields import TYPE
from breastseg.decision.types import judge, look_at, said
from breastseg.errors import LabelError
from breastseg.evaluation.scores import TYPES_TABLE
from breastseg.files import write_table
from breastseg.inference.model import Model
from breastseg.inference.types import cells_of
from breastseg.metrics.types import type_scores
from breastseg.reporter import Reporter


def type_figures(
    model: Model, data: Dataset, table: pd.DataFrame, split: str, out: Path, reporter: Reporter
) -> dict[str, object] | None:
    """Score the head of a model, and write types.csv.

    Args:
        model: with or without a head.
        data: at the model's um/px where the model has a head on types.
        table: its split.
        split: the part that is scored.
        out: folder of the evaluation.
        reporter: who sees how far it is.

    Returns:
        as `judge`, with `note` in words; None where the model has no head, or the part no types.
        Colours need a part `train` with two types; without, only the head is scored.

    Raises:
        LabelError: model and data set have other types.
    """
    types = types_of(model.bundle)
    in_part = (table["split"] == split) | (split == "all")
    regions = [str(region) for region in table.index[in_part]]
    if types is None or not data.typed(regions):
        return None
    if types.names != data.types:
        raise LabelError(
            f"model '{model.card.name}' tells {', '.join(types.names)}, data set {data.path} has"
            f" {', '.join(data.types)}; prepare it with the model's types, or without --types"
        )
    cells = cells_of(model.bundle, model.threads)
    judged = look_at(data, regions, cells, model.tiles, reporter)
    training = [str(region) for region in table.index[table["split"] == "train"]]
    # No cells: the head has learned already, only colours learn here.
    taught = look_at(data, training, None, None, reporter)
    probabilities = types.probabilities(judged.features)  # (N, T)
    rows = []
    for region, patient, label, values in zip(
        judged.regions, judged.patients, judged.truth, probabilities, strict=True
    ):
        row: dict[str, object] = {"region": region, "patient": patient, TYPE: types.names[label]}
        row |= zip(types.names, np.round(values, 4).tolist(), strict=True)
        rows.append(row)
    write_table(out / TYPES_TABLE, rows)
    # Colours that are judged on what taught them would look better than they are.
    if split == "train" or len(set(taught.truth.tolist())) < 2:
        patients = judged.patients.tolist()
        return {"head": type_scores(probabilities, judged.truth, patients, types.names)}
    figures = judge(types.probabilities, taught, judged, types.names)
    return {**figures, "note": said(figures, split)}
