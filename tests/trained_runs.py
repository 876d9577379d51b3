"""Short trainings on painted regions, and runs of them that are trained once for all tests that
only look."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from breastseg.bundles.bundle import Bundle
from breastseg.data.dataset import Dataset
from breastseg.reporter import Reporter
from breastseg.training.config import TrainConfig
from breastseg.training.train import train

TINY = TrainConfig(
    encoder_weights="none",
    decoder_channels=(16, 16, 16, 16, 16),
    crop_px=32,
    batch=4,
    epochs=5,
    crops_per_epoch=16,
    precision="32",
    tile_px=128,
    halo_px=32,
    loss="ce",
    lr=3e-3,
)
SHORT = replace(TINY, epochs=1)


@dataclass(frozen=True)
class Trained:
    """A finished run: its folder, its bundle, what it said, and what it was trained on."""

    run: Path
    bundle: Bundle
    said: tuple[str, ...]
    data: Dataset


class TrainedRuns:
    """Trains a configuration when it is first asked for; nobody may change what it gives."""

    def __init__(self, data: Dataset, folder: Path) -> None:
        self.data, self.folder = data, folder
        self.runs: dict[TrainConfig, Trained] = {}

    def of(self, config: TrainConfig) -> Trained:
        if config not in self.runs:
            run, said = self.folder / str(len(self.runs)) / "run", list[str]()
            bundle = train(self.data.path, run, config, reporter=Reporter(said.append))
            self.runs[config] = Trained(run, bundle, tuple(said), self.data)
        return self.runs[config]


def command(data: Path, run: Path, config: TrainConfig) -> list[str]:
    """Return the command line of a configuration."""
    words = [sys.executable, "-m", "breastseg", "train", str(data), "--out", str(run)]
    for key, value in config.to_dict().items():
        name = "--" + key.replace("_", "-")
        if isinstance(value, bool):
            words.append(name if value else "--no-" + name[2:])
        else:
            words += [name, *map(str, value if isinstance(value, list) else [value])]
    return words
