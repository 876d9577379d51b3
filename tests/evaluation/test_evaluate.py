"""breastseg evaluate on real crops: scores that can be recomputed, and a report that stands
alone."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import breastseg
from breastseg.bundles.bundle import Bundle
from breastseg.bundles.training import Training
from breastseg.cli import main
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import ModelError, SplitError
from breastseg.evaluation.compare import Other, comparison
from breastseg.evaluation.leaks import leak_of, seen_by
from breastseg.files import write_json
from breastseg.inference.model import Model, load_model
from breastseg.inference.tiles import PixelField, name_tissue
from breastseg.labels import BUILT_IN, LabelMap
from breastseg.metrics import measure_surface, surface_dice
from breastseg.runners import load_runner
from conftest import DATA, quiet

TRAINED = "TCGA-A2-A0D2"
"""The patient whom the tiny bundle's card names as trained on."""


@pytest.fixture(scope="session")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The three real crops at 0.5 um/px: the trained patient in train, the two others in test."""
    data = prepare(
        DATA / "bcss",
        tmp_path_factory.mktemp("data") / "crops",
        PrepareConfig(to_mpp=0.5, workers=1),
        reporter=quiet,
    )
    table = data.path.parent / "split.csv"
    table.write_text(f"patient,split\n{TRAINED},train\nTCGA-A2-A1G6,test\nTCGA-A2-A3XX,test\n")
    split(data, SplitConfig(str(table)))
    return data


def trained_by(patients: dict[str, list[str]]) -> Training:
    return Training.from_dict({"patients": patients}, "training")


def evaluate(bundle: Bundle, data: Path, out: Path, *words: str) -> int:
    return main(
        [
            "evaluate",
            "--model",
            str(bundle.path),
            "--data",
            str(data),
            "--out",
            str(out),
            "--threads",
            "1",
            *words,
        ]
    )


@pytest.fixture(scope="session")
def result(crops: Dataset, lively_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "test"
    assert evaluate(lively_bundle, crops.path, out) == 0
    return out


def scores_of(folder: Path) -> Any:
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))


def from_counts(table: pd.DataFrame, name: str) -> dict[str, float]:
    """Compute a class's scores from rows of truth, prediction and px: another way than the
    package's."""
    total = table["px"].sum()
    hits = table.loc[(table["truth"] == name) & (table["prediction"] == name), "px"].sum()
    support = table.loc[table["truth"] == name, "px"].sum()
    named = table.loc[table["prediction"] == name, "px"].sum()
    return {
        "dice": 2 * hits / (support + named),
        "iou": hits / (support + named - hits),
        "precision": hits / named if named else math.nan,
        "recall": hits / support,
        "f1": 2 * hits / (support + named),
        "accuracy": (total - support - named + 2 * hits) / total,
        "specificity": 1 - (named - hits) / (total - support) if total > support else math.nan,
        "support_px": support,
    }


def test_files(result: Path, crops: Dataset) -> None:
    regions = [r for r in crops.regions.index if TRAINED not in r]
    found = {str(p.relative_to(result)) for p in result.rglob("*") if p.is_file()}
    assert len(regions) == 2
    assert found == {
        "breastseg-work.json",
        "counts.csv",
        "scores.json",
        "training.csv",
        "report.html",
        "per_region.csv",
        "per_hospital.csv",
        "per_group.csv",
        *(
            f"regions/{r}/{n}"
            for r in regions
            for n in ("image.jpg", "labels.png", "truth.png", "prediction.png", "errors.png")
        ),
    }


def test_scores_structure(result: Path, crops: Dataset) -> None:
    scores, names = scores_of(result), set(BUILT_IN["region5"].names)
    assert set(scores["pooled"]) == names
    for values in scores["pooled"].values():
        scored = {"dice", "iou", "precision", "recall", "f1", "specificity", "accuracy"}
        assert set(values) == scored | {"support_px", "support_regions", "support_patients"}
    assert scores["patients"] == ["TCGA-A2-A1G6", "TCGA-A2-A3XX"]
    assert (scores["model"], scores["split"], scores["mpp"], scores["data"]) == (
        "lively",
        "test",
        0.5,
        crops.fingerprint(),
    )
    assert LabelMap.from_dict(scores["label_map"], "scores.json") == BUILT_IN["region5"]
    assert len(scores["regions"]) == 2
    for region in scores["regions"].values():
        assert set(region["classes"]) == names


def test_a_class_that_does_not_occur_is_nan_in_the_file_never_0(
    result: Path, crops: Dataset
) -> None:
    scores = scores_of(result)
    absent = 0
    for region, values in scores["regions"].items():
        for name, row in values["classes"].items():
            assert row["support_px"] == crops.class_pixels.loc[region, name]
            if not row["support_px"]:
                absent += 1
                assert all(
                    math.isnan(row[key])
                    for key in ("dice", "iou", "precision", "recall", "f1", "accuracy")
                )
    assert absent  # else this tests nothing
    assert '"dice": NaN' in (result / "scores.json").read_text(encoding="utf-8")


def test_counts_are_the_annotated_pixels(result: Path, crops: Dataset) -> None:
    table = pd.read_csv(result / "counts.csv")
    for region, rows in table.groupby("region"):
        assert rows["px"].sum() == np.count_nonzero(crops.labels(str(region)))
    names = {*BUILT_IN["region5"].names}
    assert set(table["truth"]) <= names
    assert set(table["prediction"]) <= names
    assert len(set(table["prediction"])) >= 3  # one class everywhere would prove nothing
    assert (table["px"] > 0).all()


def test_scores_follow_from_counts(result: Path) -> None:
    table, scores = pd.read_csv(result / "counts.csv"), scores_of(result)
    present = [name for name, row in scores["pooled"].items() if row["support_px"]]
    for name in present:
        rows = table[table["truth"] == name]
        behind = {
            "support_regions": rows["region"].nunique(),
            "support_patients": rows["region"].str[:12].nunique(),
        }
        assert scores["pooled"][name] == pytest.approx(
            {**from_counts(table, name), **behind}, nan_ok=True
        )
    for region, values in scores["regions"].items():
        rows = table[table["region"] == region]
        for name, row in values["classes"].items():
            if row["support_px"]:
                assert row == pytest.approx(from_counts(rows, name), nan_ok=True)
    right = table.loc[table["truth"] == table["prediction"], "px"].sum()
    assert scores["overall"]["accuracy"] == pytest.approx(right / table["px"].sum())
    assert scores["overall"]["mean_dice"] == pytest.approx(
        np.mean([from_counts(table, name)["dice"] for name in present])
    )
    assert scores["overall"]["mean_iou"] == pytest.approx(
        np.mean([from_counts(table, name)["iou"] for name in present])
    )
    assert scores["overall"]["support_px"] == table["px"].sum()


def test_tables_of_regions_and_hospitals_say_what_the_scores_say(result: Path) -> None:
    scores, regions, hospitals = (
        scores_of(result),
        pd.read_csv(result / "per_region.csv"),
        pd.read_csv(result / "per_hospital.csv"),
    )
    assert regions["patient"].tolist() == scores["patients"]
    for row in regions.to_dict("records"):
        values = scores["regions"][row["region"]]
        assert row["mean_dice"] == pytest.approx(values["overall"]["mean_dice"])
        assert row["tumor_dice"] == pytest.approx(values["classes"]["tumor"]["dice"], nan_ok=True)
        assert row["stroma_hd95_um"] == pytest.approx(
            values["boundary"]["stroma"]["hd95_um"], nan_ok=True
        )
    assert hospitals[["site", "patients", "regions"]].to_numpy().tolist() == [
        ["A2", 2, 2]
    ]  # one hospital: the same as pooled
    assert hospitals["kappa"].tolist() == pytest.approx([scores["overall"]["kappa"]])
    assert (
        scores["hospitals"]["A2"]["classes"]["stroma"]["dice"] == scores["pooled"]["stroma"]["dice"]
    )
    means = regions["mean_dice"].mean(), regions["stroma_dice"].mean()
    found = scores["mean_per_region"]
    assert (found["overall"]["mean_dice"], found["classes"]["stroma"]["dice"]) == pytest.approx(
        means
    )


def test_borders_follow_from_the_label_images(result: Path, crops: Dataset) -> None:
    scores, counts = scores_of(result), []
    for region, values in scores["regions"].items():
        found = np.asarray(Image.open(result / "regions" / region / "labels.png"))
        small = [
            np.asarray(labels)[1::2, 1::2] for labels in (crops.labels(region), found)
        ]  # 0.5 um/px, so every second pixel
        surface = measure_surface(*small, 5, mpp=1.0, tolerance_um=10)
        counts.append(surface.counts)
        for k, name in enumerate(BUILT_IN["region5"].names):
            wanted = {
                "surface_dice": surface_dice(surface.counts)[k],
                "hd95_um": surface.hd95_um[k],
            }
            assert values["boundary"][name] == pytest.approx(wanted, nan_ok=True)
    pooled = surface_dice(np.sum(counts, axis=0))
    assert [row["surface_dice"] for row in scores["boundary"]["classes"].values()] == pytest.approx(
        pooled.tolist(), nan_ok=True
    )
    assert np.isfinite(pooled).sum() >= 2


def test_intervals_are_over_patients_and_say_how_many(result: Path, crops: Dataset) -> None:
    scores = scores_of(result)
    ends = scores["intervals"]["overall"]["accuracy"]
    by_region = sorted(values["overall"]["accuracy"] for values in scores["regions"].values())
    assert ends == pytest.approx(
        by_region
    )  # of two patients, a quarter of the draws holds one alone, and a quarter the other
    assert scores["intervals"]["patients"] == 2
    assert (
        "2 patients are few, and intervals of few patients are too narrow"
        in scores["intervals"]["note"]
    )
    page = (result / "report.html").read_text(encoding="utf-8")
    assert f"accuracy<small>{ends[0]:.3f} to {ends[1]:.3f}</small>" in page


def test_every_figure_has_its_interval(result: Path, with_probabilities: Path) -> None:
    """Two patients: a quarter of the draws holds one alone and a quarter the other, so the ends are
    the figures of the two."""
    scores = scores_of(with_probabilities)
    found, regions = scores["intervals"], list(scores["regions"].values())
    pairs = [
        (
            found["mean_per_region"]["overall"]["kappa"],
            [region["overall"]["kappa"] for region in regions],
        )
    ]
    for name in ("tumor", "stroma"):
        by_class = [region["classes"][name]["dice"] for region in regions]
        pairs += [
            (found["mean_per_region"]["classes"][name]["dice"], by_class),
            (found["classes"][name]["dice"], by_class),
        ]
        for key, inside in (
            ("surface_dice", "surface_dice"),
            ("region_surface_dice", "surface_dice"),
            ("region_hd95_um", "hd95_um"),
        ):
            pairs.append(
                (
                    found["boundary"][name][key],
                    [region["boundary"][name][inside] for region in regions],
                )
            )
    known = [
        (ends, values) for ends, values in pairs if not any(math.isnan(value) for value in values)
    ]
    assert len(known) >= 6
    for ends, values in known:
        assert ends == pytest.approx(sorted(values))
    probabilities = scores["probabilities"]
    low, high = probabilities["intervals"]["ece"]
    assert low <= probabilities["ece"] <= high
    assert probabilities["intervals"]["patients"] == 2


def test_one_patient_has_no_interval_and_is_told_so(
    crops: Dataset, lively_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(lively_bundle, crops.path, tmp_path / "out", "--split", "train") == 0
    reason = "no interval: it is drawn over patients, and a single one says nothing about others"
    assert "\n1 region, 1 patient; Dice: " in capsys.readouterr().out
    assert scores_of(tmp_path / "out")["intervals"] == {"patients": 1, "note": reason}
    assert reason in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def with_probabilities(
    crops: Dataset, lively_bundle: Bundle, result: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same evaluation with probabilities, compared with the one without: two of one model."""
    out = tmp_path_factory.mktemp("results") / "probabilities"
    assert (
        evaluate(lively_bundle, crops.path, out, "--probabilities", "--compare", str(result)) == 0
    )
    return out


def test_probabilities_change_no_other_score(result: Path, with_probabilities: Path) -> None:
    with_them, without = scores_of(with_probabilities), scores_of(result)
    assert json.dumps(
        {k: v for k, v in with_them.items() if k not in ("probabilities", "comparison")}
    ) == json.dumps(without)
    assert (with_probabilities / "counts.csv").read_bytes() == (result / "counts.csv").read_bytes()


def test_auc_and_calibration_are_those_of_the_models_probabilities(
    with_probabilities: Path, crops: Dataset, lively_bundle: Bundle
) -> None:
    from sklearn.metrics import roc_auc_score

    model = load_model(lively_bundle.path, threads=1)
    planes, truths = [], []
    for region in scores_of(with_probabilities)["regions"]:
        truth = np.asarray(crops.labels(region))
        for named in name_tissue(
            PixelField(np.array(crops.image(region))), model.runner, model.tiles, probabilities=True
        ):
            box, scores = named.box, named.probabilities
            part = truth[box.y : box.y + box.height, box.x : box.x + box.width]
            assert scores is not None
            planes.append(scores[:, part > 0])
            truths.append(part[part > 0])
    found, scores_, truth = (
        scores_of(with_probabilities)["probabilities"],
        np.concatenate(planes, axis=1),
        np.concatenate(truths),
    )
    for k, row in enumerate(found["classes"].values()):
        if 0 < (truth == k + 1).mean() < 1:
            assert (
                abs(row["auc"] - roc_auc_score(truth == k + 1, scores_[k]))
                <= row["auc_error_at_most"] + 1e-12
            )
    assert sum(row["pixels"] for row in found["reliability"]) == len(truth)
    sure = sum(row["pixels"] * row["confidence"] for row in found["reliability"]) / len(truth)
    assert sure == pytest.approx(scores_.max(axis=0).mean(), rel=1e-4)
    text, ends = (
        (with_probabilities / "report.html").read_text(encoding="utf-8"),
        found["intervals"],
    )
    for name, key, shown in (
        (found["mean_auc"], "mean_auc", "mean AUC"),
        (found["ece"], "ece", "expected calibration error"),
    ):
        assert (
            f"<b>{name:.3f}</b>{shown}<small>{ends[key][0]:.3f} to {ends[key][1]:.3f}</small>"
            in text
        )
    (low, high), tumour = ends["classes"]["tumor"]["auc"], found["classes"]["tumor"]
    bound = np.ceil(1000 * tumour["auc_error_at_most"]) / 1000
    assert (
        f"{tumour['auc']:.3f}<small>{low:.3f} to {high:.3f}</small></td><td>{bound:.3f}</td>"
        in text
    )


def test_probabilities_at_the_models_own_resolution(
    lively_bundle: Bundle, painted_data: Dataset, tmp_path: Path
) -> None:
    """A data set at 0.3 um/px, a model at 0.5: probabilities are counted where the model makes
    them, labels where the truth is."""
    for name, words in (("plain", []), ("probabilities", ["--probabilities"])):
        assert (
            evaluate(lively_bundle, painted_data.path, tmp_path / name, "--split", "all", *words)
            == 0
        )
    plain, found = scores_of(tmp_path / "plain"), scores_of(tmp_path / "probabilities")
    assert json.dumps(found["overall"]) == json.dumps(plain["overall"])
    assert sum(row["pixels"] for row in found["probabilities"]["reliability"]) == 6 * 58 * 58


def test_a_model_compared_with_itself_differs_by_nothing(
    with_probabilities: Path, result: Path
) -> None:
    found = scores_of(with_probabilities)["comparison"]
    assert (found["with"], found["folder"]) == ("lively", str(result))
    assert found["overall"]["mean_dice"] == {"difference": 0, "interval": [0, 0]}
    assert "Against lively" in (with_probabilities / "report.html").read_text(encoding="utf-8")


def test_a_comparison_with_a_worse_result_finds_how_much_worse(
    result: Path,
    crops: Dataset,
    lively_bundle: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    worse = Path(shutil.copytree(result, tmp_path / "worse"))
    table = pd.read_csv(worse / "counts.csv")
    table.loc[table["truth"] == "stroma", "prediction"] = "not analysed"
    table.groupby(["region", "truth", "prediction"], as_index=False)["px"].sum().to_csv(
        worse / "counts.csv", index=False
    )
    assert evaluate(lively_bundle, crops.path, tmp_path / "out", "--compare", str(worse)) == 0
    scores = scores_of(tmp_path / "out")
    found = scores["comparison"]["classes"]["stroma"]["dice"]
    assert found["difference"] == scores["pooled"]["stroma"]["dice"]
    assert found["interval"] == scores["intervals"]["classes"]["stroma"]["dice"]
    assert found["interval"][0] > 0
    better = scores["comparison"]["overall"]["mean_dice"]
    low, high = better["interval"]
    assert (
        f"mean Dice {better['difference']:+.3f} ({low:+.3f} to {high:+.3f}) against {worse}"
        in capsys.readouterr().out
    )
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for title, score in (
        ("balanced accuracy", "balanced_accuracy"),
        ("kappa", "kappa"),
        ("mean IoU", "mean_iou"),
    ):
        row = scores["comparison"]["overall"][score]
        low, high = row["interval"]
        assert (
            f"<td>{title}</td><td>{row['difference']:.3f}</td><td>{low:.3f} to {high:.3f}</td>"
            in text
        )
    assert "2 patients are few" in scores["comparison"]["note"]


@pytest.mark.parametrize(
    ("patients", "words"), [(2, "about 1 of 2 such"), (5, "about 1 of 16 such"), (6, "")]
)
def test_a_difference_among_few_patients_is_not_made_to_look_sure(
    patients: int, words: str
) -> None:
    """Two equal models: when every patient happens to favour one of them, no draw holds 0; of 6
    patients so in 1 of 32 cases."""
    here = {f"R{k}": np.array([[0, 90, 10], [0, 10, 90]]) for k in range(patients)}
    there = {region: np.array([[0, 89, 11], [0, 10, 90]]) for region in here}
    found = comparison(here, Other(Path("there"), "other", there), list(here), ["tumor", "stroma"])
    ends = found.overall["accuracy"].interval
    assert ends is not None
    assert ends[0] > 0
    assert words in found.note
    assert ("equal models seem to differ" in found.note) == bool(words)


def test_a_comparison_can_be_asked_for_later(
    result: Path, crops: Dataset, lively_bundle: Bundle, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(result, tmp_path / "out"))
    assert evaluate(lively_bundle, crops.path, out, "--compare", str(result)) == 0
    assert scores_of(out)["comparison"]["overall"]["kappa"]["difference"] == 0


def broken(folder: Path, how: str) -> None:
    """Make another evaluation unfit to be compared with."""
    scores = scores_of(folder)
    if how == "unfinished":
        (folder / "scores.json").unlink()
    elif how == "data":
        write_json(folder / "scores.json", {**scores, "data": "0" * 16})
    elif how == "regions":
        write_json(
            folder / "scores.json", {**scores, "regions": dict(list(scores["regions"].items())[:1])}
        )
    elif how == "counts":
        (folder / "counts.csv").write_text("region,truth,prediction,px\nA,tumor,tumor,many\n")
    elif how == "truth":
        lines = (folder / "counts.csv").read_text().splitlines()
        (folder / "counts.csv").write_text("\n".join(lines[:-1]) + "\n")
    else:
        (folder / "counts.csv").unlink()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("unfinished", r"scores\.json: not found, wanted the scores of a finished evaluation"),
        (
            "data",
            "scores on other data or labels; evaluate both models on the same prepared data set",
        ),
        ("regions", "scores of 1 region, wanted the same 2; evaluate both on one --split"),
        (
            "counts",
            r"counts\.csv: not the counts of this evaluation \(.*\); evaluate that model again",
        ),
        ("truth", "its counts are of other annotation; evaluate that model again"),
        ("none", r"counts\.csv: not found; only evaluations with annotated areas can be compared"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    result: Path,
    crops: Dataset,
    lively_bundle: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    how: str,
    message: str,
) -> None:
    other = Path(shutil.copytree(result, tmp_path / "other"))
    broken(other, how)
    assert evaluate(lively_bundle, crops.path, tmp_path / "out", "--compare", str(other)) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("breastseg: ")
    assert re.search(message, error)
    assert not (tmp_path / "out" / "scores.json").exists()


def test_a_network_that_gives_nan_is_an_error(
    crops: Dataset, lively_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from breastseg.runners.openvino import OpenvinoRunner

    def nothing(self: OpenvinoRunner, tiles: np.ndarray) -> np.ndarray:
        return np.full((len(tiles), 5, *tiles.shape[1:3]), np.nan, np.float32)

    monkeypatch.setattr(OpenvinoRunner, "probabilities", nothing)
    here = Model(lively_bundle, load_runner(lively_bundle, threads=1))
    with pytest.raises(
        ModelError,
        match=r"openvino \w+\) gives NaN",
    ):
        breastseg.evaluate(here, crops.path, tmp_path / "out", probabilities=True, reporter=quiet)


def test_counts_follow_from_the_label_images(result: Path, crops: Dataset) -> None:
    table, names = (
        pd.read_csv(result / "counts.csv").set_index(["region", "truth", "prediction"])["px"],
        BUILT_IN["region5"].names,
    )
    for region in scores_of(result)["regions"]:
        truth, found = (
            crops.labels(region),
            np.asarray(Image.open(result / "regions" / region / "labels.png")),
        )
        for i, j in np.ndindex(5, 5):
            assert (
                table.get((region, names[i], names[j]), 0)
                == ((truth == i + 1) & (found == j + 1)).sum()
            )


def test_evaluate_takes_the_path_that_users_run(
    result: Path, crops: Dataset, lively_bundle: Bundle, tmp_path: Path
) -> None:
    for number, region in enumerate(scores_of(result)["regions"]):
        Image.fromarray(np.array(crops.image(region))).save(tmp_path / f"{number}.png")
        words = [
            "--mpp",
            "0.5",
            "--model",
            str(lively_bundle.path),
            "--out",
            str(tmp_path / f"maps{number}"),
            "--threads",
            "1",
        ]
        assert main(["predict", str(tmp_path / f"{number}.png"), *words]) == 0
        predicted = tmp_path / f"maps{number}" / str(number) / "labels.png"
        assert predicted.read_bytes() == (result / "regions" / region / "labels.png").read_bytes()


def test_same_work_same_bytes(
    result: Path, crops: Dataset, lively_bundle: Bundle, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    assert evaluate(lively_bundle, crops.path, again) == 0
    for path in result.rglob("*"):
        assert (
            path.is_dir() or path.read_bytes() == (again / path.relative_to(result)).read_bytes()
        ), path.name


@pytest.mark.parametrize("part", ["all", "test", "val"])
def test_a_patient_who_trained_the_model_is_refused(
    crops: Dataset,
    lively_bundle: Bundle,
    tmp_path: Path,
    part: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "data"
    shutil.copytree(crops.path, data)
    if part != "all":
        text = (data / "split.csv").read_text()
        (data / "split.csv").write_text(text.replace("train", part))
    assert evaluate(lively_bundle, data, tmp_path / "out", "--split", part) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        f"breastseg: patient {TRAINED} was used to train the model 'lively' (1 in all); scores on"
        " them say nothing"
    )
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_patient_who_chose_the_epoch_is_told_apart_from_one_who_taught(
    crops: Dataset, lively_bundle: Bundle
) -> None:
    patients = {"train": ["TCGA-A2-A3XX"], "val": ["TCGA-A2-A1G6"]}
    model = load_model(lively_bundle.path)
    model = replace(
        model,
        bundle=replace(model.bundle, card=replace(model.card, training=trained_by(patients))),
    )
    regions = list(crops.regions.index)
    for chosen, told in (
        (regions, "A3XX was used to train"),
        (regions[:2], "A1G6 was used to validate"),
    ):
        with pytest.raises(SplitError, match=told):
            leak_of(model, crops, crops.regions.assign(split="all"), chosen, "all")


def test_the_fit_on_training_patients_is_shown_when_asked_for_and_called_so(
    crops: Dataset, lively_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(lively_bundle, crops.path, tmp_path / "out", "--split", "train") == 0
    scores = scores_of(tmp_path / "out")
    assert scores["patients"] == [TRAINED]
    note = (
        "FIT: 1 of the 1 patient scored here trained the model: this shows what it learned, no"
        " estimate for other patients"
    )
    assert scores["seen"] == {"trained": 1, "validated": 0, "note": note}
    assert scores["protocol"].startswith(note)  # what `--record` writes into the card
    assert capsys.readouterr().out.startswith(note)
    assert note in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("patients", "trained", "validated", "words"),
    [
        (
            {"train": ["TCGA-A2-A3XX"], "val": ["TCGA-A2-A1G6"]},
            1,
            1,
            "FIT: 1 of the 3 patients scored here trained the model",
        ),
        (
            {"train": ["TCGA-A1-A0SK"], "val": ["TCGA-A2-A1G6"]},
            0,
            1,
            "trained the model, but 1 validated it",
        ),
        (
            {"train": ["TCGA-A1-A0SK"]},
            0,
            0,
            "none of the 3 patients scored here trained the model or validated it",
        ),
        (
            {},
            None,
            None,
            "whether any of the 3 patients scored here trained the model is not known",
        ),
    ],
)
def test_who_the_model_knew_is_told(
    crops: Dataset,
    lively_bundle: Bundle,
    patients: dict[str, list[str]],
    trained: int | None,
    validated: int | None,
    words: str,
) -> None:
    model = load_model(lively_bundle.path)
    model = replace(
        model,
        bundle=replace(model.bundle, card=replace(model.card, training=trained_by(patients))),
    )
    found = seen_by(model, crops, list(crops.regions.index))
    assert (found.trained, found.validated) == (trained, validated)
    assert words in found.note


def test_a_data_set_that_was_never_split_can_be_scored_whole(
    lively_bundle: Bundle, painted_data: Dataset, tmp_path: Path
) -> None:
    assert evaluate(lively_bundle, painted_data.path, tmp_path / "out", "--split", "all") == 0
    scores = scores_of(tmp_path / "out")
    assert len(scores["regions"]) == 6
    assert scores["overall"]["support_px"] == 6 * 96 * 96


def test_other_label_maps_are_an_error(
    lively_bundle: Bundle, painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = prepare(
        painted,
        tmp_path / "data",
        PrepareConfig(to_mpp=0.3, labels="tumor", workers=1),
        reporter=quiet,
    )
    assert evaluate(lively_bundle, data.path, tmp_path / "out", "--split", "all") == 2
    error = capsys.readouterr().err
    assert (
        "model 'lively' has label map 'region5' (tumor, stroma, inflammatory, necrosis, other)"
        in error
    )
    assert (
        "has 'tumor' (tumor, not tumor); prepare the data set with the model's label map" in error
    )
    assert not (tmp_path / "out").exists()
