"""prepare(): pixels by area, labels by centre, one row a region, and the same bytes however often
it was killed."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import InputError, LabelError, MppError, OutputError, SourceError
from breastseg.reporter import Reporter
from conftest import DATA, paint, quiet, tcga


def everything(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a folder, by name."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def left_over(folder: Path) -> list[Path]:
    return list(folder.rglob(".part-*"))


def one_field(folder: Path, image: np.ndarray, codes: np.ndarray, name: str = "field") -> Path:
    for kind, array in (("images", image), ("masks", codes)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(folder / kind / f"{name}.png")
    return folder


def own(**changes: object) -> PrepareConfig:
    return PrepareConfig(
        **{"to_mpp": 0.5, "mpp": 0.25, "labels": "bcss21", "workers": 1, **changes}
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [2, 3])
def test_pixels_are_means_and_labels_are_centres(tmp_path: Path, factor: int) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (10 * factor, 14 * factor, 3), dtype=np.uint8)
    codes = rng.integers(0, 22, (10, 14), dtype=np.uint8)
    source = one_field(tmp_path / "src", image, codes.repeat(factor, axis=0).repeat(factor, axis=1))
    data = prepare(source, tmp_path / "out", own(to_mpp=0.25 * factor), reporter=quiet)
    mean = image.reshape(10, factor, 14, factor, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(data.image("field") - mean).max() <= 0.5 + 1e-6
    assert np.array_equal(data.labels("field"), codes)


def test_picture_and_labels_stay_aligned_between_whole_factors(tmp_path: Path) -> None:
    """The image is the labels in grey: 0.30 -> 0.50 um/px must not move one against the other.

    Where a new pixel's neighbours all have its label, the area mean must be exactly that label's
    grey.
    """
    blocks = np.random.default_rng(1).integers(1, 6, (10, 9), dtype=np.uint8)
    codes = np.kron(blocks, np.ones((17, 17), np.uint8))
    image = np.repeat((codes * 40)[..., None], 3, axis=2)
    data = prepare(
        one_field(tmp_path / "src", image, codes), tmp_path / "out", own(mpp=0.30), reporter=quiet
    )
    labels, grey = np.asarray(data.labels("field")), np.asarray(data.image("field"))[..., 0]
    assert labels.shape == (102, 92)
    shifts = [np.roll(labels, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    inside = np.all([s == labels for s in shifts], axis=0)
    inside[[0, -1]] = inside[:, [0, -1]] = False
    assert inside.mean() > 0.5
    assert np.array_equal(grey[inside], labels[inside] * 40)
    assert (
        np.abs(grey / 40 - labels)[~inside].mean()
        < np.abs(grey / 40 - np.roll(labels, 1, 1))[~inside].mean()
    )


def test_only_codes_of_the_source_come_out(painted_data: Dataset, tmp_path: Path) -> None:
    paint(tmp_path / "s", tcga("A2", "A001"), codes=(1, 20))
    data = prepare(
        tmp_path / "s",
        tmp_path / "o",
        PrepareConfig(to_mpp=0.47, labels="bcss21", workers=1),
        reporter=quiet,
    )
    assert set(np.unique(data.labels(data.regions.index[0]))) == {1, 20}


def test_at_its_own_resolution_nothing_is_touched(painted: Path, painted_data: Dataset) -> None:
    name = tcga("OL", "C002")
    assert np.array_equal(
        painted_data.image(name), np.asarray(Image.open(painted / "images" / f"{name}.png"))
    )
    codes = np.asarray(Image.open(painted / "masks" / f"{name}.png"))
    by_hand = {1: 1, 2: 2, 3: 3, 4: 4, 9: 5}
    assert np.array_equal(painted_data.labels(name), np.vectorize(by_hand.get)(codes))


def test_regions_csv(painted: Path, painted_data: Dataset) -> None:
    table = pd.read_csv(painted_data.path / "regions.csv", dtype=str, keep_default_na=False)
    assert list(table.columns) == [
        "region",
        "patient",
        "site",
        "annotation",
        "width_px",
        "height_px",
        "source_mpp",
        "mpp_source",
        "source_split",
        "image_sha256",
        "labels_sha256",
        "px_not_annotated",
        "px_tumor",
        "px_stroma",
        "px_inflammatory",
        "px_necrosis",
        "px_other",
    ]
    assert list(table["region"]) == sorted(
        tcga(*r)
        for r in [
            ("A2", "A001"),
            ("A2", "A002"),
            ("A1", "B001"),
            ("A1", "B002"),
            ("OL", "C001"),
            ("OL", "C002"),
        ]
    )
    row = table.iloc[-1].to_dict()
    name = tcga("OL", "C002")
    # 96 px in five stripes of 20, the last one of 16
    assert row == {
        "region": name,
        "patient": "TCGA-OL-C002",
        "site": "OL",
        "annotation": "areas",
        "width_px": "96",
        "height_px": "96",
        "source_mpp": "0.3",
        "mpp_source": "measured on this release (0.30; its file names say 0.25)",
        "source_split": "",
        "image_sha256": (
            hashlib.sha256((painted / "images" / f"{name}.png").read_bytes()).hexdigest()
        ),
        "labels_sha256": (
            hashlib.sha256((painted / "masks" / f"{name}.png").read_bytes()).hexdigest()
        ),
        "px_not_annotated": "0",
        "px_tumor": "1920",
        "px_stroma": "1920",
        "px_inflammatory": "1920",
        "px_necrosis": "1920",
        "px_other": "1536",
    }


def test_dataset_json(painted_data: Dataset) -> None:
    info = json.loads((painted_data.path / "dataset.json").read_text())
    assert (info["format"], info["mpp"], info["dot_radius_um"], info["label_map"]["name"]) == (
        2,
        0.3,
        3.0,
        "region5",
    )
    assert info["source"] == "BCSS regions: 6 image-mask pairs, 6 patients, 3 hospitals"
    assert info["notes"] == [
        "microns per pixel 0.3: measured on this release (0.30; its file names say 0.25)"
    ]


def test_what_is_said(painted: Path, tmp_path: Path) -> None:
    said: list[str] = []
    prepare(
        painted,
        tmp_path / "o",
        PrepareConfig(to_mpp=0.3, workers=1),
        reporter=Reporter(said.append),
    )
    assert said[0] == "BCSS regions: 6 image-mask pairs, 6 patients, 3 hospitals"
    assert said[1].startswith("  microns per pixel 0.3: ")


def test_doubtful_codes_are_not_annotated(tmp_path: Path) -> None:
    paint(tmp_path / "s", tcga("A2", "A001"), codes=(0, 7, 15, 1), side=40)
    data = prepare(
        tmp_path / "s", tmp_path / "o", PrepareConfig(to_mpp=0.3, workers=1), reporter=quiet
    )
    row = data.regions.iloc[0]
    assert (row["px_not_annotated"], row["px_tumor"]) == (1200, 400)


def test_a_rare_unknown_code_does_not_slip_through_the_resampling(tmp_path: Path) -> None:
    codes = np.ones((80, 80), np.uint8)
    codes[1, 1] = 99
    source = one_field(tmp_path / "s", np.zeros((80, 80, 3), np.uint8), codes)
    with pytest.raises(LabelError, match=r"field\.png: code 99 is not in label map 'bcss21'"):
        prepare(source, tmp_path / "o", own(to_mpp=2.0), reporter=quiet)


def test_an_own_label_map_beside_the_pictures_is_taken(tmp_path: Path) -> None:
    source = one_field(tmp_path / "s", np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 7, np.uint8))
    (source / "labels.json").write_text(
        '{"name": "own", "classes": [{"name": "gland", "color": [1, 2, 3], "codes": [7]}]}'
    )
    data = prepare(source, tmp_path / "o", own(labels=None), reporter=quiet)
    assert data.label_map.names == ("gland",)
    assert data.regions.loc["field", "px_gland"] == 16


def test_no_label_map(tmp_path: Path) -> None:
    source = one_field(tmp_path / "s", np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.uint8))
    with pytest.raises(
        InputError,
        match=r"no label map: .*--labels NAME or FILE, .*labels\.json",
    ):
        prepare(source, tmp_path / "o", own(labels=None), reporter=quiet)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("changes", [{"tiles_px": -1}, {"workers": -1}])
def test_negative_numbers(painted: Path, tmp_path: Path, changes: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"tiles of -?\d px, -?\d workers: wanted 0 or more"):
        prepare(painted, tmp_path / "o", PrepareConfig(**changes), reporter=quiet)


@pytest.mark.parametrize("radius", [0.0, -1.0, 101.0, float("nan")])
def test_implausible_discs(painted: Path, tmp_path: Path, radius: float) -> None:
    with pytest.raises(
        InputError, match=f"--dot-radius {radius:g}: wanted more than 0 and up to 100 um"
    ):
        prepare(painted, tmp_path / "o", PrepareConfig(dot_radius_um=radius), reporter=quiet)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("mpp", [0.0, 100.0, float("nan")])
def test_implausible_target(painted: Path, tmp_path: Path, mpp: float) -> None:
    with pytest.raises(MppError, match=r"--to-mpp: (0|100|nan) um/px, wanted 0\.05 to 20"):
        prepare(painted, tmp_path / "o", PrepareConfig(to_mpp=mpp), reporter=quiet)


def test_the_same_again_does_nothing(painted: Path, painted_data: Dataset) -> None:
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in painted_data.path.rglob("*")}
    again = prepare(
        painted, painted_data.path, PrepareConfig(to_mpp=0.30, workers=2), reporter=quiet
    )
    assert {
        p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in painted_data.path.rglob("*")
    } == before
    assert again.fingerprint() == painted_data.fingerprint()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"to_mpp": 0.5}, "mpp: 0.3 there, 0.5 now"),
        ({"tiles_px": 32}, "tiles_px"),
        ({"dot_radius_um": 4.0}, "dot_radius_um: 3.0 there, 4.0 now"),
        ({"labels": "tumor"}, "label_map"),
        ({"mpp": 0.2}, "regions"),
    ],
)
def test_other_settings_in_the_same_folder(
    painted: Path, painted_data: Dataset, changes: dict[str, object], told: str
) -> None:
    before = everything(painted_data.path)
    config = PrepareConfig(**{"to_mpp": 0.30, "workers": 1, **changes})  # type: ignore[arg-type]
    with pytest.raises(OutputError, match=f"holds 'prepare' work with other settings .*{told}"):
        prepare(painted, painted_data.path, config, reporter=quiet)
    assert everything(painted_data.path) == before


def test_a_region_more_is_other_work(painted: Path, painted_data: Dataset) -> None:
    paint(painted, tcga("OL", "C003"))
    with pytest.raises(OutputError, match="7 image-mask pairs"):
        prepare(painted, painted_data.path, PrepareConfig(to_mpp=0.30, workers=1), reporter=quiet)


def test_a_mask_mended_after_its_region_was_made_is_not_passed_over(
    painted: Path, painted_data: Dataset
) -> None:
    """Same names, other bytes: the old data set must not be handed out as this source's, nor part
    of it kept."""
    mask = painted / "masks" / f"{tcga('A1', 'B001')}.png"
    Image.fromarray(np.full((96, 96), 2, np.uint8)).save(mask)
    try:
        data = prepare(
            painted, painted_data.path, PrepareConfig(to_mpp=0.30, workers=1), reporter=quiet
        )
    except OutputError:
        return
    assert (
        data.regions.loc[tcga("A1", "B001"), "labels_sha256"]
        == hashlib.sha256(mask.read_bytes()).hexdigest()
    )


def test_two_workers_write_the_same_bytes_as_one(painted: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        prepare(
            painted,
            tmp_path / str(workers),
            PrepareConfig(to_mpp=0.5, tiles_px=16, workers=workers),
            reporter=quiet,
        )
    assert everything(tmp_path / "2") == everything(tmp_path / "1")
    assert not left_over(tmp_path)


def test_an_error_in_a_worker_is_told_and_the_rest_kept(painted: Path, tmp_path: Path) -> None:
    wrong = painted / "masks" / f"{tcga('OL', 'C002')}.png"
    good = wrong.read_bytes()
    Image.fromarray(np.full((96, 96), 77, np.uint8)).save(wrong)
    with pytest.raises(LabelError, match=rf"{wrong.name}: code 77 is not in"):
        prepare(painted, tmp_path / "o", PrepareConfig(to_mpp=0.5, workers=2), reporter=quiet)
    assert not (tmp_path / "o" / "dataset.json").exists()
    assert not left_over(tmp_path)
    wrong.write_bytes(good)
    prepare(painted, tmp_path / "o", PrepareConfig(to_mpp=0.5, workers=2), reporter=quiet)
    prepare(painted, tmp_path / "never", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet)
    assert everything(tmp_path / "o") == everything(tmp_path / "never")


def test_tiles(painted: Path, tmp_path: Path) -> None:
    """96 px hold two whole tiles of 40 px a side; the border of 16 px is left out."""
    data = prepare(
        painted, tmp_path / "o", PrepareConfig(to_mpp=0.3, tiles_px=40, workers=1), reporter=quiet
    )
    name = tcga("A2", "A001")
    names = sorted(p.name for p in (data.path / "tiles_40" / "images").glob(f"{name}*"))
    assert names == [f"{name}_y{y}_x{x}_40.png" for y in (0, 40) for x in (0, 40)]
    assert sorted(p.name for p in (data.path / "tiles_40" / "masks").glob(f"{name}*")) == names
    assert len(list((data.path / "tiles_40" / "masks").iterdir())) == 24
    tile = f"{name}_y40_x0_40.png"
    assert np.array_equal(
        np.asarray(Image.open(data.path / "tiles_40" / "images" / tile)),
        data.image(name)[40:80, :40],
    )
    assert np.array_equal(
        np.asarray(Image.open(data.path / "tiles_40" / "masks" / tile)),
        data.labels(name)[40:80, :40],
    )


def test_real_crops(tmp_path: Path) -> None:
    data = prepare(
        DATA / "bcss", tmp_path / "o", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet
    )
    assert set(data.regions["source_mpp"]) == {0.30}
    assert set(zip(data.regions["width_px"], data.regions["height_px"], strict=True)) == {
        (154, 154)
    }  # 256 * 0.6 = 153.6
    for region in data.regions.index:
        codes = np.asarray(Image.open(DATA / "bcss" / "masks" / f"{region}.png"))
        pixels = np.asarray(Image.open(DATA / "bcss" / "images" / f"{region}.png").convert("RGB"))
        shares = np.bincount(data.label_map.apply(codes, "x").ravel(), minlength=6) / codes.size
        got = np.bincount(np.asarray(data.labels(region)).ravel(), minlength=6) / 154**2
        assert np.abs(shares - got).max() < 0.01
        assert np.abs(pixels.mean(axis=(0, 1)) - data.image(region).mean(axis=(0, 1))).max() < 0.6


def test_a_real_crop_under_its_regions_whole_name_is_measured(tmp_path: Path) -> None:
    """The bounds belong to the whole region: 4102 base pixels on 256 would be 4.0 um/px."""
    shutil.copytree(DATA / "bcss", tmp_path / "s")
    for kind in ("images", "masks"):
        crop = next((tmp_path / "s" / kind).glob("TCGA-A2-A0D2*"))
        crop.rename(crop.with_name("TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0.2500.png"))
    data = prepare(
        tmp_path / "s", tmp_path / "o", PrepareConfig(to_mpp=4.0, workers=1), reporter=quiet
    )
    assert data.regions["source_mpp"].tolist() == [round(4102 * 0.25 / 256, 4), 0.30, 0.30]
    assert data.regions["mpp_source"].tolist()[0] == "measured from roiBounds.csv"


def command(source: Path, out: Path, workers: int) -> list[str]:
    return [
        sys.executable,
        "-m",
        "breastseg",
        "prepare",
        str(source),
        "--out",
        str(out),
        "--tiles",
        "64",
        "--workers",
        str(workers),
    ]


HELD = """
import sys, time
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from breastseg.files import text
from breastseg.data import prepare
whole, numbers = text.written, count()
@contextmanager
def written(path):
    with whole(path) as beside:
        yield beside
        while next(numbers) >= WRITES:
            Path(MARK).touch()
            time.sleep(1)
text.written = prepare.written = written
from breastseg.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The command, which stops for good when it has written so many files and one more beside its
place: it is never done before a kill."""


def held(words: list[str], writes: int, mark: Path) -> list[str]:
    """Return a command that stops after some writes and makes `mark` then."""
    code = HELD.replace("WRITES", str(writes)).replace("MARK", repr(str(mark)))
    return [words[0], "-c", code, *words[3:]]


def start_and_kill(words: list[str], out: Path, *, after_files: int, delay_s: float) -> bool:
    """Start the command, SIGKILL it some moment after so many more files are there; True when it
    was not done yet."""
    before, mark = len(list(out.rglob("*"))), out.with_name("mark")
    mark.unlink(missing_ok=True)
    with subprocess.Popen(
        held(words, after_files + 25, mark), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while (
            process.poll() is None
            and len(list(out.rglob("*"))) < before + after_files
            and not mark.exists()
        ):
            time.sleep(0.001)
        time.sleep(delay_s)
        process.kill()
    return process.returncode == -signal.SIGKILL and not (out / "dataset.json").exists()


@pytest.mark.slow
def test_killed_again_and_again_it_ends_in_the_same_bytes(tmp_path: Path) -> None:
    for number in range(8):
        paint(tmp_path / "s", tcga("A2", f"A{number:03}"), side=400)
    config = PrepareConfig(tiles_px=64, workers=1)
    prepare(tmp_path / "s", tmp_path / "never", config, reporter=quiet)
    moments = random.Random(20)
    kills = [
        start_and_kill(
            command(tmp_path / "s", tmp_path / "o", 1),
            tmp_path / "o",
            after_files=moments.randint(0, 40),
            delay_s=moments.uniform(0, 0.01),
        )
        for _ in range(4)
    ]
    assert all(kills), "the kills must come before the end, or this shows nothing"
    subprocess.run(command(tmp_path / "s", tmp_path / "o", 1), check=True, capture_output=True)
    assert everything(tmp_path / "o") == everything(tmp_path / "never")


def test_what_a_kill_leaves_is_made_anew(painted: Path, tmp_path: Path) -> None:
    """Arrays without their row, and half-written files: all that a kill between any two writes can
    leave."""
    config = PrepareConfig(to_mpp=0.3, tiles_px=40, workers=1)
    prepare(painted, tmp_path / "never", config, reporter=quiet)
    wanted = everything(tmp_path / "never")
    rng = random.Random(0)
    for _ in range(6):
        out = tmp_path / "o"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(tmp_path / "never", out)
        (out / "dataset.json").unlink()
        name = rng.choice([p for p in wanted if p.startswith("arrays") and p.endswith(".npy")])
        region = Path(name).name.rsplit(".", 2)[0]
        (out / "arrays" / f"{region}.json").unlink()
        (out / name).rename((out / name).with_name(f".part-{Path(name).name}"))
        os.truncate((out / name).with_name(f".part-{Path(name).name}"), 50)
        (out / ".part-regions.csv").write_text("region,pat")
        prepare(painted, out, config, reporter=quiet)
        assert everything(out) == wanted


def test_killing_the_command_ends_its_workers(tmp_path: Path) -> None:
    """Left alive, they wait for ever, and write into the folder beside the run that was started
    again.

    The workers hold the write end of the pipe: it reaches its end only when the last of them is
    gone.
    """
    for number in range(8):
        paint(tmp_path / "s", tcga("A2", f"A{number:03}"), side=400)
    words = held(command(tmp_path / "s", tmp_path / "o", 2), 30, tmp_path / "mark")
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        while process.poll() is None and not list((tmp_path / "o").rglob("*.npy")):
            time.sleep(0.005)
        process.kill()
        process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(
                process.pid, signal.SIGKILL
            )  # the session that was started above, nobody else's
        process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_killed_with_two_workers_and_started_again(tmp_path: Path) -> None:
    for number in range(8):
        paint(tmp_path / "s", tcga("A2", f"A{number:03}"), side=400)
    prepare(
        tmp_path / "s", tmp_path / "never", PrepareConfig(tiles_px=64, workers=1), reporter=quiet
    )
    words = command(tmp_path / "s", tmp_path / "o", 2)
    before = held(words, 30, tmp_path / "mark")
    process = subprocess.Popen(
        before, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and not list((tmp_path / "o").rglob("*.npy")):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    subprocess.run(words, check=True, capture_output=True)
    assert everything(tmp_path / "o") == everything(tmp_path / "never")


def test_a_failed_prepare_does_not_refuse_the_mended_one(painted: Path, tmp_path: Path) -> None:
    """Regions that were done before the unknown code kept the folder for the wrong label map, for
    ever."""
    out = tmp_path / "out"
    odd = painted / "masks" / f"{tcga('OL', 'C002')}.png"
    mask = np.asarray(Image.open(odd)).copy()
    mask[0, 0] = 77
    Image.fromarray(mask).save(odd)
    with pytest.raises(LabelError, match="77"):
        prepare(painted, out, PrepareConfig(to_mpp=0.30, workers=1), reporter=quiet)
    assert list((out / "arrays").glob("*.json")), "some were done"
    mask[0, 0] = 1
    Image.fromarray(mask).save(odd)
    data = prepare(
        painted, out, PrepareConfig(to_mpp=0.60, labels="tumor", workers=1), reporter=quiet
    )
    fresh = prepare(
        painted,
        tmp_path / "fresh",
        PrepareConfig(to_mpp=0.60, labels="tumor", workers=1),
        reporter=quiet,
    )
    assert data.fingerprint() == fresh.fingerprint()
    with pytest.raises(OutputError, match="holds 'prepare' work with other settings"):
        prepare(painted, out, PrepareConfig(to_mpp=0.30, workers=1), reporter=quiet)


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows has not")
@pytest.mark.parametrize("name", [os.fsdecode(b"pr\xe4parat"), "line\nend"])
def test_a_name_that_no_table_can_hold_is_refused_by_name(tmp_path: Path, name: str) -> None:
    paint(tmp_path / "source", "a")
    for kind in ("images", "masks"):
        (tmp_path / "source" / kind / "a.png").rename(tmp_path / "source" / kind / f"{name}.png")
    with pytest.raises(
        SourceError,
        match="not UTF-8, or control characters; rename it",
    ):
        prepare(
            tmp_path / "source",
            tmp_path / "out",
            PrepareConfig(to_mpp=0.30, mpp=0.30, labels="region5"),
            reporter=quiet,
        )
    assert not (tmp_path / "out").exists()
