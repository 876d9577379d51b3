"""Results that go to a bucket: each slide's as it ends, run.json last, the tables at the end.

Results of the same work that the bucket already holds are recognised by their run.json; the rest of
them stays there.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from breastseg.cloud.address import Address
from breastseg.cloud.copy import WorkingCopy
from breastseg.cloud.fetch import Objects
from breastseg.cloud.scratch import held_scratch
from breastseg.errors import BreastsegError, IncompleteError, InputError
from breastseg.inference.fetched import renamed
from breastseg.inference.ledger import Outcome
from breastseg.inference.shards import Shard
from breastseg.maps.record import MANIFEST_TABLE, RUN
from breastseg.reporter import Reporter


@contextmanager
def sending(
    out: Address, shard: Shard | None, reporter: Reporter
) -> Iterator[tuple[Path, Reporter]]:
    """Yield a folder in scratch whose results are sent to a prefix, and who hears of them.

    Raises:
        InputError: no bucket, no right to write there, or a shard, whose tables `gather` joins in
            a folder.
    """
    if not out.in_bucket:
        raise InputError(f"--out {out.shown}: wanted a folder, or s3://, gs:// or az://")
    if shard is not None:
        raise InputError(
            f"--out {out.shown} with --shard {shard}: shards share a folder; write to one, gather,"
            " and copy it to the bucket"
        )
    with held_scratch(out.shown) as scratch, renamed(scratch / "out", out.shown.rstrip("/")):
        folder = scratch / "out"
        folder.mkdir(exist_ok=True)
        try:
            copy = WorkingCopy(folder, out, Objects(), last=RUN, state=(MANIFEST_TABLE,))
            copy.begin()
            try:
                yield folder, _sender(copy, folder, out.shown.rstrip("/"), reporter)
            except IncompleteError:
                # Some failed: the tables say which, and belong to the others' results.
                copy.end()
                raise
            copy.end()
        except BreastsegError:
            if not any(folder.rglob(RUN)):  # nothing to go on with
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _sender(copy: WorkingCopy, folder: Path, shown: str, reporter: Reporter) -> Reporter:
    """Return a reporter that sends each result as it is done, and names the bucket in messages."""

    def on_event(event: object) -> None:
        if isinstance(event, Outcome) and event.status == "done":
            # Before anybody hears that it is done; where it fails, the slide has failed.
            copy.send(event.name)
            event = replace(event, folder=f"{shown}/{event.name}")
        reporter.event(event)

    return reporter.through(lambda text: text.replace(str(folder), shown), on_event)


def place_of(out: str | Path) -> Path:
    """Return the folder on whose disk results lie while they are made."""
    if "://" in str(out):
        return Path(tempfile.gettempdir())
    return Path(out)
