"""Records: what is written is read again as it was, and what does not fit is named."""

from dataclasses import dataclass
from typing import Literal

import pytest

from breastseg.records import from_json, to_json


@dataclass(frozen=True)
class Inner:
    from_: float
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Outer:
    name: str
    size_px: tuple[int, int]
    box: tuple[int, ...] | None
    inner: dict[str, Inner]
    more: tuple[Inner, ...] | None = None


WHOLE = {"name": "x", "size_px": [3, 4], "box": None, "inner": {"k": {"from": 1, "kind": "b"}}}


def test_a_record_is_read_as_it_was_written() -> None:
    record = from_json(Outer, WHOLE, "")
    assert record == Outer("x", (3, 4), None, {"k": Inner(1, "b")})
    assert to_json(record) == WHOLE
    assert list(to_json(record)) == list(WHOLE)


def test_a_whole_number_stays_one_where_any_number_will_do() -> None:
    assert type(to_json(from_json(Inner, {"from": 1}, ""))["from"]) is int


def test_null_is_written_only_where_a_file_always_has_the_field() -> None:
    said = to_json(Outer("x", (3, 4), None, {}))
    assert said["box"] is None
    assert "more" not in said


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": 3}, "name"),
        ({"name": True}, "name"),
        ({"size_px": [3]}, "size_px"),
        ({"size_px": [3, 4.5]}, r"size_px\[1\]"),
        ({"size_px": [3, True]}, r"size_px\[1\]"),
        ({"box": "all"}, "box"),
        ({"inner": []}, "inner"),
        ({"inner": {"k": {}}}, "inner.k.from is missing"),
        ({"inner": {"k": {"from": "1"}}}, "inner.k.from"),
        ({"inner": {"k": {"from": 1, "kind": "c"}}}, "inner.k.kind"),
        ({"more": [1]}, r"more\[0\]"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(change: dict[str, object], where: str) -> None:
    with pytest.raises(ValueError, match=where):
        from_json(Outer, {**WHOLE, **change}, "")


@pytest.mark.parametrize("box", [[], [7], [1, 2, 3]])
def test_a_list_of_one_kind_has_any_length(box: list[int]) -> None:
    record = from_json(Outer, {**WHOLE, "box": box}, "")
    assert record.box == tuple(box)
    assert to_json(record)["box"] == box


def test_an_unknown_key_is_refused_only_where_that_is_asked_for() -> None:
    from_json(Outer, {**WHOLE, "odd": 1}, "it")
    with pytest.raises(ValueError, match="'odd' is no field of it"):
        from_json(Outer, {**WHOLE, "odd": 1}, "it", closed=True)
