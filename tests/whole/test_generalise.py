"""The yardstick: what it reads, looks at, scores, pools and says."""

import csv
import json
import re
import sys
from argparse import Namespace
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import generalise  # noqa: E402
from breastseg.bundles.bundle import Bundle  # noqa: E402
from breastseg.errors import InputError, SourceError  # noqa: E402
from breastseg.images import open_slide  # noqa: E402
from breastseg.inference.model import load_model  # noqa: E402
from breastseg.inference.tiles import PixelField, name_tissue  # noqa: E402
from breastseg.sources.points import Dot  # noqa: E402
from conftest import CROPS, DATA, crop  # noqa: E402
from yardstick.fields import Field, read_fields  # noqa: E402
from yardstick.folds import FOLDS, changes_of, is_held_out, own_parts, parts_of  # noqa: E402
from yardstick.judges import Areas, Kinds, Presence, judges_of  # noqa: E402
from yardstick.look import AS_IT_IS, NAMES, SHIFTS, look, look_at  # noqa: E402
from yardstick.number import Result, difference  # noqa: E402
from yardstick.pool import Averaged, pooled  # noqa: E402
from yardstick.show import facts_of, table_of  # noqa: E402
from yardstick.stains import borrow, falls_of, lenders_of, stain_of  # noqa: E402

COLUMNS = ("file", "patient_or_slide", "um_per_px", "label_file", "label_summary")


def write_manifest(folder: Path, *rows: tuple[object, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def save(path: Path, pixels: np.ndarray) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return str(path.relative_to(path.parents[1]))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A little of everything, of real crops of 256 px."""
    root = tmp_path / "data"
    for name in ("bcss", "brca_m2c"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(DATA / name)
    kinds = ("benign", "malignant", "benign", "malignant", "benign", "malignant")
    cores = [
        (
            save(root / "ucsb" / "images" / f"core{k}.png", np.rot90(crop(k % 3), k // 3)),
            f"core{k}",
            0.45,
            "",
            kind,
        )
        for k, kind in enumerate(kinds)
    ]
    write_manifest(root / "ucsb", *cores)
    places = [(60, 60, 30, 20), (90, 60, 9, 9), (60, 90, 9, 9), (30, 99, 9, 9), (200, 60, 9, 9)]
    boxes = "".join(
        f"{x},{y},{w},{h},neoplastic\n{y},{x},{h},{w},non_neoplastic\n" for x, y, w, h in places
    )
    (root / "pannuke_breast25" / "labels").mkdir(parents=True)
    (root / "pannuke_breast25" / "labels" / "00000001.csv").write_text("x,y,w,h,class\n" + boxes)
    picture = save(root / "pannuke_breast25" / "images" / "00000001.png", crop(1))
    write_manifest(
        root / "pannuke_breast25", (picture, "unknown", 0.25, "labels/00000001.csv", "boxes")
    )
    nuclei = np.zeros((256, 256), np.uint8)
    nuclei[10:20, 10:24], nuclei[50:60, 40:52], nuclei[90:99, 90:99], nuclei[150:160, 150:170] = (
        1,
        1,
        2,
        3,
    )
    mask = save(root / "monusac_breast" / "masks" / "one.png", nuclei)
    picture = save(root / "monusac_breast" / "images" / "one.png", crop(2))
    write_manifest(root / "monusac_breast", (picture, "TCGA-A2-A04X", 0.25, mask, "nuclei"))
    fat = save(root / "gtex_adipose" / "images" / "fat.png", np.full((128, 128, 3), 235, np.uint8))
    glass = save(
        root / "gtex_adipose" / "images" / "glass.png", np.full((512, 512, 3), 243, np.uint8)
    )
    write_manifest(
        root / "gtex_adipose",
        (fat, "GTEX-AAAA", 0.49, "", "adipocyte"),
        (glass, "GTEX-BBBB", 0.49, "", "empty"),
    )
    return root


def test_fields_are_read_with_what_is_true_of_them(data: Path) -> None:
    fields = read_fields(data, None)
    assert {field.set for field in fields} == {
        "bcss",
        "brca_m2c",
        "ucsb",
        "pannuke_breast25",
        "monusac_breast",
        "gtex_adipose",
    }
    by_name = {field.name: field for field in fields}
    assert [by_name[f"core{k}"].group for k in range(3)] == ["benign", "malignant", "benign"]
    assert by_name["00000001"].places[:3] == (
        Dot("tumor", 60, 60, 30, 20),
        Dot("not tumor", 60, 60, 20, 30),
        Dot("tumor", 90, 60, 9, 9),
    )
    assert (by_name["fat"].whole, by_name["glass"].whole, by_name["glass"].tissue) == (
        "other",
        "glass",
        True,
    )
    assert {field.group for field in fields if field.set == "brca_m2c"} == {"A7", "A8"}
    assert {
        place.name for field in fields if field.set == "brca_m2c" for place in field.places
    } == {"tumor", "stroma", "inflammatory"}


def test_spots_count_where_their_neighbours_agree(tmp_path: Path) -> None:
    root = tmp_path / "her2st"
    picture = save(root / "images" / "B1.png", np.full((2000, 2000, 3), 200, np.uint8))
    (root / "labels").mkdir()
    head = (
        "pixel_x,pixel_y,label_transferred,dist_px_to_labelled_spot,"
        "expression_cluster,array_x,array_y\n"
    )
    rows = [
        # (6, 5) has another neighbour
        "900,900,invasive cancer,100,1,5,5", "1200,900,invasive cancer,100,1,6,5",
        # no neighbour
        "1500,900,connective tissue,100,1,7,5", "300,300,adipose tissue,20,1,1,1",
        # the second is too far away
        "600,1500,breast glands,139,1,3,9", "600,1800,breast glands,141,1,3,10",
        "1500,1500,undetermined,10,1,8,9", "1500,1800,undetermined,10,1,8,10",
    ]  # fmt: skip
    (root / "labels" / "B1_spots.csv").write_text(head + "\n".join(rows) + "\n")
    write_manifest(root, (picture, "her2st_B", 0.7, "labels/B1_spots.csv", "spots"))
    found = {field.name: field for field in read_fields(tmp_path, None)}
    assert {name: field.places[0].name for name, field in found.items()} == {
        "B1_5x5": "tumor",
        "B1_3x9": "not tumor",
    }
    spot = found["B1_5x5"]
    assert spot.box is not None
    assert (spot.box.x + spot.places[0].x, spot.box.y + spot.places[0].y) == (900, 900)
    assert spot.places[0].width == pytest.approx(100 / 0.7)


def test_breakhis_is_read_by_case(tmp_path: Path) -> None:
    for name in (
        "B_F-14-21998AB-100-001",
        "B_F-14-21998CD-100-002",
        "M_LC-14-13412-100-003",
        "M_DC-14-10926-100-004",
    ):
        save(tmp_path / "Train" / f"SOB_{name}.png", crop(0))
    found = [
        (field.patient, field.group)
        for field in read_fields(DATA, tmp_path)
        if field.set == "breakhis"
    ]
    assert found == [("14-21998", "benign"), ("14-21998", "benign"), ("14-10926", "malignant")]
    save(tmp_path / "SOB_B_F-14-21998AB-40-001.png", crop(0))
    with pytest.raises(
        SourceError, match=r"wanted a name as in SOB_B_A-14-22549AB-100-001\.png, at 100X"
    ):
        read_fields(DATA, tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ("images/none.png", "p", 0.45, "", "benign"),
            r"manifest\.csv: names images/none\.png, which is not there",
        ),
        (
            ("images/core0.png", "p", 0.45, "", "odd"),
            r"manifest\.csv: images/core0\.png is 'odd', wanted one of benign, malignant",
        ),
        (
            ("images/core0.png", "p", "half", "", "benign"),
            r"manifest\.csv: images/core0\.png has um_per_px 'half', wanted a number of",
        ),
    ],
)
def test_a_manifest_that_does_not_join(data: Path, row: tuple[object, ...], message: str) -> None:
    write_manifest(data / "ucsb", row)
    with pytest.raises(SourceError, match=message):
        read_fields(data, None)


def test_folders_that_hold_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"none of bcss, .* is there; give the folder that holds them"
    ):
        read_fields(tmp_path, None)
    with pytest.raises(SourceError, match="no such folder"):
        read_fields(tmp_path / "none", None)


@pytest.mark.parametrize("shift", [-2.0, -0.5, 0.0, 1.0])
def test_what_is_counted_is_the_map_at_each_shift(lively_bundle: Bundle, shift: float) -> None:
    """By another way: the shift is added to the log-probability, and the likeliest class of each
    pixel taken."""
    model = load_model(lively_bundle.path, precision="fp32", threads=1)
    mask = DATA / "bcss" / "masks" / CROPS[1].name
    dots = (
        Dot("tumor", 30, 40),
        Dot("not tumor", 100, 90, 40, 24),
        Dot("stroma", 150, 150, 60, 60, is_round=True),
    )
    field = Field("bcss", "one", CROPS[1], 0.5, "p", mask=mask, places=dots)
    with closing(open_slide(field.path, mpp=0.5)) as slide:
        pixels = slide.read(mpp=0.5)
    seen = look_at(model, field, pixels, None)
    scores = np.zeros((5, *pixels.shape[:2]))
    for named in name_tissue(PixelField(pixels), model.runner, model.tiles, probabilities=True):
        box = named.box
        scores[:, box.y : box.y + box.height, box.x : box.x + box.width] = named.probabilities
    moved = np.log(np.maximum(scores, 1e-12))
    moved[0] += shift
    labels, truth = moved.argmax(axis=0) + 1, np.asarray(Image.open(mask))
    at = int(np.flatnonzero(shift == SHIFTS)[0])
    assert (
        seen.pixels[:, at].sum(axis=0).tolist()
        == np.bincount(labels.ravel(), minlength=6)[1:].tolist()
    )
    assert (
        seen.pixels[1, at].tolist()
        == np.bincount(labels[np.isin(truth, (1, 19, 20))], minlength=6)[1:].tolist()
    )
    box = labels[78:102, 80:120]
    assert seen.places[:2, at].tolist() == [labels[40, 30], np.bincount(box.ravel()).argmax()]
    assert seen.names == ("tumor", "not tumor", "stroma")


def test_everything_is_judged_and_said(
    data: Path,
    lively_bundle: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = [
        str(lively_bundle.path),
        "--data",
        str(data),
        "--work",
        str(tmp_path / "work"),
        "--out",
        str(tmp_path / "out"),
        "--threads",
        "1",
    ]
    monkeypatch.setattr(sys, "argv", ["generalise.py", *words])
    generalise.main()
    said = capsys.readouterr().out
    assert "left out of bcss, known to the model: 1 of 3 (TCGA-A2-A0D2)" in said
    (one,) = json.loads((tmp_path / "out" / "generalise.json").read_text())["results"]
    assert set(one["parts"]) == set("abcde")
    assert one["number"] == pytest.approx(np.mean(list(one["parts"].values())))
    names = {(judge["part"], judge["name"]) for judge in one["judges"]}
    assert {
        ("a", "BCSS"),
        ("b", "brca_m2c"),
        ("b", "A7"),
        ("c", "ucsb"),
        ("d", "monusac_breast"),
        ("e", "gtex_adipose glass"),
    } <= names
    glass = next(judge for judge in one["judges"] if judge["name"] == "gtex_adipose glass")
    assert glass["score"] == 1.0
    (areas,) = (judge for judge in one["judges"] if judge["part"] == "a")
    assert areas["units"] == 2
    assert {fall["fields"] for fall in one["stains"]} == {
        "TCGA-A2-A1G6",
        "TCGA-A2-A3XX",
        "brca_m2c",
    }
    assert (
        "TCGA-A2-A3XX"
        not in next(fall for fall in one["stains"] if fall["fields"] == "TCGA-A2-A3XX")["by"]
    )
    low, high = one["interval"]
    assert low <= one["number"] <= high
    text = (tmp_path / "out" / "generalise.md").read_text()
    assert f"**{one['number']:.3f}**" in text
    assert re.search(r"\| c \| ucsb: benign \| ", text)
    generalise.main()  # from what was kept: the same
    assert capsys.readouterr().out == said


def test_precisions_are_judged_apart(
    data: Path,
    lively_bundle: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generalise, "cpu_has_bf16", lambda: True)
    monkeypatch.setattr(
        generalise,
        "judged",
        lambda bundle, precision, fields, notes, given, name="": (RESULTS[precision], []),
    )
    words = [
        str(lively_bundle.path),
        "--data",
        str(data),
        "--work",
        str(tmp_path / "work"),
        "--precision",
        "all",
    ]
    monkeypatch.setattr(sys, "argv", ["generalise.py", *words])
    generalise.main()
    assert "two bf16 against one fp32: -10.00 points (c -10.00)" in capsys.readouterr().out


def presence(name: str, *shares: float) -> Presence:
    """Return a judge of benign, malignant, benign, malignant ... cases with the same share at every
    shift."""
    both = np.repeat(np.array(shares)[:, None], len(SHIFTS), axis=1)
    return Presence(
        name, both, np.arange(len(shares)) % 2 == 1, tuple(f"p{k}" for k in range(len(shares)))
    )


RESULTS = {
    "fp32": Result("one fp32", [presence("x", 0.2, 0.9, 0.2, 0.8)]),
    "bf16": Result("two bf16", [presence("x", 0.3, 0.9, 0.3, 0.8)]),
}


def test_the_number_is_the_mean_of_parts_by_hand() -> None:
    """Benign shares 0.1, 0.3, 0.2 and malignant 0.9, 0.15, 0.4 win seven of nine pairs."""
    mixed = presence("x", 0.1, 0.9, 0.3, 0.15, 0.2, 0.4)
    assert mixed.figures(AS_IT_IS)["AUC"] == pytest.approx(7 / 9)
    assert mixed.curve[AS_IT_IS] == pytest.approx((0.8 + 7 / 9) / 2)
    right = np.repeat(np.array([[[5.0, 6.0]]]), len(SHIFTS), axis=1)
    kinds = Kinds(
        "d", "y", ("p",), ("tumor", "not tumor"), right, np.array([[10.0, 6.0]]), "patient"
    )
    rare = Kinds(
        "d", "z", ("p",), ("stroma",), right[:, :, :1] * 0 + 1, np.array([[4.0]]), "patient"
    )
    result = Result("r", [mixed, kinds, rare])
    # four places of stroma say nothing
    assert result.parts["d"][AS_IT_IS] == pytest.approx(0.75)
    assert result.number == pytest.approx(((0.8 + 7 / 9) / 2 + 0.75) / 2)
    facts = facts_of(result)
    assert facts["number"] == result.number
    assert "4 stroma" in table_of([facts])


def test_the_shift_of_a_part_is_chosen_by_the_others() -> None:
    """Part a is best at +1, c and d are best at -1: a gets -1."""
    at = {shift: int(np.flatnonzero(shift == SHIFTS)[0]) for shift in (-1.0, 1.0)}
    right = {part: np.zeros((1, len(SHIFTS), 1)) for part in "bde"}
    right["b"][0, at[1.0]], right["d"][0, at[-1.0]], right["e"][0, at[-1.0]] = 1, 1, 1
    judges = [
        Kinds(part, part, ("p",), ("tumor",), values, np.ones((1, 1)), "patient", least=1)
        for part, values in right.items()
    ]
    result = Result("r", judges)
    assert SHIFTS[result.elsewhere["b"]] == -1
    assert result.parts["b"][result.elsewhere["b"]] == 0
    assert SHIFTS[result.best] == -1


def test_differences_are_of_the_same_draws() -> None:
    gap, ends = difference(RESULTS["bf16"], RESULTS["fp32"])
    assert gap == pytest.approx(-0.1)
    assert ends == pytest.approx([-0.1, -0.1])  # every draw loses as much, however it is drawn
    assert difference(RESULTS["bf16"], Result("other", [presence("x", 0.3, 0.9)]))[1] is None


def test_folds_are_pooled_or_averaged() -> None:
    """Cases that every fold is judged by are averaged, those of one fold alone put together."""
    pixels = np.ones((1, 5, len(SHIFTS), 5), np.int64)
    areas = [Areas("BCSS", (name,), pixels * k) for k, name in enumerate(("p", "q"), start=1)]
    first, second = presence("x", 0.1, 0.9), presence("x", 0.3, 0.7)
    together = {judge.name: judge for judge in pooled([[areas[0], first], [areas[1], second]])}
    assert together["BCSS"].units == ("p", "q")
    assert isinstance(together["x"], Averaged)
    assert together["x"].curve[AS_IT_IS] == pytest.approx(
        (first.curve[AS_IT_IS] + second.curve[AS_IT_IS]) / 2
    )
    other = Presence("x", second.shares, second.malignant, ("r", "s"))
    (one,) = pooled([[first], [other]])
    assert isinstance(one, Presence)
    assert one.figures(AS_IT_IS)["benign"] == pytest.approx(0.2)


def test_every_patient_is_held_out_once() -> None:
    with (ROOT / "recipes" / "lite0" / "split.csv").open(newline="") as file:
        patients = [row["patient"] for row in csv.DictReader(file)]
    for patient in [*patients, "14-21998", "GTEX-18A6Q"]:
        site = patient.split("-")[1] if patient.startswith("TCGA") else ""
        held = [number for number in FOLDS if is_held_out(patient, site, number)]
        assert len(held) == 1, patient
        wanted = {"A1": 1, "A7": 1, "A8": 2, "AC": 3}.get(site) or {
            "TCGA-A2-A0D2": 2,
            "TCGA-A2-A3XX": 2,
            "TCGA-A2-A1G6": 3,
        }.get(patient)
        assert wanted in (None, held[0])


def test_a_fold_never_starts_from_a_model_that_may_know_who_is_held_out(tmp_path: Path) -> None:
    found = tmp_path / "recipe.json"
    found.write_text(json.dumps({"train": {"start": "lite0"}, "folds": {"lr": 6e-4}}))
    with pytest.raises(InputError, match="starts from 'lite0', which may know who is held out"):
        changes_of(tmp_path)
    found.write_text(json.dumps({"train": {"start": "lite0"}, "folds": {"start": "", "lr": 6e-4}}))
    assert changes_of(tmp_path) == {"start": "", "lr": "0.0006"}
    found.write_text(json.dumps({"start": ["python", "finer.py", "breast1"]}))
    with pytest.raises(InputError, match=r"starts from 'python finer.py breast1', which may know"):
        changes_of(tmp_path)
    found.write_text(json.dumps({"train": {"epochs": 3}}))
    assert changes_of(tmp_path) == {}


def test_who_chooses_in_a_recipe_chooses_in_its_folds(tmp_path: Path) -> None:
    rows = "r,TCGA-A7-A0DB,A7\ns,TCGA-A2-A3XX,A2\nt,TCGA-A2-A1G6,A2\nu,TCGA-A8-A08A,A8\n"
    (tmp_path / "regions.csv").write_text(f"region,patient,site\n{rows}")
    own = own_parts(ROOT / "recipes" / "lite0")
    parts = {
        number: {
            row["patient"]: row["split"] for row in parts_of(tmp_path / "regions.csv", number, own)
        }
        for number in FOLDS
    }
    wanted = {
        1: ("test", "val", "train", "train"),
        2: ("val", "test", "train", "test"),
        3: ("val", "val", "test", "train"),
    }
    for number, found in parts.items():
        names = ("TCGA-A7-A0DB", "TCGA-A2-A3XX", "TCGA-A2-A1G6", "TCGA-A8-A08A")
        assert tuple(found[name] for name in names) == wanted[number]


def test_a_fold_that_holds_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "regions.csv").write_text("region,patient,site\nr,TCGA-A7-A0DA,A7\n")
    with pytest.raises(InputError, match=r"fold 2 holds out 0 of 1 patient; wanted some"):
        parts_of(tmp_path / "regions.csv", 2, {})


def test_colours_of_others() -> None:
    own, lender = crop(0), stain_of(crop(2))
    changed = borrow(own, lender)
    assert stain_of(changed) == pytest.approx(
        lender, rel=0.06
    )  # what is tissue changes a little with its colour
    assert np.abs(borrow(own, stain_of(own)).astype(int) - own).max() <= 1
    white = np.full((8, 8, 3), 255, np.uint8)
    assert np.array_equal(borrow(white, lender), white)
    assert np.array_equal(borrow(own, np.full(3, np.nan)), own)


def test_the_loss_to_colours_is_of_the_same_fields(
    data: Path, lively_bundle: Bundle, tmp_path: Path
) -> None:
    fields = [
        field
        for field in read_fields(data, None)
        if field.set == "bcss" and field.patient.endswith("A3XX")
    ]
    model, lenders = (
        load_model(lively_bundle.path, precision="fp32", threads=1),
        lenders_of(read_fields(data, None)),
    )
    assert set(lenders) == {"TCGA-A2-A3XX", "TCGA-A2-A1G6", "A7", "A8"}
    (fall,) = falls_of(model, fields, lenders, tmp_path)
    assert set(fall.by) == {"TCGA-A2-A1G6", "A7", "A8"}
    with closing(open_slide(fields[0].path, mpp=fields[0].mpp)) as slide:
        pixels = borrow(slide.read(mpp=slide.mpp), lenders["A8"])
    changed = judges_of(fields, [look_at(model, fields[0], pixels, None)])[0].curve[AS_IT_IS]
    own = judges_of(fields, look(model, fields, None))[0].curve[AS_IT_IS]
    assert fall.by["A8"] == pytest.approx(own - changed)
    assert fall.mean == pytest.approx(np.mean(list(fall.by.values())))


def test_all_who_trained_any_are_left_out(data: Path) -> None:
    fields = read_fields(data, None)
    kept, notes = generalise.kept_of(fields, {"TCGA-A2-A3XX", "TCGA-A7-A0DA", "GTEX-AAAA"})
    assert {field.patient for field in fields} - {field.patient for field in kept} == {
        "TCGA-A2-A3XX",
        "TCGA-A7-A0DA",
        "GTEX-AAAA",
    }
    assert notes[0] == "left out of bcss, known to the model: 1 of 3 (TCGA-A2-A3XX)"
    with pytest.raises(InputError, match="nothing is left to judge it by"):
        generalise.kept_of(fields[:1], {fields[0].patient})


def test_seeds_are_told_apart_from_recipes(lively_bundle: Bundle) -> None:
    twice = [str(lively_bundle.path)] * 2
    (line,) = generalise.seeds_of(twice, [RESULTS["fp32"], RESULTS["bf16"]])
    assert line.startswith(
        "spread over 2 seeds: mean 0.7500, standard deviation 0.0707, 0.7000 to 0.8000"
    )


def test_what_is_wrong_is_one_line(
    tmp_path: Path, lively_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["generalise.py", str(lively_bundle.path), "--data", str(tmp_path)]
    )
    with pytest.raises(SystemExit, match=r"^generalise\.py: .*none of bcss, "):
        generalise.main()


def test_a_recipe_is_trained_fold_by_fold(
    data: Path,
    lively_bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = tmp_path / "tiny"
    recipe.mkdir()
    (recipe / "recipe.json").write_text("{}")
    trained = []

    def train(fold: object, *places: object) -> Path:
        trained.append((fold.number, fold.seed, fold.epochs))
        return lively_bundle.path

    monkeypatch.setattr(generalise, "train_fold", train)
    given = Namespace(
        model=[str(recipe)],
        data=data,
        breakhis=None,
        work=tmp_path / "work",
        out=None,
        precision="fp32",
        threads=1,
        stains=False,
        folds=[1, 3],
        seeds=[4, 5],
        epochs=2,
    )
    generalise.judge_recipe(given)
    assert trained == [(1, 4, 2), (3, 4, 2), (1, 5, 2), (3, 5, 2)]
    said = capsys.readouterr().out
    assert "over 2 seeds, folds together: mean 0." in said
    assert "fold 3, seed 5, alone: 0." in said
    assert NAMES[0] in said
