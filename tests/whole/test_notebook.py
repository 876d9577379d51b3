"""The student's notebook, the whole way: BCSS/train, train_mask, val, test -> table of paths ->
batches -> training -> maps of test."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from breastseg.bundles.bundle import load_bundle
from breastseg.cli import main
from breastseg.data.dataset import open_dataset
from conftest import DATA

TINY = [
    *(
        "--encoder",
        "tu-tf_efficientnet_lite0",
        "--encoder-weights",
        "package",
        "--decoder-channels",
        "16",
        "16",
        "16",
        "16",
        "16",
    ),
    *(
        "--crop-px",
        "64",
        "--batch",
        "4",
        "--epochs",
        "2",
        "--crops-per-epoch",
        "8",
        "--precision",
        "32",
        "--tile-px",
        "128",
    ),
    *("--halo-px", "32"),
]
PATIENT = "TCGA-A1-A0SK"


@pytest.fixture(scope="module")
def kaggle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Kaggle copy's folders, made of quarters of two real tiles: five for training, two for
    validation, one without mask."""
    root, number = tmp_path_factory.mktemp("kaggle") / "BCSS", 0
    for path in sorted((DATA / "kaggle224" / "train").iterdir()):
        for y, x in np.ndindex(2, 2):
            part = "train" if number < 5 else "val" if number < 7 else "test"
            for folder, kind in ((part, "train"), (f"{part}_mask", "train_mask")):
                if folder != "test_mask":
                    (root / folder).mkdir(parents=True, exist_ok=True)
                    with Image.open(DATA / "kaggle224" / kind / path.name) as tile:
                        piece = tile.crop((112 * x, 112 * y, 112 * x + 112, 112 * y + 112))
                        piece.save(
                            root / folder / path.name.replace("_size224", f"_{y}_{x}_size112")
                        )
            number += 1
    return root


@pytest.fixture(scope="module")
def trained(kaggle: Path) -> Path:
    """The run of the preset, on the copy's own split."""
    data, run = kaggle.parent / "data", kaggle.parent / "report"
    assert (
        main(["prepare", str(kaggle), "--out", str(data), "--labels", "bcss21", "--to-mpp", "0.3"])
        == 0
    )
    assert main(["split", str(data), "--scheme", "source", "--leaky"]) == 0
    assert (
        main(
            [
                "train",
                str(data),
                "--out",
                str(run),
                "--preset",
                "report",
                "--allow-absent-classes",
                *TINY,
            ]
        )
        == 0
    )
    return run


def test_the_copys_own_split_is_refused_unless_asked_for(
    kaggle: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = kaggle.parent / "data"
    assert main(["split", str(data), "--scheme", "source"]) == 2
    assert (
        f"patient {PATIENT} is in train and val; a patient must be on one side only"
        in capsys.readouterr().err
    )
    assert main(["split", str(data), "--scheme", "source", "--leaky"]) == 0
    assert (
        "LEAKY: 1 of 1 patient in two parts; scores on this split say nothing of other"
        in capsys.readouterr().out
    )
    table = pd.read_csv(data / "split.csv")
    assert table["split"].value_counts().to_dict() == {"train": 5, "val": 2}
    assert set(table["leaky"]) == {"patients are in two parts"}
    assert (
        main(["audit", str(data), "--out", str(kaggle.parent / "audit")]) == 1
    )  # asked for or not, it leaks


def test_prepare_names_the_pictures_without_masks(
    kaggle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(
            [
                "prepare",
                str(kaggle),
                "--out",
                str(tmp_path / "data"),
                "--labels",
                "bcss21",
                "--to-mpp",
                "0.3",
            ]
        )
        == 0
    )
    said = capsys.readouterr().out
    assert "BCSS tiles of 224 px (Kaggle): 7 image-mask pairs, 1 patient, 1 hospital" in said
    assert "Images without masks, for breastseg predict: test/ (1)" in said
    paths = open_dataset(tmp_path / "data").regions
    assert paths["source_split"].value_counts().to_dict() == {"train": 5, "val": 2}
    assert (paths["width_px"] == 112).all()


def test_the_preset_trains_and_its_card_says_what_it_learned_from(trained: Path) -> None:
    card = load_bundle(trained / "bundle").card
    history = pd.read_csv(trained / "metrics.csv")
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    assert history["val_loss"].notna().all()
    assert (card.training.encoder_weights or "").startswith(
        "tu-tf_efficientnet_lite0: ImageNet weights from the package"
    )
    assert (card.training.config or {})["freeze_encoder"] is True
    assert len(card.label_map.classes) == 21
    assert any(
        limit.startswith("LEAKY: its split has patients in more than one part")
        for limit in card.limits
    )


def test_the_test_folder_is_mapped_with_a_figure(
    kaggle: Path, trained: Path, tmp_path: Path
) -> None:
    given = [
        "predict",
        str(kaggle / "test"),
        "--mpp",
        "0.3",
        "--model",
        str(trained / "bundle"),
        "--out",
        str(tmp_path / "maps"),
        "--figure",
        "10",
    ]
    assert main(given) == 0
    (mask,) = (tmp_path / "maps").rglob("labels.png")
    labels = np.asarray(Image.open(mask))
    assert labels.shape == (112, 112)
    assert labels.min() >= 1
    assert labels.max() <= 21
    assert (tmp_path / "maps" / "figure.png").is_file()


def test_the_leaky_score_says_so_on_every_page(
    kaggle: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [
        "evaluate",
        "--model",
        str(trained / "bundle"),
        "--data",
        str(kaggle.parent / "data"),
        "--split",
        "val",
        "--as-report",
    ]
    assert main([*given, "--out", str(tmp_path / "out")]) == 0
    word = f"LEAKY: 1 of the 1 patient scored here also trained the model ({PATIENT})"
    assert word in capsys.readouterr().out
    scores = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert scores["leaky"].startswith(word)
    assert scores["protocol"].startswith(
        word
    )  # what `--record` writes into the card, and a model's page shows
    assert scores["intervals"]["note"].startswith("no interval")
    for page in ("report.html", "chapter/chapter.html", "chapter/table.md"):
        assert word in (tmp_path / "out" / page).read_text(encoding="utf-8"), page


def test_another_leaky_split_than_the_models_is_refused(
    kaggle: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On its own split the scored tiles at least did not train the model; on another they may
    have."""
    source = kaggle.parent / "data"
    table = pd.read_csv(source / "split.csv")[["region", "split"]]
    table["split"] = table["split"].iloc[::-1].to_numpy()
    table.to_csv(tmp_path / "turned.csv", index=False)
    before = (source / "split.csv").read_bytes()
    given = [
        "evaluate",
        "--model",
        str(trained / "bundle"),
        "--data",
        str(source),
        "--out",
        str(tmp_path / "out"),
        "--split",
    ]
    try:
        assert (
            main(["split", str(source), "--scheme", str(tmp_path / "turned.csv"), "--leaky"]) == 0
        )
        assert main([*given, "val"]) == 2
    finally:
        (source / "split.csv").write_bytes(before)
    assert (
        f"patient {PATIENT} was used to train the model 'report' (1 in all)"
        in capsys.readouterr().err
    )
    assert main([*given, "all"]) == 2


def test_leaky_marks_only_a_split_that_is(
    painted_data: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "painted_data"
    assert main(["split", str(path), "--scheme", "random", "--leaky"]) == 0
    assert "LEAKY" not in capsys.readouterr().out
    assert "leaky" not in (path / "split.csv").read_text()
