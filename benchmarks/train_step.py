"""One training step of the `report` preset: breastseg's against a plain one.

Both train the report's network (U-Net, ResNet34 encoder, 21 classes, encoder frozen, AdamW,
cross-entropy) from the same random weights on the same crops.
ours    breastseg's Segmenter: bf16 autocast (what Lightning's bf16-mixed does), channels-last
memory, frozen encoder in eval mode;
        its running accuracy and Dice included, Lightning's loop around it not
theirs  eager fp32, NCHW memory, the encoder frozen by requires_grad = False alone (its batch norms
go on in training mode)

Steps alternate; the first of each is not counted. Target: at least 1.8 times the images per
CPU-second (ratio of medians).

    python benchmarks/train_step.py data/bcss

With --curves N each trains N steps, and theirs once more with the encoder in eval mode, which is
the same mathematics as ours. Printed are the losses, and the largest relative difference of the
10-step moving averages to ours.

    python benchmarks/train_step.py data/bcss --curves 50
"""

import argparse
import resource
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import open_dataset
from breastseg.networks.build import Network, NetworkConfig, build
from breastseg.networks.losses import IGNORE
from breastseg.training.config import preset
from breastseg.training.loader import Batch, to_batch
from breastseg.training.segmentation import Segmenter, set_frozen

TARGET = 1.8
CLASSES = 21
WINDOW = 10
CONFIG = preset("report", precision="bf16")
Step = Callable[[Batch], float]


def start_network(first: list[Batch]) -> Network:
    """Build from the seed, and show the batch norms some crops: random weights come without the
    statistics that pretrained have."""
    torch.manual_seed(CONFIG.seed)
    network = build(NetworkConfig(CONFIG.arch, CONFIG.encoder, CLASSES))
    for norm in network.encoder.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None  # the plain average of what it has seen
    with torch.no_grad():
        for pictures, _, _ in first:
            network.train()(pictures)
    return network


def our_step(network: Network) -> Step:
    """Return the step that breastseg runs."""
    module = Segmenter(network, CONFIG, classes=CLASSES, steps=1)
    set_frozen(network, module.encoder_frozen(0))
    optimizer = module.configure_optimizers()

    def step(batch: Batch) -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = module.training_step(batch, 0)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(loss.detach())

    return step


def their_step(network: Network, *, encoder_eval: bool = False) -> Step:
    """Return a step as the report's code has it; `encoder_eval` also stops the encoder's batch
    statistics."""
    network.train().encoder.requires_grad_(False).train(not encoder_eval)
    criterion = torch.nn.CrossEntropyLoss(ignore_index=IGNORE)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=CONFIG.lr, weight_decay=CONFIG.weight_decay
    )

    def step(batch: Batch) -> float:
        pictures, labels, *_ = batch
        optimizer.zero_grad()
        loss = criterion(network(pictures.float().contiguous()), labels.long() - 1)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def timed(step: Step, batch: Batch) -> tuple[float, float]:
    """Return wall and CPU seconds of a step, all its threads together."""
    wall, cpu = time.perf_counter(), sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    step(batch)
    return time.perf_counter() - wall, sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - cpu


def compare_speed(start: Callable[[], Network], batches: list[Batch]) -> None:
    """Alternate steps, print images per second."""
    steps = {"theirs": their_step(start()), "ours": our_step(start())}
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for number, batch in enumerate(batches):
        for name, step in steps.items():
            measured = timed(step, batch)
            if number:  # the first step of each builds its kernels
                runs[name].append(measured)
    images, counted = len(batches[0][1]), len(batches) - 1
    print(
        f"batch {images} of {CONFIG.crop_px} px, {torch.get_num_threads()} threads, median of"
        f" {counted} steps"
    )
    middle = {
        name: [images / statistics.median(column) for column in zip(*values, strict=True)]
        for name, values in runs.items()
    }
    for name, (wall, cpu) in middle.items():
        print(f"{name:8} {wall:8.2f} images / wall s {cpu:8.2f} images / CPU s")
    wall, cpu = (middle["ours"][i] / middle["theirs"][i] for i in range(2))
    print(
        f"wall ratio {wall:.2f}, CPU ratio {cpu:.2f}, target {TARGET}:"
        f" {'met' if cpu >= TARGET else 'missed'}"
    )


def compare_curves(start: Callable[[], Network], batches: list[Batch]) -> None:
    """Train each way and print the losses."""
    ways = {
        "ours": our_step(start()),
        "theirs": their_step(start()),
        "theirs, eval": their_step(start(), encoder_eval=True),
    }
    curves = {name: np.array([step(batch) for batch in batches]) for name, step in ways.items()}
    print(f"{'step':>5} " + " ".join(f"{name:>13}" for name in curves))
    for number, losses in enumerate(zip(*curves.values(), strict=True), start=1):
        print(f"{number:5} " + " ".join(f"{loss:13.4f}" for loss in losses))
    means = {
        name: np.convolve(curve, np.full(WINDOW, 1 / WINDOW), "valid")
        for name, curve in curves.items()
    }
    for name in ("theirs", "theirs, eval"):
        worst = np.max(np.abs(means["ours"] - means[name]) / means[name])
        print(f"ours against {name}: {WINDOW}-step means differ by at most {100 * worst:.2f} %")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="folder of a prepared data set")
    parser.add_argument("--batch", type=int, default=16, help="crops a step (default 16)")
    parser.add_argument("--repeats", type=int, default=7, help="counted steps of each (default 7)")
    parser.add_argument(
        "--curves",
        type=int,
        default=0,
        metavar="N",
        help="train N steps each way and compare losses instead",
    )
    options = parser.parse_args()
    if options.curves and options.curves < WINDOW:
        parser.error(f"--curves {options.curves}: wanted at least {WINDOW}")
    warnings.filterwarnings(
        "ignore", ".*self.trainer.* reference is not registered"
    )  # running figures, without Lightning's loop
    data = open_dataset(options.dataset)
    crops = Crops(
        data,
        [str(region) for region in data.regions.index],
        CropDraw(CONFIG.crop_px, CONFIG.balance, CONFIG.seed),
    )
    size = options.batch
    batches = [
        to_batch(crops.batch(i, list(range(size))))
        for i in range(options.curves or options.repeats + 1)
    ]
    (compare_curves if options.curves else compare_speed)(
        lambda: start_network(batches[:2]), batches
    )


if __name__ == "__main__":
    main()
