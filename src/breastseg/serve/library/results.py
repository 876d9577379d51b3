"""Results in the folder: what a run.json of a map says, read once and held while there is room."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from breastseg.maps.record import RUN, RunRecord, read_run_json
from breastseg.serve.library.names import opaque
from breastseg.serve.parsing import json_bytes

_RUN_BYTES = 2**20
"""What `predict` writes has a few kB."""
_RUN_HELD_BYTES = 2**22
"""Memory that one run.json may take once it is read."""
_RUNS_HELD_BYTES = 2**26
"""Memory that all that are held may take."""


@dataclass(frozen=True)
class Result:
    """A folder of results of one slide.

    Attributes:
        id: opaque; another one when the result is made again.
        folder: with run.json in it.
        run: what run.json says.
        made: when, ISO date and time.
    """

    id: str
    folder: Path
    run: RunRecord
    made: str


class Results:
    """The results that were found, each read again only when its run.json changes."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._runs: dict[tuple[Path, int], tuple[Result | None, int]] = {}

    def find(self, folders: list[Path]) -> tuple[dict[str, Result], int]:
        """Return the results in folders by their id, as far as there is room for them, and of how
        many there was none; hold no others."""
        # By folder and change of its run.json; also those that are none, so that they are not read
        # again at each look.
        runs: dict[tuple[Path, int], tuple[Result | None, int]] = {}
        results: dict[str, Result] = {}
        taken = 0
        left_out = 0
        for folder in folders:
            try:
                key = folder, (folder / RUN).stat().st_mtime_ns
            except OSError:
                continue
            result, size = self._runs.get(key) or _read_result(*key)
            runs[key] = result, size
            if size > _RUN_HELD_BYTES or taken + size > _RUNS_HELD_BYTES:
                left_out += 1
                runs[key] = None, size
            elif result:
                taken += size
                results[result.id] = result
        self._runs = runs
        return results, left_out


def is_still_there(result: Result) -> bool:
    """Return whether a result lies where it was found, itself and not by a link."""
    try:
        return is_own_file(result.folder / RUN) and result.folder.resolve() == result.folder
    except (OSError, RuntimeError):
        # A folder that may not be looked into any more, or a link that leads to itself.
        return False


def is_own_file(path: Path) -> bool:
    """Return whether a file of a result lies there itself: a link may lead anywhere."""
    return path.is_file() and not path.is_symlink()


def _read_result(folder: Path, changed_ns: int) -> tuple[Result | None, int]:
    """Return a result by what its run.json says, and what that takes; None for another program's
    run.json, or one that is too much."""
    try:
        if not is_own_file(folder / RUN):
            return None, 0
        # One byte more than is taken, so that what is larger shows.
        with (folder / RUN).open("rb") as file:
            text = file.read(_RUN_BYTES + 1)
        size = json_bytes(text)
        if len(text) > _RUN_BYTES or size > _RUN_HELD_BYTES:
            return None, max(size, _RUN_HELD_BYTES + 1)
        run = RunRecord.from_dict(read_run_json(folder))
        made = datetime.fromtimestamp(changed_ns / 1e9, UTC).isoformat(timespec="seconds")
        return Result(opaque(folder, changed_ns), folder, run, made), size
    except (OSError, ValueError, RecursionError):
        # What is no JSON and no record is a ValueError, as is a number of 5,000 digits.
        return None, 0
