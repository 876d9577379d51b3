"""InflationConfig: what decides a study. Imports nothing that computes."""

from dataclasses import asdict, dataclass

from breastseg.errors import InputError
from breastseg.training.config import TrainConfig, preset

STUDY = preset("fast", output_stride=4, epochs=8, crops_per_epoch=320, ema=0.95, precision="32")
"""What trains, many times: the `fast` network with output at a quarter of the resolution, 160
steps."""


@dataclass(frozen=True)
class InflationConfig:
    """What decides a study.

    Attributes:
        train: network and budget; crops become whole tiles, and no training tile is taken away to
            choose an epoch.
        tile_px: side of a tile, a multiple of 32.
        field_tiles: tiles along a side of a field, what "by region" holds out.
        guard_um: least distance between two fields of a region, microns.
        folds: trainings in each protocol; every tile is held out in one of them.
    """

    train: TrainConfig = STUDY
    tile_px: int = 128
    field_tiles: int = 2
    guard_um: float = 32.0
    folds: int = 3

    def __post_init__(self) -> None:
        """Check what has few right values."""
        if self.tile_px < 32 or self.tile_px % 32:
            raise InputError(f"--tile {self.tile_px}: wanted a multiple of 32")
        if self.folds < 2 or self.field_tiles < 1 or self.guard_um < 0:
            raise InputError(
                f"{self.folds} folds, fields of {self.field_tiles} tiles, {self.guard_um:g} um"
                " apart: wanted 2 or more, 1, 0"
            )

    def training(self) -> TrainConfig:
        """Return what every training of the study is given."""
        settings = asdict(self.train)
        settings.update(
            crop_px=self.tile_px,
            tile_px=self.tile_px,
            halo_px=0,  # a tile is all that there is: nothing lies beyond its edge
            monitor="none",  # no tiles are taken away to choose an epoch by
            patience=0,
            allow_absent_classes=True,  # a fold may hold out all tiles of a rare class
        )
        return TrainConfig(**settings)
