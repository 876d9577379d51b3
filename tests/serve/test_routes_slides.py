"""Routes of slides over a folder of one image: what is told, what browsers may keep."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from breastseg.labels import BUILT_IN
from breastseg.serve.config import ServeConfig
from breastseg.serve.library.results import Result
from breastseg.serve.tiles.layers import Layer
from breastseg.serve.web.app import create_app
from breastseg.serve.web.routes_slides import ASKED_AGAIN, KEPT, measures_of
from run_records import made_up


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("routes") / "pictures"
    folder.mkdir()
    values = np.random.default_rng(0).integers(0, 255, (300, 500, 3), np.uint8)
    Image.fromarray(values).save(folder / "a.png")
    app = create_app(ServeConfig(folder))
    with app.state.server:
        yield TestClient(app, base_url="http://127.0.0.1")


def entry(client: TestClient) -> dict[str, str]:
    [found] = client.get("/api/gallery").json()["entries"]
    return found


def test_the_gallery_tells_names_and_no_path(client: TestClient) -> None:
    answer = client.get("/api/gallery")
    gallery = answer.json()
    assert gallery["folder"] == "pictures"
    assert [(one["name"], one["state"]) for one in gallery["entries"]] == [("a.png", "plain")]
    assert gallery["models"]
    assert "/pictures" not in answer.text


def test_a_slide_tells_its_size_and_levels(client: TestClient) -> None:
    slide = client.get(f"/api/entries/{entry(client)['id']}").json()
    assert (slide["size_px"], slide["levels"]) == ([500, 300], 2)  # 500 -> 250, one halving
    assert (slide["mpp"], slide["mpp_own"], slide["layers"]) == (None, False, [])
    assert client.get("/api/entries/0000000000000000").status_code == 404
    assert client.get("/api/entries/none").status_code == 400


def test_a_tile_that_names_its_version_may_be_kept_for_good(client: TestClient) -> None:
    one = entry(client)
    address = f"/api/entries/{one['id']}/tiles/1/1_1.jpg"
    again = client.get(address)
    kept = client.get(address, params={"v": one["version"]})
    assert (again.status_code, again.headers["cache-control"]) == (200, ASKED_AGAIN)
    assert (kept.status_code, kept.headers["cache-control"]) == (200, KEPT)
    assert again.content == kept.content
    known = client.get(address, headers={"If-None-Match": kept.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    changed = client.get(address, params={"v": "0" * 12})
    assert changed.status_code == 410


@pytest.mark.parametrize(
    ("piece", "status"), [("1/2_0", 404), ("2/0_0", 404), ("x/0_0", 400), ("1/-1_0", 400)]
)
def test_what_is_no_tile_is_refused(client: TestClient, piece: str, status: int) -> None:
    answer = client.get(f"/api/entries/{entry(client)['id']}/tiles/{piece}.jpg")
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


def test_a_measure_without_meaning_is_null() -> None:
    run = replace(made_up({"a_mm2": 1.0, "b_mm2": float("nan")}), doubts=("pale",))
    result = Result("0" * 16, Path("slide"), run, "2026-01-02T03:04:05")
    layer = Layer("1" * 16, "map", "m", result.made, BUILT_IN["region5"], Path("x"), result)
    told = measures_of(layer)
    assert (told.measures["a_mm2"], told.measures["b_mm2"]) == (1.0, None)
    assert (told.made, told.model, told.doubts) == (result.made, "m", ["pale"])
    truth = measures_of(replace(layer, kind="truth", made=None, result=None))
    assert (truth.measures, truth.model) == ({}, None)
