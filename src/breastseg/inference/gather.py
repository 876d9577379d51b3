"""gather(): what the shards of a cohort wrote -> the tables that one machine would have written.

OUT/manifest.csv   what became of each slide; `missing` is one that no shard has done to its end
OUT/measures.csv   areas, shares and shapes, one row a slide that is done
OUT/missing.csv    the slides that are missing, with their shard; not there when none is
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from breastseg.errors import IncompleteError, InputError, OutputError
from breastseg.files import WORK_FILE, difference, write_table
from breastseg.inference.ledger import MANIFEST, OF_SHARD
from breastseg.inference.shards import (
    GIVEN,
    INPUTS,
    LEFT_OUT,
    MISSING,
    MOST_SHARDS,
    NAME,
    SLIDE,
    Shard,
    own_rows,
    patiently,
    shard_number,
)
from breastseg.json_files import read_json, whole_in
from breastseg.maps.record import MANIFEST_TABLE, MEASURES_TABLE
from breastseg.reporter import TERMINAL, Reporter
from breastseg.wording import counted

_MOST_NAMED = 20
_NEVER = "never ran"
_NOT_ENDED = "did not come to its end"
_EARLIER = "ran before the list of slides was as it is now"

Rows = list[dict[str, str]]


@dataclass
class _Part:
    """What one shard left.

    Attributes:
        shard: which.
        lacks: why none of its slides counts; None when it came to its end.
        outcomes: rows of its manifest by name; of two with one name, the second failed.
        measures: rows of its measures by name.
    """

    shard: Shard
    lacks: str | None = None
    outcomes: dict[str, Rows] = field(default_factory=dict)
    measures: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Gathered:
    """What was gathered.

    Attributes:
        done: slides.
        shards: how many there are.
    """

    done: int
    shards: int


def gather(out: str | Path, *, reporter: Reporter = TERMINAL) -> Gathered:
    """Make one manifest and one table of measures from those of all shards.

    The files are those that one machine would have written. It can be done while shards still run,
    and again when more have ended.

    Args:
        out: the folder that the shards shared, or into which their folders were copied.
        reporter: who hears of it.

    Returns:
        the numbers, when every slide is done.

    Raises:
        InputError: no shards wrote there, or a table of theirs is damaged.
        OutputError: shards of other settings, or of another number of them.
        IncompleteError: slides failed or are missing; what is there has been gathered.
    """
    out = Path(out)
    if not out.is_dir():
        raise InputError(f"{out}: no folder, wanted one that breastseg predict --shard wrote into")
    settings, count = _work(out)
    _check_counts(out, count)
    # Held, so that no shard begins with another list of slides meanwhile.
    with patiently(out):
        parts = [_part(out, Shard(number, count), settings) for number in range(1, count + 1)]
        tables = _Tables()
        # In the order of the inputs, in which one machine would have written its rows.
        for row in own_rows(out / INPUTS, (NAME, SLIDE, LEFT_OUT, *GIVEN)):
            tables.take(row, parts)
        tables.write(out)
    return _report(tables, parts, out, reporter)


def _work(out: Path) -> tuple[dict[str, object], int]:
    """Return the settings of the shards of a folder, and how many there are."""
    wish = "wanted the folder of breastseg predict --shard"
    note = read_json(out / WORK_FILE, InputError, "the note that breastseg predict --shard leaves")
    settings = note.get("settings") if isinstance(note, dict) else None
    if not isinstance(settings, dict) or note.get("command") != "predict":
        raise InputError(f"{out}: holds other work, {wish}")
    if "shards" not in settings:
        raise InputError(f"{out}: one machine wrote its tables, nothing is to gather; {wish}")
    try:
        return settings, whole_in(settings["shards"], 1, MOST_SHARDS, "shards")
    except ValueError as cause:
        raise InputError(f"{out / WORK_FILE}: {cause}") from None


def _check_counts(out: Path, count: int) -> None:
    """Refuse files of shards of another number of shards."""
    expected = {Shard(number, count).file("shard", "json") for number in range(1, count + 1)}
    present = {path.name for path in out.glob("shard.*-of-*.json")}
    others = sorted(present - expected)
    if others:
        raise OutputError(
            f"{out / others[0]}: of another number of shards than {count}, which {WORK_FILE} says;"
            " remove the files of the shards that do not belong there"
        )


def _part(out: Path, shard: Shard, settings: Mapping[str, object]) -> _Part:
    """Read what one shard left."""
    note = out / shard.file("shard", "json")
    if not note.is_file():
        return _Part(shard, _NEVER)
    content = read_json(note, InputError, "the settings of a shard")
    own_settings = content.get("settings") if isinstance(content, dict) else None
    if not isinstance(own_settings, dict):
        raise InputError(f"{note}: no settings of a shard; run shard {shard} again")
    if own_settings != settings:
        raise OutputError(
            f"{out}: shard {shard} ran with other settings ({difference(settings, own_settings)});"
            " nothing is gathered; run it again with those that are there, in this folder"
        )
    # A shard writes its measures last.
    if not (out / shard.file("measures")).is_file():
        return _Part(shard, _NOT_ENDED)
    return _read(out, shard)


def _read(out: Path, shard: Shard) -> _Part:
    """Read the tables of a shard that came to its end."""
    outcomes: dict[str, Rows] = defaultdict(list)
    for row in own_rows(out / shard.file("manifest"), OF_SHARD):
        outcomes[row[NAME]].append(row)
    measures = {}
    for row in own_rows(out / shard.file("measures"), (NAME,)):
        measures[row[NAME]] = row
    for name, rows in outcomes.items():
        for row in rows:
            if row["outcome"] not in ("done", "failed"):
                return _Part(shard, _NOT_ENDED)
            if row["outcome"] == "done" and name not in measures:
                raise InputError(
                    f"{out / shard.file('measures')}: no row of {name}, which is done; run shard"
                    f" {shard} again"
                )
    return _Part(shard, None, outcomes, measures)


class _Tables:
    """The tables that are gathered, row by row in the order of the inputs."""

    def __init__(self) -> None:
        self.manifest: list[dict[str, str]] = []
        self.measures: list[dict[str, str]] = []
        self.missing: list[dict[str, str]] = []
        self.failed: list[str] = []
        self.missing_by_shard: dict[int, Counter[str]] = defaultdict(Counter)
        """Shard -> cause -> number of slides that are missing for it."""

    def take(self, entry: dict[str, str], parts: list[_Part]) -> None:
        """Take one row of the list of inputs."""
        if entry[LEFT_OUT]:
            self._note(entry, outcome="left out", cause=entry[LEFT_OUT])
            return
        name = entry[NAME]
        part = parts[shard_number(name, len(parts)) - 1]
        row = self._row_of(entry, part)
        if row is None:
            cause = part.lacks or _EARLIER
            self._miss(entry, part.shard, cause)
            return
        self.manifest.append({key: row[key] for key in MANIFEST})
        if row["outcome"] == "failed":
            self.failed.append(f"shard {part.shard} failed: {row['cause']}")
        else:
            measures = part.measures.pop(name)
            del measures[NAME]
            self.measures.append(measures)

    def _row_of(self, entry: dict[str, str], part: _Part) -> dict[str, str] | None:
        """Return what a shard says of a slide, if it knew of it what the list says."""
        rows = part.outcomes.get(entry[NAME])
        if not rows:
            return None
        # Rows of one name come in the order of the inputs, in both files.
        row = rows.pop(0)
        is_same = all(row[key] == entry[key] for key in GIVEN)
        return row if is_same else None

    def _miss(self, entry: dict[str, str], shard: Shard, cause: str) -> None:
        message = f"shard {shard} {cause}"
        self._note(entry, outcome="missing", cause=message)
        row = {"shard": str(shard), NAME: entry[NAME], SLIDE: entry[SLIDE], "cause": message}
        self.missing.append(row)
        self.missing_by_shard[shard.number][cause] += 1

    def _note(self, entry: dict[str, str], *, outcome: str, cause: str) -> None:
        """Add a row to the manifest for a slide without results."""
        row = dict.fromkeys(MANIFEST, "")
        row |= {"slide": entry[SLIDE], "outcome": outcome, "cause": cause}
        row["patient"] = entry["patient"]
        self.manifest.append(row)

    def write(self, out: Path) -> None:
        """Write them."""
        # One machine has the column only where its table of slides names patients.
        if not any(row.get("patient") for row in self.measures):
            for row in self.measures:
                row.pop("patient", None)
        write_table(out / MANIFEST_TABLE, self.manifest)
        write_table(out / MEASURES_TABLE, self.measures)
        if self.missing:
            write_table(out / MISSING, self.missing)
        else:
            (out / MISSING).unlink(missing_ok=True)


def _report(tables: _Tables, parts: list[_Part], out: Path, reporter: Reporter) -> Gathered:
    """Report what is there and what is not; IncompleteError when that is not all."""
    lines = []
    dropped = 0
    for part in parts:
        for cause, number in tables.missing_by_shard[part.shard.number].items():
            lines.append(f"shard {part.shard} {cause}: {counted(number, 'slide')} missing")
        # What no row of the list took.
        dropped += sum(len(rows) for rows in part.outcomes.values())
    lines += tables.failed
    for line in lines[:_MOST_NAMED]:
        reporter.message(line)
    if len(lines) > _MOST_NAMED:
        reporter.message(
            f"and {counted(len(lines) - _MOST_NAMED, 'line')} more like these, in manifest.csv"
        )
    if dropped:
        reporter.message(
            f"{counted(dropped, 'slide')} left out: mapped, but not among the inputs any more"
        )
    outcomes = Counter(row["outcome"] for row in tables.manifest)
    done = outcomes["done"]
    failed = outcomes["failed"]
    missing = outcomes["missing"]
    reporter.message(f"{counted(done, 'image')} of {counted(len(parts), 'shard')}: {out}")
    if failed or missing:
        listed = f"; {out / MISSING} lists what is missing" if missing else ""
        raise IncompleteError(
            f"{failed} failed and {missing} missing of {counted(done + failed + missing, 'slide')};"
            f" {out / MANIFEST_TABLE} tells of each{listed}; run those shards again, then gather"
            " again"
        )
    return Gathered(done, len(parts))
