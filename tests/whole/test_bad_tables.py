"""Tables and files of a data set, damaged at random: whatever stands in them, nothing but our own
errors comes out."""

import csv
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import SplitConfig, listed_split, load_split, split
from breastseg.errors import BreastsegError, DatasetError, SplitError
from breastseg.inference.inputs import list_inputs
from breastseg.sources import open_source
from breastseg.sources.annotations import read_drawn

MUTATIONS = 250
PIECES = (
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b'"',
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r",
    b"nan",
    b"inf",
    b"-1",
    b"1e999",
    b"9" * 400,
    b"\xe9",
    b"null",
    b"[]",
    b"#N/A",
    b"x" * 200_000,
    b"../..",
    b"0,25",
    b"\xed\xa0\x80",
    b"\x1a",
    b"\xd9\xa3",
)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return a file with bits turned, pieces cut out, put in, doubled or moved, cut short, or in
    another encoding."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        start = rng.randrange(len(changed) + 1)
        end = start + rng.randrange(1, 30)
        match rng.randrange(8):
            case 0:
                changed[start:end] = bytes(
                    byte ^ 1 << rng.randrange(8) for byte in changed[start:end]
                )
            case 1 | 2:
                changed[start : rng.choice((start, end))] = rng.choice(PIECES)
            case 3:
                changed[start:start] = changed[start:end] * rng.choice((1, 2, 50))
            case 4:
                del changed[start : rng.choice((end, len(changed)))]
            case 5:
                lines = bytes(changed).split(b"\n")
                rng.shuffle(lines)
                changed = bytearray(b"\n".join(lines))
            case 6:
                for one, other in ((b",", b";"), (b"\n", b"\r\n"), (b".", b","), (b"00", b"")):
                    changed = changed.replace(one, other) if rng.random() < 0.5 else changed
            case 7:
                encoding = rng.choice(("utf-16", "utf-16-le", "latin-1"))
                changed = bytearray(bytes(changed).decode("latin-1").encode(encoding))
    return bytes(changed)


def use(folder: Path) -> None:
    """Read all that a data set has."""
    data = open_dataset(folder)
    for region in map(str, data.regions.index):
        for array in (
            data.image(region),
            data.labels(region),
            data.points(region),
            data.dots(region),
        ):
            np.sum(array)
    data.fingerprint()
    load_split(data)
    listed_split(data)


def test_damaged_tables_and_data_sets(painted: Path, painted_data: Dataset, tmp_path: Path) -> None:
    """Of 1,500 damaged files of a data set 471 ended in a traceback."""
    data = painted_data.path
    split(painted_data, SplitConfig("random"))
    names = sorted(path.stem for path in (painted / "images").iterdir())
    shutil.copy(data / "split.csv", tmp_path / "mine.csv")
    (tmp_path / "t.csv").write_text(
        "image,patient,site,mpp\n" + "".join(f"{name}.png,Müller {name},,0.3\n" for name in names)
    )
    (tmp_path / "slides.csv").write_text(
        'path,mpp,box,patient\na.tif,0.25,"0,0,9,9",P\nsub\\b.tif,,,Q\n'
    )
    (tmp_path / "dots.csv").write_text("x,y,class\n1.5,2,tumor\n3,4,stroma\n")
    uses: dict[Path, Callable[[], object]] = {
        **{
            path: lambda: use(data)
            for path in (
                data / "split.csv",
                data / "regions.csv",
                *sorted((data / "arrays").glob("*.npy"))[:4],
            )
        },
        tmp_path / "mine.csv": lambda: split(
            open_dataset(data), SplitConfig(str(tmp_path / "mine.csv"))
        ),
        tmp_path / "t.csv": lambda: open_source(painted, table=tmp_path / "t.csv"),
        tmp_path / "slides.csv": lambda: list_inputs([tmp_path / "slides.csv"]),
        tmp_path / "dots.csv": lambda: read_drawn(tmp_path / "dots.csv"),
    }
    for path in uses:
        uses[path]()
    rng, refused = random.Random(0), []
    whole = {path: path.read_bytes() for path in uses}
    for number in range(MUTATIONS):
        path = list(uses)[number % len(uses)]
        path.write_bytes(mutated(whole[path], rng))
        try:
            uses[path]()
        except BreastsegError as error:
            refused.append(str(error))
        for other in (path, data / "split.csv"):
            other.write_bytes(whole[other])
    assert len(refused) > MUTATIONS / 2
    assert not [line for line in refused if "\n" in line or len(line) > 2000]


DAMAGES = {
    "no um/px": (
        '"mpp": 0.3',
        '"mpp": null',
        r"dataset\.json: mpp, dot_radius_um or parts are not as prepare writes them",
    ),
    "um/px as words": (
        '"mpp": 0.3',
        '"mpp": "0.3"',
        r"dataset\.json: mpp, dot_radius_um or parts are not as prepare writes them",
    ),
    "endless um/px": (
        '"mpp": 0.3',
        '"mpp": Infinity',
        r"dataset\.json: not JSON \(Infinity is no number\), wanted ",
    ),
    "um/px beyond all": ('"mpp": 0.3', f'"mpp": {"9" * 400}', r"dataset\.json: .*"),
    "wrong um/px": ('"mpp": 0.3', '"mpp": 300', r"dataset\.json: 300 um/px, wanted 0\.05 to 20"),
    "no radius": (
        '"dot_radius_um": 3.0',
        '"dot_radius_um": true',
        r"dataset\.json: mpp, dot_radius_um or parts are not",
    ),
    "parts as words": (
        '"parts": [',
        '"parts": [3,',
        r"dataset\.json: mpp, dot_radius_um or parts are not as prepare writes them",
    ),
    "a column gone": (
        "source_split",
        "split",
        r"regions\.csv: columns are .*; wanted a CSV with region, patient, site",
    ),
    "a class of others": (",source_mpp", ",px_fat", r"regions\.csv: columns are .*px_fat"),
    "another class": (
        "px_other",
        "px_other,px_fat",
        r"regions\.csv: column px_fat is of no class in dataset\.json",
    ),
    "no patient": (",TCGA-A1-B001,", ",,", r"regions\.csv, row 2: no patient; prepare it again"),
    "a path": (
        "\nTCGA",
        "\n../TCGA",
        r"regions\.csv, row 2: region '\.\./.*' is no name of a file",
    ),
    "rounded": (
        ",96,96,",
        ",1E+02,96,",
        r"regions\.csv, row 2: pixels do not add up to width_px x height_px",
    ),
    "a number with decimals": (
        ",96,96,",
        ",96.5,96,",
        r"row 2: width_px '96\.5', wanted a whole number",
    ),
    "less than nothing": (
        ",96,96,0.3",
        ",96,96,-0.3",
        r"row 2: source_mpp '-0\.3', wanted microns per pixel",
    ),
    "another kind": (",areas,", ",area,", r"row 2: annotation 'area', wanted areas, dots, fields"),
}


@pytest.mark.parametrize(("old", "new", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damages_of_a_data_set(painted_data: Dataset, old: str, new: str, message: str) -> None:
    path = painted_data.path / ("dataset.json" if old.startswith('"') else "regions.csv")
    text = path.read_text()
    assert old in text
    text = text.replace(old, new, 1)
    if new == "px_other,px_fat":
        text = "".join(
            f"{line}{',0' * (number > 0)}\n" for number, line in enumerate(text.splitlines())
        )
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        open_dataset(painted_data.path)


def test_a_region_in_two_rows(painted_data: Dataset) -> None:
    path = painted_data.path / "regions.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1])
    with pytest.raises(
        DatasetError, match=r"regions\.csv, row 8: region .* is in row 2 too; keep one row"
    ):
        open_dataset(painted_data.path)


def test_a_data_set_that_a_spreadsheet_saved(painted_data: Dataset) -> None:
    """Semicolons, decimal commas, a mark at the start, lines of Windows, columns moved: the same
    data set."""
    split(painted_data, SplitConfig("random"))
    before = load_split(painted_data)
    for name in ("regions.csv", "split.csv"):
        path = painted_data.path / name
        rows = [[row[0], *reversed(row[1:])] for row in csv.reader(path.read_text().splitlines())]
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter=";").writerows(
                ["0,3" if cell == "0.3" else cell for cell in row] for row in rows
            )
    again = open_dataset(painted_data.path)
    assert again.fingerprint() == painted_data.fingerprint()
    assert again.class_pixels.equals(painted_data.class_pixels)
    assert load_split(again).equals(before)
    assert [again.labels(str(region)).shape for region in again.regions.index] == [(96, 96)] * 6


def test_zeros_that_a_spreadsheet_took_from_a_split(tmp_path: Path, painted_data: Dataset) -> None:
    regions = painted_data.regions.set_axis(
        [f"00{number}" for number in range(6)], axis="index"
    ).rename_axis("region")
    data = Dataset(tmp_path, painted_data.label_map, 0.3, regions, 3.0, ())
    split(data, SplitConfig("random"))
    path = tmp_path / "split.csv"
    path.write_text(path.read_text().replace("\n00", "\n"))
    with pytest.raises(
        BreastsegError,
        match=(
            r"split\.csv, row 2: region '0' is not in regions\.csv; is it '000', changed by a"
            r" spreadsheet\?"
        ),
    ):
        load_split(data)


def test_a_split_without_patients_is_checked_by_those_of_the_data_set(
    painted_data: Dataset,
) -> None:
    """It ended in a traceback."""
    regions = painted_data.regions
    one, two, *rest = map(str, regions.index)
    painted_data.regions.loc[two, "patient"] = regions.loc[one, "patient"]
    lines = [f"{one},train", f"{two},test", *(f"{region},Train" for region in rest)]
    (painted_data.path / "split.csv").write_text("region,split\n" + "\n".join(lines))
    with pytest.raises(SplitError, match="patient TCGA-A1-B001 is in test and train"):
        load_split(painted_data)
    assert listed_split(painted_data)["split"].tolist() == [
        "train",
        "test",
        "train",
        "train",
        "train",
        "train",
    ]
    (painted_data.path / "split.csv").write_text("region,split\n" + "\n".join([*lines, lines[0]]))
    with pytest.raises(SplitError, match=f"region {one} is in two rows; split the data set again"):
        load_split(painted_data)
