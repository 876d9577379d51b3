"""Is a map wrong where models disagree? The area under the ROC curve by which a measure of doubt
finds the wrong pixels of a map, among those that a person annotated.

    python benchmarks/disagreement.py DATA --region ID [--model breast1 --model lite0]

DATA is a prepared data set at the models' um/px. A row is a map (of one model, or of the mean) and
a measure of doubt: the map's own entropy, the disagreement of the models, that of a model's mirror
images. Pixels beside each other are alike and a region is one patient: no interval is given.
"""

import argparse

import numpy as np
import numpy.typing as npt

from breastseg.data.dataset import open_dataset
from breastseg.images import Pixels
from breastseg.inference.model import Model, load_model, mean_of
from breastseg.inference.tiles import PixelField, name_tissue

Scores = npt.NDArray[np.float32]
_BINS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data")
    parser.add_argument("--region", action="append", required=True)
    parser.add_argument("--model", action="append")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    names = given.model or ["breast1", "lite0"]

    def load(name: str, *, flips: bool) -> Model:
        return load_model(name, precision=given.precision, flips=flips, threads=given.threads)

    rows: dict[tuple[str, str], list[tuple[npt.NDArray[np.bool_], Scores]]] = {}
    data = open_dataset(given.data)
    for region in given.region:
        pixels = np.ascontiguousarray(data.image(region))
        truth = np.asarray(data.labels(region))
        mean = mean_of([load(name, flips=False) for name in names])
        labels, entropy, apart = mapped(pixels, mean)
        wrong = (labels != truth)[truth > 0]
        rows.setdefault((mean.card.name, "disagreement of the models"), []).append(
            (wrong, apart[truth > 0])
        )
        rows.setdefault((mean.card.name, "entropy of the mean"), []).append(
            (wrong, entropy[truth > 0])
        )
        for name in names:
            model = load(name, flips=True)
            flipped, _, of_flips = mapped(pixels, model)
            own, unsure, _ = mapped(pixels, load(name, flips=False))
            of_mean = rows.setdefault((mean.card.name, f"entropy of {name} alone"), [])
            of_mean.append((wrong, unsure[truth > 0]))
            rows.setdefault((name, "its entropy"), []).append(
                ((own != truth)[truth > 0], unsure[truth > 0])
            )
            rows.setdefault((name, "disagreement of the models"), []).append(
                ((own != truth)[truth > 0], apart[truth > 0])
            )
            rows.setdefault((f"{name}, flips", "disagreement of flips"), []).append(
                ((flipped != truth)[truth > 0], of_flips[truth > 0])
            )
    print("| map | wrong pixels | measure of doubt | AUC |\n| --- | --- | --- | --- |")
    for (map_name, doubt), found in rows.items():
        wrong = np.concatenate([one for one, _ in found])
        value = np.concatenate([one for _, one in found])
        print(f"| {map_name} | {wrong.mean():.4f} | {doubt} | {auc(wrong, value):.3f} |")


def mapped(pixels: Pixels, model: Model) -> tuple[npt.NDArray[np.uint8], Scores, Scores]:
    """Return the (H, W) labels of a map, the entropy of its probabilities, and the disagreement of
    its members; 0 where it has one."""
    labels = np.zeros(pixels.shape[:2], np.uint8)
    entropy, apart = np.zeros(pixels.shape[:2], np.float32), np.zeros(pixels.shape[:2], np.float32)
    several = bool(model.members) or model.flips
    for named in name_tissue(
        PixelField(pixels), model.runner, model.tiles, probabilities=True, disagreement=several
    ):
        box = named.box
        place = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
        scores = named.probabilities
        assert scores is not None
        labels[place] = named.labels
        entropy[place] = -(scores * np.log(np.maximum(scores, 1e-12))).sum(axis=0)
        if named.disagreement is not None:
            apart[place] = named.disagreement
    return labels, entropy, apart


def auc(wrong: npt.NDArray[np.bool_], value: Scores) -> float:
    """Return the share of pairs, a wrong and a right pixel, in which the wrong one has the larger
    value; of equals, half. Values are counted in 10,000 bins of equal width."""
    place = np.minimum(value / max(float(value.max()), 1e-12) * _BINS, _BINS - 1).astype(int)
    bad = np.bincount(place[wrong], minlength=_BINS).astype(float)
    good = np.bincount(place[~wrong], minlength=_BINS).astype(float)
    below = np.cumsum(good) - good
    return float((bad * (below + good / 2)).sum() / (bad.sum() * good.sum()))


if __name__ == "__main__":
    main()
