"""export_bias(): a bundle -> a new bundle with a bias per class in its network, or without it."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from breastseg.bundles.bias import (
    Vector,
    bias_vector,
    check_bias,
    read_last_bias,
    rounded,
    without_bias,
    write_last_bias,
)
from breastseg.bundles.bundle import CARD, INT8, INT8_WEIGHTS, ONNX, WEIGHTS, Bundle, load_bundle
from breastseg.bundles.card import Card, with_validators
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import load_split, regions_of
from breastseg.decision.choose import choose_bias, in_words, told
from breastseg.decision.look import sample_places
from breastseg.errors import InputError, ModelError, OutputError
from breastseg.evaluation.config import Int8Config
from breastseg.evaluation.int8 import export_int8
from breastseg.evaluation.leaks import check_labels, check_mpp_of, check_untaught
from breastseg.files import sha256_of, write_json, written_folder
from breastseg.inference.model import Model, load_model
from breastseg.json_files import JsonObject
from breastseg.reporter import TERMINAL, Reporter

AUTO = "auto"
_TOLERANCE = 1e-3
"""How far the new network's probabilities may be from the old one's shifted outside."""
_SIDE = 64
_COLOURS = ((245, 245, 245), (225, 170, 200), (130, 80, 150), (80, 40, 110))
"""Glass, stroma, and nuclei, paler and darker: where a network is in doubt a bias shows."""


def export_bias(
    model: str | Path,
    out: str | Path,
    bias: str | Mapping[str, float] = AUTO,
    *,
    dataset: str | Path | None = None,
    split: str = "val",
    reporter: Reporter = TERMINAL,
) -> Bundle:
    """Write a model as a new bundle whose network holds a bias per class, in place of any before.

    All back ends have it, for it is added to the last convolution, which they share. An int8
    network and recorded scores are those of the network before, and stay behind.

    Args:
        model: a shipped model's name or a bundle's folder.
        out: folder of the new bundle; must not exist.
        bias: by class name, 0 for those not named (so {} takes a bias off); or "auto", chosen on
            `dataset` and taken only where patients that were left out gain.
        dataset: folder of a prepared and split data set with the model's labels and um/px.
        split: the part that chooses; its patients did not train the model.
        reporter: who hears of it.

    Returns:
        the new bundle.

    Raises:
        InputError: "auto" without a data set, a class or number that is none.
        OutputError: `out` exists. LabelError, SplitError, DatasetError: the data do not fit.
        ModelError: the network has no such last convolution.
    """
    found = _exported(model, Path(out), bias, dataset, split, reporter)
    if INT8 in load_bundle(model).card.files and INT8 not in found.card.files:
        reporter.message(
            "the int8 network is one without this bias and stays behind; --int8 makes another"
        )
    return found


def _exported(
    model: str | Path,
    out: Path,
    bias: str | Mapping[str, float],
    dataset: str | Path | None,
    split: str,
    reporter: Reporter,
) -> Bundle:
    if out.exists():
        raise OutputError(f"{out}: exists; choose another --out or remove it")
    if bias == AUTO:
        if dataset is None:
            raise InputError("--bias auto: chosen on real regions; give --data, a split data set")
        single = load_model(model, precision="fp32")
        decision, card = _chosen(single, open_dataset(dataset), split, reporter)
    else:
        card = load_bundle(model).card
        try:
            given = check_bias(bias, card.label_map)
        except ValueError as cause:
            raise InputError(f"--bias: {cause}") from None
        decision = {"bias": given, "how": "given"} if given else {}
        reporter.message(f"bias {in_words(given) or 'of 0'}, as given" if given else "no bias")
    return _written(load_bundle(model), card, decision, out)


def export_bias_int8(
    model: str | Path,
    out: str | Path,
    bias: str | Mapping[str, float],
    dataset: str | Path,
    config: Int8Config,
    *,
    reporter: Reporter = TERMINAL,
) -> Bundle:
    """Do `export_bias`, then `export_int8` of what came of it; `out` appears when both are done."""
    out = Path(out)
    if out.exists():
        raise OutputError(f"{out}: exists; choose another --out or remove it")
    with written_folder(out) as beside:
        first = beside / "bias"
        _exported(model, first, bias, dataset, config.split, reporter)
        try:
            second = export_int8(first, dataset, beside / "int8", config, reporter=reporter)
        except ModelError as error:
            raise ModelError(str(error).replace(str(first), str(model))) from None
        for path in sorted(second.path.iterdir()):
            path.replace(beside / path.name)
        shutil.rmtree(first)
        second.path.rmdir()
    return load_bundle(out)


def _chosen(
    model: Model,
    data: Dataset,
    split: str,
    reporter: Reporter,
) -> tuple[JsonObject, Card]:
    """Choose a bias; return the card's decision, and a card that names who chose as validators."""
    check_labels(model, data)
    check_mpp_of(model, data)
    regions = regions_of(load_split(data), split)
    patients = set(data.regions.loc[regions, "patient"])
    check_untaught(model.card, patients, f"--bias auto on '{split}'")
    sample = sample_places(data, regions, model.runner, model.tiles)
    before = bias_vector(model.card.bias, model.card.label_map).astype(np.float32)
    sample = replace(sample, log_probabilities=sample.log_probabilities - before)
    choice = choose_bias(sample, model.card.label_map.names)
    reporter.message(told(choice, split))
    decision = {**choice.to_dict(), "how": AUTO, "split": split, "data": data.fingerprint()}
    return decision, with_validators(model.card, sample.patients)


def _written(bundle: Bundle, card: Card, decision: JsonObject, out: Path) -> Bundle:
    """Write the bundle with a bias of its own in place of the one it has."""
    label_map = card.label_map
    before = bias_vector(card.bias, label_map)
    wanted = bias_vector(decision.get("bias", {}), label_map)
    values, added = rounded(read_last_bias(bundle.file(WEIGHTS)) - before, wanted)
    if decision:
        decision = {**decision, "bias": dict(zip(label_map.names, added.tolist(), strict=True))}
    changed = not np.array_equal(added, before)
    left = (INT8, INT8_WEIGHTS) if changed else ()
    names = [name for name in bundle.card.files if name not in left]
    with written_folder(out) as beside:
        for name in names:
            shutil.copyfile(bundle.path / name, beside / name)
        if changed:
            write_last_bias(beside / WEIGHTS, values)
            card = replace(card, scores={}, quantisation={}, margins=None)
        files = {name: sha256_of(beside / name) for name in names}
        card = replace(card, decision=decision, files=files)
        write_json(beside / CARD, card.to_dict())
        if changed:
            _check(bundle, load_bundle(beside), added - before)
    return load_bundle(out)


def _check(old: Bundle, new: Bundle, moved: Vector) -> None:
    """Refuse a bundle whose ONNX file does not hold the bias: its weights lie in itself."""
    rng = np.random.default_rng(0)
    flat = [np.full((_SIDE, _SIDE, 3), colour) for colour in _COLOURS]
    noisy = [one + rng.integers(-30, 31, one.shape) for one in flat]
    pictures = np.clip(np.stack(flat + noisy), 0, 255).astype(np.uint8)
    before, after = (load_model(one.path, precision="fp32", threads=1) for one in (old, new))
    outside = without_bias(before.runner.probabilities(pictures), -moved)
    difference = float(np.abs(outside - after.runner.probabilities(pictures)).max())
    if not difference <= _TOLERANCE:
        said = f"{ONNX} does not take its weights from {WEIGHTS}, so that a bias does not reach it"
        raise ModelError(f"{old.path}: {said}; train the model again")
