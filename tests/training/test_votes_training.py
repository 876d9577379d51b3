"""What dots vote for teaches beside their discs, and is no truth: no score and no validation looks
at it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import InputError
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.losses import SumLoss, balanced_cross_entropy
from breastseg.training.augment import Augment
from breastseg.training.config import TrainConfig
from breastseg.training.loader import GridBatches, Share
from breastseg.training.segmentation import Segmenter
from breastseg.training.train import train
from conftest import DATA, quiet

OTHER = 5
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
    epochs=1,
    crops_per_epoch=8,
    precision="32",
    tile_px=128,
    halo_px=32,
    lr=3e-3,
    augment="strong",
    pseudo=0.5,
    white_as="other",
    ema=0.9,
    allow_absent_classes=True,
)


def mixed(folder: Path, dots_as: str, parts: dict[str, str] = PARTS) -> Dataset:
    """Prepare three crops of BCSS and two of BRCA-M2C; one of each kind in train and in test."""
    config = PrepareConfig(to_mpp=0.5, workers=1, dots_as=dots_as)
    data = prepare([DATA / "bcss", DATA / "brca_m2c"], folder / "data", config, reporter=quiet)
    (folder / "split.csv").write_text(
        "patient,split\n" + "".join(f"{patient},{part}\n" for patient, part in parts.items())
    )
    split(data, SplitConfig(str(folder / "split.csv")))
    return data


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return mixed(tmp_path_factory.mktemp("both"), "both")


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return mixed(tmp_path_factory.mktemp("discs"), "discs")


@pytest.fixture(scope="module")
def taught(both: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model that learned from discs and votes."""
    return train(both.path, tmp_path_factory.mktemp("taught") / "run", CONFIG, reporter=quiet)


def place_of(crop: np.ndarray, data: Dataset, regions: list[str]) -> tuple[str, int, int]:
    """Return where a crop was cut: the one place whose first pixels are its own."""
    found = []
    for region in regions:
        image = np.asarray(data.image(region))
        rows = np.lib.stride_tricks.sliding_window_view(image, (8, 8, 3)).squeeze(2)
        found += [
            (region, int(y), int(x))
            for y, x in np.argwhere((rows == crop[:8, :8]).all(axis=(2, 3, 4)))
        ]
    assert len(found) == 1
    return found[0]


def test_votes_lie_under_the_pixels_of_their_crops(both: Dataset, discs: Dataset) -> None:
    regions = list(both.regions.index)
    crops, plain = (
        Crops(data, regions, CropDraw(64)).batch(0, list(range(30))) for data in (both, discs)
    )
    for with_votes, without in zip(crops[:3], plain[:3], strict=True):
        assert np.array_equal(with_votes, without), (
            "votes change neither what is drawn nor what it shows"
        )
    assert not plain.votes.any()
    assert not crops.votes[~crops.dotted].any()
    assert crops.dotted.any()
    for number in np.flatnonzero(crops.dotted):
        image, found = crops.images[number], crops.votes[number]
        region, y, x = place_of(image, both, both.dotted(regions))
        votes = both.votes(region)
        assert votes is not None
        assert np.array_equal(found, votes[y : y + 64, x : x + 64])


def test_white_is_named_in_votes_too_where_they_say_nothing(tmp_path: Path) -> None:
    from PIL import Image

    source = tmp_path / "src"
    for kind in ("images", "points"):
        (source / kind).mkdir(parents=True)
    pixels = np.full((128, 128, 3), (210, 120, 180), np.uint8)
    rows = ["x,y,class"]
    for y in range(6, 128, 10):
        for x in range(6, 60, 10):
            pixels[y - 3 : y + 3, x - 3 : x + 3] = (80, 40, 120)
            rows.append(f"{x},{y},stroma")
    pixels[:, 70:] = 245
    Image.fromarray(pixels).save(source / "images" / "a.png")
    (source / "points" / "a.csv").write_text("\n".join(rows) + "\n")
    config = PrepareConfig(to_mpp=0.5, mpp=0.5, labels="region5", dots_as="both", workers=1)
    data = prepare(source, tmp_path / "data", config, reporter=quiet)
    batch = Crops(data, ["a"], CropDraw(128, white=OTHER)).batch(0, [0])
    assert set(np.unique(batch.votes[0, 20:-20, :60])) == {2}
    assert set(np.unique(batch.votes[0, 20:-20, 80:])) == {OTHER}
    assert set(
        np.unique(Crops(data, ["a"], CropDraw(128)).batch(0, [0]).votes[0, 20:-20, 80:])
    ) == {0}


def segmenter(*, discs: bool = True, **changes: Any) -> Segmenter:
    torch.manual_seed(0)
    config = replace(
        CONFIG, **{"augment": "none", "loss": "ce", "pseudo": 0.0, "ema": 0.0, **changes}
    )
    network = build(NetworkConfig("unet", config.encoder, 5, config.decoder_channels))
    return Segmenter(network, config, classes=5, steps=100, discs=discs).eval()


UNKNOWN = torch.zeros(3, 5)
"""What is known of the three crops as a whole: nothing."""


def a_batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return an area, a field whose dots vote, and one whose dots do not."""
    torch.manual_seed(1)
    pictures = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    labels, votes = (torch.randint(0, 4, (3, 32, 32), dtype=torch.uint8) for _ in range(2))
    votes[[0, 2]] = 0
    return pictures, labels, torch.tensor([False, True, True]), votes


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("discs", [True, False])
def test_areas_discs_and_votes_have_losses_of_their_own(
    monkeypatch: pytest.MonkeyPatch, weight: float, discs: bool
) -> None:
    """Where regions alone are asked for, a field that is no map still teaches by its discs."""
    module = segmenter(votes=weight, discs=discs)
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    pictures, labels, dotted, votes = a_batch()
    logits = module.network(pictures.float()).detach()
    areas = SumLoss("ce")
    by_discs = [1, 2] if discs or not weight else [2]
    expected = areas(logits[:1], labels[:1]) + balanced_cross_entropy(
        logits[by_discs], labels[by_discs]
    )
    expected = expected + weight * areas(logits[1:2], votes[1:2])
    assert module.training_step(
        (pictures, labels, dotted, UNKNOWN, votes), 0
    ).item() == pytest.approx(float(expected), rel=1e-5)


def test_the_figures_of_an_epoch_count_labels_not_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    module = segmenter(votes=0.5)
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    pictures, labels, dotted, votes = a_batch()
    module.training_step((pictures, labels, dotted, UNKNOWN, votes), 0)
    (sums,) = module._sums["train"]
    assert int(sums[1]) == int((labels > 0).sum())


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_no_pseudo_label_where_votes_teach(monkeypatch: pytest.MonkeyPatch, weight: float) -> None:
    module = segmenter(votes=weight, pseudo=0.5, ema=0.9)
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    monkeypatch.setattr(Segmenter, "global_step", 99)
    seen: list[torch.Tensor] = []

    def pseudo(
        moved: torch.Tensor, labels: torch.Tensor, logits: torch.Tensor, facts: torch.Tensor
    ) -> torch.Tensor:
        seen.append(labels)
        return logits.sum() * 0.0

    monkeypatch.setattr(module, "_pseudo_loss", pseudo)
    pictures, labels, dotted, votes = a_batch()
    module.training_step((pictures, labels, dotted, UNKNOWN, votes), 0)
    annotated = (labels > 0) | (votes > 0) if weight else labels > 0
    assert torch.equal(seen[0] > 0, annotated)


@pytest.mark.parametrize("level", ["none", "flips", "strong"])
def test_votes_are_moved_as_labels_are(level: str) -> None:
    augment = Augment(level)
    pictures = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(0, 6, (4, 32, 32), dtype=torch.uint8)
    torch.manual_seed(5)
    moved, alone = augment.move(pictures, labels)
    torch.manual_seed(5)
    again, planes = augment.move(pictures, torch.stack([labels, labels.flip(0)], dim=1))
    assert torch.equal(moved, again)
    assert torch.equal(planes[:, 0], alone)
    torch.manual_seed(5)
    assert torch.equal(planes[:, 1], augment.move(pictures, labels.flip(0))[1])


def test_validation_knows_no_votes(both: Dataset) -> None:
    regions = list(both.regions.index)
    batches = GridBatches(both, regions, size_px=64, batch=4, share=Share())
    found = [batches[number] for number in range(len(batches))]
    assert not any(bool(votes.any()) for *_, votes in found)
    assert sum(int((labels > 0).sum()) for _, labels, *_ in found) == int(
        both.class_pixels.to_numpy().sum()
    )


def without_votes(data: Dataset) -> None:
    """Take the arrays of votes away, so that whoever reads one fails."""
    for path in (data.path / "arrays").glob("*.votes.npy"):
        path.unlink()


def test_evaluation_never_reads_votes(
    tmp_path: Path, discs: Dataset, lively_bundle: Bundle
) -> None:
    """The law: voted labels are no truth. Scores are those of the data set whose dots do not
    vote."""
    voting = mixed(tmp_path, "both")
    without_votes(voting)
    results = []
    for data in (voting, discs):
        out = tmp_path / f"out_{data.dots_as}"
        words = [
            "evaluate",
            "--model",
            str(lively_bundle.path),
            "--data",
            str(data.path),
            "--out",
            str(out),
            "--threads",
            "1",
        ]
        assert main([*words, "--probabilities"]) == 0
        results.append(json.loads((out / "scores.json").read_text(encoding="utf-8")))
    own, theirs = results
    assert own.pop("data") != theirs.pop("data")
    assert json.dumps(own) == json.dumps(theirs)
    assert own["dots"]["overall"]["support_dots"] > 0


def test_audit_and_int8_score_know_no_votes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from breastseg.evaluation.int8 import _with_areas

    voting = mixed(tmp_path, "both")
    without_votes(voting)
    assert main(["audit", str(voting.path), "--out", str(tmp_path / "audit")]) == 0
    regions = list(voting.regions.index)
    assert set(_with_areas(voting, regions, "all")) == set(regions) - set(voting.dotted(regions))


@pytest.mark.parametrize("dots_as", ["both", "regions"])
def test_a_model_learns_from_votes_twice_the_same(
    tmp_path: Path, taught: Bundle, dots_as: str
) -> None:
    """For dots that vote and have discs, the first time is that of all tests here."""
    data = mixed(tmp_path, dots_as)
    folders = [tmp_path / name / "run" for name in ("ab" if dots_as == "regions" else "b")]
    runs = [train(data.path, folder, CONFIG, reporter=quiet) for folder in folders]
    one, two = runs if dots_as == "regions" else (taught, *runs)
    assert one.card.files == two.card.files
    assert one.card.training.data == data.fingerprint()


def test_a_data_set_without_votes_trains_as_it_did(
    tmp_path: Path, discs: Dataset, both: Dataset, taught: Bundle
) -> None:
    """The weight of votes means nothing where there are none, nor do votes where they have no
    weight."""
    runs = [
        train(
            data.path, tmp_path / str(number) / "run", replace(CONFIG, votes=weight), reporter=quiet
        )
        for number, (data, weight) in enumerate([(discs, 0.0), (discs, 0.5), (both, 0.0)])
    ]
    alike = {run.card.files["model.safetensors"] for run in runs}
    assert len(alike) == 1
    assert CONFIG.votes == 0.5
    assert taught.card.files["model.safetensors"] not in alike


@pytest.mark.parametrize("weight", [-0.1, 10.5, float("nan")])
def test_impossible_weights(weight: float) -> None:
    with pytest.raises(InputError, match=f"votes {weight:g}: wanted 0 up to 10"):
        replace(CONFIG, votes=weight)
