"""BEETLE: biopsies and resections of three centres, four classes, areas on whole slides.

Lems et al. 2025, arXiv 2510.02037; Zenodo 16812932, 151 GB: `images/development/wsis/NAME.tif` with
`annotations/xmls/NAME.xml` (ASAP) and, of the same areas, `annotations/jsons` and
`annotations/masks`. The XML is read: it takes no memory, and it says classes by name (in masks
non-invasive is 2 and invasive is 3, the other way round than the paper lists them). The evaluation
set has no annotation; slides of TCGA have annotation and no image, which are at the GDC.
"""

from pathlib import Path

from breastseg.labels import Vocabulary, Word, all_but
from breastseg.sources.elsewhere import Elsewhere
from breastseg.sources.pairs import XML_SUFFIXES, files_in
from breastseg.sources.region import Found, Pair
from breastseg.wording import counted

LICENCE = "CC BY-NC-SA 4.0 (Lems et al. 2025)"

HAD_FROM = Elsewhere(
    "https://doi.org/10.5281/zenodo.16812932",
    "587 cases, areas of four classes; 151 GB: images.zip 147, annotations.zip about 2",
    "fetch images.zip and annotations.zip, unpack both into FOLDER; its slides of TCGA come from"
    " the GDC; then breastseg prepare FOLDER DATA",
    LICENCE,
)

_EPITHELIUM = ("tumor", "angioinvasion", "dcis", "normal_acinus_or_duct", "metaplasia_NOS")

WORDS = Vocabulary(
    "BEETLE",
    (
        Word(1, "other", all_but(*_EPITHELIUM, "necrosis_or_debris")),
        # Healthy glands, DCIS, LCIS, atypical hyperplasia: in this data set, never tumour.
        Word(2, "non-invasive epithelium", ("dcis", "normal_acinus_or_duct")),
        Word(3, "invasive epithelium", ("tumor", "angioinvasion")),
        Word(4, "necrosis", ("necrosis_or_debris",)),
    ),
)

_IMAGES = Path("images", "development", "wsis")
_DRAWN = Path("annotations", "xmls")


def find(root: Path) -> Found | None:
    """Recognise `images/development/wsis` beside `annotations/xmls`."""
    if not (root / _IMAGES).is_dir() or not (root / _DRAWN).is_dir():
        return None
    drawn = {path.stem: path for path in files_in(root / _DRAWN, XML_SUFFIXES)}
    slides = files_in(root / _IMAGES, (".tif", ".tiff"))
    pairs = []
    for slide in slides:
        if slide.stem in drawn:
            # Slides of one patient are called PATIENT_wsi1, PATIENT_wsi2 ...
            patient = slide.stem.split("_wsi")[0]
            pairs.append(Pair(slide, drawn[slide.stem], patient=patient))
    notes = []
    without_annotation = len(slides) - len(pairs)
    if without_annotation:
        notes.append(f"{counted(without_annotation, 'slide')} without annotation left out")
    without_image = len(drawn) - len(pairs)
    if without_image:
        slides_text = counted(without_image, "slide")
        notes.append(f"annotation of {slides_text} without image left out (TCGA: GDC)")
    return Found(
        "BEETLE slides",
        tuple(pairs),
        label_map="beetle",
        note="; ".join(notes),
        licence=LICENCE,
        words=WORDS,
        in_fields=True,
    )
