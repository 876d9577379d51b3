"""Which hosts may answer, which failures may pass, and how often is tried again."""

from email.message import Message
from types import SimpleNamespace
from urllib.request import Request

import pytest

from breastseg.errors import InputError
from breastseg.transfer import connection
from breastseg.transfer.connection import (
    TRIES,
    BrokenError,
    opened,
    opener_for,
    patiently,
    read_some,
    total_bytes,
)
from mirror_server import answer, running_mirror


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


def failing(*errors: BrokenError | None) -> object:
    """A function that raises one after another, then returns 7."""
    left = list(errors)

    def act() -> int:
        if left:
            error = left.pop(0)
            if error is not None:
                raise error
        return 7

    return act


def test_waits_double_and_end_with_what_was_the_matter(waits: list[float]) -> None:
    errors = [BrokenError("no connection")] * TRIES
    with pytest.raises(InputError, match=rf"https://a: no connection, {TRIES} times"):
        patiently(failing(*errors), "https://a")  # type: ignore[arg-type]
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0]


def test_what_moves_on_is_never_given_up(waits: list[float]) -> None:
    errors = [BrokenError("broke", moved_on=True) for _ in range(3 * TRIES)]
    assert patiently(failing(*errors), "x") == 7  # type: ignore[arg-type]
    assert set(waits) == {2.0}


def test_a_server_that_asks_to_wait_is_waited_for_up_to_a_minute(waits: list[float]) -> None:
    errors = [BrokenError("busy", wait_s=30.0), BrokenError("busy", wait_s=5000.0)]
    assert patiently(failing(*errors), "x") == 7  # type: ignore[arg-type]
    assert waits == [30.0, 60.0]


@pytest.mark.parametrize(
    ("status", "headers", "error", "message"),
    [
        (500, {}, BrokenError, "the server answered 500"),
        (429, {"Retry_After": "7"}, BrokenError, "the server answered 429"),
        (404, {}, InputError, "not there any more \\(404\\)"),
        (401, {}, InputError, "it wants a login or refuses"),
        (400, {}, InputError, "the server answered 400"),
    ],
)
def test_answers_that_may_pass_and_answers_that_will_not(
    status: int, headers: dict[str, str], error: type[Exception], message: str
) -> None:
    with running_mirror() as mirror:
        mirror.faults["/a"] = [answer(status, **headers)]
        with pytest.raises(error, match=message) as caught:
            opened(opener_for(("127.0.0.1",)), Request(f"{mirror.address}/a"))
    if headers:
        assert getattr(caught.value, "wait_s") == 7.0  # noqa: B009


def test_a_redirect_is_followed_to_known_hosts_alone() -> None:
    with running_mirror() as mirror:
        mirror.files["/b"] = b"there"
        mirror.faults["/a"] = [answer(302, Location=f"{mirror.address}/b")]
        with opened(opener_for(("127.0.0.1",)), Request(f"{mirror.address}/a")) as found:
            assert found.read() == b"there"
        mirror.faults["/a?signature=x"] = [answer(302, Location="https://elsewhere.example/b")]
        with pytest.raises(InputError, match=r"leads to elsewhere\.example"):
            opened(opener_for(("127.0.0.1",)), Request(f"{mirror.address}/a?signature=x"))


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("example.org", True),
        ("www.example.org", False),
        ("cdn.files.org", True),
        ("a.cdn.files.org", True),
        ("files.org", False),
        ("evilfiles.org", False),
        ("", False),
    ],
)
def test_a_host_that_begins_with_a_dot_stands_for_all_under_it(host: str, is_known: bool) -> None:
    assert connection._Redirects(("example.org", ".files.org"))._is_known(host) is is_known


def test_nobody_answers_at_a_closed_port() -> None:
    with running_mirror() as mirror:
        address = mirror.address
    with pytest.raises(BrokenError, match="no connection"):
        opened(opener_for(("127.0.0.1",)), Request(f"{address}/a"))


@pytest.mark.parametrize(
    ("length", "total"), [("10", 13), ("", None), ("-1", None), ("1" * 20, None)]
)
def test_the_length_of_the_whole_is_that_of_the_rest_and_its_start(
    length: str, total: int | None
) -> None:
    headers = Message()
    headers["Content-Length"] = length
    assert total_bytes(SimpleNamespace(headers=headers), 3) == total


def test_a_break_while_reading_may_pass_and_says_whether_something_had_come() -> None:
    def broken(count: int) -> bytes:
        raise ConnectionResetError

    with pytest.raises(BrokenError, match="ConnectionResetError") as caught:
        read_some(SimpleNamespace(read1=broken), 10, moved_on=True)
    assert caught.value.moved_on
    assert read_some(SimpleNamespace(read1=broken), 0, moved_on=False) == b""
