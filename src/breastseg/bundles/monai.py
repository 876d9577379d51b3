"""A bundle -> a MONAI bundle: a folder that MONAI's own tools run, through ONNX Runtime. Nothing of
MONAI is imported.

OUT/configs/metadata.json    what goes in and out, by the schema of 2024-07-25
OUT/configs/inference.json   images of a folder -> label images
OUT/models/                  the bundle itself, unchanged: breastseg --model OUT/models works too
OUT/docs/README.md           how to run it, and the model's page
"""

import math
import shutil
from pathlib import Path

from breastseg.bundles.bundle import CARD, ONNX, Bundle
from breastseg.bundles.card import Card
from breastseg.errors import OutputError
from breastseg.files import write_json, write_text, written_folder
from breastseg.json_files import JsonObject

SCHEMA = "https://project-monai.github.io/schema/meta_schema_20240725.json"
MONAI_VERSION = "1.6.1"
_IGNITE_VERSION = "0.5.2"
"""The releases that ran such a folder."""

_PACKAGES = {"torch": "2.6", "numpy": "2.0", "onnxruntime": "1.20"}
"""Versions for a card that does not tell its own: the oldest that breastseg works with."""

_README = """# {name}, a MONAI bundle

**Research use only; it does not diagnose.** Images must be at **{mpp:g} microns per pixel**: \
MONAI does not resample them.
```
pip install 'monai[fire,ignite,pillow]' onnxruntime
python -m monai.bundle run --config_file configs/inference.json --bundle_root . --dataset_dir \
PICTURES --output_dir maps
```
`PICTURES` is a folder of RGB images in PNG. Every one gives a PNG of labels, {labels}.

MONAI's specification asks for `models/model.pt`. It would be a pickle, which can run code when \
it is read, so it is left out.
`models/model.onnx` is the network, which the configuration hands to MONAI through ONNX Runtime. \
`models` as a whole is a breastseg bundle.
MONAI averages tiles where they overlap, breastseg shares an image evenly among tiles and takes \
the middle of each: their maps are nearly,
not wholly, the same.

"""


def write_monai_bundle(bundle: Bundle, out: str | Path, page: str) -> Path:
    """Write a bundle as a MONAI bundle, whole or not at all.

    Args:
        bundle: a checked bundle that has an ONNX file.
        out: the folder; must not exist yet.
        page: Markdown that tells what the model is; goes into docs/README.md.

    Returns:
        the folder.

    Raises:
        ModelError: the bundle has no ONNX file.
        OutputError: `out` exists.
    """
    out = Path(out)
    if out.exists():
        raise OutputError(f"{out}: exists already; choose another --out or remove it")
    bundle.file(ONNX)
    card = bundle.card
    labels = [f"{label} {name}" for label, name in enumerate(card.label_map.names, start=1)]
    head = _README.format(name=card.name, mpp=card.mpp, labels=", ".join(labels))
    with written_folder(out) as folder:
        (folder / "models").mkdir()
        for name in (CARD, *card.files):
            shutil.copyfile(bundle.path / name, folder / "models" / name)
        write_json(folder / "configs" / "metadata.json", metadata(card))
        write_json(folder / "configs" / "inference.json", _inference(card))
        write_text(folder / "docs" / "README.md", head + page)
    return out


def metadata(card: Card) -> JsonObject:
    """Return the MONAI metadata of a card: every field that MONAI's schema requires, and what a
    reader wants to know."""
    packages = {**_PACKAGES, **card.training.packages}
    names = card.label_map.names
    # Two exports of one name can be told apart.
    own_version = f"1.0.0+{card.files[ONNX][:12]}"
    red_green_blue = {0: "red", 1: "green", 2: "blue"}
    image = _tensor("image", "magnitude", 3, "float32", [0, 255], red_green_blue)
    classes = dict(enumerate(names))
    probabilities = _tensor("probabilities", "labels", len(names), "float32", [0, 1], classes)
    labels = {0: _numbered(names)}
    label_image = _tensor("image", "segmentation", 1, "uint8", [1, len(names)], labels)
    return {
        "schema": SCHEMA,
        "version": own_version,
        "changelog": {
            own_version: "as exported; the part after + is the start of the SHA-256 of model.onnx"
        },
        "monai_version": MONAI_VERSION,
        "pytorch_version": packages["torch"].partition("+")[0],
        "numpy_version": packages["numpy"],
        "required_packages_version": {
            "onnxruntime": packages["onnxruntime"],
            "pytorch-ignite": _IGNITE_VERSION,
        },
        "name": card.name,
        "task": "Segmentation of breast tissue on H&E",
        "description": (
            f"Names the tissue under every pixel of breast H&E at {card.mpp:g} microns per pixel:"
            f" {', '.join(names)}. " + " ".join(card.limits)
        ),
        "intended_use": "Research use only, not for diagnosis.",
        "authors": "The breastseg authors",
        "copyright": "The breastseg authors",
        "license": card.licence,
        "data_type": "png",
        "image_classes": f"RGB, 0 to 255, {card.mpp:g} microns per pixel",
        "label_classes": _numbered(names),
        "pred_classes": _numbered(names),
        "eval_metrics": _metrics(card),
        "network_data_format": {
            "inputs": {"image": image},
            "outputs": {"pred": probabilities},
            "post_processed_outputs": {"pred": label_image},
        },
    }


def _numbered(names: tuple[str, ...]) -> str:
    """Return what each label means, in words."""
    return ", ".join(f"{label} is {name}" for label, name in enumerate(names, start=1))


def _tensor(
    kind: str,
    layout: str,
    channels: int,
    dtype: str,
    value_range: list[int],
    meaning: dict[int, str],
) -> JsonObject:
    """Describe a tensor; sides are multiples of 32, written in MONAI's two variables."""
    return {
        "type": kind,
        "format": layout,
        "modality": "H&E",
        "num_channels": channels,
        "spatial_shape": ["32*p", "32*n"],
        "dtype": dtype,
        "value_range": value_range,
        "is_patch_data": True,
        "channel_def": {str(channel): name for channel, name in meaning.items()},
    }


def _metrics(card: Card) -> dict[str, float]:
    """Return the scores that exist, by name: JSON proper has no NaN."""
    metrics = {}
    for part, entry in card.scores.items():
        for name, scores in entry.get("pooled", {}).items():
            metrics[f"Dice of {name}, {part}"] = scores["dice"]
        overall = entry.get("overall", {})
        for name in ("mean_dice", "accuracy"):
            metrics[f"{name.replace('_', ' ')}, {part}"] = overall.get(name, math.nan)
    return {name: value for name, value in metrics.items() if not math.isnan(value)}


def _inference(card: Card) -> JsonObject:
    """Return the configuration of MONAI's ConfigParser: `@name` is another entry, `$` starts an
    expression."""
    forward = (
        "torch.from_numpy(session.run(None, {'pictures':"
        " image.cpu().numpy().astype('uint8')})[0]).to(image.device)"
    )
    side = card.tile_px
    halo = card.halo_px
    return {
        "imports": ["$import glob", "$import os", "$import numpy", "$import onnxruntime"],
        "bundle_root": ".",
        "dataset_dir": "$os.path.join(@bundle_root, 'pictures')",
        "output_dir": "$os.path.join(@bundle_root, 'maps')",
        "device": "cpu",
        "onnx": f"$os.path.join(@bundle_root, 'models', '{ONNX}')",
        "there": "$onnxruntime.get_available_providers()",
        "providers": (
            "$[p for p in ('CUDAExecutionProvider', 'CPUExecutionProvider') if p in @there]"
        ),
        "session": "$onnxruntime.InferenceSession(@onnx, providers=@providers)",
        "network_def": (
            "$type('OnnxNetwork', (torch.nn.Module,), {'forward': lambda self, image,"
            f" session=@session: {forward}}})()"
        ),
        "network": "$@network_def.to(@device)",
        "dataset_data": (
            "$[{'image': path} for path in sorted(glob.glob(os.path.join(@dataset_dir, '*.png')))]"
        ),
        "preprocessing": _before(side, halo),
        "dataset": {"_target_": "Dataset", "data": "@dataset_data", "transform": "@preprocessing"},
        "dataloader": {
            "_target_": "DataLoader",
            "dataset": "@dataset",
            "batch_size": 1,
            "num_workers": 0,
        },
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": [side, side],
            "overlap": 2 * halo / side,
            "mode": "gaussian",
        },
        "postprocessing": _after(),
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
        },
        "run": ["$@evaluator.run()"],
    }


def _before(side: int, halo: int) -> JsonObject:
    """Return how an image is read and padded, for tiles of `side` px with a halo."""
    return _steps(
        # Rows first, as in training; MONAI's reader would turn the image over its diagonal.
        {
            "_target_": "LoadImaged",
            "reader": "PILReader",
            "reverse_indexing": False,
            "dtype": "$numpy.float32",
            "converter": "$lambda image: image.convert('RGB')",
        },
        {"_target_": "EnsureChannelFirstd", "channel_dim": 2},
        # Mirrored to whole tiles with their halo, so that tiles lie where breastseg lays them.
        {
            "_target_": "DivisiblePadd",
            "k": side - 2 * halo,
            "method": "end",
            "mode": "symmetric",
        },
        {"_target_": "BorderPadd", "spatial_border": halo, "mode": "symmetric"},
        keys="image",
    )


def _after() -> JsonObject:
    """Return how a prediction becomes a label image of the image's own size."""
    return _steps(
        {"_target_": "Invertd", "transform": "@preprocessing", "orig_keys": "image"},
        {"_target_": "AsDiscreted", "argmax": True},
        # Labels count from 1: 0 is "not analysed".
        {"_target_": "Lambdad", "func": "$lambda channel: channel + 1"},
        {"_target_": "Transposed", "indices": [0, 2, 1]},  # as MONAI's writer wants them
        {
            "_target_": "SaveImaged",
            "output_dir": "@output_dir",
            "output_ext": ".png",
            "output_dtype": "$numpy.uint8",
            "output_postfix": "labels",
            "resample": False,
            "separate_folder": False,
        },
        keys="pred",
    )


def _steps(*steps: JsonObject, keys: str) -> JsonObject:
    """Return a chain of MONAI's transforms on one entry."""
    return {"_target_": "Compose", "transforms": [{**step, "keys": keys} for step in steps]}
