"""Slides in buckets: fetched while they are mapped; a whole result is recognised by the object's
version, without fetching."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from breastseg.cloud.address import Found
from breastseg.cloud.scratch import held_scratch
from breastseg.cloud.staging import Staging
from breastseg.errors import BreastsegError
from breastseg.geometry import Box, BoxUm, box_within, parse_box
from breastseg.inference.inputs import Input, Inputs
from breastseg.maps.record import RUN, Origin, RunRecord, box_px, read_run_json
from breastseg.reporter import Reporter


class Asked(Protocol):
    """What of a configuration decides whether a result is still the one that is wanted."""

    @property
    def mpp(self) -> float | None: ...  # noqa: D102
    @property
    def box(self) -> Box | BoxUm | None: ...  # noqa: D102


class Fetched:
    """The inputs of a run, those in buckets too."""

    def __init__(self, named: Inputs, out: Path, asked: Asked, scratch: Path | None) -> None:
        """Take them; `scratch` is None where all are files."""
        self._objects = named.objects
        self._out = out
        self._asked = asked
        self._items = {item.address: item for item in named.items if item.address}
        self._staging = None
        if scratch is not None:
            # The next slides are fetched while one is mapped, in the order of the run.
            order = [address for address, item in self._items.items() if item.broken is None]
            self._staging = Staging(scratch, order, self.needed, named.objects)

    def close(self) -> None:
        """Fetch no more."""
        if self._staging is not None:
            self._staging.close()

    def kept(self, item: Input) -> RunRecord | None:
        """Return what run.json says of a whole result of an object that is still the same; None
        when there is none, or the input is a file.

        Raises:
            ImageError: the object is not there. InputError: it cannot be asked for.
        """
        if item.address is None or item.broken is not None:
            return None
        return self._kept(item, self._objects.look(item.address))

    @contextmanager
    def here(self, item: Input, reporter: Reporter) -> Iterator[tuple[Input, Reporter]]:
        """Yield an input as a file, and who hears of it by its address.

        Raises:
            what `Staging.here` raises.
        """
        if item.address is None or item.broken is not None or self._staging is None:
            yield item, reporter
            return
        shown = item.shown
        entry = self._objects.look(item.address)
        with self._staging.here(item.address) as path, renamed(path, shown):
            origin = Origin(shown, _version(entry))
            local = replace(item, path=path, address=None, origin=origin)
            # Messages name the address: the path of scratch means nothing to a person.
            local_reporter = reporter.through(
                lambda text: text.replace(str(path), shown), reporter.event
            )
            yield local, local_reporter

    def needed(self, entry: Found) -> bool:
        """Return whether an object will have to be fetched."""
        item = self._items[entry.address]
        return item.broken is None and self._kept(item, entry) is None

    def _kept(self, item: Input, entry: Found) -> RunRecord | None:
        """Return the record of a result that is whole, and of this version, um/px and box."""
        folder = self._out / item.name
        # Without a version nobody can say whether the object is still the same.
        if not entry.version or not (folder / RUN).is_file():
            return None
        try:
            record = RunRecord.from_dict(read_run_json(folder))
            mpp, box = self._wanted(item, record)
        except ValueError:  # damaged, or a box that does not lie in it
            return None
        wanted = (item.shown, _version(entry), mpp, box)
        made = (record.input, record.input_version, record.mpp, record.box_level0_px)
        return record if wanted == made else None

    def _wanted(
        self, item: Input, record: RunRecord
    ) -> tuple[float | None, tuple[int, int, int, int] | None]:
        """Return the um/px and the box that a result must have; the file's own um/px are those that
        it had."""
        mpp = item.mpp or self._asked.mpp
        # Nobody gives um/px: then the file's own hold, unless the result was made with given ones.
        if mpp is None and record.mpp_source != "given":
            mpp = record.mpp
        box = parse_box(item.box) if item.box else self._asked.box
        if box is None:
            return mpp, None
        return mpp, box_px(box_within(box, record.size_px, record.mpp, item.shown))


@contextmanager
def fetching(named: Inputs, out: Path, asked: Asked, part: str = "") -> Iterator[Fetched]:
    """Open what brings the inputs of a run here; scratch is held while it lasts.

    Args:
        named: the inputs.
        out: folder of the results.
        asked: um/px and box of all.
        part: which shard it is.

    Raises:
        OutputError: another run of the same folder holds it.
    """
    away = any(item.address for item in named.items)
    with held_scratch(f"{out.absolute()} {part}") if away else nullcontext() as scratch:
        fetched = Fetched(named, out, asked, scratch)
        try:
            yield fetched
        finally:
            fetched.close()


@contextmanager
def renamed(path: Path, shown: str) -> Iterator[None]:
    """Name an address in place of a path of scratch in every error."""
    try:
        yield
    except BreastsegError as error:
        if str(path) not in str(error):
            raise
        raise type(error)(str(error).replace(str(path), shown)) from error.__cause__


def _version(entry: Found) -> str:
    """Return size and version in one text, as run.json keeps them."""
    return f"{entry.size} {entry.version}"
