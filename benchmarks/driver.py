"""What driving a cohort of many slides on a cluster costs when maps cost nothing: memory and time
of the process that holds the folder, its tables included.

Its engine has two machines and answers at once, with measures that are drawn and sent as bytes, as
a cluster sends them. Every fiftieth slide fails. Nothing but the tables is written.

    python benchmarks/driver.py --slides 10000
"""

import argparse
import pickle
import sys
import tempfile
from collections import deque
from collections.abc import Collection
from pathlib import Path

import numpy as np

from breastseg.bundles.bundle import DEFAULT_MODEL
from breastseg.cluster.engine import Answer, Machine, Need
from breastseg.cluster.spread import Spread
from breastseg.cluster.task import Mapped, Work
from breastseg.errors import IncompleteError
from breastseg.inference.inputs import Input
from breastseg.inference.model import load_model
from breastseg.inference.predict import predict
from breastseg.reporter import QUIET
from cohort import measures_of, record
from measured import run

_ROOM = Need(32, 64 * 10**9)


class AtOnce:
    """An engine whose tasks have ended when they are begun."""

    def __init__(self) -> None:
        self._draw = np.random.default_rng(0)
        self._ended: deque[tuple[int, bytes]] = deque()
        self._begun = 0

    def machines(self) -> list[Machine]:
        """Return two machines."""
        return [Machine(f"machine {number}", str(number), _ROOM) for number in range(2)]

    def look(self, work: Work, slide: str, machines: Collection[Machine]) -> dict[str, str]:
        """Find nothing that speaks against them."""
        return {}

    def begin(self, work: Work, item: Input, need: Need) -> int:
        """Draw what becomes of a slide."""
        self._begun += 1
        if self._begun % 50 == 0:
            mapped = Mapped(0.1, error=("ImageError", f"{item.path}: not a slide"))
        else:
            doubts = ("0.5 % of the slide is out of focus",) if self._begun % 10 == 0 else ()
            result = record(str(item.path), measures_of(self._draw, item.name), doubts)
            mapped = Mapped(61.2, result=result, fresh=True)
        self._ended.append((self._begun, pickle.dumps(mapped)))
        return self._begun

    def ended(self, wait_s: float) -> list[tuple[int, Answer]]:
        """Return what has ended, the last first: no order is promised."""
        ready = [(number, pickle.loads(data)) for number, data in reversed(self._ended)]
        self._ended.clear()
        return ready

    def close(self) -> None:
        """Hold nothing."""


def drive(table: Path, out: Path) -> None:
    """Be the driver."""
    model = load_model(DEFAULT_MODEL, threads=1)
    try:
        predict(table, model, out, reporter=QUIET, mapper=Spread(AtOnce()))
    except IncompleteError as told:
        print(told)


def main() -> None:
    """Make a table of slides, drive them in a process of its own, print what that cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slides", type=int, default=10_000)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        drive(given.inside / "slides.csv", given.inside / "maps")
        return
    for slides in (1, given.slides):
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            (work / "one.svs").touch()
            names = [f"site-{number % 25:02}-slide-{number:05}.svs" for number in range(slides)]
            for name in (*names, "other.svs"):
                (work / name).hardlink_to(work / "one.svs")
            (work / "slides.csv").write_text("\n".join(["path", *names, "other.svs", ""]))
            cost = run([sys.executable, __file__, "--inside", work], work / "log.txt")
            rows = (work / "maps/manifest.csv").read_text().splitlines()[1:]
            measured = len((work / "maps/measures.csv").read_text().splitlines()) - 1
        failed = sum(",failed," in row for row in rows)
        print(
            f"{len(rows)} slides, {failed} failed, {measured} measured: {cost.cpu_s:.1f} CPU-s,"
            f" {cost.wall_s:.1f} s, {cost.private_mb:.0f} MB private,"
            f" {cost.resident_mb:.0f} MB resident"
        )


if __name__ == "__main__":
    main()
