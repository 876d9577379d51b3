"""masses(): folds, crops, controls and resuming, on painted films."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.cli.main import main
from breastseg.errors import DatasetError, ImageError, InputError, OutputError, SplitError
from breastseg.mammography.findings import Circle
from breastseg.mammography.prepare import FilmsConfig, prepare_films
from breastseg.reporter import Reporter
from breastseg.studies.rgu_net.cases import CROP_PX, MM_PER_PX, Case, read_cases
from breastseg.studies.rgu_net.controls import constant_mask, dice, otsu_component
from breastseg.studies.rgu_net.crops import (
    OFF_CENTRE_MM,
    TURNS,
    alike,
    cut,
    draw_offset,
    scored_crops,
    training_crop,
    turned,
    turned_back,
)
from breastseg.studies.rgu_net.folds import make_folds
from breastseg.studies.rgu_net.summary import summary
from conftest import quiet
from mammograms import paint_mini_mias

INFO = """A painted mini-MIAS

mdb001 G CIRC B 700 512 60
mdb001 G SPIC M 740 400 30
mdb002 F MISC B 300 500 50
mdb003 D CALC M 700 500 50
mdb004 F CIRC B
mdb005 F CIRC M 720 560 55
mdb006 F ASYM M 300 512 197
mdb007 F ARCH B 690 480 45
"""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masses")
    source = paint_mini_mias(folder / "mias", INFO, films=7)
    prepare_films(source, folder / "films", FilmsConfig(mm_per_px=0.4), reporter=quiet)
    return folder / "films"


def painted(x_px: float = 60.0, y_px: float = 100.0, patient: str = "p1") -> Case:
    grey = np.random.default_rng(3).uniform(100, 200, (220, 130)).astype(np.float32)
    circle = Circle(x_px, y_px, 9.0)
    return Case("film", 1, patient, grey, circle, (circle,))


def bytes_in(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_findings_with_a_circle_are_cases_and_the_others_are_told(films: Path) -> None:
    said: list[str] = []
    cases = read_cases(films, reporter=Reporter(said.append))
    assert [(case.film, case.finding) for case in cases] == [
        ("mdb001", 1),
        ("mdb001", 2),
        ("mdb002", 1),
        ("mdb005", 1),
        ("mdb007", 1),
    ]
    # 60 px of 0.2 mm are 12 mm, 15 px of 0.8 mm
    assert cases[0].circle.radius_px == pytest.approx(15, abs=0.1)
    # y counts from the bottom: row 1023 - 512 of 1024, (511 + 0.5) / 4 - 0.5 of 256
    assert cases[0].circle.y_px == pytest.approx(127.375, abs=0.1)
    assert len(cases[0].circles) == 2
    assert {case.patient for case in cases[:3]} == {"mias001"}
    assert "1 calcification, 1 no circle, 1 too large" in said[1]


def test_what_is_no_prepared_film_is_refused(films: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"films\.csv"):
        read_cases(tmp_path, reporter=quiet)
    table = tmp_path / "films.csv"
    table.write_text("film,patient\nmdb001,\n")
    with pytest.raises(DatasetError, match="row 2: no patient"):
        read_cases(tmp_path, reporter=quiet)
    folder = tmp_path / "mdb001"
    folder.mkdir()
    table.write_text("film,patient\nmdb001,one\n")
    record = json.loads((films / "mdb001" / "film.json").read_text())

    def written(**changes: object) -> None:
        (folder / "film.json").write_text(json.dumps({**record, **changes}))

    written(findings=[])
    with pytest.raises(DatasetError, match="no finding with a circle"):
        read_cases(tmp_path, reporter=quiet)
    written(mm_per_px=None)
    with pytest.raises(DatasetError, match="--pixel-mm"):
        read_cases(tmp_path, reporter=quiet)
    written(mm_per_px=1.6)
    with pytest.raises(DatasetError, match=r"prepare with --to-pixel-mm 0\.4"):
        read_cases(tmp_path, reporter=quiet)
    finding = {**record["findings"][0], "radius_px": "large"}
    written(findings=[finding])
    with pytest.raises(DatasetError, match="radius_px is 'large', wanted a number"):
        read_cases(tmp_path, reporter=quiet)
    for change in ({"findings": [3]}, {"findings": "none"}, {"mm_per_px": "0.4"}):
        written(**change)
        with pytest.raises(DatasetError, match=r"film\.json was changed; prepare"):
            read_cases(tmp_path, reporter=quiet)
    written()
    with pytest.raises(OSError, match=r"image\.png"):
        read_cases(tmp_path, reporter=quiet)
    (folder / "image.png").write_text("no image")
    with pytest.raises(ImageError, match="mdb001: not an image"):
        read_cases(tmp_path, reporter=quiet)
    table.write_text("film,patient\nmdb001,one\nmdb001,two\n")
    with pytest.raises(DatasetError, match="row 3: film 'mdb001' is in row 2 too"):
        read_cases(tmp_path, reporter=quiet)
    table.write_text("film,patient\n../mdb001,one\n")
    with pytest.raises(DatasetError, match="wanted the name of its folder"):
        read_cases(tmp_path, reporter=quiet)


def test_a_crop_has_its_finding_where_it_says() -> None:
    case = painted()
    crop = cut(case, (10.0, -4.0))
    assert crop.grey.shape == crop.mask.shape == (CROP_PX, CROP_PX)
    # the middle was moved down by 10 px and left by 4: the finding is up and to the right
    assert crop.off_px == pytest.approx((-10, 4), abs=0.51)
    rows, columns = np.nonzero(crop.mask)
    assert rows.mean() - 31.5 == pytest.approx(crop.off_px[0], abs=0.1)
    assert columns.mean() - 31.5 == pytest.approx(crop.off_px[1], abs=0.1)
    same = case.grey[110 - 32 : 110 + 32, 56 - 32 : 56 + 32]
    np.testing.assert_allclose(crop.grey, alike(same))


def test_off_centre_crops_stay_inside() -> None:
    rng = np.random.default_rng(0)
    offsets = [draw_offset(rng) for _ in range(500)]
    far_mm = np.hypot(*np.array(offsets).T) * MM_PER_PX
    assert far_mm.max() <= OFF_CENTRE_MM
    assert far_mm.max() > 0.95 * OFF_CENTRE_MM  # they are off centre indeed
    for x_px, y_px in ((0.0, 0.0), (129.0, 219.0), (60.0, 100.0)):
        case = painted(x_px, y_px)
        for offset in offsets[:50]:
            crop = cut(case, offset)
            assert crop.grey.min() > -3  # no pixel of outside: all of this film is breast
            assert np.all(np.abs(crop.off_px) <= CROP_PX / 2)
            assert crop.mask.any()
        middle = cut(painted(), offsets[0]).off_px
        assert np.hypot(*middle) * MM_PER_PX <= OFF_CENTRE_MM + 0.6


def test_a_film_smaller_than_a_crop_is_filled_up() -> None:
    grey = np.full((40, 40), 7.0, np.float32)
    grey[20] = 9
    circle = Circle(20.0, 20.0, 5.0)
    crop = cut(Case("small", 1, "p", grey, circle, (circle,)), (3.0, 3.0))
    assert np.count_nonzero(crop.grey > -3) == 1600
    assert crop.mask[32, 32]


def test_turning_is_undone_and_grey_values_are_alike() -> None:
    values = np.random.default_rng(0).random((2, 5, 5))
    seen = {turned(values, turn).tobytes() for turn in range(TURNS)}
    assert len(seen) == TURNS
    for turn in range(TURNS):
        np.testing.assert_array_equal(turned_back(turned(values, turn), turn), values)
    crop = cut(painted(), (0.0, 0.0)).grey
    assert crop.mean() == pytest.approx(0, abs=1e-5)
    assert crop.std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(alike(painted().grey * 3), alike(painted().grey), atol=1e-5)
    assert np.all(alike(np.zeros((8, 8), np.float32)) == -3)


def test_training_crops_depend_on_the_generator_alone() -> None:
    one = training_crop(painted(), np.random.default_rng(5))
    same = training_crop(painted(), np.random.default_rng(5))
    np.testing.assert_array_equal(one.grey, same.grey)
    sizes = {training_crop(painted(), np.random.default_rng(k)).mask.sum() for k in range(9)}
    assert len(sizes) > 3  # findings come in several sizes


def test_scored_crops_of_a_case_do_not_depend_on_how_many_there_are() -> None:
    few, many = scored_crops([painted()], 1, 0), scored_crops([painted()], 3, 0)
    np.testing.assert_array_equal(few[0].grey, many[0].grey)
    assert many[0].off_px != many[1].off_px


def test_folds_never_share_a_patient_and_score_each_case_once() -> None:
    cases = [painted(patient=f"p{place // 2}") for place in range(20)]
    folds = make_folds(cases, 4, "patient", draws=2, seed=1)
    scored = []
    for fold in folds:
        learned = {case.patient for case in fold.train}
        held_out = {crop.case.patient for crop in fold.test}
        assert learned
        assert held_out
        assert not learned & held_out
        assert len(learned | held_out) == 10
        scored += [id(crop.case) for crop in fold.test]
    assert sorted(scored) == sorted(id(case) for case in cases for _ in range(2))
    with pytest.raises(SplitError, match="11 folds of 10 patients"):
        make_folds(cases, 11, "patient", draws=2, seed=1)


def test_folds_of_a_table_are_taken(films: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from breastseg.studies.rgu_net.study import MassesConfig, masses

    path = tmp_path / "split.csv"
    path.write_text("film,split\nmdb001,b\nmdb002,b\nmdb005,a\nmdb007,b\n")
    config = MassesConfig(split_table=str(path), steps=1, width=8, depth=1, draws=1)
    found = masses(films, tmp_path / "out", config, reporter=quiet)
    with (tmp_path / "out" / "crops.csv").open(newline="", encoding="utf-8") as file:
        fold_of = {row["film"]: row["fold"] for row in csv.DictReader(file)}
    assert fold_of == {"mdb005": "1", "mdb001": "2", "mdb002": "2", "mdb007": "2"}
    assert (found["folds_run"], found["config"]["folds"]) == (2, 2)
    assert str(tmp_path) not in (tmp_path / "out" / "scores.json").read_text()
    with pytest.raises(InputError, match="--protocol paper deals copies one by one"):
        MassesConfig(split_table=str(path), protocol="paper")


def test_the_paper_protocol_has_one_finding_on_both_sides() -> None:
    cases = [painted(patient=f"p{place}") for place in range(5)]
    folds = make_folds(cases, 5, "paper", draws=2, seed=1)
    assert sum(len(fold.test) for fold in folds) == 5 * TURNS
    for fold in folds:
        assert len(fold.test) + len(fold.copies) == 5 * TURNS
        learned = {crop.case.patient for crop in fold.copies}
        assert {crop.case.patient for crop in fold.test} <= learned
        assert all(np.hypot(*crop.off_px) < 0.8 for crop in fold.test)


def test_the_constant_mask_is_the_one_worked_out_by_hand() -> None:
    masks = np.zeros((3, 2, 2), bool)
    masks[0] = [[1, 0], [0, 0]]
    masks[1] = [[1, 1], [0, 0]]
    masks[2] = [[1, 1], [1, 0]]
    # one pixel: (1 + 2/3 + 2/4) / 3 = 0.72; two: (2/3 + 1 + 4/5) / 3 = 0.82; three:
    # (2/4 + 4/5 + 1) / 3 = 0.77
    np.testing.assert_array_equal(constant_mask(masks), [[1, 1], [0, 0]])
    found = [dice(constant_mask(masks), mask) for mask in masks]
    assert np.mean(found) == pytest.approx((2 / 3 + 1 + 4 / 5) / 3)
    assert dice(np.zeros((2, 2), bool), np.zeros((2, 2), bool)) == 1
    assert dice(np.zeros((2, 2), bool), masks[0]) == 0


def test_otsu_takes_the_bright_thing_nearest_to_the_middle() -> None:
    case = painted()
    case.grey[:] = 100
    case.grey[95:106, 55:66] = 200
    case.grey[75:80, 40:45] = 200
    found = otsu_component(cut(case, (3.0, 3.0)))
    assert found.sum() == 121
    case.grey[:] = 0
    assert not otsu_component(cut(case, (0.0, 0.0))).any()


def test_the_summary_is_worked_out_by_hand() -> None:
    rows = []
    for patient, network, constant in (("a", 0.8, 0.5), ("a", 0.6, 0.5), ("b", 0.1, 0.5)):
        others = {"dice_constant": constant, "dice_otsu": 0.0, "dice_rgu_net_crf": 1.0}
        rows.append({"fold": 1, "patient": patient, "dice_rgu_net": network, **others})
    found = summary(rows)
    assert found["systems"]["rgu_net"]["dice_mean"] == 0.5
    assert found["systems"]["rgu_net"]["dice_median"] == 0.6
    # two patients: draws have a alone, b alone, or both
    assert found["systems"]["rgu_net"]["dice_mean_interval"] == [0.1, 0.7]
    assert found["systems"]["rgu_net"]["dice_median_interval"] == [0.1, 0.7]
    assert found["above_constant"]["dice_mean"] == 0.0
    alone = summary(rows[:2])
    assert alone["systems"]["rgu_net"]["dice_mean_interval"] is None


def test_a_run_that_was_stopped_between_folds_ends_with_the_same_bytes(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from breastseg.studies.rgu_net import study

    config = study.MassesConfig(folds=3, steps=2, width=8, depth=1, draws=1)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    found = study.masses(films, whole, config, reporter=quiet)
    run, trained = study._run, []

    def stopped_once(fold: study.Fold, folder: Path, config: study.MassesConfig) -> None:
        trained.append(fold.number)
        if trained == [1, 2]:
            raise KeyboardInterrupt
        run(fold, folder, config)

    monkeypatch.setattr(study, "_run", stopped_once)
    with pytest.raises(KeyboardInterrupt):
        study.masses(films, parts, config, reporter=quiet)
    assert study.masses(films, parts, config, reporter=quiet) == found
    assert trained == [1, 2, 2, 3]
    assert bytes_in(parts) == bytes_in(whole)
    assert json.loads((whole / "scores.json").read_text()) == found

    assert found["leaky"] is False
    with (whole / "crops.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found["crops"] == 5
    mean = np.mean([float(row["dice_rgu_net"]) for row in rows])
    assert found["systems"]["rgu_net"]["dice_mean"] == pytest.approx(mean, abs=1e-4)
    with Image.open(whole / "rgu_net.png") as picture:
        assert picture.width > 1000

    with pytest.raises(OutputError, match="seed: 0 there, 1 now"):
        study.masses(films, whole, replace(config, seed=1), reporter=quiet)
    broken = parts / "fold-2" / "rows.json"
    good = broken.read_text()
    for text, said in (
        ("[]", "not the scores of the held-out crops"),
        ("no", "not JSON"),
        (good.replace('"dice_otsu": ', '"dice_otsu": 7'), "dice_otsu is 7"),
    ):
        broken.write_text(text)
        with pytest.raises(OutputError, match=said):
            study.masses(films, parts, config, reporter=quiet)
    broken.write_text(good)
    (parts / "fold-2" / "answers.png").write_bytes(b"")
    with pytest.raises(OutputError, match=r"answers\.png: no image"):
        study.masses(films, parts, config, reporter=quiet)


def test_another_seed_is_another_network_and_the_command_prints_the_table(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    given = ["--folds", "3", "--steps", "1", "--width", "8", "--depth", "1", "--only", "1"]
    weights = []
    for seed in ("0", "1"):
        out = tmp_path / seed
        assert main(["mammo", "masses", str(films), "--out", str(out), *given, "--seed", seed]) == 0
        said = capsys.readouterr().out
        assert "control: best constant mask" in said
        assert "1 of 3 folds, 1 steps each" in said
        weights.append((out / "fold-1" / "rgu_net.safetensors").read_bytes())
    assert weights[0] != weights[1]


def test_the_leaky_protocol_says_so_everywhere(films: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from breastseg.studies.rgu_net.study import MassesConfig, masses

    said: list[str] = []
    config = MassesConfig(folds=2, steps=1, protocol="paper", width=8, depth=1)
    found = masses(films, tmp_path / "out", config, only=1, reporter=Reporter(said.append))
    assert found["leaky"] is True
    assert any(line.startswith("LEAKY") for line in said)
    assert (tmp_path / "out" / "rgu_net.md").read_text().startswith("LEAKY: protocol paper")


def test_what_cannot_be_done_is_said_in_a_line(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from breastseg.studies.rgu_net.study import MassesConfig, masses

    for option, value in (("folds", 1), ("steps", 0), ("width", 12), ("depth", 9)):
        with pytest.raises(InputError, match=f"--{option} {value}: wanted"):
            MassesConfig(**{option: value})
    with pytest.raises(InputError, match="wanted patient or paper"):
        MassesConfig(protocol="random")
    with pytest.raises(InputError, match="--only 9: wanted 1 to 5"):
        masses(films, tmp_path / "out", only=9, reporter=quiet)
    with pytest.raises(SplitError, match="take fewer --folds"):
        masses(films, tmp_path / "out", reporter=quiet)
    assert not (tmp_path / "out").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        masses(films, tmp_path / "full", MassesConfig(folds=2), reporter=quiet)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["mammo", "masses", str(films), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "torch is not installed; pip install 'breastseg[train]'" in error
    assert len(error.splitlines()) == 1
