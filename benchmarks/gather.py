"""Seconds and memory of `breastseg gather` on the tables of a simulated cohort.

python benchmarks/gather.py --slides 10000 --shards 64
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from breastseg.files import WORK_FILE, write_json, write_table
from breastseg.inference.inputs import Input
from breastseg.inference.ledger import OF_SHARD
from breastseg.inference.shards import INPUTS, NAME, SLIDE, Shard, given, shard_number

COLUMNS = 24
"""Numbers in a row of measures.csv, as of five classes."""
SETTINGS = {"model": "simulated", "mpp": 0.5}
INSIDE = (
    "import resource, sys; from breastseg.cli import main; status = main(['gather', sys.argv[1]]);"
    " used = resource.getrusage(resource.RUSAGE_SELF);"
    " print(used.ru_utime + used.ru_stime, used.ru_maxrss); sys.exit(status)"
)


def simulate(out: Path, slides: int, shards: int) -> None:
    """Write what shards leave when all of them have ended."""
    settings = {**SETTINGS, "shards": shards}
    write_json(out / WORK_FILE, {"command": "predict", "settings": settings})
    inputs = []
    manifests: dict[int, list[dict[str, object]]] = {number: [] for number in range(1, shards + 1)}
    measures: dict[int, list[dict[str, object]]] = {number: [] for number in range(1, shards + 1)}
    for number in range(slides):
        item = Input(Path(f"/data/slides/case{number // 4:05d}/slide{number:05d}.svs"))
        row = {NAME: item.name, **given(item)}
        inputs.append({**row, SLIDE: item.shown, "left_out": ""})
        place = shard_number(item.name, shards)
        done = {"outcome": "done", "result": item.name, "seconds": "61.5", "cause": ""}
        manifests[place].append({**row, SLIDE: item.shown, **done})
        values = {f"measure_{column}": number / (column + 1) for column in range(COLUMNS)}
        measures[place].append({NAME: item.name, "image": item.name, **values})
    write_table(out / INPUTS, inputs, (NAME, SLIDE, "left_out", "mpp", "box", "patient"))
    for number in range(1, shards + 1):
        shard = Shard(number, shards)
        write_json(out / shard.file("shard", "json"), {"settings": settings})
        write_table(out / shard.file("manifest"), manifests[number], OF_SHARD)
        write_table(out / shard.file("measures"), measures[number], (NAME,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slides", type=int, default=10_000)
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        simulate(out, options.slides, options.shards)
        for _ in range(options.rounds):
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", INSIDE, folder], check=True, capture_output=True, text=True
            )
            seconds = time.perf_counter() - start
            rows = len((out / "measures.csv").read_text().splitlines()) - 1
            cpu_s, peak_kib = done.stdout.split()[-2:]
            print(
                f"{rows} slides, {options.shards} shards: {seconds:.1f} s,"
                f" {float(cpu_s):.1f} CPU-s, {int(peak_kib) * 1024 / 1e6:.0f} MB"
            )


if __name__ == "__main__":
    main()
