"""Tables of points: dots, boxes and discs, and what is wrong with a row."""

from pathlib import Path

import pytest

from breastseg.errors import SourceError
from breastseg.sources.annotations import Dot, Drawn, read_drawn
from breastseg.sources.points import read_points
from qupath_files import check_refused


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "as Excel writes it"])
def test_csv(tmp_path: Path, start: str) -> None:
    path = tmp_path / "a_points.CSV"
    path.write_text(
        start + "Y; X ;Class\n2,5;1e1;tumor\n0,0;96;Immune cells\n;;\n", encoding="utf-8"
    )
    assert read_drawn(path) == Drawn((), (Dot("tumor", 10.0, 2.5), Dot("Immune cells", 96.0, 0.0)))
    path.write_text(
        start + 'id,class,y,x\n1,tumor,2.5,1e1\n2,"Immune cells",0,96\n\n', encoding="utf-8"
    )
    assert read_drawn(path) == Drawn((), (Dot("tumor", 10.0, 2.5), Dot("Immune cells", 96.0, 0.0)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r": empty, wanted a CSV with x, y, class"),
        (
            "x,y,label\n1,2,tumor\n",
            (
                r": columns are x, y, label; wanted a CSV with x, y, class and any of .*; did you"
                r" mean class by .label.\?"
            ),
        ),
        ("x,y,z,class\n1,2,3,tumor\n", r": unknown column 'z', wanted a CSV with x, y, class"),
        ("x,y,class\n1,2,tumor\n1,2,\n", r", row 3: dot without class"),
        ("x,y,class\n1,2\n", r", row 2: 2 cells, the head has 3; give class too"),
        ("x,y,class\n1 um,2,tumor\n", r", row 2: x '1 um', wanted a number alone"),
        ("x,y,class\n1,,tumor\n", r", row 2: dot without y"),
        ("x,y,class\n1,inf,tumor\n", r", row 2: y 'inf', wanted a number alone"),
        (
            "x;y;class\n1,250;2,5;tumor\n",
            (
                r", row 2: x '1,250' may be a number with decimals or one of thousands; write it"
                r" with a point"
            ),
        ),
        (
            f'x,y,class\n1,2,"{"a" * 200_000}"\n',
            r", row 2: not a CSV table \(field larger than field limit \(131072\)\)",
        ),
        (
            f'x,y,class\n1,2,"{"a" * 40_000}"\n',
            r", row 2: a cell of 40,000 letters, wanted up to 32,767",
        ),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    check_refused(tmp_path / "a.csv", message)


def points(folder: Path, text: str) -> list[Dot]:
    (folder / "a.csv").write_text(text)
    return list(read_points(folder / "a.csv"))


def test_boxes_and_discs_stand_beside_dots(tmp_path: Path) -> None:
    head = "x,y,class,width,height,radius_um\n"
    found = points(tmp_path, f"{head}1,2,a,,,\n3,4,b,10,20,\n5,6,not a,,,7.5\n")
    assert found == [
        Dot("a", 1, 2),
        Dot("b", 3, 4, 10, 20),
        Dot("not a", 5, 6, radius_um=7.5, is_round=True),
    ]


@pytest.mark.parametrize(
    ("row", "fact"),
    [
        ("1,2,a,10,,", "a box without height"),
        ("1,2,a,,10,", "a box without width"),
        ("1,2,a,10,10,5", "a box and radius_um"),
        ("1,2,a,0,10,", "width '0', wanted more than 0"),
        ("1,2,a,,,-1", "radius_um '-1'"),
    ],
)
def test_extents_that_do_not_fit_are_refused(tmp_path: Path, row: str, fact: str) -> None:
    with pytest.raises(SourceError, match=f"row 2: {fact}"):
        points(tmp_path, f"x,y,class,width,height,radius_um\n{row}\n")


def test_a_place_is_not_of_a_class_and_not_of_it_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"row 3: .*'Not A', row 2 says 'a'"):
        points(tmp_path, "x,y,class\n1,2,a\n1,2,Not  A\n")
    assert len(points(tmp_path, "x,y,class\n1,2,a\n1,2,not b\n1,3,not a\n")) == 3
