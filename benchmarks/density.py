"""Density of prepared mini-MIAS against its three classes of tissue, and the two breasts.

    breastseg mammo prepare mini-mias --out films
    python benchmarks/density.py films

mini-MIAS says fatty, fatty-glandular or dense-glandular. It has no a to d; "agree" takes a as
fatty, b as fatty-glandular, c and d as dense-glandular, which is our reading. Intervals are 95 %
over 1000 draws of patients. Prints Markdown.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from breastseg.metrics.intervals import interval_of, weights_of_draws
from breastseg.metrics.ranking import ranking

TISSUES = ("fatty", "fatty-glandular", "dense-glandular")
CATEGORIES = "abcd"
TISSUE_OF = {"a": 0, "b": 1, "c": 2, "d": 2}
DRAWS = 1000


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def weighted_kappa(tables: np.ndarray) -> np.ndarray:
    """Return kappa with linear weights of (..., 3, 3) tables."""
    places = np.arange(3)
    weights = np.abs(places[:, None] - places)
    total = tables.sum(axis=(-2, -1), keepdims=True)
    chance = tables.sum(axis=-1, keepdims=True) * tables.sum(axis=-2, keepdims=True) / total
    return 1 - (tables * weights).sum(axis=(-2, -1)) / (chance * weights).sum(axis=(-2, -1))


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1; equals share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + 1 + ends) / 2)[inverse]


def shown(value: float, drawn: np.ndarray) -> str:
    low, high = interval_of(drawn)
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def against_tissue(films: list[dict[str, str]]) -> None:
    patients = [film["patient"] for film in films]
    names, whose = np.unique(patients, return_inverse=True)
    truth = np.array([TISSUES.index(film["tissue"]) for film in films])
    said = np.array([TISSUE_OF[film["density_proposed"]] for film in films])
    share = np.array([float(film["fibroglandular_share"]) for film in films])
    print("| | films | median share | a | b | c | d |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for place, tissue in enumerate(TISSUES):
        own = [film["density_proposed"] for film in films if film["tissue"] == tissue]
        counts = " | ".join(str(own.count(category)) for category in CATEGORIES)
        print(f"| {tissue} | {len(own)} | {np.median(share[truth == place]):.2f} | {counts} |")
    tables = np.zeros((len(names), 3, 3))
    np.add.at(tables, (whose, truth, said), 1)
    (weights,) = weights_of_draws(len(names), DRAWS, 0, values=9)
    drawn = np.einsum("dp,ptc->dtc", weights, tables)
    whole = tables.sum(axis=0)
    agree = np.trace(drawn, axis1=1, axis2=2) / drawn.sum(axis=(1, 2))
    print(f"\nagree {shown(np.trace(whole) / whole.sum(), agree)}")
    print(f"kappa, linear weights {shown(float(weighted_kappa(whole)), weighted_kappa(drawn))}")
    often = max(np.bincount(truth)) / len(truth)
    far = (np.abs(truth - said) == 2).mean()
    print(f"two classes off {far:.3f}; always the commonest class would agree {often:.2f}")
    also = np.array([TISSUE_OF.get(film["density_also"], -1) for film in films])
    either = np.mean((truth == said) | (truth == also))
    print(f"a second category is named on {np.sum(also >= 0)}; agree by either {either:.2f}")
    for low, high in ((0, 2), (0, 1), (1, 2)):
        chosen = np.isin(truth, (low, high))
        among = [patients[place] for place in np.flatnonzero(chosen)]
        found = ranking((truth[chosen] == high).astype(int), share[chosen], among)
        low_end, high_end = found["auc_interval"]
        auc = f"{found['auc']:.2f} [{low_end:.2f}, {high_end:.2f}]"
        print(f"AUC {TISSUES[low]} / {TISSUES[high]} {auc}")
    print(f"rank correlation {np.corrcoef(ranks(share), ranks(truth))[0, 1]:.2f}")


def both_breasts(breasts: list[dict[str, str]]) -> None:
    shares: dict[str, list[float]] = {}
    named: dict[str, list[str]] = {}
    for row in breasts:
        if row["fibroglandular_share"]:
            shares.setdefault(row["patient"], []).append(float(row["fibroglandular_share"]))
            named.setdefault(row["patient"], []).append(row["density_proposed"])
    pairs = np.array([pair for pair in shares.values() if len(pair) == 2])
    same = [len(set(pair)) == 1 for pair in named.values() if len(pair) == 2]
    apart = np.abs(pairs[:, 0] - pairs[:, 1])
    places = ranks(pairs[:, 0]), ranks(pairs[:, 1])
    print(
        f"\nboth breasts: {len(pairs)} patients, rank correlation {np.corrcoef(*places)[0, 1]:.2f},"
    )
    print(f"median difference of shares {np.median(apart):.3f}, 95th percentile", end=" ")
    print(f"{np.percentile(apart, 95):.2f}; same category {np.mean(same):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("films", type=Path, help="mini-MIAS as breastseg mammo prepare wrote it")
    options = parser.parse_args()
    films = rows_of(options.films / "films.csv")
    if "tissue" not in films[0]:
        parser.error(f"{options.films}: films.csv has no tissue; wanted prepared mini-MIAS")
    measured = [film for film in films if film["density_proposed"]]
    print(f"{len(measured)} of {len(films)} films have a share; the others have no muscle\n")
    against_tissue(measured)
    both_breasts(rows_of(options.films / "breasts.csv"))


if __name__ == "__main__":
    main()
