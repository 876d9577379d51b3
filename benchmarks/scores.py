"""What scores cost: evaluating beside inference, the bootstrap, and the audit of a large set of
tiles.

evaluate   everything but inference (decoding, counts, borders, intervals, images, report.html) as
a share of inference's CPU time, on the
           regions of a BCSS folder with the shipped model; fresh processes, one thread; target 20 %
bootstrap  10,000 draws over 151 patients and 21 classes, random counts; target 5 s
audit      10,000 tiles of 224 px, cut from the same regions and turned, painted into the layout of
the Kaggle copy; target 2 minutes

    python benchmarks/scores.py BCSS WORK
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.metrics import bootstrap
from measured import run

TILES, SIDE_PX = 10_000, 224
EVALUATE = """
import sys, time
from breastseg.evaluation.evaluate import evaluate
from breastseg.inference.model import Model
from breastseg.bundles.bundle import load_bundle
from breastseg.report.html import write_report
from breastseg.runners import load_runner
bundle, spent = load_bundle("lite0"), 0.0
# in this process, whose CPU time is measured
model = Model(bundle, load_runner(bundle, precision=sys.argv[3], threads=1))
def timed(*given, label=Model.label, **named):
    global spent
    start = time.process_time()
    found = label(*given, **named)
    spent += time.process_time() - start
    return found
Model.label = timed
start = time.process_time()
evaluate(model, sys.argv[1], sys.argv[2], split="train", reporter=QUIET)
write_report(sys.argv[2])
print(spent, time.process_time() - start - spent)
"""
AUDIT = """
import sys
from breastseg.data.audit import audit
audit(sys.argv[1])
"""


def time_evaluate(data: Path, work: Path, precision: str, repeats: int) -> tuple[float, float]:
    """Return CPU-seconds of inference and of the rest: medians."""
    found = []
    for number in range(repeats):
        command = [
            sys.executable,
            "-c",
            EVALUATE,
            str(data),
            str(work / f"scores-{precision}-{number}"),
            precision,
        ]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found.append([float(word) for word in said.split()])
    inference, rest = zip(*found, strict=True)
    return statistics.median(inference), statistics.median(rest)


def paint_tiles(regions: Path, out: Path) -> None:
    """Write tiles and masks as the Kaggle copy has them: cut anywhere from real regions, turned and
    mirrored, one patient a hundred."""
    draw = np.random.default_rng(0)
    pictures = [
        tuple(np.asarray(Image.open(regions / kind / path.name)) for kind in ("images", "masks"))
        for path in sorted((regions / "images").glob("*.png"))
    ]
    for folder in ("train", "train_mask"):
        (out / folder).mkdir(parents=True)
    for number in range(TILES):
        image, mask = pictures[draw.integers(len(pictures))]
        y, x = (int(draw.integers(side - SIDE_PX)) for side in mask.shape)
        corner = f"{SIDE_PX * (number % 100 // 10)}_{SIDE_PX * (number % 10)}"
        name = f"TCGA-AA-{number // 100:04d}-DX1_xmin0_ymin0_MPP-0_{corner}_size224.png"
        for folder, pixels in (("train", image), ("train_mask", mask)):
            piece = np.rot90(pixels[y : y + SIDE_PX, x : x + SIDE_PX], number % 4)
            Image.fromarray(np.ascontiguousarray(piece[:, :: -1 if number % 8 > 3 else 1])).save(
                out / folder / name, compress_level=1
            )


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("bcss", type=Path, help="folder with images/ and masks/")
    options.add_argument("work", type=Path, help="empty folder, about 3 GB")
    options.add_argument("--repeats", type=int, default=5)
    given = options.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    data = prepare(given.bcss, given.work / "regions", PrepareConfig(to_mpp=0.5, labels="region5"))
    data.regions[["patient", "site"]].assign(split="train").to_csv(
        data.path / "split.csv", index_label="region"
    )
    print("| precision | inference, CPU-s | the rest, CPU-s | share |\n| --- | --- | --- | --- |")
    for precision in ("int8", "fp32"):
        inference, rest = time_evaluate(data.path, given.work, precision, given.repeats)
        print(
            f"| {precision} | {inference:.2f} | {rest:.2f} | {100 * rest / inference:.1f} % |",
            flush=True,
        )
    counts = np.random.default_rng(0).integers(0, 10_000, (151, 21, 22))
    start = time.perf_counter()
    bootstrap(counts, [f"class {number}" for number in range(21)])
    print(f"\nbootstrap: {time.perf_counter() - start:.2f} s")
    paint_tiles(given.bcss, given.work / "painted")
    tiles = prepare(
        given.work / "painted",
        given.work / "tiles",
        PrepareConfig(to_mpp=0.3, mpp=0.3, labels="region5"),
    )
    cost = run([sys.executable, "-c", AUDIT, tiles.path], given.work / "audit.log")
    print(
        f"audit of {TILES:,} tiles: {cost.cpu_s:.1f} CPU-s, {cost.wall_s:.1f} s,"
        f" {cost.private_mb:.0f} MB private, {cost.resident_mb:.0f} MB resident"
    )


if __name__ == "__main__":
    main()
