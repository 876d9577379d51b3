"""All rounds of a command: begun in a new folder, killed, given again, compared."""

import queue
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from killing.commands import Command, Inputs
from killing.compare import differences, everything, names
from killing.runs import STOPPED, Ended, Kill, Slot

LIMIT = 20
"""An end takes so many times as long as an undisturbed run at most, and a minute more."""
TRIES = 8
"""So often a round begins anew when the command was done before it was killed."""
SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Undisturbed:
    """What a command makes in a slot, and how long it takes: `seconds` in all, `first_s` to its
    first file, `changes` of files."""

    files: dict[str, str]
    temporary: dict[str, str]
    seconds: float
    first_s: float
    changes: int


@dataclass(frozen=True)
class Round:
    """A round: what had been made at each kill ("start", "work", "end"), and in words what differs
    and what was left behind."""

    kills: tuple[str, ...]
    differing: str = ""
    left: str = ""


@dataclass(frozen=True)
class Found:
    """What became of a command: its rounds, what was left beside its folders, seconds that it all
    took, what is to be told."""

    rounds: tuple[Round, ...]
    beside: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...]

    @property
    def wrong(self) -> list[str]:
        """Return all that is wrong, in words."""
        return [
            words for one in self.rounds for words in (one.differing, one.left) if words
        ] + list(self.beside)

    def row(self, name: str) -> list[str]:
        """Return it as a row of the table."""
        kills = Counter(phase for one in self.rounds for phase in one.kills)
        differing = sum(bool(one.differing) for one in self.rounds)
        left = sum(bool(one.left) for one in self.rounds) + len(self.beside)
        numbers = [
            len(self.rounds),
            kills.total(),
            kills["start"],
            kills["work"],
            kills["end"],
            differing,
            left,
        ]
        return [name, *map(str, numbers), f"{self.seconds / 60:.1f}"]


def kill_command(
    command: Command, inputs: Inputs, place: Path, times: int, seed: str, *, at_once: int = 2
) -> Found:
    """Do all rounds of a command.

    Args:
        command: what is killed.
        inputs: what it is given.
        place: folder for its slots; what a bad round left is kept in it.
        times: how often it is begun.
        seed: of the moments.
        at_once: rounds at the same time.

    Raises:
        RuntimeError: undisturbed it fails, or does not make the same twice.
    """
    STOPPED.clear()
    start = time.monotonic()
    command.words(inputs)  # what it is given is made before it is looked at
    before, shared = everything(inputs.folder), _shared_memory()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            slots = list(
                pool.map(
                    lambda number: _measured(command, inputs, Slot(place / str(number))),
                    range(min(at_once, times)),
                )
            )
            free = queue.SimpleQueue[tuple[Slot, Undisturbed]]()
            for pair in slots:
                free.put(pair)

            def begin(number: int) -> Round:
                slot, wanted = free.get()
                draw = random.Random(f"{seed} {number}")
                try:
                    found = _round(command, inputs, slot, wanted, number, times, draw)
                    for line in filter(None, (found.differing, found.left)):
                        tqdm.write(line, file=sys.stderr)  # at once: the whole may take an hour
                    return found
                finally:
                    free.put((slot, wanted))

            rounds = tuple(
                tqdm(
                    pool.map(begin, range(times)),
                    desc=place.name,
                    total=times,
                    unit="round",
                    disable=None,
                )
            )
        except BaseException:
            STOPPED.set()
            pool.shutdown(cancel_futures=True)
            raise
    changed, new = differences(before, everything(inputs.folder))
    beside = [f"its inputs: {one}" for one in (*changed, *new)]
    beside += [f"shared memory: {one}" for one in sorted(_shared_memory() - shared)]
    return Found(
        rounds, tuple(beside), time.monotonic() - start, tuple(_notes(command, slots[0][1]))
    )


def _notes(command: Command, usual: Undisturbed) -> Iterator[str]:
    yield (
        f"undisturbed {usual.seconds:.1f} s, {usual.first_s:.1f} s of it to its first file,"
        f" {usual.changes} changes of files"
    )
    if usual.temporary:
        yield (
            f"undisturbed too, it leaves {', '.join(sorted(usual.temporary))} among the temporary"
            " files"
        )
    for apart in command.apart:
        yield f"compared without {apart.what} ({apart.files.replace(chr(92), '')})"


def _measured(command: Command, inputs: Inputs, slot: Slot) -> tuple[Slot, Undisturbed]:
    """Run a command twice without disturbing it; both must make the same."""
    runs = []
    for _ in range(2):
        slot.clear()
        ended = slot.run(command.words(inputs), command.drive, 600)
        if ended.status != command.status or ended.orphans:
            raise RuntimeError(
                f"undisturbed, it ended with {ended.status} {ended.orphans}:\n{ended.said[-2000:]}"
            )
        runs.append((_everything(command, slot), everything(slot.temporary), ended))
    wrong = differences(runs[0][0], runs[1][0])
    if any(wrong):
        raise RuntimeError(
            f"two undisturbed runs differ, so nothing can be said: {wrong}; they are in"
            f" {slot.place}"
        )
    files, temporary, ended = runs[1]
    return slot, Undisturbed(files, temporary, ended.seconds, ended.first_s, ended.changes)


def _everything(command: Command, slot: Slot) -> dict[str, str]:
    return everything(slot.folder, command.apart, command.dated)


def _round(
    command: Command,
    inputs: Inputs,
    slot: Slot,
    wanted: Undisturbed,
    number: int,
    times: int,
    draw: random.Random,
) -> Round:
    """Begin, kill, give again, compare."""
    words, limit_s = command.words(inputs), LIMIT * wanted.seconds + 60
    kills: list[Kill] = []
    phases: list[str] = []
    orphans: list[str] = []

    def kill(share: float, kind: int) -> bool:
        """Run it, killed at a share of its work; False when it was done before."""
        drawn = _drawn(draw, share, wanted, kind)
        ended = slot.run(words, command.drive, limit_s, drawn)
        orphans.extend(ended.orphans)
        if ended.status != -signal.SIGKILL:
            return False
        kills.append(drawn)
        phases.append(_phase(command, slot, wanted))
        return True

    for attempt in range(TRIES):
        slot.clear()
        if kill(draw.random() if attempt else (number + draw.random()) / times, number + attempt):
            break
    for _ in range(draw.choices((0, 1, 2), (6, 3, 1))[0]):
        if kills and not kill(draw.random(), draw.randrange(3)):
            break
    ended = slot.run(words, command.drive, limit_s)
    wrong, left = _judged(command, slot, wanted, ended)
    left += [f"the process {one}" for one in (*orphans, *ended.orphans)]
    if not kills:
        wrong.append("it was always done before it was killed")
    if not wrong and not left:
        return Round(tuple(phases))
    kept = slot.keep(f"round-{number + 1}")
    told = f"{kept}, killed {', then '.join(map(str, kills))}"
    return Round(
        tuple(phases),
        f"{told}: {'; '.join(wrong)}" if wrong else "",
        f"{told}: left {', '.join(left)}" if left else "",
    )


def _drawn(draw: random.Random, share: float, wanted: Undisturbed, kind: int) -> Kill:
    """Draw a kill that comes after a share of the time or of the changes."""
    at = ("work", "change", "start")[kind % 3]
    value = {
        "start": share * wanted.seconds,
        "work": share * (wanted.seconds - wanted.first_s),
        "change": 1 + int(share * wanted.changes),
    }[at]
    return Kill(at, value, draw.random() < 0.5)


def _phase(command: Command, slot: Slot, wanted: Undisturbed) -> str:
    there = names(slot.folder, command.dated)
    if not there:
        return "start"
    return "end" if there >= wanted.files.keys() else "work"


def _judged(
    command: Command, slot: Slot, wanted: Undisturbed, ended: Ended
) -> tuple[list[str], list[str]]:
    """Return what differs, and what was left behind."""
    wrong, left = differences(wanted.files, _everything(command, slot))
    refused = (
        bool(command.refuses) and ended.status == 2 and command.refuses in ended.said and not wrong
    )
    if ended.status != command.status and not refused:
        wrong.insert(
            0,
            f"exit status {ended.status}:"
            f" {' / '.join(ended.said.strip().splitlines()[-2:])[-300:]}",
        )
    elif "Traceback" in ended.said:
        wrong.insert(0, "a traceback")
    new = names(slot.temporary) - set(wanted.temporary)
    return wrong, [*left, *(f"temporary {one}" for one in sorted(new))]


def _shared_memory() -> set[str]:
    """Return the files in shared memory that no living process has mapped."""
    there = (
        [path for path in SHARED_MEMORY.iterdir() if path.is_file()]
        if SHARED_MEMORY.is_dir()
        else []
    )
    held = "".join(_text(place) for place in Path("/proc").glob("[0-9]*/maps")) if there else ""
    return {path.name for path in there if str(path) not in held}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
