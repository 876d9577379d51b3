"""A page in the system's Chromium, for tests that look at what people see; they skip where the
browser or its driver is missing."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SLOWER = float(os.environ.get("BREASTSEG_SLOW_BROWSER", "1"))
"""How many times slower than this machine pages run; above 1, each answer comes late too. So a step
that does not wait for what it looks at fails here, and not on somebody's slow machine."""
LATE_MS = 250 * SLOWER
"""Much, beside what a slow processor takes: Playwright's own checks, which are slow too then, would
hide what 300 ms do."""
WAIT_MS = round(300_000 * max(1, SLOWER / 2))
"""How long anything is waited for: a machine that has other work may come to it late."""


def chromium() -> str:
    """Return the browser's path; skip the test where it or Playwright is missing."""
    pytest.importorskip("playwright")
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        pytest.skip("no Chromium here")
    return path


@contextmanager
def launched() -> Iterator[Any]:
    """Yield a browser (synchronous), which pages may share; one at a time."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=list(ARGUMENTS), timeout=WAIT_MS
        )
        try:
            yield browser
        finally:
            browser.close()


def new_page(context: Any) -> Any:
    """Open a page, which is as slow as BREASTSEG_SLOW_BROWSER says."""
    opened = context.new_page()
    if SLOWER > 1:
        device = context.new_cdp_session(opened)
        device.send("Network.enable")
        device.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        device.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": LATE_MS,
                "downloadThroughput": -1,
                "uploadThroughput": -1,
            },
        )
    return opened


@contextmanager
def page(
    width: int = 1280,
    height: int = 800,
    scheme: str = "light",
    *,
    browser: Any = None,
    **context_options: Any,
) -> Iterator[Any]:
    """Yield a Playwright page (synchronous), in a browser of its own or in `browser`.

    Its `faults` is a list of errors: what the console said, what a script threw, what could not be
    loaded. Its `asked` is a list of the addresses it asked for, data addresses left out.
    """
    with launched() if browser is None else nullcontext(browser) as running:
        context = running.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **context_options
        )
        context.set_default_timeout(WAIT_MS)
        try:
            opened = new_page(context)
            opened.faults, opened.asked = [], []
            opened.on(
                "console",
                lambda said: opened.faults.append(said.text) if said.type == "error" else None,
            )
            opened.on("pageerror", lambda error: opened.faults.append(str(error)))
            opened.on(
                "requestfailed",
                lambda request: opened.faults.append(f"{request.url[:200]}: {request.failure}"),
            )
            opened.on(
                "request",
                lambda request: (
                    opened.asked.append(request.url)
                    if not request.url.startswith("data:")
                    else None
                ),
            )
            yield opened
        finally:
            context.close()


@dataclass(frozen=True)
class Seen:
    """The server, and the browser that looks at it: one for all tests, each with a profile of its
    own in it."""

    address: str
    folder: Path
    browser: Any


@contextmanager
def visit(served: Seen, at: str = "", *, faults: str = "^$", **context: Any) -> Iterator[Any]:
    """Open the page; in the end nothing may have gone wrong but `faults`, and nobody else may have
    been asked."""
    with page(browser=served.browser, **context) as opened:
        opened.goto(f"{served.address}/{at}")
        yield opened
        left = "net::ERR_ABORTED$"  # what was on its way when the page was left
        assert [fault for fault in opened.faults if not re.search(f"{left}|{faults}", fault)] == []
        assert {
            address
            for address in opened.asked
            if not address.startswith((served.address, f"blob:{served.address}"))
        } == set()


def until(true: Callable[[], Any], seconds: float = WAIT_MS / 1000) -> Any:
    """Wait until something is so, and return it.

    What is looked at must wait for its own element too: ask a locator, whose methods do, and not
    the page's `evaluate` with `querySelector`, which finds null on a page that is late.
    """
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)
    return found


def open_slide(opened: Any, name: str = "cmu1.svs") -> None:
    """Choose a slide of the gallery, and wait until it is shown and takes keys."""
    opened.locator("a.card", has_text=name).click()
    is_open(opened, name)


def is_open(opened: Any, name: str = "") -> None:
    """Wait until a slide (of a name with this in it) is shown and takes keys."""
    said = re.compile(f"{re.escape(name)}.* is open")
    opened.locator("#live", has_text=said).wait_for(state="attached")
    overlay(opened).wait_for()
    opened.wait_for_url(re.compile("zoom="))


def overlay(opened: Any) -> Any:
    """The canvas over the slide, as a locator: its `evaluate` waits until the canvas is there."""
    return opened.locator("#slide canvas.overlay")


def shot(opened: Any, name: str, tmp_path: Path) -> None:
    """Keep an image of the page where BREASTSEG_SCREENSHOTS names a folder."""
    folder = Path(os.environ.get("BREASTSEG_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    opened.screenshot(path=folder / f"{name}.png")


def serious(opened: Any) -> list[str]:
    """Return what axe-core finds that keeps somebody out."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(opened).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
