"""Where models disagree, in the browser: tiles of it, and the check box that shows it."""

import io
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.geometry import Box
from breastseg.maps.files.label_tiff import write_planes_tiff
from breastseg.maps.raster import Raster
from browser import is_open, overlay, page, shot, until
from serve_app import Served, add_map, layer_of, serving, slide_of, small_folder

pytest.importorskip("fastapi")

PAINTED = """(canvas, [x, y]) => {
  const ctx = canvas.getContext("2d");
  const left = canvas.width / 2, top = canvas.height / 2;
  return [...ctx.getImageData(left + x, top + y, 1, 1).data];
}"""


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A slide with a map of two models, which disagree in its right half, and one of one model."""
    folder = small_folder(tmp_path_factory.mktemp("apart") / "Slides")
    labels = np.full((240, 240), 2, np.uint8)
    for name in ("lite0 + breast1", "plain"):
        out = add_map(folder / "maps" / name[:5], folder / "cmu1.svs", labels, model=name)
        if name == "plain":
            continue
        cells = np.ones((30, 30), np.uint8)
        cells[:, 15:] = 255
        with Raster(out / "scratch", (30, 30)) as raster:
            raster.write(Box(0, 0, 30, 30), cells)
            raster.finish()
            write_planes_tiff([raster], ["disagreement"], out / "disagreement.ome.tif", mpp=4.0)
        (out / "scratch").unlink()
    with serving(folder) as one:
        yield one


def test_tiles_of_the_disagreement_and_who_has_none(apart: Served) -> None:
    layer = layer_of(apart, "lite0 + breast1")
    assert layer["disagreement"]
    assert not layer["uncertainty"]
    assert "disagreement.ome.tif" in layer["files"]
    tile = f"{apart.address}/api/layers/{layer['id']}/disagreement/0/0_0.png"
    with urllib.request.urlopen(tile) as answer:
        seen = np.asarray(Image.open(io.BytesIO(answer.read())))
    assert seen.shape == (30, 30)
    assert np.unique(seen[:, :15]).tolist() == [1]
    assert np.unique(seen[:, 15:]).tolist() == [255]
    plain = layer_of(apart, "plain")
    assert not plain["disagreement"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(tile.replace(layer["id"], plain["id"]))
    assert refused.value.code == 404
    assert "made by one model" in refused.value.read().decode()


def test_the_page_shows_where_models_disagree(apart: Served, tmp_path: Path) -> None:
    slide, layer = slide_of(apart)["id"], layer_of(apart, "lite0 + breast1")["id"]
    place = f"{apart.address}/#/slide/{slide}?x=240&y=240&zoom=1&layers={layer}"
    with page() as opened:
        opened.goto(place)
        is_open(opened)
        opened.locator("#apart").wait_for()
        assert not opened.locator("#uncertain").is_visible()
        assert not opened.locator("#ramp").is_visible()
        agreed, split = [-120, 0], [120, 0]

        def painted(where: list[int]) -> list[int]:
            found: list[int] = overlay(opened).evaluate(PAINTED, where)
            return found

        until(lambda: painted(split)[3] > 0)
        assert painted(agreed) == painted(split)
        opened.check("#apart")
        until(lambda: painted(split)[2] > painted(agreed)[2] + 30)
        until(lambda: opened.locator("#ramp-to").inner_text() == "apart")
        until(lambda: "apart=1" in opened.evaluate("() => location.href"))
        shot(opened, "disagreement", tmp_path)
        opened.uncheck("#apart")
        until(lambda: painted(agreed) == painted(split))
        opened.goto("about:blank")
        opened.goto(place.replace(layer, layer_of(apart, "plain")["id"]) + "&apart=1")
        is_open(opened)
        assert not opened.locator("#apart").is_visible()
        assert not opened.locator("#ramp").is_visible()
        assert [one for one in opened.faults if not one.endswith("net::ERR_ABORTED")] == []
