"""Bundles: checked whole before use, refused with the reason, and never a pickle."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from breastseg.bundles import bundle as bundles
from breastseg.bundles.bundle import CARD, HISTORY, ONNX, WEIGHTS, Bundle, load_bundle
from breastseg.errors import ModelError
from breastseg.files import sha256_of
from breastseg.inference.model import load_model
from breastseg.runners import BACKENDS, load_runner
from conftest import crop, rewrite


@pytest.fixture
def copy(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    """A copy of the tiny bundle to spoil."""
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "copy"))


def edit(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps({**card, **changes}), encoding="utf-8")


def test_an_untouched_copy_loads(copy: Path, tiny_bundle: Bundle) -> None:
    assert load_bundle(copy).card == tiny_bundle.card
    assert load_bundle(str(copy)).path == copy


def test_the_card_lists_every_other_file_with_its_hash(tiny_bundle: Bundle) -> None:
    beside = {p.name: sha256_of(p) for p in tiny_bundle.path.iterdir() if p.name != CARD}
    assert tiny_bundle.card.files == beside
    assert set(beside) == {WEIGHTS, ONNX, HISTORY}


@pytest.mark.parametrize("name", [WEIGHTS, ONNX, HISTORY])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(
        ModelError, match=rf"copy/{name}: missing, the card lists it; copy the whole bundle"
    ):
        load_bundle(copy)


@pytest.mark.parametrize("name", [WEIGHTS, ONNX, HISTORY])
def test_one_changed_bit_is_noticed(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(
        ModelError,
        match=rf"copy/{name}: altered, its SHA-256 is not the card",
    ):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["../outside.bin", "sub/inside.bin", "/etc/hostname"])
def test_a_card_cannot_name_a_file_outside_the_bundle(copy: Path, name: str) -> None:
    (copy.parent / "outside.bin").write_bytes(b"x")
    edit(copy, files={name: "0" * 64})
    with pytest.raises(
        ModelError, match=rf"card\.json: names a file outside the bundle \({name}\)"
    ):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["..", "."])
def test_a_folder_is_no_file_of_a_bundle(copy: Path, name: str) -> None:
    edit(copy, files={name: "0" * 64})
    with pytest.raises(ModelError, match=r"missing, the card lists it|outside the bundle"):
        load_bundle(copy)


def test_an_unknown_name_lists_the_shipped_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("beta", "alpha"):
        (tmp_path / name).mkdir()
        (tmp_path / name / CARD).write_text("{}", encoding="utf-8")
    (tmp_path / "no-model").mkdir()
    monkeypatch.setattr(bundles, "BUNDLED", tmp_path)
    with pytest.raises(
        ModelError,
        match=r"'gamma': no bundle .*shipped models are alpha, beta",
    ):
        load_bundle("gamma")


def test_a_shipped_model_is_found_by_its_name(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "BUNDLED", copy.parent)
    assert load_bundle("copy").path == copy


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError,
        match=r"no bundle .*card\.json.*, as in RUN/bundle",
    ):
        load_bundle(tmp_path)


def test_a_file_the_bundle_has_not(tiny_bundle: Bundle) -> None:
    with pytest.raises(
        ModelError,
        match=r"no model\.int8\.onnx .*has model\.safetensors, model\.onnx,",
    ):
        tiny_bundle.file("model.int8.onnx")


def test_no_file_of_a_bundle_can_run_code(tiny_bundle: Bundle) -> None:
    """A pickle starts with its protocol mark, PyTorch's own files are zips of pickles."""
    for path in tiny_bundle.path.iterdir():
        head = path.read_bytes()[:2]
        assert not zipfile.is_zipfile(path), path.name
        assert head[:1] != b"\x80" or head[1] > 5, path.name
        assert path.suffix not in {".pth", ".pt", ".pkl", ".ckpt", ".py"}


def test_weights_are_safetensors_in_half_precision(tiny_bundle: Bundle) -> None:
    data = (tiny_bundle.path / WEIGHTS).read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    kinds = {entry["dtype"] for name, entry in header.items() if name != "__metadata__"}
    assert kinds <= {"F16", "I64"}
    assert "F16" in kinds


@pytest.mark.parametrize("backend", list(BACKENDS))
def test_a_bundle_works_where_it_is_copied_to(
    copy: Path, tiny_bundle: Bundle, backend: str
) -> None:
    tiles = crop(0)[None, :96, :128]
    moved = Path(shutil.move(copy, copy.parent / "else where"))
    found = load_runner(load_bundle(moved), backend, precision="fp32", threads=1).probabilities(
        tiles
    )
    assert np.array_equal(
        found, load_runner(tiny_bundle, backend, precision="fp32", threads=1).probabilities(tiles)
    )


@pytest.mark.parametrize("backend", ["openvino", "onnx"])
def test_an_onnx_file_that_holds_its_own_weights_still_loads(
    copy: Path, tiny_bundle: Bundle, backend: str
) -> None:
    """Bundles were written so before."""
    import onnx

    onnx.save(onnx.load(copy / ONNX), copy / ONNX)
    assert (copy / ONNX).stat().st_size > 0.9 * (copy / WEIGHTS).stat().st_size
    edit(copy, files={**tiny_bundle.card.files, ONNX: sha256_of(copy / ONNX)})
    tiles = crop(0)[None, :96, :128]
    found = load_runner(load_bundle(copy), backend, precision="fp32", threads=1).probabilities(
        tiles
    )
    assert np.array_equal(
        found, load_runner(tiny_bundle, backend, precision="fp32", threads=1).probabilities(tiles)
    )


def test_a_weight_altered_behind_the_graph_is_refused_before_anything_runs(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> None:
        pytest.fail("a runner was loaded")

    monkeypatch.setattr("breastseg.inference.model.ChildRunner", run)
    name = "body.segmentation_head.0.bias"
    rewrite(copy, name, load_file(copy / WEIGHTS)[name] + np.float16(1))
    with pytest.raises(
        ModelError, match=r"model\.safetensors: altered, its SHA-256 is not the card's"
    ):
        load_model(copy)
