"""The one reader of tables: spellings that say the same are read the same, and what does not fit is
told with its row."""

from pathlib import Path

import pytest

from breastseg.errors import InputError, SourceError
from breastseg.tables import Table, read_table

PLAIN = "image,patient,mpp\na.png,007,0.25\nb c.png,Müller,0.5\n"
ROWS = [(2, "a.png", "007", 0.25), (3, "b c.png", "Müller", 0.5)]


def read(path: Path, content: bytes | str, **options: object) -> Table:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(
        path, SourceError, needed=("image",), known=("patient", "site", "mpp"), **options
    )  # type: ignore[arg-type]


def rows_of(table: Table) -> list[tuple[int, str, str, float | None]]:
    mpp = table.numbers("mpp")
    return [
        (row.number, row["image"], row["patient"], value)
        for row, value in zip(table.rows, mpp, strict=True)
    ]


SPELLINGS = {
    "as it should be": PLAIN,
    "UTF-8 with a mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "UTF-16, little end first": PLAIN.encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "Windows-1252": PLAIN.encode("cp1252"),
    "lines of Windows": PLAIN.replace("\n", "\r\n"),
    "lines of old Macs": PLAIN.replace("\n", "\r"),
    "no line end at the end": PLAIN.rstrip("\n"),
    "capitals": PLAIN.replace("image,patient,mpp", "IMAGE,Patient,MPP"),
    "blanks in heads and cells": (
        " image , patient ,\tmpp\n a.png , 007 , 0.25 \nb c.png,\xa0Müller,0.5\n"
    ),
    "marks in heads": PLAIN.replace("image,patient,mpp", "i_mage,PATI-ENT,m p p"),
    "quoted": '"image","patient","mpp"\n"a.png","007","0.25"\n"b c.png","Müller","0.5"\n',
    "quoted after a blank": 'image, "patient", mpp\na.png, "007", 0.25\nb c.png, "Müller", "0.5"\n',
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "semicolons and decimal commas": PLAIN.replace(",", ";").replace("0.", "0,"),
    "tabs and decimal commas": PLAIN.replace(",", "\t").replace("0.", "0,"),
    "a line that tells the separator": "sep=;\r\n" + PLAIN.replace(",", ";"),
    "the same, quoted, tab": '"sep=\t"\n' + PLAIN.replace(",", "\t"),
    "other order": "mpp,image,patient\n0.25,a.png,007\n0.5,b c.png,Müller\n",
    "columns without head or cells": (
        "image,patient,mpp,,\na.png,007,0.25,,\nb c.png,Müller,0.5,,,,\n"
    ),
    "a column of notes": (
        'image,Note,patient,mpp\na.png,"what,\never",007,0.25\nb c.png,#N/A,Müller,0.5\n'
    ),
    "comments": "image,Comments,patient,mpp\na.png,x,007,0.25\nb c.png,,Müller,0.5\n",
    "numbers with exponents": PLAIN.replace("0.25", "2.5E-01").replace("0.5", "+.5"),
}


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_one_table(tmp_path: Path, content: str | bytes) -> None:
    assert rows_of(read(tmp_path / "t.csv", content)) == ROWS


def test_blank_rows_say_nothing_and_are_counted(tmp_path: Path) -> None:
    """Rows are counted as a spreadsheet shows them."""
    table = read(
        tmp_path / "t.csv", "\n,,\nimage,patient\na,1\n\n , \nb,2\n;\n".replace(";", "   ")
    )
    assert [(row.number, row["image"]) for row in table.rows] == [(4, "a"), (7, "b")]


def test_what_a_table_lacks_is_blank(tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", "image,patient\na,  \n")
    assert table.columns == ("image", "patient")
    assert (table.rows[0]["patient"], table.rows[0]["site"], table.numbers("mpp")) == (
        "",
        "",
        [None],
    )


def test_another_encoding_is_said_with_what_it_was_read_as(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", PLAIN.encode("cp1252")).notes == (
        "t.csv: not UTF-8, read as Windows-1252: 'Müller' in row 3",
    )
    assert read(tmp_path / "t.csv", PLAIN).notes == ()


UNKNOWN = r"unknown column '{}', wanted a CSV with image and any of patient, site, mpp"
REFUSALS = {
    "nothing": ("", r"t\.csv: empty, wanted a CSV with image and any of patient, site, mpp"),
    "blanks": ("\n ,,\n\n", r"t\.csv: empty"),
    "a head alone": ("image,patient\n", r"t\.csv: a head without rows"),
    "a mark alone": (b"\xef\xbb\xbf", r"t\.csv: empty"),
    "NUL": ("image,patient\na,1\nb\0,2\n", r"t\.csv: not text \(byte 0 in line 3\)"),
    "UTF-16 without mark": (PLAIN.encode("utf-16-le"), r"t\.csv: not text \(byte 0 in line 1\)"),
    "half of UTF-16": (
        PLAIN.encode("utf-16")[:-1],
        r"t\.csv: not text \(neither UTF-8 nor Windows-1252\)",
    ),
    "no known encoding": (
        b"image,patient\n\x81\xff,1\n",
        r"t\.csv: not text \(neither UTF-8 nor Windows-1252\).*; save it as CSV UTF-8",
    ),
    "a workbook": (
        b"PK\x03\x04....",
        r"t\.csv: a spreadsheet's own file, .*; save it as CSV UTF-8",
    ),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1", r"t\.csv: a spreadsheet's own file"),
    "no such column": ("patient\n1\n", r"t\.csv: columns are patient; wanted a CSV with image"),
    "unknown": (
        "image,grade\na,3\n",
        UNKNOWN.format("grade") + r"; what is for yourself goes into a column 'note'",
    ),
    "misspelt": (
        "image,pateint\na,3\n",
        UNKNOWN.format("pateint") + r"; did you mean patient by 'pateint'\?",
    ),
    "patient_id": (
        "image,patient_id\na,3\n",
        UNKNOWN.format("patient_id") + r"; did you mean patient by 'patient_id'\?",
    ),
    "PatientID": (
        "image,PatientID\na,3\n",
        UNKNOWN.format("PatientID") + r"; did you mean patient by 'PatientID'\?",
    ),
    "hospital": ("image,Hospital\na,3\n", UNKNOWN.format("Hospital") + r"; did you mean site by"),
    "um/px": ("image,um/px\na,3\n", UNKNOWN.format("um/px") + r"; did you mean mpp by 'um/px'\?"),
    "µm/px": ("image,µm/px\na,3\n", UNKNOWN.format("µm/px") + r"; did you mean mpp by 'µm/px'\?"),
    "a unit": ("image,mpp [um]\na,3\n", UNKNOWN.format(r"mpp \[um\]") + r"; did you mean mpp by"),
    "slide": (
        "slide,mpp\na,3\n",
        r"t\.csv: columns are slide, mpp; .*; did you mean image by 'slide'\?",
    ),
    "File Name": (
        "File Name;mpp\na;3\n",
        r"t\.csv: columns are File Name, mpp; .*; did you mean image by 'File Name'\?",
    ),
    "twice": (
        "image,patient,Patient \na,1,2\n",
        r"t\.csv: column 'patient' is there twice \(patient, Patient\); keep one",
    ),
    "other separator": ("image|patient\na|1\n", r"t\.csv: columns are image\|patient; wanted"),
    "told another": (
        "sep=|\nimage|patient\na|1\n",
        r"t\.csv: separated by '\|', wanted comma, semicolon or tab",
    ),
    "rows in quotes": ('"image,patient"\n"a,1"\n', r"t\.csv: columns are image,patient; wanted"),
    "a cell too few": (
        "image,patient,mpp\na,1,0.5\nb,2\n",
        r"t\.csv, row 3: 2 cells, the head has 3; give mpp too",
    ),
    "a cell too many": (
        "image,patient\na,1\nb,2,x\n",
        r"t\.csv, row 3: 'x' is in cell 3, the head has 2",
    ),
    "other separator below": (
        "image,patient\na;1\n",
        r"t\.csv, row 2: 1 cell, the head has 2; give patient too",
    ),
    "a column without head": (
        ",image\n0,a\n",
        r"t\.csv, row 2: '0' stands in column 1, which has no head",
    ),
    "quotation left open": (
        'image,patient\na,"1\nb,2\n',
        r"t\.csv, row 2: not a CSV table \(unexpected end of data\)",
    ),
    "a row swallowed": (
        'image,patient\na,"1\nb,2"\nc,3\n',
        r"t\.csv, row 2: patient '1 b,2' goes over several lines; is a",
    ),
    "words after a quotation": ('image,patient\n"a"b,1\n', r"t\.csv, row 2: not a CSV table"),
    "a cell of a megabyte": (
        f"image,patient\na,{'x' * 2**20}\n",
        r"t\.csv, row 2: not a CSV table \(field larger",
    ),
    "a cell of 40 kB": (
        f"image,patient\na,{'x' * 40_000}\n",
        r"t\.csv, row 2: a cell of 40,000 letters, wanted up to 32,767",
    ),
    "a formula that failed": (
        "image,patient\na,#N/A\n",
        r"t\.csv, row 2: patient is '#N/A', what a spreadsheet shows",
    ),
    "a column too narrow": (
        "image,patient\na,#####\n",
        r"t\.csv, row 2: patient is '#####', what a spreadsheet shows",
    ),
    "a letter that was lost": (
        "image,patient\na,M\ufffdller\n",
        r"t\.csv, row 2: patient 'M\ufffdller' has lost a letter",
    ),
    "two commas": ("image;mpp\na;1,2,3\n", r"t\.csv, row 2: mpp '1,2,3', wanted a number alone"),
    "comma that separates": (
        'image,mpp\na,"0,25"\n',
        r"t\.csv, row 2: mpp '0,25', wanted a number alone, as in 0\.25",
    ),
    "comma and point": (
        "image;mpp\na;0,25\nb;0.5\n",
        r"t\.csv, row 2: mpp '0,25' has a comma, row 3 a point; write",
    ),
    "thousands": (
        "image;mpp\na;1.234,5\n",
        r"t\.csv, row 2: mpp '1\.234,5' has a comma, row 2 a point",
    ),
    "thousands or decimals": (
        "image;mpp\na;1,234\n",
        r"t\.csv, row 2: mpp '1,234' may be a number with decimals or one of thousands",
    ),
    "a unit in a cell": (
        "image,mpp\na,0.25 um\n",
        r"t\.csv, row 2: mpp '0\.25 um', wanted a number alone",
    ),
    "an endless number": (
        "image,mpp\na,1e999\n",
        r"t\.csv, row 2: mpp '1e999', wanted a number alone",
    ),
    "nan": ("image,mpp\na,nan\n", r"t\.csv, row 2: mpp 'nan', wanted a number alone"),
    "digits of others": ("image,mpp\na,٣\n", r"t\.csv, row 2: mpp '٣', wanted a number alone"),
}


@pytest.mark.parametrize(("content", "message"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read(tmp_path / "t.csv", content).numbers("mpp")
    assert "\n" not in str(caught.value)


def test_decimal_commas_that_other_rows_make_sure(tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", "image;mpp\na;1,234\nb;0,25\nc;\n")
    assert table.numbers("mpp") == [1.234, 0.25, None]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.csv: not found, wanted a CSV with path"):
        read_table(tmp_path / "no.csv", InputError, needed=("path",))
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_table(tmp_path, InputError, needed=("path",))


def test_a_table_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breastseg.tables.text.MAX_BYTES", 2_000_000)
    with pytest.raises(SourceError, match=r"t\.csv: more than 2 MB"):
        read(tmp_path / "t.csv", "image\n" + "a\n" * 1_000_000)
    monkeypatch.setattr("breastseg.tables.read.MAX_CELLS", 100_000)
    for content in (
        "image\n" + "a\n" * 100_000,
        "image" + "," * 100_001 + "\na\n",
        "image" + "\n" * 100_001,
    ):
        with pytest.raises(SourceError, match=r"t\.csv: more than 100,000 cells"):
            read(tmp_path / "t.csv", content)


def test_other_columns_where_they_may_be(tmp_path: Path) -> None:
    """What others wrote into our own tables harms nobody, as long as nothing is there twice."""
    table = read(tmp_path / "t.csv", "image,Grade,mpp\na,3,1\n", others=True)
    assert (table.columns, table.rows[0]["Grade"]) == (("image", "Grade", "mpp"), "3")
    with pytest.raises(SourceError, match="column 'Grade' is there twice"):
        read(tmp_path / "t.csv", "image,Grade,Grade\na,3,1\n", others=True)
    assert read(tmp_path / "t.csv", "image,id\na,3\n", passive=("id",)).rows[0]["image"] == "a"
    assert read(tmp_path / "t.csv", "image\n", may_be_empty=True).rows == ()


def test_one_row_for_each(tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", "image,patient\na,1\nb,\na,1\n")
    with pytest.raises(
        SourceError, match=r"t\.csv, row 4: image 'a' is in row 2 too; keep one row"
    ):
        table.by("image")
    with pytest.raises(SourceError, match=r"t\.csv, row 3: no patient; give one"):
        table.needs("patient", "no patient; give one")
