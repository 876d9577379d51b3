"""Write folders of images with fields.csv from public data: recipes/breast1/fields/README.md.

python recipes/breast1/fields.py DATA BREAKHIS OUT
    DATA      holds gtex_adipose/images and nct_crc/images
    BREAKHIS  holds the images SOB_..., at any depth; from a git directory:
              git -C GIT_DIR archive 5363047 data-challenge/Train | tar x -C BREAKHIS
    OUT       gets breakhis, breakhis_held_out, gtex and nct_crc; the same bytes each time
"""

import argparse
import csv
import re
import shutil
import sys
from pathlib import Path

from breastseg.errors import BreastsegError, SourceError
from breastseg.files import write_table, write_text, written

CASES = Path(__file__).parent / "fields" / "breakhis_cases.csv"
LEFT_OUT = "14-13412"
"""Known under two diagnoses."""
LICENCES = {
    "breakhis": "BreaKHis (Spanhol et al. 2016, IEEE Trans. Biomed. Eng. 63:1455), CC BY 4.0",
    "gtex": "GTEx histology, open access; tiles of Adipocyte-U-net (Glastonbury et al. 2020)",
    "nct_crc": "CRC-VAL-HE-7K (Kather et al. 2018, Zenodo 1214456), CC BY 4.0",
}
GTEX = {
    "adipocyte": {"all": "other"},
    "not_adipocyte": {"without": "tumor;necrosis"},
}
NCT_CRC = {
    "ADI": {"all": "other"},
    "MUC": {"all": "other"},
    "LYM": {"all": "inflammatory"},
    "STR": {"all": "stroma"},
}
BREAKHIS = {"B": {"without": "tumor;necrosis"}, "M": {"with": "tumor"}}
_BREAKHIS_NAME = re.compile(r"SOB_(?P<kind>[BM])_[A-Z]+-(?P<case>\d+-\d+)[A-Z]*-100-\d+\.png")
_DONOR = re.compile(r"GTEX-[A-Z0-9]+")

Rows = list[tuple[Path, dict[str, object]]]


def breakhis(folder: Path) -> tuple[Rows, Rows]:
    """Return images and their rows: those to train on, and those to judge by."""
    with CASES.open(newline="", encoding="utf-8") as file:
        part_of = {row["patient"]: row["split"] for row in csv.DictReader(file)}
    parts: dict[str, Rows] = {"train": [], "test": []}
    for picture in sorted(folder.rglob("SOB_*-100-*.png"), key=lambda path: path.name):
        found = _BREAKHIS_NAME.fullmatch(picture.name)
        if found is None:
            raise SourceError(f"{picture}: not named as BreaKHis names images; take it away")
        if found["case"] == LEFT_OUT:
            continue
        if found["case"] not in part_of:
            raise SourceError(f"{picture}: case {found['case']} is not in {CASES}; add a row")
        row = {"patient": found["case"], "site": "BreaKHis", "mpp": 0.65, **BREAKHIS[found["kind"]]}
        parts[part_of[found["case"]]].append((picture, row))
    return parts["train"], parts["test"]


def gtex(folder: Path) -> Rows:
    """Return images and their rows."""
    rows: Rows = []
    for picture in sorted(folder.glob("*.jpg")):
        kind, donor = picture.name.split("__")[0], _DONOR.search(picture.name)
        if kind in GTEX and donor:
            rows.append((picture, {"patient": donor[0], "site": "GTEx", "mpp": 0.49, **GTEX[kind]}))
    return rows


def nct_crc(folder: Path) -> Rows:
    """Return images and their rows; each tile counts as a patient."""
    rows: Rows = []
    for picture in sorted(folder.glob("*.jpg")):
        kind = picture.name.split("_")[0]
        if kind in NCT_CRC:
            row = {"patient": picture.stem, "site": "NCT-CRC", "mpp": 0.5, **NCT_CRC[kind]}
            rows.append((picture, row))
    return rows


def write(rows: Rows, out: Path, licence: str) -> None:
    """Copy images, then write what is known of them."""
    if not rows:
        raise SourceError(f"{out.name}: no images found; see the head of {Path(__file__).name}")
    for picture, _ in rows:
        with written(out / picture.name) as beside:
            shutil.copyfile(picture, beside)
    empty = dict.fromkeys(("image", "patient", "site", "mpp", "all", "without", "with"), "")
    table = [{**empty, "image": picture.name, **row} for picture, row in rows]
    write_text(out / "licence.txt", licence + "\n")
    write_table(out / "fields.csv", table)
    print(f"{out}: {len(rows)} images")


def main() -> None:
    """Write all four folders."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="holds gtex_adipose/images and nct_crc/images")
    parser.add_argument("breakhis", type=Path, help="holds the images of BreaKHis")
    parser.add_argument("out", type=Path, help="gets the folders")
    options = parser.parse_args()
    train, held_out = breakhis(options.breakhis)
    write(train, options.out / "breakhis", LICENCES["breakhis"])
    write(held_out, options.out / "breakhis_held_out", LICENCES["breakhis"])
    for name, read, folder in (("gtex", gtex, "gtex_adipose"), ("nct_crc", nct_crc, "nct_crc")):
        write(read(options.data / folder / "images"), options.out / name, LICENCES[name])


if __name__ == "__main__":
    try:
        main()
    except BreastsegError as error:
        sys.exit(f"fields.py: {error}")
