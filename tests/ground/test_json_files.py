"""JSON that may hold anything: what is believed of it, and what is refused."""

import math
from pathlib import Path

import pytest

from breastseg.errors import DatasetError
from breastseg.json_files import number_in, read_json, shown, text_of, whole_in


def test_read_json_names_file_and_what_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.json: not found, wanted a card"):
        read_json(tmp_path / "a.json", DatasetError, "a card")
    for content in (b"{", b"", b"\xff\xfe"):
        (tmp_path / "a.json").write_bytes(content)
        with pytest.raises(DatasetError, match=r"a\.json: not JSON \(.*\), wanted a card"):
            read_json(tmp_path / "a.json", DatasetError, "a card")


def read(path: Path, content: bytes | str) -> object:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_json(path, DatasetError, "a card")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_encoding_of_json_is_read(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path / "a.json", '{"µm": "日"}'.encode(encoding)) == {"µm": "日"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"mpp": 1, "a": 2, "mpp": 3}', "'mpp' stands twice"),
        ("[Infinity]", "Infinity is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("[1e999]", "1e999 is too large"),
        (f"[{2**64}]", "more than 64 bits"),
        (f"[{-(2**63) - 1}]", "more than 64 bits"),
        (f"[{'9' * 5000}]", "more than 64 bits"),
        ('["\\ud83d"]', "half of one"),
        ("[" * 65 + "]" * 65, "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_breaks_its_readers_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(DatasetError, match=reason) as caught:
        read(tmp_path / "a.json", content)
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: not JSON")
    assert len(str(caught.value)) < 400


def test_what_is_just_within_the_limits_is_read(tmp_path: Path) -> None:
    limits = [2**64 - 1, -(2**63), 1e308]
    assert read(tmp_path / "a.json", f"[{2**64 - 1}, {-(2**63)}, 1e308]") == limits
    assert read(tmp_path / "a.json", "[" * 64 + "]" * 64) is not None
    assert read(tmp_path / "a.json", '["\\ud83d\\ude00", "\\udce4"]') == ["😀", "\udce4"]


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[1, 2, 3]")
    assert read_json(path, DatasetError, "x", most_bytes=9) == [1, 2, 3]
    with pytest.raises(DatasetError, match="more than"):
        read_json(path, DatasetError, "x", most_bytes=8)


@pytest.mark.parametrize("value", [0, 0.5, 1])
def test_a_number_in_range_is_one(value: float) -> None:
    assert number_in(value, 0, 1, "share") == value
    assert isinstance(number_in(value, 0, 1, "share"), float)


@pytest.mark.parametrize("value", [True, "0.5", None, math.nan, -0.1, 1.1, 10**400, [0.5]])
def test_what_is_no_number_in_range_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"share is .*, wanted a number from 0 to 1"):
        number_in(value, 0, 1, "share")


@pytest.mark.parametrize(("value", "whole"), [(3, 3), (3.0, 3), ("3", 3), ("-7", -7), ("0", 0)])
def test_a_whole_number_may_be_written_as_digits(value: object, whole: int) -> None:
    assert whole_in(value, -10, 10, "code") == whole
    assert isinstance(whole_in(value, -10, 10, "code"), int)


@pytest.mark.parametrize(
    "value", [True, 2.5, "2.5", "03", "٣", "3 ", 11, -11, math.nan, None, "9" * 30]
)
def test_what_is_no_whole_number_in_range_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"code is .*, wanted a whole number from -10 to 10"):
        whole_in(value, -10, 10, "code")


@pytest.mark.parametrize("value", ["a", "日本\u3000語", "x" * 200])
def test_a_line_of_text_is_text(value: str) -> None:
    assert text_of(value, "name") == value


@pytest.mark.parametrize("value", ["", "  ", "x" * 201, "a\nb", "a\u202eb", 3, None, ["a"]])
def test_what_is_no_line_of_text_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"name is .*, wanted a line of text of up to 200"):
        text_of(value, "name")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (2.5, "2.5"),
        (10**30, "a int"),
        ("it's", '"it\'s"'),
        ("x" * 41, f"'{'x' * 40}...'"),
        ({"a": 1}, "an object"),
        ([1], "a list"),
    ],
)
def test_any_value_is_shown_in_a_few_letters(value: object, words: str) -> None:
    assert shown(value) == words
