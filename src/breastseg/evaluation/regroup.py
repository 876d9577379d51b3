"""A model and a data set of other classes than each other: both regrouped into the classes of one
coarser label map, by source codes."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from breastseg.data.dataset import Dataset
from breastseg.data.fields import presence_of
from breastseg.data.places import Places
from breastseg.errors import LabelError
from breastseg.inference.model import Model
from breastseg.labels import BUILT_IN, LabelMap, Labels


@dataclass(frozen=True)
class GroupedModel(Model):
    """A model that answers in the classes of a coarser map; its card has that map.

    Attributes:
        groups: (256,) the coarser label of each label of the network; 0 where the coarser map
            leaves the class out.
    """

    groups: Labels | None = None

    def label(
        self,
        pixels: npt.NDArray[np.uint8],
        *,
        mpp: float,
        on_progress: Callable[[int], object] = lambda area: None,
    ) -> Labels:
        """Name tissue as the model does, then regroup."""
        return grouped(super().label(pixels, mpp=mpp, on_progress=on_progress), self.groups)


@dataclass(frozen=True, eq=False)
class GroupedDataset(Dataset):
    """A data set seen in the classes of a coarser map.

    Attributes:
        groups: (256,) the coarser label of each label; 0 where the coarser map leaves the class
            out.
    """

    groups: Labels | None = None

    def labels(self, region: str) -> Labels:
        """Return a region's labels, regrouped."""
        return grouped(np.asarray(super().labels(region)), self.groups)

    def votes(self, region: str) -> Labels | None:
        """Return what a region's dots vote for, regrouped."""
        votes = super().votes(region)
        return None if votes is None else grouped(np.asarray(votes), self.groups)

    def dots(self, region: str) -> npt.NDArray[np.int32]:
        """Return the dots, regrouped; those of classes that the coarser map leaves out are gone."""
        dots = np.array(super().dots(region))
        dots[:, 0] = grouped(dots[:, 0].astype(np.uint8), self.groups)
        return dots[dots[:, 0] > 0]

    def places(self, region: str) -> Places:
        """Return the places, regrouped; what is not of a class says nothing of a coarser one that
        has others too."""
        places = np.array(super().places(region))  # (N, 7): label, whether it is not that, ...
        # "not DCIS" is no "not tumour": the tumour there may be an invasive one.
        is_valid = (places[:, 1] == 0) | self._stands_alone[places[:, 0]]
        places[:, 0] = grouped(places[:, 0].astype(np.uint8), self.groups)
        regrouped: Places = places[is_valid & (places[:, 0] > 0)]
        return regrouped

    def presence(self, region: str) -> Mapping[int, bool]:
        """Return what is known of whole regions, regrouped: a coarser class is there if one of its
        classes is."""
        coarse_of = grouped(np.arange(256, dtype=np.uint8), self.groups)
        presence: dict[int, bool] = {}
        for label, has in presence_of(self.regions, region, self._own_names).items():
            coarse = int(coarse_of[label])
            # Without one of several classes a region may still have the coarser class.
            if coarse and (has or self._stands_alone[label]):
                presence[coarse] = presence.get(coarse, False) or has
        return presence

    @cached_property
    def _own_names(self) -> tuple[str, ...]:
        """Return the classes of the data set itself, by the columns of its table."""
        names = []
        for column in self.regions.columns:
            if column.startswith("px_") and column != "px_not_annotated":
                names.append(column.removeprefix("px_"))
        return tuple(names)

    @cached_property
    def _stands_alone(self) -> npt.NDArray[np.bool_]:
        """Return by label of the data set whether the coarser class has it alone, (256,)."""
        coarse = self._coarse
        members = np.bincount(coarse, minlength=256)  # (256,) classes by coarser label
        alone = np.zeros(256, np.bool_)
        alone[1 : len(coarse) + 1] = members[coarse] == 1
        return alone

    @property
    def _coarse(self) -> Labels:
        """Return the coarser label of each class of the data set, (K,)."""
        return grouped(np.arange(1, len(self._own_names) + 1, dtype=np.uint8), self.groups)

    @cached_property
    def class_pixels(self) -> pd.DataFrame:
        """Return labelled pixels by region and class of the coarser map."""
        columns = [f"px_{name}" for name in self._own_names]
        pixels = self.regions[columns].to_numpy()  # (R, K)
        coarse = self._coarse
        by_class = {}
        for label, name in enumerate(self.label_map.names, start=1):
            by_class[name] = pixels[:, coarse == label].sum(axis=1)
        return pd.DataFrame(by_class, index=self.regions.index)


def regroup(model: Model, data: Dataset, label_map: LabelMap) -> tuple[Model, Dataset]:
    """Return model and data set in the classes of a label map of the same source codes.

    A pixel whose truth the map leaves out is not annotated; a class of the model that it leaves out
    counts as "not analysed", a miss.

    Raises:
        LabelError: the map splits a class of either, or lacks one of its codes.
    """
    named = table(model.card.label_map, label_map, f"model '{model.card.name}'")
    truth = table(data.label_map, label_map, f"data set {data.path}")
    bundle = replace(model.bundle, card=replace(model.card, label_map=label_map))
    return (
        GroupedModel(bundle, model.runner, model.flips, model.threads, model.stands_in, named),
        GroupedDataset(
            data.path,
            label_map,
            data.mpp,
            data.regions,
            data.dot_radius_um,
            data.parts,
            data.dots_as,
            data.vote_rules,
            data.types,
            truth,
        ),
    )


def table(label_map: LabelMap, wanted: LabelMap, whose: str) -> Labels:
    """Return the (256,) labels of `wanted` by those of `label_map`; LabelError when a class does
    not fall into one."""
    groups = np.zeros(256, np.uint8)
    for label, own in enumerate(label_map.classes, start=1):
        codes = np.array([own.codes], np.uint8)  # (1, C): apply() takes an image of codes
        coarse = np.unique(wanted.apply(codes, f"{whose}, class '{own.name}'"))
        if len(coarse) > 1:
            names = ", ".join("not annotated" if k == 0 else wanted.names[k - 1] for k in coarse)
            raise LabelError(
                f"{whose}: class '{own.name}' falls into {len(coarse)} classes of '{wanted.name}'"
                f" ({names}); choose a coarser --labels"
            )
        groups[label] = coarse[0]
    return groups


def common_maps(maps: Collection[LabelMap]) -> list[str]:
    """Return the built-in label maps into whose classes all of the maps fall."""
    names = []
    for name, wanted in BUILT_IN.items():
        if all(_fits(label_map, wanted) for label_map in maps):
            names.append(name)
    return names


def _fits(label_map: LabelMap, wanted: LabelMap) -> bool:
    try:
        table(label_map, wanted, label_map.name)
    except LabelError:
        return False
    return True


def grouped(labels: Labels, groups: Labels | None) -> Labels:
    """Return coarser labels; the same ones where there are no groups."""
    return labels if groups is None else groups[labels]


def grouped_labels(model: Model, labels: Labels) -> Labels:
    """Return a network's labels in the classes that its model answers in."""
    return grouped(labels, model.groups if isinstance(model, GroupedModel) else None)


def grouped_probabilities(
    probabilities: npt.NDArray[np.float32], groups: Labels | None, classes: int
) -> npt.NDArray[np.float32]:
    """Add up the (K, H, W) probabilities of each group, (classes, H, W); the same ones where there
    are no groups."""
    if groups is None:
        return probabilities
    coarse = groups[1 : len(probabilities) + 1]  # (K,): classes have no label 0
    sums = []
    for label in range(1, classes + 1):
        sums.append(probabilities[coarse == label].sum(axis=0))  # (H, W)
    return np.stack(sums)
