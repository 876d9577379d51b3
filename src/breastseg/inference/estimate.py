"""What a map will take, estimated before the first tile: time, disk, memory."""

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
        """Return it in a line."""
        time_text = f"{self.seconds:.0f} s"
        if self.seconds > 90:
            time_text = f"{self.seconds / 60:.1f} min"
        return (
            f"about {time_text}, {self.disk_bytes / 1e6:.0f} MB of disk,"
            f" {self.memory_bytes / 1e6:.0f} MB of memory"
        )


def forecast(slide: Slide, plan: Plan, model: Model, config: MapConfig) -> Forecast:
    """Estimate from the plan and a small run of the network."""
    classes = plan.tiles.classes
    # With halos: what the network is shown, and what is read.
    areas = [tile.outer.area for tile in plan.wanted]
    shown_px = sum(areas)
    level0_px = shown_px * np.prod(slide.size_px) / float(np.prod(plan.field.size_px))
    keeps_scores = config.probabilities or config.uncertainty
    bytes_per_px = _LABEL_BYTES
    if keeps_scores:
        bytes_per_px += classes * _SCORE_BYTES
    holds_scores = keeps_scores or plan.tiles.blend or config.disagreement
    planes = classes if holds_scores else 0
    return Forecast(
        seconds=shown_px * _seconds_per_px(model) + level0_px / _READ_PX_PER_S,
        disk_bytes=plan.area_px * bytes_per_px,
        memory_bytes=_memory_bytes(max(areas, default=0), planes, model),
    )


def memory_at_most(model: Model, *, keeps_scores: bool) -> float:
    """Estimate the bytes of memory that a map of any slide takes: that of a whole tile.

    Args:
        model: what maps.
        keeps_scores: whether probabilities are kept, blended or compared.
    """
    classes = model.tiles.classes if keeps_scores else 0
    return _memory_bytes(model.tiles.tile_px**2, classes, model)


def _memory_bytes(tile_area_px: int, planes: int, model: Model) -> float:
    networks = max(1, len(model.members))  # each holds what it computed until the next tile
    bytes_per_px = networks * _TILE_BYTES + planes * _BLEND_BYTES
    return networks * _BASE_BYTES + tile_area_px * bytes_per_px


def check_disk(expected: Forecast, out: Path) -> None:
    """Raise InputError when the disk of an output folder has not the room."""
    # The folder may not be there yet: the first above it that is lies on the same disk.
    folder = next(folder for folder in (out, *out.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(folder).free
    if free < expected.disk_bytes:
        raise InputError(
            f"{out}: the disk has {free / 1e6:.0f} MB free, this map may take"
            f" {expected.disk_bytes / 1e6:.0f} MB; free some or choose another disk with --out"
        )


def _seconds_per_px(model: Model) -> float:
    """Time the network on a tile of noise, the second time, when it is compiled."""
    noise = np.random.default_rng(0).integers(0, 256, (_PROBE_PX, _PROBE_PX, 3), np.uint8)
    one_tile = TileConfig(_PROBE_PX, 0, model.tiles.classes, model.flips)
    seconds = 0.0
    for _ in range(2):
        start = time.perf_counter()
        label_pixels(noise, model.runner, one_tile)
        seconds = time.perf_counter() - start
    return seconds / noise[..., 0].size
