"""Learning from dots, the whole way on real crops: areas of BCSS beside dots of BRCA-M2C, to scores
of pixels and of dots."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import InputError, LabelError
from breastseg.training.config import TrainConfig
from breastseg.training.train import train
from conftest import DATA, quiet

PARTS = {
    "TCGA-A2-A0D2": "train",
    "TCGA-A2-A1G6": "val",
    "TCGA-A2-A3XX": "test",
    "TCGA-A7-A0DA": "train",
    "TCGA-A8-A082": "test",
}
CONFIG = TrainConfig(
    encoder_weights="none",
    decoder_channels=(16, 16, 16, 16, 16),
    output_stride=4,
    crop_px=32,
    batch=4,
    epochs=2,
    crops_per_epoch=16,
    precision="32",
    tile_px=128,
    halo_px=32,
    lr=3e-3,
    augment="strong",
    dots=0.5,
    pseudo=0.5,
    white_as="other",
    ema=0.9,
    allow_absent_classes=True,
)
DOTTED = "TCGA-A8-A082-01Z-00-DX1_24501_29501_1000_1000_0.93"


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three crops of BCSS and two of BRCA-M2C at 0.5 um/px; one of each kind in train and in
    test."""
    folder = tmp_path_factory.mktemp("mixed")
    data = prepare(
        [DATA / "bcss", DATA / "brca_m2c"],
        folder / "data",
        PrepareConfig(to_mpp=0.5, workers=1),
        reporter=quiet,
    )
    (folder / "split.csv").write_text(
        "patient,split\n" + "".join(f"{patient},{part}\n" for patient, part in PARTS.items())
    )
    split(data, SplitConfig(str(folder / "split.csv")))
    return data


@pytest.fixture(scope="session")
def trained(mixed: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return train(mixed.path, tmp_path_factory.mktemp("run") / "dots", CONFIG, reporter=quiet)


def evaluate(bundle: Bundle, data: Dataset, out: Path, part: str = "test") -> Any:
    words = [
        "evaluate",
        "--model",
        str(bundle.path),
        "--data",
        str(data.path),
        "--out",
        str(out),
        "--split",
        part,
        "--threads",
        "1",
    ]
    assert main(words) == 0
    return json.loads((out / "scores.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def result(mixed: Dataset, lively_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation by the bundle that names every class somewhere."""
    out = tmp_path_factory.mktemp("results") / "lively"
    evaluate(lively_bundle, mixed, out)
    return out


def scores_of(folder: Path) -> Any:
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))


def dots_by_hand(result: Path) -> list[tuple[str, str]]:
    """Return (truth, prediction) of the test region's dots, from the release's own list and the
    saved map."""
    classes = {"1": "inflammatory", "2": "tumor", "3": "stroma"}
    names = ("not analysed", "tumor", "stroma", "inflammatory", "necrosis", "other")
    found = np.asarray(Image.open(result / "regions" / DOTTED / "labels.png"))
    lines = (
        (DATA / "brca_m2c" / "labels" / f"{DOTTED}_gt_class_coords.txt").read_text().splitlines()
    )
    return [(classes[k], names[found[int(y), int(x)]]) for y, x, k in map(str.split, lines)]


def test_the_data_set_knows_what_is_known_of_each_region(mixed: Dataset) -> None:
    kinds = mixed.regions["annotation"].to_dict()
    assert {region: kind for region, kind in kinds.items() if kind == "dots"}.keys() == set(
        mixed.dotted(list(kinds))
    )
    assert sorted(kinds.values()) == ["areas", "areas", "areas", "dots", "dots"]
    assert {region[:12] for region in mixed.dotted(list(kinds))} == {"TCGA-A7-A0DA", "TCGA-A8-A082"}
    assert mixed.dots(DOTTED).shape == (62, 3)
    assert mixed.regions.loc[DOTTED, "source_split"] == "val"


def test_dots_counts_are_the_dots_and_what_the_map_says_there(result: Path) -> None:
    table = pd.read_csv(result / "dots_counts.csv")
    assert list(table.columns) == ["region", "truth", "prediction", "dots"]
    assert set(table["region"]) == {DOTTED}
    by_hand = pd.Series(dots_by_hand(result)).value_counts()
    assert table.set_index(["truth", "prediction"])["dots"].to_dict() == by_hand.to_dict()
    assert table["dots"].sum() == 62
    assert table["prediction"].nunique() >= 3  # one class everywhere would prove nothing


def test_dots_scores_follow_from_the_counts(result: Path) -> None:
    table, scores = pd.read_csv(result / "dots_counts.csv"), scores_of(result)["dots"]
    right = table[table["truth"] == table["prediction"]].groupby("truth")["dots"].sum()
    support = table.groupby("truth")["dots"].sum()
    for name, row in scores["classes"].items():
        assert row["support_dots"] == support.get(name, 0)
        assert row["accuracy"] == pytest.approx(
            right.get(name, 0) / support.get(name, math.nan), nan_ok=True
        )
    shares = [right.get(name, 0) / support[name] for name in support.index]
    assert len(shares) == 3
    assert 0 < np.mean(shares) < 1
    assert scores["overall"]["balanced_accuracy"] == pytest.approx(np.mean(shares))
    assert scores["overall"]["accuracy"] == pytest.approx(right.sum() / 62)
    assert scores["overall"]["support_dots"] == 62
    assert sum(map(sum, scores["counts"])) == 62


def test_discs_are_no_truth_for_pixels(result: Path, mixed: Dataset) -> None:
    """A disc is a guess at a cell's size: Dice of it would be a score of the guess."""
    scores, table = scores_of(result), pd.read_csv(result / "counts.csv")
    (painted,) = set(scores["regions"]) - {DOTTED}
    assert set(table["region"]) == {painted}
    assert (
        scores["overall"]["support_px"]
        == table["px"].sum()
        == np.count_nonzero(mixed.labels(painted))
    )
    assert scores["regions"][DOTTED]["overall"]["support_px"] == 0
    assert math.isnan(scores["regions"][DOTTED]["overall"]["mean_dice"])


def test_the_report_tells_of_dots(result: Path) -> None:
    text = (result / "report.html").read_text(encoding="utf-8")
    scores = scores_of(result)["dots"]
    assert '<h2 id="dots">Dots</h2>' in text
    assert scores["hospitals"]["A8"] == {
        "regions": 1,
        "patients": 1,
        "overall": scores["overall"],
        "classes": scores["classes"],
    }
    assert scores["intervals"]["note"] in text
    assert f"<b>{scores['overall']['balanced_accuracy']:.3f}</b>balanced accuracy" in text
    for row in scores["classes"].values():
        if row["support_dots"]:
            assert f"<td>{row['accuracy']:.3f}</td><td>{row['support_dots']}</td>" in text
    # tissue, truth, map and errors of both regions
    assert text.count('href="data:image/') == 2 * 4
    assert '<h2 id="classes">Scores by class</h2>' in text


def test_a_model_learns_from_areas_and_dots_and_is_scored(
    trained: Bundle, mixed: Dataset, tmp_path: Path
) -> None:
    card = trained.card
    assert card.network["output_stride"] == 4
    assert card.training.patients_of("train") == ("TCGA-A2-A0D2", "TCGA-A7-A0DA")
    assert (card.training.config or {})["pseudo"] == 0.5
    assert card.parity["max_probability_difference"] < 1e-3
    scores = evaluate(trained, mixed, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "dots_counts.csv")
    assert table["dots"].sum() == scores["dots"]["overall"]["support_dots"] == 62
    assert (
        table.set_index(["truth", "prediction"])["dots"].to_dict()
        == pd.Series(dots_by_hand(tmp_path / "out")).value_counts().to_dict()
    )


def test_a_data_set_of_dots_alone(
    lively_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No pixel has a score, so no Dice and no confusion of pixels is shown; the map and its dots
    are."""
    data = prepare(
        DATA / "brca_m2c", tmp_path / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet
    )
    scores = evaluate(lively_bundle, data, tmp_path / "out", "all")
    said = capsys.readouterr().out
    assert "2 regions, 2 patients; 159 dots: tumor 0." in said
    assert "balanced accuracy" in said
    assert "Dice" not in said
    low, high = scores["dots"]["intervals"]["overall"]["balanced_accuracy"]
    assert f"95 % of it {low:.3f} to {high:.3f}" in said
    assert scores["overall"]["support_px"] == 0
    assert scores["dots"]["overall"]["support_dots"] == 159
    assert {p.name for p in (tmp_path / "out").iterdir() if p.is_file()} == {
        "breastseg-work.json", "dots_counts.csv", "per_group.csv", "training.csv", "scores.json",
        "report.html",
    }  # fmt: skip
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert '<h2 id="dots">Dots</h2>' in text
    assert "Scores by class" not in text
    assert 'href=""' not in text
    right = {
        region: row["dots"]["overall"]["accuracy"] for region, row in scores["regions"].items()
    }
    worst, best = sorted(right, key=lambda region: right[region])
    assert right[worst] < right[best]
    assert text.index(worst) < text.index(best)
    for region in (worst, best):
        found = scores["regions"][region]["dots"]
        shares = "".join(
            f"<td>{row['accuracy']:.3f}</td>" if row["support_dots"] else "<td>–</td>"
            for row in found["classes"].values()
        )
        count = found["overall"]["support_dots"]
        name = f'<td class="long">{region}</td>'
        row = f"{name}<td>{right[region]:.3f}</td><td>{count}</td>{shares}</tr>"
        assert row in text
    for name, row in scores["dots"]["classes"].items():
        ends = scores["dots"]["intervals"]["classes"][name]["accuracy"]
        if ends:
            assert f"{row['accuracy']:.3f}<small>{ends[0]:.3f} to {ends[1]:.3f}</small>" in text
    assert {
        site: row["overall"]["support_dots"] for site, row in scores["dots"]["hospitals"].items()
    } == {"A7": 97, "A8": 62}
    assert ">nan" not in text.lower()


def test_dots_train_alone(tmp_path: Path) -> None:
    data = prepare(
        DATA / "brca_m2c", tmp_path / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet
    )
    split(data, SplitConfig("source"))
    config = TrainConfig(
        **{
            **CONFIG.to_dict(),
            "decoder_channels": (16,) * 5,
            "epochs": 1,
            "crops_per_epoch": 8,
            "augment": "none",
        }
    )
    bundle = train(data.path, tmp_path / "run", config, reporter=quiet)
    assert bundle.card.training.patients == {
        "train": ("TCGA-A7-A0DA",),
        "val": ("TCGA-A8-A082",),
        "test": (),
    }
    history = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert history["train_loss"].notna().all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"white_as": "fat tissue"},
            LabelError,
            r"--white-as: class 'fat tissue' is not in label map 'region5' \(it has tumor, stroma",
        ),
        ({"output_stride": 3}, InputError, r"output stride 3 of unet: wanted 1, 2, 4, 8"),
        (
            {"output_stride": 2, "arch": "segformer"},
            InputError,
            r"output stride 2 of segformer: wanted 1$",
        ),
    ],
)
def test_what_cannot_be_trained_leaves_no_run(
    mixed: Dataset, tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    config = TrainConfig(**{**CONFIG.to_dict(), "decoder_channels": (16,) * 5, **change})
    with pytest.raises(error, match=message):
        train(mixed.path, tmp_path / "run", config, reporter=quiet)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"dots": 1.1},
        {"dots": -0.1},
        {"pseudo": 1.0},
        {"pseudo": -0.5},
        {"pseudo": 0.9, "ema": 0.0},
        {"dots": math.nan},
    ],
)
def test_impossible_shares(change: dict[str, float]) -> None:
    numbers = {"dots": 0.5, "pseudo": 0.5, "ema": 0.9, **change}
    message = (
        f"dots {numbers['dots']:g}, pseudo {numbers['pseudo']:g}, ema {numbers['ema']:g}: wanted 0"
        " up to 1, and pseudo only with ema"
    )
    with pytest.raises(InputError, match=message):
        TrainConfig(**{**CONFIG.to_dict(), **change})
