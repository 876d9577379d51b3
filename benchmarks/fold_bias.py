"""The bias per class that patients choose whom no training saw: by the folds of generalise.py.

    python benchmarks/fold_bias.py recipes/breast1 --work WORK [--seed 42] [--epochs N]

WORK holds the folds that `generalise.py RECIPE --work WORK` trained. Each fold's network looks at
the areas and dots of the hospitals that its fold holds out by name; what all say together chooses
one bias. What it is worth is told patient by patient, and for each fold with the bias that the
other folds chose. Whole fields choose nothing here: they speak for one side alone.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from breastseg.data.dataset import open_dataset
from breastseg.data.split import load_split, regions_of
from breastseg.decision.choose import in_words
from breastseg.decision.look import sample_places
from breastseg.decision.sample import Sample
from breastseg.decision.search import best_bias
from breastseg.errors import BreastsegError
from breastseg.inference.model import load_model
from breastseg.metrics.rates import Floats
from yardstick.folds import FOLDS, Fold


def seen_of(fold: Fold, threads: int) -> Sample:
    """Return what a fold's network says of the hospitals that are held out by name."""
    data = open_dataset(fold.out / "data")
    names = FOLDS[fold.number]
    regions = []
    for region in regions_of(load_split(data), "test"):
        row = data.regions.loc[region]
        if row["patient"] in names or row["site"] in names:
            regions.append(region)
    model = load_model(fold.out / "run" / "bundle", precision="fp32", threads=threads)
    try:
        return sample_places(data, regions, model.runner, model.tiles)
    finally:
        model.runner.close()


def together(samples: list[Sample]) -> Sample:
    """Put samples of different patients together."""
    units = [unit for sample in samples for unit in sample.units]
    starts = np.cumsum([0, *(len(sample.units) for sample in samples)])
    return Sample(
        np.concatenate([sample.log_probabilities for sample in samples]),
        np.concatenate([sample.truth for sample in samples]),
        np.concatenate([sample.weight for sample in samples]),
        np.concatenate([s.unit + start for s, start in zip(samples, starts, strict=False)]),
        tuple(units),
    )


def chosen(sample: Sample) -> Floats:
    """Return the best bias of the classes of which two patients have truth."""
    return best_bias(sample, sample.with_truth(patients=2))


def main() -> None:
    """Look, choose, and tell."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("recipe", type=Path, help="folder of a recipe")
    parser.add_argument("--work", type=Path, required=True, help="holds the trained folds")
    parser.add_argument("--seed", type=int, default=42, help="of the trainings (default 42)")
    parser.add_argument("--epochs", type=int, help="cap that the trainings had")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all cores)")
    given = parser.parse_args()
    work = given.work / given.recipe.name
    folds = [Fold(given.recipe, number, given.seed, given.epochs, work) for number in FOLDS]
    try:
        samples = [seen_of(fold, given.threads) for fold in folds]
        names = open_dataset(folds[0].out / "data").label_map.names
    except BreastsegError as error:
        sys.exit(f"fold_bias.py: {error}")
    whole = together(samples)
    bias = chosen(whole)
    print(f"all folds: {in_words(dict(zip(names, bias.tolist(), strict=True))) or 'no bias'}")
    for number, own in zip(FOLDS, samples, strict=True):
        others = [sample for sample in samples if sample is not own]
        theirs = chosen(together(others))
        words = in_words(dict(zip(names, theirs.tolist(), strict=True))) or "no bias"
        print(f"\nfold {number}, the others chose: {words}")
        before, after, all_of = (own.scores(one) for one in (np.zeros(len(names)), theirs, bias))
        print(f"{'':44} none  others'  all's")
        for unit, *values in zip(own.units, before, after, all_of, strict=True):
            print(f"{' '.join(unit):44}", *(f"{value:.3f}" for value in values))


if __name__ == "__main__":
    main()
