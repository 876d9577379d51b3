"""Whole slides with the same network: breastseg against TIAToolbox and MONAI, each in an
environment of its own. Prints two tables.

A mosaic of one real region, 4,000 px square, at the model's um/px, so that nobody resamples.
Everybody uses both cores, starts fresh, reads the same file and gives a label for every pixel;
breastseg once the map alone, once with all that `breastseg predict` writes: overlay, regions,
measures. Runs alternate; medians of the repeats. "start" is the CPU time of the same command on a
slide of 512 px: imports, loading, compiling, and a quarter of a Mpx. Peers are named as
NAME=PYTHON; NAME.txt and run_NAME.py in peers/ say what is installed and what is run. Their windows
are 512 px, 448 px apart; a bundle whose card says halo_px 32 overlaps as much. Dice is on a region
that trained the network: its differences count.

    python benchmarks/peers.py --region REGION.png --mask MASK.png --model RUN/bundle-int8 --work
    /tmp/slides \\
        --peers tiatoolbox=ENV/bin/python monai=ENV/bin/python
    (the same) --mpp 0.3 --ours default    (the default model at its own um/px, peers at the pixels
    of the slide)
"""

import argparse
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile

from breastseg.bundles.bundle import DEFAULT_MODEL, load_bundle
from breastseg.images import resample_labels
from breastseg.labels import LabelMap
from breastseg.metrics import class_scores, confusion_counts
from measured import Cost, run
from mosaic import REGION_MPP, Bytes, Mosaic, codes_of, write_slide

START_PX = 512
HERE, PROGRAM = Path(__file__).parent, Path(sys.executable).with_name("breastseg")
PRECISIONS = ("fp32", "bf16", "int8")
OURS = (*(precision + way for way in ("-map", "", "-blend") for precision in PRECISIONS), "default")
"""Precisions: with -map, the label map and nothing else, as the peers; alone, all that predict
writes; with -blend, tiles blended as well. default is the shipped model, as it is."""


@dataclass(frozen=True)
class Contestant:
    """A command that maps a slide: `command(slide, out)`, and where its labels lie then."""

    name: str
    command: Callable[[Path, Path], list[str | Path]]
    labels: Callable[[Path, Path], Bytes]


def ours(name: str, bundle: str) -> Contestant:
    precision, _, way = name.partition("-")
    if way == "map":
        return Contestant(
            f"breastseg {precision}, map alone",
            lambda slide, out: [
                sys.executable,
                HERE / "peers" / "run_breastseg.py",
                slide,
                bundle,
                precision,
                out.with_suffix(".ome.tif"),
            ],
            lambda slide, out: tifffile.imread(out.with_suffix(".ome.tif"), key=0),
        )
    options = (
        ["--model", bundle, "--precision", precision, "--tissue-mask", "off"]
        if precision in PRECISIONS
        else ["--model", DEFAULT_MODEL]
    )
    return Contestant(
        "breastseg"
        f" {DEFAULT_MODEL if name == 'default' else precision}{', blended' if way else ''}",
        lambda slide, out: [
            PROGRAM,
            "predict",
            slide,
            "--out",
            out,
            *options,
            *(["--blend"] if way else []),
        ],
        lambda slide, out: tifffile.imread(out / slide.stem / "labels.ome.tif", key=0),
    )


def peer(name: str, python: str, bundle: str) -> Contestant:
    return Contestant(
        name,
        lambda slide, out: [
            python,
            HERE / "peers" / f"run_{name}.py",
            slide,
            bundle,
            out.with_suffix(".npy"),
        ],
        lambda slide, out: np.load(out.with_suffix(".npy")),
    )


@dataclass
class Found:
    """What a contestant took each time, on the slide and on the small one, and its labels of the
    slide."""

    costs: list[Cost] = field(default_factory=list)
    starts: list[Cost] = field(default_factory=list)
    labels: Bytes = field(default_factory=lambda: np.zeros((0, 0), np.uint8))

    def median(self, what: str) -> float:
        return statistics.median(getattr(cost, what) for cost in self.costs)

    @property
    def start_s(self) -> float:
        return statistics.median(cost.cpu_s for cost in self.starts)


def measured(contestant: Contestant, slide: Path, work: Path) -> tuple[Cost, Bytes]:
    """Run once; return what it took and the labels, at level 0."""
    out = work / "out" / contestant.name.replace(", ", "-").replace(" ", "-")
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(exist_ok=True)
    cost = run(contestant.command(slide, out), work / f"{out.name}.log")
    with tifffile.TiffFile(slide) as file:
        height, width = file.pages[0].shape[:2]
    return cost, resample_labels(contestant.labels(slide, out), (width, height))


def compete(
    contestants: list[Contestant], slide: Path, small: Path, work: Path, repeats: int
) -> dict[str, Found]:
    """Run everybody in turn, `repeats` times."""
    found = {contestant.name: Found() for contestant in contestants}
    for repeat in range(repeats):
        for contestant in contestants:
            of = found[contestant.name]
            of.starts.append(measured(contestant, small, work)[0])
            cost, of.labels = measured(contestant, slide, work)
            of.costs.append(cost)
            print(
                f"{repeat + 1}: {contestant.name}: {cost}; start {of.starts[-1].cpu_s:.1f} CPU-s",
                file=sys.stderr,
                flush=True,
            )
    return found


COLUMNS: dict[str, tuple[Callable[[Found], float], str]] = {
    "CPU-s": (lambda of: of.median("cpu_s"), "{:.1f}"),
    "start CPU-s": (lambda of: of.start_s, "{:.1f}"),
    "CPU-s without start": (lambda of: of.median("cpu_s") - of.start_s, "{:.1f}"),
    "wall s": (lambda of: of.median("wall_s"), "{:.1f}"),
    "peak MB": (lambda of: of.median("resident_mb"), "{:.0f}"),
    "private MB": (lambda of: of.median("private_mb"), "{:.0f}"),
}


def report(found: dict[str, Found], peers: list[str], truth: Bytes, label_map: LabelMap) -> None:
    """Print two tables: what it took, with ratios against the better peer, and what came out."""
    print(
        "\n| | "
        + " | less | ".join(COLUMNS)
        + " | less |"
        + "\n| --- "
        + "| --- " * 2 * len(COLUMNS)
        + "|"
    )
    for name, of in found.items():
        cells = []
        for value, form in COLUMNS.values():
            best = min((value(found[peer]) for peer in peers), default=float("nan"))
            cells += [form.format(value(of)), f"{best / value(of):.1f}x"]
        print(f"| {name} | {' | '.join(cells)} |")
    first = next(iter(found.values())).labels
    shown = [name for label, name in enumerate(label_map.names, start=1) if (truth == label).any()]
    print(
        "\n"
        f"| | pixels as the first | {' | '.join(f'Dice {name}' for name in shown)} | mean Dice |\n"
        f"{'| --- ' * (len(shown) + 3)}|"
    )
    for name, of in found.items():
        scores = class_scores(
            confusion_counts(truth, of.labels, len(label_map.names)), label_map.names
        )
        dice = [scores[each]["dice"] for each in shown]
        print(
            f"| {name} | {(of.labels == first).mean():.4f} |"
            f" {' | '.join(f'{value:.4f}' for value in (*dice, np.mean(dice)))} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--region", type=Path, required=True, help=f"image at {REGION_MPP} um/px")
    parser.add_argument("--mask", type=Path, required=True, help="its label codes")
    parser.add_argument(
        "--model", required=True, help="bundle of a plain U-Net with its int8 network"
    )
    parser.add_argument("--peers", nargs="*", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--ours", nargs="*", default=OURS[:6], choices=OURS)
    parser.add_argument("--work", type=Path, required=True, help="folder of slides and outputs")
    parser.add_argument("--side", type=int, default=4000)
    parser.add_argument("--mpp", type=float, default=0.5, help="um/px of the slide (default 0.5)")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    slide, small = (
        options.work / f"mosaic-{side}-{options.mpp:g}.tif" for side in (options.side, START_PX)
    )
    for path, side in ((slide, options.side), (small, START_PX)):
        write_slide(path, options.region, side, mpp=options.mpp)
    label_map = load_bundle(options.model).card.label_map
    if (
        "default" in options.ours
        and load_bundle(DEFAULT_MODEL).card.label_map.names != label_map.names
    ):
        raise SystemExit(
            f"{options.model}: wanted the classes of {DEFAULT_MODEL}, or Dice is of other things"
        )
    truth = label_map.apply(
        Mosaic(codes_of(options.mask, options.mpp), options.side).whole(), str(options.mask)
    )
    peers = [peer(*named.split("=", 1), options.model) for named in options.peers]
    contestants = [*(ours(name, options.model) for name in options.ours), *peers]
    report(
        compete(contestants, slide, small, options.work, options.repeats),
        [one.name for one in peers],
        truth,
        label_map,
    )


if __name__ == "__main__":
    main()
