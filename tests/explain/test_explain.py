"""Why a model says what it says at a place: the probabilities are the network's, hidden squares
tell what a network looks at, and the nearest fields are the nearest."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from breastseg.bundles.bundle import CARD, DEFAULT_MODEL, ONNX, REFERENCE, Bundle, load_bundle
from breastseg.bundles.reference import Reference, ReferenceField, read_reference, write_reference
from breastseg.bundles.tensors import half_places
from breastseg.bundles.training import Training
from breastseg.cli import main
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import DatasetError, InputError, ModelError, OutputError
from breastseg.explain import explain, export_reference
from breastseg.explain.explanation import Occlusion
from breastseg.explain.nearest import nearest
from breastseg.explain.occlusion import SQUARE_PX, log_odds, occlude
from breastseg.explain.place import around
from breastseg.files import sha256_of, write_json
from breastseg.geometry import parse_place
from breastseg.inference.model import Model, load_model
from conftest import CROPS, DATA, quiet

GLASS = (120.5, 20.5)


class Watcher:
    """A network that sees one pixel: class 1 is as likely as the pixel is red."""

    name, package = "watcher", "none"

    def __init__(self, row: int, column: int) -> None:
        self.row, self.column = row, column

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        red = tiles[:, self.row, self.column, 0] / 255
        both = np.stack([red, 1 - red], axis=1).astype(np.float32)
        return np.broadcast_to(both[:, :, None, None], (*both.shape, *tiles.shape[1:3]))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real crops at the tiny model's resolution, one field each, as if all of one were of one
    class."""
    source = tmp_path_factory.mktemp("source") / "bcss"
    shutil.copytree(DATA / "bcss", source)
    for code, path in enumerate(sorted((source / "masks").iterdir()), start=1):
        Image.fromarray(np.full((256, 256), code, np.uint8)).save(path)
    folder = tmp_path_factory.mktemp("data") / "bcss"
    config = PrepareConfig(to_mpp=0.5, labels="region5", workers=1)
    prepare(source, folder, config, reporter=quiet)
    return folder


@pytest.fixture(scope="module")
def taught(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny model, as if all three patients had trained it."""
    folder = tmp_path_factory.mktemp("models") / "taught"
    folder.mkdir()
    for name in tiny_bundle.card.files:
        (folder / name).write_bytes((tiny_bundle.path / name).read_bytes())
    patients = tuple(path.name[:12] for path in CROPS)
    card = replace(tiny_bundle.card, training=Training(patients={"train": patients}))
    write_json(folder / CARD, card.to_dict())
    return load_bundle(folder)


@pytest.fixture(scope="module")
def referred(taught: Bundle, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("models") / "referred"
    return export_reference(taught.path, data, out, reporter=quiet)


def test_only_the_square_that_a_network_looks_at_carries_its_answer() -> None:
    picture = np.random.default_rng(0).integers(40, 200, (160, 160, 3), dtype=np.uint8)
    watched = Watcher(row=5 * SQUARE_PX + 3, column=2 * SQUARE_PX + 7)
    drops, alone = occlude(picture, (80, 80), 1, watched)  # type: ignore[arg-type]
    red = np.array([picture[watched.row, watched.column, 0], np.round(picture[..., 0].mean())])
    before, after = log_odds((red / 255).astype(np.float32).astype(np.float64))
    expected = np.zeros((8, 8))
    expected[5, 2] = before - after
    assert np.allclose(drops, expected, atol=1e-5)
    assert alone[0] == pytest.approx(red[0] / 255, abs=1e-6)


def test_the_strongest_squares_carry_the_answer_and_are_none_where_nothing_does() -> None:
    offsets = (((-1.0, 0.0), (1.0, 0.0), (3.0, 0.0), (5.0, 0.0)),)
    told = Occlusion("tumor", 0.5, (0, 0, 1, 1), 10, ((0.2, 0.9, -3.0, 0.5),), offsets)
    assert told.strongest == [(0.9, (1.0, 0.0)), (0.5, (5.0, 0.0)), (0.2, (-1.0, 0.0))]
    assert replace(told, drops=((0.0, -1.0, -2.0, 0.0),)).strongest == []


@pytest.mark.parametrize("side", [128, 160, 320])
def test_a_field_lies_on_the_networks_grid_around_its_place(side: int) -> None:
    for along in range(0, 400, 7):
        box = around((along, 3), side)
        assert (box.x % 32, box.width) == (0, side)
        assert abs(along - (box.x + side / 2)) <= 16


def test_the_nearest_field_is_the_one_in_the_same_direction_from_the_mean() -> None:
    features = np.array([[9, 1], [9, -1], [11, 1], [11, -1]], np.float32)
    fields = tuple(
        ReferenceField("tumor", f"P{number}", "r", 0, 0, "made here") for number in range(4)
    )
    found = nearest(Reference(fields, features), np.array([14, 4], np.float32))
    assert [near.field.patient for near in found] == ["P2", "P0", "P3", "P1"]
    assert found[0].similarity == pytest.approx(1)
    assert found[-1].similarity == pytest.approx(-1)
    with pytest.raises(ModelError, match="another model"):
        nearest(Reference(fields, features), np.zeros(3, np.float32))


def test_features_are_those_of_the_encoder_in_pytorch(referred: Bundle, data: Path) -> None:
    import torch

    from breastseg.data.dataset import open_dataset
    from breastseg.networks.build import NetworkConfig, build
    from breastseg.networks.weights import read_tensors

    network = build(NetworkConfig.from_dict(referred.card.network))
    network.load_state_dict(read_tensors(referred.path / "model.safetensors", ModelError))
    pictures = open_dataset(data)
    tiles = [
        np.array(pictures.image(one.region)[one.y : one.y + 128, one.x : one.x + 128])
        for one in read_reference(referred).fields
    ]
    with torch.inference_mode():
        shown = torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2)
        scaled = (shown - network.mean) / network.std
        expected = network.eval().encoder(scaled)[-1].mean((2, 3)).numpy()
    found = read_reference(referred).features
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()


def test_a_reference_changes_nothing_else(referred: Bundle, taught: Bundle) -> None:
    added = dict(referred.card.files)
    assert added.pop(REFERENCE) == sha256_of(referred.path / REFERENCE)
    assert added == taught.card.files
    assert (referred.path / ONNX).read_bytes() == (taught.path / ONNX).read_bytes()


def test_pictures_travel_where_the_licence_lets_them(
    referred: Bundle, taught: Bundle, data: Path, tmp_path: Path
) -> None:
    assert all(one.thumbnail and "CC0" in one.source for one in read_reference(referred).fields)
    own = tmp_path / "own"
    for path in data.rglob("*"):
        if path.is_file():
            (own / path.relative_to(data)).parent.mkdir(parents=True, exist_ok=True)
            (own / path.relative_to(data)).write_bytes(path.read_bytes())
    told = json.loads((own / "dataset.json").read_text())
    write_json(own / "dataset.json", {**told, "parts": ["masks of a hospital: not known"]})
    bundle = export_reference(taught.path, own, tmp_path / "out", reporter=quiet)
    assert [one.thumbnail for one in read_reference(bundle).fields] == [b""] * 3


def test_data_that_did_not_train_the_model_is_refused(
    tiny_bundle: Bundle, taught: Bundle, data: Path, tmp_path: Path
) -> None:
    bundle = export_reference(tiny_bundle.path, data, tmp_path / "one", reporter=quiet)
    assert {one.patient for one in read_reference(bundle).fields} == {"TCGA-A2-A0D2"}
    folder = tmp_path / "other"
    folder.mkdir()
    for name in taught.card.files:
        (folder / name).write_bytes((taught.path / name).read_bytes())
    card = replace(taught.card, training=Training(patients={"train": ("P1",)}))
    write_json(folder / CARD, card.to_dict())
    with pytest.raises(DatasetError, match="trained"):
        export_reference(folder, data, tmp_path / "two")
    with pytest.raises(OutputError, match="exists"):
        export_reference(taught.path, data, tmp_path / "one")


def with_reference(bundle: Bundle, folder: Path, **change: object) -> Bundle:
    """Return a copy of a bundle whose reference is changed, and listed as if it were right."""
    folder.mkdir()
    for name in bundle.card.files:
        (folder / name).write_bytes((bundle.path / name).read_bytes())
    known = read_reference(bundle)
    fields = tuple(replace(one, **change.get("field", {})) for one in known.fields)  # type: ignore[call-overload]
    write_reference(
        folder / REFERENCE, Reference(fields, np.asarray(change.get("features", known.features)))
    )
    files = {**bundle.card.files, REFERENCE: sha256_of(folder / REFERENCE)}
    write_json(folder / CARD, replace(bundle.card, files=files).to_dict())
    return load_bundle(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"field": {"thumbnail": b"<svg/>"}},
        {"field": {"class_name": "cartilage"}},
        {"field": {"x": -1}},
        {"field": {"patient": "a\nb"}},
        {"features": np.full((3, 4), np.nan, np.float32)},
        {"features": np.zeros((2, 4), np.float32)},
    ],
)
def test_a_reference_that_is_none_is_one_line(
    referred: Bundle, tmp_path: Path, change: dict[str, object]
) -> None:
    with pytest.raises(ModelError, match="not a reference of this model"):
        read_reference(with_reference(referred, tmp_path / "bad", **change))


def test_a_reference_comes_back_as_it_was_written(referred: Bundle, tmp_path: Path) -> None:
    known, again = read_reference(referred), with_reference(referred, tmp_path / "again")
    assert read_reference(again).fields == known.fields
    assert np.array_equal(read_reference(again).features, known.features)
    assert (again.path / REFERENCE).read_bytes() == (referred.path / REFERENCE).read_bytes()
    from safetensors.numpy import load_file

    assert load_file(again.path / REFERENCE)["features"].shape == known.features.shape
    assert set(half_places(again.path / REFERENCE)) == {"features"}


def test_a_place_of_a_training_field_is_nearest_to_that_field(referred: Bundle) -> None:
    model = load_model(referred.path, precision="fp32", threads=1)
    for path in CROPS:
        # the crops are at 0.30 um/px; the middle of the only field is at 64 px of the model
        at = 64 * 0.5 / 0.30
        found = explain(path, model, (at, at), mpp=0.30)
        assert found.nearest is not None
        assert found.nearest[0].field.patient == path.name[:12]
        assert found.nearest[0].similarity > 0.99
        total = sum(found.probabilities.values())
        assert total == pytest.approx(1, abs=1e-4)
        assert found.class_name == max(found.probabilities, key=found.probabilities.__getitem__)
        assert found.picture.shape == (160, 160, 3)


@pytest.fixture(scope="module")
def model(tiny_bundle: Bundle) -> Model:
    return load_model(tiny_bundle.path, precision="fp32", threads=1)


def test_a_model_without_reference_says_so(model: Model) -> None:
    found = explain(CROPS[0], model, (100, 100), mpp=0.3)
    assert found.nearest is None
    assert any("no reference" in note for note in found.notes)
    with pytest.raises(ModelError, match="--features"):
        explain(CROPS[0], model, (100, 100), mpp=0.3, needs_nearest=True)


def test_a_place_outside_or_on_glass_is_one_line(model: Model, tmp_path: Path) -> None:
    for at in ((-1.0, 3.0), (256.0, 3.0), (3.0, 1e9)):
        with pytest.raises(InputError, match="outside"):
            explain(CROPS[0], model, at, mpp=0.3)
    explain(CROPS[0], model, (255.5, 255.5), mpp=0.3)
    with pytest.raises(InputError, match="glass"):
        explain(DATA / "tissue" / "CMU-1-Small-Region_8um.png", model, GLASS, mpp=8)


@pytest.mark.parametrize("text", ["", "3", "3,4,5", "a,b", "nan,1", "1,inf"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="wanted X,Y"):
        parse_place(text)


def test_the_command_writes_a_page_and_numbers(
    referred: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["explain", str(CROPS[1]), "--mpp", "0.3024", "--model", str(referred.path)]
    out = tmp_path / "why"
    assert main([*words, "--at", "100,90", "--nearest", "--out", str(out)]) == 0
    told = json.loads((out / "explain.json").read_text())
    assert (len(told["occlusion"]["drops"]), len(told["nearest"])) == (8, 3)
    assert told["class"] in capsys.readouterr().out
    page = (out / "explain.html").read_text()
    assert page.count("<rect") == 64
    assert page.count("data:image/jpeg") == 3
    assert "http" not in page.replace("http-equiv", "")
    first = (out / "explain.json").read_bytes()
    assert main([*words, "--at", "100,90", "--out", str(out)]) == 0
    assert (out / "explain.json").read_bytes() == first
    assert main([*words, "--at", "100,91", "--out", str(out)]) == 2
    assert main([*words, "--at", "900,90", "--out", str(tmp_path / "none")]) == 2


def test_the_shipped_model_has_its_reference(capsys: pytest.CaptureFixture[str]) -> None:
    bundle = load_bundle(DEFAULT_MODEL)
    reference = read_reference(bundle)
    taught = set(bundle.card.training.patients_of("train"))
    assert {one.patient for one in reference.fields} <= taught
    assert {one.class_name for one in reference.fields} >= {"tumor", "stroma", "necrosis"}
    assert all("CC0-1.0" in one.source for one in reference.fields)
    assert (bundle.path / REFERENCE).stat().st_size < 10**6
