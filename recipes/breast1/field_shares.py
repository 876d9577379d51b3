"""How much of each class a model sees in fields that are without it and in fields that have it.

python recipes/breast1/field_shares.py MODEL FOLDER [--precision fp32] [--labels region5]
    MODEL   a name or a bundle's folder
    FOLDER  images with fields.csv, of patients that did not train the model

Prints, for each class that some fields lack and others have: the mean share of the map, the mean
probability, and how well either ranks the fields (AUC, over fields and over means of patients).
"""

import argparse
import sys
from contextlib import closing

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from breastseg.data.fields import known_of
from breastseg.errors import BreastsegError
from breastseg.images import Pixels, open_slide
from breastseg.inference.model import Model, load_model
from breastseg.inference.tiles import PixelField, name_tissue
from breastseg.sources import open_source


def seen(model: Model, pixels: Pixels) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the share of each class in an image's map, and its mean probability."""
    classes = len(model.card.label_map.classes)
    counts, sums = np.zeros(classes), np.zeros(classes)
    for named in name_tissue(PixelField(pixels), model.runner, model.tiles, probabilities=True):
        counts += np.bincount(named.labels.ravel(), minlength=classes + 1)[1:]
        if named.probabilities is not None:
            sums += named.probabilities.sum(axis=(1, 2), dtype=np.float64)
    return counts / counts.sum(), sums / counts.sum()


def area(lacking: pd.Series, having: pd.Series) -> float:
    """Return the chance that a field that has the class ranks above one that lacks it."""
    ranks = pd.concat([lacking, having]).rank().to_numpy()[len(lacking) :]
    return (ranks.sum() - len(having) * (len(having) + 1) / 2) / (len(lacking) * len(having))


def main() -> None:
    """Map every field, and print what is seen in those without and in those with."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", help="a name or a bundle's folder")
    parser.add_argument("folder", help="images with fields.csv")
    parser.add_argument("--precision", default="auto", help="fp32, bf16, int8 or auto")
    options = parser.parse_args()
    model = load_model(options.model, precision=options.precision)
    label_map, source, rows = model.card.label_map, open_source(options.folder), []
    for region in tqdm(source.regions, unit="field", disable=None):
        if region.field is None:
            continue
        with closing(open_slide(region.image, mpp=region.mpp)) as slide:
            whole = slide.read(None, mpp=model.card.mpp)
        known = known_of(region.field, label_map)
        for k, (share, probability) in enumerate(zip(*seen(model, whole), strict=True)):
            there = {True: 1.0, False: np.nan}[k + 1 in known.somewhere]
            fact = 0.0 if k + 1 in known.without else there
            rows.append((label_map.names[k], region.patient, fact, share, probability))
    table = pd.DataFrame(rows, columns=["class", "patient", "has", "share", "probability"])
    tell(table.dropna())


def tell(table: pd.DataFrame) -> None:
    """Print the figures of each class of which both are known."""
    for name, found in table.groupby("class"):
        people = found.groupby(["patient", "has"])[["share", "probability"]].mean().reset_index()
        if found["has"].nunique() < 2:
            continue
        for column in ("share", "probability"):
            sides = [found.loc[found["has"] == has, column] for has in (0.0, 1.0)]
            means = [people.loc[people["has"] == has, column] for has in (0.0, 1.0)]
            print(
                f"{name}, {column}: {sides[0].mean():.3f} in {len(sides[0])} fields without, "
                f"{sides[1].mean():.3f} in {len(sides[1])} with; AUC {area(*sides):.3f} of fields, "
                f"{area(*means):.3f} of {len(means[0])} + {len(means[1])} patients",
            )


if __name__ == "__main__":
    try:
        main()
    except BreastsegError as error:
        sys.exit(f"field_shares.py: {error}")
