"""Painted fields and small data sets, made by code; a tiny model, trained by nobody, for tests of
what surrounds a model."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from breastseg.bundles.bundle import HISTORY, WEIGHTS, Bundle, load_bundle
from breastseg.bundles.training import Training
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.files import sha256_of, write_json
from breastseg.labels import LabelMap
from breastseg.maps.measures.areas import areas_of
from breastseg.reporter import QUIET
from breastseg.runners import load_runner

if TYPE_CHECKING:
    from trained_runs import TrainedRuns

for _name in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"):
    os.environ[_name] = (
        "300"  # the hub's client reads it when it is imported, and gives up after 10 s else
    )
DATA = Path(__file__).parent / "samples"
SLOW = (
    *("bundles/test_hub.py", "cli/test_cli_serve.py", "cli/test_signals.py", "cluster/"),
    *("cli/test_cli_models.py", "data/test_dots.py", "diagnostics/", "evaluation/", "explain/"),
    *("inference/test_batch.py", "inference/test_cluster_page.py", "inference/test_map.py"),
    *("inference/test_predict.py", "inference/test_predict_slides.py", "inference/test_shards.py"),
    *("inference/test_several_models.py", "inference/test_tiles.py"),
    *("mammography/test_mammography_masks.py", "mammography/test_mammography_prepare.py"),
    *("maps/test_exploration.py", "maps/test_polygons.py"),
    *("networks/", "report/test_cohort_browser.py", "report/test_report_browser.py", "runners/"),
    *("serve/", "sources/test_download.py", "studies/", "training/", "whole/"),
)
"""Where tests begin processes, train or draw for long, as measured: `scripts/test --fast` leaves
these out, and the rest takes 150 s of processors, two workers together."""
SHARED = Path(__file__).parents[2] / "shared" / "data"


def is_slow(path: Path) -> bool:
    return path.relative_to(Path(__file__).parent).as_posix().startswith(SLOW)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files of slow tests alone where those are left out: to import them costs each worker
    seconds."""
    return (config.getoption("markexpr") == "not slow" and is_slow(collection_path)) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    for item in items:
        if is_slow(item.path):
            item.add_marker(pytest.mark.slow)


def without(folder: Path, *modules: str, more: str = "") -> dict[str, str]:
    """Return an environment whose Python processes, and those that they begin, cannot import some
    modules; `more` is run in each."""
    folder.mkdir()
    code = f"import sys\nfor name in {modules}:\n    sys.modules[name] = None\n{more}"
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


def class_areas(labels: npt.NDArray[np.uint8], label_map: LabelMap, mpp: float) -> dict[str, float]:
    """Return the areas of a label image that is in memory."""
    return areas_of(np.bincount(labels.ravel(), minlength=256), label_map, mpp)


quiet = QUIET


def paint(
    folder: Path,
    name: str,
    *,
    codes: tuple[int, ...] = (1, 2, 3, 4, 9),
    side: int = 96,
    seed: int = 0,
) -> None:
    """Write `images/NAME.png` and `masks/NAME.png`: vertical stripes, one code each, in a colour of
    its own with noise."""
    rng = np.random.default_rng([seed, *name.encode()])
    mask = np.repeat(np.array(codes, np.uint8), -(-side // len(codes)))[None, :side].repeat(
        side, axis=0
    )
    colours = np.random.default_rng(7).integers(60, 220, (256, 3))
    image = np.clip(colours[mask] + rng.integers(-20, 20, (side, side, 3)), 0, 255).astype(np.uint8)
    for kind, array in (("images", image), ("masks", mask)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(array)).save(folder / kind / f"{name}.png")


def tcga(site: str, patient: str) -> str:
    """Return an official BCSS region name."""
    return f"TCGA-{site}-{patient}-DX1_xmin100_ymin200_MPP-0.2500"


def paint_six(folder: Path) -> Path:
    """Paint six BCSS regions of six patients in three hospitals."""
    for site, patient in (
        ("A2", "A001"),
        ("A2", "A002"),
        ("A1", "B001"),
        ("A1", "B002"),
        ("OL", "C001"),
        ("OL", "C002"),
    ):
        paint(folder, tcga(site, patient))
    return folder


def prepare_six(painted: Path, folder: Path) -> Dataset:
    """Prepare painted regions at their own 0.30 um/px."""
    return prepare(painted, folder, PrepareConfig(to_mpp=0.30, workers=1), reporter=quiet)


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    """Six painted BCSS regions of six patients in three hospitals."""
    return paint_six(tmp_path / "painted")


@pytest.fixture
def painted_data(painted: Path, tmp_path: Path) -> Dataset:
    """The painted regions, prepared at their own 0.30 um/px."""
    return prepare_six(painted, tmp_path / "painted_data")


@pytest.fixture(scope="session")
def trained_runs(tmp_path_factory: pytest.TempPathFactory) -> "TrainedRuns":
    """Runs on the painted regions, split as the official BCSS; nobody changes them."""
    from trained_runs import TrainedRuns

    folder = tmp_path_factory.mktemp("trained")
    data = prepare_six(paint_six(folder / "painted"), folder / "data")
    split(data, SplitConfig("bcss-official", val=0.5))
    return TrainedRuns(data, folder)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A region5 bundle of the shipped network with random weights and small tiles: same seed, same
    weights."""
    import torch

    from breastseg.bundles.card import Card
    from breastseg.labels import BUILT_IN
    from breastseg.networks.build import NetworkConfig, build
    from breastseg.networks.export import write_bundle

    torch.manual_seed(0)
    config = NetworkConfig(
        "unet",
        "tu-tf_efficientnet_lite0",
        5,
        (32, 24, 16, 16, 16),
        0.0,
        (0.5, 0.5, 0.5),
        (0.5, 0.5, 0.5),
    )
    card = Card(
        "tiny",
        BUILT_IN["region5"],
        0.5,
        128,
        32,
        config.mean,
        config.std,
        config.to_dict(),
        training=Training(patients={"train": ("TCGA-A2-A0D2",)}),
        licence="none",
        limits=("random weights",),
    )
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    return write_bundle(
        tmp_path_factory.mktemp("models") / "tiny",
        build(config),
        card,
        crops,
        "epoch,train_loss\n0,1.0\n",
    )


CROPS = sorted((DATA / "bcss" / "images").glob("*.png"))


def crop(index: int) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(CROPS[index]).convert("RGB"))


def rewrite(folder: Path, name: str, value: npt.NDArray[np.float16]) -> None:
    """Give a weight another value in a bundle's safetensors file, which its ONNX file points into:
    not a byte may move."""
    from safetensors.numpy import load_file, save_file

    before = (folder / WEIGHTS).stat().st_size
    save_file({**load_file(folder / WEIGHTS), name: value}, folder / WEIGHTS)
    assert (folder / WEIGHTS).stat().st_size == before


@pytest.fixture(scope="session")
def lively_bundle(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny bundle, changed so that every class wins somewhere and that no pixel looks further
    than the halo.

    With random weights one class wins everywhere, and what is left comes from the deepest features,
    which see the whole tile. So the decoder is cut off below a stride of 8, and the last bias takes
    the mean of each class away.
    """
    from safetensors.numpy import load_file

    folder = tmp_path_factory.mktemp("models") / "lively"
    folder.mkdir()
    for name in tiny_bundle.card.files:
        (folder / name).write_bytes((tiny_bundle.path / name).read_bytes())
    (folder / HISTORY).write_text(
        "epoch,train_loss,val_loss,train_accuracy,val_accuracy,train_dice,val_dice\n"
        "0,1.5,1.4,0.5,0.4,0.3,0.2\n"
    )
    weights = load_file(folder / WEIGHTS)
    first = weights["body.decoder.blocks.1.conv1.0.weight"].copy()
    first[:, : tiny_bundle.card.network["decoder_channels"][0]] = 0
    rewrite(folder, "body.decoder.blocks.1.conv1.0.weight", first)
    tiles = np.stack([crop(i) for i in range(len(CROPS))])
    offset = np.log(
        load_runner(Bundle(folder, tiny_bundle.card), "onnx", threads=1).probabilities(tiles)
    ).mean(axis=(0, 2, 3))
    bias = weights["body.segmentation_head.0.bias"].astype(np.float32) - offset
    rewrite(folder, "body.segmentation_head.0.bias", bias.astype(np.float16))
    card = replace(
        tiny_bundle.card,
        name="lively",
        tile_px=224,
        halo_px=64,
        files={name: sha256_of(folder / name) for name in tiny_bundle.card.files},
    )
    write_json(folder / "card.json", card.to_dict())
    return load_bundle(folder)


def copy_of(bundle: Bundle, folder: Path, **changes: object) -> Bundle:
    """Copy a bundle with fields of its card changed; hashes are those of the files."""
    folder.mkdir()
    for name in bundle.card.files:
        (folder / name).write_bytes((bundle.path / name).read_bytes())
    files = {name: sha256_of(folder / name) for name in bundle.card.files}
    card = replace(bundle.card, **{"files": files, **changes})  # type: ignore[arg-type]
    write_json(folder / "card.json", card.to_dict())
    return load_bundle(folder)


def another_bundle(
    bundle: Bundle, folder: Path, *, name: str = "other", classes: tuple[int, int] = (0, 1)
) -> Bundle:
    """Write a bundle again that takes two classes for each other, and names the rest as before."""
    from safetensors.numpy import load_file

    folder.mkdir()
    for file in bundle.card.files:
        (folder / file).write_bytes((bundle.path / file).read_bytes())
    weights, one, two = load_file(folder / WEIGHTS), *classes
    for last in ("body.segmentation_head.0.weight", "body.segmentation_head.0.bias"):
        value = weights[last].copy()
        value[[one, two]] = value[[two, one]]
        rewrite(folder, last, value)
    files = {file: sha256_of(folder / file) for file in bundle.card.files}
    write_json(folder / "card.json", replace(bundle.card, name=name, files=files).to_dict())
    return load_bundle(folder)
