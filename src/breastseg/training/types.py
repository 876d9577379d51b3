"""Types in a run: whole fields beside the crops of a step, and the head that is fitted at the end.

`task` type leaves the network of `start` as it is: its maps stay the same. `both` trains encoder
and decoder on pixels and on types at once; the head that learns along is thrown away, and the one
that is kept is fitted to the finished network's features, as for `type`.
"""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from breastseg.bundles.card import Card
from breastseg.bundles.types import Types
from breastseg.data.dataset import Dataset
from breastseg.data.fields import TYPE
from breastseg.decision.types import check_types, fit_head, judge, look_at, said
from breastseg.errors import InputError
from breastseg.geometry import Box
from breastseg.inference.tiles import TileConfig
from breastseg.inference.types import Cells
from breastseg.networks.build import Network
from breastseg.networks.type_cells import TypeCells, TypeHead, channels_of
from breastseg.reporter import Reporter
from breastseg.training.config import TrainConfig

TUMOR = "tumor"
"""The class over which features are pooled."""
_PICTURES = 4
"""Crops of a batch that one field stands for: its sides are twice theirs."""


def check_task(data: Dataset, parts: dict[str, list[str]], config: TrainConfig) -> None:
    """Refuse types that cannot be learned, before anything is trained.

    Raises:
        InputError: no class of tumour, or a task of types alone without a model to go on from.
        SplitError: no types, one alone, or a patient with two.
    """
    if config.task == "segmentation":
        return
    if config.task == "type" and not config.start:
        raise InputError(
            "task type: fits a head to a model whose maps stay as they are; name it with --start,"
            " as in --start breast1, or train both"
        )
    if TUMOR not in data.label_map.names:
        raise InputError(
            f"task {config.task}: types are told by what is called {TUMOR}, label map"
            f" '{data.label_map.name}' has {', '.join(data.label_map.names)}; prepare with region5"
        )
    for part in ("train", "val"):
        regions = parts.get(part, [])
        if part == "train" or data.typed(regions):
            check_types(data, regions, part)


class TypedFields:
    """Crops of fields whose type is known, drawn by seed and step: types equally often, patients of
    a type equally often."""

    def __init__(self, data: Dataset, regions: list[str], config: TrainConfig) -> None:
        """List the fields by type and patient."""
        self.data = data
        self.seed = config.seed
        self.side = 2 * config.crop_px
        # Half a batch of crops' worth of pixels, so that a step costs half as much again.
        self.count = max(1, config.batch // (2 * _PICTURES))
        # By type, by patient: the patient's fields.
        self.fields_of: list[list[list[str]]] = []
        typed = data.typed(regions)
        for name in data.types:
            by_patient: dict[str, list[str]] = {}
            for region in typed:
                if data.regions.at[region, TYPE] == name:
                    patient = str(data.regions.at[region, "patient"])
                    by_patient.setdefault(patient, []).append(region)
            self.fields_of.append([by_patient[patient] for patient in sorted(by_patient)])
        self.types = [number for number, patients in enumerate(self.fields_of) if patients]

    def batch(self, step: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return uint8 images (M, 3, H, W) and types (M,)."""
        # The 7 keeps these draws apart from others by the same seed and step.
        rng = np.random.default_rng([self.seed, step, rank, 7])
        pictures = np.full((self.count, self.side, self.side, 3), 255, np.uint8)
        truth = np.empty(self.count, np.int64)
        for i in range(self.count):
            # A type, a patient of it, a field of the patient, a place in the field.
            number = self.types[rng.integers(len(self.types))]
            patients = self.fields_of[number]
            fields = patients[rng.integers(len(patients))]
            image = self.data.image(fields[rng.integers(len(fields))])
            height, width = image.shape[:2]
            top = int(rng.integers(max(0, height - self.side) + 1))
            left = int(rng.integers(max(0, width - self.side) + 1))
            part = image[Box(left, top, self.side, self.side).slices]
            pictures[i, : part.shape[0], : part.shape[1]] = part
            truth[i] = number
        return torch.from_numpy(pictures).permute(0, 3, 1, 2), torch.from_numpy(truth)


class TypeTask(torch.nn.Module):
    """The second loss of a step."""

    def __init__(self, network: Network, data: Dataset, regions: list[str], config: TrainConfig):
        """Take the network that trains, the data, and its training regions."""
        super().__init__()
        self.fields = TypedFields(data, regions, config)
        self.tumour = data.label_map.names.index(TUMOR)
        self.weight = config.type_weight
        self.head = TypeHead(channels_of(network), len(data.types))

    def loss(self, network: Network, pictures: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Return the weighed loss of fields as `TypedFields` gives them, augmented; what fills up a
        small one is white, and no tissue."""
        logits = self.head(TypeCells(network, self.tumour)(pictures))
        return self.weight * torch.nn.functional.cross_entropy(logits, truth)


def fitted_types(
    network: Network,
    data: Dataset,
    parts: dict[str, list[str]],
    card: Card,
    start: Card | None,
    reporter: Reporter,
) -> tuple[Types, Card]:
    """Fit the head of a finished network, judge it on part `val`, and say so on the card.

    Args:
        network: finished.
        data: the data set.
        parts: regions of train and val.
        card: of the model that will be written.
        start: of the model it went on from: patients that trained that judge nothing.
        reporter: takes the line that tells what the head is worth.

    Returns:
        the head, and the card with a sentence among its limits.
    """
    tiles = TileConfig(card.tile_px, card.halo_px, len(card.label_map.classes))
    cells = torch_cells(network.eval(), card.label_map.names.index(TUMOR))
    taught = look_at(data, parts["train"], cells, tiles, reporter)
    head = fit_head(taught, len(data.types))
    types = Types(data.types, head.weights, head.bias)
    judges, why_none = _judges(data, parts, start)
    if judges:
        judged = look_at(data, judges, cells, tiles, reporter)
        scores = judge(types.probabilities, taught, judged, data.types)
        note = said(scores, "part val")
        types = replace(types, scores=scores, speaks=bool(scores["speaks"]), note=note)
    else:
        names = ", ".join(data.types)
        note = f"types ({names}) are not judged: {why_none}; predict keeps silent"
        types = replace(types, note=f"{note} unless asked")
    reporter.message(types.note)
    sentence = f"{types.note[0].upper()}{types.note[1:]}."
    return types, replace(card, limits=(*card.limits, sentence))


def _judges(
    data: Dataset, parts: dict[str, list[str]], start: Card | None
) -> tuple[list[str], str]:
    """Return the regions of patients that taught neither this model nor the one it went on from, or
    why there are none."""
    training_patients = set(data.regions.loc[parts["train"], "patient"])
    if start:
        training_patients |= set(start.training.patients_of("train"))
    typed = data.typed(parts.get("val", []))
    if not typed:
        return [], "no patient of part val has a type"
    judges = []
    kinds = set()
    for region in typed:
        if str(data.regions.at[region, "patient"]) not in training_patients:
            judges.append(region)
            kinds.add(str(data.regions.at[region, TYPE]))
    if len(kinds) < 2:
        name = start.name if start else "this model"
        return [], f"of part val, no two types are left of patients that did not train {name}"
    return judges, ""


def torch_cells(network: Network, tumour: int) -> Cells:
    """Return the cells of a network in PyTorch, for `inference.types.pool`."""
    module = TypeCells(network, tumour).eval()
    device = next(network.parameters()).device

    def cells(tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        # (N, H, W, 3) -> (N, 3, H, W)
        pictures = torch.from_numpy(np.ascontiguousarray(tiles.transpose(0, 3, 1, 2)))
        with torch.inference_mode():
            values: Any = module(pictures.to(device))[0].cpu().numpy()
        return np.asarray(values, np.float32)

    return cells
