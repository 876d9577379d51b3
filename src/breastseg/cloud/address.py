"""Address: an object, or all that begins with a prefix, as a person names it."""

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from breastseg.errors import InputError

BUCKETS = ("s3", "gs", "az")
"""Schemes of stores that can list what they hold."""
_ADDRESS = re.compile(r"([a-z][a-z0-9+.\-]*)://", re.IGNORECASE)
_HERE = ("localhost", "127.0.0.1", "::1")
_WANTED = "wanted s3://BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/KEY or https://HOST/PATH"


def is_address(text: str) -> bool:
    """Tell whether something that a person names is an address and no path."""
    return _ADDRESS.match(text) is not None


@dataclass(frozen=True)
class Address:
    """An object, or a prefix of several.

    Attributes:
        scheme: s3, gs, az, https; http of this machine alone.
        bucket: bucket, container or host.
        key: of the object in it, without a slash at its start.
        query: of a web address; it may be a signature, so nothing shows it.
    """

    scheme: str
    bucket: str
    key: str
    query: str = ""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address.

        Raises:
            InputError: another scheme, or a name and password in it.
        """
        scheme, _, rest = text.partition("://")
        scheme = scheme.lower()
        bucket, _, key = rest.partition("/")
        if "@" in bucket:
            raise InputError(
                f"{scheme}://...@{bucket.rpartition('@')[2]}: a name or password in the address;"
                " take it out, credentials come from the environment"
            )
        if scheme in BUCKETS and bucket:
            return cls(scheme, bucket, key)
        if scheme in ("http", "https") and bucket:
            return cls._of_web(text)
        raise InputError(f"{scheme}://{bucket}: no address that is known; {_WANTED}")

    @classmethod
    def _of_web(cls, text: str) -> "Address":
        try:
            parts = urlsplit(text)
            host = parts.hostname or ""
            _ = parts.port  # raises where it is no number: urlsplit alone lets that pass
        except ValueError:
            raise InputError(f"{text.partition('?')[0]}: not an address; {_WANTED}") from None
        if parts.scheme == "http" and host not in _HERE:
            raise InputError(
                f"http://{parts.netloc}: not encrypted; name it with https, or fetch it yourself"
            )
        return cls(parts.scheme, parts.netloc, parts.path.removeprefix("/"), parts.query)

    @property
    def in_bucket(self) -> bool:
        """Tell whether a store holds it that can list."""
        return self.scheme in BUCKETS

    @property
    def shown(self) -> str:
        """Return it as messages and files have it: without a query."""
        return f"{self.scheme}://{self.bucket}/{self.key}"

    @property
    def url(self) -> str:
        """Return all of it, to ask for it; never shown."""
        return f"{self.shown}?{self.query}" if self.query else self.shown

    @property
    def host(self) -> str:
        """Return the host of a web address without its port."""
        return urlsplit(self.shown).hostname or ""

    @property
    def name(self) -> str:
        """Return the last part of its key."""
        last = self.key.rpartition("/")[2]
        # In a bucket "%20" is three letters of the key; in a web address it is a blank.
        return last if self.in_bucket else unquote(last)

    def at(self, key: str) -> "Address":
        """Return another key of the same bucket."""
        return replace(self, key=key)

    def below(self, name: str) -> "Address":
        """Return what lies under a prefix."""
        return self.at(f"{self.key.rstrip('/')}/{name}".removeprefix("/"))

    def __repr__(self) -> str:
        """Return it without its query."""
        return f"Address({self.shown!r})"


@dataclass(frozen=True)
class Found:
    """An object as it was when it was looked at.

    Attributes:
        address: where it is.
        size: bytes.
        version: its ETag, or where there is none its date; another means other bytes.
    """

    address: Address
    size: int
    version: str
