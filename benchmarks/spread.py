"""What the same slides cost on a small Ray cluster of this machine (a head and two machines of one
core) and without: CPU-seconds of all processes.

Of the run without, the command counts; of that on the cluster also the cluster's own processes
while it runs, among them those that map, with their imports and models.

    python benchmarks/spread.py SLIDES --mpp 0.5 --work /tmp/spread
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from breastseg.cluster import ray_engine  # noqa: F401, it switches reports of use off
from measured import family

TICKS = os.sysconf("SC_CLK_TCK")


def spent_s() -> float:
    """Return the CPU-seconds of all that this process started, those that have ended too."""
    ticks = 0
    for one in family(os.getpid()):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        own = 0 if one == os.getpid() else sum(map(int, fields[11:13]))
        ticks += own + sum(map(int, fields[13:15]))
    return ticks / TICKS


def children_s() -> float:
    """Return the CPU-seconds of the commands that were run here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
            spent, own, start = spent_s(), children_s(), time.monotonic()
            subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
            wall, own, spent = time.monotonic() - start, children_s() - own, spent_s() - spent
            print(
                f"{name}: {own:.1f} CPU-s of the command, {spent:.1f} with the cluster's"
                f" processes, {wall:.0f} s",
                flush=True,
            )
    cluster.shutdown()
    same = (given.work / "plain/measures.csv").read_bytes()
    print("same measures:", same == (given.work / "cluster/measures.csv").read_bytes())


if __name__ == "__main__":
    main()
