"""Density in prepared folders: a share and a category of each film, and a row a breast."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.mammography.breasts import breast_rows
from breastseg.mammography.density import density_of
from breastseg.mammography.masks import masks_of
from breastseg.mammography.prepare import FilmsConfig, prepare_films
from breastseg.reporter import Reporter
from conftest import quiet
from film_phantoms import paint
from mammograms import MIAS_INFO, paint_film, paint_mini_mias, write_mg


def record(patient: str, side: str, share: float | None, mm2: float | None = 100.0) -> dict:
    return {
        "patient": patient,
        "laterality": side,
        "breast_mm2": mm2,
        "fibroglandular_share": share,
    }


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def phantoms(folder: Path) -> Path:
    """Two films of one patient, the second with a bright half."""
    paint_mini_mias(folder, films=2)
    (folder / "Info.txt").write_text(MIAS_INFO.split("mdb003")[0], encoding="latin-1")
    film = paint()
    bright = film.pixels.copy()
    gland = np.zeros(bright.shape, bool)
    gland[280:560, 20:180] = True
    rough = np.random.default_rng(1).integers(170, 200, bright.shape)
    bright[gland & film.breast] = rough[gland & film.breast] * 257
    for name, pixels in (("mdb001", film.pixels), ("mdb002", bright)):
        whole = np.zeros((1024, 1024), np.uint16)
        whole[: pixels.shape[0], : pixels.shape[1]] = pixels
        mirrored = whole[:, ::-1] if name == "mdb001" else whole
        Image.fromarray((mirrored // 257).astype(np.uint8)).save(folder / f"{name}.pgm")
    return folder


def test_a_film_has_its_share_and_a_breast_its_row(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare_films(phantoms(tmp_path / "mias"), out, FilmsConfig(mm_per_px=0.4), reporter=quiet)
    few, many = table(out / "films.csv")
    assert float(many["fibroglandular_share"]) > float(few["fibroglandular_share"]) + 0.1
    assert few["density_proposed"] < many["density_proposed"] <= "d"
    held = json.loads((out / "mdb002" / "film.json").read_text())
    assert str(held["fibroglandular_share"]) == many["fibroglandular_share"]
    left, right = table(out / "breasts.csv")
    assert (left["laterality"], right["laterality"]) == ("L", "R")
    assert (left["films"], left["films_with_share"]) == ("1", "1")
    assert left["fibroglandular_share"] == many["fibroglandular_share"]
    # a patient is as dense as the denser breast
    assert right["density_proposed"] == few["density_proposed"]
    assert right["patient_density_proposed"] == many["density_proposed"]


def test_without_muscle_cells_are_empty_and_the_film_says_why(tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = FilmsConfig(mm_per_px=0.4, muscle="none")
    prepare_films(phantoms(tmp_path / "mias"), out, config, reporter=quiet)
    film = table(out / "films.csv")[0]
    assert (film["fibroglandular_share"], film["density_proposed"]) == ("", "")
    assert "no muscle to compare brightness with" in film["notes"]
    breast = table(out / "breasts.csv")[0]
    assert (breast["films"], breast["films_with_share"]) == ("1", "0")
    assert (breast["fibroglandular_share"], breast["patient_density_proposed"]) == ("", "")
    assert float(breast["breast_mm2"]) > 0


def test_contrast_and_noise_do_not_change_the_share(tmp_path: Path) -> None:
    source = phantoms(tmp_path / "mias")
    plain = FilmsConfig(mm_per_px=0.4)
    changed = FilmsConfig(mm_per_px=0.4, clahe=True, denoise="median")
    for name, config in (("plain", plain), ("changed", changed)):
        prepare_films(source, tmp_path / name, config, reporter=quiet)
    one, other = (table(tmp_path / name / "breasts.csv") for name in ("plain", "changed"))
    assert one == other


def test_a_papers_steps_measure_no_density(tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = FilmsConfig(mm_per_px=0.4, as_paper="3.6")
    prepare_films(phantoms(tmp_path / "mias"), out, config, reporter=quiet)
    film = table(out / "films.csv")[0]
    assert (film["muscle_px"] > "0", film["density_proposed"]) == (True, "")
    assert table(out / "breasts.csv")[0]["patient_density_proposed"] == ""
    said: list[str] = []
    prepare_films(tmp_path / "mias", out, config, reporter=Reporter(said.append))
    assert not [line for line in said if "prepared again" in line]


def test_a_folder_of_before_is_measured_by_the_same_command(tmp_path: Path) -> None:
    source, out = phantoms(tmp_path / "mias"), tmp_path / "out"
    prepare_films(source, out, FilmsConfig(mm_per_px=0.4), reporter=quiet)
    wanted = (out / "breasts.csv").read_bytes()
    path = out / "mdb001" / "film.json"
    held = json.loads(path.read_text())
    for name in ("fibroglandular_share", "density_proposed", "density_also"):
        del held[name]
    path.write_text(json.dumps(held))
    said: list[str] = []
    prepare_films(source, out, FilmsConfig(mm_per_px=0.4), reporter=Reporter(said.append))
    assert [line for line in said if "again" in line] == ["mdb001: prepared again"]
    assert (out / "breasts.csv").read_bytes() == wanted


def test_views_of_a_breast_are_averaged_and_what_is_missing_is_left_out() -> None:
    rows = breast_rows(
        [
            record("two", "L", 0.2),
            record("two", "L", 0.4, 300.0),
            record("two", "L", None, None),
            record("two", "R", None),
            record("one", "", 0.9),  # a side that nobody knows
            record("", "L", 0.9),
        ]
    )
    left, right = rows
    assert (left["patient"], left["laterality"], right["laterality"]) == ("two", "L", "R")
    assert (left["films"], left["films_with_share"], left["breast_mm2"]) == (3, 2, 200.0)
    assert left["fibroglandular_share"] == pytest.approx(0.3)
    assert (left["least_share"], left["most_share"]) == (0.2, 0.4)
    assert (left["density_proposed"], left["density_also"]) == ("c", "")
    assert (right["fibroglandular_share"], right["density_proposed"]) == (None, "")
    assert right["patient_density_proposed"] == "c"


def share_of(pixels: np.ndarray, mm_per_px: float) -> float:
    return density_of(pixels, masks_of(pixels, mm_per_px), mm_per_px).fibroglandular_share


def test_mirror_bits_and_pixel_size_do_not_change_the_share() -> None:
    film = paint()
    share = share_of(film.pixels, 0.2)
    assert 0 < share < 1
    assert share_of(np.ascontiguousarray(film.pixels[:, ::-1]), 0.2) == pytest.approx(
        share, abs=1e-3
    )
    assert share_of((film.pixels // 257).astype(np.uint8), 0.2) == pytest.approx(share, abs=1e-3)
    assert share_of(paint(mm_per_px=0.4).pixels, 0.4) == pytest.approx(share, abs=0.02)


def test_an_inverted_film_that_says_so_is_prepared_as_the_plain_one(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    pixels = paint_film(500, 400)
    source, out = tmp_path / "exams", tmp_path / "out"
    write_mg(source / "1.dcm", pixels)
    write_mg(source / "2.dcm", 4095 - pixels, PhotometricInterpretation="MONOCHROME1")
    prepare_films(source, out, FilmsConfig(mm_per_px=None), reporter=quiet)
    plain, inverted = (out / "film-0001", out / "film-0002")
    for name in ("labels.png", "image.png"):
        one, other = (np.asarray(Image.open(folder / name)) for folder in (plain, inverted))
        assert np.abs(one.astype(int) - other).max() <= (1 if name == "image.png" else 0)
    one, other = table(out / "films.csv")
    assert one["fibroglandular_share"] == other["fibroglandular_share"] != ""
