"""The tables of a run of `predict`, and what it tells of each slide."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from breastseg.errors import InputError
from breastseg.files import write_table
from breastseg.inference.inputs import Inputs
from breastseg.inference.shards import GIVEN, NAME, Shard, given
from breastseg.maps.record import MANIFEST_TABLE, MEASURES_TABLE, Measures
from breastseg.tables import read_table

MANIFEST = ("slide", "outcome", "cause", "seconds", "result", "patient")
"""Columns of manifest.csv."""
OF_SHARD = (NAME, *GIVEN, *(column for column in MANIFEST if column not in GIVEN))
"""Columns of a shard's."""
_WRITE_SHARE = 20
"""The manifest of ten thousand slides is not written ten thousand times: between two writings lies
so many times what one takes."""


class Ledger:
    """The two tables of a run; those of a shard have the slide's name before each row.

    Attributes:
        manifest: what became of each.
        measures: of those that are done.
        of_shard: whether the run is a part of several.
        part: which one, as in 3/8; empty where it is the whole.
    """

    def __init__(self, out: Path, shard: Shard | None) -> None:
        """Name the tables of a folder, or of a shard in it."""
        self.of_shard = shard is not None
        self.part = str(shard or "")
        self.manifest = out / (MANIFEST_TABLE if shard is None else shard.file("manifest"))
        self.measures = out / (MEASURES_TABLE if shard is None else shard.file("measures"))
        self._due_s = 0.0
        self._behind = False
        self._rows: list[dict[str, str]] = []
        self._names: list[str] = []
        self._given: list[dict[str, str | float | None]] = []

    @property
    def failed(self) -> list[str]:
        """Return why each failed that did, so far, in the order of the slides."""
        return [row["cause"] for row in self._rows if row["outcome"] == "failed"]

    def seconds_before(self) -> dict[str, str]:
        """Return the seconds of each slide by an earlier run."""
        if not self.manifest.is_file():
            return {}
        try:
            table = read_table(self.manifest, InputError, needed=("slide", "seconds"), others=True)
        except InputError:
            # It is written anew, and a damaged one stops no run: its seconds are left blank.
            return {}
        return {row["slide"]: row["seconds"] for row in table.rows}

    def begin(self, named: Inputs) -> None:
        """Take the slides in order; all of them wait. Of what is left out, gather tells."""
        self._names = [item.name for item in named.items]
        self._rows = [{"slide": item.shown, "outcome": "waits"} for item in named.items]
        if self.of_shard:
            self._given = [given(item) for item in named.items]
            self._write_manifest()
            return
        for left_out in named.left_out:
            row = {"slide": left_out.shown, "outcome": "left out", "cause": left_out.cause}
            self._rows.append(row)
            self._names.append("")

    def note(self, place: int, row: dict[str, str]) -> None:
        """Note what became of one slide, and write it down: at once, or with those that follow
        where writing the table would take more than a twentieth of the time."""
        self._rows[place] = row
        self._behind = True
        if time.monotonic() >= self._due_s:
            self._write_manifest()

    def finish(self) -> None:
        """Write down what is not yet."""
        if self._behind:
            self._write_manifest()

    def write_measures(self, rows: Sequence[tuple[str, Mapping[str, object]]]) -> None:
        """Write the measures of those that are done, each with its slide's name."""
        self._write(self.measures, rows, (NAME,))

    def _write_manifest(self) -> None:
        start = time.monotonic()
        rows: list[tuple[str, Mapping[str, object]]] = []
        for number, (name, row) in enumerate(zip(self._names, self._rows, strict=True)):
            full: dict[str, str | float | None] = {**dict.fromkeys(MANIFEST, ""), **row}
            if self.of_shard:
                # Columns of what the table of slides says come first, in both.
                full = self._given[number] | full
            rows.append((name, full))
        self._write(self.manifest, rows, OF_SHARD)
        self._behind = False
        end = time.monotonic()
        self._due_s = end + (end - start) * _WRITE_SHARE

    def _write(
        self, path: Path, rows: Sequence[tuple[str, Mapping[str, object]]], columns: Sequence[str]
    ) -> None:
        if self.of_shard:
            write_table(path, [{NAME: name, **row} for name, row in rows], columns)
        else:
            write_table(path, [row for _, row in rows])


@dataclass(frozen=True)
class Outcome:
    """What became of one slide.

    Attributes:
        name: of its results, its folder in OUT.
        slide: the file.
        status: done or failed.
        cause: why it failed.
        folder: its results, when they are there.
        warnings: what speaks against them.
        measures: its row of measures.csv, when it is done.
    """

    name: str
    slide: str
    status: str
    cause: str | None = None
    folder: str | None = None
    warnings: tuple[str, ...] = ()
    measures: Measures | None = None

    def json_line(self) -> str:
        """Return it as one line of JSON in ASCII: NaN is null, bytes that are no UTF-8 are
        escapes."""
        values = asdict(self)
        if self.measures is not None:
            values["measures"] = {key: _finite(value) for key, value in self.measures.items()}
        for key in ("slide", "folder"):
            if values[key] is not None:
                values[key] = as_written(values[key])
        # Other programs read these lines: NaN is no JSON to most of them.
        return json.dumps(values, allow_nan=False)


def _finite(value: Any) -> Any:
    """Return a value, None for what is no finite number."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def as_written(text: object) -> str:
    """Return a path as tables have it: bytes that are no UTF-8 are escapes there."""
    return str(text).encode(errors="backslashreplace").decode()
