"""breastseg predict, from the command line to the files."""

import hashlib
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.inference.config import PredictConfig
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import predict
from breastseg.labels import BUILT_IN, LabelMap
from breastseg.report.slide import slide_page
from conftest import class_areas, crop, quiet, without


def picture(index: int = 0, width: int = 120, height: int = 90) -> Image.Image:
    return Image.fromarray(crop(index)[:height, :width])


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    """A folder of three small images of unlike sizes, and a file that is none."""
    folder = tmp_path / "fields"
    folder.mkdir()
    for index, (name, width, height) in enumerate(
        (("a.png", 120, 90), ("b.png", 61, 130), ("c.png", 33, 33))
    ):
        picture(index, width, height).save(folder / name)
    (folder / "notes.txt").write_text("not an image")
    return folder


def run(bundle: Bundle, out: Path, *words: object) -> Path:
    assert (
        main(
            [
                "predict",
                *map(str, words),
                "--model",
                str(bundle.path),
                "--out",
                str(out),
                "--threads",
                "1",
            ]
        )
        == 0
    )
    return out


def labels_of(folder: Path) -> npt.NDArray[np.uint8]:
    with Image.open(folder / "labels.png") as image:
        assert image.mode == "P"
        return np.asarray(image)


def files_under(folder: Path) -> dict[str, bytes]:
    """Everything but the manifest, whose times differ."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "manifest.csv"
    }


def test_a_folder_of_results_for_each_input(
    lively_bundle: Bundle, fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(lively_bundle, tmp_path / "maps", fields, "--mpp", 0.3)
    results = [
        f"{name}/{file}"
        for name in "abc"
        for file in ("labels.png", "overlay.png", "regions.geojson", "run.json")
    ]
    assert sorted(files_under(out)) == sorted([*results, "measures.csv", "breastseg-work.json"])
    assert pd.read_csv(out / "manifest.csv")["outcome"].tolist() == ["done"] * 3
    for name, size in (("a", (120, 90)), ("b", (61, 130)), ("c", (33, 33))):
        labels = labels_of(out / name)
        assert labels.shape[::-1] == size
        assert labels.min() >= 1
        assert labels.max() <= 5
        with Image.open(out / name / "overlay.png") as overlay:
            assert overlay.width == size[0]
            assert overlay.height > size[1]
    assert len(np.unique(labels_of(out / "a"))) >= 2
    assert str(out) in capsys.readouterr().out


def test_run_json_tells_how_to_do_it_again(
    lively_bundle: Bundle, fields: Path, tmp_path: Path
) -> None:
    out = run(
        lively_bundle, tmp_path / "maps", fields / "b.png", "--mpp", 0.3, "--precision", "fp32"
    )
    said = json.loads((out / "b" / "run.json").read_text(encoding="utf-8"))
    card, content = lively_bundle.card, (fields / "b.png").read_bytes()
    expected = {
        "input": str(fields / "b.png"),
        "input_fingerprint": hashlib.sha256(content).hexdigest(),
        "size_px": [61, 130],
        "mpp": 0.3,
        "mpp_source": "given",
        "model": "lively",
        "model_files": card.files,
        "model_mpp": 0.5,
        "tile_px": card.tile_px,
        "halo_px": card.halo_px,
        "box_level0_px": None,
        "backend": "openvino fp32",
        "use": "research use only, not for diagnosis",
    }
    assert {key: said[key] for key in expected} == expected
    assert LabelMap.from_dict(said["label_map"], "run.json") == BUILT_IN["region5"]
    assert said["packages"]["numpy"] == version("numpy")
    assert set(said) == {*expected, "label_map", "packages", "measures", "regions", "doubts"}
    assert "torch" not in said["packages"]


def test_measures_equal_the_label_images_counted_again(
    lively_bundle: Bundle, fields: Path, tmp_path: Path
) -> None:
    out = run(lively_bundle, tmp_path / "maps", fields, "--mpp", 0.3)
    table = pd.read_csv(out / "measures.csv").set_index("image")
    assert list(table.index) == ["a", "b", "c"]
    assert (table["mpp"] == 0.3).all()
    for name, row in table.iterrows():
        labels = labels_of(out / str(name))
        assert row["analysed_mm2"] == pytest.approx(labels.size * 0.3 * 0.3 / 1e6)
        areas = class_areas(labels, BUILT_IN["region5"], 0.3)
        assert row[list(areas)].to_dict() == pytest.approx(areas)
        for label, tissue in enumerate(BUILT_IN["region5"].names, start=1):
            assert row[f"{tissue}_percent"] == pytest.approx(100 * (labels == label).mean())


def test_the_labels_are_the_models_own(lively_bundle: Bundle, fields: Path, tmp_path: Path) -> None:
    out = run(lively_bundle, tmp_path / "maps", fields / "a.png", "--mpp", 0.3)
    pixels = np.asarray(Image.open(fields / "a.png"))
    assert np.array_equal(
        labels_of(out / "a"), load_model(lively_bundle.path, threads=1).label(pixels, mpp=0.3)
    )


def test_every_back_end_gives_the_same_map(
    lively_bundle: Bundle, fields: Path, tmp_path: Path
) -> None:
    words = fields / "a.png", "--mpp", 0.3, "--precision", "fp32", "--backend"
    maps = [
        labels_of(run(lively_bundle, tmp_path / name, *words, name) / "a")
        for name in ("openvino", "onnx", "torch")
    ]
    assert (maps[0] == maps[1]).mean() > 0.999
    assert (maps[0] == maps[2]).mean() > 0.999


def test_flips_are_told_in_run_json_and_are_another_piece_of_work(
    lively_bundle: Bundle, fields: Path, tmp_path: Path
) -> None:
    words = fields / "a.png", "--mpp", 0.3, "--precision", "fp32"
    out = run(lively_bundle, tmp_path / "maps", *words, "--flips")
    assert (
        json.loads((out / "a" / "run.json").read_text(encoding="utf-8"))["backend"]
        == "openvino fp32, flips"
    )
    assert (
        main([str(w) for w in ("predict", *words, "--model", lively_bundle.path, "--out", out)])
        == 2
    )


@pytest.mark.parametrize(("asked", "rows"), [(1, 1), (2, 2), (10, 3)])
def test_figure_shows_the_first_so_many(
    lively_bundle: Bundle, fields: Path, tmp_path: Path, asked: int, rows: int
) -> None:
    out = run(lively_bundle, tmp_path / "maps", fields, "--mpp", 0.3, "--figure", asked)
    with Image.open(out / "figure.png") as figure:
        assert rows * 320 < figure.height < (rows + 1) * 346 + 40
        assert figure.width == 2 * 320 + 3 * 8


def test_a_figure_can_be_asked_for_afterwards(
    lively_bundle: Bundle, fields: Path, tmp_path: Path
) -> None:
    out = run(lively_bundle, tmp_path / "maps", fields, "--mpp", 0.3)
    assert not (out / "figure.png").exists()
    run(lively_bundle, out, fields, "--mpp", 0.3, "--figure", 3)
    assert (out / "figure.png").is_file()


def test_files_and_folders_together(lively_bundle: Bundle, fields: Path, tmp_path: Path) -> None:
    picture(2, 50, 40).save(tmp_path / "z.PNG")
    out = run(lively_bundle, tmp_path / "maps", tmp_path / "z.PNG", fields, "--mpp", 0.3)
    assert list(pd.read_csv(out / "measures.csv")["image"]) == ["z", "a", "b", "c"]


def test_every_kind_of_picture_is_the_same_tissue(lively_bundle: Bundle, tmp_path: Path) -> None:
    """Grey, palette, opaque and see-through images give the map of the RGB image they show."""
    rgb = picture()
    grey, palette = rgb.convert("L"), rgb.quantize(64)
    see_through = rgb.convert("RGBA")
    see_through.putalpha(
        Image.fromarray(np.tile(np.linspace(0, 255, 120).astype(np.uint8), (90, 1)))
    )
    on_white = Image.alpha_composite(Image.new("RGBA", rgb.size, "white"), see_through).convert(
        "RGB"
    )
    pairs = {
        "opaque": (rgb.convert("RGBA"), rgb),
        "grey": (grey, grey.convert("RGB")),
        "grey_alpha": (grey.convert("LA"), grey.convert("RGB")),
        "palette": (palette, palette.convert("RGB")),
        "see_through": (see_through, on_white),
    }
    for name, images in pairs.items():
        for kind, image in zip(("kind", "rgb"), images, strict=True):
            image.save(tmp_path / f"{name}_{kind}.png")
    out = run(lively_bundle, tmp_path / "maps", *sorted(tmp_path.glob("*.png")), "--mpp", 0.3)
    for name in pairs:
        assert np.array_equal(labels_of(out / f"{name}_kind"), labels_of(out / f"{name}_rgb")), name
    assert not np.array_equal(labels_of(out / "see_through_rgb"), labels_of(out / "opaque_rgb"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_rotated_picture_is_mapped_as_it_is_seen(
    lively_bundle: Bundle, tmp_path: Path, orientation: int
) -> None:
    """Cameras and phones store an image lying down and a note that it stands."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = picture()
    stored.save(tmp_path / "noted.png", exif=exif)
    turns = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 1),
    }
    seen = np.ascontiguousarray(turns[orientation](np.asarray(stored)))
    Image.fromarray(seen).save(tmp_path / "seen.png")
    out = run(
        lively_bundle,
        tmp_path / "maps",
        tmp_path / "noted.png",
        tmp_path / "seen.png",
        "--mpp",
        0.3,
    )
    assert labels_of(out / "noted").shape == seen.shape[:2]
    assert np.array_equal(labels_of(out / "noted"), labels_of(out / "seen"))


@pytest.fixture
def glass(tmp_path: Path) -> Path:
    """An image of nothing but glass, 0.3 x 0.25 mm at 0.5 um/px."""
    noise = np.random.default_rng(0).normal(242, 0.7, (500, 600, 3))
    Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(tmp_path / "glass.png")
    return tmp_path / "glass.png"


def test_a_picture_of_glass_has_no_label_and_says_so(
    lively_bundle: Bundle, glass: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It came out as 100 % of one class, mostly "other": free of tumor over its whole area."""
    out = run(
        lively_bundle,
        tmp_path / "maps",
        glass,
        picture_beside(glass),
        "--mpp",
        0.5,
        "--figure",
        2,
        "--probabilities",
        "--uncertainty",
    )
    assert not labels_of(out / "glass").any()
    row = pd.read_csv(out / "measures.csv").set_index("image").loc["glass"]
    assert (
        row[
            [
                "analysed_mm2",
                "tissue_mask_mm2",
                *(f"{name}_mm2" for name in BUILT_IN["region5"].names),
            ]
        ].tolist()
        == [0] * 7
    )
    assert row.filter(regex="percent|nest_area|diameter").isna().all()
    said = json.loads((out / "glass" / "run.json").read_text(encoding="utf-8"))
    nothing = "no tissue was found: nothing was analysed; --tissue-mask off looks at glass too"
    assert said["doubts"] == [nothing, "nearly empty: 0.0 % of it is darker than glass"]
    assert f"warning: {glass}: {nothing}\n" in capsys.readouterr().out
    assert json.loads((out / "glass" / "regions.geojson").read_text(encoding="utf-8")) == {
        "type": "FeatureCollection",
        "features": [],
    }
    with Image.open(out / "glass" / "overlay.png") as overlay, Image.open(glass) as seen:
        assert np.array_equal(np.asarray(overlay)[:500], np.asarray(seen))
    with Image.open(out / "glass" / "tissue.png") as mask:
        assert not np.asarray(mask).any()
    assert nothing in slide_page(out / "glass")
    assert (out / "figure.png").is_file()


def on_glass() -> Image.Image:
    """400 um of glass beside 150 um of tissue at 0.5 um/px, 400 um high."""
    field = np.full((800, 1100, 3), 242, np.uint8)
    field[:, 800:] = np.tile(crop(0), (4, 2, 1))[:800, :300]
    return Image.fromarray(field)


def picture_beside(path: Path) -> Path:
    """A field full of tissue in the same folder."""
    picture().save(path.with_name("tissue.png"))
    return path.with_name("tissue.png")


def test_only_an_asked_for_box_of_glass_is_empty(lively_bundle: Bundle, tmp_path: Path) -> None:
    """The box says so, not the image, which has tissue elsewhere."""
    on_glass().save(tmp_path / "field.png")
    out = run(
        lively_bundle,
        tmp_path / "maps",
        tmp_path / "field.png",
        "--mpp",
        0.5,
        "--box",
        "100,100,300,200",
    )
    doubts = json.loads((out / "field" / "run.json").read_text(encoding="utf-8"))["doubts"]
    assert doubts == [
        "no tissue was found in the box: nothing was analysed; --tissue-mask off looks at glass too"
    ]
    assert not labels_of(out / "field").any()


def test_how_much_of_a_flat_picture_is_left_out_is_said(
    lively_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on_glass().save(tmp_path / "field.png")
    out = run(lively_bundle, tmp_path / "maps", tmp_path / "field.png", "--mpp", 0.5)
    row = pd.read_csv(out / "measures.csv").iloc[0]
    assert row["tissue_mask_mm2"] == pytest.approx(row["analysed_mm2"], rel=0.01)
    percent = 100 * (1 - row["tissue_mask_mm2"] / (800 * 1100 * 0.25 / 1e6))
    assert percent == pytest.approx(100 * 800 / 1100, abs=4)
    assert (
        f"field.png: {percent:.3g} % is no tissue and has no label; --tissue-mask off looks at all"
        " of it" in capsys.readouterr().out
    )


def test_glass_is_named_where_it_is_asked_for(
    lively_bundle: Bundle, glass: Path, tmp_path: Path
) -> None:
    out = run(lively_bundle, tmp_path / "maps", glass, "--mpp", 0.5, "--tissue-mask", "off")
    assert labels_of(out / "glass").all()
    assert not (out / "glass" / "tissue.png").exists()
    doubts = json.loads((out / "glass" / "run.json").read_text(encoding="utf-8"))["doubts"]
    assert doubts == ["nearly empty: 0.0 % of it is darker than glass; the map names the glass too"]


def test_a_field_full_of_tissue_has_the_same_bytes_with_and_without_the_look_for_glass(
    lively_bundle: Bundle, tmp_path: Path
) -> None:
    """A person who cut a field out meant all of it."""
    large = tmp_path / "large.png"
    Image.fromarray(np.tile(crop(0), (2, 2, 1))).save(large)
    auto, off = (
        run(lively_bundle, tmp_path / word, large, "--mpp", 0.5, "--tissue-mask", word)
        for word in ("auto", "off")
    )
    for folder in (auto, off):
        (folder / "breastseg-work.json").unlink()
    assert files_under(auto) == files_under(off)


def test_same_inputs_same_bytes(lively_bundle: Bundle, fields: Path, tmp_path: Path) -> None:
    one, two = (
        run(lively_bundle, tmp_path / name, fields, "--mpp", 0.3, "--figure", 3)
        for name in ("one", "two")
    )
    assert files_under(one) == files_under(two)


class Counting:
    """A runner that counts its tiles, and stops after some."""

    def __init__(self, bundle: Bundle, stop_after: int) -> None:
        self.runner, self.tiles, self.stop_after = (
            load_model(bundle.path, threads=1).runner,
            0,
            stop_after,
        )
        self.name, self.package, self.probabilities = (
            self.runner.name,
            self.runner.package,
            self.runner.probabilities,
        )
        self.release = self.runner.release

    def labels(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if self.tiles == self.stop_after:
            raise KeyboardInterrupt
        self.tiles += 1
        return self.runner.labels(tiles)


def test_an_interrupted_run_goes_on_and_repeats_nothing(
    lively_bundle: Bundle, fields: Path, tmp_path: Path
) -> None:
    """At 0.3 um/px each of the three images is one tile of the model."""
    out, whole = tmp_path / "maps", run(lively_bundle, tmp_path / "whole", fields, "--mpp", 0.3)
    config, stopped = PredictConfig(mpp=0.3), Counting(lively_bundle, 1)
    with pytest.raises(KeyboardInterrupt):
        predict(fields, Model(lively_bundle, stopped), out, config, reporter=quiet)
    assert {p.name for p in out.iterdir()} == {"a", "breastseg-work.json", "manifest.csv"}
    first = (out / "a" / "labels.png").stat().st_mtime_ns
    going_on = Counting(lively_bundle, 99)
    predict(fields, Model(lively_bundle, going_on), out, config, reporter=quiet)
    assert going_on.tiles == 2
    assert (out / "a" / "labels.png").stat().st_mtime_ns == first
    assert files_under(out) == files_under(whole)


def test_a_picture_exchanged_under_its_name_is_mapped_again(
    lively_bundle: Bundle, fields: Path, tmp_path: Path
) -> None:
    out = run(lively_bundle, tmp_path / "maps", fields, "--mpp", 0.3)
    picture(2, 100, 80).save(fields / "b.png")
    run(lively_bundle, out, fields, "--mpp", 0.3)
    fresh = run(lively_bundle, tmp_path / "fresh", fields, "--mpp", 0.3)
    assert files_under(out) == files_under(fresh)


def test_a_finished_run_runs_no_tile(lively_bundle: Bundle, fields: Path, tmp_path: Path) -> None:
    out = run(lively_bundle, tmp_path / "maps", fields, "--mpp", 0.3)
    before = files_under(out)
    predict(
        fields,
        Model(lively_bundle, Counting(lively_bundle, 0)),
        out,
        PredictConfig(mpp=0.3),
        reporter=quiet,
    )
    assert files_under(out) == before


@pytest.mark.parametrize(
    ("unit", "per_unit", "mpp"), [(3, 20_000, 0.5), (3, 40_000, 0.25), (2, 101_600, 0.25)]
)
def test_a_tiff_knows_its_mpp(
    lively_bundle: Bundle, tmp_path: Path, unit: int, per_unit: int, mpp: float
) -> None:
    picture().save(tmp_path / "slide.tif", resolution=per_unit, resolution_unit=unit)
    out = run(lively_bundle, tmp_path / "maps", tmp_path / "slide.tif")
    said = json.loads((out / "slide" / "run.json").read_text(encoding="utf-8"))
    assert (said["mpp"], said["mpp_source"]) == (pytest.approx(mpp), "TIFF resolution tags")
    assert pd.read_csv(out / "measures.csv")["analysed_mm2"][0] == pytest.approx(
        120 * 90 * mpp**2 / 1e6
    )


def test_a_given_mpp_overrides_the_tiffs(lively_bundle: Bundle, tmp_path: Path) -> None:
    picture().save(tmp_path / "slide.tif", resolution=20_000, resolution_unit=3)
    said = json.loads(
        (
            run(lively_bundle, tmp_path / "maps", tmp_path / "slide.tif", "--mpp", 0.3)
            / "slide"
            / "run.json"
        ).read_text()
    )
    assert (said["mpp"], said["mpp_source"]) == (0.3, "given")


def test_predict_needs_no_pytorch(lively_bundle: Bundle, fields: Path, tmp_path: Path) -> None:
    """In a Python where none of the training packages can be imported, warnings being errors."""
    out = tmp_path / "maps"
    words = [
        "predict",
        str(fields),
        "--mpp",
        "0.3",
        "--model",
        str(lively_bundle.path),
        "--out",
        str(out),
        "--figure",
        "2",
    ]
    training = [
        "torch",
        "torchvision",
        "lightning",
        "timm",
        "segmentation_models_pytorch",
        "kornia",
        "torchinfo",
    ]
    environment = without(
        tmp_path / "start",
        *training,
        "safetensors",
        "onnx",
        "onnxruntime",
        "nncf",
        "openvino_telemetry",
    )
    command = [sys.executable, "-W", "error", "-m", "breastseg", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert files_under(out) == files_under(
        run(lively_bundle, tmp_path / "here", fields, "--mpp", 0.3, "--figure", 2)
    )


def test_without_pytorch_the_torch_back_end_says_what_to_install(
    lively_bundle: Bundle, fields: Path, tmp_path: Path
) -> None:
    words = [
        "predict",
        str(fields),
        "--mpp",
        "0.3",
        "--model",
        str(lively_bundle.path),
        "--out",
        str(tmp_path / "m"),
        "--backend",
        "torch",
    ]
    environment = without(tmp_path / "start", "torch")
    done = subprocess.run(
        [sys.executable, "-m", "breastseg", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == "breastseg: back end 'torch': torch is not installed; pip install 'breastseg[train]'\n"
    )
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "change",
    [{"measures": None}, {"measures": {"analysed_mm2": {}}}, {"doubts": [1]}, {"measures": []}],
    ids=str,
)
def test_a_damaged_run_json_is_no_whole_result(
    lively_bundle: Bundle, fields: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    """It ended the batch with a traceback; the image is mapped again."""
    out = run(lively_bundle, tmp_path / "maps", fields, "--mpp", 0.3)
    path = out / "a" / "run.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**whole, **change}), encoding="utf-8")
    run(lively_bundle, out, fields, "--mpp", 0.3)
    assert json.loads(path.read_text(encoding="utf-8")) == whole
