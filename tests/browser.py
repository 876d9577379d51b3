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
WAIT_MS = 300_000
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
            opened = context.new_page()
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
    """Wait until something is so, and return it."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)
    return found


def shot(opened: Any, name: str, tmp_path: Path) -> None:
    """Keep a picture of the page where BREASTSEG_SCREENSHOTS names a folder."""
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
