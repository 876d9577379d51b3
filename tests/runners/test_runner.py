"""Back ends: the same answer from each, and refusals that say why."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from breastseg.bundles.bundle import ONNX, WEIGHTS, Bundle
from breastseg.bundles.engine import cpu_has_bf16
from breastseg.errors import InputError, MissingPackageError, ModelError
from breastseg.labels import BUILT_IN
from breastseg.runners import BACKENDS, load_runner
from breastseg.runners.runner import likeliest
from conftest import CROPS, copy_of, crop

has_bf16 = pytest.mark.skipif(not cpu_has_bf16(), reason="this processor computes no bfloat16")
RUNNERS = [
    ("openvino", "fp32"),
    pytest.param("openvino", "bf16", marks=has_bf16),
    ("onnx", "fp32"),
    ("torch", "fp32"),
]


@pytest.mark.parametrize("index", range(3))
def test_back_ends_agree_on_real_crops(lively_bundle: Bundle, index: int) -> None:
    tiles = crop(index)[None]
    found = {
        name: load_runner(lively_bundle, name, precision="fp32", threads=1).probabilities(tiles)
        for name in BACKENDS
    }
    assert len(np.unique(found["torch"].argmax(axis=1))) >= 3
    for name in ("openvino", "onnx"):
        assert np.abs(found[name] - found["torch"]).max() < 1e-3  # what the export promises
        assert (found[name].argmax(axis=1) == found["torch"].argmax(axis=1)).mean() > 0.999


@pytest.mark.parametrize(("backend", "precision"), RUNNERS)
@pytest.mark.parametrize("index", range(3))
def test_labels_are_the_argmax_of_the_probabilities(
    lively_bundle: Bundle, backend: str, precision: str, index: int
) -> None:
    """In bfloat16 two classes are equally likely in some pixels: there too it must be the first."""
    runner = load_runner(lively_bundle, backend, precision=precision, threads=1)
    tiles = np.stack([crop(index)[:128, :160], crop(index)[128:, 96:]])
    labels, probabilities = runner.labels(tiles), runner.probabilities(tiles)
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, probabilities.argmax(axis=1) + 1)
    assert len(np.unique(labels)) >= 3


@pytest.mark.parametrize("backend", list(BACKENDS))
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 64, 96), (2, 160, 32)])
def test_probabilities_for_any_number_and_size_of_tiles(
    tiny_bundle: Bundle, backend: str, shape: tuple[int, int, int]
) -> None:
    count, height, width = shape
    tiles = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    runner = load_runner(tiny_bundle, backend, precision="fp32", threads=1)
    found = runner.probabilities(tiles)
    assert found.shape == (count, 5, height, width)
    assert found.dtype == np.float32
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert found.min() >= 0
    assert runner.labels(tiles).shape == shape


@pytest.mark.parametrize("backend", list(BACKENDS))
def test_a_batch_is_its_tiles_one_by_one(tiny_bundle: Bundle, backend: str) -> None:
    """Batch norm in training mode would mix the tiles of a batch."""
    runner = load_runner(tiny_bundle, backend, precision="fp32", threads=1)
    tiles = np.stack([crop(i)[:64, :64] for i in range(len(CROPS))])
    alone = np.concatenate([runner.probabilities(tile[None]) for tile in tiles])
    assert np.abs(runner.probabilities(tiles) - alone).max() < 1e-5


@pytest.mark.parametrize("backend", list(BACKENDS))
def test_tiles_are_not_written_to(tiny_bundle: Bundle, backend: str) -> None:
    """Images come memory-mapped or from Pillow: read-only."""
    tiles = crop(0)[None, :64, :64].copy()
    tiles.setflags(write=False)
    assert load_runner(tiny_bundle, backend, threads=1).labels(tiles).shape == (1, 64, 64)


def test_each_says_what_runs(tiny_bundle: Bundle) -> None:
    assert [load_runner(tiny_bundle, name, precision="fp32").name for name in BACKENDS] == [
        "openvino fp32",
        "onnx fp32",
        "torch fp32",
    ]


def test_an_unknown_back_end_lists_the_names(tiny_bundle: Bundle) -> None:
    with pytest.raises(InputError, match="'tensorrt': not known; wanted openvino, onnx, torch"):
        load_runner(tiny_bundle, "tensorrt")


def test_a_back_end_that_is_not_installed_says_what_to_install(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "breastseg.runners.torch", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        MissingPackageError,
        match=r"torch is not installed; pip install 'breastseg\[train\]'",
    ):
        load_runner(tiny_bundle, "torch")


@pytest.mark.parametrize(
    ("backend", "module", "package"),
    [
        ("openvino", "openvino", "openvino"),
        ("onnx", "onnxruntime", "breastseg[onnx]"),
    ],
)
def test_so_do_the_others(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, backend: str, module: str, package: str
) -> None:
    for loaded in (
        f"breastseg.runners.{backend}",
        "breastseg.bundles.engine",
        "breastseg.bundles.onnx_engine",
    ):
        monkeypatch.delitem(sys.modules, loaded, raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingPackageError,
        match=re.escape(
            f"back end '{backend}': {module} is not installed; pip install '{package}'"
        ),
    ):
        load_runner(tiny_bundle, backend)


@pytest.mark.parametrize("backend", ["openvino", "onnx"])
def test_an_onnx_file_of_another_class_count_is_refused(
    tiny_bundle: Bundle, tmp_path: Path, backend: str
) -> None:
    other = copy_of(tiny_bundle, tmp_path / "other", label_map=BUILT_IN["tumor"])
    with pytest.raises(
        ModelError,
        match=r"model\.onnx: gives .*5.*, the card has 2 classes",
    ):
        load_runner(other, backend)


@pytest.mark.parametrize("backend", ["openvino", "onnx"])
@pytest.mark.parametrize("content", [b"", b"not a network"], ids=["empty", "text"])
def test_an_onnx_file_that_is_none_is_refused_in_one_line(
    tiny_bundle: Bundle, tmp_path: Path, backend: str, content: bytes
) -> None:
    other = copy_of(tiny_bundle, tmp_path / "other")
    (other.path / ONNX).write_bytes(content)
    with pytest.raises(
        ModelError, match=r"model\.onnx: .* cannot read it \(.*\); export"
    ) as caught:
        load_runner(other, backend)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("backend", "name"), [("openvino", ONNX), ("onnx", ONNX), ("torch", WEIGHTS)]
)
def test_a_bundle_without_the_back_ends_file_says_what_it_has(
    tiny_bundle: Bundle, tmp_path: Path, backend: str, name: str
) -> None:
    kept = {key: value for key, value in tiny_bundle.card.files.items() if key != name}
    other = copy_of(tiny_bundle, tmp_path / "other", files=kept)
    with pytest.raises(
        ModelError,
        match=rf"bundle has no {name} \(it has .*metrics\.csv\)",
    ):
        load_runner(other, backend)


def test_the_first_of_equals_wins_and_nan_has_no_label() -> None:
    probabilities = np.array([[[0.2, 0.4, np.nan]], [[0.5, 0.4, 0.3]], [[0.3, 0.2, 0.3]]])
    labels = likeliest(probabilities.astype(np.float32)[None])
    assert labels.tolist() == [[[2, 1, 0]]]
    assert labels.dtype == np.uint8


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"precision": "fp8"}, "'fp8': not known; wanted auto, fp32, bf16, int8"),
        ({"threads": -1}, "threads -1"),
        ({"backend": "onnx", "precision": "int8"}, "int8 runs on openvino"),
    ],
)
def test_wrong_options_are_named_before_anything_loads(
    tiny_bundle: Bundle, options: dict[str, object], fact: str
) -> None:
    with pytest.raises(InputError, match=fact):
        load_runner(tiny_bundle, **options)  # type: ignore[arg-type]
