"""Boxes, discs and "not CLASS" in a table of points, and what is known of whole regions."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.data.dataset import ARRAYS, Dataset, open_dataset
from breastseg.data.places import place_px, places_of, without_nots
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import DatasetError
from breastseg.labels import BUILT_IN
from breastseg.sources.annotations import Drawn
from breastseg.sources.points import Dot
from conftest import CROPS, DATA, quiet

MPP = 0.25
CONFIG = PrepareConfig(to_mpp=0.5, labels="region5", mpp=MPP, workers=1)
HEAD = "x,y,class,width,height,radius_um"
ROWS = (
    "40.5,60.5,tumor,,,",
    "100,80,tumor,40,24,",
    "100,130,stroma,,,15",
    "20,20,Not tumor,30,30,",
    "170,90,not stroma,,,",
    "60,150,inflammatory,9,9,",
)
"""In pixels of the image; half as many in the data set. The disc is 60 px of the data set wide.
"""
PLACES = [
    [1, 0, 0, 30, 20, 31, 21],
    [1, 0, 0, 34, 40, 46, 60],
    [2, 0, 1, 35, 20, 95, 80],
    [1, 1, 0, 2, 2, 17, 17],
    [2, 1, 0, 45, 85, 46, 86],
    [3, 0, 0, 73, 28, 77, 32],
]


def pictures(folder: Path, *tables: str) -> Path:
    """Write crops of real images of 192 x 192 px, each with a table of points."""
    folder.mkdir()
    for number, table in enumerate(tables):
        with Image.open(DATA / "bcss" / "images" / CROPS[number].name) as picture:
            picture.convert("RGB").crop((0, 0, 192, 192)).save(folder / f"field{number}.png")
        (folder / f"field{number}_points.csv").write_text(table)
    return folder


def table(*rows: str, head: str = HEAD) -> str:
    return "\n".join([head, *rows]) + "\n"


def evaluate(bundle: Bundle, data: Dataset, out: Path, *more: str) -> Any:
    words = [
        "evaluate",
        "--model",
        str(bundle.path),
        "--data",
        str(data.path),
        "--out",
        str(out),
        "--split",
        "all",
        "--threads",
        "1",
    ]
    assert main([*words, *more]) == 0
    return json.loads((out / "scores.json").read_text(encoding="utf-8"))


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """One field with all kinds of places, one with dots, one with what is not there alone."""
    source = pictures(
        tmp_path / "source",
        table(*ROWS),
        table("9,9,tumor", "12,40,stroma", head="x,y,class"),
        table("50,50,not tumor,8,8,"),
    )
    return prepare(source, tmp_path / "data", CONFIG, reporter=quiet)


def test_places_are_kept_as_pixels_of_the_data_set(data: Dataset) -> None:
    assert data.regions["places"].to_dict() == {"field0": 6, "field1": 0, "field2": 1}
    assert data.places("field0").tolist() == PLACES
    assert data.places("field1").tolist() == [[1, 0, 0, 4, 4, 5, 5], [2, 0, 0, 20, 6, 21, 7]]
    assert not (data.path / ARRAYS / "field1.places.npy").exists()


def test_what_a_place_is_not_teaches_nothing(data: Dataset) -> None:
    """Dots of classes stay what they were, whatever their extent: a disc of 3 um."""
    assert data.dots("field0").tolist() == [[1, 30, 20], [1, 40, 50], [2, 65, 50], [3, 75, 30]]
    assert np.count_nonzero(data.labels("field0")) < 4 * 3.2 * 6**2
    assert not np.any(data.labels("field2"))
    assert data.dotted(["field0", "field1", "field2"]) == ["field0", "field1", "field2"]


def test_a_data_set_of_dots_alone_is_as_it_was(tmp_path: Path) -> None:
    made = prepare(
        pictures(tmp_path / "source", table("9,9,tumor", head="x,y,class")),
        tmp_path / "data",
        CONFIG,
        reporter=quiet,
    )
    assert "places" not in made.regions
    assert not list((made.path / ARRAYS).glob("*.places.npy"))


def test_a_map_is_scored_at_places(
    data: Dataset, lively_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = evaluate(lively_bundle, data, tmp_path / "out")
    names = ("not analysed", "tumor", "stroma", "inflammatory", "necrosis", "other")
    found = np.asarray(Image.open(tmp_path / "out" / "regions" / "field0" / "labels.png"))
    rows, columns = np.indices(found.shape)
    by_hand = []
    for label, is_not, is_round, top, left, bottom, right in PLACES:
        inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
        if is_round:
            inside &= np.hypot(rows + 0.5 - 65, columns + 0.5 - 50) <= 30
        by_hand.append(
            (("not " if is_not else "") + names[label], names[np.bincount(found[inside]).argmax()])
        )
    counts = pd.read_csv(tmp_path / "out" / "dots_counts.csv")
    own = counts[counts["region"] == "field0"].set_index(["truth", "prediction"])["dots"].to_dict()
    assert own == pd.Series(by_hand).value_counts().to_dict()
    kinds = scores["dots"]["classes"]
    assert list(kinds) == [*names[1:], "not tumor", "not stroma"]
    nots = counts[counts["truth"] == "not tumor"]
    assert kinds["not tumor"]["support_dots"] == nots["dots"].sum() == 2
    assert (
        kinds["not tumor"]["accuracy"] == nots.loc[nots["prediction"] != "tumor", "dots"].sum() / 2
    )
    assert scores["dots"]["overall"]["support_dots"] == 9
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<tr><td>not tumor</td>" in page
    assert 'what is "not" of a class' in page
    assert "not tumor" in capsys.readouterr().out


def test_places_in_the_classes_of_a_coarser_map(lively_bundle: Bundle, tmp_path: Path) -> None:
    """What is not DCIS may be another tumour; what is not stroma is not stroma in the coarser map
    either."""
    source = pictures(
        tmp_path / "source",
        table("50,50,not dcis", "60,60,not stroma", "70,70,dcis", "80,80,fat", head="x,y,class"),
    )
    fine = prepare(
        source,
        tmp_path / "data",
        PrepareConfig(0.5, "bcss21", mpp=MPP, workers=1),
        reporter=quiet,
    )
    assert len(fine.places("field0")) == 4
    scores = evaluate(lively_bundle, fine, tmp_path / "out", "--labels", "region5")
    support = {
        kind: row["support_dots"]
        for kind, row in scores["dots"]["classes"].items()
        if row["support_dots"]
    }
    assert support == {"tumor": 1, "other": 1, "not stroma": 1}


def known(data: Dataset, **columns: list[str]) -> Dataset:
    """Write what is known of whole regions into regions.csv, as a source of such knowledge does."""
    path = data.path / "regions.csv"
    rows = pd.read_csv(path, keep_default_na=False)
    rows.assign(**{name.rstrip("_"): values for name, values in columns.items()}).to_csv(
        path, index=False
    )
    return open_dataset(data.path)


def test_shares_of_what_whole_regions_have_and_have_not(
    data: Dataset, lively_bundle: Bundle, tmp_path: Path
) -> None:
    marked = known(data, without=["other;necrosis", "", "other"], with_=["stroma", "other", ""])
    assert marked.presence("field0") == {5: False, 4: False, 2: True}
    scores = evaluate(lively_bundle, marked, tmp_path / "out")
    shares = {}
    for region in ("field0", "field1", "field2"):
        found = np.asarray(Image.open(tmp_path / "out" / "regions" / region / "labels.png"))
        shares[region] = np.bincount(found.ravel(), minlength=6)[1:] / np.count_nonzero(found)
    stroma, necrosis, other = (
        scores["presence"]["classes"][name] for name in ("stroma", "necrosis", "other")
    )
    assert list(scores["presence"]["classes"]) == ["stroma", "necrosis", "other"]
    assert other["share_without"] == pytest.approx((shares["field0"][4] + shares["field2"][4]) / 2)
    assert other["share_with"] == pytest.approx(shares["field1"][4])
    assert (other["regions_with"], other["regions_without"], other["patients_without"]) == (1, 2, 2)
    assert other["auc"] in (0.0, 0.5, 1.0)
    assert other["intervals"]["share_without"] is not None
    assert other["intervals"]["auc"] is None
    assert stroma["share_with"] == pytest.approx(shares["field0"][1])
    assert np.isnan(stroma["share_without"])
    assert necrosis["regions_without"] == 1
    rows = pd.read_csv(tmp_path / "out" / "presence.csv")
    assert rows[["region", "class", "known"]].to_numpy().tolist() == [
        ["field0", "other", "without"],
        ["field0", "necrosis", "without"],
        ["field0", "stroma", "with"],
        ["field1", "other", "with"],
        ["field2", "other", "without"],
    ]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert '<h2 id="presence">Whole regions</h2>' in page
    assert f"<td>{other['share_without']:.3f}<small>" in page


def test_regions_of_which_only_the_whole_is_known(
    painted_data: Dataset, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    """No pixel and no dot: shares alone, and a page that says so."""
    rows = pd.read_csv(painted_data.path / "regions.csv", keep_default_na=False)
    pixels = [name for name in rows.columns if name.startswith("px_")]
    rows.loc[:, pixels] = 0
    rows["px_not_annotated"] = rows["width_px"] * rows["height_px"]
    rows.to_csv(painted_data.path / "regions.csv", index=False)
    for path in (painted_data.path / ARRAYS).glob("*.labels.npy"):
        labels = np.load(path, mmap_mode="r+")
        labels[:] = 0
        labels.flush()
    marked = known(painted_data, without=["tumor"] * len(rows))
    scores = evaluate(tiny_bundle, marked, tmp_path / "out")
    assert scores["presence"]["classes"]["tumor"]["regions_without"] == len(rows)
    assert scores["overall"]["support_px"] == 0
    assert "Whole regions" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"without": ["tumor", "", ""], "with_": ["stroma;tumor", "", ""]},
            r"regions.csv, row 2: a field is without a class that it has",
        ),
        (
            {"without": ["", "gland", ""]},
            r"row 3: 'gland' of a field is no class in dataset.json",
        ),
        ({"with_": ["tumor,stroma", "", ""]}, r"row 2: 'tumor,stroma' of a field is no class"),
        (
            {"without": ["tumor", "", ""]},
            (
                r"row 2: column 'without' names 'tumor', of which the region has [\d,]+ annotated"
                r" pixels"
            ),
        ),
    ],
    ids=["both", "unknown", "comma", "painted"],
)
def test_what_whole_regions_cannot_have(
    data: Dataset, columns: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        known(data, **columns)


def test_a_class_that_whole_regions_alone_have(
    data: Dataset, lively_bundle: Bundle, tmp_path: Path
) -> None:
    """Necrosis is nowhere drawn: it has no Dice and no dot, and still its share."""
    scores = evaluate(lively_bundle, known(data, without=["necrosis"] * 3), tmp_path / "out")
    assert scores["dots"]["classes"]["necrosis"]["support_dots"] == 0
    assert scores["presence"]["classes"]["necrosis"]["regions_without"] == 3


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["180,90,tumor,40,20,"],
            (
                r"the box of dot 1 at x 180, y 90, 40 x 20 px, reaches beyond the image of 192 x"
                r" 192 px \(1 of 1 dot\)"
            ),
        ),
        (
            ["90,90,tumor,,,", "90,180,stroma,,,5"],
            r"the box of dot 2 at x 90, y 180, 40 x 40 px, reaches beyond the image",
        ),
        (
            ["90,90,tumor,20,,"],
            r", row 2: a box without height; give both sides in pixels, or neither",
        ),
        (["90,90,tumor,,20,"], r", row 2: a box without width"),
        (
            ["90,90,tumor,20,20,5"],
            (
                r", row 2: a box and radius_um; keep width and height for a box, or radius_um for a"
                r" disc"
            ),
        ),
        (
            ["90,90,tumor,0,20,"],
            r", row 2: width '0', wanted more than 0; leave the cell empty for a dot",
        ),
        (["90,90,tumor,,,-3"], r", row 2: radius_um '-3', wanted more than 0"),
        (["90,90,tumor,a,20,"], r", row 2: width 'a', wanted a number alone"),
        (
            ["9,9,tumor,,,", "9.0,9,not  Tumor,,,"],
            r", row 3: x 9, y 9 is 'not Tumor', row 2 says 'tumor'; keep the one that is true",
        ),
        (["9,9,not gland,,,"], r"class 'gland' is not in label map 'region5'"),
    ],
)
def test_bad_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[str], message: str
) -> None:
    source, out = pictures(tmp_path / "source", table(*rows)), tmp_path / "data"
    words = [
        "prepare",
        str(source),
        "--out",
        str(out),
        "--mpp",
        str(MPP),
        "--labels",
        "region5",
        "--workers",
        "1",
    ]
    assert main(words) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"breastseg: {source / 'field0_points.csv'}")
    assert re.search(message, error), error
    assert not (out / "dataset.json").exists()
    (source / "field0_points.csv").write_text(table(*ROWS))
    assert main(words) == 0


@pytest.mark.parametrize("damage", ["missing", "outside", "kind", "count"])
def test_damaged_places_are_told(data: Dataset, damage: str) -> None:
    path = data.path / ARRAYS / "field0.places.npy"
    if damage == "missing":
        path.unlink()
    else:
        places = np.load(path)
        if damage == "outside":
            places[0, 5] = 1000
        elif damage == "kind":
            places[0, 1] = 2
        np.save(path, places[1:] if damage == "count" else places)
    with pytest.raises(DatasetError, match=r"field0\.places\.npy: (missing|damaged|places of)"):
        data.places("field0")


def test_slides_take_what_lies_around_a_box(tmp_path: Path) -> None:
    """The region reaches 128 px of the data set beyond the boxes; a disc is as wide as the slide's
    um/px."""
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(DATA / "slides" / "cmu1.svs", source / "one.svs")
    (source / "one_points.csv").write_text(table("400,410,tumor,60,40,", "440,440,stroma,,,10"))
    made = prepare(
        source, tmp_path / "data", PrepareConfig(1.0, "region5", workers=1), reporter=quiet
    )
    x, y, *_ = map(int, made.regions.loc["one", "box_level0_px"].split(","))
    assert (x, y) == (int(370 - 128 / 0.499), int(390 - 128 / 0.499))
    *_, top, left, bottom, right = made.places("one")[0].tolist()
    assert (right - left, bottom - top) == (30, 20)
    assert abs(left - (370 - x) * 0.499) <= 1
    *_, top, left, bottom, right = made.places("one")[1].tolist()
    assert (right - left, bottom - top) == (20, 20)


@pytest.mark.parametrize(
    ("dot", "place"),
    [
        (Dot("tumor", 10.4, 20.6), (10, 5, 11, 6)),
        (Dot("tumor", 10, 20, 8, 4), (9, 3, 11, 7)),
        (Dot("tumor", 0, 0, 8, 8), (0, 0, 2, 2)),
        (Dot("tumor", 40, 60), (29, 19, 30, 20)),
    ],
)
def test_pixels_of_a_dot_at_half_the_resolution(dot: Dot, place: tuple[int, ...]) -> None:
    assert place_px(dot, (40, 60), (20, 30)) == place


def test_dots_of_classes_alone_need_no_places() -> None:
    region5 = BUILT_IN["region5"]
    plain = Drawn((), (Dot("tumor", 1, 1), Dot("stroma", 2, 2)))
    assert places_of(plain, region5, (9, 9), (9, 9), "x").shape == (0, 7)
    both = Drawn((), (*plain.dots, Dot("not tumor", 3, 4)))
    assert places_of(both, region5, (9, 9), (9, 9), "x").tolist() == [
        [1, 0, 0, 1, 1, 2, 2],
        [2, 0, 0, 2, 2, 3, 3],
        [1, 1, 0, 4, 3, 5, 4],
    ]
    assert without_nots(both, region5, "x").dots == plain.dots
    assert without_nots(plain, region5, "x") is plain
