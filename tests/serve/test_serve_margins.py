"""Margins in the browser: low and high beside areas, and the band around outlines, in a real
browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from breastseg.bundles.margins import ClassMargin, Margins
from breastseg.labels import BUILT_IN
from breastseg.maps.measures.ends import with_ends
from breastseg.records import to_json
from browser import is_open, overlay, page, shot, until
from conftest import class_areas
from serve_app import Served, add_map, asked, layer_of, serving, slide_of, small_folder

pytest.importorskip("fastapi")

REGION5 = BUILT_IN["region5"]
TUMOR = REGION5.classes[0].color
MARGINS = Margins(
    0.9,
    0.9,
    9,
    12,
    {"tumor": ClassMargin(12, 0.8, 11, 10.0), "stroma": ClassMargin(7, None, 7, None)},
)
"""10 um are 40 px of level 0."""
PLACES = {
    (240, 150): True,
    (240, 122): True,
    (240, 117): False,
    (240, 198): True,
    (240, 205): False,
    (240, 240): False,
    (135, 135): True,
    (127, 127): False,
    (358, 240): True,
    (364, 240): False,
    (240, 20): False,
}
"""In level-0 px: whether a place is no further than 40 px from the border of a square from 160 to
320; corners are round."""
ALPHA = """(canvas, [places, x, y]) => {
  const ctx = canvas.getContext("2d");
  const left = canvas.width / 2, top = canvas.height / 2;
  return places.map(([i, j]) => [...ctx.getImageData(left + i - x, top + j - y, 1, 1).data]);
}"""

FITS = "all => all.scrollWidth <= all.clientWidth"


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A slide with a map that has a square of tumour in stroma, by a model with margins, and one
    without."""
    folder = small_folder(tmp_path_factory.mktemp("sure") / "Slides")
    labels = np.full((240, 240), 2, np.uint8)
    labels[80:160, 80:160] = 1
    plain = {"image": "cmu1", "mpp": 0.25, **class_areas(labels, REGION5, 0.5)}
    for name, margins in (("sure", MARGINS), ("plain", None)):
        more: dict[str, Any] = {"margins": to_json(margins)} if margins else {}
        measures = with_ends(plain, margins)
        add_map(
            folder / "maps" / name,
            folder / "cmu1.svs",
            labels,
            model=name,
            measures=measures,
            **more,
        )
    with serving(folder) as one:
        yield one


def test_layers_and_measures_tell_margins(sure: Served) -> None:
    layer = layer_of(sure, "sure")
    assert [one["border_um"] for one in layer["classes"]] == [10, None, None, None, None]
    found = asked(sure, f"layers/{layer['id']}/measures")
    assert found["measures"]["tumor_mm2_low"] < found["measures"]["tumor_mm2"]
    assert "tumor 12" in found["margins"][0]
    assert "10 um (11)" in found["margins"][1]
    plain = layer_of(sure, "plain")
    assert not any(one["border_um"] for one in plain["classes"])
    assert asked(sure, f"layers/{plain['id']}/measures")["margins"] == []


def in_band(opened: Any) -> list[bool]:
    """Return which places have the colour of tumor, in strength of the band."""
    seen = overlay(opened).evaluate(ALPHA, [[list(place) for place in PLACES], 240, 240])
    return [
        abs(rgba[3] - 89) <= 2 and max(abs(a - b) for a, b in zip(rgba, TUMOR, strict=False)) <= 4
        for rgba in seen
    ]


def test_the_band_reaches_as_far_as_the_margin(sure: Served, tmp_path: Path) -> None:
    slide, layer = slide_of(sure)["id"], layer_of(sure, "sure")["id"]
    place = f"{sure.address}/#/slide/{slide}?x=240&y=240&zoom=1&layers={layer}&mode=outline"
    with page() as opened:
        opened.goto(place)
        is_open(opened)
        opened.locator("#margins").wait_for()
        assert not opened.locator("#margins-note").is_visible()
        opened.check("#margins")
        until(lambda: in_band(opened) == list(PLACES.values()))
        assert "tumor 10 µm" in opened.locator("#margins-note").inner_text()
        until(lambda: "margins=1" in opened.evaluate("() => location.href"))
        shot(opened, "margins", tmp_path)
        opened.locator("#legend button", has_text="tumor").click()
        until(lambda: not any(in_band(opened)))
        opened.locator("#tab-measures").click()
        opened.locator("#measures .ends").first.wait_for()
        assert " to " in opened.locator("#measures .ends").first.inner_text()
        assert "tumor 12" in opened.locator("#measures").inner_text()
        assert opened.locator("#measures").evaluate(FITS)
        shot(opened, "margins-measures", tmp_path)
        opened.goto("about:blank")
        opened.goto(place.replace(layer, layer_of(sure, "plain")["id"]))
        is_open(opened)
        assert not opened.locator("#margins").is_visible()
        assert [one for one in opened.faults if not one.endswith("net::ERR_ABORTED")] == []
