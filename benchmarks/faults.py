"""Faults of native code: the process of the network dies again and again while a folder is mapped.
What is lost?

python benchmarks/faults.py PICTURES --mpp 0.5 --faults 60

Each fault is a real signal to the process that computes, at a random moment. An image that is hit
once is tried again, one that is hit twice fails alone; the same command then maps what is left. In
the end every label must be that of an undisturbed run (both in fp32).
"""

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FAULTS = (
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGFPE,
    signal.SIGABRT,
    signal.SIGKILL,
)


def network_of(pid: int) -> int | None:
    """Return the process that computes for another one."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"breastseg.runners.worker" in (place / "cmdline").read_bytes():
                return int(place.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return None


def predict(pictures: Path, out: Path, mpp: float) -> "subprocess.Popen[bytes]":
    words = [
        sys.executable,
        "-m",
        "breastseg",
        "predict",
        str(pictures),
        "--mpp",
        str(mpp),
        "--precision",
        "fp32",
        "--out",
        str(out),
    ]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def labels_in(out: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in out.glob("*/labels.png")}


def outcomes_in(out: Path) -> list[str]:
    table = out / "manifest.csv"
    if not table.is_file():  # hit while the model was loaded, before there was anything to do
        return ["loading"]
    with table.open(encoding="utf-8") as file:
        return [row["outcome"] for row in csv.DictReader(file)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, help="a folder of images")
    parser.add_argument("--mpp", type=float, required=True, help="their microns per pixel")
    parser.add_argument("--faults", type=int, default=60, help="signals that are sent (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and the signals")
    options = parser.parse_args()
    rng, sent, runs = random.Random(options.seed), 0, 0
    failed = loading = stopped = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        start = time.monotonic()
        if predict(options.pictures, whole, options.mpp).wait() != 0:
            sys.exit("the undisturbed run failed")
        length, wanted = time.monotonic() - start, labels_in(whole)
        while sent < options.faults:
            runs += 1
            out = Path(folder) / f"out-{runs}"
            running = predict(options.pictures, out, options.mpp)
            while running.poll() is None and sent < options.faults:
                time.sleep(rng.uniform(0, length / 4))
                if (network := network_of(running.pid)) is not None:
                    os.kill(network, rng.choice(FAULTS))
                    sent += 1
            running.wait()
            outcomes = outcomes_in(out)
            failed, loading = failed + outcomes.count("failed"), loading + outcomes.count("loading")
            stopped += bool({"waits", "stopped"} & set(outcomes))
            if predict(options.pictures, out, options.mpp).wait() != 0 or labels_in(out) != wanted:
                sys.exit(f"run {runs}: not the labels of the undisturbed run")
    print(
        f"{sent} faults in {runs} runs over {len(wanted)} images: {stopped} batches stopped,"
        f" {failed} images hit twice failed alone,"
    )
    print(
        f"{loading} runs ended in one line while the model was loaded; after the same command once"
        " more every label is as undisturbed"
    )


if __name__ == "__main__":
    main()
