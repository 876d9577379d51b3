"""film.json of anybody: what is read of it, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from breastseg.files import write_json
from breastseg.mammography.record import RECORD
from breastseg.serve.films import record as reading
from breastseg.serve.films.record import Record, record_of
from breastseg.serve.refusals import TooMuch, Unreadable

LEAST = {"width_px": 200, "height_px": 300, "mm_per_px": 0.1, "chest_wall": "left"}


def test_names_that_are_not_known_are_not_looked_at() -> None:
    record = Record.model_validate({**LEAST, "more": "x", "findings": [{"kind": "mass", "odd": 1}]})
    assert (record.width_px, record.findings[0].kind) == (200, "mass")
    assert not hasattr(record, "more")


@pytest.mark.parametrize(
    "other",
    [
        {"width_px": 0},
        {"width_px": 10**9},
        {"mm_per_px": 0},
        {"chest_wall": "above"},
        {"density_proposed": "e"},
        {"fibroglandular_share": 1.1},
        {"breast_px": float("inf")},
        {"patient": "a" * 401},
        {"notes": ["a"] * 201},
        {"findings": [{"points_px": [[1]]}]},
    ],
)
def test_a_value_that_cannot_be_is_refused(other: dict[str, Any]) -> None:
    Record.model_validate(LEAST)
    with pytest.raises(ValueError, match=next(iter(other))):
        Record.model_validate(LEAST | other)


def test_what_is_no_record_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no file of its own"):
        record_of(tmp_path)
    (tmp_path / RECORD).write_text("{", encoding="utf-8")
    with pytest.raises(Unreadable, match="not the record of a prepared film"):
        record_of(tmp_path)
    write_json(tmp_path / RECORD, LEAST)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / RECORD).symlink_to(tmp_path / RECORD)
    with pytest.raises(Unreadable, match="no file of its own"):
        record_of(tmp_path / "link")


def test_a_record_larger_than_there_is_room_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / RECORD, {**LEAST, "facts": {"a": "x" * 1000}})
    monkeypatch.setattr(reading, "RECORD_BYTES", 500)
    with pytest.raises(TooMuch, match=RECORD):
        record_of(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(reading, "HELD_BYTES", 500)
    with pytest.raises(TooMuch, match=RECORD):
        record_of(tmp_path)
