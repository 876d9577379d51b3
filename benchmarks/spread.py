"""What the same slides cost on a small Ray cluster of this machine (a head and two machines of one
core) and without: CPU-seconds of all processes.

The cluster's own processes are counted from when it is up to when the run ends; the processes that
map, with their imports and models, are among them.

    python benchmarks/spread.py SLIDES --mpp 0.5 --work /tmp/spread
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from breastseg.cluster import ray_engine  # noqa: F401, it switches reports of use off
from measured import family, run

TICKS = os.sysconf("SC_CLK_TCK")


def spent_s(pid: int) -> float:
    """Return the CPU-seconds of a process and all that it started, those that have ended too."""
    ticks = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS


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
            before = spent_s(os.getpid())
            options = ["--mpp", str(given.mpp), "--threads", "1", *more]
            cost = run([*command, *options], given.work / "log.txt")
            print(f"{name}: {spent_s(os.getpid()) - before:.1f} CPU-s, {cost.wall_s:.1f} s")
    cluster.shutdown()
    same = (given.work / "plain/measures.csv").read_bytes()
    print("same measures:", same == (given.work / "cluster/measures.csv").read_bytes())


if __name__ == "__main__":
    main()
