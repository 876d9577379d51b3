from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import pytest

from breastseg.files import write_json
from breastseg.records import to_json
from breastseg.transfer.part import forget, held_bytes, new_note, note_of, read_note
from breastseg.transfer.remote import Remote

REMOTE = Remote("a.png", "https://example.org/a.png", limit=1000)


def answer(**headers: str) -> SimpleNamespace:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return SimpleNamespace(headers=message)


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"a"', "Last_Modified": "Monday"}, '"a"'),
        ({"ETag": 'W/"a"', "Last_Modified": "Monday"}, "Monday"),
        ({}, ""),
    ],
)
def test_a_weak_etag_promises_nothing(headers: dict[str, str], validator: str) -> None:
    assert new_note(REMOTE, answer(**headers), 10).validator == validator


def test_a_part_goes_on_only_with_a_note_of_the_same_file(tmp_path: Path) -> None:
    part = tmp_path / ".part-a.png"
    part.write_bytes(b"12345")
    assert held_bytes(tmp_path / "a.png") == 5
    assert read_note(part, REMOTE) is None
    note = new_note(REMOTE, answer(ETag='"a"'), 10)
    write_json(note_of(part), to_json(note))
    assert read_note(part, REMOTE) == note
    assert read_note(part, Remote("a.png", "https://example.org/b.png", limit=1000)) is None
    part.write_bytes(b"1" * 11)
    assert read_note(part, REMOTE) is None  # longer than the file is
    assert forget(part) == 11
    assert list(tmp_path.iterdir()) == []
