"""BRACS: regions of breast slides in seven types, named by slide, type and number.

Brancati et al. 2022, Database baac093; names are as in `BRACS_1286_UDH_35.png`, at 40X, 0.25 um/px.
Its table of patients (BRACS.xlsx) has the patient of each slide: give it as a CSV with the columns
image and patient by --table; without, a slide counts as a patient.
"""

import re
from itertools import chain
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
_WITHOUT, _WITH = {"N", "PB", "UDH"}, {"DCIS", "IC"}
_NAME = re.compile(r"(?P<slide>BRACS_\d+)_(?P<type>N|PB|UDH|FEA|ADH|DCIS|IC)_\d+\.png")


def find(root: Path) -> Found | None:
    """Recognise pictures named so in a folder and the three below it (version, part, type)."""
    depths = chain.from_iterable(root.glob(f"{'*/' * depth}BRACS_*.png") for depth in range(4))
    named = {path: said for path in depths if (said := _NAME.fullmatch(path.name))}
    if not named:
        return None
    pairs = [
        Pair(path, path, field=_field(path, named[path]))
        for path in sorted(named, key=lambda path: path.name)
    ]
    note = (
        "BRACS: each slide counts as a patient, and a patient may have several: name them by"
        " --table (image, patient); its licence is for research that is not commercial"
    )
    return Found(KIND, tuple(pairs), 0.25, "known of this release", None, note, LICENCE)


def _field(picture: Path, said: re.Match[str]) -> Field:
    kind = said["type"]
    return Field(
        picture,
        0,
        without=("tumor", "necrosis") if kind in _WITHOUT else (),
        somewhere=("tumor",) if kind in _WITH else (),
        patient=said["slide"],
        site="BRACS",
        type=TYPES[kind],
    )
