"""What the same slides cost on a small Ray cluster of this machine (a head and two machines of one
core) and without: CPU-seconds of all processes.

All processes count while the command runs: the command, those that map, with their imports and
models, and the cluster's own, which idle beside the run without too.

    python benchmarks/spread.py SLIDES --mpp 0.5 --work /tmp/spread
"""

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from breastseg.cluster import ray_engine  # noqa: F401, it switches reports of use off
from measured import family

_EVERY_S = 0.5
TICKS = os.sysconf("SC_CLK_TCK")


class Spent:
    """CPU-seconds of all that this process starts, looked at every half second: Ray takes no notice
    of what its processes have spent when they end, and nor does the system then."""

    def __init__(self) -> None:
        """Begin to look."""
        self._ticks: dict[tuple[int, str], int] = {}
        self._ended = threading.Event()
        self._look()
        self._before = sum(self._ticks.values())
        # It ends with this process, also where the command fails.
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Look a last time; return what was spent since the beginning."""
        self._ended.set()
        self._thread.join()
        self._look()
        return (sum(self._ticks.values()) - self._before) / TICKS

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        for one in family(os.getpid()):
            try:
                text = Path(f"/proc/{one}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            fields = text.rpartition(")")[2].split()
            if one != os.getpid():
                self._ticks[one, fields[19]] = int(fields[11]) + int(fields[12])


def main() -> None:
    """Run both ways in turn and print what they cost."""
    from ray.cluster_utils import Cluster

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slides", type=Path)
    parser.add_argument("--mpp", type=float, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    given.work.mkdir(exist_ok=True)
    store = {"object_store_memory": 80 * 2**20}
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **store}
    )
    for _ in range(2):
        cluster.add_node(num_cpus=1, memory=2**32, **store)
    for _ in range(given.rounds):
        for name, more in (("plain", []), ("cluster", ["--cluster", cluster.address])):
            out = given.work / name
            shutil.rmtree(out, ignore_errors=True)
            command = [sys.executable, "-m", "breastseg", "predict", given.slides, "--out", out]
            options = ["--mpp", str(given.mpp), "--threads", "1", *more]
            spent, start = Spent(), time.monotonic()
            subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
            wall, processes = time.monotonic() - start, spent.stop()
            print(f"{name}: {processes:.1f} CPU-s of all processes, {wall:.0f} s", flush=True)
    cluster.shutdown()
    same = (given.work / "plain/measures.csv").read_bytes()
    print("same measures:", same == (given.work / "cluster/measures.csv").read_bytes())


if __name__ == "__main__":
    main()
