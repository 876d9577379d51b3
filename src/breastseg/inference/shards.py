"""Parts of a cohort for several machines: which slide is in which, and what each part writes.

A shard writes into the folder that all share, beside the results:

OUT/manifest.3-of-8.csv   what became of each of its slides, and its name
OUT/measures.3-of-8.csv   areas, shares and shapes; there when the shard came to its end
OUT/shard.3-of-8.json     the settings it ran with
OUT/inputs.csv            all slides of the cohort, in order, as the shard that began last saw them
"""

import csv
import hashlib
import os
import re
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from breastseg.errors import InputError, OutputError
from breastseg.files import (
    Remains,
    claim_folder,
    held_across,
    held_file,
    table_text,
    write_json,
    write_table,
)
from breastseg.inference.inputs import Input, Inputs
from breastseg.maps.record import COHORT

INPUTS = "inputs.csv"
MISSING = "missing.csv"
NAME, SLIDE, LEFT_OUT = "name", "slide", "left_out"
"""Columns of inputs.csv: the folder of results, the file, and why it is not looked at."""
GIVEN = ("mpp", "box", "patient")
"""Further columns: what a table of slides says of one."""
MOST_SHARDS = 100_000

_WRITTEN = re.compile(r"([0-9]{1,6})/([0-9]{1,6})", re.ASCII)
_COLUMNS = (NAME, SLIDE, LEFT_OUT, *GIVEN)
_LOCKS = ".part-shard."
_PATIENCE_S = 60.0  # shards that begin at once hold the folder one after another
_PAUSE_S = 0.05
_ADVICE = "choose another folder, or give this shard the settings of the others"
_REMAINS = Remains(rest=("manifest*.csv", "measures*.csv", "shard.*.json", INPUTS, MISSING, COHORT))


@dataclass(frozen=True)
class Shard:
    """One part of several.

    Attributes:
        number: from 1.
        count: how many there are.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        """Refuse a number that is not one of the count."""
        if not 1 <= self.count <= MOST_SHARDS or not 1 <= self.number <= self.count:
            raise InputError(
                f"shard {self}: wanted i/n with n from 1 to {MOST_SHARDS} and i from 1 to n, as"
                " in 3/8"
            )

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read "3/8"; InputError for what is none."""
        match = _WRITTEN.fullmatch(text.strip())
        if match is None:
            raise InputError(f"shard '{text}': wanted i/n in digits, as in 3/8")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        return f"{self.number}/{self.count}"

    def file(self, kind: str, ending: str = "csv") -> str:
        """Return the name of one of its files."""
        return f"{kind}.{self.number}-of-{self.count}.{ending}"

    def holds(self, name: str) -> bool:
        """Return whether a slide with this folder of results is in it."""
        return shard_number(name, self.count) == self.number


def shard_number(name: str, count: int) -> int:
    """Return the number, from 1, of the shard that a slide is in.

    It depends on the name alone, so every machine has the same parts, and slides that come later
    move no other. Systems write accents in two ways; both give the same number.

    Args:
        name: `Input.name`, the slide's folder of results in OUT.
        count: of shards.
    """
    # Not Python's hash(), which is another in each process.
    digest = hashlib.sha256(unicodedata.normalize("NFC", name).encode()).digest()
    return int.from_bytes(digest) % count + 1


def part_of(named: Inputs, shard: Shard) -> Inputs:
    """Return the inputs of one shard, in order; what two cannot both be is decided over all."""
    return replace(named, items=[item for item in named.items if shard.holds(item.name)])


@contextmanager
def shard_folder(
    out: Path, shard: Shard, settings: Mapping[str, object], named: Inputs
) -> Iterator[None]:
    """Hold one shard of a folder, and claim the folder for all shards of these settings.

    Args:
        out: the folder that all share; made when missing.
        shard: which one.
        settings: everything that decides the results, without the inputs.
        named: all inputs of the cohort.

    Raises:
        OutputError: this shard is being run elsewhere, or the folder holds other work.
        InputError: the folder is a file.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, wanted a folder; choose another name")
    out.mkdir(parents=True, exist_ok=True)
    settings = {**settings, "shards": shard.count}
    with ExitStack() as held:
        with patiently(out):
            _claim(out, settings)
            lock = out / f"{_LOCKS}{shard.number}-of-{shard.count}.lock"
            held.enter_context(held_file(lock, f"{out}, shard {shard}"))
            _write_inputs(named, out)
            write_json(out / shard.file("shard", "json"), {"settings": settings})
            # The file says that the shard came to its end: until it does again, it did not.
            (out / shard.file("measures")).unlink(missing_ok=True)
        yield


@contextmanager
def patiently(out: Path) -> Iterator[None]:
    """Hold a folder for a moment; wait while other shards do the same.

    Raises:
        OutputError: a run of another kind holds it.
    """
    until = time.monotonic() + _PATIENCE_S
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(held_across(out))
                break
            except OutputError:
                if time.monotonic() > until:
                    raise
            time.sleep(_PAUSE_S)
        yield


def _claim(out: Path, settings: Mapping[str, object]) -> None:
    """Claim the folder; what failed with other settings and finished nothing gives way, unless one
    of its shards still runs."""
    try:
        claim_folder(out, "predict", settings, advice=_ADVICE)
    except OutputError:
        if _runs(out):
            raise
        claim_folder(out, "predict", settings, advice=_ADVICE, remains=_REMAINS)


def _runs(out: Path) -> bool:
    """Return whether a shard is running: its lock cannot be taken."""
    for lock in out.glob(f"{_LOCKS}*"):
        try:
            with held_file(lock, str(lock)):
                pass
        except OutputError:
            return True
    return False


def _write_inputs(named: Inputs, out: Path) -> None:
    """Write the list of the cohort, if it is not the one that is there."""
    own_folder = out.resolve()
    rows = []
    for item in named.items:
        rows.append({NAME: item.name, SLIDE: item.shown, **given(item)})
    for left_out in named.left_out:
        # OUT itself may lie among the inputs: only for shards that began later it is there.
        if left_out.path.resolve() != own_folder:
            rows.append({NAME: "", SLIDE: left_out.shown, LEFT_OUT: left_out.cause})
    text = table_text(rows, _COLUMNS).encode(errors="backslashreplace")
    path = out / INPUTS
    if not path.is_file() or path.read_bytes() != text:
        write_table(path, rows, _COLUMNS)


def given(item: Input) -> dict[str, str | float | None]:
    """Return what a table of slides says of one, by `GIVEN`."""
    return {"mpp": item.mpp, "box": item.box, "patient": item.patient}


def own_rows(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Yield the rows of a table that a shard wrote, each cell as it was written.

    `read_table` is for tables that people make: it takes blanks away that are part of a name.

    Raises:
        InputError: no such table.
    """
    wish = f"wanted a table of a shard with {', '.join(needed)}"
    try:
        if not _is_whole(path):
            raise InputError(f"{path}: cut off, its last line has no end; {wish}; copy it again")
        with path.open(encoding="utf-8", newline="") as file:
            records = csv.reader(file, strict=True)
            head = next(records, [])
            if any(name not in head for name in needed):
                raise InputError(f"{path}: columns are {', '.join(head)[:200] or 'none'}; {wish}")
            for cells in records:
                if len(cells) != len(head):
                    raise InputError(
                        f"{path}, line {records.line_num}: {len(cells)} cells, the head has"
                        f" {len(head)}; {wish}; run the shard again"
                    )
                yield dict(zip(head, cells, strict=True))
    except (csv.Error, UnicodeDecodeError) as cause:
        raise InputError(f"{path}: damaged ({cause}), {wish}; run the shard again") from None
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"{path}: not there, {wish}; run the shard again") from None


def _is_whole(path: Path) -> bool:
    """Return whether a table ends with a line end, or is empty: a copy may be cut off."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read(1) in (b"\n", b"")
