"""ASAP XML: what counts, what is counted, and what is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from asap_files import SQUARE, annotation, asap
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import LabelError, SourceError
from breastseg.reporter import QUIET
from breastseg.sources import open_source
from breastseg.sources.annotations import Dot, read_drawn
from breastseg.sources.asap import is_asap
from slide_files import levels_of, write_svs


def test_areas_dots_and_what_is_left_out(tmp_path: Path) -> None:
    path = asap(
        tmp_path / "a.xml",
        annotation(SQUARE),
        annotation(SQUARE, "in  situ", "Rectangle"),
        annotation(SQUARE, "stroma", "Spline"),
        annotation([(5, 6)], "cell", "Dot"),
        annotation([(7, 8), (9, 1)], "cell", "PointSet"),
        annotation(SQUARE, "None"),
        annotation(SQUARE[:2]),
        annotation(SQUARE[:2], kind="Measurement"),
        annotation(SQUARE, kind="Circle"),
    )
    found = read_drawn(path)
    assert [area.name for area in found.areas] == ["Tumor", "in situ", "stroma"]
    assert np.array_equal(found.areas[0].outline, SQUARE)
    assert found.dots == (Dot("cell", 5, 6), Dot("cell", 7, 8), Dot("cell", 9, 1))
    assert found.skipped == {"without class": 1, "empty": 1, "line": 1, "of another shape": 1}


def test_corners_go_by_their_order(tmp_path: Path) -> None:
    text = (
        '<Annotation Type="Polygon" PartOfGroup="t"><Coordinates>'
        '<Coordinate Order="2" X="3" Y="3"/><Coordinate Order="10" X="4" Y="1"/>'
        '<Coordinate Order="0" X="1" Y="1"/></Coordinates></Annotation>'
    )
    found = read_drawn(asap(tmp_path / "a.xml", text))
    assert found.areas[0].outline.tolist() == [[1, 1], [3, 3], [4, 1]]


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB + "<ASAP_Annotations>&b;</ASAP_Annotations>", "has a document type"),
        (OUTSIDE + "<ASAP_Annotations>&a;</ASAP_Annotations>", "has a document type"),
        ('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x"><ASAP_Annotations/>', "has a document type"),
        ("<Annotations MicronsPerPixel='0.25'/>", "begins with <Annotations>, wanted ASAP's"),
        ("", "not XML"),
        ("<ASAP_Annotations><Annotations>", "not XML"),
        ("<?xml version='1.0' encoding='no-such'?><ASAP_Annotations/>", "not XML"),
        ("<ASAP_Annotations>" + "<a>" * 20, "nested deeper than 16"),
        ("<ASAP_Annotations><a b='" + "x" * (3 << 20), "longer than 1 MB"),
        (
            "<ASAP_Annotations><Annotation Type='Polygon'><Coordinate X='nan' Y='1'/>",
            "annotation 1: X is 'nan', wanted a number of pixels",
        ),
        (
            "<ASAP_Annotations><Annotation Type='Polygon'><Coordinate X='1'/>",
            "annotation 1: Y is '', wanted a number of pixels",
        ),
        (
            "<ASAP_Annotations><Annotation Type='Dot' PartOfGroup='" + "g" * 300 + "'>",
            "annotation 1: its group has letters that cannot be shown, or more than 200",
        ),
    ],
)
def test_hostile_and_foreign_xml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(SourceError, match=message) as raised:
        read_drawn(path)
    assert str(raised.value).startswith(str(path))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(gzip.compress(b"<ASAP_Annotations/>"))
    with pytest.raises(SourceError, match="not XML"):
        read_drawn(path)


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    pixels = np.full((600, 800, 3), 200, np.uint8)
    folder = tmp_path / "slides"
    folder.mkdir()
    for name in ("a", "b"):
        write_svs(folder / f"{name}.svs", levels_of(pixels, 1))
    return folder


def test_a_slide_with_asap_xml_is_prepared_as_with_geojson(slides: Path, tmp_path: Path) -> None:
    """Level-0 pixels, classes through the label map, smaller areas on larger ones."""
    hole = [(200, 200), (300, 200), (300, 300), (200, 300)]
    big = [(100, 100), (400, 100), (400, 400), (100, 400)]
    asap(slides / "a.xml", annotation(hole, "Stroma"), annotation(big, "tumor"))
    source = open_source(slides)
    assert source.description.startswith("images with ASAP XML: 1 image-mask pair")
    assert any(note.startswith("1 image without NAME.xml left out") for note in source.notes)
    data = prepare(
        slides,
        tmp_path / "data",
        PrepareConfig(to_mpp=0.5, labels="region5", workers=1),
        reporter=QUIET,
    )
    labels = np.asarray(data.labels("a"))
    scale = open_source(slides).regions[0].mpp / 0.5
    assert (labels == 2).sum() == pytest.approx((100 * scale) ** 2, rel=0.05)
    assert (labels == 1).sum() == pytest.approx((300 * scale) ** 2 - (100 * scale) ** 2, rel=0.05)


def test_a_group_that_the_map_lacks_is_refused_by_name(slides: Path, tmp_path: Path) -> None:
    asap(slides / "a.xml", annotation(SQUARE, "_2"))
    with pytest.raises(LabelError, match=r"a\.xml: class '_2' is not in label map 'region5'"):
        prepare(
            slides, tmp_path / "data", PrepareConfig(labels="region5", workers=1), reporter=QUIET
        )


def test_xml_of_scanners_beside_slides_is_no_annotation(slides: Path) -> None:
    (slides / "a.xml").write_text("<Annotations MicronsPerPixel='0.25'/>")
    with pytest.raises(SourceError, match="no image-mask pairs"):
        open_source(slides)


def test_a_file_is_asaps_by_how_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    for text, wanted in (
        ('<?xml version="1.0"?>\n<ASAP_Annotations>', True),
        ("<Annotations>", False),
        (" " * 5000 + "<ASAP_Annotations>", False),
    ):
        path.write_text(text)
        assert is_asap(path) is wanted
