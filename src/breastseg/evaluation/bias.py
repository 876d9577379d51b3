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
    exported = _exported(model, Path(out), bias, dataset, split, reporter)
    if INT8 in load_bundle(model).card.files and INT8 not in exported.card.files:
        reporter.message(
            "the int8 network is one without this bias and stays behind; --int8 makes another"
        )
    return exported


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
        # Chosen in single precision: the bias goes into that network, from which int8 is made.
        single = load_model(model, precision="fp32")
        decision, card = _chosen(single, open_dataset(dataset), split, reporter)
    else:
        card = load_bundle(model).card
        decision = {}
        try:
            given = check_bias(bias, card.label_map)
        except ValueError as cause:
            raise InputError(f"--bias: {cause}") from None
        message = "no bias"
        if given:
            decision = {"bias": given, "how": "given"}
            message = f"bias {in_words(given) or 'of 0'}, as given"
        reporter.message(message)
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
    with written_folder(out) as folder:
        with_bias = folder / "bias"
        _exported(model, with_bias, bias, dataset, config.split, reporter)
        try:
            quantised = export_int8(with_bias, dataset, folder / "int8", config, reporter=reporter)
        except ModelError as error:
            # The message should name what a person gave, no folder that is gone by then.
            raise ModelError(str(error).replace(str(with_bias), str(model))) from None
        for path in sorted(quantised.path.iterdir()):
            path.replace(folder / path.name)
        shutil.rmtree(with_bias)
        quantised.path.rmdir()
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
    # (S, K) - (K,): the new bias takes the place of the present one, so that one goes off first.
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
    trained = read_last_bias(bundle.file(WEIGHTS)) - before
    values, added = rounded(trained, wanted)
    if decision:
        # What half precision made of the bias, so that taking it off again is exact.
        by_class = dict(zip(label_map.names, added.tolist(), strict=True))
        decision = {**decision, "bias": by_class}
    is_changed = not np.array_equal(added, before)
    left_behind = (INT8, INT8_WEIGHTS) if is_changed else ()
    names = [name for name in bundle.card.files if name not in left_behind]
    with written_folder(out) as folder:
        for name in names:
            shutil.copyfile(bundle.path / name, folder / name)
        if is_changed:
            write_last_bias(folder / WEIGHTS, values)
            # All of these were measured on maps of the network as it was.
            card = replace(card, scores={}, quantisation={}, margins=None)
        files = {name: sha256_of(folder / name) for name in names}
        card = replace(card, decision=decision, files=files)
        write_json(folder / CARD, card.to_dict())
        if is_changed:
            _check(bundle, load_bundle(folder), added - before)
    return load_bundle(out)


def _check(old: Bundle, new: Bundle, moved: Vector) -> None:
    """Refuse a bundle whose ONNX file does not hold the bias: it has weights of its own in it."""
    rng = np.random.default_rng(0)  # a fixed seed: the same bundle always passes or always fails
    flat = [np.full((_SIDE, _SIDE, 3), colour) for colour in _COLOURS]
    noisy = [picture + rng.integers(-30, 31, picture.shape) for picture in flat]
    pictures = np.clip(np.stack(flat + noisy), 0, 255).astype(np.uint8)  # (8, H, W, 3)
    before = load_model(old.path, precision="fp32", threads=1)
    after = load_model(new.path, precision="fp32", threads=1)
    # The minus adds: the old network's output with the bias put on it outside of the network.
    shifted = without_bias(before.runner.probabilities(pictures), -moved)
    difference = float(np.abs(shifted - after.runner.probabilities(pictures)).max())
    # "not <=" and not ">": NaN is refused too.
    if not difference <= _TOLERANCE:
        raise ModelError(
            f"{old.path}: {ONNX} does not take its weights from {WEIGHTS}, so that a bias does not"
            " reach it; train the model again"
        )
