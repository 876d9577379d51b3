"""write_chapter(): an evaluation in the form of the student report's results chapter, its numbers
beside ours, and how each was measured.

OUT/chapter/chapter.html   the chapter, with every image inside
OUT/chapter/table.csv, OUT/chapter/table.md    "Our results vs base paper results", with the
protocols under it
OUT/chapter/figure.png     the first ten images beside their masks
"""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from breastseg.bundles.card import Card
from breastseg.errors import InputError
from breastseg.evaluation.scores import COUNTS, REGIONS, TRAINING_TABLE, Scores
from breastseg.files import write_table, write_text
from breastseg.labels import LabelMap
from breastseg.maps.pictures import save_figure
from breastseg.report.charts import training_charts
from breastseg.report.html import as_written, confusion_of, html_pages
from breastseg.wording import counted

PICTURES = 10


@dataclass(frozen=True)
class Row:
    """A row of the table, in %: whose, accuracy over all, the tumour class's precision, recall and
    F1, and how it was measured."""

    whose: str
    accuracy: float
    precision: float
    recall: float
    f1: float
    protocol: str


QUOTED = (
    Row(
        "Base paper, U-Net (quoted by the report)",
        92.0,
        94.0,
        89.0,
        91.0,
        "as the report quotes it; how it was measured is not known here",
    ),
    Row(
        "The report, U-Net with ResNet34 (quoted)",
        95.4,
        94.5,
        91.8,
        92.05,
        "BCSS tiles of 224 px from Kaggle, split at random by tile, so that every patient is in"
        " training and in validation; label 0, what is outside the annotation and in that copy"
        " every class above 2 too, counted as a class. F1 is as printed: its precision and recall"
        " would give 93.1",
    ),
)
"""What the report prints, with what is known of how it came about."""


def write_chapter(evaluation: str | Path, card: Card) -> Path:
    """Write the chapter into an evaluation's folder and return the page's path.

    Args:
        evaluation: what `evaluate` wrote.
        card: of the model that was evaluated.

    Raises:
        InputError: no finished evaluation, one without annotated areas, or one of classes among
            which none is tumour.
    """
    folder = Path(evaluation)
    scores = Scores.read(folder)
    with as_written(folder, "evaluate"):
        return _write(folder, scores, card)


def _write(folder: Path, scores: Scores, card: Card) -> Path:
    label_map = scores.label_map
    tumour = tumour_class(label_map)
    if not scores.overall.support_px:
        raise InputError(
            f"{folder}: nothing but dots is annotated there, the chapter is of areas; leave"
            " --as-report out"
        )
    rows = (*QUOTED, _ours(scores, card, tumour))
    out = folder / "chapter"
    first_regions = list(scores.regions)[:PICTURES]
    figures = _figure_rows(folder / REGIONS, first_regions)
    save_figure(figures, label_map, out / "figure.png")
    table = []
    for row in rows:
        cells = dict(vars(row))
        for key, value in cells.items():
            if isinstance(value, float) and math.isnan(value):  # a class that nothing was called
                cells[key] = ""
        table.append(cells)
    write_table(out / "table.csv", table)
    pages = html_pages()
    pages.filters |= {"percent": _percent, "counted": counted}
    facts = {
        "scores": scores,
        "tumour": tumour,
        "rows": rows,
        "said": _compared(scores),
        "network": _network(card),
        "pictures": len(figures),
    }
    # Markdown is no HTML: "<" must stay as it is there, and only there.
    pages.autoescape = False
    write_text(out / "table.md", pages.get_template("chapter.md.j2").render(**facts))
    pages.autoescape = True
    # A model from elsewhere may have no history of its training.
    history = folder / TRAINING_TABLE
    training = training_charts(history) if history.is_file() else []
    page = pages.get_template("chapter.html.j2").render(
        **facts,
        confusion=confusion_of(folder / COUNTS, "px", list(label_map.names)),
        figure=_embedded(out / "figure.png"),
        training=training,
        losses=_losses(history),
    )
    write_text(out / "chapter.html", page)
    return out / "chapter.html"


def tumour_class(label_map: LabelMap) -> str:
    """Return the name of the class that is tumour: called so, or QuPath's class Tumor.

    Raises:
        InputError: there is none.
    """
    for label_class in label_map.classes:
        is_called_so = label_class.name.casefold() in ("tumor", "tumour")
        if is_called_so or label_class.qupath == "Tumor":
            return label_class.name
    raise InputError(
        f"label map '{label_map.name}' has no class tumor ({', '.join(label_map.names)});"
        " --as-report wants one, or QuPath's Tumor"
    )


def _ours(scores: Scores, card: Card, tumour: str) -> Row:
    # Over the pixels of all regions together, not the mean over patients.
    tumour_scores = scores.pooled[tumour]
    return Row(
        f"Ours: {card.name} (measured)",
        100 * scores.overall.accuracy,
        100 * tumour_scores.precision,
        100 * tumour_scores.recall,
        100 * tumour_scores.f1,
        f"{_network(card)}; {_protocol(scores)}",
    )


def _network(card: Card) -> str:
    architecture = card.network.get("arch", "network")

    encoder = card.training.encoder_weights or card.network.get("encoder", "unknown encoder")
    return f"{architecture} with {encoder}"


def _protocol(scores: Scores) -> str:
    """Return how ours was measured, in words."""
    regions = counted(len(scores.regions), "region")
    patients = counted(len(scores.patients), "patient")
    who_trained = scores.leaky or scores.seen.note
    return (
        f"{regions} of {patients} (split '{scores.split}'"
        f" of data {scores.data}, {scores.mpp:g} um/px), {who_trained}; label map"
        f" {scores.label_map.name}, label 0 never a class;"
        f" {scores.overall.support_px:,} annotated pixels; {scores.intervals.note}"
    )


def _compared(scores: Scores) -> str:
    """Return the sentence that keeps the rows from being compared."""
    theirs = (
        "the report's were measured on tiles of patients it had trained on, with label 0 counted as"
        " a class"
    )
    if scores.leaky:
        return (
            f"These rows cannot be compared: {theirs}; ours has the same leak of patients, on"
            " purpose, but leaves label 0 out."
        )
    if scores.seen.trained:
        return (
            f"These rows cannot be compared: {theirs}; ours are of patients who trained the model,"
            " too."
        )
    if scores.seen.trained is None:
        return (
            f"These rows cannot be compared: {theirs}; ours are on annotated tissue alone, and who"
            " trained the model is not known."
        )
    return (
        f"These rows cannot be compared: {theirs}; ours are of patients who did not train the"
        " model, on annotated tissue alone."
    )


def _losses(history: Path) -> dict[str, tuple[float, float]]:
    """Return the first and last loss of training and of validation, where the model's history has
    them."""
    if not history.is_file():
        return {}
    table = pd.read_csv(history)
    losses = {}
    for part in ("train", "val"):
        if f"{part}_loss" not in table:
            continue
        values = table[f"{part}_loss"].dropna().tolist()  # epochs without validation are empty
        if values:
            losses[part] = (values[0], values[-1])
    return losses


def _figure_rows(folder: Path, regions: Sequence[str]) -> list[tuple[str, Any, Any]]:
    """Return (name, pixels, labels) of regions."""
    rows = []
    for region in regions:
        with (
            Image.open(folder / region / "image.jpg") as image,
            Image.open(folder / region / "labels.png") as labels,
        ):
            pixels = np.asarray(image.convert("RGB"))
            rows.append((region, pixels, np.asarray(labels)))
    return rows


def _embedded(picture: Path) -> str:
    """Return a PNG as the data address of a JPEG: a quarter of the size."""
    file = io.BytesIO()
    with Image.open(picture) as opened:
        # subsampling=0: the masks' flat colours would bleed at their edges
        opened.convert("RGB").save(file, format="JPEG", quality=85, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _percent(value: float) -> str:
    """Return a number of % as printed: two decimals at most, one at least."""
    return "–" if math.isnan(value) else f"{value:.2f}".removesuffix("0")
