"""BEETLE, COSAS24 and TIGER, each from a painted copy of its folders."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from asap_files import annotation, asap
from breastseg.cli.main import main
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import LabelError, SourceError
from breastseg.geometry import Box
from breastseg.reporter import QUIET, Reporter
from breastseg.sources import ELSEWHERE, open_source
from breastseg.sources.annotations import Area, Dot, Drawn
from breastseg.sources.parts import fields_of, within
from conftest import DATA, paint, tcga
from slide_files import levels_of, write_ome, write_svs


def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def slide(path: Path, size: tuple[int, int] = (1600, 800)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0], 3), 220, np.uint8)
    write_ome(
        path,
        levels_of(pixels, 1),
        PhysicalSizeX=0.5,
        PhysicalSizeY=0.5,
        PhysicalSizeXUnit="µm",
        PhysicalSizeYUnit="µm",
    )


def painted(path: Path, values: object, picture: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.parent.mkdir(parents=True, exist_ok=True)
    mask = np.array(values, np.uint8).repeat(16, 0).repeat(16, 1)
    Image.fromarray(mask).save(path)
    Image.fromarray(np.full((*mask.shape, 3), 200, np.uint8)).save(picture)


@pytest.fixture
def beetle(tmp_path: Path) -> Path:
    root = tmp_path / "beetle" / "data"
    for name in ("patient7_wsi1", "patient8_wsi1"):
        slide(root / "images" / "development" / "wsis" / f"{name}.tif")
    slide(root / "images" / "evaluation" / "wsis" / "patient9_wsi1.tif")
    for kind in ("jsons", "masks"):
        (root / "annotations" / kind).mkdir(parents=True)
    asap(
        root / "annotations" / "xmls" / "patient7_wsi1.xml",
        annotation(square(100, 100, 200), "invasive epithelium"),
        annotation(square(150, 150, 50), "non-invasive epithelium"),
        annotation(square(320, 100, 40), "necrosis"),
        annotation(square(1200, 400, 100), "other"),
    )
    asap(root / "annotations" / "xmls" / "TCGA-A1-A0SK.xml", annotation(square(0, 0, 9), "other"))
    return root.parent


def test_beetle_is_read_in_its_own_four_classes(beetle: Path, tmp_path: Path) -> None:
    source = open_source(beetle)
    assert source.label_map == "beetle"
    assert source.parts == ("BEETLE slides: CC BY-NC-SA 4.0 (Lems et al. 2025)",)
    assert any(
        "1 slide without annotation left out; annotation of 1 slide without image" in note
        for note in source.notes
    )
    assert [(r.patient, r.box is not None, r.mpp) for r in source.regions] == [
        ("patient7", True, 0.5)
    ] * 2, "what lies 420 um apart is two fields of one patient"
    data = prepare(beetle, tmp_path / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=QUIET)
    left, right = (np.asarray(data.labels(region.id)) for region in source.regions)
    assert np.bincount(left.ravel(), minlength=5)[1:].tolist() == [
        200**2 - 50**2,
        50**2,
        40**2,
        0,
    ]
    assert np.bincount(right.ravel(), minlength=5)[1:].tolist() == [0, 0, 0, 100**2]
    assert data.regions.loc[source.regions[1].id, "patient"] == "patient7"


def test_beetle_beside_bcss_leaves_out_what_the_map_cannot_say(
    beetle: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    data = prepare(
        beetle,
        tmp_path / "data",
        PrepareConfig(labels="region5", workers=1),
        reporter=Reporter(said.append),
    )
    labels = np.asarray(data.labels(data.regions.index[0]))
    assert np.bincount(labels.ravel(), minlength=6)[1:].tolist() == [37500, 0, 0, 1600, 0]
    assert any(
        "BEETLE: other, non-invasive epithelium may be more than one class of region5" in line
        for line in said
    )


def test_a_group_that_beetle_has_not_is_refused(beetle: Path, tmp_path: Path) -> None:
    path = beetle / "data" / "annotations" / "xmls" / "patient7_wsi1.xml"
    asap(path, annotation(square(10, 10, 50), "Tumor"))
    with pytest.raises(LabelError, match=r"patient7_wsi1\.xml: class 'Tumor' is none of BEETLE"):
        prepare(beetle, tmp_path / "data", PrepareConfig(workers=1), reporter=QUIET)


@pytest.fixture
def cosas(tmp_path: Path) -> Path:
    root = tmp_path / "COSAS24-TrainingSet"
    for number, scanner in enumerate(("3d-1000", "kfbio-400", "teksqray-600p")):
        place = root / "task2" / scanner
        painted(place / "mask" / f"h{number}.png", [[0, 255]], place / "image" / f"h{number}.png")
    place = root / "task1" / "colorectum"
    painted(place / "mask" / "c.png", [[0, 255]], place / "image" / "c.png")
    return root


def test_cosas_is_a_test_of_scanners(cosas: Path, tmp_path: Path) -> None:
    """Its 0 means "no tumour" and is a class; ours is none."""
    source = open_source(cosas, mpp=0.5)
    assert [(r.id, r.site, r.split) for r in source.regions] == [
        ("h0", "3d-1000", "test"),
        ("h1", "kfbio-400", "test"),
        ("h2", "teksqray-600p", "test"),
    ]
    assert source.label_map == "tumor"
    assert any("not for training" in note for note in source.notes)
    config = PrepareConfig(to_mpp=0.5, mpp=0.5, workers=1)
    data = prepare(cosas / "task2", tmp_path / "data", config, reporter=QUIET)
    labels = np.asarray(data.labels("h1"))
    assert np.unique(labels[:, :16]).tolist() == [2]
    assert np.unique(labels[:, 16:]).tolist() == [1]


def test_task_1_of_cosas_is_refused(cosas: Path) -> None:
    with pytest.raises(SourceError, match="other organs, wanted task2"):
        open_source(cosas / "task1", mpp=0.5)


def test_a_mask_of_cosas_has_two_values(cosas: Path, tmp_path: Path) -> None:
    place = cosas / "task2" / "3d-1000"
    painted(place / "mask" / "h0.png", [[0, 254]], place / "image" / "h0.png")
    config = PrepareConfig(mpp=0.5, workers=1)
    with pytest.raises(LabelError, match="value 254 is no class of COSAS24"):
        prepare(cosas, tmp_path / "data", config, reporter=QUIET)


@pytest.fixture
def tiger(tmp_path: Path) -> Path:
    root = tmp_path / "tiger"
    fields = root / "wsirois" / "roi-level-annotations"
    names = {
        "tissue-bcss": "TCGA-A1-A0SK-01Z-00-DX1.A44D_[22877, 12530, 24892, 13993]",
        "tissue-cells": "100B_[35129, 6567, 36429, 7757]",
    }
    for place, name in names.items():
        painted(
            fields / place / "masks" / f"{name}.png",
            [[0, 1, 2, 3], [4, 5, 6, 7]],
            fields / place / "images" / f"{name}.png",
        )
    slides = root / "wsirois" / "wsi-level-annotations"
    slide(slides / "images" / "100B.tif")
    asap(
        slides / "annotations-tissue-cells-xmls" / "100B.xml",
        annotation(square(100, 100, 200), "roi"),
        annotation(square(120, 120, 50), "invasive tumor"),
        annotation(square(130, 130, 8), "lymphocytes and plasma cells", "Rectangle"),
        annotation(square(220, 120, 50), "inflamed stroma"),
    )
    (root / "wsibulk" / "images").mkdir(parents=True)
    (root / "wsitils" / "images").mkdir(parents=True)
    return root


def test_tiger_is_read_by_its_fields(tiger: Path, tmp_path: Path) -> None:
    source = open_source(tiger)
    assert [(r.patient, r.site, r.mpp) for r in source.regions] == [
        ("100B", "", 0.5),
        ("TCGA-A1-A0SK", "A1", 0.5),
    ]
    assert any("wsibulk and wsitils left out" in note for note in source.notes)
    config = PrepareConfig(to_mpp=0.5, labels="region6", workers=1)
    data = prepare(tiger, tmp_path / "data", config, reporter=QUIET)
    labels = np.asarray(data.labels(source.regions[0].id))
    # tumor, stroma, inflammatory, necrosis, other, dcis; rest may be stroma or other
    assert labels[8::16, 8::16].tolist() == [[0, 1, 2, 6], [5, 4, 3, 0]]


def test_tiger_is_read_by_its_slides_where_fields_are_missing(tiger: Path, tmp_path: Path) -> None:
    top = tiger / "wsirois"
    (top / "roi-level-annotations").rename(tmp_path / "away")
    source = open_source(top)
    assert source.description.startswith("TIGER slides")
    data = prepare(top, tmp_path / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=QUIET)
    found = sum(
        np.bincount(np.asarray(data.labels(r.id)).ravel(), minlength=6) for r in source.regions
    )
    assert found[1:].tolist() == [2500, 0, 2500, 0, 0], "cells and frames are no tissue"


def test_fields_of_a_slide_hold_all_that_is_drawn_once() -> None:
    """At 1 um/px a cell is 32 px and a field 2,048 px at most."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 9000, (60, 2)).tolist()
    areas = [Area("a", np.array(square(x, y, 40.0))) for x, y in corners]
    areas.append(Area("b", np.array(square(3000, 3000, 5000))))
    drawn = Drawn(tuple(areas), (Dot("c", 9900, 9900),))
    boxes = fields_of(drawn, (10000, 10000), 1.0, "x")
    for box in boxes:
        assert max(box.width, box.height) <= 2048
    for x, y in [*corners, (3010, 3010), (7990, 7990), (9900, 9900)]:
        holding = [
            box
            for box in boxes
            if box.x <= x < box.x + box.width and box.y <= y < box.y + box.height
        ]
        assert len(holding) == 1
    assert within(drawn, Box(9890, 9890, 20, 20)).dots == drawn.dots
    assert not within(drawn, Box(9890, 9890, 10, 10)).dots


@pytest.mark.parametrize("name", list(ELSEWHERE))
def test_what_is_not_fetched_is_named(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["download", name]) == 0
    told = capsys.readouterr().out
    assert ELSEWHERE[name].page in told
    assert ELSEWHERE[name].licence in told
    assert main(["download", name, "--mirror", "hub"]) == 2
    assert f"{name} is not fetched from here" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("page", "warned"), [("Images at 0.25 um/px.", True), ("mpp: 0.25", True), ("At 0.30.", False)]
)
def test_a_copy_of_bcss_whose_page_says_025(tmp_path: Path, page: str, warned: bool) -> None:
    paint(tmp_path, tcga("A1", "B001"))
    (tmp_path / "README.md").write_text(page)
    notes = open_source(tmp_path).notes
    assert any("README.md says 0.25 um/px" in note for note in notes) == warned
    assert {region.mpp for region in open_source(tmp_path).regions} == {0.30}


def test_real_bcss_has_no_such_page() -> None:
    assert not any("README.md" in note for note in open_source(DATA / "bcss").notes)


def test_a_mask_as_pyramid_beside_a_slide(tmp_path: Path) -> None:
    """As ASAP writes it: 8-bit codes, the slide's size, and its halves."""
    pixels = np.full((600, 800, 3), 200, np.uint8)
    (tmp_path / "s" / "images").mkdir(parents=True)
    write_svs(tmp_path / "s" / "images" / "a.svs", levels_of(pixels, 1))
    codes = np.zeros((600, 800), np.uint8)
    codes[100:300, 200:500] = 1
    codes[300:400, 200:300] = 2
    (tmp_path / "s" / "masks").mkdir()
    with tifffile.TiffWriter(tmp_path / "s" / "masks" / "a.tif") as tiff:
        for level in range(2):
            tiff.write(
                np.ascontiguousarray(codes[:: 2**level, :: 2**level]),
                tile=(128, 128),
                photometric="minisblack",
                compression="adobe_deflate",
                subfiletype=level,
            )
    config = PrepareConfig(to_mpp=0.5, labels="region5", workers=1)
    mpp = open_source(tmp_path / "s").regions[0].mpp
    data = prepare(tmp_path / "s", tmp_path / "data", config, reporter=QUIET)
    counts = np.bincount(np.asarray(data.labels("a")).ravel(), minlength=3)
    wanted = np.array([200 * 300, 100 * 100]) * (mpp / 0.5) ** 2
    assert counts[1:3] == pytest.approx(wanted, rel=0.05)
