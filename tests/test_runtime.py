"""Back ends: the same answer from each, and refusals that say why."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import InputError, MissingPackageError, ModelError
from breastseg.files import sha256_of, write_json
from breastseg.labels import BUILT_IN
from breastseg.models.bundle import ONNX, WEIGHTS, Bundle, load_bundle
from breastseg.runtime import BACKENDS, load_runner
from conftest import CROPS, crop


def copy_of(bundle: Bundle, folder: Path, **changes: object) -> Bundle:
    """Copy a bundle with fields of its card changed; hashes are those of the files."""
    folder.mkdir()
    for name in bundle.card.files:
        (folder / name).write_bytes((bundle.path / name).read_bytes())
    files = {name: sha256_of(folder / name) for name in bundle.card.files}
    write_json(folder / "card.json", replace(bundle.card, **{"files": files, **changes}).to_dict())  # type: ignore[arg-type]
    return load_bundle(folder)


@pytest.mark.parametrize("index", range(3))
def test_back_ends_agree_on_real_crops(lively_bundle: Bundle, index: int) -> None:
    tiles = crop(index).transpose(2, 0, 1)[None].copy()
    found = {name: load_runner(lively_bundle, name, threads=1)(tiles) for name in BACKENDS}
    assert np.abs(found["onnx"] - found["torch"]).max() < 1e-3  # what the export promises
    labels = {name: p.argmax(axis=1) for name, p in found.items()}
    assert len(np.unique(labels["onnx"])) >= 3
    assert (labels["onnx"] == labels["torch"]).mean() > 0.999


@pytest.mark.parametrize("backend", list(BACKENDS))
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 64, 96), (2, 160, 32)])
def test_probabilities_for_any_number_and_size_of_tiles(tiny_bundle: Bundle, backend: str, shape: tuple[int, int, int]) -> None:
    count, height, width = shape
    tiles = np.random.default_rng(0).integers(0, 256, (count, 3, height, width), dtype=np.uint8)
    found = load_runner(tiny_bundle, backend, threads=1)(tiles)
    assert found.shape == (count, 5, height, width)
    assert found.dtype == np.float32
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert found.min() >= 0


@pytest.mark.parametrize("backend", list(BACKENDS))
def test_a_batch_is_its_tiles_one_by_one(tiny_bundle: Bundle, backend: str) -> None:
    """Batch norm in training mode would mix the tiles of a batch."""
    runner = load_runner(tiny_bundle, backend, threads=1)
    tiles = np.stack([crop(i)[:64, :64].transpose(2, 0, 1) for i in range(len(CROPS))])
    alone = np.concatenate([runner(tile[None]) for tile in tiles])
    assert np.abs(runner(tiles) - alone).max() < 1e-5


def test_an_unknown_back_end_lists_the_names(tiny_bundle: Bundle) -> None:
    with pytest.raises(InputError, match="back end 'tensorrt': not known; wanted onnx, torch"):
        load_runner(tiny_bundle, "tensorrt")


def test_a_back_end_that_is_not_installed_says_what_to_install(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "breastseg.runtime.torch", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackageError, match=r"back end 'torch': torch is not installed; pip install 'breastseg\[train\]'"):
        load_runner(tiny_bundle, "torch")


def test_an_onnx_file_of_another_class_count_is_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    other = copy_of(tiny_bundle, tmp_path / "other", label_map=BUILT_IN["tumor"])
    with pytest.raises(ModelError, match=r"model\.onnx: gives .*5.*, the card has 2 classes; the file belongs to another model"):
        load_runner(other, "onnx")


def test_weights_of_another_network_are_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    other = copy_of(tiny_bundle, tmp_path / "other", label_map=BUILT_IN["tumor"], network={**tiny_bundle.card.network, "classes": 2})
    with pytest.raises(ModelError, match=r"model\.safetensors: weights are of another network than the card's"):
        load_runner(other, "torch")


def test_a_network_of_another_class_count_than_the_labels_is_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    """Channel 5 of such a network would become a label that no class has."""
    other = copy_of(tiny_bundle, tmp_path / "other", label_map=BUILT_IN["tumor"])
    with pytest.raises(ModelError, match="2 classes"):
        load_runner(other, "torch")


@pytest.mark.parametrize(("backend", "name"), [("onnx", ONNX), ("torch", WEIGHTS)])
def test_a_bundle_without_the_back_ends_file_says_what_it_has(tiny_bundle: Bundle, tmp_path: Path, backend: str, name: str) -> None:
    kept = {key: value for key, value in tiny_bundle.card.files.items() if key != name}
    other = copy_of(tiny_bundle, tmp_path / "other", files=kept)
    with pytest.raises(ModelError, match=rf"bundle has no {name} \(it has .*metrics\.csv\); train or export it again"):
        load_runner(other, backend)


def test_threads_of_a_runner_are_not_left_to_the_process(tiny_bundle: Bundle) -> None:
    """A run trained after a prediction with one thread summed in another order, and was not the run that a fresh process trains."""
    import torch

    before = torch.get_num_threads()
    load_runner(tiny_bundle, "torch", threads=before + 1)(np.zeros((1, 3, 64, 64), np.uint8))
    assert torch.get_num_threads() == before
