"""BCNB: patches of core biopsies in a folder a patient, and a table of the patients.

Xu et al. 2021, Front. Oncol. 11:759007. `paper_patches/NUMBER/*.jpg` (or NUMBER/*.jpg), beside
`patient-clinical-data.xlsx`, of which a copy as CSV UTF-8 is read here: the columns "Patient ID"
and "Tumour Type". The release states no microns per pixel of patches: they have to be given. This
layout follows the release's description; the data need an agreement and were not at hand.
"""

import re
from pathlib import Path

from breastseg.errors import SourceError
from breastseg.sources.region import Field, Found, Pair
from breastseg.tables import read_table

KIND = "BCNB patches"
LICENCE = "BCNB (Xu et al. 2021), for research that is not commercial, by agreement"
TABLE = "patient-clinical-data.csv"
TYPES = {
    "invasive ductal carcinoma": "ductal carcinoma",
    "invasive lobular carcinoma": "lobular carcinoma",
    "other type": "other carcinoma",
}
"""As other sources call them; what is not here stays as it is written."""
_ID = "Patient ID"
_TYPE = "Tumour Type"


def find(root: Path) -> Found | None:
    """Recognise the table beside folders that are numbers.

    Raises:
        SourceError: a folder without a row, or a patient with two types.
    """
    table = root / TABLE
    if not table.is_file():
        return None
    above = root / "paper_patches" if (root / "paper_patches").is_dir() else root
    folders = [path for path in above.iterdir() if re.fullmatch(r"\d+", path.name)]
    types = _types(table)
    pairs = []
    for folder in sorted(folders, key=lambda path: int(path.name)):
        if folder.name not in types:
            raise SourceError(f"{table}: no row for patient {folder.name}; add it")
        row, diagnosis = types[folder.name]
        for picture in sorted(folder.glob("*.jpg")):
            field = Field(
                table,
                row,
                somewhere=("tumor",),
                patient=f"BCNB-{folder.name}",
                site="BCNB",
                type=diagnosis,
            )
            pairs.append(Pair(picture, table, field=field))
    note = "BCNB: microns per pixel are not stated by the release; see its terms before use"
    return Found(KIND, tuple(pairs), note=note, licence=LICENCE) if pairs else None


def _types(path: Path) -> dict[str, tuple[int, str]]:
    """Return the row and the type of each patient."""
    table = read_table(path, SourceError, needed=(_ID, _TYPE), others=True)
    types: dict[str, tuple[int, str]] = {}
    for row in table.rows:
        diagnosis = TYPES.get(row[_TYPE].casefold(), row[_TYPE])
        number, before = types.setdefault(row[_ID], (row.number, diagnosis))
        if before != diagnosis:
            raise SourceError(
                f"{table.where(row)}: patient {row[_ID]} is {diagnosis}, row {number} says"
                f" {before}; keep one"
            )
    return types
