"""The page of `breastseg serve` in a real browser: what a pathologist sees, clicks, drags and
types."""

import base64
import io
import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tifffile import TiffFile

from breastseg.labels import BUILT_IN
from breastseg.serve.jobs import child
from breastseg.serve.web.run import _opening_page
from browser import (
    WAIT_MS,
    Seen,
    is_open,
    launched,
    new_page,
    open_slide,
    overlay,
    page,
    serious,
    shot,
    until,
    visit,
)
from conftest import CROPS
from serve_app import HELD, add_map, mapped_folder, serving

pytest.importorskip("fastapi")

CLASSES = BUILT_IN["region5"].classes
BLOCKS = np.random.default_rng(0).integers(1, 6, (12, 12), dtype=np.uint8)
"""A painted map of cmu1.svs: each value is a square of 40 level-0 px."""
PAINTED = np.array([CLASSES[label - 1].color for label in BLOCKS.ravel()])
WIDE = "Grüner Schnitt 1.jpg"
"""An image without microns per pixel, on which a job takes a while."""

PIXELS = """(canvas, places) => {
  const ctx = canvas.getContext("2d");
  const left = canvas.width / 2, top = canvas.height / 2;
  const at = ([x, y]) => [...ctx.getImageData(left + x, top + y, 1, 1).data];
  return places.map(at);
}"""
COUNT = """(canvas, color) => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let found = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 40 &&
        (!color || color.every((value, k) => Math.abs(data[i + k] - value) < 9))) found++;
  return found;
}"""
NOISE = """const true_ = CanvasRenderingContext2D.prototype.getImageData;
CanvasRenderingContext2D.prototype.getImageData = function (...where) {
  const found = true_.apply(this, where);
  for (let i = 0; i < found.data.length; i += 40) found.data[i] ^= 1;
  return found;
}"""
REST = """() => new Promise((done) => {
  let [seen, since, frames] = [location.href, performance.now(), 0];
  const look = () => {
    if (location.href !== seen) [seen, since, frames] = [location.href, performance.now(), 0];
    if (++frames > 20 && performance.now() - since > 900) done(seen);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
"""Resolves with the address when it has been the same for long: what moves does so for 400 ms, the
address is written 200 ms later."""
FRAMES = (
    "count => new Promise(done => { const next = () => count-- ? requestAnimationFrame(next) :"
    " done(); next(); })"
)
DECODE = """async text => {
  const { decode } = await import("/static/labels.js");
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  return Array.from((await decode(new Blob([bytes]))).labels);
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """The server over real crops, some with maps."""
    with launched() as running:
        folder = mapped_folder(tmp_path_factory.mktemp("folder") / "Slides 2026")
        add_map(
            folder / "maps" / "painted",
            folder / "cmu1.svs",
            np.kron(BLOCKS, np.ones((20, 20), np.uint8)),
        )
        halves = np.repeat(np.array([[1, 2]], np.uint8), 256, axis=1).repeat(
            512, axis=0
        )  # they meet where two tiles meet
        for twin in "ab":
            add_map(
                folder / "maps" / f"halves-{twin}",
                folder / "bcss" / "images" / CROPS[2].name,
                halves,
                model="halves",
            )
        crop = np.asarray(Image.open(CROPS[0]).convert("RGB"))
        Image.fromarray(np.tile(crop, (16, 16, 1))).save(folder / WIDE, quality=70)
        with serving(folder) as one:
            yield Seen(one.address, folder, running)


def choose_painted(opened: Any) -> str:
    """Choose the painted map, wait until all of it is seen, and return its layer."""
    value = str(opened.locator("#map-choice option", has_text="painted").get_attribute("value"))
    opened.select_option("#map-choice", value)
    until(lambda: np.abs(blocks_seen(opened, *place_of(opened))[:, :3] - PAINTED).max() <= 2)
    return value


def blocks_seen(opened: Any, x: float, y: float, zoom: float) -> Any:
    """Return the overlay's colour, RGBA, in the middle of each square of the painted map, where the
    view is at this place."""
    middles = [
        ((40 * column + 20 - x) * zoom, (40 * row + 20 - y) * zoom)
        for row in range(12)
        for column in range(12)
    ]
    return np.array(overlay(opened).evaluate(PIXELS, middles))


def count(opened: Any, name: str | None = None) -> int:
    """Return how many pixels of the overlay are coloured, as one class or at all."""
    color = next((list(one.color) for one in CLASSES if one.name == name), None)
    return int(overlay(opened).evaluate(COUNT, color))


def address_of(opened: Any) -> str:
    """Return the address as the page has it now; Playwright's own lags behind."""
    return str(opened.evaluate("() => location.href"))


def place_of(opened: Any) -> tuple[float, float, float]:
    told = dict(part.split("=") for part in address_of(opened).split("?")[1].split("&"))
    return float(told["x"]), float(told["y"]), float(told["zoom"])


def at_rest(opened: Any) -> tuple[str, tuple[float, float, float]]:
    """Return address and place once nothing moves any more."""
    return str(opened.evaluate(REST)), place_of(opened)


def test_the_gallery_shows_the_folder_and_finds_by_name(served: Seen) -> None:
    with visit(served) as opened:
        opened.locator("#cards li").first.wait_for()
        until(lambda: opened.locator("#title").inner_text() == "Slides 2026")
        until(lambda: opened.locator("#cards li").count() == 5)
        assert "2 maps" in opened.locator("li", has_text="cmu1.svs").inner_text()
        assert "no map yet" in opened.locator("li", has_text=WIDE).inner_text()
        opened.fill("#filter", "grün")
        until(lambda: opened.locator("#cards .name").all_inner_texts() == [WIDE])
        until(lambda: opened.locator("#cards img").evaluate("image => image.naturalWidth") == 320)
        assert "Research use only" in opened.locator("#top").inner_text()


def test_labels_come_out_of_a_picture_exactly(served: Seen) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    held = io.BytesIO()
    Image.fromarray(values).save(held, "PNG")
    with visit(served) as opened:
        assert (
            opened.evaluate(DECODE, base64.b64encode(held.getvalue()).decode())
            == values.ravel().tolist()
        )
        opened.locator("#cards li").first.wait_for()
        assert opened.evaluate("async () => (await import('/static/labels.js')).isExact()")
        assert not opened.locator("#line").is_visible()
        opened.add_init_script(NOISE)
        opened.reload()
        opened.locator("#line-text", has_text="This browser changes the pixels").wait_for()


def test_every_square_of_a_map_lies_where_it_belongs(served: Seen) -> None:
    with visit(served) as opened:
        open_slide(opened)
        choose_painted(opened)
        slide = opened.url.split("?")[0].split("/")[-1]
        painted = opened.input_value("#map-choice")
        for zoom in (0.5, 1, 1.5):
            opened.goto("about:blank")
            opened.goto(
                f"{served.address}/#/slide/{slide}?x=240&y=240&zoom={zoom}&layers={painted}"
            )
            overlay(opened).wait_for()
            until(lambda zoom=zoom: blocks_seen(opened, 240, 240, zoom)[:, 3].all())
            seen = blocks_seen(opened, 240, 240, zoom)
            assert np.abs(seen[:, :3] - PAINTED).max() <= 2, zoom
            assert set(seen[:, 3]) == {102}  # 40 %


def test_the_class_under_the_pointer_is_named(served: Seen) -> None:
    def told(x: int, y: int) -> str:
        frame = opened.locator(
            "#slide-two" if x > 240 and opened.locator("#slide-two").count() else "#slide"
        ).bounding_box()
        middle = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
        opened.mouse.move(middle[0] + x - 240, middle[1] + y - 240)
        opened.locator("#where-px", has_text=f"{x}, {y} px").wait_for()
        return str(opened.locator("#where-class").inner_text())

    def go() -> None:
        at_rest(opened)  # the address says by now what is shown
        opened.evaluate(
            "() => { location.hash = location.hash.replace(/x=.*zoom=[^&]*/,"
            " 'x=240&y=240&zoom=1'); }"
        )
        at_rest(opened)

    with visit(served) as opened:
        open_slide(opened)
        choose_painted(opened)
        go()
        squares = [(2, 3), (7, 2), (6, 9), (10, 10)]
        names = [CLASSES[BLOCKS[square] - 1].name for square in squares]
        assert [told(40 * column + 20, 40 * row + 20) for row, column in squares] == names
        opened.keyboard.press(str(BLOCKS[10, 10]))
        until(lambda: opened.locator("#where-class").inner_text() == "")
        opened.keyboard.press(str(BLOCKS[10, 10]))
        until(lambda: opened.locator("#where-class").inner_text() == names[3])
        opened.select_option("#second", "none")
        assert [told(140, 100), told(380, 260)] == [
            names[0],
            "",
        ]  # right of the divider there is no map
        opened.check("input[value=side]")
        opened.locator("#slide-two canvas.overlay").wait_for()
        go()
        assert [told(140, 100), told(380, 260)] == [names[0], ""]
        opened.keyboard.press("m")
        until(lambda: told(140, 100) == "")


def test_a_class_goes_and_comes_back_and_so_do_outline_and_opacity(served: Seen) -> None:
    with visit(served) as opened:
        open_slide(opened)
        tiles = f"/layers/{choose_painted(opened)}/tiles/"
        asked = [address for address in opened.asked if tiles in address]
        assert asked
        tumor = count(opened, "tumor")
        opened.locator("#legend button", has_text="necrosis").click()
        until(lambda: count(opened, "necrosis") == 0)
        assert count(opened, "tumor") == tumor
        assert (
            opened.locator("#legend button", has_text="necrosis").get_attribute("aria-pressed")
            == "false"
        )
        opened.keyboard.press("4")
        until(lambda: count(opened, "necrosis") > 0)
        whole = count(opened)
        opened.keyboard.press("o")
        until(lambda: 0 < count(opened) < 0.7 * whole)
        opened.keyboard.press("m")
        until(lambda: count(opened) == 0)
        assert [
            address for address in opened.asked if tiles in address
        ] == asked  # colours change, tiles stay


def test_outlines_are_thin_and_go_on_where_tiles_meet(served: Seen) -> None:
    with visit(served) as opened:
        open_slide(opened, CROPS[2].name[:16])
        twins = opened.locator("#map-choice option", has_text="halves")
        assert (
            len(set(twins.all_inner_texts())) == 2
        )  # told apart, though model and minute are the same
        opened.select_option("#map-choice", twins.first.get_attribute("value"))
        opened.keyboard.press("o")
        tall = overlay(opened).evaluate("canvas => canvas.height")
        for zoom in (3, 6):
            at_rest(opened)  # the address says "outline" by now
            opened.evaluate(
                "zoom => { location.hash = location.hash.replace(/zoom=[^&]*/, `zoom=${zoom}`); }",
                zoom,
            )
            at_rest(opened)
            for name in (
                "tumor",
                "stroma",
            ):  # a line as long as the slide is high, about two pixels wide
                until(lambda name=name: tall <= count(opened, name) <= 3 * tall)


def test_a_link_leads_back_to_place_zoom_and_layers(served: Seen, tmp_path: Path) -> None:
    with visit(served) as opened:
        open_slide(opened)
        choose_painted(opened)
        before = place_of(opened)
        opened.locator("#zoom-in").click()
        opened.mouse.move(300, 300)
        opened.mouse.wheel(0, -240)
        opened.locator("#legend button", has_text="stroma").click()
        until(lambda: place_of(opened)[2] > 1.5 * before[2])
        link, place = at_rest(opened)
        opened.goto("about:blank")
        opened.goto(link)
        is_open(opened)
        until(lambda: opened.locator("#legend button").count() == 5)
        assert at_rest(opened)[1] == pytest.approx(place, rel=2e-3)
        assert opened.locator("#map-choice option:checked").inner_text().startswith("painted")
        assert (
            opened.locator("#legend button", has_text="stroma").get_attribute("aria-pressed")
            == "false"
        )
        opened.goto(re.sub(r"x=[\d.]+&y=[\d.]+", "x=60um&y=30um", link))
        until(lambda: "um" not in address_of(opened))
        mpp = 0.499
        assert place_of(opened)[:2] == pytest.approx((60 / mpp, 30 / mpp), rel=5e-3)


def test_two_maps_side_by_side_and_by_swipe(served: Seen, tmp_path: Path) -> None:
    with visit(served) as opened:
        open_slide(opened)
        choose_painted(opened)
        whole = count(opened)
        opened.select_option("#second", "none")
        until(lambda: 0.4 * whole < count(opened) < 0.6 * whole)
        opened.locator("#divider").focus()
        opened.keyboard.press("End")
        until(lambda: count(opened) > 0.9 * whole)
        shot(opened, "swipe", tmp_path)
        opened.check("input[value=side]")
        opened.locator("#slide-two canvas.overlay").wait_for()
        opened.locator("#zoom-in").click()
        both = [overlay(opened), opened.locator("#slide-two canvas.overlay")]
        until(lambda: len({one.evaluate("canvas => canvas.width") for one in both}) == 1)
        shot(opened, "side-by-side", tmp_path)
        link, place = at_rest(opened)
        opened.goto("about:blank")
        opened.goto(link)
        opened.locator("#slide-two canvas.overlay").wait_for()
        assert at_rest(opened)[1] == pytest.approx(place, rel=2e-3)


def test_the_keyboard_alone_opens_a_slide_and_toggles_a_class(served: Seen) -> None:
    with visit(served) as opened:
        opened.locator("#cards li").first.wait_for()
        for _ in range(20):
            opened.keyboard.press("Tab")
            if "cmu1.svs" in opened.evaluate("() => document.activeElement.innerText"):
                break
        opened.keyboard.press("Enter")
        is_open(opened)
        there = at_rest(opened)[1]
        before = until(lambda: count(opened, "other") + count(opened, "stroma"))
        for key in "25":
            opened.keyboard.press(key)
        until(lambda: count(opened, "other") + count(opened, "stroma") < before)
        for key in ("+", "ArrowRight"):
            opened.keyboard.down(key)
            opened.evaluate(FRAMES, 12)
            opened.keyboard.up(key)
        until(lambda: place_of(opened)[0] > there[0] and place_of(opened)[2] > there[2])
        opened.keyboard.press("?")
        opened.locator("#help").wait_for()
        opened.keyboard.press("Escape")
        opened.locator("#help").wait_for(state="hidden")
        opened.locator("#tab-map").focus()
        opened.keyboard.press("ArrowRight")
        opened.locator("#measures", has_text="How it was made").wait_for()


def test_blocks_of_a_job_arrive_in_two_browsers_and_one_cancels(
    served: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "WORKER", (sys.executable, "-c", HELD))
    with visit(
        served, faults="404"
    ) as opened:  # a preview asked for in the moment in which the job ends
        open_slide(opened, WIDE)
        profile = served.browser.new_context()
        profile.set_default_timeout(WAIT_MS)
        other = new_page(profile)
        other.goto(opened.url)
        opened.locator("#tab-segment").click()
        opened.locator("#start").click()
        opened.locator("#line-text", has_text="microns per pixel").wait_for()
        opened.fill("#mpp", "1")  # so that it is much to look at
        opened.locator("#start").click()
        until(lambda: int(opened.locator("#slide").get_attribute("data-blocks") or 0) >= 1)
        until(lambda: count(opened) > 0)
        shot(opened, "job", tmp_path)
        other.locator("#tab-segment").click()
        opened.locator("#jobs-here", has_text=re.compile(r"\d+ %")).wait_for()
        until(lambda: count(other) > 0)
        other.get_by_role("button", name=f"Cancel {WIDE}").click()
        opened.locator("#jobs-here", has_text="cancelled").wait_for()
        other.locator("#jobs-here", has_text="cancelled").wait_for()
        until(lambda: count(opened) == 0)
        profile.close()
        opened.locator("#tab-map").click()
        opened.locator("#no-map").wait_for()


def test_a_drawn_rectangle_is_segmented_and_its_map_opens(served: Seen) -> None:
    name = CROPS[1].name
    with visit(served, faults="404") as opened:
        open_slide(opened, name[:16])
        first = opened.input_value("#map-choice")
        opened.locator("#tab-segment").click()
        opened.locator("input[value=box]").click()
        opened.mouse.move(300, 200)
        opened.mouse.down()
        opened.mouse.move(600, 500, steps=5)
        opened.mouse.up()
        opened.locator("#box-text", has_text=re.compile(r"\d+ × \d+ px")).wait_for()
        assert (
            opened.input_value("#mpp") == "0.3"
        )  # its data set says so and its file nothing: a person may know better
        opened.fill("#mpp", "0.25")
        opened.locator("#start").click()
        opened.locator("#jobs-here .done").wait_for()
        until(lambda: opened.input_value("#map-choice") not in ("", first))
        assert re.search(
            r"breast2, a part, .*\d:\d\d", opened.locator("#jobs-here").inner_text()
        )  # when: jobs of one slide are told apart
        opened.locator("#tab-measures").click()
        opened.locator("#measures", has_text="0.25 µm/px, given").wait_for()
        opened.locator("#tab-map").click()
        with opened.expect_download() as download:
            opened.locator("#files a", has_text="regions.geojson").click()
        assert json.loads(Path(download.value.path()).read_text())["type"] == "FeatureCollection"


def draw(opened: Any, places: list[tuple[int, int]]) -> None:
    for x, y in places:
        opened.mouse.click(x, y)
        time.sleep(0.32)  # not a double click
    opened.keyboard.press("Enter")


def test_a_tab_opened_while_the_slide_opens_stays_open(served: Seen) -> None:
    held: list[Any] = []
    with visit(served) as opened:
        opened.route(re.compile(r"/api/entries/[^/?]+$"), lambda route: held.append(route))
        opened.locator("a.card", has_text="cmu1.svs").click()
        opened.locator("#tab-correct").click()
        until(lambda: opened.evaluate("1") and held)
        held.pop().continue_()
        opened.unroute_all()
        is_open(opened)
        assert opened.locator("#tab-correct").get_attribute("aria-selected") == "true"
        opened.locator("#area-class").wait_for()


def test_nothing_is_pressed_in_vain_while_a_slide_opens(served: Seen) -> None:
    """A box that was ticked before its slide had come was forgotten when it came."""
    held: list[Any] = []
    with visit(served) as opened:
        opened.route(re.compile(r"/api/entries/[^/?]+$"), lambda route: held.append(route))
        opened.locator("a.card", has_text="cmu1.svs").click()
        opened.locator("#pane-map[inert]").wait_for()
        opened.locator("#copy-link").click()
        until(lambda: opened.evaluate("1") and held)
        held.pop().continue_()
        opened.unroute_all()
        is_open(opened)
        assert opened.locator("[inert]").count() == 0


def test_what_comes_late_stays_out_of_the_slide_that_was_opened_meanwhile(served: Seen) -> None:
    """The folder's name came into the title, another slide's areas into the panel."""
    held: list[Any] = []
    with visit(served, faults="500") as opened:
        opened.locator("#cards li").first.wait_for()
        opened.route(re.compile(r"/api/films$"), lambda route: held.append(route))
        opened.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        until(lambda: opened.evaluate("1") and held)
        opened.route(re.compile(r"/annotation$"), lambda route: held.append(route))
        open_slide(opened)
        with opened.expect_response(re.compile(r"/api/films$")):
            held[0].continue_()
        opened.evaluate(FRAMES, 3)
        assert opened.locator("#title").inner_text() == "cmu1.svs"
        until(lambda: opened.evaluate("1") and len(held) == 2)
        opened.unroute(re.compile(r"/annotation$"))
        opened.locator("#home").click()
        open_slide(opened, CROPS[1].name[:16])
        opened.locator("#tab-correct").click()
        opened.locator("#areas-text", has_text="No areas").wait_for()
        with opened.expect_response(re.compile(r"/annotation$")):
            held[1].fulfill(status=500, json={"error": "too late"})
        opened.evaluate(FRAMES, 3)
        assert "cannot be read" not in opened.locator("#areas-text").inner_text()
        assert not opened.locator("#line").is_visible()


def test_areas_are_drawn_saved_and_found_again(served: Seen, tmp_path: Path) -> None:
    name = CROPS[2]
    with visit(served, faults="409") as opened:
        opened.evaluate(
            "() => { OpenSeadragon.DEFAULT_SETTINGS.clickTimeThreshold = 600_000; }"
        )  # a slow machine's click is one too
        open_slide(opened, name.name[:16])
        opened.locator("#tab-correct").click()
        opened.locator("#areas-text", has_text="No areas").wait_for()
        opened.select_option("#area-class", "Necrosis")
        opened.locator("#tool-points").click()
        draw(opened, [(400, 300), (520, 300), (520, 420), (400, 420)])
        opened.locator("#tool-free").click()
        opened.mouse.move(600, 300)
        opened.mouse.down()
        for angle in np.linspace(0, 6, 20):
            opened.mouse.move(660 - 60 * np.cos(angle), 300 + 60 * np.sin(angle))
        opened.mouse.up()
        opened.locator("#areas-text", has_text="2 areas. Not saved yet.").wait_for()
        until(lambda: opened.locator("#areas li").count() == 2)
        opened.locator("#undo").click()
        opened.locator("#areas-text", has_text=re.compile(r"^1 area\. Not saved yet\.$")).wait_for()
        opened.locator("#home").click()  # not without asking
        opened.locator("#ask button", has_text="Stay").click()
        shot(opened, "correct", tmp_path)
        opened.locator("#save").click()
        opened.locator("#areas-text", has_text="1 area. Saved").wait_for()
        saved = json.loads(
            (served.folder / "bcss" / "images" / f"{name.stem}.geojson").read_text()
        )["features"]
        assert [one["properties"]["classification"]["name"] for one in saved] == ["Necrosis"]
        ring = np.array(saved[0]["geometry"]["coordinates"][0])
        zoom = place_of(opened)[2]
        assert np.ptp(ring, axis=0) * zoom == pytest.approx((120, 120), abs=2)
        link = address_of(opened)
        opened.goto("about:blank")
        opened.goto(link)
        opened.locator("#tab-correct").click()
        opened.locator("#areas button", has_text="Necrosis").click()
        opened.locator("#areas select").select_option("Stroma")
        opened.locator("#areas-text", has_text="Not saved").wait_for()
        elsewhere = new_page(opened.context)  # somebody else is quicker
        elsewhere.goto(link)
        elsewhere.locator("#tab-correct").click()
        elsewhere.locator("#areas button", has_text="Necrosis").click()
        elsewhere.locator("#areas .row button", has_text="Delete").click()
        elsewhere.locator("#save").click()
        elsewhere.locator("#areas-text", has_text=re.compile(r"^No areas\.\s*$")).wait_for()
        elsewhere.locator("#line-text", has_text="saved").wait_for(
            state="attached"
        )  # it goes by itself
        opened.locator("#save").click()
        assert (
            "changed meanwhile" in opened.locator("#line-text", has_text="Not saved").inner_text()
        )
        opened.get_by_role("button", name="Save mine in their place").click()
        opened.locator("#areas-text", has_text="1 area. Saved").wait_for()


def test_geojson_of_another_program_is_taken_into_the_drawing_and_a_broken_one_is_not(
    served: Seen, tmp_path: Path
) -> None:
    ring = [[20, 20], [120, 20], [120, 120], [20, 20]]
    feature = {
        "type": "Feature",
        "properties": {"classification": {"name": "Stroma"}},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    good, bad = tmp_path / "good.geojson", tmp_path / "bad.geojson"
    good.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    bad.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [{**feature, "geometry": {"type": "Polygon", "coordinates": [[1]]}}],
            }
        )
    )
    with visit(served) as opened:
        open_slide(opened)
        opened.locator("#tab-correct").click()
        opened.locator("#areas-text", has_text="No areas").wait_for()
        opened.set_input_files("#import", bad)
        opened.locator(
            "#line-text", has_text="bad.geojson holds no annotation with a class that is an area"
        ).wait_for()
        opened.set_input_files("#import", good)
        opened.locator("#areas-text", has_text="1 area. Not saved yet.").wait_for()
        opened.locator("#undo").click()


def look_at(opened: Any, x: int) -> None:
    """Look closer at a place, so that tiles are asked for that were not shown yet."""
    opened.evaluate(
        "x => { location.hash = location.hash.replace(/x=.*zoom=[^&]*/, `x=${x}&y=700&zoom=1`); }",
        x,
    )


def test_a_slide_that_is_broken_changed_or_removed_while_open_is_told(served: Seen) -> None:
    mortal = served.folder / "mortal.jpg"
    shutil.copy(served.folder / WIDE, mortal)
    with visit(served, faults="404|410|422|^Tile") as opened:
        open_slide(opened, "mortal.jpg")
        at_rest(opened)  # the page writes no address any more
        broken = re.compile(r"/entries/\w+/tiles/")
        opened.route(
            broken, lambda route: route.fulfill(status=422, json={"error": "broken there"})
        )
        look_at(opened, 600)
        opened.locator(
            "#line-text", has_text="Part of this slide or of its map cannot be read"
        ).wait_for()
        opened.unroute(broken)
        at_rest(opened)
        shutil.copy(CROPS[0], mortal)  # another image under the same name
        look_at(opened, 2000)
        opened.locator(
            "#line-text", has_text="mortal.jpg has changed since it was opened"
        ).wait_for()
        opened.get_by_role("button", name="Open it again").wait_for()
        at_rest(opened)
        mortal.unlink()
        look_at(opened, 3400)
        opened.locator("#cards li").first.wait_for()
        opened.locator(
            "#line-text",
            has_text=re.compile(
                r"^mortal\.jpg: (was removed from the folder|no such slide in this)"
            ),
        ).wait_for()


def test_a_corrupt_tile_leaves_the_rest_of_a_slide(served: Seen, tmp_path: Path) -> None:
    torn = shutil.copy(served.folder / "cmu1.svs", served.folder / "torn.svs")
    with TiffFile(torn) as slide:
        start, length = slide.pages.first.dataoffsets[0], slide.pages.first.databytecounts[0]
    with torn.open("r+b") as file:
        file.seek(start + length // 2)  # its JPEG begins well
        file.write(b"\xff\xd8" * (length // 4))
    with visit(served, faults="422|^Tile") as opened:
        open_slide(opened, "torn.svs")
        opened.locator(
            "#line-text", has_text="Part of this slide or of its map cannot be read"
        ).wait_for()
        tissue = opened.locator("#slide .openseadragon-canvas canvas").first
        places = [
            (-60, -60),
            (60, -60),
            (-60, 60),
            (60, 60),
        ]  # in the middle of 480 px four tiles of 240 px meet
        until(lambda: [rgba[3] for rgba in tissue.evaluate(PIXELS, places)] == [0, 255, 255, 255])
        shot(opened, "torn", tmp_path)
    torn.unlink()


def test_a_picture_is_added_and_a_file_that_is_no_slide_is_refused(
    served: Seen, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.svs"
    broken.write_bytes(b"no slide at all")
    with visit(served, faults="4\\d\\d") as opened:
        opened.locator("#cards li").first.wait_for()
        opened.set_input_files("#upload", CROPS[0])
        opened.locator("#line-text", has_text=f"{CROPS[0].name}: added.").wait_for(
            state="attached"
        )  # it goes by itself
        until(
            lambda: opened.locator("#cards li", has_text=CROPS[0].stem).count() == 2
        )  # one lies in a folder
        assert (served.folder / CROPS[0].name).is_file()
        opened.set_input_files("#upload", broken)
        said = opened.locator("#line-text", has_text="was not added").inner_text()
        assert said.startswith("broken.svs was not added: not an image")
        (served.folder / CROPS[0].name).unlink()


def test_nobody_is_kept_out(served: Seen, tmp_path: Path) -> None:
    def check(name: str) -> None:
        for scheme in ("light", "dark"):
            opened.emulate_media(color_scheme=scheme)
            assert serious(opened) == [], (name, scheme)
            shot(opened, f"{name}-{scheme}", tmp_path)

    with visit(served) as opened:
        opened.locator("#cards li").first.wait_for()
        check("gallery")
        open_slide(opened)
        until(lambda: count(opened))
        for tab in ("measures", "segment", "correct", "map"):
            opened.locator(f"#tab-{tab}").click()
            check(tab)
        opened.locator("#help-open").click()
        check("help")


def fingers(opened: Any, steps: list[list[tuple[int, int]]]) -> None:
    """Touch the screen, move through places and let go, as a screen reports it."""
    device = opened.context.new_cdp_session(opened)
    for kind, places in [
        ("touchStart", steps[0]),
        *(("touchMove", step) for step in steps[1:]),
        ("touchEnd", []),
    ]:
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        opened.wait_for_timeout(16)


def test_it_fits_a_phone(served: Seen, tmp_path: Path) -> None:
    wide = "() => document.documentElement.scrollWidth"
    with visit(served, width=390, height=780, has_touch=True, is_mobile=True) as opened:
        opened.locator("#cards li").first.wait_for()
        assert opened.evaluate(wide) == 390
        shot(opened, "gallery-phone", tmp_path)
        open_slide(opened)
        until(lambda: count(opened))
        shot(opened, "viewer-phone", tmp_path)
        before = at_rest(opened)[1]
        fingers(opened, [[(150 - 6 * i, 300), (240 + 6 * i, 300)] for i in range(11)])
        pinched = at_rest(opened)[1]
        assert pinched[2] > 1.5 * before[2]
        fingers(opened, [[(250 - 8 * i, 300)] for i in range(11)])
        dragged = at_rest(opened)[1]
        assert dragged[0] > pinched[0] + 40 / pinched[2]
        assert dragged[2] == pinched[2]
        for tab in ("map", "measures", "segment", "correct"):
            opened.locator(f"#tab-{tab}").tap()
            assert opened.evaluate(wide) == 390, tab
            assert opened.locator("#slide").bounding_box()["height"] > 200
            shot(opened, f"{tab}-phone", tmp_path)
        assert at_rest(opened)[1][2] == pytest.approx(
            dragged[2], rel=1e-3
        )  # the panel came up, the magnification stays


def test_a_view_is_saved_as_a_picture(served: Seen) -> None:
    with visit(served) as opened:
        open_slide(opened)
        choose_painted(opened)
        until(lambda: count(opened, "necrosis"))
        with opened.expect_download() as download:
            opened.locator("#shot").click()
        assert download.value.suggested_filename == "cmu1.png"
        saved = Image.open(download.value.path())
        assert saved.width == overlay(opened).evaluate("canvas => canvas.width")
        foot = np.asarray(saved.convert("L"))[-30:]
        assert (foot < 128).sum() > 50  # scale bar and words ...
        assert (foot > 200).mean() > 0.8  # ... on white


def test_the_file_that_opens_the_browser_leads_in_and_nobody_else_comes(
    served: Seen, tmp_path: Path
) -> None:
    """Its cookie is not sent where another page led to a redirect; a person may also type the
    token."""
    shutil.copy(CROPS[0], tmp_path / "a.png")
    with serving(tmp_path, token="a-token") as one:
        with (
            _opening_page(f"{one.address}/?token=a-token") as door,
            page(browser=served.browser) as opened,
        ):
            opened.goto(door)
            opened.locator("a.card", has_text="a.png").wait_for()
            assert (opened.url, opened.faults) == (f"{one.address}/", [])
        with page(browser=served.browser) as opened:
            assert opened.goto(one.address).status == 403
            opened.get_by_label("Token").fill("another")
            with opened.expect_navigation():
                opened.get_by_role("button", name="Open").click()
            opened.get_by_text("A token is needed").wait_for()
            opened.get_by_label("Token").fill("a-token")
            opened.get_by_role("button", name="Open").click()
            opened.locator("a.card", has_text="a.png").wait_for()
            assert opened.url == f"{one.address}/"
