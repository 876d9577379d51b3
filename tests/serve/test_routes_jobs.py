"""Routes that change something: areas, jobs, uploads."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from breastseg.serve.config import ServeConfig
from breastseg.serve.web import routes_jobs
from breastseg.serve.web.app import create_app

SQUARE = [[1, 1], [20, 1], [20, 20], [1, 1]]
AREA = {
    "type": "Feature",
    "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    "properties": {"classification": {"name": "Tumor"}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("routes-jobs") / "pictures"
    made.mkdir()
    Image.fromarray(np.full((30, 40, 3), 200, np.uint8)).save(made / "a.png")
    return made


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    app = create_app(ServeConfig(folder))
    with app.state.server:
        yield TestClient(app, base_url="http://127.0.0.1", headers={"X-Breastseg": "1"})


def annotation(client: TestClient) -> str:
    [entry] = client.get("/api/gallery").json()["entries"]
    return f"/api/entries/{entry['id']}/annotation"


def test_areas_are_kept_in_place_of_a_version(client: TestClient, folder: Path) -> None:
    place = annotation(client)
    assert client.get(place).json()["version"] == ""
    saved = client.put(place, json={"version": "", "features": [AREA]})
    assert saved.status_code == 200
    assert (folder / "a.geojson").is_file()
    assert client.get(place).json()["version"] == saved.json()["version"] != ""
    assert client.put(place, json={"version": "", "features": []}).status_code == 409
    assert len(client.get(place).json()["features"]) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"1" * 5000, "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"features": []}', "body.version"),
        (b'{"version": "", "features": [], "odd": 1}', "body.odd"),
    ],
)
def test_a_body_that_cannot_be_read_is_said_in_one_line(
    client: TestClient, body: bytes, said: str
) -> None:
    answer = client.put(
        annotation(client), content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("body")
    assert said in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_areas_that_take_more_memory_than_there_is_are_refused(client: TestClient) -> None:
    features = b"[" + b"{}," * 1_200_000 + b"{}]"
    answer = client.put(
        annotation(client),
        content=b'{"version": "", "features": ' + features + b"}",
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, "MB of memory" in answer.text) == (413, True)


def test_a_job_that_is_not_there(client: TestClient) -> None:
    assert client.get("/api/jobs").json() == []
    assert client.get("/api/jobs/1").status_code == 404
    assert client.delete("/api/jobs/1").status_code == 404
    assert client.get("/api/jobs/0").status_code == 400
    wanted = {"entry": "0" * 16, "model": "none"}
    assert client.post("/api/jobs", json=wanted).status_code == 404


def test_an_upload_needs_a_name_of_a_picture(client: TestClient) -> None:
    answer = client.post("/api/uploads", params={"name": "../a.png"}, files={"file": b"x"})
    assert answer.status_code == 400
    assert "rename the file" in answer.json()["error"]


def test_every_route_describes_what_it_can_answer(client: TestClient) -> None:
    routes = routes_jobs.router(client.app.state.server).routes
    assert len(routes) == 10
    for route in routes:
        assert {400, 403, 503} <= set(route.responses)
