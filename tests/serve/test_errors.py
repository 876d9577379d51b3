"""Refusals as HTTP says them: every kind has a status, and no room but the web's knows of one."""

from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import breastseg.serve
from breastseg.serve.refusals import Busy, InTheWay, Refused, Unreadable
from breastseg.serve.web.errors import STATUS, answer_of


def test_every_kind_has_a_status_of_its_own() -> None:
    assert set(STATUS) == set(Refused.__subclasses__())
    assert len(set(STATUS.values())) == len(STATUS)
    assert all(400 <= status < 600 for status in STATUS.values())


def test_headers_say_when_to_come_again_and_what_is_in_the_way() -> None:
    assert answer_of(Busy("others", again_s=5)).headers == {"Retry-After": "5"}
    assert answer_of(InTheWay("newer", version="ab")).headers == {"ETag": '"ab"'}
    assert answer_of(Unreadable("broken", version="")).headers == {"ETag": '""'}
    plain = answer_of(Unreadable("broken"))
    assert (plain.status_code, plain.detail, plain.headers) == (422, "broken", None)


def test_http_is_spoken_in_the_web_alone() -> None:
    rooms = Path(breastseg.serve.__file__).parent
    for path in rooms.rglob("*.py"):
        if path.parent.name != "web":
            assert "HTTPException" not in path.read_text(encoding="utf-8"), path
