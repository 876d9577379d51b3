"""bench(): how fast this machine reads, names and maps a slide, in pixels per CPU-second and per
second."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import INT8, load_bundle
from breastseg.bundles.engine import cpu_has_bf16
from breastseg.diagnostics.config import BenchConfig
from breastseg.diagnostics.sample import write_mosaic
from breastseg.errors import InputError
from breastseg.geometry import Box, Tile
from breastseg.images import Pixels, Slide, open_slide
from breastseg.inference.map import MapConfig, Plan, SlideField, make_maps, plan_map
from breastseg.inference.model import Model
from breastseg.labels import Labels
from breastseg.processor import cpu_name
from breastseg.runners import PRECISIONS, Runner, load_runner
from breastseg.runners.precision import auto_precision, has_exact_int8

MOSAIC_PX = 4096
FIELD_PX = 6_000_000
"""About so many pixels at the model's um/px are worked on, from the middle of the tissue: of a
whole slide, a few tiles."""


_NEARLY = 0.75
"""Of the fastest precision's speed: so much the one that `auto` takes must have; it may be the more
accurate of two."""


@dataclass(frozen=True)
class Rate:
    """One measurement.

    Attributes:
        what: what was done.
        mpp: microns per pixel of the pixels that are counted.
        mpx: millions of them.
        cpu_s: CPU-seconds of all threads.
        wall_s: seconds.
    """

    what: str
    mpp: float
    mpx: float
    cpu_s: float
    wall_s: float

    @property
    def per_cpu_s(self) -> float:
        """Return Mpx per CPU-second."""
        return self.mpx / self.cpu_s

    @property
    def per_s(self) -> float:
        """Return Mpx per second."""
        return self.mpx / self.wall_s


@dataclass(frozen=True)
class Benchmark:
    """What was measured, and on what.

    Attributes:
        cpu: name of the processor.
        date: YYYY-MM-DD.
        slide: in words.
        model: its name.
        mpp: microns per pixel of the model.
        shown: pixels that the network is shown for each that gets a label: of a tile, the border is
            thrown away.
        parts: finding tissue, reading, the network in each precision.
        whole: slide -> label raster.
        rule: what `auto` takes here and why, and whether these figures bear it out.
    """

    cpu: str
    date: str
    slide: str
    model: str
    mpp: float
    shown: float
    parts: tuple[Rate, ...]
    whole: Rate
    rule: str


@dataclass(frozen=True)
class _Step:
    """Something to measure; `work` does it once and returns the pixels."""

    what: str
    mpp: float
    work: Callable[[], int]


def bench(slide: str | Path | None = None, config: BenchConfig = BenchConfig()) -> Benchmark:
    """Measure this machine on a slide, or on a mosaic of the tiny one in a folder that is removed
    again.

    Args:
        slide: a slide with levels.
        config: model and time.

    Raises:
        InputError: a flat image, a slide without tissue, or no time.
        ImageError, MppError, ModelError: slide or model cannot be used.
    """
    if not (isfinite(config.seconds) and config.seconds > 0):
        raise InputError(f"seconds {config.seconds:g}: wanted more than 0, as in --seconds 20")
    end = time.perf_counter() + config.seconds
    bundle = load_bundle(config.model)
    model = Model(
        bundle, load_runner(bundle, threads=config.threads)
    )  # in this process, whose CPU time is measured
    with TemporaryDirectory(prefix="breastseg-") as folder:
        path = Path(slide or Path(folder) / "mosaic.svs")
        if slide is None:
            write_mosaic(path, MOSAIC_PX)
        sample = _Sample(path, config.mpp, model, Path(folder))
        tiles, readings, precisions = sample.shown(), sample.readings(), _precisions(model)
        left = iter(range(len(readings) + len(precisions) + 1, 0, -1))

        def measured(step: _Step) -> Rate:
            return _rate(step, (end - time.perf_counter()) / next(left))

        parts = [measured(step) for step in readings]
        parts += [
            measured(_network(model, tiles, precision, config.threads)) for precision in precisions
        ]
        whole = measured(sample.whole())
    return Benchmark(
        cpu_name(),
        time.strftime("%Y-%m-%d"),
        str(slide or f"a mosaic of {MOSAIC_PX} x {MOSAIC_PX} px"),
        model.card.name,
        model.card.mpp,
        sum(tile[..., 0].size for tile in tiles) / sample.plan.area_px,
        tuple(parts),
        whole,
        _rule(
            INT8 in bundle.card.files, dict(zip(precisions, parts[len(readings) :], strict=True))
        ),
    )


def _rule(has_int8: bool, measured: dict[str, Rate]) -> str:
    """Say what `auto` takes and why, and whether it holds on this machine."""
    chosen, why = auto_precision(has_int8)
    told = f"--precision auto takes {chosen}: {why}"
    fastest = max(measured, key=lambda name: measured[name].per_cpu_s)
    share = measured[chosen].per_cpu_s / measured[fastest].per_cpu_s
    if share >= _NEARLY:
        return (
            f"{told}. It holds here: {chosen} has {100 * share:.0f} % of the speed of the fastest,"
            f" {fastest}."
        )
    return (
        f"{told}. It does NOT hold here: {fastest} is {1 / share:.1f} times as fast; take"
        f" --precision {fastest}, and please report it."
    )


class _Sample:
    """Some tiles of a slide; opened anew for each pass, so that nothing is in its cache."""

    def __init__(self, path: Path, mpp: float | None, model: Model, scratch: Path) -> None:
        self._path, self._mpp, self._model, self._scratch = path, mpp, model, scratch
        with self._opened() as slide:
            if slide.is_flat:
                raise InputError(
                    f"{path}: a flat image, decoded whole before anything can be measured; wanted"
                    " a slide with levels"
                )
            self.plan = _middle(plan_map(slide, model, MapConfig()), path)

    def _opened(self) -> closing[Slide]:
        return closing(open_slide(self._path, mpp=self._mpp))

    def shown(self) -> list[Pixels]:
        """Return what the network is shown of the tiles, each (1, H, W, 3) uint8."""
        seen = _Seen(self._model.runner)
        self._map(replace(self._model, runner=seen))
        return seen.tiles

    def readings(self) -> list[_Step]:
        """Return what is done without the network."""
        with self._opened() as slide:
            level0 = slide.mpp
        return [
            _Step("finding tissue", self._model.card.mpp, self._plan_whole),
            _Step("reading", self._model.card.mpp, self._read),
            _Step("reading level 0", level0, self._read_level0),
        ]

    def whole(self) -> _Step:
        """Return the whole path."""
        return _Step(
            f"whole path, {self._model.backend}",
            self._model.card.mpp,
            lambda: self._map(self._model),
        )

    def _plan_whole(self) -> int:
        with self._opened() as slide:
            return int(np.prod(plan_map(slide, self._model, MapConfig()).field.size_px))

    def _read(self) -> int:
        with self._opened() as slide:
            field = SlideField(slide, self.plan.field.size_px)
            return sum(field.pixels(tile.inner)[..., 0].size for tile in _in_order(self.plan))

    def _read_level0(self) -> int:
        with self._opened() as slide:
            across, down = (
                old / new for old, new in zip(slide.size_px, self.plan.field.size_px, strict=True)
            )
            boxes = (tile.inner for tile in _in_order(self.plan))
            scaled = (
                Box(int(b.x * across), int(b.y * down), int(b.width * across), int(b.height * down))
                for b in boxes
            )
            return sum(slide.read(box, mpp=slide.mpp)[..., 0].size for box in scaled)

    def _map(self, model: Model) -> int:
        with self._opened() as slide:
            plan = replace(self.plan, field=SlideField(slide, self.plan.field.size_px))
            with make_maps(plan, model, MapConfig(), self._scratch):
                return plan.area_px


@dataclass(frozen=True)
class _Seen:
    """A runner that keeps what it is shown."""

    runner: Runner
    tiles: list[Pixels] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.runner.name

    @property
    def package(self) -> str:
        return self.runner.package

    def probabilities(self, tiles: Pixels) -> npt.NDArray[np.float32]:
        return self.runner.probabilities(tiles)

    def labels(self, tiles: Pixels) -> Labels:
        self.tiles.append(tiles)
        return self.runner.labels(tiles)

    def release(self) -> None:
        self.runner.release()


def _middle(plan: Plan, path: Path) -> Plan:
    """Leave so many of the tiles with tissue as make FIELD_PX, from the middle of their row."""
    tiles = _in_order(plan)
    if not tiles:
        raise InputError(f"{path}: no tissue was found; wanted a slide with some")
    count = min(len(tiles), -(-FIELD_PX // tiles[0].inner.area))
    first = (len(tiles) - count) // 2
    return replace(plan, wanted=frozenset(tiles[first : first + count]))


def _in_order(plan: Plan) -> list[Tile]:
    return sorted(plan.wanted, key=lambda tile: (tile.inner.y, tile.inner.x))


def _precisions(model: Model) -> list[str]:
    """Return the precisions that the model and this processor have."""
    missing = (
        ("bf16", not cpu_has_bf16()),
        ("int8", INT8 not in model.card.files or not has_exact_int8()),
    )
    return [name for name in PRECISIONS[1:] if (name, True) not in missing]


def _network(model: Model, tiles: list[Pixels], precision: str, threads: int) -> _Step:
    """Return the network alone; it is dropped with the step, because each takes hundreds of
    megabytes."""
    runner = load_runner(model.bundle, precision=precision, threads=threads)
    return _Step(
        f"network, {runner.name}", model.card.mpp, partial(_name_next, runner, cycle(tiles))
    )


def _name_next(runner: Runner, tiles: Iterator[Pixels]) -> int:
    return runner.labels(next(tiles)).size


def _rate(step: _Step, seconds: float) -> Rate:
    """Do a step once to warm up, then again and again until the time is over."""
    step.work()
    pixels, wall, cpu = 0, time.perf_counter(), time.process_time()
    while not pixels or time.perf_counter() - wall < seconds:
        pixels += step.work()
    return Rate(
        step.what, step.mpp, pixels / 1e6, time.process_time() - cpu, time.perf_counter() - wall
    )
