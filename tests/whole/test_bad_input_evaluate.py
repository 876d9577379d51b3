"""What evaluate does with truth and models that do not fit: one line for a person's mistake, a word
for what is left out."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from sklearn.metrics import roc_auc_score

import breastseg
from breastseg.bundles.bundle import HISTORY, WEIGHTS, Bundle, load_bundle
from breastseg.cli import main
from breastseg.data.dataset import ARRAYS, Dataset, open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.files import sha256_of, write_json
from breastseg.inference.model import load_model
from breastseg.inference.tiles import PixelField, name_tissue
from breastseg.labels import BUILT_IN
from conftest import CROPS, DATA, quiet, rewrite

FIVE = BUILT_IN["region5"].names


def words(bundle: Bundle, data: Path, out: Path, *more: str) -> list[str]:
    return [
        "evaluate",
        "--model",
        str(bundle.path),
        "--data",
        str(data),
        "--out",
        str(out),
        "--threads",
        "1",
        "--split",
        "all",
        *more,
    ]


def scored(bundle: Bundle, data: Dataset, out: Path, *more: str) -> Any:
    assert main(words(bundle, data.path, out, *more)) == 0
    return json.loads((out / "scores.json").read_text(encoding="utf-8"))


def refused(capsys: pytest.CaptureFixture[str], given: list[str], message: str) -> None:
    assert main(given) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("breastseg: ")
    assert re.search(message, error), error


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real crops of patients who did not train the model."""
    folder = tmp_path_factory.mktemp("source") / "bcss"
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
        for path in CROPS[1:]:
            shutil.copy(DATA / "bcss" / kind / path.name, folder / kind)
    return folder


def prepared(source: Path, out: Path, labels: str) -> Dataset:
    return prepare(source, out, PrepareConfig(to_mpp=0.5, labels=labels, workers=1), reporter=quiet)


@pytest.fixture(scope="module")
def data(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return prepared(source, tmp_path_factory.mktemp("five") / "data", "region5")


@pytest.fixture(scope="module")
def plain(lively_bundle: Bundle, data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plain") / "out"
    scored(lively_bundle, data, out)
    return out


@pytest.mark.parametrize("code", [0, 7])
def test_regions_without_truth_are_left_out_by_name(
    lively_bundle: Bundle,
    source: Path,
    plain: Path,
    tmp_path: Path,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing annotated (0), or all of it to be ignored (7, exclude): as if the region were not
    there, but it is said."""
    more = Path(shutil.copytree(source, tmp_path / "more"))
    name = "TCGA-A1-B001-DX1_xmin1_ymin2_MPP-0.2500"
    shutil.copy(next((source / "images").iterdir()), more / "images" / f"{name}.png")
    Image.fromarray(np.full((256, 256), code, np.uint8)).save(more / "masks" / f"{name}.png")
    scores = scored(lively_bundle, prepared(more, tmp_path / "data", "region5"), tmp_path / "out")
    said = capsys.readouterr().out
    assert f"1 of 3 regions left out, nothing is annotated there: {name}" in said
    assert "2 regions (1 more without truth left out), 2 patients" in said
    assert scores["left_out"] == [name]
    assert name in scores["protocol"]
    before = json.loads((plain / "scores.json").read_text(encoding="utf-8"))
    for key in ("overall", "pooled", "intervals", "boundary", "hospitals", "regions", "patients"):
        assert json.dumps(scores[key]) == json.dumps(before[key]), key
    assert not (tmp_path / "out" / "regions" / name).exists()


def test_no_truth_at_all(
    lively_bundle: Bundle, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = Path(shutil.copytree(source, tmp_path / "empty"))
    for mask in (empty / "masks").iterdir():
        Image.fromarray(np.zeros((256, 256), np.uint8)).save(mask)
    found = prepared(empty, tmp_path / "data", "region5")
    refused(
        capsys,
        words(lively_bundle, found.path, tmp_path / "out"),
        "no annotated pixel in the 2 regions of split 'all'; there is nothing to score",
    )
    assert not (tmp_path / "out").exists()


def regrouped(table: pd.DataFrame, groups: dict[str, str]) -> dict[tuple[str, str, str], int]:
    """Rename classes in rows of counts and add up, by region, truth and prediction."""
    names = table[["truth", "prediction"]].replace(groups)
    found = (
        table.assign(truth=names["truth"], prediction=names["prediction"])
        .groupby(["region", "truth", "prediction"])["px"]
        .sum()
    )
    return {key: int(px) for key, px in found.items()}


def counts_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "counts.csv")


@pytest.mark.parametrize(
    ("has", "wanted"),
    [("tumor", "tumor"), ("region5", "tumor"), ("bcss21", "region5"), ("bcss21", "tumor")],
)
def test_both_are_scored_in_the_classes_of_a_coarser_map(
    lively_bundle: Bundle, source: Path, plain: Path, tmp_path: Path, has: str, wanted: str
) -> None:
    """The same counts as of the model's own classes, added up; whatever classes the data set was
    prepared with."""
    scores = scored(
        lively_bundle,
        prepared(source, tmp_path / "data", has),
        tmp_path / "out",
        "--labels",
        wanted,
    )
    groups = {} if wanted == "region5" else {name: "not tumor" for name in FIVE if name != "tumor"}
    assert regrouped(counts_of(tmp_path / "out"), {}) == regrouped(counts_of(plain), groups)
    assert list(scores["pooled"]) == list(BUILT_IN[wanted].names)
    assert scores["label_map"]["name"] == wanted
    with Image.open(next((tmp_path / "out" / "regions").rglob("labels.png"))) as picture:
        assert np.asarray(picture).max() <= len(scores["pooled"])


def test_a_class_of_the_model_that_the_map_leaves_out_is_a_miss(
    lively_bundle: Bundle, source: Path, plain: Path, tmp_path: Path
) -> None:
    """Stroma is in doubt here: where it is the truth nothing is scored, where the model says it the
    pixel is not analysed."""
    own = BUILT_IN["region5"].to_dict()
    doubtful = [
        code for found in own["classes"] if found["name"] == "stroma" for code in found["codes"]
    ]
    kept = [found for found in own["classes"] if found["name"] != "stroma"]
    path = tmp_path / "own.yaml"
    path.write_text(
        yaml.safe_dump(
            {"name": "own", "classes": kept, "not_annotated": own["not_annotated"] + doubtful}
        )
    )
    scored(
        lively_bundle,
        prepared(source, tmp_path / "data", "region5"),
        tmp_path / "out",
        "--labels",
        str(path),
    )
    before = counts_of(plain)
    wanted = regrouped(before[before["truth"] != "stroma"], {"stroma": "not analysed"})
    assert regrouped(counts_of(tmp_path / "out"), {}) == wanted
    assert any(prediction == "not analysed" for _, _, prediction in wanted)


def test_probabilities_of_grouped_classes_are_added_up(
    lively_bundle: Bundle, source: Path, tmp_path: Path
) -> None:
    found = prepared(source, tmp_path / "data", "bcss21")
    without = scored(lively_bundle, found, tmp_path / "without", "--labels", "tumor")
    scores = scored(lively_bundle, found, tmp_path / "with", "--labels", "tumor", "--probabilities")
    assert json.dumps(scores["pooled"]) == json.dumps(without["pooled"])
    assert (tmp_path / "with" / "counts.csv").read_bytes() == (
        tmp_path / "without" / "counts.csv"
    ).read_bytes()
    model, tumour, truths = load_model(lively_bundle.path, threads=1), [], []
    five = prepared(source, tmp_path / "five", "region5")
    for region in five.regions.index:
        for named in name_tissue(
            PixelField(np.array(five.image(region))), model.runner, model.tiles, probabilities=True
        ):
            box = named.box
            part = five.labels(region)[box.y : box.y + box.height, box.x : box.x + box.width]
            assert named.probabilities is not None
            tumour.append(named.probabilities[0][part > 0])
            truths.append(part[part > 0] == 1)
    row = scores["probabilities"]["classes"]["tumor"]
    assert (
        abs(row["auc"] - roc_auc_score(np.concatenate(truths), np.concatenate(tumour)))
        <= row["auc_error_at_most"] + 1e-12
    )
    rest = scores["probabilities"]["classes"][
        "not tumor"
    ]  # of two classes, one's probability is 1 less the other's
    assert rest["auc"] == pytest.approx(
        row["auc"], abs=row["auc_error_at_most"] + rest["auc_error_at_most"]
    )


@pytest.mark.parametrize(
    ("has", "more", "message"),
    [
        (
            "bcss21",
            [],
            r"prepare the data set with the model's label map, or score both in the classes of one:"
            r" evaluate "
            r"--labels region5 or tumor$",
        ),
        (
            "tumor",
            [],
            r"the model's label map, or score both in the classes of one: evaluate --labels tumor$",
        ),
        (
            "region5",
            ["--labels", "bcss21"],
            r"model 'lively': class 'tumor' falls into 3 classes of 'bcss21' \(tumor, "
            r"angioinvasion, dcis\); "
            "choose a coarser --labels",
        ),
        (
            "tumor",
            ["--labels", "region5"],
            r"data set .*: class 'not tumor' falls into 4 classes of 'region5' \(stroma, .*\)",
        ),
        (
            "region5",
            ["--labels", "region9"],
            "label map 'region9': not known; built in are region5",
        ),
        (
            "region5",
            ["--labels", "FEW"],
            (
                r"model 'lively', class 'stroma': code 2 is not in label map 'few' \(it knows 0 to"
                r" 1, 19 to 20\)"
            ),
        ),
        (
            "region5",
            ["--labels", "tumor", "--record"],
            "--record with --labels: a card holds scores in the model's own classes",
        ),
    ],
)
def test_classes_that_do_not_fit(
    lively_bundle: Bundle,
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    has: str,
    more: list[str],
    message: str,
) -> None:
    few = tmp_path / "few.yaml"
    few.write_text("{name: few, classes: [{name: tumor, color: [200, 0, 0], codes: [1, 19, 20]}]}")
    found = prepared(source, tmp_path / "data", has)
    given = [str(few) if word == "FEW" else word for word in more]
    refused(capsys, words(lively_bundle, found.path, tmp_path / "out", *given), message)
    assert not (tmp_path / "out").exists()


def test_dots_are_regrouped_too(lively_bundle: Bundle, tmp_path: Path) -> None:
    found = prepare(
        DATA / "brca_m2c", tmp_path / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet
    )
    five, two = (
        scored(lively_bundle, found, tmp_path / name, *more)["dots"]
        for name, more in (("a", []), ("b", ["--labels", "tumor"]))
    )
    assert two["overall"]["support_dots"] == five["overall"]["support_dots"] == 159
    assert two["classes"]["tumor"] == five["classes"]["tumor"]
    matrix = np.array(five["counts"])
    assert two["counts"][1][2] == matrix[1:, 2:].sum()


def nan_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """A copy of a bundle whose last bias is NaN, with a card that fits."""
    folder.mkdir()
    for name in bundle.card.files:
        (folder / name).write_bytes((bundle.path / name).read_bytes())
    rewrite(folder, "body.segmentation_head.0.bias", np.full(5, np.nan, np.float16))
    files = {name: sha256_of(folder / name) for name in bundle.card.files}
    write_json(folder / "card.json", replace(bundle.card, halo_px=32, files=files).to_dict())
    assert {WEIGHTS, HISTORY} <= bundle.card.files.keys()
    return load_bundle(folder)


@pytest.mark.parametrize(
    "more",
    ["", "--precision fp32", "--flips", "--probabilities", "--backend onnx", "--backend torch"],
)
def test_a_network_of_nan_gives_no_scores(
    lively_bundle: Bundle,
    data: Dataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: str,
) -> None:
    broken = nan_bundle(lively_bundle, tmp_path / "broken")
    refused(
        capsys,
        words(broken, data.path, tmp_path / "out", *more.split()),
        r"the network \((openvino|onnx|torch).*\) gives NaN, not probabilities; its weights are"
        r" damaged, train or pull the model again",
    )
    assert not (tmp_path / "out" / "scores.json").exists()


@pytest.mark.parametrize("more", [[], ["--blend"]])
def test_a_network_of_nan_gives_no_map(
    lively_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    broken = nan_bundle(lively_bundle, tmp_path / "broken")
    given = [
        "predict",
        str(CROPS[0]),
        "--mpp",
        "0.3",
        "--model",
        str(broken.path),
        "--out",
        str(tmp_path / "maps"),
        "--threads",
        "1",
        *more,
    ]
    refused(capsys, given, "gives NaN, not probabilities")
    assert not list((tmp_path / "maps").rglob("labels.png"))


def test_a_picture_and_labels_of_other_sizes(
    lively_bundle: Bundle, data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bent = open_dataset(shutil.copytree(data.path, tmp_path / "data"))
    region = bent.regions.index[0]
    path = bent.path / ARRAYS / f"{region}.labels.npy"
    labels = np.load(path)
    np.save(path, labels[:-3])
    height, width = labels.shape
    message = (
        rf"{region}\.labels\.npy: labels of \({height - 3}, {width}\) \|u1, regions\.csv tells"
        rf" \({height}, {width}\) \|u1; prepare it"
    )
    refused(capsys, words(lively_bundle, bent.path, tmp_path / "out"), message)
    np.save(path, np.full_like(labels, 9))
    refused(
        capsys,
        words(lively_bundle, bent.path, tmp_path / "out"),
        rf"{region}\.labels\.npy: damaged \(other labels than regions\.csv counts\); prepare the"
        r" data set again",
    )


def test_a_mask_of_another_size_than_its_image(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bent = Path(shutil.copytree(source, tmp_path / "bent"))
    mask = next((bent / "masks").iterdir())
    Image.fromarray(np.ones((200, 256), np.uint8)).save(mask)
    refused(
        capsys,
        ["prepare", str(bent), "--out", str(tmp_path / "data")],
        "256 x 200 px, its image is 256 x 256; export both at the same size",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process")
def test_a_disk_that_fills_up(
    lively_bundle: Bundle, data: Dataset, plain: Path, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the disk (-B: no module is compiled under it); the
    same command goes on with room."""
    out = tmp_path / "out"
    given = words(lively_bundle, data.path, out)
    limit = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "from breastseg.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    full = subprocess.run(
        [sys.executable, "-B", "-c", limit, *given],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert full.returncode == 2
    assert re.search(
        r"breastseg: .*File too large; nothing half-written was kept", full.stderr.splitlines()[-1]
    )
    assert not (out / "scores.json").exists()
    assert not list(out.rglob(".part-*"))
    assert main(given) == 0
    for path in plain.rglob("*"):
        assert path.is_dir() or path.read_bytes() == (out / path.relative_to(plain)).read_bytes(), (
            path.name
        )


def test_from_python(lively_bundle: Bundle, data: Dataset, tmp_path: Path) -> None:
    scores = breastseg.evaluate(
        load_model(lively_bundle.path, threads=1),
        data.path,
        tmp_path / "out",
        split="all",
        labels="tumor",
        reporter=quiet,
    )
    assert list(scores.pooled) == ["tumor", "not tumor"]
