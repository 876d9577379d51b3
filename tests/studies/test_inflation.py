"""The study's laws. One training is real; for the others networks that nobody trained stand in,
because who is held out does not change."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score

import breastseg.training.train as training
from breastseg.bundles.bundle import Bundle, load_bundle
from breastseg.bundles.card import Card
from breastseg.bundles.training import Training
from breastseg.cli import main
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import DatasetError, InputError, OutputError, SplitError
from breastseg.evaluation.evaluate import evaluate
from breastseg.inference.model import load_model
from breastseg.labels import BUILT_IN
from breastseg.metrics import confusion_counts
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.export import write_bundle
from breastseg.reporter import Reporter
from breastseg.studies.inflation.config import STUDY, InflationConfig
from breastseg.studies.inflation.inflation import inflation, study_labels
from breastseg.studies.inflation.scoring import SCORINGS, merge, one_vs_rest, study_rows
from breastseg.studies.inflation.show import markdown
from breastseg.studies.inflation.tiles import PROTOCOLS, cut_tiles, folds_of, training_tiles
from breastseg.training.config import TrainConfig
from conftest import DATA, paint, quiet, tcga

SMALL = TrainConfig(
    encoder_weights="none",
    decoder_channels=(16, 16, 16, 16, 16),
    output_stride=8,
    batch=4,
    epochs=1,
    crops_per_epoch=8,
    precision="32",
    loss="ce",
    ema=0.0,
    augment="none",
)
CONFIG = InflationConfig(SMALL, tile_px=32, folds=3)
REAL = "by-patient-0-5"
"""The run whose training is real."""


@pytest.fixture(scope="session")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The three real crops at 0.3 um/px: one of each patient."""
    return prepare(
        DATA / "bcss",
        tmp_path_factory.mktemp("data") / "crops",
        PrepareConfig(to_mpp=0.3, labels="region5", workers=1),
        reporter=quiet,
    )


@pytest.fixture(scope="session")
def tiles(crops: Dataset) -> pd.DataFrame:
    return cut_tiles(crops, tile_px=32, field_tiles=2, guard_um=32, folds=3)


@pytest.fixture(scope="session")
def untrained(crops: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Bundle]:
    """Two bundles with random weights, without and with label 0 as a class."""
    torch.manual_seed(0)
    found = {}
    for zero in (False, True):
        label_map = study_labels(crops.label_map, zero=zero)
        config = NetworkConfig(
            "unet",
            "tu-tf_efficientnet_lite0",
            len(label_map.classes),
            (16, 16, 16, 16, 16),
            output_stride=8,
        )
        card = Card(
            "untrained",
            label_map,
            crops.mpp,
            32,
            0,
            config.mean,
            config.std,
            config.to_dict(),
            training=Training(),
            licence="none",
            limits=("random weights",),
        )
        pictures = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
        folder = tmp_path_factory.mktemp("models") / f"untrained{zero}"
        found[zero] = write_bundle(
            folder, build(config), card, pictures, "epoch,train_loss\n0,1.0\n"
        )
    return found


class Trainer:
    """Stands in for train(): notes what each run was given, trains one, and is killed at the fourth
    when asked to be."""

    def __init__(self, untrained: dict[bool, Bundle]) -> None:
        self.untrained, self.real, self.given, self.die_at = untrained, training.train, {}, 0
        self.real_bundle: Bundle | None = None

    def __call__(self, dataset: Path, run: Path, config: TrainConfig, reporter: Reporter) -> Bundle:
        if len(self.given) == self.die_at - 1:
            self.die_at = 0
            raise KeyboardInterrupt
        data = open_dataset(dataset)
        assert run.parent.name not in self.given
        self.given[run.parent.name] = data.regions.assign(
            zero=len(data.label_map.classes) == 6, px_0=data.regions["px_not_annotated"]
        )
        assert (config.crop_px, config.monitor, config.seed) == (32, "none", 42)
        if run.parent.name == REAL:
            self.real_bundle = self.real(dataset, run, config, reporter=reporter)
            return self.real_bundle
        return self.untrained[len(data.label_map.classes) == 6]


@pytest.fixture(scope="session")
def study(
    crops: Dataset, untrained: dict[bool, Bundle], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Trainer, dict[str, Any]]:
    """A study that was killed in its fourth training and went on."""
    trainer, out = Trainer(untrained), tmp_path_factory.mktemp("study") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "train", trainer)
        trainer.die_at = 4
        with pytest.raises(KeyboardInterrupt):
            inflation(crops.path, out, CONFIG, reporter=quiet)
        assert not (out / "inflation.json").exists()
        assert len(list(out.glob("runs/*/counts.json"))) == 3
        return out, trainer, inflation(crops.path, out, CONFIG, reporter=quiet)


def test_tiles_do_not_overlap_and_fields_keep_their_distance(
    crops: Dataset, tiles: pd.DataFrame
) -> None:
    guard = round(32 / crops.mpp)
    for region, own in tiles.groupby("region"):
        seen = np.zeros(crops.labels(str(region)).shape, np.uint8)
        for _, tile in own.iterrows():
            seen[tile["y"] : tile["y"] + 32, tile["x"] : tile["x"] + 32] += 1
        assert seen.max() == 1
        assert seen.sum() == 32 * 32 * len(own) == 32 * 32 * 16
        corners = own.groupby("field")[["y", "x"]].min().to_numpy()
        apart = np.abs(corners[:, None] - corners[None]).max(axis=2) - 64
        assert apart[~np.eye(len(corners), dtype=bool)].min() >= guard
    assert list(tiles.index) == [f"{t.region}_y{t.y}_x{t.x}_{t.side}" for t in tiles.itertuples()]


@pytest.mark.parametrize("seed", [0, 42])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_kept_together_is_held_out_together(
    tiles: pd.DataFrame, protocol: str, seed: int
) -> None:
    folds = folds_of(tiles, protocol, 3, seed)
    assert list(folds.index) == list(tiles.index)
    assert set(folds) == {0, 1, 2}
    assert (folds.groupby(tiles[PROTOCOLS[protocol]]).nunique() == 1).all()
    of_patients = folds.groupby(tiles["patient"]).nunique()
    assert (of_patients == (1 if protocol == "by patient" else 3)).all()
    if protocol == "random tiles":
        assert (folds.groupby(tiles["field"]).nunique() > 1).any()
        assert folds.value_counts().max() - folds.value_counts().min() <= 1
    assert folds.equals(folds_of(tiles, protocol, 3, seed))


def test_training_tiles_are_drawn_from_outside_the_fold(tiles: pd.DataFrame) -> None:
    folds = folds_of(tiles, "random tiles", 3, 42)
    chosen = training_tiles(folds, 1, 20, 42)
    assert len(set(chosen)) == 20
    assert (folds[chosen] != 1).all()
    assert chosen == training_tiles(folds, 1, 20, 42) != training_tiles(folds, 1, 20, 43)


def test_every_tile_is_scored_once_in_every_protocol(
    study: tuple[Path, Trainer, dict[str, Any]], tiles: pd.DataFrame
) -> None:
    out, _, _ = study
    for protocol in PROTOCOLS:
        for classes in (5, 6):
            files = sorted(out.glob(f"runs/{protocol.replace(' ', '-')}-*-{classes}/counts.json"))
            names = [name for file in files for name in json.loads(file.read_text())]
            assert len(files) == 3
            assert sorted(names) == sorted(tiles.index)


def test_who_trains_is_not_who_is_scored(
    study: tuple[Path, Trainer, dict[str, Any]], tiles: pd.DataFrame
) -> None:
    out, trainer, found = study
    assert len(trainer.given) == 18
    for run, given in trainer.given.items():
        held_out = tiles.loc[list(json.loads((out / "runs" / run / "counts.json").read_text()))]
        trained = tiles.loc[list(given.index)]
        assert list(given["patient"]) == list(trained["patient"])
        assert len(trained) == found["training_tiles"]
        assert not set(trained.index) & set(held_out.index)
        if run.startswith("by-region"):
            assert not set(trained["field"]) & set(held_out["field"])
        shared = set(trained["patient"]) & set(held_out["patient"])
        assert len(shared) == (0 if run.startswith("by-patient") else 3)
        assert given["zero"].all() == given["zero"].any() == run.endswith("6")
        assert not given.loc[given["zero"], "px_0"].any()


def test_all_protocols_are_scored_on_the_same_pixels(
    study: tuple[Path, Trainer, dict[str, Any]], crops: Dataset, tiles: pd.DataFrame
) -> None:
    annotated = sum(
        int((crops.labels(t.region)[t.y : t.y + t.side, t.x : t.x + t.side] > 0).sum())
        for t in tiles.itertuples()
    )
    rows = pd.DataFrame(study[2]["rows"])
    assert len(rows) == 16
    for way in SCORINGS:
        supports = rows.loc[rows["scoring"] == way.name, "support_px"]
        assert list(supports) == [32 * 32 * len(tiles) if way.zero else annotated] * 4
    for zero in (5, 6):
        by_patient = [
            [
                np.sum(entry["px"], axis=1).tolist()
                for entry in study[2]["counts"]
                if entry["protocol"] == protocol and len(entry["classes"]) == zero
            ]
            for protocol in PROTOCOLS
        ]
        assert by_patient[0] == by_patient[1] == by_patient[2]


def test_a_held_out_patient_is_counted_as_evaluate_counts(
    study: tuple[Path, Trainer, dict[str, Any]], crops: Dataset, tiles: pd.DataFrame, tmp_path: Path
) -> None:
    out, trainer, _ = study
    counted = json.loads((out / "runs" / REAL / "counts.json").read_text())
    (tmp_path / "source").mkdir()
    for kind in ("images", "masks"):
        (tmp_path / "source" / kind).mkdir()
    for name in counted:
        t = tiles.loc[name]
        for kind, array in (
            ("images", crops.image(t["region"])),
            ("masks", crops.labels(t["region"])),
        ):
            Image.fromarray(array[t["y"] : t["y"] + 32, t["x"] : t["x"] + 32]).save(
                tmp_path / "source" / kind / f"{name}.png"
            )
    (tmp_path / "labels.json").write_text(
        json.dumps(study_labels(crops.label_map, zero=False).to_dict())
    )
    config = PrepareConfig(0.3, str(tmp_path / "labels.json"), mpp=0.3, workers=1)
    held_out = prepare(tmp_path / "source", tmp_path / "data", config, reporter=quiet)
    (tmp_path / "split.csv").write_text(
        "region,split\n" + "".join(f"{name},test\n" for name in counted)
    )
    split(held_out, SplitConfig(str(tmp_path / "split.csv")))
    bundle = load_bundle(out / "runs" / REAL / "run" / "bundle")
    assert trainer.real_bundle == bundle
    scores = evaluate(load_model(bundle.path), held_out.path, tmp_path / "scores", reporter=quiet)
    table = pd.read_csv(tmp_path / "scores" / "counts.csv")
    assert table["px"].sum() == np.sum(list(counted.values()))
    names = list(crops.label_map.names)
    for name, matrix in counted.items():
        for row in table[table["region"] == name].itertuples():
            assert matrix[names.index(row.truth)][names.index(row.prediction) + 1] == row.px
    assert scores.overall.support_px == np.sum(list(counted.values()))


def test_rows_say_how_much_more_than_the_honest_one(
    study: tuple[Path, Trainer, dict[str, Any]],
) -> None:
    found = study[2]
    rows = {(row["protocol"], row["scoring"]): row for row in found["rows"]}
    honest = rows["by patient", "all classes, label 0 left out"]
    assert found["honest"] == {"protocol": "by patient", "scoring": "all classes, label 0 left out"}
    assert {honest[f"{name}_more"] for name in ("accuracy", "mean_dice", "dice")} == {0.0}
    for row in rows.values():
        assert row["accuracy_more"] == pytest.approx(row["accuracy"] - honest["accuracy"])
    for protocol in (
        PROTOCOLS
    ):  # merging after the fact changes nothing for tumor, and can only make more pixels right
        apart, merged = (
            rows[protocol, f"{how}, label 0 left out"] for how in ("all classes", "classes merged")
        )
        assert [merged[k] for k in ("dice", "precision", "recall")] == pytest.approx(
            [apart[k] for k in ("dice", "precision", "recall")], nan_ok=True
        )
        assert merged["accuracy"] >= apart["accuracy"]


def test_files(study: tuple[Path, Trainer, dict[str, Any]], tiles: pd.DataFrame) -> None:
    out, _, found = study
    assert {p.name for p in out.iterdir()} == {
        "breastseg-work.json",
        "tiles.csv",
        "runs",
        "inflation.json",
        "inflation.csv",
        "inflation.md",
        "inflation.png",
    }
    assert {p.name for p in (out / "runs" / REAL).iterdir()} == {"run", "counts.json"}
    written = json.loads((out / "inflation.json").read_text())["rows"]
    assert json.dumps(written) == json.dumps(found["rows"])  # as text: a class never named has NaN
    assert len(pd.read_csv(out / "inflation.csv")) == 16
    text = (out / "inflation.md").read_text()
    assert text == markdown(found)
    assert text.count("| **by patient** | **all classes, label 0 left out** |") == 1
    assert "| TCGA-A2-A0D2 | " in text
    with Image.open(out / "inflation.png") as picture:
        assert picture.width > 1000
    assert list(pd.read_csv(out / "tiles.csv")["tile"]) == list(tiles.index)


def test_a_finished_study_trains_nothing_and_writes_the_same_bytes(
    study: tuple[Path, Trainer, dict[str, Any]], crops: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _, _ = study
    names = ("inflation.json", "inflation.csv", "inflation.md", "inflation.png", "tiles.csv")
    before = [(out / name).read_bytes() for name in names]
    monkeypatch.setattr(training, "train", None)
    inflation(crops.path, out, CONFIG, reporter=quiet)
    assert [(out / name).read_bytes() for name in names] == before
    with pytest.raises(
        OutputError,
        match=r"other settings \(guard_um: 32\.0 there, 20 now\)",
    ):
        inflation(crops.path, out, replace(CONFIG, guard_um=20), reporter=quiet)


def test_scores_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 6, (3, 50, 50), dtype=np.uint8)  # 0 is not annotated
    said = np.where(
        rng.random(truth.shape) < 0.6, np.maximum(truth, 1), rng.integers(1, 6, truth.shape)
    ).astype(np.uint8)
    said_zero = (
        np.where(
            rng.random(truth.shape) < 0.6, (truth - 1) % 6, rng.integers(0, 6, truth.shape)
        ).astype(np.uint8)
        + 1
    )
    truth_zero = np.where(truth == 0, 6, truth).astype(np.uint8)
    counts = {
        (protocol, zero): {
            f"P{i}": confusion_counts(
                *((truth_zero, said_zero) if zero else (truth, said)), 6 if zero else 5
            )
            for i, (truth, said, truth_zero, said_zero) in enumerate(
                zip(truth, said, truth_zero, said_zero, strict=True)
            )
        }
        for protocol in PROTOCOLS
        for zero in (False, True)
    }
    table = study_rows(counts, BUILT_IN["region5"].names)
    rows = {row["scoring"]: row for row in table if row["protocol"] == "by patient"}
    blind = {
        row["scoring"]: row for row in table if row["protocol"] == "no model, all called tumor"
    }
    known = truth > 0
    pairs = {
        "all classes, label 0 left out": (truth[known], said[known]),
        "all classes, label 0 one of them": (truth_zero.ravel(), said_zero.ravel()),
        "classes merged, label 0 left out": (
            np.minimum(truth[known], 3),
            np.minimum(said[known], 3),
        ),
        "classes merged, label 0 among them": (
            np.minimum(truth_zero.ravel(), 3),
            np.minimum(said_zero.ravel(), 3),
        ),
    }
    for name, (right, given) in pairs.items():
        classes = int(right.max())
        assert rows[name]["accuracy"] == pytest.approx(accuracy_score(right, given))
        assert rows[name]["mean_dice"] == pytest.approx(f1_score(right, given, average="macro"))
        assert rows[name]["mean_dice_shared"] == pytest.approx(
            rows[name]["mean_dice"]
        )  # every class is in every patient here
        votes = np.mean([accuracy_score(right == k, given == k) for k in range(1, classes + 1)])
        assert rows[name]["accuracy_one_vs_rest"] == pytest.approx(votes)
        assert blind[name]["accuracy"] == pytest.approx(np.mean(right == 1))
        assert blind[name]["mean_dice"] == pytest.approx(
            f1_score(right, np.ones_like(right), average="macro")
        )


def test_a_class_of_one_patient_is_left_out_of_the_shared_mean() -> None:
    one, two = np.zeros((3, 4), np.int64), np.zeros((3, 4), np.int64)
    one[0, 1], one[1, 2], one[2, 1] = 8, 4, 5
    two[0, 1], two[1, 1] = 8, 2
    rows = study_rows(
        {
            (protocol, zero): {
                "A": one if not zero else np.pad(one, (0, 1)),
                "B": two if not zero else np.pad(two, (0, 1)),
            }
            for protocol in PROTOCOLS
            for zero in (False, True)
        },
        ["tumor", "stroma", "other"],
    )
    tumor, stroma = 32 / 39, 8 / 10
    assert rows[0]["mean_dice"] == pytest.approx((tumor + stroma + 0) / 3)
    assert rows[0]["mean_dice_shared"] == pytest.approx((tumor + stroma) / 2)


def test_merging_keeps_every_pixel() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (5, 6))
    merged = merge(counts, [0, 1, 2, 2, 2])
    assert merged.shape == (3, 4)
    assert merged.sum() == counts.sum()
    assert merged[2, 3] == counts[2:, 3:].sum()
    assert merged[0, 0] == counts[0, 0]


def test_a_share_of_the_reports_size_needs_only_half_the_pixels() -> None:
    assert one_vs_rest(0.517, 21) == pytest.approx(0.954)
    assert one_vs_rest(1, 5) == 1


def test_two_classes_have_nothing_to_merge() -> None:
    counts = {
        (p, zero): {"A": np.eye(2 + zero, 3 + zero, 1, np.int64)}
        for p in PROTOCOLS
        for zero in (False, True)
    }
    assert len(study_rows(counts, ["tumor", "not tumor"])) == 8


def test_mistakes_are_named(crops: Dataset, tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError,
        match=r"3 annotated fields of 153\.6 um, 32 um .*--tile",
    ):
        inflation(crops.path, tmp_path / "out", replace(CONFIG, tile_px=256), reporter=quiet)
    with pytest.raises(
        SplitError,
        match=r"3 patients .*wanted at least 4.*--folds",
    ):
        inflation(crops.path, tmp_path / "out", replace(CONFIG, folds=4), reporter=quiet)
    with pytest.raises(InputError, match="--tile 100: wanted a multiple of 32"):
        InflationConfig(tile_px=100)
    with pytest.raises(InputError, match=r"1 folds, .*2 tiles, 32 um .*wanted 2 or more"):
        InflationConfig(folds=1)
    assert not (tmp_path / "out").exists()


def test_patients_with_too_few_fields_are_left_out(tmp_path: Path) -> None:
    for patient, side in (("A001", 200), ("A002", 200), ("A003", 64)):
        paint(tmp_path / "source", tcga("A2", patient), side=side)
    data = prepare(
        tmp_path / "source",
        tmp_path / "data",
        PrepareConfig(to_mpp=0.30, workers=1),
        reporter=quiet,
    )
    tiles = cut_tiles(data, tile_px=32, field_tiles=2, guard_um=3, folds=2)
    assert set(tiles["patient"]) == {"TCGA-A2-A001", "TCGA-A2-A002"}


def test_the_command_says_in_one_line_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inflation", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith(
        f"breastseg: {tmp_path}: no prepared data set (dataset.json is missing)"
    )
    assert (
        main(["inflation", str(tmp_path), "--out", str(tmp_path / "out"), "--preset", "big"]) == 2
    )
    assert "preset 'big': not known; wanted fast, standard, report" in capsys.readouterr().err


def test_the_command_hands_its_options_on_and_prints_the_table(
    study: tuple[Path, Trainer, dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "breastseg.studies.inflation.inflation.inflation",
        lambda *given: asked.extend(given) or study[2],
    )
    words = [
        "--epochs",
        "2",
        "--crops-per-epoch",
        "32",
        "--tile",
        "64",
        "--folds",
        "2",
        "--seed",
        "7",
    ]
    assert main(["inflation", "data", "--out", str(tmp_path), *words]) == 0
    assert asked[:2] == ["data", str(tmp_path)]
    assert asked[2] == InflationConfig(
        replace(STUDY, epochs=2, crops_per_epoch=32, seed=7), tile_px=64, folds=2
    )
    assert markdown(study[2]) in capsys.readouterr().out
    assert main(["inflation", "data", "--out", str(tmp_path), "--preset", "report"]) == 0
    assert asked[5].training().encoder == "resnet34"
    assert asked[5].training().crop_px == asked[5].tile_px == 128
