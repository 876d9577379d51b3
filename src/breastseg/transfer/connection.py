"""Opening addresses: which hosts may answer, which failures may pass, and how often is tried again.

It sends no cookie and no login, and follows no redirect to a host that the mirror is not known to
use."""

import http.client
import ssl
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from breastseg.errors import InputError
from breastseg.transfer.part import forget

TRIES = 6
"""Attempts in a row that bring nothing new, before a mirror counts as out of reach."""

WAIT_S = 2.0
"""Before the second attempt; doubled before each further one."""

_LONGEST_WAIT_S = 60.0
_SILENCE_S = 120.0
"""The annotators' server cuts a region out of its slide before it answers; others saw 20 to 70 s.
"""

_T = TypeVar("_T")


class BrokenError(Exception):
    """The connection or the server failed in a way that may pass."""

    def __init__(self, cause: str, *, moved_on: bool = False, wait_s: float = 0.0) -> None:
        """Say why, whether something new had come before, and how long the server asks to wait."""
        super().__init__(cause)
        self.moved_on = moved_on
        self.wait_s = wait_s


class _Redirects(HTTPRedirectHandler):
    """Follow a redirect only to the hosts that the mirror is known to use, and never from https to
    http."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._hosts = hosts

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """Return the request to follow, or refuse."""
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        host = new.hostname or ""
        asked = req.full_url.partition("?")[0]
        if not self._is_known(host):
            fp.close()
            raise InputError(
                f"{asked}: leads to {host or newurl}, which is no known host of this mirror; choose"
                " another mirror"
            )
        if old.scheme == "https" and new.scheme != "https":
            fp.close()
            raise InputError(f"{asked}: leads from https to {new.scheme}; choose another mirror")
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def _is_known(self, host: str) -> bool:
        for known in self._hosts:
            if host == known or (known.startswith(".") and host.endswith(known)):
                return True
        return False


def opener_for(hosts: tuple[str, ...]) -> OpenerDirector:
    """Return what opens addresses, and follows redirects to these hosts only; one that begins with
    a dot stands for all under it."""
    opener = build_opener(_Redirects(hosts))
    opener.addheaders = [
        ("User-Agent", f"breastseg/{version('breastseg')}"),
        ("Accept-Encoding", "identity"),  # lengths and ranges are those of the file itself
    ]
    return opener


def total_bytes(answer: Any, start: int) -> int | None:
    """Return the length of the whole file of which an answer is the rest from `start` on."""
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and len(length) < 20:
        return start + int(length)
    return None


def patiently(act: Callable[[], _T], url: str) -> _T:
    """Do it until it succeeds, waiting longer each time; InputError when TRIES attempts in a row
    brought nothing new."""
    failures = 0
    while True:
        try:
            return act()
        except BrokenError as cause:
            # A slow line that breaks again and again, but brings something each time, is not lost.
            failures = 1 if cause.moved_on else failures + 1
            if failures >= TRIES:
                raise InputError(
                    f"{url}: {cause}, {TRIES} times; check the network or try later, the same"
                    " command goes on where it stopped"
                ) from None
            own_wait_s = WAIT_S * 2 ** (failures - 1)
            wait_s = max(own_wait_s, cause.wait_s)
            time.sleep(min(wait_s, _LONGEST_WAIT_S))


def opened(opener: OpenerDirector, request: Request, part: Path | None = None) -> Any:
    """Open an address; what may pass becomes BrokenError, what will not InputError."""
    try:
        return opener.open(request, timeout=_SILENCE_S)
    except HTTPError as answer:
        with answer:
            raise _told(answer, request.full_url, part) from None
    except (URLError, http.client.HTTPException, OSError) as cause:
        # URLError wraps what happened below it.
        reason = cause.reason if isinstance(cause, URLError) else cause
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise InputError(
                f"{request.full_url}: its certificate cannot be trusted ({reason.verify_message});"
                " check the network"
            ) from None
        words = getattr(reason, "strerror", None) or reason or type(cause).__name__
        raise BrokenError(f"no connection ({words})") from None


def _told(answer: HTTPError, url: str, part: Path | None) -> Exception:
    """Return a status as an error: BrokenError where it may pass, else InputError."""
    status = answer.code
    if status == 416 and part is not None:  # the range that was asked for is not there
        forget(part)
        return BrokenError("shorter there than the part that is here")
    if status in (408, 425, 429) or status >= 500:
        asked = answer.headers.get("Retry-After", "")
        wait_s = float(asked) if asked.isdecimal() else 0.0
        return BrokenError(f"the server answered {status}", wait_s=wait_s)
    if status in (401, 403):
        return InputError(
            f"{url}: the server answered {status}, it wants a login or refuses; choose another"
            " mirror"
        )
    if status in (404, 410):
        return InputError(f"{url}: not there any more ({status}); choose another mirror")
    return InputError(f"{url}: the server answered {status}; choose another mirror")


def read_some(answer: Any, count: int, *, moved_on: bool) -> bytes:
    """Return what has come, up to `count` bytes; waiting for all of them would lose those before a
    break."""
    try:
        return bytes(answer.read1(count)) if count else b""
    except (http.client.HTTPException, OSError) as cause:
        raise BrokenError(
            f"the connection broke ({type(cause).__name__})", moved_on=moved_on
        ) from None
