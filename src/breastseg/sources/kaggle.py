"""The two Kaggle copies of BCSS, with their own splits.

`BCSS` has 224-px tiles in `train`, `train_mask`, `val`, `val_mask` (and `test` without masks),
split at random per tile: every region is in every split, so `breastseg split` refuses its own split
unless --leaky is given. `BCSS_512` holds whole hospitals out.
"""

from pathlib import Path

from breastseg.images import IMAGE_SUFFIXES
from breastseg.sources.bcss.find import LICENCE, MPP, MPP_SOURCE
from breastseg.sources.pairs import files_in, match_pairs
from breastseg.sources.region import Found, Pair

_LAYOUTS = {
    "BCSS tiles of 224 px (Kaggle)": (
        {
            "train": ("train", "train_mask"),
            "val": ("val", "val_mask"),
            "test": ("test", "test_mask"),
        },
        (
            "this copy was split at random per tile, every region is on both sides: split it again"
            " by patient (its own split only with --scheme source --leaky, to see what that does to"
            " scores). If its masks hold no code above 2, classes were merged and 0 swallows them"
        ),
    ),
    "BCSS tiles of 512 px (Kaggle)": (
        {
            "train": ("train_512", "train_mask_512"),
            "val": ("val_512", "val_mask_512"),
            "test": ("test_512", "test_mask_512"),
        },
        "its val part is the official test hospitals",
    ),
}


def find(root: Path) -> Found | None:
    """Recognise either copy by its folder names."""
    for kind, (parts, note) in _LAYOUTS.items():
        present = []
        for part, (images, masks) in parts.items():
            if (root / images).is_dir() and (root / masks).is_dir():
                present.append(part)
        if "train" in present:
            pairs: list[Pair] = []
            for part in present:
                images, masks = parts[part]
                pairs += match_pairs(root / images, root / masks, split=part)
            return Found(
                kind,
                tuple(pairs),
                MPP,
                MPP_SOURCE,
                "region5",
                f"{note}{_without_masks(root, parts)}",
                LICENCE,
            )
    return None


def _without_masks(root: Path, parts: dict[str, tuple[str, str]]) -> str:
    """Return in words which folders of images have no masks: the test images of this copy, and
    others that were left away."""
    folders = []
    for images, masks in parts.values():
        if (root / images).is_dir() and not (root / masks).is_dir():
            folders.append(f"{images}/ ({len(files_in(root / images, IMAGE_SUFFIXES))})")
    if not folders:
        return ""
    return f". Images without masks, for breastseg predict: {', '.join(folders)}"
