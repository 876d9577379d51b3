"""breastseg bench."""

import argparse
from typing import TYPE_CHECKING

from breastseg.cli.model import add_model, add_threads
from breastseg.cli.options import add_mpp, add_option, configured

if TYPE_CHECKING:
    from breastseg.diagnostics.bench import Benchmark

_CONFIG = "breastseg.diagnostics.config:BenchConfig"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg bench\n"
        "  breastseg bench slide.svs --model runs/first/bundle --threads 1 --seconds 60"
    )
    parser.add_argument(
        "slide",
        nargs="?",
        help="a slide with levels (default: a mosaic of the tiny slide that ships)",
    )
    add_model(parser, f"{_CONFIG}.model")
    add_mpp(parser)
    add_threads(parser, f"{_CONFIG}.threads")
    add_option(
        parser,
        "--seconds",
        "about so long in all",
        of=f"{_CONFIG}.seconds",
        type=float,
        metavar="S",
    )


def run(options: argparse.Namespace) -> None:
    """Measure, and print a table with what to compare."""
    from breastseg.diagnostics.bench import bench
    from breastseg.diagnostics.config import BenchConfig

    _print(bench(options.slide, configured(BenchConfig, options)))


def _print(benchmark: "Benchmark") -> None:
    rates = (*benchmark.parts, benchmark.whole)
    width = max(len(rate.what) for rate in rates)
    print(
        f"{benchmark.cpu}, {benchmark.date}; {benchmark.model} at {benchmark.mpp:g} um/px;"
        f" {benchmark.slide}\n"
    )
    print(f"{'':<{width}}  um/px  Mpx / CPU-s  Mpx / s")
    for rate in rates:
        print(
            f"{rate.what:<{width}}  {rate.mpp:>5.3g}  {rate.per_cpu_s:>11.2f}  {rate.per_s:>7.2f}"
        )
    print(f"\n{benchmark.rule}")
    mpx = 100 / benchmark.mpp**2  # of 100 mm2: a million um2 are a mm2, a million pixels a Mpx
    print(
        "\n"
        "Compare between machines: Mpx / CPU-s of the whole path (slide -> labels on disk) with "
        "the same model; seconds grow on a busy\n"
        "machine, CPU-seconds hardly. Compare the whole path with the network of the same "
        "precision: because tiles overlap, that is shown\n"
        f"{benchmark.shown:.2f} px for each px that gets a label, and the path reaches "
        f"{1 / benchmark.shown:.2f} of it at most.\n"
        f"100 mm2 of tissue take {mpx / benchmark.whole.per_s:.0f} s, "
        f"{mpx / benchmark.whole.per_cpu_s:.0f} CPU-s."
    )
