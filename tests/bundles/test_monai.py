"""A bundle as a MONAI bundle: what MONAI's schema asks for, and a network that does as the
configuration says."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from breastseg.bundles.bundle import CARD, ONNX, Bundle, load_bundle
from breastseg.bundles.monai import metadata, write_monai_bundle
from breastseg.cli import main
from breastseg.errors import ModelError, OutputError
from conftest import crop

REQUIRED = {
    "schema",
    "version",
    "monai_version",
    "pytorch_version",
    "numpy_version",
    "required_packages_version",
    "task",
    "description",
    "authors",
    "copyright",
    "network_data_format",
}
"""Of meta_schema_20240725.json, with the tensors' below."""
TENSOR: dict[str, type | tuple[type, ...]] = {
    "type": str,
    "format": str,
    "num_channels": int,
    "spatial_shape": list,
    "dtype": str,
    "value_range": list,
    "is_patch_data": bool,
    "channel_def": dict,
}


@pytest.fixture
def exported(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    return write_monai_bundle(tiny_bundle, tmp_path / "tiny-monai", "# tiny\n")


def read(path: Path) -> dict[str, Any]:
    """Read JSON proper: a NaN is an error."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} in {path}")

    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    return value


def check_metadata(value: dict[str, Any], classes: tuple[str, ...]) -> None:
    assert value.keys() >= REQUIRED
    for key in REQUIRED - {"required_packages_version", "network_data_format"}:
        assert isinstance(value[key], str)
        assert value[key]
    data = value["network_data_format"]
    for tensors in data.values():
        for tensor in tensors.values():
            for key, kind in TENSOR.items():
                assert isinstance(tensor[key], kind)
            assert list(tensor["channel_def"]) == [str(k) for k in range(tensor["num_channels"])]
    assert data["inputs"]["image"]["num_channels"] == 3
    assert tuple(data["outputs"]["pred"]["channel_def"].values()) == classes
    assert "Research use only" in value["intended_use"]


def test_the_folder_is_a_monai_bundle_and_its_models_are_a_bundle(
    exported: Path, tiny_bundle: Bundle
) -> None:
    files = {p.relative_to(exported).as_posix() for p in exported.rglob("*") if p.is_file()}
    own = {f"models/{name}" for name in (CARD, *tiny_bundle.card.files)}
    assert files == {"configs/metadata.json", "configs/inference.json", "docs/README.md", *own}
    assert load_bundle(exported / "models").card == tiny_bundle.card
    readme = (exported / "docs" / "README.md").read_text()
    assert "0.5 microns per pixel" in readme
    assert "so it is left out" in readme
    assert readme.endswith("# tiny\n")


def test_the_metadata_has_what_the_schema_requires(exported: Path, tiny_bundle: Bundle) -> None:
    check_metadata(read(exported / "configs" / "metadata.json"), tiny_bundle.card.label_map.names)


def test_the_metadata_of_the_shipped_model_tells_its_scores_and_versions() -> None:
    card = load_bundle("lite0").card
    value = metadata(card)
    check_metadata(value, card.label_map.names)
    (key, entry) = next(iter(card.scores.items()))
    present = {name: s["dice"] for name, s in entry["pooled"].items() if s["support_px"]}
    told = {
        name: value["eval_metrics"].get(f"Dice of {name}, {key}") for name in card.label_map.names
    }
    assert told == {name: present.get(name) for name in card.label_map.names}
    assert not any(math.isnan(score) for score in value["eval_metrics"].values())
    assert value["pytorch_version"] == card.training.packages["torch"].partition("+")[0]
    assert value["license"] == card.licence


def test_every_reference_of_the_configuration_is_there(exported: Path) -> None:
    config = read(exported / "configs" / "inference.json")
    referred = set(re.findall(r"@(\w+)", json.dumps(config)))
    assert referred <= config.keys()
    assert {
        "bundle_root",
        "device",
        "dataset_dir",
        "dataset",
        "evaluator",
        "network_def",
        "inferer",
        "preprocessing",
        "postprocessing",
    } <= (config.keys())


def test_the_network_takes_and_gives_what_the_metadata_says(exported: Path) -> None:
    config, data = (
        read(exported / "configs" / "inference.json"),
        read(exported / "configs" / "metadata.json")["network_data_format"],
    )
    session = onnxruntime.InferenceSession(
        str(exported / "models" / ONNX), providers=["CPUExecutionProvider"]
    )
    import torch

    names = {"torch": torch, "session": session}
    network = eval(config["network_def"].removeprefix("$").replace("@session", "session"), names)
    picture = torch.from_numpy(
        crop(0)[:96, :64].transpose(2, 0, 1)[None].astype(data["inputs"]["image"]["dtype"])
    )
    given = network.to("cpu").eval()(picture)
    expected = session.run(None, {"pictures": picture.numpy().astype(np.uint8)})[0]
    assert given.shape == (1, data["outputs"]["pred"]["num_channels"], 96, 64)
    assert str(given.dtype) == f"torch.{data['outputs']['pred']['dtype']}"
    np.testing.assert_array_equal(given.numpy(), expected)


def test_a_tile_of_the_configuration_is_the_cards(exported: Path, tiny_bundle: Bundle) -> None:
    inferer = read(exported / "configs" / "inference.json")["inferer"]
    assert inferer["roi_size"] == [tiny_bundle.card.tile_px] * 2
    assert inferer["overlap"] * tiny_bundle.card.tile_px == 2 * tiny_bundle.card.halo_px


def test_a_bundle_without_onnx_is_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    files = {name: digest for name, digest in tiny_bundle.card.files.items() if name != ONNX}
    with pytest.raises(ModelError, match=f"bundle has no {ONNX}"):
        write_monai_bundle(
            replace(tiny_bundle, card=replace(tiny_bundle.card, files=files)), tmp_path / "out", ""
        )
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_is_left_alone(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists already; choose another --out"):
        write_monai_bundle(tiny_bundle, tmp_path, "")


def test_the_command_says_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo-monai"
    assert main(["models", "monai", "lite0", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert "## Scores" in (out / "docs" / "README.md").read_text()
