"""COSAS24, task 2: fields of invasive breast carcinoma from several scanners, tumour or not.

`task2/SCANNER/image/HASH.png` with `task2/SCANNER/mask/HASH.png`, 0 and 255; 60 pairs of each of
three scanners. It is for testing across scanners: its licence allows no derivatives, and nobody
says which fields are of one patient. Task 1 has other organs and is refused.

The release says nothing of dcis; it is taken as tumour.
"""

from pathlib import Path

from breastseg.errors import SourceError
from breastseg.labels import Vocabulary, Word, all_but
from breastseg.sources.elsewhere import Elsewhere
from breastseg.sources.pairs import match_pairs
from breastseg.sources.region import Found, Pair

LICENCE = "CC BY-NC-ND 4.0 (COSAS24)"

HAD_FROM = Elsewhere(
    "https://cosas.grand-challenge.org",
    "task 2: three scanners with 60 fields of about 1,500 px each, tumour or not; task 1 is other"
    " organs",
    "it wants a login of yours; unpack it into FOLDER, then breastseg prepare FOLDER/task2 DATA"
    " --source-mpp UM",
    LICENCE,
)

_TUMOUR = ("tumor", "angioinvasion", "dcis")

WORDS = Vocabulary(
    "COSAS24",
    (Word(255, "tumor", _TUMOUR), Word(0, "not tumor", all_but(*_TUMOUR))),
    empty=(),
)


def find(root: Path) -> Found | None:
    """Recognise `task2/SCANNER/{image,mask}`, from the folder above or from task2 itself.

    Raises:
        SourceError: it is task 1.
    """
    if root.name == "task1" and _scanners(root):
        raise SourceError(
            f"{root}: task 1 of COSAS24 is adenocarcinoma of other organs, wanted task2, of the"
            " breast; give that folder"
        )
    task = root if root.name == "task2" else root / "task2"
    scanners = _scanners(task)
    if not scanners:
        return None
    pairs: list[Pair] = []
    for scanner in scanners:
        for pair in match_pairs(scanner / "image", scanner / "mask"):
            pairs.append(Pair(pair.image, pair.labels, "test", site=scanner.name))
    names = ", ".join(scanner.name for scanner in scanners)
    return Found(
        "COSAS24 task 2",
        tuple(pairs),
        label_map="tumor",
        note=(
            f"for testing across scanners ({names}: the column site), not for training: its licence"
            " allows no derivatives; task 1, of other organs, is not read"
        ),
        licence=LICENCE,
        words=WORDS,
    )


def _scanners(task: Path) -> list[Path]:
    """Return the folders of scanners, by name."""
    if not task.is_dir():
        return []
    scanners = []
    for place in sorted(task.iterdir()):
        if (place / "image").is_dir() and (place / "mask").is_dir():
            scanners.append(place)
    return scanners
