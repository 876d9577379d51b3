"""CMMD: digital mammograms of 1,775 patients from China, what a biopsy said of each breast.

Facts of the release (Cui et al. 2021, The Cancer Imaging Archive, doi 10.7937/tcia.eqde-4b16):
* Films lie in a folder a patient, `D1-0001/.../1-1.dcm`; side and view are in the headers.
* `CMMD_clinicaldata_revision.xlsx`, saved as CSV: ID1, LeftRight, abnormality, classification,
  subtype; a row a breast. Where in the breast is not known.
"""

import re
from pathlib import Path

from breastseg.errors import DatasetError
from breastseg.mammography.findings import Finding
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below
from breastseg.tables import Row, Table, read_table

NAME = "CMMD"
_PATIENT = re.compile(r"D[12]-\d{4}")
_TABLE = re.compile(r"CMMD.*clinical.*\.csv", re.IGNORECASE)
_KINDS = {
    "mass": ("mass",),
    "calcification": ("calcification",),
    "both": ("mass", "calcification"),
}
_PATHOLOGIES = {"benign": "benign", "malignant": "malignant"}


def find(root: Path) -> Layout | None:
    """Recognise CMMD by its folders of patients, and read its table where it is.

    Raises:
        DatasetError: a row that does not fit, or two rows of a breast that contradict.
    """
    if not root.is_dir():
        return None
    files: dict[str, list[Path]] = {}
    for path in files_below(root, (".dcm",)):
        for part in path.relative_to(root).parts[:-1]:
            if _PATIENT.fullmatch(part):
                files.setdefault(part, []).append(path)
                break
    if not files:
        return None
    breasts, notes = _breasts(root)
    entries = []
    for patient in sorted(files):
        # By breast: the side of a film is in its header, which is read later.
        findings = breasts.get(patient, {})
        for number, path in enumerate(files[patient], start=1):
            name = f"{patient}-{number}"
            entries.append(Entry(name, path, patient, findings_by_side=findings))
    left_out = []
    for patient in sorted(breasts):
        if patient not in files:
            left_out.append(LeftOut(patient, f"{patient}: in the table, no folder"))
    return Layout(NAME, tuple(entries), tuple(left_out), notes)


def _breasts(root: Path) -> tuple[dict[str, dict[str, tuple[Finding, ...]]], tuple[str, ...]]:
    paths = [path for path in files_below(root, (".csv",)) if _TABLE.fullmatch(path.name)]
    if not paths:
        return {}, ("no CMMD_clinicaldata csv: findings are not known; save the xlsx as CSV",)
    table = read_table(
        paths[0],
        DatasetError,
        needed=("ID1", "LeftRight", "abnormality", "classification"),
        known=("subtype",),
        others=True,
    )
    breasts: dict[str, dict[str, tuple[Finding, ...]]] = {}  # patient -> side -> findings
    for row in table.rows:
        side = row["LeftRight"].upper()
        kinds = _KINDS.get(row["abnormality"].lower())
        pathology = _PATHOLOGIES.get(row["classification"].lower())
        if side not in ("L", "R") or kinds is None or pathology is None:
            raise DatasetError(
                f"{table.where(row)}: '{side}', '{row['abnormality']}', '{row['classification']}', "
                "wanted L or R, mass, calcification or both, Benign or Malignant"
            )
        words = "of the breast, place not known"
        if row["subtype"]:
            words += f", {row['subtype']}"
        sides = breasts.setdefault(row["ID1"], {})
        findings = tuple(Finding(kind, pathology, told=words) for kind in kinds)
        # The same row twice is harmless; another of the same breast is not.
        if sides.get(side, findings) != findings:
            raise _contradiction(row, table, side)
        sides[side] = findings
    return breasts, ()


def _contradiction(row: Row, table: Table, side: str) -> DatasetError:
    return DatasetError(
        f"{table.where(row)}: breast {side} of {row['ID1']} has another row that says otherwise; "
        "keep the one that is right"
    )
