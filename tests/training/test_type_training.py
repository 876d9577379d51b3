"""Types in a run: what is refused, a head on a model whose maps stay, both at once, and what is
told of it afterwards."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from breastseg.bundles.bundle import ONNX, WEIGHTS, Bundle, load_bundle
from breastseg.bundles.types import TYPES, types_of
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.decision.types import check_types
from breastseg.errors import DatasetError, InputError, LabelError, SourceError, SplitError
from breastseg.evaluation.evaluate import evaluate
from breastseg.inference.config import PredictConfig
from breastseg.inference.model import load_model
from breastseg.inference.predict import predict
from breastseg.networks.build import NetworkConfig, build
from breastseg.reporter import QUIET, Reporter
from breastseg.training.config import TrainConfig
from breastseg.training.train import train
from breastseg.training.types import TypedFields, TypeTask
from conftest import paint, tcga

CONFIG = TrainConfig(
    encoder_weights="none",
    decoder_channels=(16, 16, 16, 16, 16),
    output_stride=4,
    crop_px=32,
    batch=8,
    epochs=1,
    crops_per_epoch=16,
    precision="32",
    tile_px=128,
    halo_px=32,
    allow_absent_classes=True,
    bias="none",
)


def fields_in(folder: Path, *, types: dict[str, str], known: str = "") -> Path:
    """Write an image of each patient, one tile large; benign ones are paler."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["image,patient,mpp,type,with"]
    for number, (patient, name) in enumerate(types.items()):
        rng = np.random.default_rng(number)
        low = 150 if name == "adenosis" else 60
        pixels = rng.integers(low, low + 60, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{patient}.png")
        rows.append(f"{patient}.png,{patient},0.5,{name},{known}")
    (folder / "fields.csv").write_text("\n".join(rows) + "\n")
    return folder


EIGHT = {f"P{i}": "adenosis" if i % 2 else "ductal carcinoma" for i in range(8)}


def typed(tmp_path: Path, types: dict[str, str] = EIGHT) -> Dataset:
    """Eight patients of two types; the last four are val."""
    source = fields_in(tmp_path / "typed", types=types, known="tumor")
    data = prepare(
        source,
        tmp_path / "data",
        PrepareConfig(labels="region5", types="malignancy", workers=1),
        reporter=QUIET,
    )
    parts = [f"{name},{'train' if i < 4 else 'val'}" for i, name in enumerate(types)]
    (tmp_path / "parts.csv").write_text("\n".join(["patient,split", *parts]) + "\n")
    split(data, SplitConfig(str(tmp_path / "parts.csv")))
    return data


def test_a_data_set_keeps_types(tmp_path: Path) -> None:
    data = typed(tmp_path)
    assert data.types == ("benign", "malignant")
    assert data.regions["type"].to_dict()["P1"] == "benign"
    again = open_dataset(data.path)
    assert again.fingerprint() == data.fingerprint()
    assert again.typed(["P0", "P1"]) == ["P0", "P1"]


def test_types_that_nobody_asked_for_are_told(tmp_path: Path) -> None:
    said: list[str] = []
    source = fields_in(tmp_path / "typed", types=EIGHT, known="tumor")
    config = PrepareConfig(labels="region5", workers=1)
    data = prepare(source, tmp_path / "data", config, reporter=Reporter(said.append, bars=False))
    assert data.types == ()
    assert "type" not in data.regions
    assert any("types of 8 images not taken" in line for line in said)


@pytest.mark.parametrize(
    ("types", "error", "why"),
    [
        ({"P0": "lipoma"}, LabelError, "row 2: type 'lipoma' is not in type map"),
        ({"P0": "flat epithelial atypia"}, SourceError, "no image has a type of it"),
    ],
)
def test_types_that_do_not_fit_the_map(
    tmp_path: Path, types: dict[str, str], error: type[Exception], why: str
) -> None:
    source = fields_in(tmp_path / "typed", types=types, known="tumor")
    config = PrepareConfig(labels="region5", types="malignancy", workers=1)
    with pytest.raises(error, match=why):
        prepare(source, tmp_path / "data", config, reporter=QUIET)
    assert not (tmp_path / "data" / "dataset.json").exists()


def test_a_table_that_was_changed_is_refused(tmp_path: Path) -> None:
    data = typed(tmp_path)
    table = data.path / "regions.csv"
    table.write_text(table.read_text().replace("malignant", "odd"))
    with pytest.raises(DatasetError, match="type 'odd', wanted benign, malignant"):
        open_dataset(data.path)


def test_one_type_alone_and_a_patient_with_two_are_refused(tmp_path: Path) -> None:
    data = typed(tmp_path)
    with pytest.raises(
        SplitError, match=r"'train' has patients of one type, benign \(2 patients\)"
    ):
        check_types(data, ["P1", "P3"], "train")
    data.regions.loc[["P0", "P1"], "patient"] = "Q"
    with pytest.raises(SplitError, match=r"patient Q has two types, malignant and benign \(P1\)"):
        check_types(data, ["P0", "P1"], "train")
    with pytest.raises(SplitError, match="no image of split 'train' has a type"):
        check_types(replace(data, types=()), ["P0"], "train")


def test_a_task_of_types_needs_a_model(tmp_path: Path) -> None:
    data = typed(tmp_path)
    with pytest.raises(InputError, match="task type: fits a head to a model"):
        train(data.path, tmp_path / "run", replace(CONFIG, task="type"), reporter=QUIET)
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="task 'grade': wanted segmentation, type, both"):
        replace(CONFIG, task="grade")


def test_a_run_without_types_is_told_as_before() -> None:
    assert not {"task", "type_weight"} & CONFIG.to_dict().keys()
    assert "type_weight" in replace(CONFIG, task="both").to_dict()


def test_fields_are_drawn_by_seed_and_step(tmp_path: Path) -> None:
    data = typed(tmp_path)
    fields = TypedFields(data, ["P0", "P1", "P3"], replace(CONFIG, batch=800, task="both"))
    pictures, truth = fields.batch(3, 0)
    again, _ = TypedFields(data, ["P0", "P1", "P3"], fields_config(800)).batch(3, 0)
    assert torch.equal(pictures, again)
    assert pictures.shape == (100, 3, 64, 64)
    assert 30 < int(truth.sum()) < 70, "types equally often"
    pale = pictures.float().mean(dim=(1, 2, 3)) > 120
    assert torch.equal(pale, truth == 0)


def fields_config(batch: int) -> TrainConfig:
    return replace(CONFIG, batch=batch, task="both")


@pytest.mark.slow
def test_a_head_on_a_model_whose_maps_stay(tmp_path: Path, tiny_bundle: Bundle) -> None:
    data = typed(tmp_path)
    said: list[str] = []
    config = replace(CONFIG, task="type", start=str(tiny_bundle.path))
    bundle = train(
        data.path, tmp_path / "run", config, name="told", reporter=Reporter(said.append, bars=False)
    )
    for name in (ONNX, WEIGHTS):
        assert bundle.card.files[name] == tiny_bundle.card.files[name]
    types = types_of(load_bundle(bundle.path))
    assert types is not None
    assert types.names == ("benign", "malignant")
    assert types.scores["head"]["patients"] == 4
    assert bundle.card.limits[-1] == f"{types.note[0].upper()}{types.note[1:]}."
    assert not types.speaks, "two patients of a type say too little"
    assert any("keeps silent" in line for line in said)

    model, picture = load_model(bundle.path, threads=1), tmp_path / "typed" / "P0.png"
    rows = predict(picture, model, tmp_path / "silent", PredictConfig(mpp=0.5), reporter=QUIET)
    assert not (tmp_path / "silent" / "P0" / "type.json").exists()
    assert not any(name.startswith("type_") for name in rows[0])
    asked = PredictConfig(mpp=0.5, types=True)
    (row,) = predict(picture, model, tmp_path / "asked", asked, reporter=QUIET)
    told = json.loads((tmp_path / "asked" / "P0" / "type.json").read_text())
    assert told["better_than_colours"] is False
    assert told["probabilities"] == {name: row[f"type_{name}"] for name in types.names}
    assert sum(told["probabilities"].values()) == pytest.approx(1)

    scores = evaluate(model, data.path, tmp_path / "scores", split="val", reporter=QUIET)
    assert set(scores.types) >= {"head", "colours", "colours_of_patient", "speaks"}
    with (tmp_path / "scores" / "types.csv").open() as file:
        table = {one["region"]: one for one in csv.DictReader(file)}
    assert set(table) == {"P4", "P5", "P6", "P7"}
    assert scores.types["head"]["balanced_accuracy"] == pytest.approx(
        types.scores["head"]["balanced_accuracy"]
    ), "the head of the bundle is the head that was judged"


def test_types_teach_the_encoder(tmp_path: Path) -> None:
    data = typed(tmp_path)
    torch.manual_seed(0)
    network = build(NetworkConfig(CONFIG.arch, CONFIG.encoder, 5, CONFIG.decoder_channels))
    task = TypeTask(network, data, ["P0", "P1"], fields_config(8))
    pictures, truth = task.fields.batch(0, 0)
    task.loss(network, pictures, truth).backward()
    slopes = [weight.grad for weight in network.encoder.parameters() if weight.grad is not None]
    assert any(slope.abs().max() > 0 for slope in slopes)


class Stopped(Exception):
    pass


@pytest.mark.slow
def test_both_at_once_end_as_if_never_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the second of two epochs of one step, a run ends with the bytes of one that was
    not: its fields are drawn by step, and its head comes back from the checkpoint."""
    for patient in ("A001", "A002"):
        paint(tmp_path / "painted", tcga("A2", patient))
    fields_in(tmp_path / "typed", types=dict(list(EIGHT.items())[:4]), known="tumor")
    data = prepare(
        [tmp_path / "painted", tmp_path / "typed"],
        tmp_path / "data",
        PrepareConfig(labels="region5", types="malignancy", mpp=0.5, workers=1),
        reporter=QUIET,
    )
    rows = [f"{region},train" for region in data.regions.index]
    (tmp_path / "parts.csv").write_text("\n".join(["region,split", *rows]) + "\n")
    split(data, SplitConfig(str(tmp_path / "parts.csv")))
    config = replace(CONFIG, task="both", epochs=2, crops_per_epoch=CONFIG.batch)
    one = train(data.path, tmp_path / "one", config, name="x", reporter=QUIET)

    batch = TypedFields.batch

    def stopping(self: TypedFields, step: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
        if step == 1:
            raise Stopped
        return batch(self, step, rank)

    monkeypatch.setattr(TypedFields, "batch", stopping)
    with pytest.raises(Stopped):
        train(data.path, tmp_path / "other", config, name="x", reporter=QUIET)
    monkeypatch.setattr(TypedFields, "batch", batch)
    assert (tmp_path / "other" / "checkpoints" / "last.ckpt").is_file()
    said: list[str] = []
    heard = Reporter(said.append, bars=False)
    other = train(data.path, tmp_path / "other", config, name="x", reporter=heard)
    assert "continued from the last checkpoint" in said
    assert one.card.files == other.card.files, "same seed, same bytes"
    assert {TYPES, WEIGHTS} <= one.card.files.keys()
    types = types_of(one)
    assert types is not None
    assert "not judged" in types.note
