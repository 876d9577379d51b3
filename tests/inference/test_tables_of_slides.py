"""Tables of slides for predict, and the manifest that it reads back."""

from pathlib import Path

import pytest

from breastseg.errors import BreastsegError, InputError, MppError
from breastseg.inference.inputs import Input, list_inputs
from breastseg.inference.ledger import Ledger

ROWS = 'path,mpp,box,patient\na.tif,0.25,"0,0,9,9",P\nsub/b.tif,,,\n'


def listed(folder: Path, content: str | bytes, name: str = "t.csv") -> list[Input]:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return list_inputs([folder / name]).items


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", ROWS),
        ("t.CSV", ROWS),
        ("t.txt", ROWS.replace('"0,0,9,9"', "0;0;9;9").replace(",", "\t").replace(";", ",")),
        (
            "t.TSV",
            ROWS.replace('"0,0,9,9"', "0;0;9;9")
            .replace(",", "\t")
            .replace(";", ",")
            .encode("utf-16"),
        ),
        (
            "excel.csv",
            "sep=;\r\nPath;MPP;Box;Patient\r\na.tif;0,25;0,0,9,9;P\r\nsub/b.tif;;;\r\n;;;\r\n",
        ),
        ("windows.csv", ROWS.replace("sub/", "sub\\")),
        (
            "blanks.csv",
            ROWS.replace(",mpp", ", mpp").replace(",0.25", ", 0.25 ").replace("sub", " ./sub"),
        ),
    ],
)
def test_tables_of_the_same_slides(tmp_path: Path, name: str, content: str | bytes) -> None:
    """Under "MPP" and " mpp", microns per pixel were not looked at: areas came out four times too
    large."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.tif").touch()
    one, two = listed(tmp_path, content, name)
    assert one == Input(tmp_path / "a.tif", named=False, mpp=0.25, box="0,0,9,9", patient="P")
    assert two == Input(tmp_path / "sub" / "b.tif", named=False)


def test_a_name_with_a_backslash_is_a_name_where_it_is_one(tmp_path: Path) -> None:
    (tmp_path / "sub\\b.tif").touch()
    (one,) = listed(tmp_path, "path\nsub\\b.tif\n")
    assert one.path == tmp_path / "sub\\b.tif"


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (
            "path,mpp\na.tif,0\n",
            MppError,
            (
                r"t\.csv, row 2: 0 um/px, wanted 0\.05 to 20; give the right value with the"
                r" table's mpp"
            ),
        ),
        ("path,mpp\na.tif,-0.25\n", MppError, r"t\.csv, row 2: -0\.25 um/px, wanted"),
        ("path,mpp\na.tif,250\n", MppError, r"t\.csv, row 2: 250 um/px, wanted"),
        (
            'path,mpp\na.tif,"0,25"\n',
            InputError,
            r"t\.csv, row 2: mpp '0,25', wanted a number alone",
        ),
        (
            "path,mmp\na.tif,0.25\n",
            InputError,
            r"t\.csv: unknown column 'mmp', wanted .*; did you mean mpp by 'mmp'\?",
        ),
        (
            "path,microns\na.tif,0.25\n",
            InputError,
            r"t\.csv: unknown column 'microns', wanted .*; did you mean mpp by 'microns'\?",
        ),
        (
            "image,mpp\na.tif,0.25\n",
            InputError,
            r"t\.csv: columns are image, mpp; wanted .*; did you mean path by 'image'\?",
        ),
        (
            "path,mpp\na.tif,0.25\n./a.tif,0.5\n",
            InputError,
            r"t\.csv, row 3: '\./a\.tif' is in row 2 too; keep one row a slide",
        ),
        (
            "path,box\na.tif,0,0,9,9\n",
            InputError,
            (
                r"t\.csv, row 2: '0' is in cell 3, the head has 2; remove it, or quote what has a"
                r" separator"
            ),
        ),
        (
            "path,mpp\na.tif\n",
            InputError,
            r"t\.csv, row 2: 1 cell, the head has 2; give mpp too, be it blank",
        ),
    ],
)
def test_tables_that_predict_refuses(
    tmp_path: Path, content: str, error: type[BreastsegError], message: str
) -> None:
    with pytest.raises(error, match=message):
        listed(tmp_path, content)


def test_a_workbook_in_place_of_a_table(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"t\.xlsx: a spreadsheet.* CSV with path .*CSV UTF-8",
    ):
        listed(tmp_path, b"PK\x03\x04rest", "t.xlsx")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"slide,outcome\na.tif,done\n", b'slide,seconds\n"a', b"\x81\x00"],
)
def test_a_damaged_manifest_stops_no_run(tmp_path: Path, content: bytes) -> None:
    """It is written anew; of the runs before, it knew how long they took."""
    (tmp_path / "manifest.csv").write_text(
        'slide,outcome,cause,seconds\na.tif,done,,1.5\nb.tif,failed,"no, it\'s cut",2.0\n'
    )
    assert Ledger(tmp_path, None).seconds_before() == {"a.tif": "1.5", "b.tif": "2.0"}
    (tmp_path / "manifest.csv").write_bytes(content)
    assert Ledger(tmp_path, None).seconds_before() == {}
