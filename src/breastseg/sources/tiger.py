"""TIGER: her2-positive and triple negative tumours of two centres and TCGA, seven classes.

van Rijthoven et al., Zenodo 6014422 and s3://tiger-training. `wsirois/roi-level-annotations` has
fields as PNG with masks, at about 0.5 um/px (`tissue-bcss` is BCSS with other words, `tissue-cells`
the rest); `wsirois/wsi-level-annotations` has the same areas on whole slides, read where the fields
are missing. `wsibulk` outlines tumour beds and `wsitils` scores slides: no tissue classes.

Inflamed stroma is full of lymphocytes, which is what BCSS calls an infiltrate. Rest holds healthy
stroma too, so that most maps cannot say what it is.
"""

from pathlib import Path

from breastseg.labels import Vocabulary, Word, all_but
from breastseg.sources.elsewhere import Elsewhere
from breastseg.sources.pairs import XML_SUFFIXES, files_in, match_pairs
from breastseg.sources.region import Found, Pair, tcga_patient

LICENCE = "annotations and RUMC, JB slides CC BY-NC 4.0, TCGA images open access (TIGER)"

HAD_FROM = Elsewhere(
    "https://tiger.grand-challenge.org/Data/",
    "fields of seven classes at 0.5 um/px, some GB (Zenodo 6014422); whole slides, hundreds of GB"
    " (s3://tiger-training)",
    "fetch roi-level-annotations.zip from https://doi.org/10.5281/zenodo.6014422, unpack it into"
    " FOLDER, then breastseg prepare FOLDER DATA; the slides are not needed",
    LICENCE,
)
MPP = 0.5
MPP_SOURCE = "known of this release (about 0.5)"

_INFLAMED = ("lymphocytic_infiltrate", "plasma_cells", "other_immune_infiltrate")
_NAMED = ("tumor", "angioinvasion", "dcis", "normal_acinus_or_duct", "necrosis_or_debris")

WORDS = Vocabulary(
    "TIGER",
    (
        Word(1, "invasive tumor", ("tumor", "angioinvasion")),
        Word(2, "tumor-associated stroma", ("stroma",)),
        Word(3, "in-situ tumor", ("dcis",)),
        Word(4, "healthy glands", ("normal_acinus_or_duct",)),
        Word(5, "necrosis not in-situ", ("necrosis_or_debris",), ("necrosis",)),
        Word(6, "inflamed stroma", _INFLAMED),
        Word(7, "rest", all_but(*_NAMED, *_INFLAMED, "metaplasia_NOS")),
    ),
    dropped=("roi", "lymphocytes and plasma cells"),
)

_FIELDS = ("tissue-bcss", "tissue-cells")
_NOTE = (
    "tissue-bcss is BCSS with other words: never use both with one patient on two sides"
    " (split by patient keeps them together)"
)


def find(root: Path) -> Found | None:
    """Recognise `wsirois`, or the folder that holds it, by its fields or else by its slides."""
    top = root / "wsirois" if (root / "wsirois").is_dir() else root
    note = _NOTE
    left_out = [name for name in ("wsibulk", "wsitils") if (root / name).is_dir()]
    if left_out:
        note += f"; {' and '.join(left_out)} left out: no classes of tissue"
    # Fields first: both hold the same areas, and fields need no slides of hundreds of GB.
    fields = _fields(top / "roi-level-annotations", note)
    return fields or _slides(top / "wsi-level-annotations", note)


def _fields(top: Path, note: str) -> Found | None:
    places = []
    for name in _FIELDS:
        if (top / name / "images").is_dir() and (top / name / "masks").is_dir():
            places.append(top / name)
    if not places:
        return None
    pairs = []
    for place in places:
        for pair in match_pairs(place / "images", place / "masks"):
            pairs.append(Pair(pair.image, pair.labels, patient=_slide_of(pair.image.stem)))
    return Found(
        "TIGER fields", tuple(pairs), MPP, MPP_SOURCE, "region5", note, LICENCE, words=WORDS
    )


def _slides(top: Path, note: str) -> Found | None:
    drawn = {}
    for name in _FIELDS:
        folder = top / f"annotations-{name}-xmls"
        if folder.is_dir():
            for path in files_in(folder, XML_SUFFIXES):
                drawn[path.stem] = path
    if not drawn or not (top / "images").is_dir():
        return None
    pairs = []
    for slide in files_in(top / "images", (".tif", ".tiff")):
        if slide.stem in drawn:
            pairs.append(Pair(slide, drawn[slide.stem], patient=_slide_of(slide.stem)))
    return Found(
        "TIGER slides",
        tuple(pairs),
        label_map="region5",
        note=note,
        licence=LICENCE,
        words=WORDS,
        in_fields=True,
    )


def _slide_of(name: str) -> str:
    """Return whose tissue it is: the slide, as in 100B of `100B_[35129, 6567, 36429, 7757]`; ""
    where a TCGA name says it."""
    if tcga_patient(name):
        return ""
    return name.split("_[")[0]
