"""Both breasts of a patient: muscles that disagree are named on both films, others are not."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.mammography.pairs import disagreements
from breastseg.mammography.prepare import FilmsConfig, prepare_films
from breastseg.mammography.record import lengths_of
from breastseg.reporter import Reporter
from film_phantoms import paint
from mammograms import MIAS_INFO, paint_mini_mias


def record(film: str, side: str, muscle: int, **changes: object) -> dict[str, object]:
    return {
        "film": film,
        "patient": "one",
        "view": "MLO",
        "laterality": side,
        "muscle_score": 0.9,
        "muscle_length_px": muscle,
        "breast_length_px": 100,
        **changes,
    }


@pytest.mark.parametrize(
    ("muscle", "changes", "is_told"),
    [
        (80, {}, True),
        (60, {}, False),  # twice 30, and no more
        (0, {}, True),
        (35, {}, False),
        (80, {"breast_length_px": 200}, False),  # a larger image of the same breast
        (80, {"patient": "two"}, False),
        (80, {"patient": ""}, False),
        (80, {"view": "ML"}, False),
        (80, {"laterality": "L"}, False),
        (80, {"muscle_score": None}, False),  # by another way, or a view without muscle
    ],
)
def test_who_is_compared(muscle: int, changes: dict[str, object], is_told: bool) -> None:
    told = disagreements([record("a", "L", 30), record("b", "R", muscle, **changes)])
    assert set(told) == ({"a", "b"} if is_told else set())
    if is_told:
        assert told["a"] == (
            f"the muscle reaches down 30 % of the breast, in the other breast (b) {muscle} %: "
            "look at both"
        )


def test_two_films_of_a_side_are_not_compared() -> None:
    assert not disagreements([record("a", "L", 9), record("b", "R", 90), record("c", "R", 90)])


def test_lengths() -> None:
    labels = np.ones((100, 50), np.uint8)
    labels[10:90, :30] = 2
    labels[10:40, :5] = 3
    assert lengths_of(labels) == {"breast_length_px": 80, "muscle_length_px": 30}
    labels[:] = 1
    assert lengths_of(labels) == {"breast_length_px": 0, "muscle_length_px": 0}


def test_a_muscle_on_one_side_alone_is_in_films_csv(tmp_path: Path) -> None:
    source = paint_mini_mias(tmp_path / "mias", MIAS_INFO, films=0)
    for number, muscle in ((1, True), (2, False), (3, True), (4, True)):
        film = paint(number, muscle=muscle).pixels[:, : 1024 // 2] // 257
        canvas = np.zeros((1024, 1024), np.uint8)
        canvas[: film.shape[0], : film.shape[1]] = film
        turned = canvas[:, ::-1] if number % 2 else canvas
        Image.fromarray(np.ascontiguousarray(turned)).save(source / f"mdb{number:03d}.pgm")
    said: list[str] = []
    prepare_films(
        source, tmp_path / "out", FilmsConfig(mm_per_px=0.4), reporter=Reporter(said.append)
    )
    assert "2 films whose muscle disagrees with the other breast's: films.csv" in " ".join(said)
    with (tmp_path / "out" / "films.csv").open(newline="", encoding="utf-8") as file:
        notes = {row["film"]: row["notes"] for row in csv.DictReader(file)}
    assert "in the other breast (mdb002) 0 %: look at both" in notes["mdb001"]
    assert "the muscle reaches down 0 % of the breast" in notes["mdb002"]
    assert "look at both" not in notes["mdb003"] + notes["mdb004"]
