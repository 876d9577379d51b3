"""prepare_films(): films in, images, masks and tables out; one bad film stops none."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.cli.main import main
from breastseg.errors import IncompleteError, InputError, OutputError, SourceError
from breastseg.mammography.film import Film, resample_film
from breastseg.mammography.findings import (
    Circle,
    Finding,
    Polygon,
    Rectangle,
    bounds_of,
    mirrored,
    paint_shape,
    scaled,
)
from breastseg.mammography.picture import read_picture
from breastseg.mammography.prepare import FilmsConfig, prepare_films
from breastseg.reporter import Reporter
from conftest import quiet
from mammograms import (
    CBIS_ROW,
    DATE,
    HOSPITAL,
    MIAS_INFO,
    NUMBER,
    PATIENT,
    paint_cbis,
    paint_film,
    paint_mini_mias,
    write_mg,
)

pytest.importorskip("pydicom")

MIAS = Path(os.environ.get("BREASTSEG_MIAS", "/nowhere"))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def bytes_in(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_film_becomes_a_folder_with_tables(tmp_path: Path) -> None:
    source = paint_mini_mias(tmp_path / "mias")
    out = tmp_path / "out"
    rows = prepare_films(source, out, FilmsConfig(mm_per_px=0.4), reporter=quiet)
    assert [row["outcome"] for row in rows] == ["done"] * 4
    folder = out / "mdb001"
    names = {path.name for path in folder.iterdir()}
    assert names == {"image.png", "muscle.png", "labels.png", "overlay.jpg", "film.json"}
    image = np.asarray(Image.open(folder / "image.png"))
    labels = np.asarray(Image.open(folder / "labels.png"))
    assert image.dtype == np.uint16
    assert image.shape == labels.shape == (512, 512)
    assert set(np.unique(labels)) <= {0, 1, 2, 3, 4}
    assert not image[labels != 2].any()
    assert image[labels == 2].any()
    cut = np.asarray(Image.open(folder / "muscle.png"))
    assert cut[labels == 3].all()
    assert not cut[labels != 3].any()
    record = json.loads((folder / "film.json").read_text())
    assert record["mm_origin"] == "known of mini-MIAS: 50 um x 4"
    assert "resampled from 0.2 to 0.4 mm a pixel" in record["history"]
    assert record["breast_mm2"] == pytest.approx((labels == 2).sum() * 0.16, rel=1e-3)
    film = table(out / "films.csv")[0]
    assert (film["film"], film["patient"], film["laterality"]) == ("mdb001", "mias001", "R")
    findings = table(out / "findings.csv")
    assert [row["film"] for row in findings] == ["mdb001", "mdb003", "mdb004"]
    # (30 + 0.5) / 2 - 0.5, and 983 from the top
    assert (findings[0]["x_px"], findings[0]["y_px"]) == ("14.8", "491.2")
    assert findings[0]["radius_px"] == "6.0"
    assert findings[1]["shape"] == ""


def test_the_same_command_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    source = paint_mini_mias(tmp_path / "mias", films=2)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    prepare_films(source, whole, reporter=quiet)
    prepare_films(source, broken, reporter=quiet)
    (broken / "films.csv").unlink()
    (broken / "mdb001" / "film.json").rename(tmp_path / "kept")  # as a kill would not leave it
    for path in (broken / "mdb001").iterdir():
        path.unlink()
    (broken / "mdb001").rmdir()
    before = (broken / "mdb002" / "image.png").stat().st_mtime_ns
    prepare_films(source, broken, reporter=quiet)
    assert (broken / "mdb002" / "image.png").stat().st_mtime_ns == before
    assert bytes_in(whole) == bytes_in(broken)
    with pytest.raises(OutputError, match=r"other settings \(clahe: False there, True now\)"):
        prepare_films(source, broken, FilmsConfig(clahe=True), reporter=quiet)


def test_one_bad_film_stops_none_and_each_refusal_is_a_sentence(tmp_path: Path) -> None:
    source, out = tmp_path / "exams", tmp_path / "out"
    write_mg(source / "1.dcm")
    write_mg(source / "2.dcm", BreastImplantPresent="YES")
    write_mg(source / "3.dcm", NumberOfFrames=2)
    write_mg(source / "4.dcm", Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    (source / "5.dcm").write_bytes((source / "1.dcm").read_bytes()[:900])
    write_mg(source / "6.dcm", ViewPosition="CC")
    said: list[str] = []
    with pytest.raises(IncompleteError, match="4 of 6 films refused or failed, the others are"):
        prepare_films(source, out, reporter=Reporter(said.append))
    rows = table(out / "manifest.csv")
    assert [row["outcome"] for row in rows] == ["done", *["refused"] * 4, "done"]
    assert rows[1]["cause"].startswith("film-0002: an implant is in the image")
    assert rows[2]["cause"].startswith("film-0003: tomosynthesis (2 frames)")
    assert rows[3]["cause"].startswith("film-0004: CT, wanted a mammogram")
    assert len([line for line in said if line.startswith("refused: ")]) == 4
    assert not (out / "film-0002").exists()
    cc = json.loads((out / "film-0006" / "film.json").read_text())
    assert cc["muscle_px"] == 0
    assert "no muscle was looked for: the view is CC" in cc["notes"]


def test_nothing_of_a_person_a_date_or_a_place_is_written(tmp_path: Path) -> None:
    source, out = tmp_path / "Doe_Jane_secret", tmp_path / "out"
    write_mg(source / "Doe^Jane.dcm", PatientComments="Doe", AccessionNumber="ACC-99")
    write_mg(source / "Doe-implant.dcm", BreastImplantPresent="YES")
    with pytest.raises(IncompleteError):
        prepare_films(source, out, reporter=quiet)
    secrets = (PATIENT, NUMBER, HOSPITAL, DATE, "Doe", "Jane", "ACC-99", str(tmp_path), "1.2.826")
    for name, data in bytes_in(out).items():
        for secret in secrets:
            assert secret.encode() not in data, f"{secret} is in {name}"
            assert secret not in name


def test_a_folder_of_another_organ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ct = {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}
    write_mg(tmp_path / "ct" / "1.dcm", BodyPartExamined="CHEST", **ct)
    assert main(["mammo", "prepare", str(tmp_path / "ct"), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("breastseg: none of 1 film could be prepared: film-0001: CT of 'CHEST'")


def test_without_a_size_areas_are_in_pixels_and_said(tmp_path: Path) -> None:
    source, out = tmp_path / "films", tmp_path / "out"
    source.mkdir()
    Image.fromarray(paint_film()).save(source / "a.png")
    prepare_films(source, out, reporter=quiet)
    record = json.loads((out / "a" / "film.json").read_text())
    assert record["mm_per_px"] is None
    assert record["breast_mm2"] is None
    assert record["breast_px"] > 0
    assert any("areas are in pixels; give them with --pixel-mm" in one for one in record["notes"])
    assert (record["width_px"], record["height_px"]) == (256, 320)
    again = tmp_path / "again"
    prepare_films(source, again, FilmsConfig(pixel_mm=0.4), reporter=quiet)
    record = json.loads((again / "a" / "film.json").read_text())
    assert (record["width_px"], record["mm_origin"]) == (512, "given with --pixel-mm")


def test_a_mask_of_a_finding_is_written_in_the_size_of_the_picture(tmp_path: Path) -> None:
    rows = CBIS_ROW.format(1, "MALIGNANT") + CBIS_ROW.format(2, "BENIGN")
    source, out = paint_cbis(tmp_path / "cbis", rows), tmp_path / "out"
    prepare_films(source, out, FilmsConfig(pixel_mm=0.2, mm_per_px=0.4), reporter=quiet)
    folder = out / "Mass-Training_P_00001_LEFT_CC"
    mask = np.asarray(Image.open(folder / "finding-1.png"))
    assert mask.shape == np.asarray(Image.open(folder / "image.png")).shape == (160, 128)
    assert (mask[40:80, 32:64] == 255).all()
    assert np.count_nonzero(mask) == 40 * 32
    first, second = table(out / "findings.csv")
    assert (first["mask"], first["shape"], first["left_px"]) == ("finding-1.png", "mask", "32.0")
    assert (first["right_px"], first["bottom_px"]) == ("63.0", "79.0")
    assert (second["mask"], second["shape"], second["pathology"]) == ("", "", "benign")
    (film,) = table(out / "films.csv")
    assert (film["findings"], film["pathology"]) == ("2", "malignant")
    assert (film["split"], film["density"], film["patient"]) == ("train", "3", "P_00001")


@pytest.mark.parametrize("section", ["3.4", "3.5", "3.6", "3.8"])
def test_the_steps_of_a_paper_are_told_and_findings_go_with_its_mirror(
    tmp_path: Path, section: str
) -> None:
    """mdb001's chest wall is on the right; 3.5 puts it on the left."""
    info = MIAS_INFO.replace("30 40 12", "900 512 40")
    out = tmp_path / "out"
    source = paint_mini_mias(tmp_path / "mias", info, 1)
    prepare_films(source, out, FilmsConfig(as_paper=section, mm_per_px=0.4), reporter=quiet)
    record = json.loads((out / "mdb001" / "film.json").read_text())
    image = np.asarray(Image.open(out / "mdb001" / "image.png"))
    labels = np.asarray(Image.open(out / "mdb001" / "labels.png"))
    assert not image[labels != 2].any()
    steps = [line for line in record["history"] if line.startswith(f"as {section}: ")]
    assert len(steps) >= 3
    assert (out / "mdb001" / "regions.png").is_file() == (section == "3.8")
    left = labels[:, :256] == 2
    right = labels[:, 256:] == 2
    (finding,) = record["findings"]
    if section == "3.5":
        assert record["mirrored"]
        assert left.sum() > 2 * right.sum()
        assert finding["x_px"] == pytest.approx(511 - ((900.5 / 2) - 0.5), abs=0.06)
    else:
        assert not record["mirrored"]
        assert right.sum() > 2 * left.sum()
        assert finding["x_px"] == pytest.approx(900.5 / 2 - 0.5, abs=0.06)
    assert not any("outside the breast:" in note for note in record["notes"])


def test_mirrored_shapes_are_mirrored_masks() -> None:
    shapes = (
        Circle(20, 10, 5),
        Rectangle(2, 3, 14, 16),
        Polygon(((10.0, 10.0), (20.0, 10.0), (20.0, 25.0))),
    )
    for shape in shapes:
        turned = mirrored(Finding("mass", shape=shape), 50).shape
        assert turned is not None
        assert np.array_equal(paint_shape(turned, (40, 50)), paint_shape(shape, (40, 50))[:, ::-1])


def test_a_mask_of_two_pixels_does_not_vanish(tmp_path: Path) -> None:
    source, out = paint_cbis(tmp_path / "cbis", CBIS_ROW.format(1, "BENIGN")), tmp_path / "out"
    tiny = np.zeros((320, 256), np.uint16)
    tiny[101, 50:52] = 255
    write_mg(next(source.rglob("1-2.dcm")), tiny)
    prepare_films(source, out, FilmsConfig(pixel_mm=0.2, mm_per_px=0.8), reporter=quiet)
    mask = np.asarray(Image.open(next(out.rglob("finding-1.png"))))
    assert np.argwhere(mask).tolist() == [[25, 12]]


def test_a_finding_outside_the_breast_is_named(tmp_path: Path) -> None:
    """As when y was counted from the wrong end, or the image is of another copy."""
    info = MIAS_INFO.replace("30 40 12", "20 512 10")  # the chest wall is on the right
    out = tmp_path / "out"
    prepare_films(paint_mini_mias(tmp_path / "mias", info, 1), out, reporter=quiet)
    record = json.loads((out / "mdb001" / "film.json").read_text())
    assert "finding 1 lies outside the breast: is its table of this film?" in record["notes"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"muscle": "magic"}, "--muscle 'magic': wanted path, srg, rows, none"),
        ({"denoise": "blur"}, "--denoise 'blur': wanted none, wiener, median"),
        ({"as_paper": "3.7"}, "--as-paper '3.7': wanted 3.4, 3.5, 3.6, 3.8"),
        ({"as_paper": "3.5", "clahe": True}, "--as-paper 3.5 sets the steps itself; leave out"),
        ({"mm_per_px": 5.0}, "--to-pixel-mm 5: wanted millimetres a pixel from 0.01 to 1"),
        ({"pixel_mm": -1.0}, "--pixel-mm -1: wanted millimetres a pixel"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        FilmsConfig(**options)  # type: ignore[arg-type]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = paint_mini_mias(tmp_path / "mias", films=1)
    out = tmp_path / "out"
    words = [
        "mammo",
        "prepare",
        str(source),
        "--out",
        str(out),
        "--muscle",
        "none",
        "--whole",
        "--to-pixel-mm",
        "0",
    ]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "mini-MIAS: 1 film" in shown
    assert f"{out}: 1 film; look at overlay.jpg" in shown
    record = json.loads((out / "mdb001" / "film.json").read_text())
    assert (record["width_px"], record["muscle_px"]) == (1024, 0)
    manifest = table(out / "manifest.csv")
    assert [row["outcome"] for row in manifest] == ["done", *["left out"] * 3]


def test_a_film_that_is_all_border_says_so(tmp_path: Path) -> None:
    source = tmp_path / "flat.png"
    Image.new("L", (300, 300), 9).save(source)
    with pytest.raises(SourceError, match="flat: all border, 99 % of its pixels or more have one"):
        prepare_films(source, tmp_path / "out", reporter=quiet)


@pytest.mark.parametrize("suffix", [".pgm", ".png", ".tif"])
@pytest.mark.parametrize("bits", [8, 16])
def test_pictures_of_8_and_16_bits(tmp_path: Path, suffix: str, bits: int) -> None:
    values = paint_film() >> 4 if bits == 8 else paint_film() << 4
    values = values.astype(np.uint8 if bits == 8 else np.uint16)
    path = tmp_path / f"one{suffix}"
    if suffix == ".pgm":
        head = f"P5 {values.shape[1]} {values.shape[0]} {255 if bits == 8 else 65535}\n".encode()
        path.write_bytes(head + values.astype(">u2" if bits == 16 else "u1").tobytes())
    else:
        Image.fromarray(values).save(path)
    film = read_picture(path, "one")
    wanted = values.astype(np.uint16) * 257 if bits == 8 else values
    assert np.array_equal(film.pixels, wanted)


def test_16_bits_of_which_12_are_used_are_scaled_and_said(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.fromarray(paint_film()).save(path)
    film = read_picture(path, "one")
    assert "16 bits with 12 in use" in film.history[0]
    assert np.array_equal(film.pixels, np.round(paint_film() / 4095 * 65535).astype(np.uint16))


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0])
def test_findings_stay_on_what_they_show_when_a_film_is_resampled(factor: float) -> None:
    """A bright square is followed through resampling by its box."""
    pixels = np.zeros((400, 400), np.uint16)
    pixels[96:160, 160:288] = 60000
    film, grown = resample_film(Film(pixels, mm_per_px=0.2), 0.2 / factor)
    assert grown == pytest.approx(factor)
    finding = scaled(Finding("mass", shape=Rectangle(159.5, 95.5, 287.5, 159.5)), grown)
    assert isinstance(finding.shape, Rectangle)
    rows, columns = np.nonzero(film.pixels > 30000)
    edges = (columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5)
    assert bounds_of(finding.shape) == pytest.approx(edges)


def test_painted_shapes() -> None:
    circle = paint_shape(Circle(20, 10, 5), (40, 50))
    assert circle[10, 20]
    assert circle[5, 20]
    assert not circle[4, 20]
    assert circle.sum() == pytest.approx(np.pi * 25, rel=0.1)
    assert paint_shape(Rectangle(2, 3, 4, 6), (40, 50)).sum() == 3 * 4
    square = Polygon(((10.0, 10.0), (20.0, 10.0), (20.0, 20.0), (10.0, 20.0)))
    assert paint_shape(square, (40, 50)).sum() == 11 * 11
    assert paint_shape(Polygon(((7.0, 8.0),)), (40, 50)).sum() == 1


@pytest.mark.skipif(not MIAS.is_dir(), reason="BREASTSEG_MIAS names no folder of mini-MIAS")
def test_a_real_film(tmp_path: Path) -> None:
    (path,) = MIAS.rglob("mdb005.pgm")
    prepare_films(path, tmp_path / "out", FilmsConfig(pixel_mm=0.2), reporter=quiet)
    record = json.loads((tmp_path / "out" / "mdb005" / "film.json").read_text())
    assert 10_000 < record["breast_mm2"] < 30_000
