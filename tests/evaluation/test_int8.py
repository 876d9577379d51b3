"""int8: made from real crops, measured on the way that users run, and refused when it loses too
much."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from breastseg.bundles.bundle import HISTORY, INT8, INT8_WEIGHTS, ONNX, WEIGHTS, Bundle, load_bundle
from breastseg.cli import main
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import DatasetError, InputError, ModelError, OutputError
from breastseg.evaluation.config import Int8Config
from breastseg.evaluation.int8 import export_int8
from breastseg.files import sha256_of
from breastseg.inference.model import load_model
from breastseg.metrics import confusion_counts, overall_scores
from breastseg.runners import load_runner
from breastseg.runners.precision import auto_precision, has_exact_int8
from conftest import DATA, crop, quiet

FEW = Int8Config(split="test", crops=4, allow_loss=100)
needs_vnni = pytest.mark.skipif(
    not has_exact_int8(), reason="without VNNI int8 is refused before all else"
)


@pytest.fixture(scope="module")
def real_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real crops at the tiny model's microns per pixel: two patients train, one tests."""
    data = prepare(
        DATA / "bcss",
        tmp_path_factory.mktemp("data") / "real",
        PrepareConfig(to_mpp=0.5, workers=1),
        reporter=quiet,
    )
    split(data, SplitConfig("leave-one-out", patient=str(data.regions["patient"].iloc[0]), val=0))
    return data.path


@pytest.fixture(scope="module")
def int8_bundle(
    lively_bundle: Bundle, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    if not has_exact_int8():
        pytest.skip("int8 overflows on this processor")
    return export_int8(
        lively_bundle.path,
        real_data,
        tmp_path_factory.mktemp("models") / "int8",
        FEW,
        reporter=quiet,
    )


def test_the_new_bundle_is_the_old_one_and_two_files_more(
    int8_bundle: Bundle, lively_bundle: Bundle
) -> None:
    assert list(int8_bundle.card.files) == [WEIGHTS, ONNX, HISTORY, INT8, INT8_WEIGHTS]
    for name, digest in lively_bundle.card.files.items():
        assert sha256_of(int8_bundle.path / name) == digest
    assert {p.name for p in int8_bundle.path.iterdir()} == {*int8_bundle.card.files, "card.json"}
    assert replace(int8_bundle.card, files={}, quantisation={}) == replace(
        lively_bundle.card, files={}
    )


def test_its_weights_are_bytes(int8_bundle: Bundle) -> None:
    """Half of half precision, and what little cannot be quantised."""
    assert (int8_bundle.path / INT8_WEIGHTS).stat().st_size < 0.6 * (
        int8_bundle.path / WEIGHTS
    ).stat().st_size
    assert (int8_bundle.path / INT8).read_text(encoding="utf-8").count("FakeQuantize") > 30


def test_the_card_has_dice_before_and_after_as_counted_again(
    int8_bundle: Bundle, real_data: Path
) -> None:
    said, data = int8_bundle.card.quantisation, open_dataset(real_data)
    regions = [
        region
        for region in data.regions.index
        if data.regions.loc[region, "patient"] == data.regions["patient"].iloc[0]
    ]
    assert (said["split"], said["regions"], said["crops"], said["data"]) == (
        "test",
        len(regions),
        4,
        data.fingerprint(),
    )
    for precision in ("fp32", "int8"):
        model = load_model(int8_bundle.path, precision=precision)
        counts = sum(
            confusion_counts(
                np.asarray(data.labels(r)), model.label(data.image(r), mpp=data.mpp), 5
            )
            for r in regions
        )
        assert said["mean_dice"][precision] == overall_scores(counts)["mean_dice"]
    assert set(said["dice"]) <= set(int8_bundle.card.label_map.names)
    assert said["dice"]
    assert all(set(both) == {"fp32", "int8"} for both in said["dice"].values())


def test_auto_runs_what_the_rule_says_and_its_labels_are_nearly_those_of_fp32(
    int8_bundle: Bundle,
) -> None:
    """Calibrated on crops of other patients than these are all of."""
    small, single = (
        load_runner(int8_bundle, threads=1),
        load_runner(int8_bundle, precision="fp32", threads=1),
    )
    assert small.name.removesuffix("+bf16") == f"openvino {auto_precision(has_int8=True)[0]}"
    tiles = np.stack([crop(i) for i in range(3)])
    assert len(np.unique(single.labels(tiles))) >= 3
    assert (small.labels(tiles) == single.labels(tiles)).mean() > 0.9
    assert not np.array_equal(small.probabilities(tiles), single.probabilities(tiles))


def test_int8_labels_are_the_argmax_of_its_probabilities(int8_bundle: Bundle) -> None:
    runner, tiles = (
        load_runner(int8_bundle, precision="int8", threads=1),
        np.stack([crop(i) for i in range(3)]),
    )
    assert np.array_equal(runner.labels(tiles), runner.probabilities(tiles).argmax(axis=1) + 1)


@pytest.mark.parametrize("name", [INT8, INT8_WEIGHTS])
def test_an_altered_int8_file_is_refused(int8_bundle: Bundle, tmp_path: Path, name: str) -> None:
    for path in int8_bundle.path.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with (tmp_path / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelError, match=rf"{name}: altered"):
        load_bundle(tmp_path)


@needs_vnni
def test_a_loss_beyond_the_limit_writes_nothing(
    lively_bundle: Bundle, real_data: Path, tmp_path: Path
) -> None:
    """A limit that only a gain of a hundred points meets."""
    with pytest.raises(
        ModelError,
        match=r"lively: .* -?\d+\.\d\d points of Dice, -100 allowed",
    ):
        export_int8(
            lively_bundle.path,
            real_data,
            tmp_path / "int8",
            replace(FEW, crops=1, allow_loss=-100),
            reporter=quiet,
        )
    assert list(tmp_path.iterdir()) == []


@needs_vnni
def test_the_command(
    lively_bundle: Bundle,
    real_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Nothing of NNCF's talk reaches a person, and the folder is named after the model's."""
    (tmp_path / "bundle").symlink_to(lively_bundle.path)
    monkeypatch.chdir(tmp_path)
    words = [
        "export",
        "bundle/",
        "--int8",
        "--data",
        real_data,
        "--split",
        "test",
        "--crops",
        2,
        "--allow-loss",
        100,
    ]
    assert main([str(word) for word in words]) == 0
    shown = capfd.readouterr()
    assert shown.err == ""
    assert [line.split(" ")[0] for line in shown.out.splitlines()] == ["mean", "bundle-int8:"]
    assert load_bundle("bundle-int8").card.quantisation["crops"] == 2
    assert main([str(word) for word in words]) == 2
    assert (
        capfd.readouterr().err
        == "breastseg: bundle-int8: exists; choose another --out or remove it\n"
    )


@needs_vnni
def test_crops_of_another_resolution_are_refused(
    lively_bundle: Bundle, painted_data: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(
        DatasetError,
        match=r"painted_data: .* 0\.3 um/px, .* 0\.5; .*--to-mpp 0\.5",
    ):
        export_int8(lively_bundle.path, painted_data.path, tmp_path / "int8", FEW, reporter=quiet)


def test_no_crops_is_a_mistake(lively_bundle: Bundle, real_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="crops 0: wanted 1 or more"):
        export_int8(
            lively_bundle.path, real_data, tmp_path / "int8", replace(FEW, crops=0), reporter=quiet
        )


@needs_vnni
def test_an_existing_folder_is_not_touched(
    lively_bundle: Bundle, real_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists; choose another --out or remove it"):
        export_int8(lively_bundle.path, real_data, tmp_path, FEW, reporter=quiet)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@needs_vnni
def test_dice_is_of_areas(
    lively_bundle: Bundle, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Dataset, "dotted", lambda self, regions: [r for r in regions if r.startswith("TCGA")]
    )
    with pytest.raises(
        DatasetError,
        match=r"split 'test' has no annotated areas .*--split",
    ):
        export_int8(lively_bundle.path, real_data, tmp_path / "int8", FEW, reporter=quiet)


def test_without_nncf_the_command_says_what_to_install(
    lively_bundle: Bundle, real_data: Path, tmp_path: Path
) -> None:
    words = [
        "export",
        str(lively_bundle.path),
        "--int8",
        "--data",
        str(real_data),
        "--out",
        str(tmp_path / "int8"),
    ]
    code = (
        "import sys\n"
        "sys.modules['nncf'] = None\n"
        "from breastseg.cli import main\n"
        f"sys.exit(main({words!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "breastseg: int8: nncf is not installed; pip install 'breastseg[int8]'\n",
    )
    assert not list(tmp_path.iterdir())
