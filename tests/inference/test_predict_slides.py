"""breastseg predict on slides, from the command line to the files."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import tifffile
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.files import held_folder
from breastseg.geometry import Box, BoxUm, box_within, parse_box
from breastseg.images import open_slide
from breastseg.inference.map import MapConfig, make_maps, plan_map
from breastseg.inference.model import load_model
from breastseg.labels import BUILT_IN
from conftest import SHARED, crop

MAP = BUILT_IN["region5"]
RESULT = ["labels.ome.tif", "overlay.jpg", "regions.geojson", "run.json", "tissue.png"]


def tissue_on_glass(seed: int = 0, shape: tuple[int, int] = (520, 700)) -> npt.NDArray[np.uint8]:
    pixels = (
        np.clip(np.random.default_rng(seed).normal(242, 1.5, (*shape, 1)), 0, 255)
        .astype(np.uint8)
        .repeat(3, axis=2)
    )
    pixels[160:400, 240:540] = np.tile(crop(seed % 3), (1, 2, 1))[:240, :300]
    return pixels


def write_slide(path: Path, pixels: npt.NDArray[np.uint8], mpp: float | None = 0.5) -> Path:
    """A tiled pyramid, as slide scanners and converters write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as tiff:
        for level in range(3):
            options = (
                {}
                if mpp is None
                else {"resolution": (1e4 / (mpp * 2**level),) * 2, "resolutionunit": "CENTIMETER"}
            )
            shown = np.ascontiguousarray(pixels[:: 2**level, :: 2**level])
            tiff.write(
                shown,
                tile=(256, 256),
                photometric="rgb",
                compression="adobe_deflate",
                subfiletype=int(level > 0),
                **options,
            )
    return path


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    return write_slide(tmp_path / "slides" / "one.tif", tissue_on_glass())


def words_of(bundle: Bundle, out: Path, *words: object) -> list[str]:
    return [
        "predict",
        *map(str, words),
        "--model",
        str(bundle.path),
        "--out",
        str(out),
        "--threads",
        "1",
        "--precision",
        "fp32",
    ]


def run(bundle: Bundle, out: Path, *words: object, status: int = 0) -> Path:
    assert main(words_of(bundle, out, *words)) == status
    return out


def labels_of(folder: Path) -> npt.NDArray[np.uint8]:
    labels = tifffile.imread(folder / "labels.ome.tif")
    assert labels.dtype == np.uint8
    return np.asarray(labels)


def files_under(folder: Path) -> dict[str, bytes]:
    """Everything but the manifest, whose times differ."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "manifest.csv"
    }


def manifest(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "manifest.csv", keep_default_na=False).set_index("slide")


def test_a_slide_becomes_a_folder_of_results(
    lively_bundle: Bundle, slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(lively_bundle, tmp_path / "maps", slide)
    assert sorted(path.name for path in (out / "one").iterdir()) == RESULT
    labels = labels_of(out / "one")
    assert labels.shape == (520, 700)
    tissue = np.zeros(labels.shape, bool)
    tissue[160:400, 240:540] = True
    assert (labels[tissue] > 0).mean() > 0.97
    assert (
        labels[~tissue] > 0
    ).mean() < 0.3  # the mask has a rim, and this slide is a third of a millimetre wide
    assert not labels[:, :80].any()
    row = pd.read_csv(out / "measures.csv").iloc[0]
    assert row["analysed_mm2"] == pytest.approx((labels > 0).sum() * 0.25 / 1e6)
    assert row["tumor_mm2"] == pytest.approx((labels == 1).sum() * 0.25 / 1e6)
    with Image.open(out / "one" / "tissue.png") as mask:
        assert row["tissue_mask_mm2"] == pytest.approx(
            np.asarray(mask).mean() * 520 * 700 * 0.25 / 1e6
        )
    said = capsys.readouterr().out
    assert re.search(
        r"one\.tif: 700 x 520 px at 0\.5 um/px \(.*\); [\d.]+ Mpx at 0\.5 um/px to look at, about"
        r" \d+ s, \d+ MB of disk",
        said,
    )
    assert manifest(out).loc[str(slide), "outcome"] == "done"


def test_the_labels_are_those_of_the_api_and_lie_where_the_tissue_lies(
    lively_bundle: Bundle, slide: Path, tmp_path: Path
) -> None:
    out, config, opened = (
        run(lively_bundle, tmp_path / "maps", slide),
        MapConfig(),
        open_slide(slide),
    )
    model = load_model(lively_bundle.path, precision="fp32", threads=1)
    with make_maps(plan_map(opened, model, config), model, config, tmp_path) as maps:
        assert np.array_equal(
            labels_of(out / "one"), maps.labels.read(Box(0, 0, *maps.labels.size_px))
        )
    alone = model.label(np.ascontiguousarray(opened.read(mpp=0.5)), mpp=0.5)
    opened.close()
    labels = labels_of(out / "one")
    assert (labels == alone)[labels > 0].mean() > 0.98


def test_regions_are_the_labels_in_level_0_pixels(lively_bundle: Bundle, tmp_path: Path) -> None:
    """A slide at 0.25 um/px: polygons are twice as large as the label image."""
    fine = np.kron(tissue_on_glass(), np.ones((2, 2, 1), np.uint8))
    out = run(lively_bundle, tmp_path / "maps", write_slide(tmp_path / "fine.tif", fine, 0.25))
    features = json.loads((out / "fine" / "regions.geojson").read_text(encoding="utf-8"))[
        "features"
    ]
    corners = np.concatenate(
        [
            np.array(ring)
            for f in features
            for polygon in (
                f["geometry"]["coordinates"]
                if f["geometry"]["type"] == "MultiPolygon"
                else [f["geometry"]["coordinates"]]
            )
            for ring in polygon
        ]
    )
    rows, columns = np.nonzero(labels_of(out / "fine"))
    assert np.abs(corners.min(axis=0) - 2 * np.array([columns.min(), rows.min()])).max() <= 32
    assert (
        np.abs(corners.max(axis=0) - 2 * np.array([columns.max() + 1, rows.max() + 1])).max() <= 32
    )
    assert {f["properties"]["classification"]["name"] for f in features} <= {
        c.qupath for c in MAP.classes
    }


def test_all_glass_is_all_0_with_empty_regions(lively_bundle: Bundle, tmp_path: Path) -> None:
    out = run(
        lively_bundle,
        tmp_path / "maps",
        write_slide(tmp_path / "glass.tif", np.full((500, 600, 3), 243, np.uint8)),
    )
    assert not labels_of(out / "glass").any()
    assert (
        json.loads((out / "glass" / "regions.geojson").read_text(encoding="utf-8"))["features"]
        == []
    )
    assert pd.read_csv(out / "measures.csv")["analysed_mm2"].tolist() == [0]
    doubts = json.loads((out / "glass" / "run.json").read_text(encoding="utf-8"))["doubts"]
    assert doubts[0].startswith("no tissue was found: nothing was analysed")
    assert "names the glass" not in " ".join(doubts), "it does not"


@pytest.mark.parametrize("text", ["260,180,200,160", "130,90,100,80um"])
def test_a_box_is_the_same_box_of_the_whole(
    lively_bundle: Bundle, slide: Path, tmp_path: Path, text: str
) -> None:
    whole = labels_of(run(lively_bundle, tmp_path / "whole", slide) / "one")
    part = labels_of(run(lively_bundle, tmp_path / "part", slide, "--box", text) / "one")
    expected = np.zeros_like(whole)
    expected[180:340, 260:460] = whole[180:340, 260:460]
    assert np.array_equal(part, expected)
    assert json.loads((tmp_path / "part" / "one" / "run.json").read_text())["box_level0_px"] == [
        260,
        180,
        200,
        160,
    ]


def test_probabilities_and_uncertainty_on_demand(
    lively_bundle: Bundle, slide: Path, tmp_path: Path
) -> None:
    out = run(
        lively_bundle,
        tmp_path / "maps",
        slide,
        "--probabilities",
        "--uncertainty",
        "--gzip",
        "--parquet",
    )
    names = {"probabilities.ome.tif", "uncertainty.ome.tif", "regions.geojson.gz"}
    assert {path.name for path in (out / "one").iterdir()} == {*RESULT, *names} - {
        "regions.geojson"
    }
    labels = labels_of(out / "one")
    scores = tifffile.imread(out / "one" / "probabilities.ome.tif")
    assert scores.shape == (5, *labels.shape)
    inside = labels > 0
    assert np.abs(scores[:, inside].astype(int).sum(axis=0) - 255).max() <= 3
    assert not scores[:, ~inside].any()
    chosen = np.take_along_axis(scores, labels[None].astype(int) - 1, axis=0)[0]
    assert (chosen[inside] >= scores.max(axis=0)[inside]).all()
    entropy = tifffile.imread(out / "one" / "uncertainty.ome.tif")
    assert entropy.shape == (65, 88)
    assert len(np.unique(entropy)) > 3
    table = pd.read_csv(out / "measures.csv")
    pd.testing.assert_frame_equal(
        pd.read_parquet(out / "measures.parquet"), table, check_dtype=False
    )


def test_without_the_tissue_mask_everything_is_named(
    lively_bundle: Bundle, slide: Path, tmp_path: Path
) -> None:
    out = run(lively_bundle, tmp_path / "maps", slide, "--tissue-mask", "off", "--figure", 1)
    assert labels_of(out / "one").min() >= 1
    assert not (out / "one" / "tissue.png").exists()
    assert (out / "figure.png").is_file()


def test_a_dry_run_says_what_it_takes_and_writes_nothing(
    lively_bundle: Bundle, slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(lively_bundle, tmp_path / "maps", slide, "--dry-run")
    assert re.search(r"about \d+ s, \d+ MB of disk, \d+ MB of memory", capsys.readouterr().out)
    assert not (tmp_path / "maps").exists()


def test_a_slide_coarser_than_the_model_is_mapped_with_a_warning(
    lively_bundle: Bundle, slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(lively_bundle, tmp_path / "fine", slide)
    assert "warning" not in capsys.readouterr().out
    run(lively_bundle, tmp_path / "coarse", slide, "--mpp", 1.0, "--box", "240,160,100,100")
    assert re.search(
        r"warning: .*one\.tif: 1 um/px is coarser than the model's 0\.5", capsys.readouterr().out
    )


def test_same_slide_same_bytes(lively_bundle: Bundle, slide: Path, tmp_path: Path) -> None:
    one, two = (
        run(lively_bundle, tmp_path / name, slide, "--uncertainty") for name in ("one", "two")
    )
    assert files_under(one) == files_under(two)


def test_a_path_with_spaces_and_other_letters(
    lively_bundle: Bundle, slide: Path, tmp_path: Path
) -> None:
    strange = tmp_path / "Präparate 7" / "Fall Ж ö 1.tif"
    strange.parent.mkdir()
    shutil.copy(slide, strange)
    out = run(lively_bundle, tmp_path / "Karten ü", strange.parent)
    plain = run(lively_bundle, tmp_path / "maps", slide)
    assert np.array_equal(labels_of(out / "Fall Ж ö 1"), labels_of(plain / "one"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four slides: whole, one that breaks in the middle, one that says no mpp, whole."""
    slides = tmp_path / "cohort"
    write_slide(slides / "a.tif", tissue_on_glass(0))
    torn = write_slide(slides / "b.tif", tissue_on_glass(1))
    with tifffile.TiffFile(torn) as tiff:
        page = tiff.pages[0]
        middle = len(page.dataoffsets) // 2
        start, length = page.dataoffsets[middle], page.databytecounts[middle]
    with torn.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * length)
    write_slide(slides / "c.tif", tissue_on_glass(2), None)
    write_slide(slides / "d.tif", tissue_on_glass(2))
    return slides


def test_a_failed_slide_never_stops_the_rest(
    lively_bundle: Bundle, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(lively_bundle, tmp_path / "maps", folder, status=1)
    table = manifest(out)
    assert table["outcome"].tolist() == ["done", "failed", "failed", "done"]
    assert re.search(r"b\.tif: .*(\d+, \d+|at)", table["cause"].iloc[1])
    assert "c.tif: no microns per pixel" in table["cause"].iloc[2]
    assert (table["seconds"].astype(float) >= 0).all()
    assert pd.read_csv(out / "measures.csv")["image"].tolist() == ["a", "d"]
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["a", "d"]
    assert re.fullmatch(
        r"breastseg: 2 of 4 failed, the others are done; the first: .*manifest\.csv tells of"
        r" each.*\n",
        capsys.readouterr().err,
    )


def test_a_mended_folder_goes_on_and_repeats_nothing(
    lively_bundle: Bundle, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(lively_bundle, tmp_path / "maps", folder, status=1)
    before = (out / "a" / "labels.ome.tif").stat().st_mtime_ns
    write_slide(folder / "b.tif", tissue_on_glass(1))
    write_slide(folder / "c.tif", tissue_on_glass(2))
    write_slide(folder / "e.tif", tissue_on_glass(0))
    run(lively_bundle, out, folder, status=2)  # another list of slides
    assert "where inputs alone are others, --resume goes on in this one" in capsys.readouterr().err
    run(lively_bundle, out, folder, "--resume")
    assert manifest(out)["outcome"].tolist() == ["done"] * 5
    assert (out / "a" / "labels.ome.tif").stat().st_mtime_ns == before
    fresh = run(lively_bundle, tmp_path / "fresh", folder)
    assert files_under(out) == files_under(fresh)


def test_a_table_of_slides(lively_bundle: Bundle, folder: Path, tmp_path: Path) -> None:
    table = folder / "slides.csv"
    table.write_text(
        'path,patient,mpp,box,note\na.tif,P1,,,x\nc.tif,P2,0.5,"260,180,200,160",\n',
        encoding="utf-8",
    )
    out = run(lively_bundle, tmp_path / "maps", table)
    rows = pd.read_csv(out / "measures.csv").set_index("image")
    assert rows["patient"].to_dict() == {"a": "P1", "c": "P2"}
    said = json.loads((out / "c" / "run.json").read_text(encoding="utf-8"))
    assert (said["mpp"], said["box_level0_px"]) == (0.5, [260, 180, 200, 160])
    assert rows.loc["c", "analysed_mm2"] <= 200 * 160 * 0.25 / 1e6
    assert manifest(out)["patient"].tolist() == ["P1", "P2"]


@pytest.mark.parametrize(
    ("text", "say"),
    [
        ("", r"slides\.csv: empty, wanted a CSV with path and any of mpp, box, patient"),
        (
            "slide,mpp\na.tif,0.5\n",
            (
                r"slides\.csv: columns are slide, mpp; wanted a CSV with path .*; did you mean path"
                r" by 'slide'\?"
            ),
        ),
        (
            "path,um/px\na.tif,0.5\n",
            r"slides\.csv: unknown column 'um/px', wanted .*; did you mean mpp by 'um/px'\?",
        ),
        ("path,mpp\na.tif,forty\n", r"slides\.csv, row 2: mpp 'forty', wanted a number"),
        (
            "path,mpp\na.tif,0\n",
            (
                r"slides\.csv, row 2: 0 um/px, wanted 0\.05 to 20; give the right value with the"
                r" table's mpp"
            ),
        ),
        ("path,mpp\n,0.5\n", r"slides\.csv, row 2: no path; name the slide"),
        (
            "path\na.tif\nb.tif\na.tif\n",
            r"slides\.csv, row 4: 'a\.tif' is in row 2 too; keep one row a slide",
        ),
        (
            "path,patient\na.tif,M\xfcller\n",
            (
                r"slides\.csv: not UTF-8, read as Windows-1252: 'M\xfcller' in row 2; save it as"
                r" CSV UTF-8"
            ),
        ),
    ],
)
def test_a_table_that_cannot_be_read(
    lively_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, say: str
) -> None:
    (tmp_path / "slides.csv").write_text(text, encoding="latin-1")
    run(lively_bundle, tmp_path / "maps", tmp_path / "slides.csv", status=2)
    assert re.search(say, capsys.readouterr().err)
    assert not (tmp_path / "maps").exists()


@pytest.mark.parametrize(
    ("text", "say"),
    [
        (
            "1,2,3",
            (
                r"box '1,2,3': wanted x,y,width,height in level-0 pixels, or in microns as in"
                r" 500,500,2000,1000um"
            ),
        ),
        ("a,b,c,d", "box 'a,b,c,d': wanted x,y,width,height"),
        (
            "600,400,200,200",
            r"box '.*': does not lie inside .*one\.tif, which has 700 x 520 px at 0\.5 um/px",
        ),
        ("0,0,0,10", "does not lie inside"),
        ("nan,0,10,10", "box 'nan,0,10,10': wanted"),
    ],
)
def test_a_box_that_cannot_be(
    lively_bundle: Bundle,
    slide: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    say: str,
) -> None:
    run(lively_bundle, tmp_path / "maps", slide, f"--box={text}", status=2)
    assert re.search(say, capsys.readouterr().err)
    assert not (tmp_path / "maps").exists()


def test_a_box_in_microns_is_rounded_to_pixels() -> None:
    asked = parse_box("10,20,100,50um")
    assert asked == BoxUm(10, 20, 100, 50)
    assert box_within(asked, (2000, 2000), 0.3, "s") == Box(33, 67, 334, 166)


@pytest.mark.parametrize("text", ["1,2,30,40", "0.1,2,30.25,40um"])
def test_a_box_is_written_as_it_is_read(text: str) -> None:
    assert parse_box(parse_box(text).text) == parse_box(text)


def test_two_runs_on_one_folder_are_refused(
    lively_bundle: Bundle, slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(lively_bundle, tmp_path / "maps", slide)
    before = files_under(out)
    with held_folder(out):
        run(lively_bundle, out, slide, status=2)
        assert re.search(
            r"maps: another run is writing there now; wait for it or choose another folder",
            capsys.readouterr().err,
        )
    assert files_under(out) == before
    run(lively_bundle, out, slide)


def in_a_process(words: list[str], before: str = "") -> subprocess.Popen[str]:
    code = f"import sys\n{before}\nfrom breastseg.cli import main\nsys.exit(main({words!r}))"
    # With -B: under a limit Python 3.11 would leave compiled modules cut short.
    return subprocess.Popen([sys.executable, "-B", "-c", code], stderr=subprocess.PIPE, text=True)


HELD = """
import pathlib, time
replace = pathlib.Path.replace
def held(path, target):
    while pathlib.Path(target).name == "d": time.sleep(1)
    return replace(path, target)
pathlib.Path.replace = held
"""
"""The second slide's result is never renamed to its place: who kills is never too late."""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_at_any_moment_nothing_is_lost(
    lively_bundle: Bundle, folder: Path, tmp_path: Path
) -> None:
    for name in ("b.tif", "c.tif"):
        (folder / name).unlink()
    out = tmp_path / "maps"
    killed = in_a_process(words_of(lively_bundle, out, folder), HELD)
    while not (out / "a").is_dir() and killed.poll() is None:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert (out / "a" / "run.json").is_file()
    assert not (out / "d").exists()
    run(lively_bundle, out, folder, "--resume")
    assert files_under(out) == files_under(run(lively_bundle, tmp_path / "fresh", folder))


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process")
def test_a_disk_that_fills_up_in_the_middle(
    lively_bundle: Bundle, slide: Path, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the disk: the write fails as it does there, with an
    OSError."""
    limit = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    )
    full = in_a_process(words_of(lively_bundle, tmp_path / "maps", slide), limit)
    said = full.communicate()[1]
    assert full.returncode == 2
    assert re.search(
        r"breastseg: .*File too large; nothing half-written was kept", said.splitlines()[-1]
    )
    assert [path.name for path in (tmp_path / "maps").iterdir() if path.is_dir()] == []


def test_a_disk_that_is_too_small_is_told_before_the_first_tile(
    lively_bundle: Bundle,
    slide: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    run(lively_bundle, tmp_path / "maps", slide, status=2)
    assert re.search(r"the disk has 0 MB free, this map may take", capsys.readouterr().err)
    assert not (tmp_path / "maps" / "one").exists()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_may_not_be_written(
    lively_bundle: Bundle, slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    run(lively_bundle, tmp_path / "closed" / "maps", slide, status=2)
    assert "Permission denied" in capsys.readouterr().err


Outcome = tuple[int, str]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the slides beside the project")
@pytest.mark.parametrize(
    ("name", "options", "outcome"),
    [
        ("broken.svs", [], (2, r"broken\.svs: ")),
        ("BCNB_10010_wholeslide_overview_no-mpp.tif", [], (2, "no microns per pixel")),
        ("tcga-cr-7395-01a-01-ts1.svs", [], (2, "no microns per pixel")),
        ("fluorescence.ndpi", [], (0, "does not look like H&E|nearly empty")),
        ("CMU-1-Small-Region.svs", [], (0, "")),
    ],
)
def test_real_slides(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    options: list[str],
    outcome: Outcome,
) -> None:
    assert (
        main(["predict", str(SHARED / "slides" / name), *options, "--out", str(tmp_path / "maps")])
        == outcome[0]
    )
    said = capsys.readouterr()
    assert re.search(outcome[1], said.out + said.err)


def test_ome_zarr_on_demand_has_the_labels_of_the_map(
    lively_bundle: Bundle, slide: Path, tmp_path: Path
) -> None:
    zarr = pytest.importorskip("zarr")
    folder = run(lively_bundle, tmp_path / "out", slide, "--ome-zarr") / "one"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*RESULT, "map.ome.zarr"])
    group = zarr.open_group(folder / "map.ome.zarr", mode="r")
    assert np.array_equal(group["labels/tissue/0"][:], labels_of(folder))
