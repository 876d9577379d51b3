"""Bad folders, images, masks, maps and tables through the command line: one line, exit status 2,
nothing half-written."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.cli import main
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from conftest import DATA, paint, quiet, tcga

NAME = tcga("A1", "B001")
Spoil = Callable[[Path], None]


def fails(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """Run the command line; check status 2 and one line on stderr that starts with the program's
    name; return that line."""
    capsys.readouterr()
    status = main([str(word) for word in words])
    line = capsys.readouterr().err
    assert status == 2
    assert line.startswith("breastseg: ")
    assert line.endswith("\n")
    assert line.count("\n") == 1, "a message is one line"
    assert "Traceback" not in line
    return line


def check_nothing_half_written(out: Path) -> None:
    assert not (out / "dataset.json").exists()
    assert not (out / "regions.csv").exists()
    assert not list(out.parent.rglob(".part-*"))


def spoil_mask(array: np.ndarray) -> Spoil:
    return lambda folder: Image.fromarray(array).save(folder / "masks" / f"{NAME}.png")


def spoil_image(array: np.ndarray) -> Spoil:
    return lambda folder: Image.fromarray(array).save(folder / "images" / f"{NAME}.png")


def cut(kind: str, keep: float) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / kind / f"{NAME}.png"
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])

    return spoil


def words(kind: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / kind / f"{NAME}.png").write_text("<html>404</html>")

    return spoil


def empty(folder: Path) -> None:
    (folder / "images" / f"{NAME}.png").write_bytes(b"")


def one_code(value: int) -> np.ndarray:
    codes = np.ones((96, 96), np.uint8)
    codes[40, 40] = value
    return codes


# what is done to one of six regions; the file that must be named; what was found; what to do
PICTURES: dict[str, tuple[Spoil, str, str, str]] = {
    "mask missing": (
        lambda f: (f / "masks" / f"{NAME}.png").unlink(),
        f"images/{NAME}.png",
        "has no mask",
        "add it or take the image",
    ),
    "image missing": (
        lambda f: (f / "images" / f"{NAME}.png").unlink(),
        f"masks/{NAME}.png",
        "has no image",
        "add it or take the mask",
    ),
    "mask of another size": (
        spoil_mask(np.ones((96, 95), np.uint8)),
        f"masks/{NAME}.png",
        "95 x 96 px, its image is 96 x 96",
        "same size",
    ),
    "mask in colours": (
        spoil_mask(np.zeros((96, 96, 3), np.uint8)),
        f"masks/{NAME}.png",
        "RGB colours",
        "export the codes",
    ),
    "mask with transparency": (
        spoil_mask(np.zeros((96, 96, 4), np.uint8)),
        f"masks/{NAME}.png",
        "RGBA colours",
        "export the codes",
    ),
    "16-bit mask": (
        spoil_mask(np.ones((96, 96), np.uint16)),
        f"masks/{NAME}.png",
        "16-bit",
        "wanted 8-bit grey or palette",
    ),
    "two-colour mask": (
        spoil_mask(np.ones((96, 96), bool)),
        f"masks/{NAME}.png",
        "1-bit",
        "wanted 8-bit grey or palette",
    ),
    "unknown code": (
        spoil_mask(one_code(22)),
        f"masks/{NAME}.png",
        "code 22 is not in label map 'region5'",
        "choose another --labels",
    ),
    "black and white mask": (
        spoil_mask(one_code(255)),
        f"masks/{NAME}.png",
        "code 255 is not in",
        "choose another --labels",
    ),
    "16-bit image": (
        spoil_image(np.ones((96, 96), np.uint16)),
        f"images/{NAME}.png",
        "16-bit pixels",
        "a channel; convert it",
    ),
    "image cut short": (
        cut("images", 0.5),
        f"images/{NAME}.png",
        "cut short or damaged",
        "copy or export it again",
    ),
    "image cut to its header": (
        cut("images", 0.01),
        f"images/{NAME}.png",
        "cut short or damaged",
        "copy or export it again",
    ),
    "mask cut short": (
        cut("masks", 0.7),
        f"masks/{NAME}.png",
        "cut short or damaged",
        "copy or export it again",
    ),
    "image is a web page": (
        words("images"),
        f"images/{NAME}.png",
        "not an image",
        "wanted PNG, JPEG or TIFF",
    ),
    "mask is a web page": (
        words("masks"),
        f"masks/{NAME}.png",
        "not an image",
        "wanted PNG, JPEG or TIFF",
    ),
    "image is empty": (empty, f"images/{NAME}.png", "not an image", "wanted PNG, JPEG or TIFF"),
    "two of one name": (
        lambda f: Image.new("RGB", (96, 96)).save(f / "images" / f"{NAME}.jpg"),
        f"images/{NAME}.png",
        f"second region named '{NAME}'",
        "rename one",
    ),
}


@pytest.mark.parametrize("case", list(PICTURES))
def test_one_bad_region_among_six(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    spoil, file, found, remedy = PICTURES[case]
    shutil.copytree(painted, tmp_path / "good")
    spoil(painted)
    out = tmp_path / "out"
    line = fails(capsys, "prepare", painted, "--out", out, "--to-mpp", "0.3", "--workers", "1")
    assert file in line
    assert found in line
    assert remedy in line
    check_nothing_half_written(out)
    shutil.rmtree(painted)
    shutil.copytree(tmp_path / "good", painted)
    assert (
        main(["prepare", str(painted), "--out", str(out), "--to-mpp", "0.3", "--workers", "1"]) == 0
    ), "mended, the same command goes on"
    prepare(painted, tmp_path / "never", PrepareConfig(to_mpp=0.3, workers=1), reporter=quiet)
    assert {p.name: p.read_bytes() for p in out.rglob("*.*")} == {
        p.name: p.read_bytes() for p in (tmp_path / "never").rglob("*.*")
    }


def test_a_bad_mask_met_by_one_of_two_workers(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil_mask(np.zeros((96, 96, 3), np.uint8))(painted)
    line = fails(capsys, "prepare", painted, "--out", tmp_path / "out", "--workers", "2")
    assert f"masks/{NAME}.png: mask has RGB colours" in line
    check_nothing_half_written(tmp_path / "out")


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    """Two fields that nothing is known of."""
    for name in ("one", "two"):
        paint(tmp_path / "fields", name, side=40)
    return tmp_path / "fields"


def test_pictures_without_resolution(
    fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = fails(capsys, "prepare", fields, "--out", tmp_path / "out", "--labels", "region5")
    assert "images/one.png: no microns per pixel" in line
    assert "give --mpp" in line
    assert not (tmp_path / "out").exists()


def test_no_label_map(fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = fails(capsys, "prepare", fields, "--out", tmp_path / "out", "--mpp", "0.5")
    assert "no label map" in line
    assert "give --labels NAME or FILE" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mpp", ["0", "-1", "250", "nan", "inf"])
def test_implausible_source_resolution(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mpp: str
) -> None:
    """The remedy must name the option of the input: --to-mpp is the resolution afterwards."""
    line = fails(capsys, "prepare", painted, "--out", tmp_path / "out", f"--mpp={mpp}")
    assert f"{mpp} um/px, wanted 0.05 to 20" in line
    assert "give the right value with --mpp" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mpp", ["0", "250", "nan"])
def test_implausible_target_resolution(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mpp: str
) -> None:
    line = fails(capsys, "prepare", painted, "--out", tmp_path / "out", "--to-mpp", mpp)
    assert f"--to-mpp: {mpp} um/px, wanted 0.05 to 20" in line
    assert not (tmp_path / "out").exists()


def test_no_folder_and_an_empty_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = fails(capsys, "prepare", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert f"{tmp_path / 'nowhere'}: no such folder, wanted one with annotated images" in line
    (tmp_path / "empty").mkdir()
    line = fails(capsys, "prepare", tmp_path / "empty", "--out", tmp_path / "out")
    assert f"{tmp_path / 'empty'}: no image-mask pairs; wanted images/ with masks/" in line
    assert not (tmp_path / "out").exists()


def test_one_name_in_two_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("x", "y"):
        paint(tmp_path / place, NAME, side=40)
    line = fails(capsys, "prepare", tmp_path / "x", tmp_path / "y", "--out", tmp_path / "out")
    assert (
        f"y/images/{NAME}.png: second region named '{NAME}', the first is"
        f" {tmp_path}/x/images/{NAME}.png; rename one" in line
    )
    assert not (tmp_path / "out").exists()


def test_an_output_folder_in_use(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("all of it")
    line = fails(capsys, "prepare", painted, "--out", tmp_path / "out")
    assert (
        f"{tmp_path / 'out'}: output folder is not empty; choose another folder or empty it" in line
    )
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_an_output_that_is_a_file(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("all of it")
    line = fails(capsys, "prepare", painted, "--out", tmp_path / "out")
    assert "out: is a file, wanted a folder; choose another name" in line
    assert (tmp_path / "out").read_text() == "all of it"


def test_an_output_below_a_file(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("all of it")
    line = fails(capsys, "prepare", painted, "--out", tmp_path / "file" / "out")
    assert str(tmp_path / "file") in line


def test_other_settings_in_a_folder_begun(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", str(painted), "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    line = fails(capsys, "prepare", painted, "--out", tmp_path / "out", "--to-mpp", "0.25")
    assert (
        "holds 'prepare' work with other settings (mpp: 0.5 there, 0.25 now); choose another folder"
        " or remove it" in line
    )


LABELS = "name: own\nclasses:\n- {{name: gland, color: {color}, codes: {codes}}}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name: [own\nclasses: }", "not YAML"),
        ("", "not a label map"),
        (
            LABELS.format(color="[1, 2, 3]", codes="[0, 1, 2, 3, 4, 9]"),
            "code 0 is in 'gland' and in 'not annotated'",
        ),
        (
            LABELS.format(color="[1, 2, 3]", codes="[0, 1]") + "not_annotated: []\n",
            "code 0 must be 'not annotated', it is never a class",
        ),
        (
            LABELS.format(color="[1, 2, 300]", codes="[1]"),
            "color of 'gland' is 300, wanted a whole number from 0 to 255",
        ),
        (
            LABELS.format(color="[1, 2, 3]", codes="[1, 2, 3, 4, 999]"),
            "code 999 of 'gland', wanted 0 to 254",
        ),
    ],
)
@pytest.mark.parametrize("place", ["given", "beside the images"])
def test_a_broken_label_map(
    fields: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    found: str,
    place: str,
) -> None:
    path = tmp_path / "own.yaml" if place == "given" else fields / "labels.yaml"
    path.write_text(text)
    given = ["--labels", path] if place == "given" else []
    line = fails(capsys, "prepare", fields, "--out", tmp_path / "out", "--mpp", "0.5", *given)
    assert str(path) in line
    assert found in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["region7", "nowhere.yaml"])
def test_an_unknown_label_map(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    line = fails(capsys, "prepare", painted, "--out", tmp_path / "out", "--labels", name)
    assert (
        f"label map '{name}': not known; built in are region5, region6, tumor, beetle, bcss21, or"
        " give a .json or .yaml file" in line
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "not found, wanted a CSV with image and any of patient, site, mpp"),
        ("", "empty, wanted a CSV with image"),
        ("picture;patient\n", "columns are picture, patient; wanted a CSV with image"),
        ("image,mpp\none,fine\n", "row 2: mpp 'fine', wanted a number alone, as in 0.25"),
        ("image,patient\none,1\ntwo,2,3,4\n", "row 3: '3' is in cell 3, the head has 2"),
    ],
)
def test_a_broken_table(
    fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, found: str
) -> None:
    table = tmp_path / "t.csv"
    if text is not None:
        table.write_text(text)
    line = fails(
        capsys,
        "prepare",
        fields,
        "--out",
        tmp_path / "out",
        "--labels",
        "region5",
        "--table",
        table,
    )
    assert found in line
    assert not (tmp_path / "out").exists()


def test_a_table_row_that_fits_no_picture(
    fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a misspelt name, the image would silently stay a patient of its own, and the split
    would leak."""
    (tmp_path / "t.csv").write_text("image,patient\none.png,P\ntow.png,P\n")
    line = fails(
        capsys,
        "prepare",
        fields,
        "--out",
        tmp_path / "out",
        "--labels",
        "region5",
        "--mpp",
        "0.5",
        "--table",
        tmp_path / "t.csv",
    )
    assert f"{tmp_path / 't.csv'}, row 3: 'tow.png' fits no image; did you mean 'two'?" in line
    assert not (tmp_path / "out").exists()


def test_splitting_what_is_no_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = fails(capsys, "split", tmp_path / "nowhere", "--scheme", "random")
    assert (
        "nowhere: no prepared data set (dataset.json is missing); make one with breastseg prepare"
        in line
    )


def test_an_unknown_scheme(painted_data: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    line = fails(capsys, "split", painted_data.path, "--scheme", "best")
    assert (
        "--scheme best: not known; wanted bcss-official, random, kfold, leave-one-out, source, or a"
        " CSV file" in line
    )
    assert not (painted_data.path / "split.csv").exists()


def test_a_part_with_no_region(painted_data: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    """Of three hospitals, 70 % test: two hospitals, and the last one goes to validation."""
    line = fails(
        capsys,
        "split",
        painted_data.path,
        "--scheme",
        "random",
        "--by",
        "hospital",
        "--test",
        "0.7",
    )
    assert (
        "split 'train' has no region (6 regions of 6 patients in all); choose another scheme or"
        " share, or --val 0 for none" in line
    )
    assert not (painted_data.path / "split.csv").exists()


def test_a_patient_twice_in_a_csv(
    painted_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.csv").write_text("patient,split\nTCGA-A1-B001,train\nTCGA-A1-B001,test\n")
    line = fails(capsys, "split", painted_data.path, "--scheme", tmp_path / "s.csv")
    assert (
        f"{tmp_path / 's.csv'}, row 3: patient TCGA-A1-B001 is in test, in row 2 in train; keep"
        " one row" in line
    )
    assert not (painted_data.path / "split.csv").exists()


@pytest.mark.parametrize("text", ["", "region,split\na,train\nb,train,x,y\n", "region\na\n"])
def test_a_broken_csv(
    painted_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "s.csv").write_text(text)
    assert str(tmp_path / "s.csv") in fails(
        capsys, "split", painted_data.path, "--scheme", tmp_path / "s.csv"
    )


@pytest.mark.parametrize(
    ("option", "value"), [("--val", "1"), ("--test", "nan"), ("--seed", "-1"), ("--by", "slide")]
)
def test_impossible_options_of_a_split(
    painted_data: Dataset, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    line = fails(capsys, "split", painted_data.path, "--scheme", "random", f"{option}={value}")
    assert option in line
    assert value in line


def test_the_kaggle_split_of_its_own_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(DATA / "kaggle224", tmp_path / "k")
    for kind in ("", "_mask"):
        tile = sorted((tmp_path / "k" / f"train{kind}").iterdir())[0]
        (tmp_path / "k" / f"val{kind}").mkdir()
        tile.rename(tmp_path / "k" / f"val{kind}" / tile.name)
    assert (
        main(["prepare", str(tmp_path / "k"), "--out", str(tmp_path / "out"), "--workers", "1"])
        == 0
    )
    line = fails(capsys, "split", tmp_path / "out", "--scheme", "source")
    assert (
        "patient TCGA-A1-A0SK is in train and val; a patient must be on one side only, split by"
        " patient with --scheme random" in line
    )


def limited(limit: int, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the command line where no file can grow beyond `limit` bytes: a write in the middle
    fails, as on a full disk.

    With -B: Python 3.11 would leave compiled modules cut short, which nobody could import any more.
    """
    code = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        f"from breastseg.cli import main; sys.exit(main({words!r}))"
    )
    return subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("limit", "file"),
    [(100, "breastseg-work.json"), (1000, ".npy"), (9000, ".npy"), (27_700, ".npy")],
    ids=["the note", "an array's first write", "in an array", "the last bytes of an array"],
)
def test_a_write_that_fails_in_the_middle(
    painted: Path, tmp_path: Path, limit: int, file: str
) -> None:
    """An image of 96 x 96 px is 27,776 bytes as an array.

    np.save() hands the file to C: an array whose last 4 KB did not fit was renamed into place, cut
    short, without an error.
    """
    out = tmp_path / "out"
    words = ["prepare", str(painted), "--out", str(out), "--to-mpp", "0.3", "--workers", "1"]
    result = limited(limit, words)
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    check_nothing_half_written(out)
    assert not list(out.rglob("*.npy"))
    assert re.search(r"breastseg: .*out/.*" + re.escape(file), result.stderr), (
        f"the file is not named: {result.stderr}"
    )
    assert main(words) == 0
    prepare(painted, tmp_path / "never", PrepareConfig(to_mpp=0.3, workers=1), reporter=quiet)
    assert {p.name: p.read_bytes() for p in out.rglob("*.*")} == {
        p.name: p.read_bytes() for p in (tmp_path / "never").rglob("*.*")
    }
