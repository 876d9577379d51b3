"""What a proposal is worth where the truth is known, beside calling everything tumour."""

from pathlib import Path

import numpy as np

from breastseg.annotate.proposals.mask import LABEL_MAP, TUMOR
from breastseg.errors import ImageError, SourceError
from breastseg.images import read_codes, resample_labels
from breastseg.labels import Labels
from breastseg.metrics import class_scores, confusion_counts
from breastseg.metrics.confusion import Counts

_KINDS = ("dice", "iou", "precision", "recall")


def find_truth(folder: Path, name: str) -> Path:
    """Return the mask of an image; SourceError when there is none."""
    path = folder / f"{name}.png"
    if not path.is_file():
        raise SourceError(
            f"{path}: not found, wanted the mask of the image {name}; add it or leave --truth out"
        )
    return path


def count_pixels(labels: Labels, truth: Path, size_px: tuple[int, int]) -> Counts:
    """Count pixels by truth and proposal, in the size of the image: (2, 3).

    Args:
        labels: the proposal, of any size.
        truth: a mask of BCSS codes.
        size_px: (width, height) of the image.

    Raises:
        ImageError: the mask has another size. LabelError: a code that is not BCSS's.
    """
    true = LABEL_MAP.apply(read_codes(truth), str(truth))  # (H, W)
    height, width = true.shape
    if (width, height) != size_px:
        raise ImageError(
            f"{truth}: {width} x {height} px, wanted {size_px[0]} x {size_px[1]},"
            " the size of its image"
        )
    return confusion_counts(true, resample_labels(labels, size_px), len(LABEL_MAP.classes))


def scores(counts: Counts) -> dict[str, float]:
    """Return the scores of tumor, and the Dice that calling every pixel tumor has; NaN where no
    tumor is known."""
    everything = np.zeros_like(counts)
    everything[:, TUMOR] = counts.sum(axis=1)
    own = class_scores(counts, LABEL_MAP.names)["tumor"]
    trivial = class_scores(everything, LABEL_MAP.names)["tumor"]
    row = {f"tumor_{kind}": own[kind] for kind in _KINDS}
    # Beside it, because where most of a field is tumour any proposal has a high Dice.
    row["everything_tumor_dice"] = trivial["dice"]
    row["annotated_px"] = int(counts.sum())
    return row
