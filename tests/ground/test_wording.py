"""Numbers in sentences, and lines that any terminal can show."""

import io

import pytest

from breastseg import wording


def test_a_number_has_its_noun_and_commas() -> None:
    assert wording.counted(1, "tile") == "1 tile"
    assert wording.counted(0, "tile") == "0 tiles"
    assert wording.counted(12_345, "cell") == "12,345 cells"


def test_what_another_program_said_is_one_line_of_limited_length() -> None:
    assert wording.in_short(" a\n\t b  c ") == "a b c"
    assert wording.in_short(ValueError("abc"), most=2) == "ab"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Präparat 日本", "Präparat 日本"),
        ("two\nlines", "two\\nlines"),
        ("turned \u202e round", "turned \\u202e round"),
        ("\u2028", "\\u2028"),
        ("pr\udce4parat", "pr\\udce4parat"),
        ("\x1b[31mred", "\\x1b[31mred"),
    ],
)
def test_a_line_stays_one_whatever_a_name_holds(text: str, line: str) -> None:
    assert wording.one_line(text) == line
    line.encode("utf-8")


def test_what_a_terminal_cannot_show_becomes_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO()
    stream = io.TextIOWrapper(data, encoding="ascii", newline="\n")
    monkeypatch.setattr("sys.stdout", stream)
    wording.say("µm in 日")
    stream.flush()
    assert data.getvalue() == b"\\xb5m in \\u65e5\n"


def test_a_line_aside_leaves_stdout_to_the_other_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wording.say_aside("warned")
    assert capsys.readouterr() == ("", "warned\n")
