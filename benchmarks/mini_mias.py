"""All of mini-MIAS: chest walls, inverted films, both breasts of a patient, density, CPU time.

    python benchmarks/mini_mias.py mini-MIAS

The films are those of `breastseg download mini-mias`, with Info.txt. Density is held against its
three classes of tissue: AUC of fatty against dense, and Spearman's correlation over all three.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from breastseg.errors import ImageError
from breastseg.mammography.density import density_of
from breastseg.mammography.layouts import mini_mias
from breastseg.mammography.masks import masks_of
from breastseg.mammography.pairs import disagreements
from breastseg.mammography.picture import read_picture
from breastseg.mammography.record import lengths_of

ORDER = {"fatty": 0, "fatty-glandular": 1, "dense-glandular": 2}


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1; equals share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + 1 + ends) / 2)[inverse]


def auc(lower: np.ndarray, upper: np.ndarray) -> float:
    """Return how often one of `upper` is above one of `lower`; equals count half."""
    above = (upper[:, None] > lower[None]).mean()
    return float(above + (upper[:, None] == lower[None]).mean() / 2)


def passes_inverted(pixels: np.ndarray, mm_per_px: float | None) -> bool:
    try:
        masks_of(np.asarray(65535 - pixels, np.uint16), mm_per_px, muscle="none")
    except ImageError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="mini-MIAS: mdb001.pgm and so on with Info.txt")
    options = parser.parse_args()
    layout = mini_mias.find(options.folder)
    if layout is None:
        parser.error(f"{options.folder}: no mini-MIAS")
    cv2.setNumThreads(1)
    seconds, wrong, unsure, inverted = [], [], [], []
    records, shares, tissues = [], [], []
    for entry in layout.entries:
        pixels = read_picture(entry.path, entry.name).pixels
        began = time.process_time()
        masks = masks_of(pixels, entry.mm_per_px)
        seconds.append(time.process_time() - began)
        number = int(entry.name[3:])
        if masks.chest_wall != ("right" if number % 2 else "left"):
            wrong.append(entry.name)
        if not masks.chest_wall_sure:
            unsure.append(entry.name)
        if passes_inverted(pixels, entry.mm_per_px):
            inverted.append(entry.name)
        share = density_of(pixels, masks, entry.mm_per_px).fibroglandular_share
        if not np.isnan(share):
            shares.append(share)
            tissues.append(ORDER[entry.facts["tissue"]])
        records.append(
            {
                "film": entry.name,
                "patient": entry.patient,
                "view": entry.view,
                "laterality": entry.laterality,
                "muscle_score": masks.muscle_score,
                **lengths_of(masks.labels),
            }
        )
    told = disagreements(records)
    print(f"films             {len(records)}")
    print(f"CPU-s a film      median {np.median(seconds):.2f}, most {max(seconds):.2f}")
    print(f"chest wall wrong  {len(wrong)} {wrong}; not sure {len(unsure)} {unsure}")
    print(f"inverted, passed  {len(inverted)} {inverted}")
    print(f"breasts disagree  {len(told) // 2} pairs {sorted(told)[::2]}")
    share, tissue = np.array(shares), np.array(tissues)
    medians = [f"{100 * np.median(share[tissue == one]):.0f} %" for one in range(3)]
    between = auc(share[tissue == 0], share[tissue == 2])
    correlation = np.corrcoef(ranks(share), ranks(tissue))[0, 1]
    print(f"density           {len(share)} films, medians {', '.join(medians)}")
    print(f"                  AUC fatty-dense {between:.2f}, rank correlation {correlation:.2f}")


if __name__ == "__main__":
    main()
