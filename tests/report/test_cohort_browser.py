"""The page of a cohort in a real browser: it sorts, chooses and scrolls without all in the
document, and says what is essential without scripts."""

from pathlib import Path

import pytest
from test_cohort import results
from test_report_browser import looked_at

from breastseg.report.cohort import write_cohort_page
from browser import chromium, page, until

SLIDES = 700


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    chromium()
    areas: list[float | None] = [(number * 37 % SLIDES) / 10 for number in range(SLIDES)]
    areas[9] = None
    out = results(tmp_path_factory.mktemp("cohort") / "maps", areas, {4: ["blurred"]})
    return write_cohort_page(out).as_uri()


@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_alone_fits_and_can_be_read(address: str, tmp_path: Path, width: int) -> None:
    with page(width, 900) as opened:
        looked_at(opened, address, tmp_path / f"cohort-{width}.png")


def test_it_sorts_chooses_and_scrolls(address: str) -> None:
    with page() as opened:
        opened.goto(address)
        rows = opened.locator("#view tbody tr:not(.space)")
        until(lambda: opened.locator("output").evaluate("o => o.value") == "700 of 700")
        rows.first.wait_for()
        assert rows.count() < 40, "not all are in the document"
        by_area = opened.get_by_role("button", name="tumor · mm²")
        by_area.click()
        by_area.click()
        until(lambda: "69.9" in rows.first.inner_text())
        picture = rows.first.locator("img")
        until(lambda: picture.evaluate("i => i.complete && i.naturalWidth > 0"))
        opened.locator("#view").evaluate("v => { v.scrollTop = v.scrollHeight }")
        last = opened.locator('#view tr[aria-rowindex="701"]')
        last.wait_for()
        assert "failed" in last.inner_text(), "what has no value comes last"
        opened.locator("select").select_option("doubts")
        until(lambda: rows.count() == 1)
        assert "blurred" in rows.first.inner_text()
        opened.locator("select").select_option("all")
        opened.locator("input[type=search]").fill("s 123")
        until(lambda: rows.count() == 1)
        assert opened.faults == []


def test_without_scripts_it_says_what_failed_and_how_areas_spread(address: str) -> None:
    with page(java_script_enabled=False) as opened:
        opened.goto(address)
        text = opened.locator("main").inner_text()
        assert "in/s 09.svs" in text
        assert "blurred" in text
        assert "Median" in text
        assert "measures.csv" in text
        assert not opened.locator("#table").is_visible()
