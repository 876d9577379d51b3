"""A bucket: listed, looked at, read from a place on, written. obstore is imported here alone.

What obstore says of an error holds addresses and headers; none of it is repeated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from breastseg.cloud.address import Address, Found
from breastseg.cloud.credentials import check_credentials
from breastseg.errors import ImageError, InputError, MissingPackageError
from breastseg.transfer.connection import BrokenError, patiently

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_PIECE = 1 << 20
_MOST_LISTED = 200_000
_STATUS = re.compile(r"status code: (\d{3})")
_RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}
_CLIENT = {"connect_timeout": "20s", "read_timeout": "60s", "timeout": "6h"}
"""obstore ends a request after 30 s, however large the object."""
_PLAIN = {"s3": "AWS_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}
"""Variables that allow a store without encryption, by obstore's names. They are read here, since
the client options that are given to obstore replace those that it would read itself."""


class Bucket:
    """One bucket of a store."""

    def __init__(self, address: Address, store: ObjectStore | None = None) -> None:
        """Take the bucket of an address.

        Args:
            address: of an object or prefix in it.
            store: one that is open already; None opens it with the environment's credentials.

        Raises:
            InputError: no credentials, or settings of the environment that the store refuses.
            MissingPackageError: obstore is not installed.
        """
        self.address = address
        self._obstore = _obstore(address)
        self._store = store or _open_store(address)

    def list(self, prefix: str, *, most: int = _MOST_LISTED) -> list[Found]:
        """Return the objects whose key begins with a prefix that ends with a slash, by key.

        Raises:
            InputError: no right to list, out of reach, or more than `most`.
        """

        def ask() -> list[Found]:
            objects = []
            with self._explained(self.address.at(prefix), "list"):
                # Without its slash: obstore takes a prefix by whole parts of a key.
                for batch in self._obstore.list(self._store, prefix.rstrip("/") or None):
                    for meta in batch:
                        objects.append(self._object_of(meta))
                    if len(objects) > most:
                        raise InputError(
                            f"{self.address.at(prefix).shown}: more than {most:,} objects; name a"
                            " longer prefix, or a table of slides"
                        )
            return sorted(objects, key=lambda found: found.address.key)

        return patiently(ask, self.address.at(prefix).shown)

    def look(self, key: str) -> Found:
        """Return an object's size and version.

        Raises:
            ImageError: not there. InputError: no right to read it, or out of reach.
        """

        def ask() -> Found:
            with self._explained(self.address.at(key), "read"):
                return self._object_of(self._obstore.head(self._store, key))

        return patiently(ask, self.address.at(key).shown)

    def stream(self, found: Found, start: int) -> Iterator[bytes]:
        """Yield an object's bytes from a place on.

        Raises:
            ImageError: it is another than when it was looked at, or gone. BrokenError: it broke.
            InputError: no right to read it.
        """
        options: dict[str, Any] = {"range": {"offset": start}} if start else {}
        # An ETag in quotation marks is one that a store compares itself; a date is not.
        if found.version.startswith('"'):
            options["if_match"] = found.version
        with self._explained(found.address, "read"):
            answer = self._obstore.get(self._store, found.address.key, options=options)
            if self._object_of(answer.meta) != found:
                raise changed(found)
            for piece in answer.stream(min_chunk_size=_PIECE):
                yield bytes(piece)

    def put(self, path: Path, key: str) -> None:
        """Write a file as an object, whole or not at all; its size there is compared.

        Raises:
            InputError: no right to write, or out of reach.
        """

        def send() -> None:
            with self._explained(self.address.at(key), "write"):
                self._obstore.put(self._store, key, path)
                stored_bytes = self._obstore.head(self._store, key)["size"]
            if stored_bytes != path.stat().st_size:
                raise BrokenError(f"{stored_bytes} bytes came there of {path.stat().st_size}")

        patiently(send, self.address.at(key).shown)

    def remove(self, key: str) -> None:
        """Remove an object; one that is not there is left alone."""

        def ask() -> None:
            with self._explained(self.address.at(key), "write"):
                try:
                    self._obstore.delete(self._store, key)
                except FileNotFoundError:
                    return

        patiently(ask, self.address.at(key).shown)

    def _object_of(self, meta: Any) -> Found:
        # Not every store has ETags; a date tells most changes too.
        version = meta["e_tag"] or meta["last_modified"].isoformat()
        return Found(self.address.at(meta["path"]), int(meta["size"]), version)

    @contextmanager
    def _explained(self, address: Address, verb: str) -> Iterator[None]:
        """Say in a line what the store refused; what may pass becomes BrokenError."""
        errors = self._obstore.exceptions
        try:
            yield
        except (errors.PermissionDeniedError, errors.UnauthenticatedError):
            raise _no_right(address, verb) from None
        except errors.PreconditionError:
            raise changed(Found(address, 0, "")) from None
        except FileNotFoundError:
            raise ImageError(f"{address.shown}: not there; check bucket and key") from None
        except errors.BaseError as cause:
            raise _error_of(address, str(cause), verb) from None


def changed(found: Found) -> ImageError:
    """Return the error of an object that is another than it was."""
    return ImageError(
        f"{found.address.shown}: changed since it was looked at; wait until it is written to its"
        " end, and give the command again"
    )


def _no_right(address: Address, verb: str) -> InputError:
    return InputError(
        f"{address.shown}: no right to {verb} it with the credentials of the environment; check"
        " them, and the rules of the bucket"
    )


def _error_of(address: Address, message: str, verb: str) -> Exception:
    """Return our error for one of obstore that has no class of its own, by its HTTP status."""
    status = _STATUS.search(message)
    if status is None:
        return BrokenError("no connection, or it broke")
    # The server's own fault, too slow, too early, too many requests: these pass.
    if int(status[1]) >= 500 or status[1] in ("408", "425", "429"):
        return BrokenError(f"the server answered {status[1]}")
    if status[1] in ("401", "403"):  # of a listing
        return _no_right(address, verb)
    if status[1] in ("412", "416"):  # when obstore itself went on after a break
        return changed(Found(address, 0, ""))
    return InputError(
        f"{address.shown}: the server answered {status[1]}; check bucket, region and endpoint"
    )


def _obstore(address: Address) -> Any:
    try:
        import obstore
        import obstore.exceptions
    except ImportError as cause:
        raise MissingPackageError(
            f"{address.shown}: {cause.name or cause} is not installed; pip install"
            " 'breastseg[cloud]'"
        ) from None
    return obstore


def _open_store(address: Address) -> ObjectStore:
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, GCSStore, S3Store

    check_credentials(address.scheme, address.shown)
    client = dict(_CLIENT)
    if os.environ.get(_PLAIN.get(address.scheme, "")):
        client["allow_http"] = "true"
    options: dict[str, Any] = {"client_options": client, "retry_config": _RETRIES}
    try:
        if address.scheme == "s3":
            return S3Store(address.bucket, **options)
        if address.scheme == "gs":
            return GCSStore(address.bucket, **options)
        return AzureStore(address.bucket, **options)
    except (BaseError, ValueError, OSError):
        raise InputError(
            f"{address.shown}: the store cannot be opened with what the environment says; check its"
            " credentials, region and endpoint"
        ) from None
