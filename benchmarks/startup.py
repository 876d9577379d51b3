"""How long a person waits before anything happens.

Compares the wall and CPU seconds of `breastseg --help` and of `python -c 'import breastseg'` with
those of a Python that does nothing, each in a process of its own, in turn, after one run of each
that is not counted.
Target: both under 0.5 s of wall time (median).

    python benchmarks/startup.py
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

TARGET_S = 0.5
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import breastseg": [sys.executable, "-c", "import breastseg"],
    "breastseg --help": [str(Path(sys.executable).with_name("breastseg")), "--help"],
}


def timed(command: list[str]) -> tuple[float, float]:
    """Return (wall, CPU) seconds of a command."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, os.times()
    return (
        wall,
        after.children_user + after.children_system - before.children_user - before.children_system,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repeats", type=int, default=15, help="counted runs of each command (default 15)"
    )
    options = parser.parse_args()
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for repeat in range(options.repeats + 1):
        for name, command in COMMANDS.items():
            measured = timed(command)
            if repeat:  # the first run of each warms the file cache
                runs[name].append(measured)
    print(f"{'':18} {'wall s':>8} {'worst':>8} {'CPU s':>8}   median of {options.repeats}")
    for name, values in runs.items():
        walls, cpus = zip(*values, strict=True)
        print(
            f"{name:18} {statistics.median(walls):8.3f} {max(walls):8.3f}"
            f" {statistics.median(cpus):8.3f}"
        )
    slowest = max(statistics.median(wall for wall, _ in values) for values in runs.values())
    print(
        f"slowest median {slowest:.3f} s, target under {TARGET_S} s:"
        f" {'met' if slowest < TARGET_S else 'missed'}"
    )


if __name__ == "__main__":
    main()
