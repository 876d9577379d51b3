"""BRACS: regions of breast slides in seven types, named by slide, type and number.

Brancati et al. 2022, Database baac093; names are as in `BRACS_1286_UDH_35.png`, at 40X, 0.25 um/px.
Its table of patients (BRACS.xlsx) has the patient of each slide: give it as a CSV with the columns
image and patient by --table; without, a slide counts as a patient.
"""

import re
from pathlib import Path

from breastseg.sources.region import Field, Found, Pair

KIND = "BRACS regions"
LICENCE = "BRACS (Brancati et al. 2022), CC BY-NC 4.0: not for what is sold"
TYPES = {
    "N": "normal",
    "PB": "pathological benign",
    "UDH": "usual ductal hyperplasia",
    "FEA": "flat epithelial atypia",
    "ADH": "atypical ductal hyperplasia",
    "DCIS": "ductal carcinoma in situ",
    "IC": "invasive carcinoma",
}
# Atypical lesions (FEA, ADH) are in neither: that no tumour is in them is not sure.
_WITHOUT = {"N", "PB", "UDH"}
_WITH = {"DCIS", "IC"}
_NAME = re.compile(r"(?P<slide>BRACS_\d+)_(?P<type>N|PB|UDH|FEA|ADH|DCIS|IC)_\d+\.png")


def find(root: Path) -> Found | None:
    """Recognise images of such names in a folder and the three below it (version, part, type)."""
    named: dict[Path, re.Match[str]] = {}
    for depth in range(4):
        for path in root.glob(f"{'*/' * depth}BRACS_*.png"):
            if match := _NAME.fullmatch(path.name):
                named[path] = match
    if not named:
        return None
    pairs = []
    for path in sorted(named, key=lambda path: path.name):
        pairs.append(Pair(path, path, field=_field(path, named[path])))
    note = (
        "BRACS: each slide counts as a patient, and a patient may have several: name them by"
        " --table (image, patient); its licence is for research that is not commercial"
    )
    return Found(KIND, tuple(pairs), 0.25, "known of this release", None, note, LICENCE)


def _field(picture: Path, name: re.Match[str]) -> Field:
    """Return what the name of an image says of it."""
    kind = name["type"]
    return Field(
        picture,
        0,
        without=("tumor", "necrosis") if kind in _WITHOUT else (),
        somewhere=("tumor",) if kind in _WITH else (),
        patient=name["slide"],
        site="BRACS",
        type=TYPES[kind],
    )
