"""Messages between the two processes: what is sent is received, half a message is an end."""

import io

import numpy as np
import pytest

from breastseg.runners.worker import HEAD_BYTES, receive, send


def sent(head: dict[str, object], array: np.ndarray | None = None) -> bytes:
    stream = io.BytesIO()
    send(stream, head, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        None,
        np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3),
        np.linspace(0, 1, 6, dtype=np.float32).reshape(1, 2, 3),
        np.arange(12, dtype=np.float32).reshape(3, 4).T,
        np.empty((0, 3), np.uint8),
    ],
)
def test_what_is_sent_is_received(array: np.ndarray | None) -> None:
    head, found = receive(io.BytesIO(sent({"what": "labels"}, array)))
    assert head["what"] == "labels"
    if array is None:
        assert found is None
    else:
        assert found is not None
        assert found.dtype == array.dtype
        assert np.array_equal(found, array)


def test_messages_follow_one_another() -> None:
    stream = io.BytesIO(sent({"n": 1}, np.ones(3, np.uint8)) + sent({"n": 2}))
    assert receive(stream)[0]["n"] == 1
    assert receive(stream) == ({"n": 2}, None)
    with pytest.raises(EOFError):
        receive(stream)


@pytest.mark.parametrize("cut", [0, 1, 20, -1])
def test_half_a_message_is_the_end(cut: int) -> None:
    whole = sent({"what": "labels"}, np.ones(100, np.uint8))
    with pytest.raises(EOFError):
        receive(io.BytesIO(whole[:cut]))


def test_a_line_without_end_is_not_read_for_ever() -> None:
    with pytest.raises(EOFError):
        receive(io.BytesIO(b"x" * (HEAD_BYTES + 5) + b"\n"))
