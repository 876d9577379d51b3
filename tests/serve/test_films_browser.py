"""Prepared films in a real browser: grey values, window, both breasts, the line of the muscle."""

import base64
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from breastseg.mammography.muscle_line import MuscleLine, side_of, write_line
from browser import Seen, launched, serious, shot, until, visit
from png_files import any_png
from prepared_films import add_film, prepared_folder
from serve_app import serving

pytest.importorskip("fastapi")

DECODE = """async ([text, width, height]) => {
  const { decodeGrey } = await import("/static/films/png.js");
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  try { return Array.from(await decodeGrey(bytes.buffer, width, height)); }
  catch (error) { return error.message; }
}"""
SIDE = """async ([points, width, height, wall]) => {
  const { sideOf } = await import("/static/films/line.js");
  const inside = sideOf(points, { width, film: { chest_wall: wall } });
  const rows = [];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rows.push(inside(x, y) ? 1 : 0);
  return rows;
}"""
SHOWN = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let text = "";
  for (let i = 0; i < data.length; i += 4)
    text += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
  return [canvas.width, canvas.height, btoa(text)];
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A server over painted films; nobody changes them."""
    with launched() as running:
        folder = prepared_folder(tmp_path_factory.mktemp("films") / "films")
        add_film(folder, "fine-right", patient="patient-0003", laterality="R", mm_per_px=0.25)
        add_film(folder, "left", patient="patient-0003", laterality="L")
        with serving(folder) as one:
            yield Seen(one.address, folder, running)


@pytest.fixture
def changing(served: Seen, tmp_path: Path) -> Iterator[Seen]:
    """A server over one film, which a test may change."""
    folder = tmp_path / "out"
    shutil.copytree(served.folder / "film-2", folder / "film-2")
    with serving(folder) as one:
        yield Seen(one.address, folder, served.browser)


def open_film(opened: Any, name: str) -> None:
    """Choose a film of the gallery, and wait until it is shown."""
    opened.locator("#film-list a", has_text=name).click()
    is_shown(opened, name)


def is_shown(opened: Any, name: str) -> None:
    opened.locator("#live", has_text=re.compile(f"{name}.* shown")).wait_for(state="attached")
    opened.locator("#film-panel:not([inert])").wait_for()
    opened.evaluate("() => new Promise(requestAnimationFrame)")


def canvas_of(opened: Any) -> Any:
    """Return what the canvas shows, (H, W, 3), after the next frame."""
    opened.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    width, height, text = opened.locator("#film-canvas").evaluate(SHOWN)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 3).astype(int)


def hide_layers(opened: Any) -> None:
    for name in ("breast", "muscle", "finding"):
        opened.uncheck(f"#film-{name}")


def whole_film(served: Seen, name: str) -> Any:
    """Return a film's grey values with the muscle, (H, W)."""
    parts = [
        np.asarray(Image.open(served.folder / name / f"{kind}.png")) for kind in ("image", "muscle")
    ]
    return np.maximum(*parts)


def fitted(served: Seen, name: str, shown: Any) -> tuple[float, float, float]:
    """Return how large a film's pixel is on a canvas that shows all tissue, and the column and row
    of the film in its middle."""
    labels = np.asarray(Image.open(served.folder / name / "labels.png"))
    rows, columns = np.nonzero(np.isin(labels, (2, 3)))
    width, height = np.ptp(columns) + 1, np.ptp(rows) + 1
    scale = 0.94 * min(shown.shape[1] / width, shown.shape[0] / height)
    return scale, columns.min() + width / 2, rows.min() + height / 2


def set_window(opened: Any, centre: int, width: int) -> None:
    for name, value in (("centre", centre), ("width", width)):
        opened.locator(f"#film-{name}").evaluate(
            "(one, value) => { one.value = value; one.dispatchEvent(new Event('input')); }",
            value,
        )


def test_grey_pngs_come_out_to_the_last_bit(served: Seen) -> None:
    rng = np.random.default_rng(0)
    with visit(served) as opened:
        for depth in (8, 16, 16):
            size = int(rng.integers(1, 60)), int(rng.integers(1, 60))
            data = any_png(rng, depth, 0, size)
            true = np.asarray(Image.open(io.BytesIO(data))).astype(int)
            text = base64.b64encode(data).decode()
            assert opened.evaluate(DECODE, [text, *size]) == true.ravel().tolist()
            assert "another size" in opened.evaluate(DECODE, [text, size[0] + 1, size[1]])
        cut = base64.b64encode(any_png(rng, 16, 0, (50, 50))[:900]).decode()
        assert isinstance(opened.evaluate(DECODE, [cut, 50, 50]), str)
        colours = base64.b64encode(any_png(rng, 8, 2, (9, 9))).decode()
        assert "not grey" in opened.evaluate(DECODE, [colours, 9, 9])


def test_the_gallery_shows_films_by_patient(served: Seen, tmp_path: Path) -> None:
    with visit(served) as opened:
        opened.locator("#film-list img").first.wait_for()
        heads = opened.locator("#film-list h3").all_inner_texts()
        assert heads == ["patient-0001", "patient-0002", "patient-0003"]
        assert opened.locator("#count").inner_text() == "7 films"
        first = opened.locator("#film-list section").first
        names = ["R CC", "L CC", "R MLO", "L MLO"]
        assert first.locator(".name").all_inner_texts() == names
        alts = first.locator("img").evaluate_all("all => all.map(one => one.alt)")
        assert alts == [f"Mammogram {name}" for name in names]
        until(lambda: first.locator("img").first.evaluate("one => one.naturalHeight") == 320)
        shot(opened, "films-gallery", tmp_path)
        assert serious(opened) == []
        opened.fill("#filter", "left")
        until(lambda: opened.locator("#count").inner_text() == "1 of 7 films")
        opened.fill("#filter", "nothing")
        opened.locator("#nothing", has_text="No film has").wait_for()


def test_every_grey_value_reaches_the_page_through_its_window(served: Seen) -> None:
    true = whole_film(served, "film-2")
    with visit(served) as opened:
        open_film(opened, "film-2")
        box = opened.locator("#film-canvas").bounding_box()
        for x, y in ((0.42, 0.3), (0.45, 0.6), (0.5, 0.5)):
            opened.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            told = until(lambda: opened.locator("#film-where").inner_text())
            column, row, value = map(int, re.findall(r"\d+", told)[:3])
            assert value == true[row, column] > 0
        hide_layers(opened)
        set_window(opened, 20_000, 16_000)
        seen = canvas_of(opened)
        scale, middle_x, middle_y = fitted(served, "film-2", seen)
        rows = np.arange(40, 460, 7)
        columns = np.arange(20, 250, 7)
        at_row = np.floor(seen.shape[0] / 2 + (rows + 0.5 - middle_y) * scale).astype(int)
        at_column = np.floor(seen.shape[1] / 2 + (columns + 0.5 - middle_x) * scale).astype(int)
        wanted = np.clip(255 * (true[np.ix_(rows, columns)] - 12_000.0) / 16_000, 0, 255)
        grey = seen[np.ix_(at_row, at_column)]
        assert (grey == grey[..., :1]).all()
        assert np.abs(grey[..., 0] - wanted).max() <= 1
        assert wanted.std() > 20


def test_the_window_is_set_by_drag_slider_and_keys(served: Seen) -> None:
    with visit(served) as opened:
        open_film(opened, "film-2")

        def window() -> tuple[int, int]:
            texts = (
                opened.locator(f"#film-{name}-value").inner_text() for name in ("centre", "width")
            )
            return int(next(texts)), int(next(texts))

        def drag(x: int, y: int) -> None:
            box = opened.locator("#film-canvas").bounding_box()
            middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            opened.mouse.move(*middle)
            opened.mouse.down()
            opened.mouse.move(middle[0] + x, middle[1] + y, steps=4)
            opened.mouse.up()

        first, before = window(), canvas_of(opened)
        drag(-50, 30)
        step = first[1] / 500
        assert window() == pytest.approx((first[0] + 30 * step, first[1] - 50 * step), abs=1)
        assert (canvas_of(opened) != before).any()
        opened.keyboard.press("w")
        until(lambda: window() == first)
        assert np.array_equal(canvas_of(opened), before)
        opened.check("input[value=move]")
        drag(-40, 0)
        assert window() == first
        moved = canvas_of(opened)
        assert np.array_equal(moved[:, 100:300], before[:, 140:340])
        opened.keyboard.press("0")
        assert np.array_equal(canvas_of(opened), before)
        opened.focus("#film-width")
        opened.keyboard.press("ArrowRight")
        assert window() == (first[0], first[1] + 1)
        opened.focus("#film-canvas")
        opened.keyboard.press("]")
        assert window()[1] > first[1] + 1000


def test_invert_flip_zoom_and_layers_by_keys(served: Seen) -> None:
    with visit(served) as opened:
        open_film(opened, "film-2")
        hide_layers(opened)
        plain = canvas_of(opened)
        opened.focus("#film-canvas")
        opened.keyboard.press("i")
        inverted = canvas_of(opened)
        assert np.abs(inverted - (255 - plain)).max() <= 1
        assert opened.is_checked("#film-invert")
        opened.keyboard.press("i")
        opened.keyboard.press("f")
        flipped = canvas_of(opened)
        assert (np.abs(flipped[:, ::-1] - plain) > 2).mean() < 0.02  # a place between two pixels
        assert (np.abs(flipped - plain) > 2).mean() > 0.1
        opened.keyboard.press("f")
        opened.keyboard.press("2")
        coloured = canvas_of(opened)
        changed = (coloured != plain).any(axis=2)
        labels = np.asarray(Image.open(served.folder / "film-2" / "labels.png"))
        assert changed.mean() == pytest.approx(
            (labels == 3).sum() * fitted(served, "film-2", plain)[0] ** 2 / changed.size, rel=0.02
        )
        opened.keyboard.press("2")
        opened.keyboard.press("3")
        ring = (canvas_of(opened) != plain).any(axis=2)
        assert 0.0005 < ring.mean() < 0.02
        opened.keyboard.press("3")
        opened.keyboard.press("+")
        assert (canvas_of(opened) != plain).any()
        opened.keyboard.press("0")
        assert np.array_equal(canvas_of(opened), plain)


def test_both_breasts_hang_back_to_back_at_the_same_scale(served: Seen, tmp_path: Path) -> None:
    with visit(served) as opened:
        open_film(opened, "left")
        opened.check("#film-both")
        opened.locator("#live", has_text="fine-right, R MLO").wait_for(state="attached")
        assert opened.evaluate("() => location.hash").endswith("?both=1")
        hide_layers(opened)
        tissue = canvas_of(opened)[..., 0] > 40
        columns = np.flatnonzero(tissue.any(axis=0))
        middle = (columns[0] + columns[-1]) / 2
        assert tissue[tissue.shape[0] // 2, columns[0] + 5 : columns[-1] - 5].all()  # no gap
        # both are 75 mm wide, of 0.4 and 0.25 mm a pixel
        assert middle == pytest.approx(tissue.shape[1] / 2, abs=3)
        half = tissue.shape[1] // 2
        left, right = tissue[:, :half].sum(), tissue[:, half:].sum()
        assert left == pytest.approx(right, rel=0.03)
        shot(opened, "films-both", tmp_path)
        mirror = tissue[:, half - 300 : half][:, ::-1] != tissue[:, half : half + 300]
        assert mirror.mean() < 0.02
        opened.reload()
        opened.locator("#live", has_text="fine-right, R MLO").wait_for(state="attached")
        assert opened.is_checked("#film-both")


def test_a_film_without_its_other_breast_says_so(served: Seen) -> None:
    with visit(served) as opened:
        open_film(opened, "film-5")
        assert opened.is_disabled("#film-both")
        assert "is not here" in opened.locator("#film-both-text").inner_text()
        facts = opened.locator("#film-facts").inner_text()
        for part in (
            "patient-0002",
            "0.4 mm a pixel (as painted)",
            "right (as painted)",
            "density: b",
        ):
            assert part in facts, part
        assert "painted, of nobody" in opened.locator("#film-notes").inner_text()


def test_the_page_cuts_muscle_off_as_prepare_does(served: Seen) -> None:
    rng = np.random.default_rng(3)
    with visit(served) as opened:
        for wall in ("left", "right"):
            for _ in range(4):
                points = rng.integers(-20, 900, (2, 2)) / 10
                ends = ((points[0, 0], points[0, 1]), (points[1, 0], points[1, 1]))
                line = MuscleLine("left" if wall == "left" else "right", (60, 80), ends)
                told = opened.evaluate(SIDE, [points.tolist(), 60, 80, wall])
                assert told == side_of(line).astype(int).ravel().tolist()


def test_the_line_is_moved_by_two_handles_and_saved(changing: Seen, tmp_path: Path) -> None:
    kept = changing.folder / "film-2" / "muscle.json"
    with visit(changing) as opened:
        open_film(opened, "film-2")
        assert opened.locator(".handle:visible").count() == 0
        opened.click("#muscle-move")
        upper, lower = opened.locator(".handle").all()
        # as painted: 45 mm at the top edge, 95 mm down the chest wall
        numbers = re.findall(r"[\d.]+", str(upper.get_attribute("aria-label")))
        assert float(numbers[0]) == pytest.approx(45, abs=3)
        assert float(re.findall(r"[\d.]+", str(lower.get_attribute("aria-label")))[1]) == (
            pytest.approx(95, abs=5)
        )
        before = canvas_of(opened)
        box = upper.bounding_box()
        opened.mouse.move(box["x"] + 14, box["y"] + 14)
        opened.mouse.down()
        opened.mouse.move(box["x"] + 74, box["y"] + 24, steps=3)
        opened.mouse.up()
        assert (canvas_of(opened) != before).mean() > 0.005
        shot(opened, "films-line", tmp_path)
        assert serious(opened) == []
        lower.focus()
        label = lower.get_attribute("aria-label")
        opened.keyboard.press("Shift+ArrowDown")
        assert lower.get_attribute("aria-label") != label
        assert not kept.exists()
        opened.click("#muscle-save")
        opened.locator("#line-text", has_text="Saved beside the film").wait_for()
        told = json.loads(kept.read_text())
        assert told["chest_wall"] == "left"
        assert all(len(point) == 2 for point in told["points_px"])
        opened.locator("#muscle-text", has_text="The next mammo prepare takes it").wait_for()
        assert opened.is_disabled("#muscle-save")
        opened.click("#muscle-found")
        opened.click("#muscle-save")
        until(lambda: not kept.exists())


def test_no_line_is_put_before_the_saved_one_is_read(served: Seen) -> None:
    """The saved line took the place of the one that a person had put meanwhile."""
    held: list[Any] = []
    with visit(served) as opened:
        opened.route(re.compile(r"/muscle$"), lambda route: held.append(route))
        opened.locator("#film-list a", has_text="film-2").click()
        opened.locator("#film-panel[inert]").wait_for()
        until(lambda: opened.evaluate("1") and held)
        assert opened.locator("#film-panel[inert]").count() == 1
        held.pop().continue_()
        opened.unroute_all()
        is_shown(opened, "film-2")


def test_a_line_that_another_changed_is_not_written_over(changing: Seen) -> None:
    kept = changing.folder / "film-2" / "muscle.json"
    with visit(changing, faults="409") as opened:
        open_film(opened, "film-2")
        opened.click("#muscle-none")
        write_line(kept, MuscleLine("left", (300, 500), ((80, 0), (0, 180)), 0.4))
        other = kept.read_bytes()
        opened.click("#muscle-save")
        opened.locator("#line-text", has_text="was changed meanwhile").wait_for()
        assert kept.read_bytes() == other
        opened.locator("#line-choices button", has_text="Load it again").click()
        opened.locator("#muscle-text", has_text="A line that a person put").wait_for()
        until(lambda: opened.locator(".handle:visible").count() == 2)


def test_a_line_is_not_lost_without_a_question(changing: Seen) -> None:
    with visit(changing) as opened:
        open_film(opened, "film-2")
        opened.click("#muscle-none")
        opened.click("#home")
        opened.locator("#ask-choices button", has_text="Stay").click()
        until(lambda: "/film/" in opened.evaluate("() => location.hash"))
        assert opened.is_enabled("#muscle-save")
        opened.click("#home")
        opened.locator("#ask-choices button", has_text="Leave it").click()
        opened.locator("#film-list a").first.wait_for()


def test_a_damaged_picture_is_told_and_leads_back(changing: Seen) -> None:
    path = changing.folder / "film-2" / "labels.png"
    path.write_bytes(path.read_bytes()[:200])
    with visit(changing) as opened:
        opened.locator("#film-list a").click()
        opened.locator("#line-text", has_text="film-2: labels.png").wait_for()
        opened.locator("#film-list a").wait_for()


def test_a_folder_of_before_muscle_png_says_what_is_not_there(changing: Seen) -> None:
    (changing.folder / "film-2" / "muscle.png").unlink()
    with visit(changing) as opened:
        open_film(opened, "film-2")
        told = opened.locator("#film-notes").inner_text()
        assert "What was cut off as muscle is not in this folder" in told


def test_masks_of_findings_are_coloured(changing: Seen) -> None:
    folder = changing.folder / "film-2"
    mask = np.zeros((500, 300), np.uint8)
    mask[200:300, 50:150] = 255
    Image.fromarray(mask).save(folder / "finding-1.png")
    record = json.loads((folder / "film.json").read_text())
    record["findings"] = [{"kind": "mass", "shape": "mask", "mask": "finding-1.png"}]
    (folder / "film.json").write_text(json.dumps(record))
    with visit(changing) as opened:
        open_film(opened, "film-2")
        hide_layers(opened)
        plain = canvas_of(opened)
        opened.check("#film-finding")
        changed = (canvas_of(opened) != plain).any(axis=2)
        scale, _, _ = fitted(changing, "film-2", plain)
        assert changed.sum() == pytest.approx(100 * 100 * scale**2, rel=0.05)


def test_a_phone_shows_the_film_and_its_panel(served: Seen, tmp_path: Path) -> None:
    with visit(served, width=390, height=800, has_touch=True, is_mobile=True) as opened:
        opened.locator("#film-list img").first.wait_for()
        open_film(opened, "film-2")
        opened.click("#muscle-move")
        shot(opened, "films-phone", tmp_path)
        assert opened.evaluate("() => document.documentElement.scrollWidth") <= 390
        stage = opened.locator("#film-stage").bounding_box()
        panel = opened.locator("#film-panel").bounding_box()
        assert stage["height"] > 300
        assert panel["y"] >= stage["y"] + stage["height"] - 1
        until(lambda: opened.locator(".handle:visible").count() == 2)
        assert serious(opened) == []
