"""Training crops per second: slices of memory maps against the student report's folder of PNG tiles.

ours     breastseg's Crops + TrainBatches behind its own `loader`: batches of uint8 crops at random places, cut in the training process
  float  the same batches, converted as the network does it: float, minus mean, by standard deviation; labels as int64
theirs   a torch Dataset that opens one PNG image and its mask with Pillow an item, to tensor, normalised with ImageNet's mean and
         standard deviation (torchvision), behind a DataLoader with the same batch, shuffled, one worker per core

The tiles are cut from the same data set into a temporary folder, unless folders of tiles (each with images/ and masks/, as
`breastseg prepare --tiles 224` writes them) are named. "float" and "theirs" end in the same thing: that is the pair to compare. Runs are
interleaved; one of each is not counted. CPU seconds are those of the process and its workers. Target: at least 3 times theirs.

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

import breastseg.models.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from breastseg.data.dataset import Dataset as Prepared
from breastseg.data.dataset import open_dataset
from breastseg.data.patches import CropDraw, Crops
from breastseg.training.loader import Batch, Share, TrainBatches, loader

TARGET = 3.0
SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Tiles(Dataset[Batch]):
    """One PNG image and its mask an item, each opened when asked for."""

    def __init__(self, images: list[Path]) -> None:
        self.images = images
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Batch:
        path = self.images[index]
        image = self.transform(Image.open(path).convert("RGB"))
        mask = torch.from_numpy(np.array(Image.open(path.parent.parent / "masks" / path.name))).long()
        return image, mask


def write_tiles(data: Prepared, folder: Path) -> None:
    """Cut every region into whole tiles: images/ and masks/ of the same names."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for region in data.regions.index:
        image, labels = data.image(region), data.labels(region)
        for y in range(0, labels.shape[0] - SIDE + 1, SIDE):
            for x in range(0, labels.shape[1] - SIDE + 1, SIDE):
                for kind, array in (("images", image), ("masks", labels)):
                    tile = Image.fromarray(np.ascontiguousarray(array[y : y + SIDE, x : x + SIDE]))
                    tile.save(folder / kind / f"{region}_y{y}_x{x}.png")


def converted(batches: Iterable[Batch]) -> Iterable[Batch]:
    """Scale colours and widen labels, as network and loss do it."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) * 255 for values in (MEAN, STD))
    for pictures, labels in batches:
        yield (pictures.float() - mean) / std, labels.long()


def check_same(tiles: Tiles) -> None:
    """Stop unless both ways turn one tile into the same numbers."""
    pixels = torch.from_numpy(np.array(Image.open(tiles.images[0]).convert("RGB"))).permute(2, 0, 1)[None]
    ours, _ = next(iter(converted([(pixels, torch.zeros(1))])))
    torch.testing.assert_close(ours[0], tiles[0][0], rtol=1e-4, atol=1e-4)


def cpu_seconds() -> float:
    """Return CPU seconds of this process and of the workers it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def rates(batches: Callable[[], Iterable[Batch]], crops: int) -> tuple[float, float]:
    """Return crops per wall second and per CPU second of one pass; workers have ended when the pass has."""
    wall, cpu, seen = time.perf_counter(), cpu_seconds(), 0
    for pictures, _ in batches():
        seen += len(pictures)
    assert seen == crops, f"{seen} crops, wanted {crops}"
    return crops / (time.perf_counter() - wall), crops / (cpu_seconds() - cpu)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="folder of a prepared data set")
    parser.add_argument("tiles", nargs="*", help="folders of 224-px tiles (default: cut from the data set)")
    parser.add_argument("--batch", type=int, default=64, help="crops a batch (default 64)")
    parser.add_argument("--batches", type=int, default=48, help="batches a run (default 48)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="worker processes of theirs (default: one per core)")
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each (default 5)")
    options = parser.parse_args()
    data, crops = open_dataset(options.dataset), options.batch * options.batches
    draw = Crops(data, [str(region) for region in data.regions.index], CropDraw(SIDE))
    ours = loader(TrainBatches(draw, batch=options.batch, crops_per_epoch=crops, share=Share()))
    with tempfile.TemporaryDirectory() as temporary:
        if not options.tiles:
            write_tiles(data, Path(temporary))
        paths = sorted(path for folder in options.tiles or [temporary] for path in Path(folder, "images").glob("*.png"))
        tiles = Tiles([paths[i % len(paths)] for i in range(crops)])
        check_same(tiles)
        theirs = DataLoader(tiles, batch_size=options.batch, shuffle=True, num_workers=options.workers)
        ways: dict[str, Callable[[], Iterable[Batch]]] = {
            "ours": lambda: ours, "ours, float": lambda: converted(ours), "theirs": lambda: theirs,
        }  # fmt: skip
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for repeat in range(options.repeats + 1):
            for name, way in ways.items():
                measured = rates(way, crops)
                if repeat:  # the first run of each warms the file cache
                    runs[name].append(measured)
    print(f"{len(paths)} tiles, {crops} crops a run, {os.cpu_count()} cores, median of {options.repeats}")
    middle = {name: [statistics.median(column) for column in zip(*values, strict=True)] for name, values in runs.items()}
    print(f"{'':14} {'crops / wall s':>16} {'crops / CPU s':>16} {'wall ratio':>11} {'CPU ratio':>11}")
    for name, (wall, cpu) in middle.items():
        print(f"{name:14} {wall:16.0f} {cpu:16.0f} {wall / middle['theirs'][0]:11.2f} {cpu / middle['theirs'][1]:11.2f}")
    ratio = min(middle["ours, float"][i] / middle["theirs"][i] for i in range(2))
    print(f"to the same float batch, wall and CPU: at least {ratio:.2f}, target {TARGET:g}: {'met' if ratio >= TARGET else 'missed'}")


if __name__ == "__main__":
    main()
