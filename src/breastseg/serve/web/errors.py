"""What stands in the way, as a status of HTTP: one table."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException

from breastseg.serve.refusals import (
    Absent,
    Busy,
    Forbidden,
    Full,
    InTheWay,
    Malformed,
    Refused,
    TooMuch,
    Unreadable,
    Waiting,
)

STATUS: Mapping[type[Refused], int] = {
    Malformed: 400,
    Forbidden: 403,
    Absent: 404,
    InTheWay: 409,
    TooMuch: 413,
    Unreadable: 422,
    Waiting: 429,
    Busy: 503,
    Full: 507,
}


def answer_of(error: Refused) -> HTTPException:
    """Return a refusal as HTTP says it."""
    headers = {}
    if error.version is not None:
        headers["ETag"] = f'"{error.version}"'
    if error.again_s:
        headers["Retry-After"] = str(error.again_s)
    return HTTPException(STATUS[type(error)], str(error), headers or None)
