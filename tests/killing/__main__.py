"""Kill a command, give it again until it ends, and compare everything with what it makes when
nobody disturbs it.

Each time begins in a new folder. The command is killed (kill -9) once to three times: a moment
after it was given, a moment after its first file was there, or before one of its changes of
files; its first process alone, or with its whole process group. Then it is given again until it
ends. Wanted: the same names, permissions and bytes in its folder, nothing new in the folder of
temporary files, in /dev/shm or among its inputs, and no process that lives on for more than 5 s.
Moments are shares of the time that an undisturbed run takes here, spread evenly over it. Exit
status 1 when anything is wrong; what a bad round left is kept then. Linux only.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from killing.commands import COMMANDS, made
from killing.rounds import Found, kill_command


def main() -> int:
    """Parse, kill, print a table."""
    example = (
        "examples:\n"
        "  scripts/kills predict\n"
        "  scripts/kills download 20 7\n"
        "  scripts/kills all 60 1"
    )
    parser = argparse.ArgumentParser(
        "scripts/kills",
        description=__doc__,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=[*COMMANDS, "all"], help="which command")
    parser.add_argument(
        "times",
        nargs="?",
        type=int,
        default=60,
        help="how often it is begun and killed (default 60)",
    )
    parser.add_argument("seed", nargs="?", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument(
        "--at-once", type=int, default=2, help="rounds at the same time (default 2)"
    )
    given = parser.parse_args()
    if min(given.times, given.at_once) < 1:
        parser.error("wanted once or more")
    if not Path("/proc/self/environ").is_file():
        parser.error("needs Linux: /proc tells which processes live on")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = list(COMMANDS) if given.command == "all" else [given.command]
    work = Path(tempfile.mkdtemp(prefix="breastseg-kills-"))
    table = {}
    try:
        with made(work / "inputs") as inputs:
            for name in chosen:
                seed = f"{given.seed} {name}"
                table[name] = kill_command(
                    COMMANDS[name], inputs, work / name, given.times, seed, at_once=given.at_once
                )
                for line in table[name].wrong:
                    print(f"{name}: {line}", flush=True)
    except KeyboardInterrupt:
        shutil.rmtree(work)
        return 130
    except RuntimeError as cause:
        print(f"{name}: {cause}", file=sys.stderr)
        return 1
    print(f"\n{_shown(table)}\n")
    for name, found in table.items():
        for note in found.notes:
            print(f"{name}: {note}")
    if any(found.wrong for found in table.values()):
        print(f"what the bad rounds left is in {work}")
        return 1
    shutil.rmtree(work)
    return 0


def _shown(table: dict[str, Found]) -> str:
    heads = [
        "command",
        "times",
        "kills",
        "at the start",
        "at work",
        "at the end",
        "differing",
        "left behind",
        "min",
    ]
    rows = [heads, ["---"] * len(heads), *(found.row(name) for name, found in table.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
