"""muscle.json: a person's line of the muscle goes into the next prepare, mirrored films alike."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import DatasetError, IncompleteError, SourceError
from breastseg.mammography.muscle_line import (
    LINE,
    MuscleLine,
    check_line,
    fitted_to,
    from_corner_mm,
    read_line,
    side_of,
    write_line,
)
from breastseg.mammography.prepare import FilmsConfig, prepare_films
from breastseg.reporter import QUIET, Reporter
from film_phantoms import paint

POINTS = ((170.5, -0.5), (-0.5, 210.5))
CONFIG = FilmsConfig(pixel_mm=0.4, mm_per_px=0.4)


def quiet(line: str) -> None:
    """Keep it to oneself."""


def films(folder: Path, *, mirrored: bool = False) -> Path:
    """Write a painted film of 300 x 500 px, or its mirror image, as an image."""
    folder.mkdir()
    pixels = paint(0, mm_per_px=0.4).pixels
    Image.fromarray(np.ascontiguousarray(pixels[:, ::-1]) if mirrored else pixels).save(
        folder / "one.png"
    )
    return folder


def put(out: Path, points: Any = POINTS, side: str = "left") -> Path:
    """Put a line beside the prepared film."""
    path = out / "one" / LINE
    write_line(path, MuscleLine("left" if side == "left" else "right", (300, 500), points, 0.4))
    return path


def labels(out: Path) -> Any:
    return np.asarray(Image.open(out / "one" / "labels.png"))


def record(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "one" / "film.json").read_text()))


def test_the_next_prepare_takes_the_line_and_says_so(tmp_path: Path) -> None:
    source, out = films(tmp_path / "in"), tmp_path / "out"
    prepare_films(source, out, CONFIG, reporter=QUIET)
    found, before = labels(out), record(out)
    assert (before["muscle_by"], before["muscle_line"]) == ("path", None)
    put(out)
    said: list[str] = []
    prepare_films(source, out, CONFIG, reporter=Reporter(said.append))
    assert "one: prepared again" in said
    now, told = labels(out), record(out)
    rows, columns = np.indices(now.shape)
    inside = (columns + 0.5) / 171 + (rows + 0.5) / 211 < 1
    tissue = np.isin(found, (2, 3))
    assert np.array_equal(now == 3, tissue & inside)
    assert np.array_equal(np.isin(now, (2, 3)), tissue)
    assert told["muscle_by"] == "line"
    assert told["muscle_px"] == (now == 3).sum()
    assert f"muscle: by the line that a person put ({LINE})" in told["notes"]
    image, cut = (
        np.asarray(Image.open(out / "one" / f"{name}.png")) for name in ("image", "muscle")
    )
    assert not image[now == 3].any()
    assert cut[now == 3].all()
    changed = (out / "one" / "labels.png").stat().st_mtime_ns
    said.clear()
    prepare_films(
        source, out, CONFIG, reporter=Reporter(said.append)
    )  # the line is the same: nothing to do
    assert (out / "one" / "labels.png").stat().st_mtime_ns == changed
    (out / "one" / LINE).unlink()
    prepare_films(source, out, CONFIG, reporter=QUIET)
    assert np.array_equal(labels(out), found)
    assert record(out) == before


def test_a_mirrored_film_with_the_mirrored_line_has_mirrored_masks(tmp_path: Path) -> None:
    for name, mirrored in (("plain", False), ("mirror", True)):
        source, out = films(tmp_path / f"in-{name}", mirrored=mirrored), tmp_path / name
        prepare_films(source, out, CONFIG, reporter=QUIET)
        points = tuple((299 - x, y) for x, y in POINTS) if mirrored else POINTS
        put(out, points, "right" if mirrored else "left")
        prepare_films(source, out, CONFIG, reporter=QUIET)
    assert np.array_equal(labels(tmp_path / "plain"), labels(tmp_path / "mirror")[:, ::-1])
    in_mm = "points_mm_from_corner_at_chest_wall"
    told = [
        json.loads((tmp_path / name / "one" / LINE).read_text()) for name in ("plain", "mirror")
    ]
    assert told[0][in_mm] == told[1][in_mm] == [[68.4, 0.0], [0.0, 84.4]]


def test_no_points_are_no_muscle(tmp_path: Path) -> None:
    source, out = films(tmp_path / "in"), tmp_path / "out"
    prepare_films(source, out, CONFIG, reporter=QUIET)
    put(out, ())
    prepare_films(source, out, CONFIG, reporter=QUIET)
    assert not (labels(out) == 3).any()
    assert not (out / "one" / "muscle.png").exists()
    assert f"muscle: none, as a person said ({LINE})" in record(out)["notes"]


def test_a_run_that_was_killed_in_between_is_done_again(tmp_path: Path) -> None:
    source, out = films(tmp_path / "in"), tmp_path / "out"
    prepare_films(source, out, CONFIG, reporter=QUIET)
    old = (out / "one" / "film.json").read_bytes()
    put(out)
    prepare_films(source, out, CONFIG, reporter=QUIET)
    whole = {path.name: path.read_bytes() for path in (out / "one").iterdir()}
    (out / "one" / "film.json").write_bytes(old)  # the record is written last
    (out / "one" / "image.png").write_bytes(b"half")
    prepare_films(source, out, CONFIG, reporter=QUIET)
    assert {path.name: path.read_bytes() for path in (out / "one").iterdir()} == whole


def test_a_papers_steps_do_not_take_it_and_say_so(tmp_path: Path) -> None:
    source, out = films(tmp_path / "in"), tmp_path / "out"
    config = FilmsConfig(pixel_mm=0.4, mm_per_px=0.4, as_paper="3.6")
    prepare_films(source, out, config, reporter=QUIET)
    found = labels(out)
    put(out)
    prepare_films(source, out, config, reporter=QUIET)
    assert np.array_equal(labels(out), found)
    assert record(out)["muscle_by"] == "as 3.6"
    assert f"{LINE} was not used: --as-paper 3.6 sets the steps itself" in record(out)["notes"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"points_px": [[1, 2]]}, "1 points, wanted two"),
        ({"points_px": [[1, 2], [1, 3]]}, "the two points are one"),
        ({"points_px": [[1, 2], ["a", 3]]}, "x of a point is 'a', wanted a number"),
        ({"points_px": [[1, 2, 3], [1, 2]]}, "wanted a list of"),
        ({"points_px": [[1e9, 2], [1, 3]]}, "wanted a number from -300 to 600"),
        ({"chest_wall": "up"}, "chest_wall, wanted left or right"),
        ({"width_px": 0}, "width_px is 0"),
        ({"chest_wall": "right"}, "the points in mm are not those in px"),
        ({"width_px": None}, "width_px is null"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    source, out = films(tmp_path / "in"), tmp_path / "out"
    prepare_films(source, out, CONFIG, reporter=QUIET)
    path = put(out)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DatasetError, match=told):
        read_line(path, "one")
    if told.startswith("1 points"):
        with pytest.raises((IncompleteError, SourceError), match=f"one: {LINE}: {told}"):
            prepare_films(source, out, CONFIG, reporter=QUIET)


def test_a_line_of_another_size_is_scaled_and_of_another_shape_refused() -> None:
    line = check_line(MuscleLine("left", (300, 500), POINTS, 0.4))
    twice = fitted_to(line, (600, 1000), "one")
    assert from_corner_mm(twice) == from_corner_mm(line)
    small = side_of(twice)[::2, ::2] & side_of(twice)[1::2, 1::2]
    assert (small != side_of(line)).mean() < 0.005
    with pytest.raises(DatasetError, match="of an image of 300 x 500 pixels, this one has 300 x 3"):
        fitted_to(line, (300, 300), "one")


def test_a_line_through_the_corner_cuts_nothing_off() -> None:
    assert not side_of(MuscleLine("left", (30, 50), ((-0.5, -0.5), (20, 30)))).any()
