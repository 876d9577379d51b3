"""A bias per class in a bundle: the same as one outside on every back end, and it can be undone."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.bundles.bias import (
    bias_vector,
    parse_bias,
    read_last_bias,
    rounded,
    without_bias,
    write_last_bias,
)
from breastseg.bundles.bundle import CARD, HISTORY, INT8, ONNX, WEIGHTS, Bundle, load_bundle
from breastseg.bundles.monai import write_monai_bundle
from breastseg.bundles.tensors import half_places
from breastseg.cli import main
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import DatasetError, InputError, ModelError, OutputError, SplitError
from breastseg.evaluation import bias as exporting
from breastseg.evaluation.bias import export_bias, export_bias_int8
from breastseg.evaluation.config import Int8Config
from breastseg.files import sha256_of, write_json
from breastseg.labels import BUILT_IN
from breastseg.report.model_page import describe_model, model_page
from breastseg.reporter import Reporter
from breastseg.runners import BACKENDS, load_runner
from breastseg.runners.precision import has_exact_int8
from breastseg.runners.runner import likeliest
from conftest import CROPS, DATA, crop, quiet

REGION5 = BUILT_IN["region5"]
GIVEN = {"inflammatory": 0.4, "tumor": -0.8}
TILES = np.stack([crop(number) for number in range(len(CROPS))])


@pytest.fixture(scope="module")
def shifted(lively_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export_bias(
        lively_bundle.path,
        tmp_path_factory.mktemp("models") / "shifted",
        GIVEN,
        reporter=quiet,
    )


@pytest.fixture(scope="module")
def real_data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The real crops: one patient trains, who trained the tiny model too, and two are val."""
    folder = tmp_path_factory.mktemp("data")
    data = prepare(
        DATA / "bcss", folder / "real", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet
    )
    table = folder / "split.csv"
    table.write_text("patient,split\nTCGA-A2-A0D2,train\nTCGA-A2-A1G6,val\nTCGA-A2-A3XX,val\n")
    split(data, SplitConfig(str(table)))
    return data


def probabilities(bundle: Bundle, backend: str = "openvino") -> npt.NDArray[np.float32]:
    return load_runner(bundle, backend, precision="fp32", threads=1).probabilities(TILES)


@pytest.mark.parametrize("backend", BACKENDS)
def test_inside_is_what_outside_is_on_every_back_end(
    backend: str,
    lively_bundle: Bundle,
    shifted: Bundle,
) -> None:
    before, after = probabilities(lively_bundle, backend), probabilities(shifted, backend)
    bias = bias_vector(shifted.card.bias, REGION5)
    scores = np.log(before.astype(np.float64)) + bias[:, None, None]
    second, first = np.partition(scores, -2, axis=1)[:, -2:].swapaxes(0, 1)
    decided = first - second > 1e-5
    assert decided.mean() > 0.9999, "of the others rounding may make either"
    labels = load_runner(shifted, backend, precision="fp32", threads=1).labels(TILES)
    assert np.array_equal(labels[decided], (scores.argmax(axis=1) + 1)[decided])
    assert (labels != likeliest(before)).mean() > 0.02
    outside = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert np.abs(after - outside).max() < 1e-5


def test_it_can_be_taken_off(lively_bundle: Bundle, shifted: Bundle) -> None:
    bias = bias_vector(shifted.card.bias, shifted.card.label_map)
    before = probabilities(lively_bundle)
    assert np.abs(without_bias(probabilities(shifted), bias) - before).max() < 1e-5
    assert np.abs(without_bias(before, np.zeros(5)) - before).max() < 1e-6


def test_only_the_bias_of_the_last_convolution_changes(
    lively_bundle: Bundle,
    shifted: Bundle,
) -> None:
    assert shifted.card.files[ONNX] == lively_bundle.card.files[ONNX]
    assert shifted.card.files[HISTORY] == lively_bundle.card.files[HISTORY]
    old, new = ((bundle.path / WEIGHTS).read_bytes() for bundle in (lively_bundle, shifted))
    changed = [at for at, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    place = half_places(shifted.path / WEIGHTS)["body.segmentation_head.0.bias"]
    assert changed
    assert place.offset <= min(changed) <= max(changed) < place.offset + place.length


def test_the_card_holds_what_half_precision_made_of_it(
    lively_bundle: Bundle,
    shifted: Bundle,
) -> None:
    card = shifted.card
    assert list(card.decision["bias"]) == list(REGION5.names)
    assert card.decision["how"] == "given"
    for name, value in card.decision["bias"].items():
        assert value == pytest.approx(GIVEN.get(name, 0.0), abs=0.005)
    moved = read_last_bias(shifted.path / WEIGHTS) - read_last_bias(lively_bundle.path / WEIGHTS)
    assert moved.tolist() == list(card.decision["bias"].values())
    assert card == replace(lively_bundle.card, decision=card.decision, files=card.files)


def test_none_takes_it_off_to_the_last_byte(
    lively_bundle: Bundle,
    shifted: Bundle,
    tmp_path: Path,
) -> None:
    plain = export_bias(shifted.path, tmp_path / "plain", {}, reporter=quiet)
    assert plain.card == lively_bundle.card


def test_another_bias_takes_the_place_of_the_first(
    lively_bundle: Bundle,
    shifted: Bundle,
    tmp_path: Path,
) -> None:
    once = export_bias(lively_bundle.path, tmp_path / "once", {"stroma": 0.7}, reporter=quiet)
    again = export_bias(shifted.path, tmp_path / "again", {"stroma": 0.7}, reporter=quiet)
    assert again.card == once.card


def test_a_bias_goes_by_the_names_of_the_label_map() -> None:
    assert bias_vector({"stroma": 1.0, "tumor": -2.0}, REGION5).tolist() == [-2, 1, 0, 0, 0]
    turned = replace(REGION5, classes=REGION5.classes[::-1])
    assert bias_vector({"stroma": 1.0, "tumor": -2.0}, turned).tolist() == [0, 0, 0, 1, -2]


def test_rounding_says_what_is_really_added() -> None:
    base = np.array([100.0, 0.0]).astype(np.float16).astype(np.float64)
    values, added = rounded(base, np.array([0.01, 0.01]))
    assert added.tolist() == [0.0, float(np.float16(0.01))]
    assert (values.astype(np.float64) - base).tolist() == added.tolist()


def edited(bundle: Bundle, folder: Path, **changes: Any) -> Path:
    shutil.copytree(bundle.path, folder)
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    card = {key: value for key, value in {**card, **changes}.items() if value is not ...}
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    return folder


def test_a_card_from_before_there_was_a_bias_is_read(lively_bundle: Bundle, tmp_path: Path) -> None:
    folder = edited(lively_bundle, tmp_path / "old", decision=...)
    assert '"decision"' not in (folder / CARD).read_text(encoding="utf-8")
    card = load_bundle(folder).card
    assert (card.bias, card.decision) == ({}, {})
    assert card == lively_bundle.card


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ({"bias": {"lava": 1.0}}, "bias of 'lava', which is no class of it"),
        ({"bias": {"tumor": math.nan}}, "bias of tumor is NaN, wanted a number from -20 to 20"),
        ({"bias": {"tumor": 1e30}}, "bias of tumor is 1e+30, wanted a number from -20 to 20"),
        ({"bias": {"tumor": "1"}}, "bias of tumor is '1', wanted a number from -20 to 20"),
        ({"bias": {"tumor": True}}, "bias of tumor is true, wanted a number"),
        ({"bias": [1, 2]}, "bias is a list, wanted numbers by class name"),
        ({"bias": None}, "bias is null, wanted numbers by class name"),
        ("much", "decision is 'much', wanted names with values"),
    ],
)
def test_a_hostile_card_is_refused_in_a_line(
    lively_bundle: Bundle,
    tmp_path: Path,
    decision: Any,
    said: str,
) -> None:
    folder = edited(lively_bundle, tmp_path / "hostile", decision=decision)
    with pytest.raises(ModelError, match=re.escape(said)) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)
    assert "not a model card" in str(caught.value)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff" * 8,
        b"\x02\0\0\0\0\0\0\0[]",
        b"\x04\0\0\0\0\0\0\0\x80bad",
        b"\x02\0\0\0\0\0\0\0{}",
    ],
    ids=["empty", "too long", "list", "bytes", "no tensor"],
)
def test_weights_without_a_last_convolution_are_refused(tmp_path: Path, head: bytes) -> None:
    (tmp_path / WEIGHTS).write_bytes(head)
    with pytest.raises(
        ModelError,
        match=r"not a whole safetensors file|no body\.segmentation_head",
    ):
        read_last_bias(tmp_path / WEIGHTS)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F16", "shape": [5], "data_offsets": [0, 10**9]},
        {"dtype": "F16", "shape": [5], "data_offsets": [0, 8]},
        {"dtype": "F16", "shape": [-5], "data_offsets": [0, 10]},
        {"dtype": "F16", "shape": "five", "data_offsets": [0, 10]},
        {"dtype": "F16", "shape": [5]},
        7,
    ],
    ids=["outside", "too short", "negative", "words", "nowhere", "number"],
)
def test_a_tensor_that_is_not_where_the_head_says_is_refused(tmp_path: Path, entry: Any) -> None:
    head = json.dumps({"body.segmentation_head.0.bias": entry}).encode()
    (tmp_path / WEIGHTS).write_bytes(len(head).to_bytes(8, "little") + head + b"\0" * 10)
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        read_last_bias(tmp_path / WEIGHTS)


def test_a_bias_of_other_classes_is_not_written(shifted: Bundle, tmp_path: Path) -> None:
    shutil.copyfile(shifted.path / WEIGHTS, tmp_path / WEIGHTS)
    with pytest.raises(ModelError, match="network of 5 classes, a bias of 4"):
        write_last_bias(tmp_path / WEIGHTS, np.zeros(4, np.float16))


def test_an_onnx_file_that_the_bias_does_not_reach_is_noticed(
    lively_bundle: Bundle,
    tmp_path: Path,
) -> None:
    """Its weights lie in itself: what is written into the other file changes nothing of it."""
    import onnx

    folder = tmp_path / "inline"
    shutil.copytree(lively_bundle.path, folder)
    onnx.save(onnx.load(folder / ONNX), folder / ONNX)
    assert (folder / ONNX).stat().st_size > (folder / WEIGHTS).stat().st_size / 2
    files = {name: sha256_of(folder / name) for name in lively_bundle.card.files}
    write_json(folder / CARD, replace(lively_bundle.card, files=files).to_dict())
    with pytest.raises(ModelError, match=r"model\.onnx does not take its weights from model\.saf"):
        export_bias(folder, tmp_path / "out", GIVEN, reporter=quiet)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tumour=1", r"'tumour=1' is no class with a number; wanted auto, none, or NAME=NUMBER"),
        ("yes", r"'yes' is no class with a number"),
        ("tumor=1,", r"'' is no class with a number"),
        ("tumor=1,tumor=2", r"'tumor' stands twice; give one number a class"),
        ("tumor=x", r"'x' of tumor, wanted a number from -20 to 20"),
        ("tumor=nan", r"'nan' of tumor, wanted a number"),
        ("tumor=-inf", r"'-inf' of tumor, wanted a number"),
        ("tumor=21", r"'21' of tumor, wanted a number"),
    ],
)
def test_what_a_person_mistyped_is_told(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_bias(text, REGION5)


def test_what_a_person_wrote_is_read() -> None:
    assert parse_bias("tumor=-0.8, inflammatory = .4", REGION5) == GIVEN
    assert parse_bias("none", REGION5) == {}


def chosen(monkeypatch: pytest.MonkeyPatch, bias: dict[str, float], refused: str = "") -> None:
    """Let every choice come out as this."""
    real = exporting.choose_bias

    def choose(sample: Any, names: Any) -> Any:
        found = {name: bias.get(name, 0.0) for name in names}
        taken = dict.fromkeys(names, 0.0) if refused else found
        return replace(real(sample, names), bias=taken, tried=found, refused=refused)

    monkeypatch.setattr(exporting, "choose_bias", choose)


def test_auto_writes_what_was_chosen_and_how(
    lively_bundle: Bundle,
    real_data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen(monkeypatch, GIVEN)
    said: list[str] = []
    found = export_bias(
        lively_bundle.path,
        tmp_path / "out",
        dataset=real_data.path,
        reporter=Reporter(said.append),
    )
    decision = found.card.decision
    assert decision["bias"]["tumor"] == pytest.approx(-0.8, abs=0.005)
    assert (decision["how"], decision["split"]) == ("auto", "val")
    assert decision["data"] == real_data.fingerprint()
    assert decision["patients"] == {"areas": 2}
    assert set(decision["before"]) == {"areas", "mean"}
    assert len(said) == 1
    assert said[0].startswith("bias tumor -0.80, inflammatory +0.40 on val: areas 0.")
    assert found.card.training.patients_of("val") == ("TCGA-A2-A1G6", "TCGA-A2-A3XX")


def test_auto_is_chosen_as_if_there_was_no_bias_yet(
    lively_bundle: Bundle,
    shifted: Bundle,
    real_data: Dataset,
    tmp_path: Path,
) -> None:
    found = []
    for bundle in (lively_bundle, shifted):
        out = tmp_path / bundle.path.name
        found.append(export_bias(bundle.path, out, dataset=real_data.path, reporter=quiet))
    one, other = (bundle.card.decision for bundle in found)
    assert one["tried"] == other["tried"]
    assert one["before"] == pytest.approx(other["before"], abs=1e-3)
    assert found[0].card.files[WEIGHTS] == found[1].card.files[WEIGHTS]


def test_a_refused_bias_changes_no_network_and_is_told(
    lively_bundle: Bundle,
    real_data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen(monkeypatch, GIVEN, refused="patients that were left out gain nothing")
    said: list[str] = []
    found = export_bias(
        lively_bundle.path,
        tmp_path / "out",
        dataset=real_data.path,
        reporter=Reporter(said.append),
    )
    assert found.card.files == lively_bundle.card.files
    assert found.card.bias == {}
    assert found.card.decision["tried"]["tumor"] == -0.8
    assert said[0].startswith("no bias on val: patients that were left out gain nothing (tumor -0.")
    assert "added to the logits: nothing" in describe_model(found)


def test_patients_that_trained_the_model_do_not_choose(
    lively_bundle: Bundle,
    real_data: Dataset,
    tmp_path: Path,
) -> None:
    with pytest.raises(
        SplitError,
        match=r"TCGA-A2-A0D2 trained .*'lively' \(1 of 1 did\)",
    ):
        export_bias(
            lively_bundle.path,
            tmp_path / "out",
            dataset=real_data.path,
            split="train",
            reporter=quiet,
        )
    assert not (tmp_path / "out").exists()


def test_auto_needs_data_of_the_models_resolution(
    lively_bundle: Bundle,
    painted_data: Dataset,
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match="--bias auto: chosen on real regions; give --data"):
        export_bias(lively_bundle.path, tmp_path / "out", reporter=quiet)
    with pytest.raises(DatasetError, match=r"data set at 0\.3 um/px, the model wants 0\.5"):
        export_bias(lively_bundle.path, tmp_path / "out", dataset=painted_data.path, reporter=quiet)


def test_an_existing_folder_is_not_touched(lively_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists; choose another --out"):
        export_bias(lively_bundle.path, tmp_path, GIVEN, reporter=quiet)
    with pytest.raises(OutputError, match="exists; choose another --out"):
        export_bias_int8(
            lively_bundle.path, tmp_path, GIVEN, tmp_path, Int8Config(), reporter=quiet
        )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_int8_is_made_of_the_network_with_the_bias(
    lively_bundle: Bundle,
    shifted: Bundle,
    real_data: Dataset,
    tmp_path: Path,
) -> None:
    """And stays behind when the bias is changed, as do the scores of the network before."""
    if not has_exact_int8():
        pytest.skip("int8 overflows on this processor")
    few = Int8Config(split="val", crops=4, allow_loss=100)
    out = tmp_path / "out"
    found = export_bias_int8(lively_bundle.path, out, GIVEN, real_data.path, few, reporter=quiet)
    assert {path.name for path in out.iterdir()} == {CARD, *found.card.files}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert found.card.decision == shifted.card.decision
    assert found.card.files[WEIGHTS] == shifted.card.files[WEIGHTS]
    named = load_runner(found, precision="int8", threads=1).labels(TILES)
    single = load_runner(shifted, precision="fp32", threads=1).labels(TILES)
    before = load_runner(lively_bundle, precision="fp32", threads=1).labels(TILES)
    assert (named == single).mean() > (named == before).mean() + 0.02
    scored = replace(found.card, scores={"val of x": {}})
    write_json(out / CARD, scored.to_dict())
    said: list[str] = []
    plain = export_bias(out, tmp_path / "plain", {}, reporter=Reporter(said.append))
    assert INT8 not in plain.card.files
    told = "the int8 network is one without this bias and stays behind; --int8 makes another"
    assert said == ["no bias", told]
    assert (plain.card.scores, plain.card.quantisation) == ({}, {})
    same = export_bias(out, tmp_path / "same", GIVEN, reporter=quiet)
    assert same.card == scored


def test_a_loss_of_int8_beyond_the_limit_leaves_nothing(
    lively_bundle: Bundle,
    real_data: Dataset,
    tmp_path: Path,
) -> None:
    if not has_exact_int8():
        pytest.skip("int8 overflows on this processor")
    never = Int8Config(split="val", crops=1, allow_loss=-100)
    with pytest.raises(ModelError, match=rf"^{lively_bundle.path}: int8 loses .* points of Dice"):
        export_bias_int8(
            lively_bundle.path,
            tmp_path / "out",
            GIVEN,
            real_data.path,
            never,
            reporter=quiet,
        )
    assert not list(tmp_path.iterdir())


def test_a_monai_bundle_holds_it(shifted: Bundle, tmp_path: Path) -> None:
    out = write_monai_bundle(shifted, tmp_path / "monai", "# shifted\n")
    inside = load_bundle(out / "models")
    assert inside.card == shifted.card
    assert np.array_equal(probabilities(inside, "onnx"), probabilities(shifted, "onnx"))


def test_the_pages_of_a_model_tell_it(shifted: Bundle) -> None:
    assert "added to the logits: tumor -0.80, inflammatory +0.40" in describe_model(shifted)
    assert "* added to the logits: tumor -0.80, inflammatory +0.40" in model_page(shifted)


def test_scores_without_it_are_those_of_the_network_before(
    lively_bundle: Bundle,
    shifted: Bundle,
    real_data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of areas, and of dots: of a class, with an extent, and of what is not there."""
    rows = [(1, 0, 0, 5, 5, 6, 6), (2, 0, 0, 9, 9, 90, 90), (1, 1, 1, 20, 20, 60, 60)]
    of = np.array(rows, np.int32)
    monkeypatch.setattr(Dataset, "places", lambda self, region: of)

    def scores(bundle: Bundle, *words: str) -> dict[str, Any]:
        out = tmp_path / f"{bundle.card.decision.get('how', 'plain')}{''.join(words)}"
        common = ["--data", str(real_data.path), "--split", "val", "--precision", "fp32"]
        words = ("evaluate", "--model", str(bundle.path), *common, "--out", str(out), *words)
        assert main(list(words)) == 0
        found: dict[str, Any] = json.loads((out / "scores.json").read_text(encoding="utf-8"))
        found["page"] = (out / "report.html").read_text(encoding="utf-8")
        return found

    for words in ((), ("--labels", "tumor"), ("--probabilities",)):
        before, after = scores(lively_bundle, *words), scores(shifted, *words)
        told = after["without_bias"]
        assert told["bias"] == shifted.card.decision["bias"]
        assert told["overall"] == pytest.approx(before["overall"])
        assert after["overall"]["mean_dice"] != before["overall"]["mean_dice"]
        for name, row in told["pooled"].items():
            pooled = {key: before["pooled"][name][key] for key in row}
            assert row == pytest.approx(pooled, nan_ok=True)
        assert told["dots"]["counts"] == before["dots"]["counts"]
        assert sum(map(sum, told["dots"]["counts"])) == 6
        assert "Without its bias" in after["page"]
        assert "tumor -0.80, inflammatory +0.40" in after["page"]
        assert "without_bias" not in before
        assert "Without its bias" not in before["page"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "export: nothing to do; give --int8, --bias or both"),
        (("--int8",), "--int8: calibrated on real crops; give --data"),
        (("--bias", "auto"), "--bias auto: chosen on real regions; give --data"),
        (("--bias", "tumor"), "'tumor' is no class with a number"),
        (("--bias", "none", "--limits", "x.txt"), "--limits: written when --int8 is made"),
    ],
)
def test_the_command_says_what_is_missing(
    lively_bundle: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    out = str(tmp_path / "out")
    assert main(["export", str(lively_bundle.path), "--out", out, *words]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert said in told
    assert not list(tmp_path.iterdir())


def test_the_command(
    lively_bundle: Bundle,
    shifted: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bundle").symlink_to(lively_bundle.path)
    words = ["export", str(tmp_path / "bundle"), "--bias", "inflammatory=0.4,tumor=-0.8"]
    assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "bias inflammatory +0.40, tumor -0.80, as given"
    assert said[1].startswith(str(tmp_path / "bundle-bias"))
    assert load_bundle(tmp_path / "bundle-bias").card == shifted.card
