"""An object behind a web address: asked of the host that was named and of no other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request

from breastseg.cloud.address import Address, Found
from breastseg.cloud.store import changed
from breastseg.errors import InputError
from breastseg.transfer.connection import (
    BrokenError,
    opened,
    opener_for,
    patiently,
    read_some,
    total_bytes,
)

_PIECE = 1 << 20


class Web:
    """One host."""

    def __init__(self, address: Address) -> None:
        """Take the host of an address; redirects to others are refused."""
        self._opener = opener_for((address.host,))

    def look(self, address: Address) -> Found:
        """Return an object's size and version; a signed address may be good for GET alone.

        Raises:
            InputError: not there, refused, out of reach, or of unknown size.
        """

        # By GET of one byte: a HEAD would be refused where the signature is good for GET alone.
        def ask() -> Found:
            with self._asked(address, {"Range": "bytes=0-0"}) as answer:
                return _object_of(address, answer)

        return patiently(ask, address.shown)

    def stream(self, found: Found, start: int) -> Iterator[bytes]:
        """Yield an object's bytes from a place on, whether the server knows ranges or not.

        Raises:
            ImageError: it is another than when it was looked at. BrokenError: it broke.
        """
        with self._asked(found.address, {"Range": f"bytes={start}-"} if start else {}) as answer:
            if _object_of(found.address, answer) != found:
                raise changed(found)
            # A server that does not know ranges begins at 0: what is here already is passed over.
            to_skip = start if answer.status == 200 else 0
            place = start - to_skip
            while place < found.size:
                piece = read_some(answer, min(_PIECE, found.size - place), moved_on=False)
                if not piece:
                    raise BrokenError(f"the connection ended after {place} of {found.size} bytes")
                place += len(piece)
                yield piece[to_skip:]
                to_skip = max(0, to_skip - len(piece))

    @contextmanager
    def _asked(self, address: Address, headers: dict[str, str]) -> Iterator[Any]:
        """Ask; what is said of a failure has no query in it."""
        try:
            answer = opened(self._opener, Request(address.url, headers=headers))
        except InputError as cause:
            message = str(cause).replace(address.url, address.shown)
            # The client speaks of mirrors of data sets; here a person has given an address.
            message = message.replace("choose another mirror", "check the address")
            raise InputError(message.replace("of this mirror", "of this address")) from None
        with answer:
            yield answer


def _object_of(address: Address, answer: Any) -> Found:
    """Return size and version of the object of which an answer is a part."""
    if answer.status == 206:  # the length is that of the part; the whole's stands behind the slash
        total = answer.headers.get("Content-Range", "").rpartition("/")[2]
        is_number = total.isdecimal() and len(total) < 20
        size = int(total) if is_number else None
    else:
        size = total_bytes(answer, 0)
    if size is None:
        raise InputError(
            f"{address.shown}: the server does not say how large it is; fetch it yourself"
        )
    headers = answer.headers
    return Found(address, size, headers.get("ETag") or headers.get("Last-Modified") or "")
