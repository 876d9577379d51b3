"""The page of an evaluation, and that of an audit, in a real browser: what a person sees, clicks
and prints."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from test_html import evaluated

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.data.prepare import PrepareConfig, prepare
from browser import chromium, page, until
from conftest import paint, quiet


@pytest.fixture(scope="session")
def address(lively_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report of eleven regions: ten worst and one folded."""
    chromium()
    return (
        evaluated(lively_bundle, tmp_path_factory.mktemp("browser"), 11) / "report.html"
    ).as_uri()


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An audit of four regions, where a patient is in training and in test."""
    chromium()
    folder = tmp_path_factory.mktemp("audit")
    for k, slide in enumerate(("P001-DX1", "P001-DX2", "P002-DX1", "P003-DX1")):
        paint(folder / "source", f"TCGA-A2-{slide}_xmin100_ymin200_MPP-0.2500", seed=k)
    data = prepare(
        folder / "source", folder / "data", PrepareConfig(to_mpp=0.30, workers=1), reporter=quiet
    )
    parts = zip(data.regions.index, ("train", "test", "train", "test"), strict=True)
    (data.path / "split.csv").write_text(
        "region,split\n" + "".join(f"{region},{part}\n" for region, part in parts)
    )
    assert main(["audit", str(data.path), "--out", str(folder / "out")]) == 1
    return (folder / "out" / "audit.html").as_uri()


def shot(element: Any) -> npt.NDArray[np.int16]:
    """Return what is seen of an element, as 64 x 64 px: where pixels begin depends on how far the
    page is scrolled."""
    seen = Image.open(
        io.BytesIO(element.screenshot(style="#controls { position: static; }"))
    ).convert("RGB")  # it lies over images
    return np.asarray(seen.resize((64, 64), Image.Resampling.BOX), np.int16)


def figure(opened: Any, kind: str) -> Any:
    return opened.locator(f"section.region figure.{kind} svg").first


def differ(one: npt.NDArray[np.int16], other: npt.NDArray[np.int16]) -> float:
    """Return the share of places that are clearly different."""
    return float((np.abs(one - other).max(axis=2) > 12).mean())


def looked_at(opened: Any, target: str, picture: Path) -> None:
    """Open a page that must need nothing else, fit its window, be light or dark as asked, and have
    no grave fault of accessibility."""
    from axe_playwright_python.sync_playwright import Axe

    opened.goto(target)
    opened.screenshot(path=picture, full_page=True)
    assert opened.asked == [target]
    assert opened.evaluate("document.documentElement.scrollWidth") <= opened.viewport_size["width"]
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = np.mean(
            [int(part) for part in ground.removeprefix("rgb(").removesuffix(")").split(",")]
        )
        assert lightness < 40 if scheme == "dark" else lightness > 230
        found = Axe().run(opened).response["violations"]
        assert [
            (fault["id"], fault["nodes"][0]["html"])
            for fault in found
            if fault["impact"] in {"serious", "critical"}
        ] == []
    assert opened.faults == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_opens_alone_fits_and_can_be_read(
    address: str, tmp_path: Path, width: int
) -> None:
    with page(width, 900) as opened:
        looked_at(opened, address, tmp_path / f"report-{width}.png")


def test_the_audit_opens_alone_and_shows_its_leak(audited: str, tmp_path: Path) -> None:
    found = json.loads(
        Path(audited.removeprefix("file://")).with_name("audit.json").read_text(encoding="utf-8")
    )
    with page(390, 900) as opened:
        looked_at(opened, audited, tmp_path / "audit.png")
        leaks = [
            finding["sentence"] for finding in found["findings"] if finding["severity"] == "leak"
        ]
        assert opened.locator(".finding.leak").count() == len(leaks) > 0
        opened.get_by_text(leaks[0]).wait_for()


def test_a_class_that_is_switched_off_leaves_the_tissue(address: str) -> None:
    with page() as opened:
        opened.goto(address)
        tissue, before = shot(figure(opened, "tissue")), shot(figure(opened, "truth"))
        assert differ(tissue, before) > 0.9  # all is annotated
        opened.get_by_role("checkbox", name="stroma").uncheck()
        without = shot(figure(opened, "truth"))
        changed, tinted = differ(without, before), differ(without, tissue)
        assert 0.1 < changed < 0.9
        assert changed + tinted == pytest.approx(
            differ(tissue, before), abs=0.05
        )  # where it was, tissue is seen
        opened.get_by_role("button", name="none").click()
        assert (
            max(differ(shot(figure(opened, kind)), tissue) for kind in ("truth", "map", "errors"))
            < 0.05
        )
        opened.get_by_role("button", name="all", exact=True).click()
        assert differ(shot(figure(opened, "truth")), before) < 0.05


def test_the_tint_goes_from_nothing_to_the_classs_own_colour(address: str) -> None:
    with page() as opened:
        opened.goto(address)
        tint = opened.get_by_role("slider", name="Tint")
        tint.fill("0")
        assert differ(shot(figure(opened, "truth")), shot(figure(opened, "tissue"))) < 0.05
        tint.fill("100")
        colours = [(200, 0, 0), (150, 200, 150), (160, 90, 160), (50, 50, 50), (255, 200, 0)]
        far = np.min(
            [
                np.abs(shot(figure(opened, "truth")) - np.array(c, np.int16)).max(axis=2)
                for c in colours
            ],
            axis=0,
        )
        assert np.median(far) <= 2


def test_a_view_shows_its_pictures(address: str) -> None:
    with page() as opened:
        opened.goto(address)
        for view, shown in (
            ("pair", 2),
            ("tissue", 1),
            ("truth", 1),
            ("map", 1),
            ("errors", 1),
            ("all", 4),
        ):
            opened.get_by_role("combobox", name="Show").select_option(view)
            found = opened.locator("section.region").first.locator("figure:visible")
            until(lambda found=found, shown=shown: found.count() == shown)
            for k in range(shown):
                assert (
                    shot(found.nth(k).locator("svg")).std() > 10
                )  # the tissue lies below, though its own image may be hidden


def column(opened: Any, table: Any, k: int) -> list[str]:
    return [cell.strip() for cell in table.locator(f"tbody tr td:nth-child({k})").all_inner_texts()]


def test_tables_sort_by_click_and_by_key_numbers_as_numbers_and_none_last(address: str) -> None:
    with page() as opened:
        opened.goto(address)
        table = opened.get_by_role("region", name="Scores by region").locator("table")
        heading = table.locator("th", has_text="necrosis")
        heading.get_by_role("button").click()
        up = column(opened, table, 8)
        assert heading.get_attribute("aria-sort") == "ascending"
        heading.get_by_role("button").press("Enter")
        down = column(opened, table, 8)
        assert heading.get_attribute("aria-sort") == "descending"
        known = [text for text in up if text != "–"]
        assert 0 < len(known) < len(up)
        assert up == sorted(known, key=float) + ["–"] * (len(up) - len(known))
        assert down == sorted(known, key=float, reverse=True) + ["–"] * (len(up) - len(known))
        table.locator("th", has_text="region").get_by_role("button").click()
        assert heading.get_attribute("aria-sort") is None
        assert column(opened, table, 1) == sorted(column(opened, table, 1))
        classes = opened.get_by_role("region", name="Scores by class").locator("table")
        classes.locator("th", has_text="support").get_by_role("button").click()
        support = [int(text.replace(",", "")) for text in column(opened, classes, 9)]
        assert support == sorted(support)
        assert opened.faults == []


def test_what_is_folded_opens(address: str) -> None:
    with page() as opened:
        opened.goto(address)
        folded = opened.locator("details.region")
        assert folded.count() == 1
        assert not folded.first.locator("figure").first.is_visible()
        opened.get_by_role("checkbox", name="tumor").uncheck()
        folded.first.locator("summary").click()
        assert shot(folded.first.locator("figure.map svg")).std() > 10
        assert opened.faults == []


def test_without_scripts_the_pictures_are_tinted_and_the_page_says_so(address: str) -> None:
    with page(java_script_enabled=False) as opened:
        opened.goto(address)
        assert opened.get_by_text("Without JavaScript").is_visible()
        assert not opened.locator("#controls").is_visible()
        assert opened.locator("p.legend").is_visible()
        assert differ(shot(figure(opened, "truth")), shot(figure(opened, "tissue"))) > 0.9


def test_on_paper_there_are_no_controls_and_light_ground(address: str, tmp_path: Path) -> None:
    with page(scheme="dark") as opened:
        opened.goto(address)
        assert opened.locator("#controls").is_visible()
        opened.pdf(path=tmp_path / "report.pdf", format="A4")
        opened.emulate_media(media="print")
        for hidden in ("#controls", "nav"):
            assert not opened.locator(hidden).is_visible()
        assert opened.locator("p.legend").is_visible()
        assert (
            opened.evaluate("getComputedStyle(document.body).backgroundColor")
            == "rgb(255, 255, 255)"
        )
        assert opened.evaluate(
            "[...document.querySelectorAll('.scroll')].every(one => getComputedStyle(one).overflowX"
            " === 'visible')"
        )
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
