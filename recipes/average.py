"""Average the weights of trainings that began at the same place, and write what comes of it.

    python recipes/average.py OUT DATA BUNDLE=SHARE BUNDLE=SHARE ...

OUT     a new bundle; with the card of the last BUNDLE, and the patients of all
DATA    the data set that trained it: four crops hold the ONNX file against PyTorch
BUNDLE  a folder or the name of a shipped model; shares are numbers that add up to 1

Networks fine-tuned from one start lie in one valley: their mean keeps what both know, and holds
better where neither was taught (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from breastseg.bundles.bundle import WEIGHTS, Bundle, load_bundle
from breastseg.bundles.training import Averaged
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import load_split, regions_of
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.export import write_bundle
from breastseg.networks.weights import read_tensors

SIDE_PX = 224
CROPS = 4


def averaged(bundles: list[tuple[Bundle, float]]) -> dict[str, torch.Tensor]:
    """Return the mean of the weights, in single precision; whole numbers are the last one's."""
    total = sum(share for _, share in bundles)
    if abs(total - 1) > 1e-6:
        sys.exit(f"average.py: shares add up to {total:g}, wanted 1")
    networks = {repr(bundle.card.network) for bundle, _ in bundles}
    if len(networks) > 1:
        sys.exit("average.py: the bundles have different networks; wanted one")
    states = [read_tensors(bundle.file(WEIGHTS), ValueError) for bundle, _ in bundles]
    found = {}
    for name, last in states[-1].items():
        if not last.is_floating_point():
            found[name] = last
            continue
        parts = []
        for state, (_, share) in zip(states, bundles, strict=True):
            parts.append(state[name].float() * share)
        found[name] = torch.stack(parts).sum(0)
    return found


def patients_of(bundles: list[tuple[Bundle, float]]) -> dict[str, tuple[str, ...]]:
    """Return everybody who trained or chose one of them."""
    found: dict[str, set[str]] = {"train": set(), "val": set()}
    for bundle, _ in bundles:
        for part, names in (bundle.card.training.patients or {}).items():
            found.setdefault(part, set()).update(names)
    found["val"] -= found["train"]
    return {part: tuple(sorted(names)) for part, names in found.items()}


def crops_of(data: Dataset) -> np.ndarray:
    """Return crops of the training regions, (N, 224, 224, 3) uint8."""
    found = []
    for region in regions_of(load_split(data), "train"):
        image = data.image(region)
        if min(image.shape[:2]) >= SIDE_PX and data.labels(region).any():
            found.append(image[:SIDE_PX, :SIDE_PX])
        if len(found) == CROPS:
            break
    return np.stack(found)


def main() -> None:
    """Average, and write."""
    if len(sys.argv) < 5:
        sys.exit(str(__doc__))
    out, data = Path(sys.argv[1]), open_dataset(sys.argv[2])
    bundles = []
    for word in sys.argv[3:]:
        name, _, share = word.rpartition("=")
        bundles.append((load_bundle(name), float(share)))
    card = bundles[-1][0].card
    network = build(NetworkConfig.from_dict(card.network))
    network.load_state_dict(averaged(bundles))
    history = (bundles[-1][0].path / "metrics.csv").read_text(encoding="utf-8")
    mixed = []
    for bundle, part in bundles:
        mixed.append(Averaged(bundle.card.name, bundle.card.files[WEIGHTS], part))
    training = replace(card.training, patients=patients_of(bundles), averaged=tuple(mixed))
    write_bundle(out, network.eval(), replace(card, training=training), crops_of(data), history)


if __name__ == "__main__":
    main()
