"""Margins of a model: measured on patients who did not train it, written into its card, and what a
map then says."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from breastseg.bundles.bundle import CARD, Bundle, load_bundle
from breastseg.cli import main
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import OutputError, SplitError
from breastseg.evaluation.bias import export_bias
from breastseg.evaluation.margins import PatientErrors, export_margins, margins_of
from breastseg.files import write_json
from breastseg.inference.config import PredictConfig
from breastseg.inference.model import load_model
from breastseg.inference.predict import predict
from breastseg.metrics.conformal import share_ends
from breastseg.report.slide import slide_page
from breastseg.reporter import Reporter
from conftest import CROPS, paint, quiet, tcga

NAMES = ("tumor", "stroma", "inflammatory", "necrosis", "other")


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eleven painted patients of val, three of whom have no necrosis, and two of train."""
    place = tmp_path_factory.mktemp("twelve")
    parts = {f"T{number:03}": "train" if number < 2 else "val" for number in range(13)}
    for number, patient in enumerate(parts):
        codes = (1, 2, 3, 9) if number % 4 == 2 else (1, 2, 3, 4, 9)
        paint(place / "source", tcga("OL", patient), codes=codes, seed=number)
    data = prepare(
        place / "source", place / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet
    )
    rows = "".join(f"TCGA-OL-{patient},{part}\n" for patient, part in parts.items())
    (place / "parts.csv").write_text(f"patient,split\n{rows}")
    split(data, SplitConfig(str(place / "parts.csv")))
    return data


@pytest.fixture(scope="module")
def sure(
    lively_bundle: Bundle, twelve: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    out = tmp_path_factory.mktemp("models") / "sure"
    return export_margins(lively_bundle.path, twelve.path, out, reporter=quiet)


def test_they_are_measured_by_patient_and_stand_in_the_card(
    sure: Bundle, lively_bundle: Bundle, twelve: Dataset
) -> None:
    found = sure.card.margins
    assert found is not None
    assert (found.patients, found.needed, found.split) == (11, 9, "val")
    assert found.data == twelve.fingerprint()
    assert found.classes["tumor"].patients == 11
    assert found.classes["tumor"].log_odds is not None
    assert sure.card.files == lively_bundle.card.files
    assert set(found.whose or ()) <= set(sure.card.training.patients_of("val"))


def test_a_truth_that_is_the_map_gives_none_to_be_wrong_about() -> None:
    rng = np.random.default_rng(0)
    patients = []
    for _ in range(9):
        one = PatientErrors.of(5)
        labels = np.repeat(rng.integers(1, 4, (1, 6), dtype=np.uint8), 10, axis=1).repeat(
            30, axis=0
        )
        one.add(labels, labels, 1.0)
        patients.append(one)
    found = margins_of(patients, NAMES)
    assert found.classes["necrosis"].patients == 0
    for name in NAMES[:3]:
        margin = found.classes[name]
        assert margin.log_odds in (0, None)
        assert margin.border_um in (0, None)
        assert (margin.log_odds is None) == (margin.patients < 9)
    eight = margins_of(patients[:8], NAMES)
    assert not eight.has_some


def test_a_border_may_be_off_by_what_it_was_moved() -> None:
    """Two halves whose border lies 1 to 9 px further right in the maps of nine patients."""
    patients = []
    for moved in range(1, 10):
        one = PatientErrors.of(2)
        truth, named = (np.ones((20, 60), np.uint8) for _ in range(2))
        truth[:, 30:], named[:, 30 + moved :] = 2, 2
        one.add(truth, named, 1.0)
        patients.append(one)
    margin = margins_of(patients, NAMES[:2]).classes["tumor"]
    assert margin.border_um == 9
    assert margin.patients == margin.border_patients == 9
    low, _ = share_ends(39 / 60, margin.log_odds or 0)
    assert low == pytest.approx(0.5, abs=1e-3)


def test_regions_of_a_patient_count_together() -> None:
    """Else whoever has many regions would count more than others."""
    one = PatientErrors.of(2)
    truth, named = np.ones((10, 10), np.uint8), np.full((10, 10), 2, np.uint8)
    one.add(truth, named, 1.0)
    one.add(named, truth, 1.0)
    found = margins_of([one] * 9, NAMES[:2])
    assert found.classes["tumor"].log_odds == 0
    assert found.classes["tumor"].border_patients == 0
    assert found.classes["tumor"].border_um is None


def test_patients_who_trained_it_are_refused(
    lively_bundle: Bundle, twelve: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "taught"
    folder.mkdir()
    for path in lively_bundle.path.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    training = replace(lively_bundle.card.training, patients={"train": ("TCGA-OL-T005",)})
    write_json(folder / CARD, replace(lively_bundle.card, training=training).to_dict())
    with pytest.raises(SplitError, match="patient TCGA-OL-T005 trained the model"):
        export_margins(folder, twelve.path, tmp_path / "out", reporter=quiet)
    assert not (tmp_path / "out").exists()
    with pytest.raises(OutputError, match="exists"):
        export_margins(folder, twelve.path, folder, reporter=quiet)


def test_too_few_patients_are_counted_and_give_none(
    lively_bundle: Bundle, twelve: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And validated nothing, since nothing was chosen by them."""
    said: list[str] = []
    found = export_margins(
        lively_bundle.path,
        twelve.path,
        tmp_path / "few",
        split="train",
        reporter=Reporter(said.append),
    )
    assert "measured on 2 patients, 90 % needs 9" in said[-1]
    assert found.card.margins is not None
    assert not found.card.margins.has_some
    assert found.card.training == lively_bundle.card.training
    assert main(["models", "show", str(found.path)]) == 0
    assert "90 % needs 9" in capsys.readouterr().out


def test_another_network_has_not_these(sure: Bundle, tmp_path: Path) -> None:
    shifted = export_bias(sure.path, tmp_path / "shifted", {"tumor": 0.4}, reporter=quiet)
    assert shifted.card.margins is None


def test_predict_writes_low_and_high_and_else_what_it_wrote(
    sure: Bundle, lively_bundle: Bundle, tmp_path: Path
) -> None:
    rows, runs = [], []
    for name, bundle in (("plain", lively_bundle), ("sure", sure)):
        model = load_model(bundle.path, precision="fp32", threads=1)
        predict(CROPS[0], model, tmp_path / name, PredictConfig(mpp=0.3), reporter=quiet)
        with (tmp_path / name / "measures.csv").open(newline="", encoding="utf-8") as file:
            rows.append(next(csv.DictReader(file)))
        (run,) = (tmp_path / name).glob("*/run.json")
        runs.append(json.loads(run.read_text(encoding="utf-8")))
    plain, found = rows
    assert "margins" not in runs[0]
    assert not [key for key in plain if key.endswith(("_low", "_high"))]
    assert {key: found[key] for key in plain} == plain
    for unit in ("mm2", "percent"):
        low, own, high = (float(found[f"tumor_{unit}{end}"]) for end in ("_low", "", "_high"))
        assert low <= own <= high
        assert low < high
    assert runs[1]["measures"]["tumor_mm2_low"] == pytest.approx(float(found["tumor_mm2_low"]))
    margins = runs[1].pop("margins")
    assert (margins["patients"], "whose" in margins) == (11, False)
    assert "TCGA-OL" not in json.dumps(margins)
    (folder,) = (path.parent for path in (tmp_path / "sure").glob("*/run.json"))
    page = slide_page(folder)
    assert "hold for 90 % of patients" in page
    assert f"tumor {margins['classes']['tumor']['patients']}" in page
    assert not math.isnan(float(found["other_percent_low"]) if "other_percent_low" in found else 0)


def test_the_command(lively_bundle: Bundle, twelve: Dataset, sure: Bundle, tmp_path: Path) -> None:
    (tmp_path / "bundle").symlink_to(lively_bundle.path)
    words = ["export", str(tmp_path / "bundle"), "--margins", "--data", str(twelve.path)]
    assert main(words) == 0
    assert load_bundle(tmp_path / "bundle-margins").card == sure.card


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--margins",), "--margins: measured on real regions; give --data"),
        (("--margins", "--bias", "none"), "give --margins alone"),
    ],
)
def test_the_command_says_what_is_missing(
    lively_bundle: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    assert main(["export", str(lively_bundle.path), "--out", str(tmp_path / "out"), *words]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert said in told
