"""The page of an evaluation: one file that needs no other, worst regions first, numbers that are
those of scores.json and counts.csv."""

import base64
import hashlib
import io
import json
import math
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle, load_bundle
from breastseg.cli import main
from breastseg.data.dataset import open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import InputError
from breastseg.evaluation.figures import Overall, Region
from breastseg.files import sha256_of, write_json
from breastseg.labels import BUILT_IN, LabelClass, LabelMap
from breastseg.maps.pictures import save_comparison
from breastseg.report import regions
from breastseg.report.html import html_pages, write_report
from conftest import paint, quiet, tcga

LAYERS = ("truth", "prediction", "errors")


class Page(HTMLParser):
    """Collects tags, addresses, text, headings and tables, and checks that what is opened is closed
    in order."""

    EMPTY = frozenset(
        {
            "meta",
            "img",
            "br",
            "link",
            "input",
            "hr",
            "wbr",
            "image",
            "use",
            "path",
            "polyline",
            "circle",
        }
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.headings: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            v or "" for k, v in attrs if k in {"src", "href", "srcset", "action", "data", "poster"}
        ]
        assert not any(k.startswith("on") for k, _ in attrs)
        if tag not in self.EMPTY:
            self.open.append(tag)
        if dict(attrs).get("role") == "region":
            self.tables[dict(attrs)["aria-label"] or ""] = []
        if tag == "tr":
            next(reversed(self.tables.values())).append([])
        if tag in {"td", "th"}:
            next(reversed(self.tables.values()))[-1].append("")
        if tag in {"h1", "h2", "h3", "summary"}:
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"h1", "h2", "h3", "summary"} & set(self.open):
            self.headings[-1] += data
        if {"td", "th"} & set(self.open):
            next(reversed(self.tables.values()))[-1][-1] += data + " " * ("small" not in self.open)


def evaluated(bundle: Bundle, folder: Path, count: int) -> Path:
    """Evaluate painted regions, one a patient, in three hospitals."""
    codes = ((1, 2), (1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 4, 9))
    for k in range(count):
        paint(
            folder / "source",
            tcga(("A2", "A1", "OL")[k % 3], f"P{k:03}"),
            codes=codes[k % 4],
            seed=k,
        )
    data = prepare(
        folder / "source", folder / "data", PrepareConfig(to_mpp=0.30, workers=1), reporter=quiet
    )
    words = [
        "--model",
        str(bundle.path),
        "--data",
        str(data.path),
        "--split",
        "all",
        "--out",
        str(folder / "out"),
        "--threads",
        "1",
    ]
    assert main(["evaluate", *words]) == 0
    return folder / "out"


@pytest.fixture(scope="session")
def result(lively_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen regions: ten worst and three others."""
    return evaluated(lively_bundle, tmp_path_factory.mktemp("report"), 13)


def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def scores_of(folder: Path) -> Any:
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))


def test_the_page_is_one_file_that_needs_no_other(result: Path) -> None:
    text = (result / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    pictures = [a for a in page.addresses if not a.startswith("#")]
    assert len(pictures) == 13 * 4
    assert all(
        a.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")) for a in pictures
    )
    for outside in (
        "http://",
        "https://",
        "file:",
        "//cdn",
        "url(",
        "@import",
        "<link",
        "<iframe",
        "fetch(",
    ):
        assert outside not in text.lower(), outside
    for anchor in {a[1:] for a in page.addresses if a.startswith("#")}:
        assert text.count(f'id="{anchor}"') == 1, anchor


def test_only_its_own_script_may_run(result: Path) -> None:
    text = (result / "report.html").read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', text)
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert f"script-src 'sha256-{digest}';" in policy


def test_the_page_says_what_was_found(result: Path) -> None:
    page, scores = page_of(result), scores_of(result)
    for name in BUILT_IN["region5"].names:
        assert name in page.text
    for region, values in scores["regions"].items():
        assert region in page.text
        assert f"{values['overall']['mean_dice']:.3f}" in page.text
    for row in scores["pooled"].values():
        assert f"{row['support_px']:,}" in page.text
        assert math.isnan(row["dice"]) or f"{row['dice']:.3f}" in page.text
    ends = scores["intervals"]["classes"]["tumor"]["dice"]
    assert f"{ends[0]:.3f} to {ends[1]:.3f}" in page.tables["Scores by class"][1][1]
    assert not re.search(
        r">\s*nan|nan\s*[<,;]", (result / "report.html").read_text(encoding="utf-8")
    )  # a dash, not a number that is none
    assert "Research use only" in page.text


def test_the_worst_ten_come_first_and_the_others_are_folded(result: Path) -> None:
    page, scores = page_of(result), scores_of(result)["regions"]
    order = sorted(scores, key=lambda region: (scores[region]["overall"]["mean_dice"], region))
    found = [
        next(region for region in order if region in heading)
        for heading in page.headings
        if "TCGA" in heading
    ]
    assert found == order
    assert (
        len({values["overall"]["mean_dice"] for values in scores.values()}) > 10
    )  # else there is no order
    assert "The worst 10 regions" in page.headings
    folded = [heading for heading in page.headings if "TCGA" in heading and "mean Dice" in heading]
    assert [heading.split(":")[0] for heading in folded] == order[10:]
    assert [row[0].strip() for row in page.tables["Scores by region"][1:]] == order


def region_with(dice: float) -> Region:
    overall = Overall(
        accuracy=dice,
        balanced_accuracy=dice,
        kappa=dice,
        mean_dice=dice,
        mean_iou=dice,
        classes_present=1,
        support_px=1,
    )
    return Region(overall=overall, classes={}, boundary={})


def test_a_region_without_a_score_comes_last() -> None:
    scores = {
        name: region_with(dice)
        for name, dice in (("a", math.nan), ("b", 0.5), ("c", math.nan), ("d", 0.0), ("e", 0.5))
    }
    assert regions.worst_first(scores) == ["d", "b", "e", "a", "c"]


def test_the_confusion_has_pixels_and_shares_of_the_counts(result: Path) -> None:
    counts = pd.read_csv(result / "counts.csv").groupby(["truth", "prediction"])["px"].sum()
    head, *rows = page_of(result).tables["What was taken for what"]
    assert [cell.strip() for cell in head] == ["truth", *BUILT_IN["region5"].names]
    assert len(rows) == 5
    for truth, *cells in rows:
        for prediction, cell in zip(BUILT_IN["region5"].names, cells, strict=True):
            px = counts.get((truth.strip(), prediction), 0)
            assert cell.split() == [
                f"{100 * px / counts[truth.strip()].sum():.1f}",
                "%",
                *f"{px:,}".split(),
            ]


def test_what_was_not_analysed_has_a_column_and_a_missing_class_no_row(
    result: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(result, tmp_path / "copy"))
    table = pd.read_csv(folder / "counts.csv")
    table = table[table["truth"] != "necrosis"]
    table.loc[table["prediction"] == "stroma", "prediction"] = "not analysed"
    table.to_csv(folder / "counts.csv", index=False)
    head, *rows = page_of(write_report(folder).parent).tables["What was taken for what"]
    assert [cell.strip() for cell in head[:2]] == ["truth", "not analysed"]
    assert "necrosis" not in [row[0].strip() for row in rows]


def test_names_cannot_put_code_into_the_page(lively_bundle: Bundle, tmp_path: Path) -> None:
    """A region's id is a file's name and a class's name is typed by a person: both may hold
    anything."""
    region, name = (
        "<script>alert(1)<img src=x onerror=alert(2)>",
        "</td><script>alert('c')</script>&",
    )
    classes = (LabelClass(name, (200, 0, 0), "Tumor", (1,)), *BUILT_IN["region5"].classes[1:])
    label_map = LabelMap("<b>mine", classes, BUILT_IN["region5"].not_annotated)
    source = tmp_path / "source"
    for kind, picture in (
        ("images", np.full((64, 64, 3), 150, np.uint8)),
        ("masks", np.tile(np.uint8([1, 2]), (64, 32))),
    ):
        (source / kind).mkdir(parents=True)
        Image.fromarray(picture).save(source / kind / f"{region}.png")
    write_json(source / "labels.json", label_map.to_dict())
    data = prepare(
        source, tmp_path / "data", PrepareConfig(to_mpp=0.5, mpp=0.5, workers=1), reporter=quiet
    )
    assert list(open_dataset(data.path).regions.index) == [region]
    folder = Path(shutil.copytree(lively_bundle.path, tmp_path / "bundle"))
    files = {file: sha256_of(folder / file) for file in lively_bundle.card.files}
    write_json(
        folder / "card.json",
        replace(lively_bundle.card, name="<i>odd", label_map=label_map, files=files).to_dict(),
    )
    bundle, out = load_bundle(folder), tmp_path / "out"
    assert (
        main(
            [
                "evaluate",
                "--model",
                str(bundle.path),
                "--data",
                str(data.path),
                "--split",
                "all",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    page = page_of(out)
    assert page.tags.count("script") == 1  # the page's own
    for shown in (region, name, "<b>mine", "<i>odd"):
        assert shown in page.text


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("scores.json", r"scores\.json: not found, wanted the scores of a finished evaluation"),
        ("regions/{}/truth.png", r"truth\.png: not found; evaluate again into a new folder"),
    ],
)
def test_an_unfinished_evaluation_is_refused(
    result: Path, tmp_path: Path, missing: str, message: str
) -> None:
    folder = Path(shutil.copytree(result, tmp_path / "copy"))
    (folder / missing.format(next(iter(scores_of(result)["regions"])))).unlink()
    with pytest.raises(InputError, match=message):
        write_report(folder)


def test_scores_of_an_earlier_version_are_refused(result: Path, tmp_path: Path) -> None:
    earlier = {key: value for key, value in scores_of(result).items() if key != "seen"}
    write_json(tmp_path / "scores.json", earlier)
    with pytest.raises(InputError, match=r"scores\.json: of an earlier version.*evaluate again"):
        write_report(tmp_path)


def test_same_evaluation_same_page(result: Path, tmp_path: Path) -> None:
    assert (
        write_report(shutil.copytree(result, tmp_path / "copy")).read_bytes()
        == (result / "report.html").read_bytes()
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Region]]:
    """Twelve regions of 700 x 500 px, r00 the worst."""
    folder, rng = tmp_path_factory.mktemp("large"), np.random.default_rng(0)
    labels = np.repeat(np.arange(5, dtype=np.uint8), 100)[:, None].repeat(700, axis=1)
    for k in range(12):
        save_comparison(
            rng.integers(0, 256, (500, 700, 3), np.uint8),
            labels,
            labels // 2,
            BUILT_IN["region5"],
            folder / f"r{k:02}",
        )
    return folder, {f"r{k:02}": region_with(k / 12) for k in range(12)}


def truth_of(view: regions.RegionView) -> str:
    assert view.pictures is not None
    return view.pictures.layers["truth"]


def opened(address: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def test_the_first_ten_are_whole_and_the_others_shrunk_alike(
    large: tuple[Path, dict[str, Region]],
) -> None:
    folder, scores = large
    views = regions.region_views(folder, scores)
    assert [view.id for view in views] == list(scores)
    for k, view in enumerate(views):
        size = (700, 500) if k < 10 else (480, 343)
        pictures = view.pictures
        assert pictures is not None
        assert (pictures.width, pictures.height) == size
        assert opened(pictures.image).format == "JPEG"
        assert opened(pictures.image).size == size
        for name in LAYERS:
            assert opened(pictures.layers[name]).size == size
    first, small = (opened(truth_of(views[k])) for k in (0, 11))
    assert (folder / "r00" / "truth.png").read_bytes() == base64.b64decode(
        truth_of(views[0]).partition(",")[2]
    )
    shrunk = np.asarray(small.convert("RGBA"))
    assert np.array_equal(
        np.unique(shrunk.reshape(-1, 4), axis=0),
        np.unique(np.asarray(first.convert("RGBA")).reshape(-1, 4), axis=0),
    )


def test_a_page_that_would_grow_too_large_leaves_the_best_without_pictures(
    large: tuple[Path, dict[str, Region]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, scores = large
    whole = regions.region_views(folder, scores)
    monkeypatch.setattr(
        regions,
        "ADDRESSES_BYTES",
        sum(one.pictures.bytes for one in whole[:4] if one.pictures),
    )
    views = regions.region_views(folder, scores)
    assert [view.pictures is not None for view in views] == [True] * 4 + [False] * 8


def test_a_bound_is_rounded_up_and_a_figure_is_not() -> None:
    page = html_pages().from_string(
        "{{ 0.0003 | bound }} {{ 0.002 | bound }} {{ none | bound }} {{ 0.0003 | score }}"
    )
    assert page.render() == "0.001 0.002 – 0.000"
