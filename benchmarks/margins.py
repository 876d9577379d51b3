"""What margins are worth by how many patients they stand on: coverage, and how wide intervals get.

`python benchmarks/margins.py`: patients drawn by a known law, no image and no network. Shares of
truth are Beta(0.8, 1.5); the map's have log odds that are off by a normal error with a standard
deviation of 0.5, one in ten patients by one of 2.
"""

import numpy as np

from breastseg.metrics.conformal import log_odds, margin_of, share_ends, share_errors

DRAWS = 20_000
NUMBERS = (9, 12, 15, 18, 19, 20, 30, 50, 100)


def main() -> None:
    """Print a row for each number of patients."""
    print("| patients | coverage | width of a share of 0.30 in the map: median | 90 % of draws |")
    print("| --- | --- | --- | --- |")
    for number in NUMBERS:
        rng = np.random.default_rng(number)
        truth = rng.beta(0.8, 1.5, (DRAWS, number + 1))
        spread = np.where(rng.random(truth.shape) < 0.1, 2.0, 0.5)
        odds = log_odds(truth) + spread * rng.standard_normal(truth.shape)
        errors = share_errors(truth, 1 / (1 + np.exp(-odds)))
        margins = np.array([margin_of(row) for row in errors[:, :-1]])
        ends = np.array([share_ends(0.3, float(margin)) for margin in margins])
        width, coverage = ends[:, 1] - ends[:, 0], (errors[:, -1] <= margins).mean()
        middle, wide = np.quantile(width, (0.5, 0.9))
        print(f"| {number} | {coverage:.3f} | {middle:.2f} | {wide:.2f} |")


if __name__ == "__main__":
    main()
