"""How the server is set: the folder, the address, and what nobody may go beyond."""

from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names by which only this machine reaches the server."""


@dataclass(frozen=True)
class Limits:
    """What nobody may go beyond.

    Attributes:
        requests: answered at a time; more are told to come again.
        body_bytes: of areas that are saved.
        small_body_bytes: of any other request, an upload apart.
        upload_bytes: of an upload.
        upload_px: pixels of an upload.
        jobs: waiting at a time.
        open_slides: handles of slides held open, and apart from these of label images.
        held_bytes: of all requests together: what is decoded and kept, what is decoded or parsed
            and not kept, bodies as they come.
    """

    requests: int = 400
    body_bytes: int = 16 * 2**20
    small_body_bytes: int = 2**16
    upload_bytes: int = 2**30
    upload_px: int = 2_000_000_000
    jobs: int = 100
    open_slides: int = 8
    held_bytes: int = 512 * 2**20

    # Five, two and one eighth of the whole. A room each, because who holds bytes of a room must not
    # wait for more of the same.
    @property
    def kept_bytes(self) -> int:
        """Return the part of `held_bytes` for what is decoded and kept."""
        return self.held_bytes * 5 // 8

    @property
    def passing_bytes(self) -> int:
        """Return the part of `held_bytes` for what is decoded or parsed and not kept."""
        return self.held_bytes // 4

    @property
    def bodies_bytes(self) -> int:
        """Return the part of `held_bytes` for bodies as they come."""
        return self.held_bytes // 8


@dataclass(frozen=True)
class ServeConfig:
    """What is served, and where.

    Attributes:
        folder: slides, images and results.
        host: address to listen at.
        port: 0 picks one.
        token: asked of everybody; must be there when `host` is not this machine alone, and should
            where others use it.
        out: where jobs write; None is FOLDER/breastseg.
        models: folders of bundles that jobs can use beside the models that ship.
        limits: what nobody may go beyond.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8100
    token: str | None = None
    out: Path | None = None
    models: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)

    @property
    def out_folder(self) -> Path:
        """Return the folder that jobs write to."""
        return self.folder / "breastseg" if self.out is None else self.out
