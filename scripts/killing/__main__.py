"""Kill a command, give it again until it ends, and compare everything with what it makes when nobody disturbs it.

Each time begins in a new folder. The command is killed (kill -9) once to three times: a moment after it was given, a moment after its
first file was there, or before one of its changes of files; its first process alone, or with its whole process group. Then it is given
again until it ends. Wanted: the same names, permissions and bytes in its folder, nothing new in the folder of temporary files, in
/dev/shm or among its inputs, and no process that lives on for more than 5 s. Moments are shares of the time that an undisturbed run
takes here, spread evenly over it. Exit status 1 when anything is wrong; what a bad round left is kept then. Linux only.
"""

import argparse
import queue
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from commands import COMMANDS, Command, Inputs, made
from compare import differences, everything, names
from runs import STOPPED, Ended, Kill, Slot
from tqdm import tqdm

LIMIT = 20
"""An end takes so many times as long as an undisturbed run at most, and a minute more."""
TRIES = 8
"""So often a round begins anew when the command was done before it was killed."""
SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Undisturbed:
    """What a command makes in a slot, and how long it takes: `seconds` in all, `first_s` to its first file, `changes` of files."""

    files: dict[str, str]
    temporary: dict[str, str]
    seconds: float
    first_s: float
    changes: int


@dataclass(frozen=True)
class Round:
    """A round: what had been made at each kill ("start", "work", "end"), and in words what differs and what was left behind."""

    kills: tuple[str, ...]
    differing: str = ""
    left: str = ""


@dataclass(frozen=True)
class Found:
    """What became of a command: its rounds, what was left beside its folders, seconds that it all took, what is to be told."""

    rounds: tuple[Round, ...]
    beside: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...]

    @property
    def wrong(self) -> list[str]:
        """Return all that is wrong, in words."""
        return [words for one in self.rounds for words in (one.differing, one.left) if words] + list(self.beside)

    def row(self, name: str) -> list[str]:
        """Return it as a row of the table."""
        kills = Counter(phase for one in self.rounds for phase in one.kills)
        differing = sum(bool(one.differing) for one in self.rounds)
        left = sum(bool(one.left) for one in self.rounds) + len(self.beside)
        numbers = [len(self.rounds), kills.total(), kills["start"], kills["work"], kills["end"], differing, left]
        return [name, *map(str, numbers), f"{self.seconds / 60:.1f}"]


def main() -> int:
    """Parse, kill, print a table."""
    example = "examples:\n  scripts/kills predict\n  scripts/kills download 20 7\n  scripts/kills all 60 1"
    parser = argparse.ArgumentParser(
        "scripts/kills", description=__doc__, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=[*COMMANDS, "all"], help="which command")
    parser.add_argument("times", nargs="?", type=int, default=60, help="how often it is begun and killed (default 60)")
    parser.add_argument("seed", nargs="?", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument("--at-once", type=int, default=2, help="rounds at the same time (default 2)")
    given = parser.parse_args()
    if min(given.times, given.at_once) < 1:
        parser.error("wanted once or more")
    if not Path("/proc/self/environ").is_file():
        parser.error("needs Linux: /proc tells which processes live on")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = list(COMMANDS) if given.command == "all" else [given.command]
    work = Path(tempfile.mkdtemp(prefix="breastseg-kills-"))
    table = {}
    with made(work / "inputs") as inputs:
        for name in chosen:
            table[name] = _kill_command(name, inputs, work / name, given.times, given.seed, given.at_once)
            for line in table[name].wrong:
                print(f"{name}: {line}", flush=True)
    print(f"\n{_shown(table)}\n")
    for name, found in table.items():
        for note in found.notes:
            print(f"{name}: {note}")
    if any(found.wrong for found in table.values()):
        print(f"what the bad rounds left is in {work}")
        return 1
    shutil.rmtree(work)
    return 0


def _kill_command(name: str, inputs: Inputs, place: Path, times: int, seed: int, at_once: int) -> Found:
    """Do all rounds of a command."""
    command, start = COMMANDS[name], time.monotonic()
    before, shared = everything(inputs.data.parent), _shared_memory()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            slots = list(pool.map(lambda number: _measured(command, inputs, Slot(place / str(number))), range(min(at_once, times))))
            free = queue.SimpleQueue[tuple[Slot, Undisturbed]]()
            for pair in slots:
                free.put(pair)

            def begin(number: int) -> Round:
                slot, wanted = free.get()
                draw = random.Random(f"{seed} {name} {number}")
                try:
                    return _round(command, inputs, slot, wanted, number, times, draw)
                finally:
                    free.put((slot, wanted))

            rounds = tuple(tqdm(pool.map(begin, range(times)), desc=name, total=times, unit="round", disable=None))
        except BaseException:
            STOPPED.set()
            pool.shutdown(cancel_futures=True)
            raise
    changed, new = differences(before, everything(inputs.data.parent))
    beside = [f"its inputs: {one}" for one in (*changed, *new)]
    beside += [f"shared memory: {one}" for one in sorted(_shared_memory() - shared)]
    return Found(rounds, tuple(beside), time.monotonic() - start, tuple(_notes(command, slots[0][1])))


def _notes(command: Command, usual: Undisturbed) -> Iterator[str]:
    yield f"undisturbed {usual.seconds:.1f} s, {usual.first_s:.1f} s of it to its first file, {usual.changes} changes of files"
    if usual.temporary:
        yield f"undisturbed too, it leaves {', '.join(sorted(usual.temporary))} among the temporary files"
    for apart in command.apart:
        yield f"compared without {apart.what} ({apart.files.replace(chr(92), '')})"


def _measured(command: Command, inputs: Inputs, slot: Slot) -> tuple[Slot, Undisturbed]:
    """Run a command twice without disturbing it; both must make the same."""
    runs = []
    for _ in range(2):
        slot.clear()
        ended = slot.run(command.words(inputs), command.drive, 600)
        if ended.status != command.status or ended.orphans:
            raise SystemExit(f"undisturbed, it ended with {ended.status} {ended.orphans}:\n{ended.said[-2000:]}")
        runs.append((_everything(command, slot), everything(slot.temporary), ended))
    wrong = differences(runs[0][0], runs[1][0])
    if any(wrong):
        raise SystemExit(f"two undisturbed runs differ, so nothing can be said: {wrong}; they are in {slot.place}")
    files, temporary, ended = runs[1]
    return slot, Undisturbed(files, temporary, ended.seconds, ended.first_s, ended.changes)


def _everything(command: Command, slot: Slot) -> dict[str, str]:
    return everything(slot.out, command.apart, command.dated)


def _round(command: Command, inputs: Inputs, slot: Slot, wanted: Undisturbed, number: int, times: int, draw: random.Random) -> Round:
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
    return Round(tuple(phases), f"{told}: {'; '.join(wrong)}" if wrong else "", f"{told}: left {', '.join(left)}" if left else "")


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
    there = names(slot.out, command.dated)
    if not there:
        return "start"
    return "end" if there >= wanted.files.keys() else "work"


def _judged(command: Command, slot: Slot, wanted: Undisturbed, ended: Ended) -> tuple[list[str], list[str]]:
    """Return what differs, and what was left behind."""
    wrong, left = differences(wanted.files, _everything(command, slot))
    refused = bool(command.refuses) and ended.status == 2 and command.refuses in ended.said and not wrong
    if ended.status != command.status and not refused:
        wrong.insert(0, f"exit status {ended.status}: {' / '.join(ended.said.strip().splitlines()[-2:])[-300:]}")
    elif "Traceback" in ended.said:
        wrong.insert(0, "a traceback")
    new = names(slot.temporary) - set(wanted.temporary)
    return wrong, [*left, *(f"temporary {one}" for one in sorted(new))]


def _shared_memory() -> set[str]:
    """Return what is in shared memory and held by no living process."""
    there = names(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else set()
    if not there:
        return there
    held = "".join(_text(place) for place in Path("/proc").glob("[0-9]*/maps"))
    return {name for name in there if f"{SHARED_MEMORY}/{name}" not in held}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _shown(table: dict[str, Found]) -> str:
    heads = ["command", "times", "kills", "at the start", "at work", "at the end", "differing", "left behind", "min"]
    rows = [heads, ["---"] * len(heads), *(found.row(name) for name, found in table.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
