"""What a map will take, told before the first tile: time, disk, memory."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from breastseg.errors import InputError
from breastseg.images import Slide
from breastseg.inference.map import MapConfig, Plan
from breastseg.inference.model import Model
from breastseg.inference.tiles import TileConfig, label_pixels

_PROBE_PX = 256
_READ_PX_PER_S = 25e6
"""Level-0 pixels that one thread reads in a second."""
_LABEL_BYTES, _SCORE_BYTES = 0.1, 0.6
"""Of a pixel at the model's mpp: a label with pyramid, scratch copy and regions; a probability
likewise. Twice what was seen."""
_TILE_BYTES, _BLEND_BYTES = 100, 12
"""Of a pixel of a tile: the network's own and what is read ahead; and of each class where
probabilities are kept."""
_BASE_BYTES = 180e6
"""Python, packages, the network, and drawing the regions."""


@dataclass(frozen=True)
class Forecast:
    """About how much a map takes.

    Attributes:
        seconds: on this machine, from a run of the network on a small tile.
        disk_bytes: at most at one time, in the output folder.
        memory_bytes: of the process.
    """

    seconds: float
    disk_bytes: float
    memory_bytes: float

    def __str__(self) -> str:
        """Say it in a line."""
        minutes = f"{self.seconds / 60:.1f} min" if self.seconds > 90 else f"{self.seconds:.0f} s"
        return (
            f"about {minutes}, {self.disk_bytes / 1e6:.0f} MB of disk,"
            f" {self.memory_bytes / 1e6:.0f} MB of memory"
        )


def forecast(slide: Slide, plan: Plan, model: Model, config: MapConfig) -> Forecast:
    """Foretell from the plan and a small run of the network."""
    keeps_scores = config.probabilities or config.uncertainty
    per_px = _seconds_per_px(model)
    shown = sum(tile.outer.area for tile in plan.wanted)
    pixels, classes = float(np.prod(plan.field.size_px)), plan.tiles.classes
    level0 = shown * np.prod(slide.size_px) / pixels
    blend = keeps_scores or plan.tiles.blend or config.disagreement
    largest = max((tile.outer.area for tile in plan.wanted), default=0)
    return Forecast(
        seconds=shown * per_px + level0 / _READ_PX_PER_S,
        disk_bytes=plan.area_px * (_LABEL_BYTES + (classes * _SCORE_BYTES if keeps_scores else 0)),
        memory_bytes=_memory_bytes(largest, classes if blend else 0, model),
    )


def memory_at_most(model: Model, *, keeps_scores: bool) -> float:
    """Foretell the bytes of memory that a map of any slide takes: that of a whole tile.

    Args:
        model: what maps.
        keeps_scores: whether probabilities are kept, blended or compared.
    """
    classes = model.tiles.classes if keeps_scores else 0
    return _memory_bytes(model.tiles.tile_px**2, classes, model)


def _memory_bytes(tile_area_px: int, scores: int, model: Model) -> float:
    networks = max(1, len(model.members))  # each holds what it computed until the next tile
    tile_bytes = tile_area_px * (networks * _TILE_BYTES + scores * _BLEND_BYTES)
    return networks * _BASE_BYTES + tile_bytes


def check_disk(expected: Forecast, out: Path) -> None:
    """Raise InputError when the disk of an output folder has not the room."""
    there = next(folder for folder in (out, *out.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    if free < expected.disk_bytes:
        raise InputError(
            f"{out}: the disk has {free / 1e6:.0f} MB free, this map may take"
            f" {expected.disk_bytes / 1e6:.0f} MB; free some or choose another disk with --out"
        )


def _seconds_per_px(model: Model) -> float:
    """Time the network on a tile of noise, the second time, when it is compiled."""
    noise = np.random.default_rng(0).integers(0, 256, (_PROBE_PX, _PROBE_PX, 3), np.uint8)
    seconds = 0.0
    for _ in range(2):
        start = time.perf_counter()
        label_pixels(
            noise, model.runner, TileConfig(_PROBE_PX, 0, model.tiles.classes, model.flips)
        )
        seconds = time.perf_counter() - start
    return seconds / noise[..., 0].size
