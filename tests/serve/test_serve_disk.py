import errno

import pytest

from breastseg.serve.disk import not_written, why
from breastseg.serve.refusals import Forbidden, Full


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.ENOSPC, Full, "full"),
        (errno.EDQUOT, Full, "full"),
        (errno.EFBIG, Full, "full"),
        (errno.EACCES, Forbidden, "rights"),
        (errno.EROFS, Forbidden, "rights"),
        (errno.EIO, Forbidden, "Input/output"),
    ],
)
def test_what_stood_against_writing_is_said_without_where(
    number: int, kind: type[Exception], said: str
) -> None:
    text = {errno.EIO: "Input/output error"}.get(number, "some words")
    error = OSError(number, text, "/home/u/secret.txt")
    refusal = not_written("areas", error)
    assert type(refusal) is kind
    assert str(refusal).startswith("areas: ")
    assert said in str(refusal)
    assert "secret" not in why(error)


def test_an_error_without_a_number_keeps_its_words() -> None:
    assert why(OSError("odd")).startswith("odd; nothing half-written")
