"""BRCA-M2C: fields of TCGA-BRCA with a dot on each nucleus, and the release's own training and
validation lists.

Abousamra et al. 2021, ICCV. Images are at 0.5 um/px: file names carry the slide's own um/px times
four and the size of the field there, as in `..._1000_1000_0.9824`, and the images are 491 px
wide.
"""

from pathlib import Path

from breastseg.errors import SourceError
from breastseg.sources.pairs import match_pairs
from breastseg.sources.region import Found, Pair, tcga_patient

LICENCE = "BSD-3-Clause (Abousamra et al. 2021), images TCGA open access"
SUFFIX = "_gt_class_coords"
_LISTS = {"train": "brca_ds_train.txt", "val": "brca_ds_val.txt"}


def find(root: Path) -> Found | None:
    """Recognise `images/` beside `labels/*_gt_class_coords.txt`."""
    if not (root / "images").is_dir() or not any((root / "labels").glob(f"*{SUFFIX}.txt")):
        return None
    part_of: dict[str, str] = {}
    for part, list_file in _LISTS.items():
        for name in _names(root / list_file):
            part_of[name] = part
    pairs: list[Pair] = []
    patients: dict[str, set[str]] = {part: set() for part in _LISTS}
    matched = match_pairs(root / "images", root / "labels", mask_suffix=SUFFIX, kinds=(".txt",))
    for pair in matched:
        part = part_of.get(pair.image.name, "")
        pairs.append(Pair(pair.image, pair.labels, part))
        tcga = tcga_patient(pair.image.name)
        if part and tcga:
            patients[part].add(tcga[0])
    shared = sorted(patients["train"] & patients["val"])
    note = ""
    if shared:
        note = (
            f"its own lists put {' and '.join(shared)} into training and validation: split it again"
            " by patient"
        )
    return Found(
        "BRCA-M2C dots", tuple(pairs), 0.5, "known of this release", "region5", note, LICENCE
    )


def _names(path: Path) -> list[str]:
    """Return the images of a list; none where the copy has no such list."""
    if not path.is_file():
        return []
    try:
        return path.read_text(encoding="utf-8").split()
    except UnicodeDecodeError:
        raise SourceError(f"{path}: not a list of file names; copy the release again") from None
