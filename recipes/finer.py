"""Make a start for another um/px and a finer output: what is new in it says what a model says.

    python recipes/finer.py OUT DATA MODEL OUTPUT_STRIDE

OUT            a new bundle to go on from (breastseg train --start OUT), at the um/px of DATA
DATA           the data set that it will be trained on, prepared and split
MODEL          a U-Net: a bundle's folder, or the name of a shipped model
OUTPUT_STRIDE  pixels a side under one output pixel: 1, 2 or 4, less than MODEL's

Weights that fit stay as they are. The decoder's further blocks and the last layer are fitted to
MODEL's probabilities on crops of DATA, 60 steps of 8 crops of 160 px: half a minute of one core.
Without that, their first, random answers would spoil what the encoder knows.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from breastseg.bundles.bundle import HISTORY, WEIGHTS, load_bundle
from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import open_dataset
from breastseg.data.split import load_split, regions_of
from breastseg.errors import BreastsegError, InputError, ModelError
from breastseg.networks.build import Network, NetworkConfig, build
from breastseg.networks.export import write_bundle
from breastseg.networks.weights import load_bundle_weights, read_tensors

STEPS, BATCH, SIDE_PX = 60, 8, 160
MOST_RATE, LEAST_RATE = 4e-3, 1e-4
SEED, CROP_SEED = 42, 7
_SAY_EVERY = 10


def take(network: Network, state: dict[str, torch.Tensor]) -> list[nn.Parameter]:
    """Load the weights that fit and freeze them; return those that are new, ready to train."""
    own = network.state_dict()
    fitting = {
        name: value.to(own[name].dtype)
        for name, value in state.items()
        if name in own and own[name].shape == value.shape
    }
    network.load_state_dict(fitting, strict=False)
    network.eval().requires_grad_(False)
    found = []
    for name, module in network.named_modules():
        parameters = dict(module.named_parameters(f"{name}", recurse=False))
        if parameters and not parameters.keys() <= fitting.keys():
            module.train().requires_grad_(True)
            found += parameters.values()
    return found


def divergence(told: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return the mean Kullback-Leibler divergence of logits from probabilities, (N, K, H, W)."""
    cross = -(told * torch.log_softmax(logits, 1)).sum(1).mean()
    return cross + (told * told.clamp_min(1e-9).log()).sum(1).mean()


def fit(network: Network, new: list[nn.Parameter], teacher: Network, crops: Crops) -> None:
    """Fit what is new to what the teacher says of crops."""
    optimizer = torch.optim.AdamW(new, lr=MOST_RATE)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = MOST_RATE * (1 - step / STEPS) + LEAST_RATE
        images = crops.batch(0, list(range(step * BATCH, (step + 1) * BATCH))).images
        pictures = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
        with torch.no_grad():
            told = torch.softmax(teacher(pictures), 1)
        loss = divergence(told, network(pictures))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % _SAY_EVERY == 0:
            print(f"{step + 1} of {STEPS} steps, divergence {loss.item():.3f}", flush=True)


def main() -> None:
    """Build, fit and write."""
    if len(sys.argv) != 5 or sys.argv[4] not in ("1", "2", "4"):
        sys.exit(str(__doc__))
    out, data, stride = Path(sys.argv[1]), open_dataset(sys.argv[2]), int(sys.argv[4])
    old = load_bundle(sys.argv[3])
    settings = NetworkConfig.from_dict(old.card.network)
    if stride >= settings.output_stride:
        said = f"output stride {stride}: wanted less than that of '{old.card.name}'"
        raise InputError(f"{said}, {settings.output_stride}")
    torch.manual_seed(SEED)
    finer = replace(settings, output_stride=stride)
    network = build(finer)
    new = take(network, read_tensors(old.file(WEIGHTS), ModelError))
    teacher = build(settings)
    load_bundle_weights(teacher, old)
    regions = regions_of(load_split(data), "train")
    fit(network, new, teacher.eval(), Crops(data, regions, CropDraw(SIDE_PX, seed=CROP_SEED)))
    card = replace(
        old.card,
        name=f"{old.card.name}-stride{stride}",
        mpp=data.mpp,
        network=finer.to_dict(),
        decision={},
        scores={},
    )
    # Four crops of the training part, on which the back ends must agree.
    shown = Crops(data, regions, CropDraw(SIDE_PX, 1.0)).batch(0, list(range(4))).images
    write_bundle(out, network.eval(), card, shown, old.file(HISTORY).read_text(encoding="utf-8"))
    print(out)


if __name__ == "__main__":
    try:
        main()
    except BreastsegError as error:
        sys.exit(f"finer.py: {error}")
