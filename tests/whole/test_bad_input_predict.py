"""What a person can get wrong in predict, evaluate and train: exit status 2, one line that says
what to do, nothing half-written."""

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import breastseg.training.train as training
from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from conftest import crop, paint, quiet, tcga

Refused = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that must be refused in one line with the wanted words, and return the line."""

    def check(*words: object, say: str) -> str:
        capsys.readouterr()
        assert main([str(word) for word in words]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert re.fullmatch(r"breastseg: [^\n]+\n", said.err), said.err
        assert re.search(say, said.err), said.err
        return said.err

    return check


def field(folder: Path, name: str = "field.png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(crop(0)[:64, :64]).save(folder / name)
    return folder / name


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header declares a size, with nothing in it: 70 bytes that ask for gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def predict_refused(refused: Refused, tiny_bundle: Bundle, tmp_path: Path) -> Refused:
    """Refuse `predict` before it makes its folder."""

    def check(*words: object, say: str) -> str:
        line = refused(
            "predict", *words, "--model", tiny_bundle.path, "--out", tmp_path / "maps", say=say
        )
        assert not (tmp_path / "maps").exists()
        return line

    return check


def test_a_picture_without_mpp(predict_refused: Refused, tmp_path: Path) -> None:
    predict_refused(
        field(tmp_path),
        say=(
            r"field\.png: no microns per pixel \(looked at --mpp; TIFF .*not a TIFF\); give --mpp,"
            r" as in --mpp 0\.25"
        ),
    )


def test_a_tiff_whose_resolution_is_that_of_a_screen(
    predict_refused: Refused, tmp_path: Path
) -> None:
    Image.fromarray(crop(0)[:64, :64]).save(
        tmp_path / "field.tif", resolution=72, resolution_unit=2
    )
    predict_refused(
        tmp_path / "field.tif",
        say=r"field\.tif: no microns per pixel .*352\.778 um/px, which no scan has\); give --mpp",
    )


@pytest.mark.parametrize("mpp", ["0", "-0.25", "0.01", "40", "nan", "inf"])
def test_an_mpp_that_no_scan_has(predict_refused: Refused, tmp_path: Path, mpp: str) -> None:
    predict_refused(
        field(tmp_path),
        f"--mpp={mpp}",
        say=rf"--mpp: {mpp} um/px, wanted 0\.05 to 20; give the right value with --mpp",
    )


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7\n"], ids=["empty", "text", "pdf"])
def test_no_picture(predict_refused: Refused, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "field.png").write_bytes(content)
    predict_refused(
        tmp_path / "field.png",
        "--mpp",
        0.3,
        say=r"field\.png: not an image that Pillow reads .*wanted PNG, JPEG or TIFF",
    )


@pytest.mark.parametrize("bytes_left", [9, 20, 32])
def test_a_picture_of_which_the_header_alone_is_left(
    predict_refused: Refused, tmp_path: Path, bytes_left: int
) -> None:
    (tmp_path / "field.png").write_bytes(png_of_size(64, 64)[:bytes_left])
    predict_refused(
        tmp_path / "field.png", say=r"field\.png: cut short or damaged .*; copy or export it again"
    )


def test_a_missing_picture(predict_refused: Refused, tmp_path: Path) -> None:
    predict_refused(tmp_path / "gone.png", "--mpp", 0.3, say=r"gone\.png: not found")


def test_an_empty_folder(predict_refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "notes.txt").write_text("x")
    predict_refused(
        tmp_path / "none", "--mpp", 0.3, say=r"none: no images in this folder; wanted \.png"
    )


def test_an_input_whose_results_would_be_called_like_a_file_of_ours(
    predict_refused: Refused, tmp_path: Path
) -> None:
    predict_refused(
        field(tmp_path, "measures.csv.png"),
        "--mpp",
        0.3,
        say=r"would be called like measures\.csv, which breastseg writes itself",
    )


@pytest.mark.parametrize(
    ("width", "height"), [(60_000, 60_000), (16_000, 16_000), (2_000_000_000, 1)]
)
def test_a_picture_that_declares_a_huge_size(
    predict_refused: Refused, tmp_path: Path, width: int, height: int
) -> None:
    (tmp_path / "huge.png").write_bytes(png_of_size(width, height))
    predict_refused(
        tmp_path / "huge.png",
        "--mpp",
        0.3,
        say=r"huge\.png: .*decoded whole up to 250 Mpx; cut it into smaller fields",
    )


def no_result(out: Path) -> bool:
    """No result folder and no part of one; the note of the work may lie there, the same command
    then goes on."""
    return not out.exists() or {p.name for p in out.iterdir()} == {
        "breastseg-work.json",
        "manifest.csv",
    }


def test_a_jpeg_cut_short(refused: Refused, tiny_bundle: Bundle, tmp_path: Path) -> None:
    whole = field(tmp_path, "field.jpg").read_bytes()
    (tmp_path / "field.jpg").write_bytes(whole[: len(whole) // 2])
    words = [
        "predict",
        tmp_path / "field.jpg",
        "--mpp",
        0.3,
        "--model",
        tiny_bundle.path,
        "--out",
        tmp_path / "maps",
    ]
    refused(*words, say=r"field\.jpg: cut short or damaged .*copy or export it again")
    assert no_result(tmp_path / "maps")
    (tmp_path / "field.jpg").write_bytes(whole)
    assert main([str(word) for word in words]) == 0  # mended, the same command works


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_png_cut_short(
    refused: Refused, tiny_bundle: Bundle, tmp_path: Path, share: float
) -> None:
    whole = field(tmp_path).read_bytes()
    (tmp_path / "field.png").write_bytes(whole[: int(len(whole) * share)])
    words = [
        "predict",
        tmp_path / "field.png",
        "--mpp",
        0.3,
        "--model",
        tiny_bundle.path,
        "--out",
        tmp_path / "maps",
    ]
    refused(*words, say=r"field\.png: cut short or damaged .*copy or export it again")
    assert no_result(tmp_path / "maps")


def test_a_damaged_png(refused: Refused, tiny_bundle: Bundle, tmp_path: Path) -> None:
    data = bytearray(field(tmp_path).read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "field.png").write_bytes(data)
    words = [
        "predict",
        tmp_path / "field.png",
        "--mpp",
        0.3,
        "--model",
        tiny_bundle.path,
        "--out",
        tmp_path / "maps",
    ]
    refused(*words, say=r"field\.png: cut short or damaged")
    assert no_result(tmp_path / "maps")


@pytest.mark.parametrize("name", ["field.png", "field.tif"])
def test_a_16_bit_grey_picture(
    refused: Refused, tiny_bundle: Bundle, tmp_path: Path, name: str
) -> None:
    Image.fromarray(np.full((64, 64), 4000, np.uint16)).save(tmp_path / name)
    words = [
        "predict",
        tmp_path / name,
        "--mpp",
        0.3,
        "--model",
        tiny_bundle.path,
        "--out",
        tmp_path / "maps",
    ]
    refused(
        *words,
        say=(
            rf"{re.escape(name)}: 16-bit pixels, wanted one image in RGB or grey with 8 bits a"
            r" channel; convert it"
        ),
    )
    assert no_result(tmp_path / "maps")


def test_a_16_bit_colour_picture(predict_refused: Refused, tmp_path: Path) -> None:
    """12-bit cameras store 0 to 4095 in 16 bits: the upper bytes alone are an almost black
    image."""
    cv2.imwrite(str(tmp_path / "field.png"), np.full((64, 64, 3), 4000, np.uint16))
    predict_refused(
        tmp_path / "field.png",
        "--mpp",
        0.3,
        say=r"field\.png: 16-bit pixels, wanted one image in RGB or grey with 8 bits a channel",
    )


@pytest.mark.parametrize("figure", [-1])
def test_a_figure_of_less_than_nothing(
    predict_refused: Refused, tmp_path: Path, figure: int
) -> None:
    predict_refused(
        field(tmp_path), "--mpp", 0.3, f"--figure={figure}", say="figure -1: wanted 0 or more"
    )


def test_an_output_folder_that_holds_something_else(
    refused: Refused, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "thesis.docx").write_text("mine")
    words = [
        "predict",
        field(tmp_path),
        "--mpp",
        0.3,
        "--model",
        tiny_bundle.path,
        "--out",
        tmp_path / "maps",
    ]
    refused(*words, say=r"maps: output folder is not empty; choose another folder or empty it")
    assert {p.name: p.read_text() for p in (tmp_path / "maps").iterdir()} == {"thesis.docx": "mine"}


def test_an_output_folder_that_is_a_file(
    refused: Refused, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "maps").write_text("mine")
    words = [
        "predict",
        field(tmp_path),
        "--mpp",
        0.3,
        "--model",
        tiny_bundle.path,
        "--out",
        tmp_path / "maps",
    ]
    refused(*words, say="maps: is a file, wanted a folder; choose another name")
    assert (tmp_path / "maps").read_text() == "mine"


def test_an_output_folder_of_other_settings(
    refused: Refused, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    words = [
        "predict",
        field(tmp_path),
        "--model",
        tiny_bundle.path,
        "--out",
        tmp_path / "maps",
        "--mpp",
    ]
    assert main([str(word) for word in [*words, 0.3]]) == 0
    before = {p: p.read_bytes() for p in (tmp_path / "maps").rglob("*") if p.is_file()}
    refused(
        *words,
        0.25,
        say=(
            r"maps: holds 'predict' work with other settings \(mpp: 0\.3 there, 0\.25 now\); choose"
            r" another folder"
        ),
    )
    assert {p: p.read_bytes() for p in (tmp_path / "maps").rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_an_unknown_model(refused: Refused, tmp_path: Path, command: str) -> None:
    rest = [field(tmp_path), "--mpp", 0.3] if command == "predict" else ["--data", tmp_path]
    refused(
        command,
        *rest,
        "--model",
        "best-ever",
        "--out",
        tmp_path / "out",
        say=r"model 'best-ever': no bundle there .*shipped models are ",
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "say"),
    [
        (["--precision", "fp8"], "precision 'fp8': not known; wanted auto, fp32, bf16, int8"),
        (
            ["--backend", "torch", "--precision", "int8"],
            "precision 'int8' of back end 'torch': wanted auto or fp32; int8 runs on openvino",
        ),
        (
            ["--precision", "int8"],
            (
                r"tiny: bundle has no int8 network; make one with breastseg export \S+tiny --int8"
                r" --data DATASET"
            ),
        ),
        (["--threads", "-1"], r"threads -1: wanted 0 \(one per core\) or more"),
    ],
)
def test_a_precision_that_is_not_to_be_had(
    predict_refused: Refused, tmp_path: Path, words: list[str], say: str
) -> None:
    predict_refused(field(tmp_path), "--mpp", 0.3, *words, say=say)


def test_an_unknown_back_end(predict_refused: Refused, tmp_path: Path) -> None:
    predict_refused(
        field(tmp_path),
        "--mpp",
        0.3,
        "--backend",
        "tpu",
        say="back end 'tpu': not known; wanted openvino, onnx, torch",
    )


@pytest.fixture
def evaluate_refused(refused: Refused, tiny_bundle: Bundle, tmp_path: Path) -> Refused:
    def check(data: Path, *words: object, say: str) -> str:
        line = refused(
            "evaluate",
            "--model",
            tiny_bundle.path,
            "--data",
            data,
            "--out",
            tmp_path / "scores",
            *words,
            say=say,
        )
        assert not (tmp_path / "scores").exists()
        return line

    return check


def test_evaluate_without_a_data_set(evaluate_refused: Refused, tmp_path: Path) -> None:
    evaluate_refused(
        tmp_path / "none",
        say=(
            r"none: no prepared data set \(dataset\.json is missing\); make one with breastseg"
            r" prepare"
        ),
    )


def test_evaluate_a_part_of_an_unsplit_data_set(
    evaluate_refused: Refused, painted_data: Dataset
) -> None:
    evaluate_refused(
        painted_data.path,
        say=r"painted_data: not split yet; run breastseg split .*painted_data --scheme random",
    )


def test_evaluate_an_unknown_part(evaluate_refused: Refused, painted_data: Dataset) -> None:
    split(painted_data, SplitConfig("random"))
    evaluate_refused(
        painted_data.path, "--split", "tset", say="split 'tset': wanted train, val, test or all"
    )


def test_evaluate_an_empty_part(evaluate_refused: Refused, painted_data: Dataset) -> None:
    split(painted_data, SplitConfig("random", val=0))
    evaluate_refused(
        painted_data.path,
        "--split",
        "val",
        say="split 'val' has no region; parts here are test, train",
    )


def test_evaluate_into_a_folder_in_use(
    refused: Refused, tiny_bundle: Bundle, painted_data: Dataset, tmp_path: Path
) -> None:
    words = [
        "evaluate",
        "--model",
        tiny_bundle.path,
        "--data",
        painted_data.path,
        "--split",
        "all",
        "--out",
        tmp_path / "painted",
    ]
    refused(*words, say="painted: output folder is not empty; choose another folder or empty it")
    assert sorted(p.name for p in (tmp_path / "painted").iterdir()) == ["images", "masks"]


@pytest.fixture
def train_refused(
    refused: Refused, painted_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Refused:
    """Refuse `train` before any step of training, and without taking the run's folder: the mended
    command must find it free."""

    def must_not_train(*arguments: object, **options: object) -> None:
        pytest.fail("training began")

    split(painted_data, SplitConfig("random"))
    monkeypatch.setattr(training.L.Trainer, "fit", must_not_train)

    def check(*words: object, say: str, data: Path = painted_data.path) -> str:
        line = refused("train", data, "--out", tmp_path / "run", *words, say=say)
        assert not (tmp_path / "run").exists()
        return line

    return check


@pytest.mark.parametrize(
    ("words", "say"),
    [
        (["--crop-px", "100"], "crop_px 100: wanted a multiple of 32"),
        (
            ["--halo-px", "-32"],
            "tile of 512 px with a halo of -32 px: both must be multiples of 32",
        ),
        (["--batch", "0"], "batch 0: wanted more than 0"),
        (["--epochs", "-1"], "epochs -1: wanted more than 0"),
        (["--lr", "0"], r"lr 0\.0: wanted more than 0"),
        (["--ema", "1"], "ema 1, balance 0.5: wanted 0 up to 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_that_cannot_be(train_refused: Refused, words: list[str], say: str) -> None:
    train_refused(*words, say=say)


@pytest.mark.parametrize(
    ("option", "value", "choices"),
    [
        ("--preset", "best", ("fast", "standard", "report")),
        ("--augment", "wild", ("none", "flips", "stain")),
        ("--precision", "8", ("auto", "32", "bf16")),
        ("--schedule", "step", ("constant", "cosine")),
        ("--monitor", "test_dice", ("val_loss", "val_dice")),
        ("--log", "paper", ("tensorboard", "mlflow")),
    ],
)
def test_a_choice_that_there_is_not(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    choices: tuple[str, ...],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(tmp_path), "--out", str(tmp_path / "run"), option, value])
    assert stopped.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"argument {option}: invalid choice: '{value}'" in line
    assert all(f"'{choice}'" in line for choice in choices)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "say"),
    [
        (
            ["--arch", "vnet"],
            (
                "architecture 'vnet': not known; wanted unet, unet-scse, unetplusplus,"
                " deeplabv3plus, segformer"
            ),
        ),
        (
            ["--encoder", "resnet35"],
            (
                "encoder 'resnet35': not known; wanted one of .*resnet34.*, or tu-NAME for one of"
                " timm's"
            ),
        ),
        (["--encoder", "tu-nothing"], "encoder 'tu-nothing': not known"),
        (
            ["--loss", "hinge"],
            (
                r"loss 'hinge': not known; wanted ce, balanced, dice, focal, tversky, or a sum as"
                r" in ce\+dice"
            ),
        ),
        (["--loss", "ce+"], "loss '': not known; wanted ce"),
        (["--dropout", "1"], "dropout 1: wanted 0 up to 1"),
        (
            ["--encoder-weights", "gone.pth"],
            (
                "--encoder-weights gone.pth: no such file; wanted package, hub, none, or a"
                " .safetensors or .pth"
            ),
        ),
        (
            ["--encoder", "resnet18"],
            "encoder 'resnet18': no package ships its weights; wanted tu-tf_efficientnet_lite0",
        ),
        (["--tile-px", "64", "--halo-px", "32"], "tile of 64 px with a halo of 32 px"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_network_that_cannot_be(train_refused: Refused, words: list[str], say: str) -> None:
    train_refused(*words, say=say)


def test_a_class_that_never_occurs_in_training(
    train_refused: Refused, painted: Path, tmp_path: Path
) -> None:
    data = prepare(
        painted,
        tmp_path / "six",
        PrepareConfig(to_mpp=0.3, labels="region6", workers=1),
        reporter=quiet,
    )
    split(data, SplitConfig("random"))
    train_refused(
        data=data.path,
        say=(
            r"six: class 'dcis' never occurs in the \d training regions \(1 such classes\);"
            r" .*--allow-absent-classes"
        ),
    )


def test_a_class_that_occurs_in_test_patients_alone(
    train_refused: Refused, painted: Path, tmp_path: Path
) -> None:
    paint(painted, tcga("E2", "D001"), codes=(1, 20))
    data = prepare(
        painted,
        tmp_path / "six",
        PrepareConfig(to_mpp=0.3, labels="region6", workers=1),
        reporter=quiet,
    )
    split(data, SplitConfig("leave-one-out", patient="TCGA-E2-D001"))
    train_refused(data=data.path, say=r"class 'dcis' never occurs in the \d training regions")


def test_an_unsplit_data_set(train_refused: Refused, painted_data: Dataset) -> None:
    (painted_data.path / "split.csv").unlink()
    train_refused(
        say=r"painted_data: not split yet; run breastseg split .*painted_data --scheme random"
    )


def test_no_data_set(train_refused: Refused, tmp_path: Path) -> None:
    train_refused(
        data=tmp_path / "none", say=r"none: no prepared data set \(dataset\.json is missing\)"
    )


def test_a_run_folder_in_use(refused: Refused, painted_data: Dataset, tmp_path: Path) -> None:
    split(painted_data, SplitConfig("random"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.docx").write_text("mine")
    refused(
        "train",
        painted_data.path,
        "--out",
        tmp_path / "run",
        say="run: output folder is not empty; choose another folder or empty it",
    )
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["thesis.docx"]
