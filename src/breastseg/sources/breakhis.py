"""BreaKHis: fields of 82 cases of benign and malignant breast tumours, named by type, case and
magnification.

Spanhol et al. 2016, IEEE Trans. Biomed. Eng. 63:1455; names are as in
`SOB_M_DC-14-14926-100-001.png`: malignant, ductal carcinoma, year and slide, magnification, number.
A case is the slide's number without its letters: 21998AB and 21998CD are two slides of one patient.
Microns per pixel are not the paper's (0.20 at 100X): nuclei have their size at 0.65
(recipes/breast1/fields/README.md), and other magnifications are taken in proportion.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from breastseg.errors import MppError
from breastseg.sources.region import Field, Found, Pair
from breastseg.wording import counted

KIND = "BreaKHis fields"
LICENCE = "BreaKHis (Spanhol et al. 2016, IEEE Trans. Biomed. Eng. 63:1455), CC BY 4.0"
TYPES = {
    "A": "adenosis",
    "F": "fibroadenoma",
    "PT": "phyllodes tumor",
    "TA": "tubular adenoma",
    "DC": "ductal carcinoma",
    "LC": "lobular carcinoma",
    "MC": "mucinous carcinoma",
    "PC": "papillary carcinoma",
}
MPP = {"40": 1.625, "100": 0.65, "200": 0.325, "400": 0.1625}
LEFT_OUT = "14-13412"
"""Filed as ductal and as lobular carcinoma."""
SITE = "BreaKHis"

_NAME = re.compile(
    r"SOB_(?P<kind>[BM])_(?P<type>A|F|PT|TA|DC|LC|MC|PC)-(?P<case>\d+-\d+)[A-Z]*"
    r"-(?P<magnification>\d+)-\d+\.png"
)
_ABSENT = {"B": ("tumor", "necrosis"), "M": ()}
_PRESENT = {"B": (), "M": ("tumor",)}


def find(root: Path) -> Found | None:
    """Recognise images of such names, at any depth; others that begin with SOB_ are left out.

    Raises:
        MppError: a magnification of which microns per pixel are not known.
    """
    if not any(_named(root)):
        return None
    pairs = []
    left_out = 0
    for picture in sorted(root.rglob("SOB_*.png"), key=lambda path: path.name):
        name = _NAME.fullmatch(picture.name)
        if name is None or name["case"] == LEFT_OUT:
            left_out += 1
            continue
        pairs.append(Pair(picture, picture, field=_field(picture, name)))
    note = ""
    if left_out:
        note = (
            f"{counted(left_out, 'image')} left out: without a type, or of case {LEFT_OUT},"
            " which has two diagnoses"
        )
    return Found(KIND, tuple(pairs), note=note, licence=LICENCE)


def _named(root: Path) -> Iterator[Path]:
    """Yield images of such names in a folder and the two levels below; a large folder of another
    source is not searched to its last level."""
    for pattern in ("SOB_[BM]_*.png", "*/SOB_[BM]_*.png", "*/*/SOB_[BM]_*.png"):
        yield from (path for path in root.glob(pattern) if _NAME.fullmatch(path.name))


def _field(picture: Path, name: re.Match[str]) -> Field:
    """Return what the name of an image says of it."""
    magnification = name["magnification"]
    if magnification not in MPP:
        raise MppError(
            f"{picture}: magnification {magnification}X, microns per pixel are known of"
            f" {', '.join(MPP)}X; take it away"
        )
    kind = name["kind"]
    return Field(
        picture,
        0,
        without=_ABSENT[kind],
        somewhere=_PRESENT[kind],
        patient=name["case"],
        site=SITE,
        mpp=MPP[magnification],
        type=TYPES[name["type"]],
    )
