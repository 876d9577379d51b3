"""Where crops of whole fields are drawn, and what is then known of a crop."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from breastseg.data.dataset import Dataset

HELD_BY_HALF = 0.5
"""Share of a field from which a crop is taken to have what is somewhere in the field."""
HELD_BY_ANY = 0.5
"""Chance that the smallest crop has it: a field is chosen for what it shows; a crop may miss it."""


def chance_of(share: float) -> float:
    """Return the chance that a crop has what is somewhere in its field, of which it is this share.

    It is 1 from half of the field on.
    """
    return min(1.0, HELD_BY_ANY + (1 - HELD_BY_ANY) * share / HELD_BY_HALF)


@dataclass(frozen=True)
class FieldDraws:
    """Cumulative shares to draw from: a kind of fields, of which the same is known, then a field.

    Attributes:
        ids: the fields.
        sizes: (N, 2) height and width of each, pixels.
        facts: (N, K) what is known of each.
        kinds: cumulative share of each kind.
        fields: for each kind, the cumulative share of each field.
    """

    ids: list[str]
    sizes: npt.NDArray[np.int64]
    facts: npt.NDArray[np.int8]
    kinds: npt.NDArray[np.float64]
    fields: list[npt.NDArray[np.float64]]

    @staticmethod
    def read(dataset: Dataset, regions: list[str], balance: float) -> "FieldDraws | None":
        """Read what is known of some regions; None when none of them is a field.

        Args:
            dataset: the data set.
            regions: of it; those that are no fields are left out.
            balance: 0 draws kinds as often as they have pixels, 1 equally often.
        """
        ids = []
        for region in dataset.fields(regions):
            # A field of which only the type is known says nothing of classes.
            if dataset.facts.loc[region].to_numpy().any():
                ids.append(region)
        if not ids:
            return None
        sizes = dataset.regions.loc[ids, ["height_px", "width_px"]].to_numpy(np.int64)  # (N, 2)
        facts = dataset.facts.loc[ids].to_numpy(np.int8)  # (N, K)
        # Fields of which the same is known are one kind: (kinds, K), and (N,) the kind of each.
        kinds, kind_of = np.unique(facts, axis=0, return_inverse=True)
        areas = sizes.prod(axis=1).astype(np.float64)
        pixels_of_kinds = []
        of_fields = []
        for kind in range(len(kinds)):
            # (N,) pixels of this kind's fields, 0 for fields of other kinds
            own = np.where(kind_of.ravel() == kind, areas, 0.0)
            pixels_of_kinds.append(own.sum())
            # The factor keeps others at 0 where the exponent is 0 and 0 ** 0 would be 1.
            of_fields.append(cumulative(own ** (1 - balance / 2) * (own > 0)))
        of_kinds = cumulative(np.array(pixels_of_kinds) ** (1 - balance))
        return FieldDraws(ids, sizes, facts, of_kinds, of_fields)

    def place(
        self,
        size_px: int,
        rng: np.random.Generator,
    ) -> tuple[str, int, int, npt.NDArray[np.float32]]:
        """Draw a field and a corner of a crop, anywhere in it.

        Args:
            size_px: side of the crop.
            rng: of the draw.

        Returns:
            the field, y and x of the corner, and (K,) what is known of the crop: -1 for a class
            that is nowhere in it, the chance of one that may be in it, 0 for the others.
        """
        kind = int(np.searchsorted(self.kinds, rng.random(), side="right"))
        index = int(np.searchsorted(self.fields[kind], rng.random(), side="right"))
        height, width = self.sizes[index].tolist()
        # A crop larger than its field starts at its corner.
        top = int(rng.integers(max(0, height - size_px) + 1))
        left = int(rng.integers(max(0, width - size_px) + 1))
        share = min(height, size_px) * min(width, size_px) / (height * width)
        facts = self.facts[index].astype(np.float32)
        facts[facts > 0] = chance_of(share)
        return self.ids[index], top, left, facts


def cumulative(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return cumulative shares, the last exactly 1."""
    shares = np.cumsum(weights / weights.sum())
    # A rounding error below 1 would let a draw fall behind the last.
    shares[-1] = 1.0
    return shares
