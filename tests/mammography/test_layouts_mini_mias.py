"""mini-MIAS from a small painted copy of its folder; rows that contradict."""

import os
from pathlib import Path

import pytest
from PIL import Image

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import Circle
from breastseg.mammography.layouts import (
    find_layout,
    mini_mias,
)
from breastseg.mammography.reading import read_entry
from mammograms import (
    MIAS_INFO,
    paint_mini_mias,
)

pytest.importorskip("pydicom")

MIAS = Path(os.environ.get("BREASTSEG_MIAS", "/nowhere"))


def test_mini_mias(tmp_path: Path) -> None:
    layout = find_layout(paint_mini_mias(tmp_path / "mias"))
    assert layout.name == "mini-MIAS"
    assert [entry.name for entry in layout.entries] == ["mdb001", "mdb002", "mdb003", "mdb004"]
    assert [entry.patient for entry in layout.entries] == ["mias001"] * 2 + ["mias002"] * 2
    assert [entry.laterality for entry in layout.entries] == ["R", "L", "R", "L"]
    first, normal, spread, unsaid = layout.entries
    # y counts from the bottom: row 40 from the bottom is row 1023 - 40 from the top
    assert first.findings[0].shape == Circle(30, 983, 12)
    assert (first.findings[0].kind, first.findings[0].pathology) == ("mass", "benign")
    assert normal.findings == ()
    assert spread.findings[0].shape is None
    assert "note 3" in spread.findings[0].told
    assert unsaid.findings[0].shape is None
    assert first.mm_per_px == pytest.approx(0.2)
    assert "mirrored" in layout.notes[0]
    film = read_entry(first).film
    assert (film.view, film.laterality, film.mm_per_px) == ("MLO", "R", pytest.approx(0.2))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("mdb001 G CIRC B 30 40 12", r"line 8: 'mdb001 .* is in line 4 too; remove the row"),
        (
            "mdb001 G CIRC M 30 40 12",
            "line 8: mdb001 is CIRC M where line 4 says CIRC B, one circle",
        ),
        ("mdb002 F CIRC B 5 5 5", "mdb002 is NORM and has 1 more rows; remove"),
        ("mdb003 G CALC M 9 9 9", "line 8: mdb003 is D and G, wanted one tissue"),
        ("mdb004 F CIRC B 1 2 3 4", r"line 8: mdb004: '1 2 3 4', wanted x, y and radius"),
        ("mdb004 F CIRC X", "line 8: 'mdb004 F CIRC X', wanted film, tissue, class"),
        ("mdb004 F CIRC B 5000 2 3", "line 8: mdb004: circle 5000 2 3, wanted it inside"),
        ("mdb4 F NORM", "line 8: 'mdb4 F NORM', wanted a row such as"),
    ],
)
def test_a_row_too_many_in_info_txt_is_an_error(tmp_path: Path, row: str, sentence: str) -> None:
    folder = paint_mini_mias(tmp_path / "mias", MIAS_INFO + row + "\n", films=0)
    Image.new("L", (1024, 1024)).save(folder / "mdb001.pgm")
    Image.new("L", (1024, 1024)).save(folder / "mdb002.pgm")
    Image.new("L", (1024, 1024)).save(folder / "mdb003.pgm")
    Image.new("L", (1024, 1024)).save(folder / "mdb004.pgm")
    with pytest.raises(DatasetError, match=sentence):
        find_layout(folder)


def test_mini_mias_without_a_picture_or_a_row(tmp_path: Path) -> None:
    folder = paint_mini_mias(tmp_path / "mias", films=2)
    Image.new("L", (1024, 1024)).save(folder / "mdb077.pgm")
    layout = find_layout(folder)
    assert len(layout.entries) == 2
    assert [one.cause for one in layout.left_out] == [
        "mdb003: in Info.txt, no image",
        "mdb004: in Info.txt, no image",
        "mdb077: an image without a row in Info.txt; what is known of it is not",
    ]
    for path in folder.glob("*.pgm"):
        path.unlink()
    with pytest.raises(SourceError, match="none of its 4 films is beside it"):
        find_layout(folder)


@pytest.mark.skipif(not MIAS.is_dir(), reason="BREASTSEG_MIAS names no folder of mini-MIAS")
def test_the_real_mini_mias() -> None:
    entries = find_layout(MIAS).entries
    findings = [finding for entry in entries for finding in entry.findings]
    placed = [entry for entry in entries if any(one.shape for one in entry.findings)]
    assert (len(entries), len({entry.patient for entry in entries})) == (322, 161)
    assert (len(findings), sum(one.shape is not None for one in findings)) == (123, 119)
    assert len(placed) == 111


def test_rows_of_the_table_are_split_into_words(tmp_path: Path) -> None:
    folder = paint_mini_mias(tmp_path / "mias", films=0)
    rows = mini_mias.table_rows(folder)
    assert rows[0] == ["mdb001", "G", "CIRC", "B", "30", "40", "12"]
    assert [row[0] for row in rows] == ["mdb001", "mdb002", "mdb003", "mdb004"]
    assert mini_mias.table_rows(tmp_path / "gone") == []


def test_a_text_file_of_another_kind_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "info.txt").write_text("mdb: a folder of images\n")
    assert mini_mias.find(tmp_path) is None
