"""RSNA Screening Mammography (Kaggle 2023): digital mammograms, what became of each breast.

Facts of the release (Radiological Society of North America, breast cancer detection challenge):
* Films are `train_images/PATIENT/IMAGE.dcm`; copies as PNG are `PATIENT/IMAGE.png` or
  `PATIENT_IMAGE.png`. Headers hold no side and no view.
* `train.csv`: a row a film: site_id, patient_id, image_id, laterality, view, cancer, biopsy,
  invasive, BIRADS (0, 1 or 2), implant, density (A to D). `test.csv` has no results.
* Cancer and biopsy are of the breast, and where in it is not known: a film with a finding may not
  show it.
"""

from pathlib import Path

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import Finding
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below
from breastseg.tables import Row, Table, read_table

NAME = "RSNA Screening Mammography"
TABLES = ("train.csv", "test.csv")
_NEEDED = ("site_id", "patient_id", "image_id", "laterality", "view", "implant")
_KNOWN = ("cancer", "biopsy", "invasive", "BIRADS", "density")
_OF_BREAST = ("cancer", "biopsy", "invasive")


def find(root: Path) -> Layout | None:
    """Recognise the set by the columns of its table, and read it.

    Raises:
        DatasetError: a row that does not fit, or two rows of a breast that contradict.
        SourceError: a table without films.
    """
    if not root.is_dir():
        return None
    paths = []
    for path in files_below(root, (".csv",)):
        # Many data sets have a train.csv: its columns must be these, too.
        if path.name.lower() in TABLES and _is_ours(path):
            paths.append(path)
    if not paths:
        return None
    files = _files(root)
    entries, left_out = [], []
    for path in paths:
        table = read_table(path, DatasetError, needed=_NEEDED, known=_KNOWN, others=True)
        _check_breasts(table)
        for name, row in sorted(table.by("image_id").items()):
            picture = files.get((row["patient_id"], name))
            if picture is None:
                left_out.append(LeftOut(name, f"{name}: in {path.name}, no file"))
            elif row["implant"] == "1":
                cause = "an implant is in the image, by the table, wanted a breast without"
                left_out.append(LeftOut(name, f"{name}: {cause}"))
            else:
                entries.append(_entry(name, row, table, picture))
    if not entries:
        raise SourceError(f"{root}: a table of RSNA without films; put train_images beside it")
    return Layout(NAME, tuple(entries), tuple(left_out))


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.readline(4096).decode("utf-8", "replace").lower()
    return all(column in head for column in ("site_id", "image_id", "laterality", "implant"))


def _files(root: Path) -> dict[tuple[str, str], Path]:
    """Return the images by patient and image, of either way to lay them out."""
    files = {}
    for path in files_below(root, (".dcm", ".png")):
        patient, separator, image = path.stem.partition("_")
        if separator:  # PATIENT_IMAGE.png
            files[patient, image] = path
        else:  # PATIENT/IMAGE.dcm
            files[path.parent.name, path.stem] = path
    return files


def _check_breasts(table: Table) -> None:
    """Refuse two rows of one breast of which one says cancer and the other not."""
    first_rows: dict[tuple[str, str], Row] = {}
    for row in table.rows:
        first = first_rows.setdefault((row["patient_id"], row["laterality"]), row)
        for column in _OF_BREAST:
            if row[column] != first[column]:
                raise DatasetError(
                    f"{table.where(row)}: {column} of breast {row['laterality']} of patient "
                    f"{row['patient_id']} is '{row[column]}', row {first.number} says "
                    f"'{first[column]}'; correct the one that is wrong"
                )


def _entry(name: str, row: Row, table: Table, picture: Path) -> Entry:
    side = row["laterality"].upper()
    view = row["view"].upper()
    if side not in ("L", "R") or not view:
        raise DatasetError(
            f"{table.where(row)}: side '{side}' and view '{view}', wanted L or R, "
            "and CC, MLO or another view"
        )
    findings: tuple[Finding, ...] = ()
    words = "of the breast, place not known"
    if row["cancer"] == "1":
        words += ", invasive cancer" if row["invasive"] == "1" else ", cancer, not invasive"
        findings = (Finding("other", "malignant", told=words),)
    elif row["biopsy"] == "1":
        words += ", biopsy without cancer"
        findings = (Finding("other", "benign", told=words),)
    return Entry(
        name=name,
        path=picture,
        patient=row["patient_id"],
        laterality=side,
        view=view,
        origin=f"RSNA {table.path.name}",
        findings=findings,
        facts={"density": row["density"].lower(), "birads": row["BIRADS"].split(".")[0]},
    )
