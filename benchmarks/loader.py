"""Training crops per second: slices of memory maps against the student report's folder of PNG
tiles.

ours     breastseg's Crops + TrainBatches behind its own `loader`: batches of uint8 crops at random
places, cut in the training process
  float  the same batches, scaled to normalised float by breastseg's own Network (its layers left
  out), labels as int64
theirs   a torch Dataset that opens one PNG image and its mask with Pillow an item, to tensor,
normalised with ImageNet's mean and
         standard deviation (torchvision), behind a DataLoader with the same batch, shuffled, one
         worker per core

The tiles are cut from the same data set into a temporary folder, unless folders of tiles (images/
and masks/, as from `prepare --tiles`) are named. "float" and "theirs" end in the same thing: the
pair to compare. Runs are interleaved, one of each is not counted; CPU seconds are those of the
process and its workers. Target: at least 3 times theirs.

    python benchmarks/loader.py data/bcss
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset as Prepared
from breastseg.data.dataset import open_dataset
from breastseg.networks.build import Network, NetworkConfig
from breastseg.training.loader import Batch, Share, TrainBatches, loader

TARGET = 3.0
SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


Pair = tuple[torch.Tensor, torch.Tensor]
"""Images and labels."""


class Tiles(Dataset[Pair]):
    """One PNG image and its mask an item, each opened when asked for."""

    def __init__(self, images: list[Path]) -> None:
        self.images = images
        self.transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Pair:
        path = self.images[index]
        mask = np.array(Image.open(path.parents[1] / "masks" / path.name))
        return self.transform(Image.open(path).convert("RGB")), torch.from_numpy(mask).long()


def write_tiles(data: Prepared, folder: Path) -> None:
    """Cut every region into whole tiles."""
    for kind, arrays in (("images", data.image), ("masks", data.labels)):
        (folder / kind).mkdir()
        for region in data.regions.index:
            array = arrays(region)
            for y in range(0, array.shape[0] - SIDE + 1, SIDE):
                for x in range(0, array.shape[1] - SIDE + 1, SIDE):
                    tile = Image.fromarray(np.ascontiguousarray(array[y : y + SIDE, x : x + SIDE]))
                    tile.save(folder / kind / f"{region}_y{y}_x{x}.png")


class NoLayers(nn.Module):
    """A network's body that does nothing, so that Network scales colours and no more."""

    segmentation_head = nn.Identity()

    def encoder(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        return [pictures]

    def decoder(self, features: list[torch.Tensor]) -> torch.Tensor:
        return features[-1]


def pairs(batches: Iterable[Batch]) -> Iterable[Pair]:
    """Leave out what only dots and whole fields need."""
    for pictures, labels, *_ in batches:
        yield pictures, labels


def converted(batches: Iterable[Pair]) -> Iterable[Pair]:
    """Scale colours and widen labels, as network and loss do it."""
    scale = Network(NoLayers(), NetworkConfig("none", "none", classes=3, mean=MEAN, std=STD)).eval()
    for pictures, labels in batches:
        yield scale(pictures), labels.long()


def check_same(tiles: Tiles) -> None:
    """Stop unless both ways turn one tile into the same numbers."""
    pixels = np.array(Image.open(tiles.images[0]).convert("RGB"))[None]
    as_batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    ours, _ = next(iter(converted([(as_batch, torch.from_numpy(pixels[..., 0]))])))
    torch.testing.assert_close(ours[0], tiles[0][0], rtol=1e-4, atol=1e-4)


def cpu_seconds() -> float:
    """Return CPU seconds of this process and of the workers it has waited for."""
    return sum(
        sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def rates(batches: Callable[[], Iterable[Pair]], crops: int) -> tuple[float, float]:
    """Return crops per wall second and per CPU second of one pass; workers have ended when the pass
    has."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    assert sum(len(pictures) for pictures, _ in batches()) == crops
    return crops / (time.perf_counter() - wall), crops / (cpu_seconds() - cpu)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="folder of a prepared data set")
    parser.add_argument(
        "tiles", nargs="*", help="folders of 224-px tiles (default: cut from the data set)"
    )
    parser.add_argument("--batch", type=int, default=64, help="crops a batch (default 64)")
    parser.add_argument("--batches", type=int, default=48, help="batches a run (default 48)")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="workers of theirs (default: one per core)",
    )
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each (default 5)")
    options = parser.parse_args()
    data, crops = open_dataset(options.dataset), options.batch * options.batches
    draw = Crops(data, [*map(str, data.regions.index)], CropDraw(SIDE))
    ours = loader(TrainBatches(draw, batch=options.batch, crops_per_epoch=crops, share=Share()))
    with tempfile.TemporaryDirectory() as temporary:
        if not options.tiles:
            write_tiles(data, Path(temporary))
        paths = sorted(
            path
            for folder in options.tiles or [temporary]
            for path in Path(folder, "images").glob("*.png")
        )
        tiles = Tiles([paths[i % len(paths)] for i in range(crops)])
        check_same(tiles)
        theirs = DataLoader(
            tiles, batch_size=options.batch, shuffle=True, num_workers=options.workers
        )
        ways: dict[str, Callable[[], Iterable[Pair]]]
        ways = {
            "ours": lambda: pairs(ours),
            "ours, float": lambda: converted(pairs(ours)),
            "theirs": lambda: theirs,
        }
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for repeat in range(options.repeats + 1):
            for name, way in ways.items():
                measured = rates(way, crops)
                if repeat:  # the first run of each warms the file cache
                    runs[name].append(measured)
    middle = {
        name: [statistics.median(column) for column in zip(*values, strict=True)]
        for name, values in runs.items()
    }
    print(
        f"{len(paths)} tiles, {crops} crops a run, {os.cpu_count()} cores, median of"
        f" {options.repeats}"
    )
    print(
        f"{'':14} {'crops / wall s':>16} {'crops / CPU s':>16} {'wall ratio':>11} {'CPU ratio':>11}"
    )
    for name, (wall, cpu) in middle.items():
        print(
            f"{name:14} {wall:16.0f} {cpu:16.0f} {wall / middle['theirs'][0]:11.2f}"
            f" {cpu / middle['theirs'][1]:11.2f}"
        )
    ratio = min(middle["ours, float"][i] / middle["theirs"][i] for i in range(2))
    print(
        f"to the same float batch, wall and CPU: at least {ratio:.2f}, target {TARGET:g}:"
        f" {'met' if ratio >= TARGET else 'missed'}"
    )


if __name__ == "__main__":
    main()
