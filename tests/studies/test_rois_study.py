"""classify(): regions, folds, controls, networks and resuming, on painted films."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from breastseg.cli.main import main
from breastseg.errors import DatasetError, InputError, OutputError, SplitError
from breastseg.mammography.masks import BREAST
from breastseg.mammography.prepare import FilmsConfig, prepare_films
from breastseg.reporter import QUIET, Reporter
from breastseg.studies.rois.config import NETS, ClassifyConfig
from breastseg.studies.rois.controls import grey_numbers, ring_numbers, size_numbers
from breastseg.studies.rois.crops import COPIES, cut, cut_crops
from breastseg.studies.rois.folds import make_folds
from breastseg.studies.rois.regions import Region, breast_share, read_regions
from breastseg.studies.rois.study import classify
from mammograms import paint_mini_mias

INFO = """A painted mini-MIAS

mdb001 G CIRC B 700 512 40
mdb002 G NORM
mdb003 D CIRC M 720 560 30
mdb004 F NORM
mdb005 F SPIC M 700 500 48
mdb006 F NORM
mdb007 F CIRC B 690 480 40
mdb008 F CIRC M 300 480 30
mdb009 F CALC B *NOTE 3*
mdb010 F NORM
"""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rois")
    source = paint_mini_mias(folder / "mias", INFO, films=10)
    prepare_films(source, folder / "films", FilmsConfig(mm_per_px=0.4), reporter=QUIET)
    return folder / "films"


def region(**changes: object) -> Region:
    values: dict[str, object] = {
        "film": "one",
        "finding": 1,
        "patient": "p",
        "source": "painted",
        "truth": 1,
        "x_px": 60.0,
        "y_px": 100.0,
        "side_px": 64.0,
        "mm_per_px": 0.4,
    }
    return Region(**{**values, **changes})  # type: ignore[arg-type]


def bytes_in(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_region_has_two_and_a_half_radii_within_bounds(films: Path) -> None:
    said: list[str] = []
    found = read_regions(
        films, "benign-malignant", off_centre=0, seed=0, reporter=Reporter(said.append, bars=False)
    )
    by_film = {one.film: one for one in found}
    assert list(by_film) == ["mdb001", "mdb003", "mdb005", "mdb007", "mdb008"]
    # 40 px of 0.2 mm are 8 mm; 2.5 of them 20 mm
    assert by_film["mdb001"].side_mm == pytest.approx(20, abs=0.1)
    assert [one.truth for one in found] == [0, 1, 1, 0, 1]
    # y counts from the bottom
    assert by_film["mdb003"].y_px == pytest.approx((1023 - 560 + 0.5) / 2 - 0.5, abs=0.1)
    assert by_film["mdb003"].x_px == pytest.approx((720 + 0.5) / 2 - 0.5, abs=0.1)
    assert said[-1] == "left out: 1 without a place"


def test_off_centre_regions_move_within_their_share(films: Path) -> None:
    still = read_regions(films, "benign-malignant", off_centre=0, seed=0, reporter=QUIET)
    moved = read_regions(films, "benign-malignant", off_centre=0.3, seed=0, reporter=QUIET)
    for one, other in zip(still, moved, strict=True):
        away = max(abs(one.x_px - other.x_px), abs(one.y_px - other.y_px))
        assert 0 < away <= 0.3 * one.side_px
        assert one.side_px == other.side_px


def test_normal_regions_have_the_sizes_of_findings_and_lie_on_breast(films: Path) -> None:
    from breastseg.images.codes import read_codes

    found = read_regions(films, "normal-abnormal", off_centre=0, seed=0, reporter=QUIET)
    normal = [one for one in found if not one.truth]
    # films without any finding; mdb009 has one whose place is not known
    assert [one.film for one in normal] == ["mdb002", "mdb004", "mdb006", "mdb010"]
    sizes = {round(one.side_mm, 3) for one in found if one.truth}
    for one in normal:
        assert round(one.side_mm, 3) in sizes
        breast = read_codes(films / one.film / "labels.png") == BREAST
        assert breast[round(one.y_px), round(one.x_px)]
        assert breast_share(breast, one.x_px, one.y_px, one.side_px) > 0.5
    again = read_regions(films, "normal-abnormal", off_centre=0, seed=0, reporter=QUIET)
    other = read_regions(films, "normal-abnormal", off_centre=0, seed=1, reporter=QUIET)
    assert again == found
    assert other != found


def test_matched_regions_are_mirrored_places_of_the_other_breast(films: Path) -> None:
    said: list[str] = []
    found = read_regions(
        films, "matched", off_centre=0, seed=0, reporter=Reporter(said.append, bars=False)
    )
    normal = [one for one in found if not one.truth]
    abnormal = [one for one in found if one.truth]
    # mdb007 and mdb008 have findings at the same place of both breasts
    assert [one.film for one in abnormal] == ["mdb001", "mdb003", "mdb005"]
    assert [one.film for one in normal] == ["mdb002", "mdb004", "mdb006"]
    for one, other in zip(abnormal, normal, strict=True):
        assert one.patient == other.patient
        assert (one.y_px, one.side_px) == (other.y_px, other.side_px)
        assert one.x_px + other.x_px == 511
    assert "2 whose place has one in the other breast too" in said[-1]


def test_what_cannot_be_cut_is_refused(films: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"films\.csv"):
        read_regions(tmp_path, "matched", off_centre=0, seed=0, reporter=QUIET)
    (tmp_path / "films.csv").write_text("film,patient\nmdb002,one\n")
    (tmp_path / "mdb002").mkdir()
    record = json.loads((films / "mdb002" / "film.json").read_text())
    path = tmp_path / "mdb002" / "film.json"
    path.write_text(json.dumps(record))
    with pytest.raises(DatasetError, match="no normal region for normal-abnormal"):
        read_regions(tmp_path, "normal-abnormal", off_centre=0, seed=0, reporter=QUIET)
    path.write_text(json.dumps({**record, "mm_per_px": None}))
    with pytest.raises(DatasetError, match="--pixel-mm"):
        read_regions(tmp_path, "normal-abnormal", off_centre=0, seed=0, reporter=QUIET)
    broken = {"kind": "mass", "left_px": "far", "top_px": 1, "right_px": 2, "bottom_px": 3}
    path.write_text(json.dumps({**record, "findings": [broken]}))
    with pytest.raises(DatasetError, match="left_px is 'far', wanted a number"):
        read_regions(tmp_path, "normal-abnormal", off_centre=0, seed=0, reporter=QUIET)


def test_a_crop_shows_its_place_and_copies_are_turned() -> None:
    pixels = np.random.default_rng(0).integers(0, 65535, (220, 130)).astype(np.uint16)
    plain = cut(pixels, region(), np.zeros(2), 0, 64)
    np.testing.assert_array_equal(plain, pixels[100 - 32 : 100 + 32, 60 - 32 : 60 + 32])
    turned = cut(pixels, region(), np.zeros(2), 1, 64)
    np.testing.assert_array_equal(turned, np.rot90(plain))
    mirrored = cut(pixels, region(), np.zeros(2), 4, 64)
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    # at an edge it is moved inside
    edge = cut(pixels, region(x_px=0.0, y_px=219.0), np.zeros(2), 0, 64)
    np.testing.assert_array_equal(edge, pixels[-64:, :64])
    # a film that is smaller is filled up
    small = cut(np.full((40, 40), 9, np.uint16), region(x_px=20.0, y_px=20.0), np.zeros(2), 0, 64)
    assert np.count_nonzero(small) == 1600


def test_copy_0_is_the_region_and_the_others_are_shifted(films: Path) -> None:
    regions = read_regions(films, "benign-malignant", off_centre=0, seed=0, reporter=QUIET)[:2]
    crops = cut_crops(films, regions, 32, 0)
    assert crops.shape == (2 * COPIES, 32, 32)
    assert len({crop.tobytes() for crop in crops}) == 2 * COPIES
    np.testing.assert_array_equal(crops, cut_crops(films, regions, 32, 0))


def test_controls_are_what_they_say() -> None:
    crops = np.full((1, 64, 64), 6553, np.uint16)
    assert np.exp(size_numbers([region()])) == pytest.approx(np.full((COPIES, 1), 64 * 0.4))
    grey = grey_numbers(crops)[0]
    assert grey == pytest.approx([0.1, 0, 0.1, 0.1, 0.1, 0.1, 0.1], abs=1e-4)
    assert ring_numbers(crops)[0] == pytest.approx([0, 0, 0, 0], abs=1e-6)
    crops[0, 24:40, 24:40] = 65535
    mean, deviation, bright, _ = ring_numbers(crops)[0]
    # the middle, a disc of 0.3 sides, is 256 bright pixels among pi * 19.2 ** 2
    assert mean == pytest.approx(0.9 * 256 / (np.pi * 19.2**2), abs=0.01)
    assert deviation > 0.3
    assert bright == pytest.approx(0.9, abs=0.01)
    turned = np.stack([np.rot90(crops[0]), crops[0][:, ::-1]])
    np.testing.assert_allclose(ring_numbers(turned), np.repeat(ring_numbers(crops), 2, axis=0))


def test_folds_by_patient_share_none_and_the_papers_share_all() -> None:
    patients = [f"p{place // 16}" for place in range(160)]
    truth = np.arange(160) // 8 % 2
    for protocol in ("patient", "paper"):
        folds = make_folds(patients, truth, 5, protocol, 1)
        scored = np.sort(np.concatenate([fold.test for fold in folds]))
        np.testing.assert_array_equal(scored, np.arange(160))
        for fold in folds:
            learned = {patients[place] for place in fold.train}
            held_out = {patients[place] for place in fold.test}
            assert len(fold.train) + len(fold.test) == 160
            if protocol == "patient":
                assert not learned & held_out
            else:
                assert held_out <= learned
    with pytest.raises(SplitError, match="11 folds of 10 patients"):
        make_folds(patients, truth, 11, "patient", 1)
    with pytest.raises(SplitError, match="one class only"):
        make_folds(patients, np.zeros(160, int), 5, "patient", 1)


def test_wrong_options_are_refused() -> None:
    for options, what in (
        ({"task": "cancer"}, "--task 'cancer': wanted normal-abnormal"),
        ({"net": "vgg19"}, "--net 'vgg19': wanted vgg16, alexnet"),
        ({"strategy": "all"}, "--strategy 'all'"),
        ({"protocol": "random"}, "--protocol 'random'"),
        ({"head": "fc"}, "--head fc: wanted logistic or mlp"),
        ({"strategy": "scratch", "head": "mlp"}, "--head mlp: wanted fc"),
        ({"net": "cnn"}, "--strategy scratch"),
        ({"strategy": "scratch", "weights": "package"}, "--weights package"),
        ({"off_centre": 0.6}, "--off-centre 0.6: wanted 0 to 0.5"),
        ({"crop_px": 16}, "--crop 16: wanted 32 to 512"),
        ({"folds": 1}, "--folds 1: wanted 2 to 100"),
    ):
        with pytest.raises(InputError, match=what):
            ClassifyConfig(**options)  # type: ignore[arg-type]


FAST = ClassifyConfig(net="cnn", strategy="scratch", both=True, crop_px=32, folds=2, steps=2)


@pytest.fixture(scope="module")
def done(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("classified") / "out"
    classify(films, out, FAST, reporter=QUIET)
    return out


def test_a_study_scores_every_copy_beside_the_controls(done: Path) -> None:
    scores = json.loads((done / "scores.json").read_text())
    assert scores["weights"] == "cnn: random weights"
    assert scores["regions"] == [4, 5]
    for protocol, leaky in (("patient", False), ("paper", True)):
        found = scores["protocols"][protocol]
        assert found["leaky"] is leaky
        assert list(found["systems"]) == ["model", "size", "grey", "ring", "random"]
        rows = table(done / protocol / "copies.csv")
        assert len(rows) == found["copies"] == 9 * COPIES
        folds: dict[str, set[str]] = {}
        for row in rows:
            folds.setdefault(row["patient"], set()).add(row["fold"])
        assert (max(map(len, folds.values())) > 1) is leaky
    text = (done / "classify.md").read_text()
    assert text.count("LEAKY") == 4
    assert "control: random weights" in text


def test_a_killed_study_goes_on_to_the_same_bytes(films: Path, done: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    classify(films, out, FAST, reporter=QUIET)
    (out / "paper" / "fold-2.json").unlink()
    (out / "scores.json").unlink()
    kept = (out / "patient" / "fold-1.json").stat().st_mtime_ns
    (out / "features" / "random-000.npy").unlink()
    classify(films, out, FAST, reporter=QUIET)
    assert bytes_in(out) == bytes_in(done)
    assert (out / "patient" / "fold-1.json").stat().st_mtime_ns == kept


def test_damaged_answers_and_other_settings_are_refused(
    films: Path, done: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="other settings"):
        classify(films, done, ClassifyConfig(net="lite0", weights="none"), reporter=QUIET)
    out = tmp_path / "out"
    classify(films, out, FAST, reporter=QUIET)
    path = out / "patient" / "fold-1.json"
    answers = json.loads(path.read_text())
    for change, what in (
        ({"model": [2.0] * len(answers["model"])}, "model is 2"),
        ({"ring": []}, "lacks ring"),
        ({"test": [0]}, "not the held-out copies"),
    ):
        path.write_text(json.dumps({**answers, **change}))
        with pytest.raises(OutputError, match=what):
            classify(films, out, FAST, reporter=QUIET)
    path.write_text(json.dumps(answers))
    (out / "features" / "random-000.npy").write_bytes(b"no array")
    with pytest.raises(OutputError, match="no features"):
        classify(films, out, FAST, reporter=QUIET)


@pytest.mark.parametrize(
    ("net", "strategy", "head"),
    [
        ("vgg16", "scratch", "fc"),  # 3.3, in three ways
        ("vgg16", "frozen", "logistic"),
        ("vgg16", "last-block", "fc"),
        ("alexnet", "last-block", "fc"),  # 3.4
        ("densenet169", "frozen", "mlp"),  # 3.8
    ],
)
def test_networks_of_papers_run_on_random_weights(
    films: Path, tmp_path: Path, net: str, strategy: str, head: str
) -> None:
    config = ClassifyConfig(
        net=net, strategy=strategy, head=head, weights="none", crop_px=64, folds=2, steps=1
    )
    found = classify(films, tmp_path / "out", config, only=1, reporter=QUIET)
    assert found["weights"] == f"{net}: random weights"
    assert 0 <= found["protocols"]["patient"]["systems"]["model"]["auc"] <= 1
    with pytest.raises(InputError, match="--only 3: wanted 1 to 2"):
        classify(films, tmp_path / "out", config, only=3, reporter=QUIET)


def test_weights_of_a_file_are_used_and_told(films: Path, tmp_path: Path) -> None:
    import torch
    from torchvision.models import get_model

    torch.manual_seed(3)
    path = tmp_path / "alexnet.pth"
    torch.save(get_model("alexnet", weights=None).state_dict(), path)
    said = {}
    for name, weights in (("file", str(path)), ("none", "none")):
        config = ClassifyConfig(net="alexnet", weights=weights, crop_px=64, folds=2)
        found = classify(films, tmp_path / name, config, only=1, reporter=QUIET)
        rows = table(tmp_path / name / "patient" / "copies.csv")
        said[name] = ([row["model"] for row in rows], [row["random"] for row in rows], found)
    assert said["file"][0] != said["none"][0]
    assert said["file"][1] == said["none"][1]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    told = said["file"][2]["weights"]
    assert (
        told == f"alexnet: weights of a file that is none of torchvision's (SHA-256 {digest[:8]})"
    )
    scores = json.loads((tmp_path / "file" / "scores.json").read_text())
    assert scores["config"]["weights"] == digest


def test_folds_of_a_table_are_taken_for_patients_and_not_for_copies(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "split.csv"
    folds = {1: "x", 2: "y", 3: "x", 4: "y", 5: "z"}  # mdb001 and mdb002 are of patient 1
    rows = [f"mdb{film:03d},{folds[(film + 1) // 2]}" for film in range(1, 11)]
    path.write_text("\n".join(["film,split", *rows]) + "\n")
    words = ["mammo", "classify", str(films), "--out", str(tmp_path / "out"), "--net", "cnn"]
    words += ["--strategy", "scratch", "--crop", "32", "--steps", "1"]
    assert main([*words, "--split-table", str(path), "--both"]) == 0
    assert "patient, fold 3 of 3" in capsys.readouterr().out
    for row in table(tmp_path / "out" / "patient" / "copies.csv"):
        named = folds[(int(row["film"][3:]) + 1) // 2]
        assert row["fold"] == str("xyz".index(named) + 1)
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["config"]["folds"] == 3
    assert str(tmp_path) not in json.dumps(scores)
    rows[7] = "mdb008,x"
    path.write_text("\n".join(["film,split", *rows]) + "\n")
    assert main([*words, "--split-table", str(path)]) == 2
    assert "patient mias004 is in y (mdb007) and in x (mdb008)" in capsys.readouterr().err
    assert main([*words, "--split-table", str(path), "--protocol", "paper"]) == 2
    assert "--protocol paper deals copies one by one" in capsys.readouterr().err


def test_the_command_says_leaky(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mammo", "classify", str(films), "--out", str(tmp_path / "out"), "--net", "cnn"]
    words += ["--strategy", "scratch", "--crop", "32", "--folds", "2", "--steps", "1"]
    assert main([*words, "--protocol", "paper"]) == 0
    told = capsys.readouterr().out
    assert "LEAKY: turned copies" in told
    assert "| LEAKY AUC [95 %] |" in told
    assert main([*words, "--protocol", "paper", "--weights", "x.pth"]) == 2
    assert "--strategy scratch begins with random ones" in capsys.readouterr().err


def test_the_networks_that_help_names_are_those_that_are_built() -> None:
    from breastseg.networks import trunks

    assert list(trunks.NETS) == list(NETS)
