"""Results in the folder: what a run.json of a map says, read once and held while there is room."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from breastseg.errors import InputError
from breastseg.json_files import read_json
from breastseg.serve.library.names import opaque
from breastseg.serve.parsing import json_bytes

RUN_FILE = "run.json"
"""In the folder of every result."""
_RUN_BYTES = 2**20
"""What `predict` writes has a few kB."""
_RUN_HELD_BYTES = 2**22
"""Memory that one run.json may take once it is read."""
_RUNS_HELD_BYTES = 2**26
"""Memory that all that are held may take."""
_MOST_NUMBER = 2**53

_KINDS = {
    "input": str,
    "input_fingerprint": str,
    "size_px": list,
    "label_map": dict,
    "measures": dict,
    "doubts": list,
}
"""What the run.json of a result has, and of which type."""
_TEXTS = ("model", "mpp_source", "backend", "use")
_NUMBERS = ("mpp", "model_mpp")


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
    run: dict[str, Any]
    made: str

    @property
    def input_name(self) -> str:
        """Return the file name of the slide that was mapped."""
        return re.split(r"[/\\]", str(self.run["input"]))[-1]


class Results:
    """The results that were found, each read again only when its run.json changes."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._runs: dict[tuple[Path, int], tuple[Result | None, int]] = {}

    def find(self, folders: list[Path]) -> tuple[dict[str, Result], int]:
        """Return the results in folders by their id, as far as there is room for them, and of how
        many there was none; hold no others."""
        held: dict[tuple[Path, int], tuple[Result | None, int]] = {}
        found: dict[str, Result] = {}
        taken = 0
        left_out = 0
        for folder in folders:
            try:
                key = folder, (folder / RUN_FILE).stat().st_mtime_ns
            except OSError:
                continue
            result, size = self._runs.get(key) or _read_result(*key)
            held[key] = result, size
            if size > _RUN_HELD_BYTES or taken + size > _RUNS_HELD_BYTES:
                left_out += 1
                held[key] = None, size
            elif result:
                taken += size
                found[result.id] = result
        self._runs = held
        return found, left_out


def is_still_there(result: Result) -> bool:
    """Return whether a result lies where it was found, itself and not by a link."""
    try:
        return is_own_file(result.folder / RUN_FILE) and result.folder.resolve() == result.folder
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
        if not is_own_file(folder / RUN_FILE):
            return None, 0
        with (folder / RUN_FILE).open("rb") as file:
            text = file.read(_RUN_BYTES + 1)
        size = json_bytes(text)
        if len(text) > _RUN_BYTES or size > _RUN_HELD_BYTES:
            return None, max(size, _RUN_HELD_BYTES + 1)
        run = read_json(folder / RUN_FILE, InputError, "a result's run.json")
        made = datetime.fromtimestamp(changed_ns / 1e9, UTC).isoformat(timespec="seconds")
        if not _is_run(run):
            return None, 0
        return Result(opaque(folder, changed_ns), folder, run, made), size
    except (OSError, ValueError, RecursionError):
        # read_json's own error is a ValueError, as is a number of 5,000 digits.
        return None, 0


def _is_run(said: Any) -> bool:
    """Return whether a run.json is that of a result; anybody may have written it."""
    if not isinstance(said, dict):
        return False
    if not all(isinstance(said.get(name), kind) for name, kind in _KINDS.items()):
        return False
    if not all(isinstance(said.get(name, ""), str) for name in _TEXTS):
        return False
    if not all(_is_number(said.get(name, 0)) for name in _NUMBERS):
        return False
    if not all(isinstance(doubt, str) for doubt in said["doubts"]):
        return False
    if len(said["size_px"]) != 2 or not _is_numbers(said["size_px"]):
        return False
    if not _is_numbers(said.get("box_level0_px") or []):
        return False
    return all(_is_measure(value) for value in said["measures"].values())


def _is_measure(value: Any) -> bool:
    # NaN is the one number that is not itself.
    return value is None or value != value or isinstance(value, str) or _is_number(value)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < _MOST_NUMBER
