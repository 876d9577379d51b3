"""What is known of a file before it is fetched."""

from dataclasses import dataclass


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
