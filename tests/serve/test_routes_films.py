"""Routes of films: what browsers may keep, and what has changed since it was opened."""

from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from breastseg.serve.config import ServeConfig
from breastseg.serve.web import routes_films
from breastseg.serve.web.app import create_app
from breastseg.serve.web.routes_slides import ASKED_AGAIN, KEPT
from prepared_films import add_film


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    out = tmp_path_factory.mktemp("routes-films") / "films"
    add_film(out, "film-1")
    app = create_app(ServeConfig(out))
    with app.state.server:
        yield TestClient(app, base_url="http://127.0.0.1", headers={"X-Breastseg": "1"})


def film(client: TestClient) -> dict[str, str]:
    [found] = client.get("/api/films").json()["films"]
    return found


@pytest.mark.parametrize("name", ["image.png", "labels.png", "thumbnail.jpg", "muscle.png"])
def test_a_picture_that_names_its_version_may_be_kept_for_good(
    client: TestClient, name: str
) -> None:
    one = film(client)
    address = f"/api/films/{one['id']}/{name}"
    again, kept = client.get(address), client.get(address, params={"v": one["version"]})
    assert (again.status_code, again.headers["cache-control"]) == (200, ASKED_AGAIN)
    assert (kept.status_code, kept.headers["cache-control"]) == (200, KEPT)
    known = client.get(address, headers={"If-None-Match": again.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_a_film_that_was_made_again_since_is_said(client: TestClient) -> None:
    one = film(client)
    answer = client.get(f"/api/films/{one['id']}/image.png", params={"v": "0" * 12})
    assert answer.status_code == 410
    assert one["name"] in answer.json()["error"]


def test_what_is_not_there_is_404_and_what_is_no_number_400(client: TestClient) -> None:
    one = film(client)
    assert client.get("/api/films/0000000000000000").status_code == 404
    assert client.get(f"/api/films/{one['id']}/findings/7.png").status_code == 404
    assert client.get(f"/api/films/{one['id']}/findings/0.png").status_code == 400


def test_a_line_comes_back_as_it_was_put(client: TestClient) -> None:
    address = f"/api/films/{film(client)['id']}/muscle"
    points = [[90.0, -0.5], [-0.5, 200.0]]
    put = client.put(address, json={"version": "", "points_px": points})
    assert put.status_code == 200
    assert client.get(address).json() == put.json()
    assert put.json()["points_px"] == points
    assert client.put(address, json={"version": "", "points_px": points}).status_code == 409


def test_every_route_describes_that_a_film_may_be_gone(client: TestClient) -> None:
    routes = routes_films.router(client.app.state.server).routes
    assert len(routes) == 9
    for route in routes[1:]:  # the list itself is always there
        assert {404, 413, 422} <= set(route.responses)
