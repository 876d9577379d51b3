"""Staging: objects in scratch, the next one fetched while one is in use."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from breastseg.cloud.address import Address, Found
from breastseg.cloud.fetch import Objects, fetch
from breastseg.errors import InputError
from breastseg.files import fit_name

SHARE = 0.8
"""Of the free disk that scratch may take."""


class Staging:
    """Objects that are needed in an order; at most two are in scratch, and never more than a number
    of bytes."""

    def __init__(
        self,
        folder: Path,
        order: Sequence[Address],
        needed: Callable[[Found], bool],
        objects: Objects,
        *,
        limit_bytes: float | None = None,
    ) -> None:
        """Begin; what an earlier run has left of other objects is removed.

        Args:
            folder: scratch of this work alone.
            order: in which they will be asked for.
            needed: whether one that was looked at will be asked for at all.
            objects: where they come from.
            limit_bytes: that scratch may take; None is a share of what is free.
        """
        self._folder = folder
        self._order = list(order)
        self._needed = needed
        self._objects = objects
        self._stop = Event()
        self._places = {address: place for place, address in enumerate(order)}
        self._remove_others(order)
        free = shutil.disk_usage(folder).free
        self._limit = free * SHARE if limit_bytes is None else limit_bytes
        self._pool = ThreadPoolExecutor(1)  # one is enough: never more than one comes ahead
        self._coming: Future[None] | None = None

    @contextmanager
    def here(self, address: Address) -> Iterator[Path]:
        """Yield an object as a file, and remove it after; meanwhile the next one comes.

        Raises:
            ImageError: changed meanwhile, or gone. InputError: refused, out of reach, or larger
                than scratch may be.
        """
        found = self._objects.look(address)
        if found.size > self._limit:
            raise InputError(
                f"{address.shown}: {found.size / 1e6:.0f} MB, and scratch in {self._folder} may"
                f" take {self._limit / 1e6:.0f} MB; free some, or set TMPDIR to a folder on another"
                " disk"
            )
        path = self._path(address)
        if self._coming is not None:
            wait([self._coming])  # what it raised comes again below, where somebody hears it
        self._remove_others([address])
        try:
            self._fetch(found)
            self._coming = self._pool.submit(self._fetch_next, found)
            yield path
        finally:
            if path.exists():  # a part stays, for another attempt
                shutil.rmtree(path.parent)

    def close(self) -> None:
        """End; what is on its way stays as far as it came, for the next run."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def _path(self, address: Address) -> Path:
        """Return where an object lies: under its own name, in a folder of its own."""
        digest = hashlib.sha256(address.shown.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return self._folder / digest / fit_name(address.name)

    def _fetch(self, found: Found) -> None:
        path = self._path(found.address)
        path.parent.mkdir(exist_ok=True)
        fetch(found, path, self._objects, stop=self._stop)

    def _fetch_next(self, used: Found) -> None:
        """Fetch the next that is needed, if it has room beside the one in use."""
        after = self._places[used.address] + 1
        for address in self._order[after:]:
            if self._stop.is_set():
                return
            found = self._objects.look(address)
            if not self._needed(found):
                continue
            # Too large beside the one in use: it comes when that one is removed, not a later one.
            if used.size + found.size <= self._limit:
                self._fetch(found)
            return

    def _remove_others(self, addresses: Sequence[Address]) -> None:
        """Remove what is of none of these objects."""
        folders = {self._path(address).parent for address in addresses}
        for path in self._folder.iterdir():
            if path.is_dir() and path not in folders:
                shutil.rmtree(path)
