"""A small HTTP client on urllib: a file is fetched beside its place, gone on with by Range,
checked, and renamed.

It sends no cookie and no login, and follows no redirect to a host that the mirror is not known to
use.
"""

import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from breastseg.errors import ImageError, InputError
from breastseg.files import sha256_of, write_json
from breastseg.json_files import read_json
from breastseg.records import from_json, to_json
from breastseg.transfer.png import check_png

TRIES = 6
"""Attempts in a row that bring nothing new, before a mirror counts as out of reach."""

WAIT_S = 2.0
"""Before the second attempt; doubled before each further one."""

_LONGEST_WAIT_S = 60.0
_SILENCE_S = 120.0
"""The annotators' server cuts a region out of its slide before it answers; others saw 20 to 70 s.
"""

_PIECE = 1 << 20
_MAX_ANSWER = 16 << 20
"""Bytes of a listing, which is held whole."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Remote:
    """One file of a mirror.

    Attributes:
        path: where it belongs under the target folder, with `/`.
        url: where it is.
        limit: bytes it may have at most.
        size: bytes it has, where the mirror says so.
        sha256: its checksum, where the mirror has one.
        png: it is a PNG, whose own checksums can be checked.
    """

    path: str
    url: str
    limit: int
    size: int | None = None
    sha256: str = ""
    png: bool = False


@dataclass(frozen=True)
class _Note:
    """What must still hold when a part is gone on with: .part-NAME.json.

    Attributes:
        url: of the file.
        sha256: that it must have; empty where the mirror has none.
        validator: ETag or date of the server's file; empty where it gave none.
        size: bytes in all, where it is known.
    """

    url: str
    sha256: str
    validator: str
    size: int | None


class _BrokenError(Exception):
    """The connection or the server failed in a way that may pass."""

    def __init__(self, cause: str, *, moved_on: bool = False, wait_s: float = 0.0) -> None:
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
        host, asked = new.hostname or "", req.full_url.partition("?")[0]
        if not any(
            host == known or (known.startswith(".") and host.endswith(known))
            for known in self._hosts
        ):
            fp.close()
            raise InputError(
                f"{asked}: leads to {host or newurl}, which is no known host of this mirror; choose"
                " another mirror"
            )
        if old.scheme == "https" and new.scheme != "https":
            fp.close()
            raise InputError(f"{asked}: leads from https to {new.scheme}; choose another mirror")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener_for(hosts: tuple[str, ...]) -> OpenerDirector:
    """Return what opens addresses, and follows redirects to these hosts only; one that begins with
    a dot stands for all under it."""
    opener = build_opener(_Redirects(hosts))
    opener.addheaders = [
        ("User-Agent", f"breastseg/{version('breastseg')}"),
        ("Accept-Encoding", "identity"),
    ]
    return opener


def get_json(url: str, opener: OpenerDirector) -> tuple[Any, str]:
    """Return a JSON answer and its Link header, "" without one.

    Raises:
        InputError: not there, refused, out of reach, or not JSON.
    """

    def ask() -> tuple[bytes, str]:
        with _opened(opener, Request(url)) as answer:
            try:
                text = bytes(answer.read(_MAX_ANSWER + 1))
            except (http.client.HTTPException, OSError) as cause:
                raise _BrokenError(f"the connection broke ({type(cause).__name__})") from None
            if len(text) < min(_total(answer, 0) or 0, _MAX_ANSWER):
                raise _BrokenError("the connection ended before the answer did")
            return text, answer.headers.get("Link", "")

    text, link = _patiently(ask, url)
    if len(text) > _MAX_ANSWER:
        raise InputError(
            f"{url}: an answer of more than {_MAX_ANSWER >> 20} MB, wanted a list of files; choose"
            " another mirror"
        )
    try:
        return json.loads(text), link
    except (ValueError, RecursionError):
        raise InputError(
            f"{url}: the answer is not JSON, wanted a list of files; try again later or choose"
            " another mirror"
        ) from None


def fetch(
    remote: Remote, path: Path, opener: OpenerDirector, *, on_progress: Callable[[int], object]
) -> None:
    """Fetch one file, going on with what an earlier attempt left; it appears whole and checked, or
    not at all.

    Args:
        remote: what to fetch.
        path: the file to make.
        opener: of `opener_for`.
        on_progress: takes the number of bytes written, negative when some were in vain.

    Raises:
        InputError: not there, refused, out of reach, not the file that was promised, or the disk
            cannot take it.
    """
    part = path.with_name(f".part-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _patiently(lambda: _transfer(remote, part, opener, on_progress), remote.url)
        if _flaw(
            remote, part
        ):  # what was gone on with may not belong together: once more, from its start
            on_progress(-_forget(part))
            _patiently(lambda: _transfer(remote, part, opener, on_progress), remote.url)
        if flaw := _flaw(remote, part):
            on_progress(-_forget(part))
            raise InputError(
                f"{remote.url}: {flaw}; nothing of it was kept, try again later or choose another"
                " mirror"
            )
        part.replace(path)
        _note_of(part).unlink(missing_ok=True)
    except OSError as cause:
        raise InputError(
            f"{path}: cannot be written ({cause.strerror or cause}); make room or choose another"
            " folder, the same command goes on"
        ) from None


def is_whole(remote: Remote, path: Path) -> bool:
    """Say whether a file is there and is the mirror's."""
    return (
        path.is_file()
        and (remote.size is None or path.stat().st_size == remote.size)
        and not _flaw(remote, path)
    )


def held_bytes(path: Path) -> int:
    """Return how many bytes an earlier attempt at a file has left."""
    part = path.with_name(f".part-{path.name}")
    return part.stat().st_size if part.is_file() else 0


def _flaw(remote: Remote, path: Path) -> str:
    """Return what is wrong with a fetched file, "" when nothing is known to be."""
    if remote.sha256 and (found := sha256_of(path)) != remote.sha256:
        return f"wrong checksum: SHA-256 {found[:16]}..., wanted {remote.sha256[:16]}..."
    if remote.png:
        try:
            check_png(path)
        except ImageError as cause:
            return str(cause).removeprefix(f"{path}: ").partition(";")[0]
    return ""


def _transfer(
    remote: Remote, part: Path, opener: OpenerDirector, on_progress: Callable[[int], object]
) -> None:
    """Bring `part` to its full length, from where it stands; _BrokenError when the connection ends
    before."""
    note = _read_note(part, remote)
    start = part.stat().st_size if note else 0
    if not start:
        on_progress(-_forget(part))
    if note and start == note.size:
        return
    request = Request(remote.url)
    if note and start:
        request.add_header("Range", f"bytes={start}-")
        if note.validator:
            request.add_header("If-Range", note.validator)
    with _opened(opener, request, part) as answer:
        if note and start and not _goes_on(answer, start, note.size):
            on_progress(-_forget(part))
            start = 0
            if answer.status == 206:
                raise _BrokenError("changed while it was fetched")
        total = _total(answer, start)
        if total is None:
            total = remote.size
        if remote.size not in (None, total) or (total or 0) > remote.limit:
            _forget(part)
            raise InputError(
                f"{remote.url}: {total} bytes there, wanted"
                f" {remote.size or f'at most {remote.limit}'}; try another mirror"
            )
        write_json(_note_of(part), to_json(_note(remote, answer, total)))
        _append(answer, part, remote, start, total, on_progress)


def _append(
    answer: Any,
    part: Path,
    remote: Remote,
    start: int,
    total: int | None,
    on_progress: Callable[[int], object],
) -> None:
    here = start
    with part.open("ab" if start else "wb") as file:
        while piece := _read_some(
            answer,
            _PIECE if total is None else min(_PIECE, total - here),
            moved_on=0 < start < here,
        ):
            here += len(piece)
            if here > remote.limit:
                break
            file.write(piece)
            on_progress(len(piece))
    if here > remote.limit:
        _forget(part)
        raise InputError(
            f"{remote.url}: more than {remote.limit} bytes; nothing of it was kept, choose another"
            " mirror"
        )
    if total is not None and here < total:
        raise _BrokenError(
            f"the connection ended after {here} of {total} bytes", moved_on=0 < start < here
        )


def _goes_on(answer: Any, start: int, size: int | None) -> bool:
    """Say whether an answer to a Range begins where our part ends, and is of a file of the same
    length."""
    span = f"bytes {start}-"
    says = answer.headers.get("Content-Range", "")
    return (
        answer.status == 206
        and says.startswith(span)
        and (size is None or says.endswith(f"/{size}"))
    )


def _total(answer: Any, start: int) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return start + int(length) if length.isdecimal() and len(length) < 20 else None


def _note(remote: Remote, answer: Any, total: int | None) -> _Note:
    """Return what must still hold when the part is gone on with; a weak ETag does not promise the
    same bytes."""
    tag = answer.headers.get("ETag", "")
    validator = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
    return _Note(remote.url, remote.sha256, validator, total)


def _read_note(part: Path, remote: Remote) -> _Note | None:
    """Return the note of a part that can be gone on with."""
    try:
        said = read_json(_note_of(part), InputError, "the note of a part of a download")
        note = from_json(_Note, said, "")
    except ValueError:  # read_json's own error is one
        return None
    usable = (
        part.is_file()
        and (note.url, note.sha256) == (remote.url, remote.sha256)
        and (note.validator or remote.sha256)
        and part.stat().st_size <= (note.size or remote.limit)
    )
    return note if usable else None


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _forget(part: Path) -> int:
    """Remove a part and its note; return how many bytes it had."""
    size = part.stat().st_size if part.is_file() else 0
    part.unlink(missing_ok=True)
    _note_of(part).unlink(missing_ok=True)
    return size


def _patiently(act: Callable[[], _T], url: str) -> _T:
    """Do it until it succeeds, waiting longer each time; InputError when TRIES attempts in a row
    brought nothing new."""
    failures = 0
    while True:
        try:
            return act()
        except _BrokenError as cause:
            failures = 1 if cause.moved_on else failures + 1
            if failures >= TRIES:
                raise InputError(
                    f"{url}: {cause}, {TRIES} times; check the network or try later, the same"
                    " command goes on where it stopped"
                ) from None
            time.sleep(min(max(cause.wait_s, WAIT_S * 2 ** (failures - 1)), _LONGEST_WAIT_S))


def _opened(opener: OpenerDirector, request: Request, part: Path | None = None) -> Any:
    """Open an address; what may pass becomes _BrokenError, what will not InputError."""
    try:
        return opener.open(request, timeout=_SILENCE_S)
    except HTTPError as answer:
        with answer:
            raise _told(answer, request.full_url, part) from None
    except (URLError, http.client.HTTPException, OSError) as cause:
        reason = cause.reason if isinstance(cause, URLError) else cause
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise InputError(
                f"{request.full_url}: its certificate cannot be trusted ({reason.verify_message});"
                " check the network"
            ) from None
        raise _BrokenError(
            f"no connection ({getattr(reason, 'strerror', None) or reason or type(cause).__name__})"
        ) from None


def _told(answer: HTTPError, url: str, part: Path | None) -> Exception:
    status = answer.code
    if status == 416 and part is not None:
        _forget(part)
        return _BrokenError("shorter there than the part that is here")
    if status in (408, 425, 429) or status >= 500:
        asked = answer.headers.get("Retry-After", "")
        return _BrokenError(
            f"the server answered {status}", wait_s=float(asked) if asked.isdecimal() else 0.0
        )
    if status in (401, 403):
        return InputError(
            f"{url}: the server answered {status}, it wants a login or refuses; choose another"
            " mirror"
        )
    if status in (404, 410):
        return InputError(f"{url}: not there any more ({status}); choose another mirror")
    return InputError(f"{url}: the server answered {status}; choose another mirror")


def _read_some(answer: Any, count: int, *, moved_on: bool) -> bytes:
    """Return what has come, up to `count` bytes; waiting for all of them would lose those before a
    break."""
    try:
        return bytes(answer.read1(count)) if count else b""
    except (http.client.HTTPException, OSError) as cause:
        raise _BrokenError(
            f"the connection broke ({type(cause).__name__})", moved_on=moved_on
        ) from None
