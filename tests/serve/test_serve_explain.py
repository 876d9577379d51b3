"""Explanations over HTTP and on the page: the network runs in a process of its own, and what cannot
be explained is one line."""

import json
import os
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from breastseg.serve.jobs import explainer
from browser import launched, open_slide, overlay, page, until
from conftest import CROPS
from serve_app import Served, serving, small_folder

pytest.importorskip("fastapi")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = small_folder(tmp_path_factory.mktemp("folder") / "slides")
    shutil.copy(CROPS[0], folder / "plain.png")
    with serving(folder) as one:
        yield one


def ask(served: Served, **body: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{served.address}/api/explanations",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "X-Breastseg": "1"},
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def entry_of(served: Served, name: str = "cmu1.svs") -> str:
    return next(entry.id for entry in served.state.folder.scan() if entry.name.endswith(name))


def test_a_place_is_explained_and_a_wrong_one_is_a_line(served: Served) -> None:
    place = {"entry": entry_of(served), "model": "breast2", "x": 240, "y": 240}
    status, told = ask(served, **place)
    assert status == 200
    assert sum(told["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert (len(told["drops"]), len(told["nearest"])) == (8, 5)
    assert told["nearest"][0]["thumbnail"].startswith("data:image/jpeg;base64,")
    left, top, width, height = told["box"]
    assert left <= 240 < left + width
    assert top <= 240 < top + height
    assert ask(served, **{**place, "x": 99999})[0] == 422
    assert "outside" in ask(served, **{**place, "x": 99999})[1]["error"]
    assert str(served.folder) not in ask(served, **{**place, "x": 99999})[1]["error"]
    assert ask(served, **{**place, "x": -1})[0] == 400
    assert ask(served, **{**place, "model": "none"})[0] == 400
    assert ask(served, **{**place, "entry": "0" * 16})[0] == 404


def test_a_picture_without_microns_per_pixel_is_told(served: Served) -> None:
    plain = entry_of(served, "plain.png")
    status, told = ask(served, entry=plain, model="breast2", x=100, y=100)
    assert (status, "microns per pixel" in told["error"]) == (422, True)


def test_a_process_that_died_costs_one_question(served: Served) -> None:
    place = {"entry": entry_of(served), "model": "breast2", "x": 200, "y": 240}
    assert ask(served, **place)[0] == 200
    process = served.state.explainer._process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert ask(served, **place)[0] == 200
    assert served.state.explainer._process.pid != process.pid


def test_the_process_ends_when_nobody_asks(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explainer, "IDLE_S", 0.1)
    place = {"entry": entry_of(served), "model": "breast2", "x": 210, "y": 240}
    ask(served, **place)
    process = served.state.explainer._process
    if process is not None:  # it may be gone already
        process.wait(60)
    served.state.explainer._idle.join() if served.state.explainer._idle else None
    assert served.state.explainer._process is None
    assert ask(served, **place)[0] == 200


def test_why_here_on_the_page(served: Served, tmp_path: Path) -> None:
    with launched() as browser, page(browser=browser) as opened:
        opened.goto(served.address)
        open_slide(opened)
        opened.click("#why")
        opened.locator("#why[aria-pressed=true]").wait_for()
        opened.keyboard.press("Space")
        opened.locator("#why-told table").wait_for()
        until(lambda: opened.locator("#why-told tbody tr").count() == 5)
        until(lambda: opened.locator("#why-near img").count() == 5)
        first = opened.locator("#why-near img").first
        until(lambda: first.evaluate("image => image.naturalWidth") == 64)
        coloured = """canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((value, index) => index % 4 === 3 && value > 0).length;
        }"""
        until(lambda: overlay(opened).evaluate(coloured) > 500)
        folder = Path(os.environ.get("BREASTSEG_SCREENSHOTS", tmp_path))
        opened.screenshot(path=folder / "why.png")
        opened.click("#why-close")
        until(lambda: overlay(opened).evaluate(coloured) == 0)
        assert opened.locator("#why-told").inner_text() == ""
        assert opened.faults == []
