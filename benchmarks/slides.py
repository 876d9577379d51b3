"""Slides of growing size with the default model, and the plumbing alone. Prints two tables.

Sizes: a mosaic of one real region at 0.30 um/px, a third of it glass, through `breastseg
predict` in a process of its own. Time should grow as the area does, memory not at all: target
under 700 MB at every size, private and resident. Plumbing: a network that returns at once, on a
slide at the model's um/px without glass. Target: 25 Mpx per CPU-second.

    python benchmarks/slides.py --region REGION.png --work /tmp/slides
    python benchmarks/slides.py --region REGION.png --work /tmp/slides --sides 5000 --plumbing 4000
"""

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import DEFAULT_MODEL, load_bundle
from breastseg.geometry import scaled_size
from breastseg.images import open_slide
from breastseg.inference.map import MapConfig, make_maps, plan_map
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import predict
from breastseg.reporter import QUIET
from measured import Cost, run
from mosaic import REGION_MPP, write_slide

TARGET_MB, TARGET_MPX = 700, 25
SIDES, PLUMBING = (5000, 10000, 20000, 40000), (4000, 16000)


class Nothing:
    """A runner that finds class 1 everywhere, at once."""

    name, package = "nothing", "numpy"

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        raise NotImplementedError

    def labels(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return np.ones(tiles.shape[:3], np.uint8)

    def release(self) -> None:
        pass


def of_size(side: int, options: argparse.Namespace) -> Cost:
    """Map a slide of `side` px with the default model, in a fresh process."""
    slide, out = options.work / f"glass-{side}.tif", options.work / f"glass-{side}"
    if not slide.is_file():
        write_slide(slide, options.region, side, glass=options.glass)
    shutil.rmtree(out, ignore_errors=True)
    program = Path(sys.executable).with_name("breastseg")
    return run([program, "predict", slide, "--out", out], options.work / f"glass-{side}.log")


def sizes(options: argparse.Namespace) -> None:
    mpp = load_bundle(DEFAULT_MODEL).card.mpp
    print(
        f"{DEFAULT_MODEL}, {mpp:g} um/px; slides at {REGION_MPP:g} um/px, {options.glass:.0%}"
        f" glass; target {TARGET_MB} MB"
    )
    print(
        f"| side px | Mpx | Mpx at {mpp:g} um/px | CPU-s | wall s | peak MB private | resident ",
        end="",
    )
    print(
        "| Mpx / CPU-s | Mpx at model / CPU-s | CPU-s / 100 Mpx | the same beyond the size before |"
    )
    print("| --- " * 11 + "|")
    before = (0.0, 0.0)
    for side in options.sides:
        cost, area = of_size(side, options), side**2 / 1e6
        at_model = np.prod(scaled_size((side, side), REGION_MPP, mpp)) / 1e6
        beyond = 100 * (cost.cpu_s - before[0]) / (area - before[1])
        cells = [
            f"{side}",
            f"{area:.0f}",
            f"{at_model:.0f}",
            f"{cost.cpu_s:.1f}",
            f"{cost.wall_s:.1f}",
            f"{cost.private_mb:.0f}",
            f"{cost.resident_mb:.0f}",
            f"{area / cost.cpu_s:.1f}",
            f"{at_model / cost.cpu_s:.1f}",
            f"{100 * cost.cpu_s / area:.2f}",
            f"{beyond:.2f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
        before = cost.cpu_s, area


def stream(slide: Path, model: Model, out: Path) -> None:
    """Read, cut, name, put together: everything up to the label raster."""
    out.mkdir()
    opened, config = open_slide(slide), MapConfig()
    with make_maps(plan_map(opened, model, config), model, config, out):
        opened.close()


def whole(slide: Path, model: Model, out: Path) -> None:
    """Do all that `breastseg predict` does."""
    predict(slide, model, out, reporter=QUIET)


def plumbing(options: argparse.Namespace) -> None:
    model, out = replace(load_model(), runner=Nothing()), options.work / "plumbing"
    ways: dict[str, Callable[[Path, Model, Path], None]] = {
        "to the label raster": stream,
        "the whole of predict": whole,
    }
    print(f"\nplumbing alone, slides at {model.card.mpp:g} um/px; target {TARGET_MPX} Mpx / CPU-s")
    print("| | side px | Mpx | CPU-s | Mpx / CPU-s |\n| --- | --- | --- | --- | --- |")
    for side in options.plumbing:
        slide, area = options.work / f"plain-{side}.tif", side**2 / 1e6
        write_slide(slide, options.region, side, mpp=model.card.mpp)
        for name, way in ways.items():
            times = []
            for _ in range(options.repeats):
                shutil.rmtree(out, ignore_errors=True)
                start = time.process_time()
                way(slide, model, out)
                times.append(time.process_time() - start)
            middle = statistics.median(times)
            print(
                f"| {name} | {side} | {area:.0f} | {middle:.2f} | {area / middle:.1f} |", flush=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--region", type=Path, required=True, help=f"image at {REGION_MPP} um/px")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder of slides (kept, a GB) and outputs"
    )
    parser.add_argument("--sides", type=int, nargs="*", default=SIDES, metavar="PX")
    parser.add_argument(
        "--glass", type=float, default=1 / 3, help="share of the slide (default a third)"
    )
    parser.add_argument("--plumbing", type=int, nargs="*", default=PLUMBING, metavar="PX")
    parser.add_argument("--repeats", type=int, default=3, help="of the plumbing")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.sides:
        sizes(options)
    if options.plumbing:
        plumbing(options)


if __name__ == "__main__":
    main()
