"""A small HTTP client on urllib: a file is fetched beside its place, gone on with by Range,
checked, and renamed."""

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import OpenerDirector, Request

from breastseg.errors import ImageError, InputError
from breastseg.files import sha256_of, write_json
from breastseg.records import to_json
from breastseg.transfer.connection import BrokenError, opened, patiently, read_some, total_bytes
from breastseg.transfer.part import forget, new_note, note_of, read_note
from breastseg.transfer.png import check_png
from breastseg.transfer.remote import Remote

_PIECE = 1 << 20
_MAX_ANSWER = 16 << 20
"""Bytes of a listing, which is held whole."""


def get_json(url: str, opener: OpenerDirector) -> tuple[Any, str]:
    """Return a JSON answer and its Link header, "" without one.

    Raises:
        InputError: not there, refused, out of reach, or not JSON.
    """

    def ask() -> tuple[bytes, str]:
        with opened(opener, Request(url)) as answer:
            try:
                text = bytes(answer.read(_MAX_ANSWER + 1))
            except (http.client.HTTPException, OSError) as cause:
                raise BrokenError(f"the connection broke ({type(cause).__name__})") from None
            if len(text) < min(total_bytes(answer, 0) or 0, _MAX_ANSWER):
                raise BrokenError("the connection ended before the answer did")
            return text, answer.headers.get("Link", "")

    text, link = patiently(ask, url)
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
        patiently(lambda: _transfer(remote, part, opener, on_progress), remote.url)
        if _flaw(remote, part):
            # What was gone on with may not belong together: once more, from its start.
            on_progress(-forget(part))
            patiently(lambda: _transfer(remote, part, opener, on_progress), remote.url)
        flaw = _flaw(remote, part)
        if flaw:
            on_progress(-forget(part))
            raise InputError(
                f"{remote.url}: {flaw}; nothing of it was kept, try again later or choose another"
                " mirror"
            )
        part.replace(path)
        note_of(part).unlink(missing_ok=True)
    except OSError as cause:
        raise InputError(
            f"{path}: cannot be written ({cause.strerror or cause}); make room or choose another"
            " folder, the same command goes on"
        ) from None


def is_whole(remote: Remote, path: Path) -> bool:
    """Say whether a file is there and is the mirror's."""
    if not path.is_file():
        return False
    # The size first: a checksum reads all of the file.
    if remote.size is not None and path.stat().st_size != remote.size:
        return False
    return not _flaw(remote, path)


def _flaw(remote: Remote, path: Path) -> str:
    """Return what is wrong with a fetched file, "" when nothing is known to be."""
    if remote.sha256:
        found = sha256_of(path)
        if found != remote.sha256:
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
    """Bring `part` to its full length, from where it stands; BrokenError when the connection ends
    before."""
    note = read_note(part, remote)
    start = part.stat().st_size if note else 0
    if not start:
        on_progress(-forget(part))
    if note and start == note.size:
        return
    request = Request(remote.url)
    if note and start:
        request.add_header("Range", f"bytes={start}-")
        # With it a server sends the whole file where its own is another than that of the part.
        if note.validator:
            request.add_header("If-Range", note.validator)
    with opened(opener, request, part) as answer:
        if note and start and not _goes_on(answer, start, note.size):
            on_progress(-forget(part))
            start = 0
            # A part of something else; an answer of 200 is the whole, and is taken.
            if answer.status == 206:
                raise BrokenError("changed while it was fetched")
        total = total_bytes(answer, start)
        if total is None:
            total = remote.size
        is_of_another_size = remote.size is not None and total != remote.size
        if is_of_another_size or (total or 0) > remote.limit:
            forget(part)
            raise InputError(
                f"{remote.url}: {total} bytes there, wanted"
                f" {remote.size or f'at most {remote.limit}'}; try another mirror"
            )
        write_json(note_of(part), to_json(new_note(remote, answer, total)))
        _append(answer, part, remote, start, total, on_progress)


def _append(
    answer: Any,
    part: Path,
    remote: Remote,
    start: int,
    total: int | None,
    on_progress: Callable[[int], object],
) -> None:
    """Write what comes behind the part; BrokenError when less comes than was said."""
    here = start
    # Bytes that came before a break count as progress only where something was gone on with: a
    # server without ranges begins again and again, and would never be given up.
    with part.open("ab" if start else "wb") as file:
        while True:
            wanted = _PIECE if total is None else min(_PIECE, total - here)
            piece = read_some(answer, wanted, moved_on=0 < start < here)
            if not piece:
                break
            here += len(piece)
            if here > remote.limit:
                break
            file.write(piece)
            on_progress(len(piece))
    if here > remote.limit:
        forget(part)
        raise InputError(
            f"{remote.url}: more than {remote.limit} bytes; nothing of it was kept, choose another"
            " mirror"
        )
    if total is not None and here < total:
        raise BrokenError(
            f"the connection ended after {here} of {total} bytes", moved_on=0 < start < here
        )


def _goes_on(answer: Any, start: int, size: int | None) -> bool:
    """Say whether an answer to a Range begins where our part ends, and is of a file of the same
    length."""
    says = answer.headers.get("Content-Range", "")  # "bytes 1000-1999/2000"
    if answer.status != 206 or not says.startswith(f"bytes {start}-"):
        return False
    return size is None or says.endswith(f"/{size}")
