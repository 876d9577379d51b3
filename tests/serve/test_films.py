"""Prepared mammograms over HTTP: the list, a film, its images as they are, the muscle line."""

import io
import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from breastseg.files import write_json
from breastseg.mammography.muscle_line import read_line
from breastseg.mammography.steps import is_prepared
from prepared_films import add_film, prepared_folder
from serve_app import Served, serving

pytest.importorskip("fastapi")

from breastseg.serve.films.pictures import MOST_PX
from breastseg.serve.tiles import decoded

POINTS = [[90.0, -0.5], [-0.5, 200.0]]
OWN = {"X-Breastseg": "1"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_folder(tmp_path_factory.mktemp("films") / "films")


@pytest.fixture(scope="module")
def shown(prepared: Path) -> Iterator[Served]:
    """A server over prepared films; nobody changes them."""
    with serving(prepared) as served:
        yield served


@pytest.fixture
def place(prepared: Path, tmp_path: Path) -> Path:
    """One film of these, which a test may change."""
    shutil.copytree(prepared / "film-2", tmp_path / "out" / "film-2")
    return tmp_path / "out"


def get(served: Served, path: str, **more: Any) -> httpx.Response:
    return httpx.get(f"{served.address}/api/films{path}", timeout=60, **more)


def by_name(served: Served) -> dict[str, dict[str, Any]]:
    return {film["name"]: film for film in get(served, "").json()["films"]}


def put(served: Served, film: str, version: str, points: Any) -> httpx.Response:
    told = {"version": version, "points_px": points}
    address = f"{served.address}/api/films/{film}/muscle"
    return httpx.put(address, json=told, headers=OWN, timeout=60)


def test_films_are_listed_by_patient_and_are_no_slides(shown: Served) -> None:
    films = get(shown, "").json()
    told = [(one["patient"], one["laterality"], one["view"]) for one in films["films"]]
    assert told == [
        ("patient-0001", "R", "CC"),
        ("patient-0001", "L", "CC"),
        ("patient-0001", "R", "MLO"),
        ("patient-0001", "L", "MLO"),
        ("patient-0002", "R", "MLO"),
    ]
    assert films["left_out"] == []
    gallery = httpx.get(f"{shown.address}/api/gallery").json()
    assert (gallery["entries"], gallery["left_out"]) == ([], [])


def test_a_film_says_what_its_record_says(shown: Served) -> None:
    films = by_name(shown)
    told = get(shown, f"/{films['film-2']['id']}").json()
    record = json.loads((shown.folder / "film-2" / "film.json").read_text())
    assert told["size_px"] == [record["width_px"], record["height_px"]] == [300, 500]
    assert told["mm_per_px"] == 0.4
    assert told["mm_origin"] == "as painted"
    assert told["areas_mm2"] == [record["breast_mm2"], record["muscle_mm2"]]
    assert told["chest_wall"] == "left"
    assert told["notes"] == record["notes"]
    percent = round(100 * record["fibroglandular_share"])
    proposed = f"proposed: a, perhaps b ({percent} % of its area is bright)"
    assert told["density"] == ["density: b", proposed]
    assert told["findings"][0]["radius_px"] == 20
    assert told["partner"] == films["film-1"]["id"]
    assert get(shown, f"/{films['film-5']['id']}").json()["partner"] is None
    assert str(shown.folder) not in json.dumps(told)


@pytest.mark.parametrize("name", ["image", "muscle", "labels"])
def test_pictures_are_the_files(shown: Served, name: str) -> None:
    film = by_name(shown)["film-2"]
    path = f"/{film['id']}/{name}.png?v={film['version']}"
    came = get(shown, path)
    assert came.content == (shown.folder / "film-2" / f"{name}.png").read_bytes()
    assert "immutable" in came.headers["cache-control"]
    again = get(shown, path, headers={"If-None-Match": came.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert get(shown, f"/{film['id']}/{name}.png?v=old").status_code == 410


def test_a_thumbnail_is_small_here_and_in_a_process_of_its_own(
    shown: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = by_name(shown)["film-2"]
    here = get(shown, f"/{film['id']}/thumbnail.jpg").content
    picture = Image.open(io.BytesIO(here))
    assert (picture.format, picture.size) == ("JPEG", (192, 320))
    assert np.asarray(picture).max() > 240
    monkeypatch.setattr("breastseg.serve.films.pictures.LARGE_PX", 1000)
    assert decoded.LARGE_PX == 4_000_000
    assert get(shown, f"/{film['id']}/thumbnail.jpg").content == here


def test_what_is_not_there_is_404(shown: Served) -> None:
    film = by_name(shown)["film-3"]["id"]  # from above: nothing was cut off
    for path in ("/0123456789abcdef", f"/{film}/muscle.png", f"/{film}/findings/1.png"):
        assert get(shown, path).status_code == 404, path
    assert get(shown, "/../film-1").status_code in (400, 404)
    assert get(shown, f"/{film}/findings/0.png").status_code == 400


def test_a_line_is_kept_beside_the_film_and_found_by_prepare(place: Path) -> None:
    with serving(place) as served:
        film = by_name(served)["film-2"]
        empty = get(served, f"/{film['id']}/muscle").json()
        assert empty == {"version": "", "points_px": None, "fixed_by": None, "cause": None}
        saved = put(served, film["id"], "", POINTS)
        assert saved.status_code == 200
        assert saved.json() == get(served, f"/{film['id']}/muscle").json()
        assert saved.json()["points_px"] == POINTS
        line = read_line(place / "film-2" / "muscle.json", "film-2")
        assert line is not None
        assert (line.chest_wall, line.size_px, line.mm_per_px) == ("left", (300, 500), 0.4)
        assert not is_prepared(place / "film-2")
        now = by_name(served)["film-2"]
        assert (now["line"], now["version"]) == ("waiting", film["version"])
        assert put(served, film["id"], saved.json()["version"], None).json()["version"] == ""
        assert not (place / "film-2" / "muscle.json").exists()
        assert put(served, film["id"], "", []).json()["points_px"] == []
        assert sorted(path.name for path in (place / "film-2").iterdir()) == [
            "film.json",
            "image.png",
            "labels.png",
            "muscle.json",
            "muscle.png",
            "overlay.jpg",
        ]


def test_a_line_that_was_changed_meanwhile_is_not_written_over(place: Path) -> None:
    with serving(place) as served:
        film = by_name(served)["film-2"]["id"]
        first = put(served, film, "", POINTS).json()["version"]
        second = put(served, film, first, [[80, 0], [0, 180]])
        assert second.status_code == 200
        before = (place / "film-2" / "muscle.json").read_bytes()
        for version in ("", first):
            refused = put(served, film, version, POINTS)
            assert refused.status_code == 409
            assert "was changed meanwhile" in refused.json()["error"]
        assert (place / "film-2" / "muscle.json").read_bytes() == before


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([[1, 2]], "1 points, wanted two"),
        ([[1, 2], [1, 2.5]], "the two points are one"),
        ([[1, 2], [1e7, 2]], "x of a point is 10000000.0, wanted a number from -300 to 600"),
        ([[1, 2], [3, 4], [5, 6]], "points_px: List should have at most 2"),
        ([[1, 2, 3], [4, 5]], "points_px"),
        ("all", "points_px"),
    ],
)
def test_what_is_no_line_is_refused(shown: Served, points: Any, told: str) -> None:
    film = by_name(shown)["film-2"]["id"]
    refused = put(shown, film, "", points)
    assert refused.status_code == 400
    assert told in refused.json()["error"]
    assert not (shown.folder / "film-2" / "muscle.json").exists()


def test_a_broken_line_is_told_and_can_be_replaced(place: Path) -> None:
    (place / "film-2" / "muscle.json").write_text('{"points_px": 3}')
    with serving(place) as served:
        film = by_name(served)["film-2"]["id"]
        told = get(served, f"/{film}/muscle").json()
        assert told["points_px"] is None
        assert told["cause"].startswith("film-2: muscle.json: no 'chest_wall'; put the line again")
        assert put(served, film, told["version"], POINTS).json()["cause"] is None


def test_a_films_muscle_by_a_papers_steps_is_not_for_a_person(place: Path) -> None:
    add_film(place, "film-7", as_paper="3.6")
    with serving(place) as served:
        film = by_name(served)["film-7"]["id"]
        assert "--as-paper 3.6" in get(served, f"/{film}/muscle").json()["fixed_by"]
        assert put(served, film, "", POINTS).status_code == 403
        assert not (place / "film-7" / "muscle.json").exists()


def test_links_are_not_followed(place: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(place / "film-2", outside)
    folder = place / "film-2"
    for name in ("image.png", "muscle.json"):
        (outside / name).touch()
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(outside / name)
    shutil.copytree(outside, place / "film-3")
    (place / "film-3" / "film.json").unlink()
    (place / "film-3" / "film.json").symlink_to(outside / "film.json")
    (place / "film-4").symlink_to(outside)
    with serving(place) as served:
        assert get(served, "").json()["left_out"] == ["1 film whose film.json cannot be read"]
        film = by_name(served)["film-2"]["id"]
        assert get(served, f"/{film}/image.png").status_code == 404
        assert get(served, f"/{film}/muscle").status_code == 422
        assert put(served, film, "", POINTS).status_code == 422
        assert not (outside / "muscle.json").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"width_px": "wide"},
        {"width_px": -1},
        {"mm_per_px": 0},
        {"chest_wall": "up"},
        {"findings": 3},
        {"notes": ["a"] * 1000},
        {"history": [{}]},
        {"patient": "x" * 5000},
        {"facts": "none"},
    ],
)
def test_a_record_that_is_none_is_left_out(place: Path, change: dict[str, Any]) -> None:
    path = place / "film-2" / "film.json"
    write_json(path, {**json.loads(path.read_text()), **change})
    with serving(place) as served:
        assert get(served, "").json() == {
            "films": [],
            "left_out": ["1 film whose film.json cannot be read"],
        }


def test_a_picture_that_claims_another_size_is_not_sent(place: Path) -> None:
    path = place / "film-2" / "image.png"
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    path.write_bytes(data)
    (place / "film-2" / "muscle.png").write_bytes(b"\x89PNG")
    with (place / "film-2" / "labels.png").open("ab") as file:
        file.write(bytes(3 * 2**20))
    with serving(place) as served:
        film = by_name(served)["film-2"]["id"]
        for name in ("image.png", "muscle.png", "labels.png", "thumbnail.jpg"):
            refused = get(served, f"/{film}/{name}")
            assert refused.status_code == 422, name
            assert "prepare it again" in refused.json()["error"]
            assert str(place) not in refused.text


def test_a_film_that_is_too_large_for_a_page_says_what_to_do(place: Path) -> None:
    path = place / "film-2" / "film.json"
    record = json.loads(path.read_text())
    write_json(path, {**record, "width_px": 9000, "height_px": 9000})
    assert MOST_PX < 9000 * 9000
    with serving(place) as served:
        film = by_name(served)["film-2"]["id"]
        refused = get(served, f"/{film}/image.png")
        assert refused.status_code == 413
        assert "--mm 0.2" in refused.json()["error"]


def test_a_film_that_is_prepared_again_has_a_new_version(place: Path) -> None:
    with serving(place) as served:
        film = by_name(served)["film-2"]
        shutil.rmtree(place / "film-2")
        assert get(served, f"/{film['id']}").status_code == 404
        add_film(place, "film-2", laterality="R")
        now = get(served, f"/{film['id']}").json()
        assert (now["laterality"], now["version"] != film["version"]) == ("R", True)
