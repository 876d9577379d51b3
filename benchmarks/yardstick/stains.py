"""The same fields in the colours of others: what a score loses to the stain alone.

As in `training/augment.py`, a field takes another's mean optical density over tissue, channel by
channel (the idea of Reinhard et al. 2001, in optical density, in which white stays white); here
whole, and lent by five groups of fields.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from breastseg.histology.stain_check import TISSUE_DENSITY
from breastseg.images import Pixels, open_slide
from breastseg.inference.model import Model
from yardstick.fields import DOTTED, Field
from yardstick.judges import judges_of
from yardstick.look import AS_IT_IS, Change, Seen, look

REGIONS = "bcss"
LENDERS = ("TCGA-A2-A3XX", "TCGA-A2-A1G6", "A7", "A8", "AC")
"""Two whole regions, and the hospitals of the dots."""
LIMITS = 0.4, 2.5
"""Smallest and largest factor of a channel's density."""
FIELDS_A_LENDER, DOTTED_FIELDS = 6, 12
_LEAST = 0.01

Stain = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fall:
    """What some fields lose to the colours of others.

    Attributes:
        name: of the fields.
        own: their score in their own colours.
        by: the loss by lender, of the fields that are not the lender's own.
    """

    name: str
    own: float
    by: dict[str, float]

    @property
    def mean(self) -> float:
        """Return the mean loss."""
        return float(np.mean(list(self.by.values())))

    @property
    def worst(self) -> str:
        """Return whose colours bring the largest loss."""
        return max(self.by, key=self.by.__getitem__)


def stain_of(pixels: Pixels) -> Stain:
    """Return the mean optical density over tissue of (H, W, 3) pixels, (3,); NaN without tissue."""
    density = _density(pixels)
    tissue = density.mean(axis=2) > TISSUE_DENSITY
    return density[tissue].mean(axis=0, dtype=np.float64) if tissue.any() else np.full(3, np.nan)


def borrow(pixels: Pixels, lender: Stain) -> Pixels:
    """Return the (H, W, 3) pixels in the stain of a lender; the same where either has none."""
    own = stain_of(pixels)
    if not (np.nan_to_num(own) > _LEAST).all() or not (np.nan_to_num(lender) > _LEAST).all():
        return pixels
    factor = np.clip(lender / own, *LIMITS).astype(np.float32)
    return np.asarray(np.round(255 * np.exp(-_density(pixels) * factor)), np.uint8)


def lenders_of(fields: Sequence[Field]) -> dict[str, Stain]:
    """Return the stain of each lender: the mean over some of its fields."""
    found = {}
    for name in LENDERS:
        own = [field for field in fields if _lends(field) == name]
        if own:
            some = own[:: max(1, len(own) // FIELDS_A_LENDER)]
            stains = [stain_of(_pixels(field)) for field in some]
            found[name] = np.nanmean(stains, axis=0)
    return found


def falls_of(
    model: Model, fields: Sequence[Field], lenders: dict[str, Stain], cache: Path | None
) -> list[Fall]:
    """Return what each whole region, and the dots together, lose to the colours of each lender.

    Args:
        model: looks.
        fields: those that it may be judged by.
        lenders: from `lenders_of`.
        cache: folder of what was looked at before.
    """
    dotted = [field for field in fields if field.set == DOTTED]
    sets = {field.patient: [field] for field in fields if field.set == REGIONS}
    sets[DOTTED] = dotted[:: max(1, len(dotted) // DOTTED_FIELDS)][:DOTTED_FIELDS]
    found = []
    for name, own in sets.items():
        by = {}
        for lender, stain in lenders.items():
            others = [field for field in own if _lends(field) != lender]
            if others:
                changed = look(
                    model,
                    others,
                    cache,
                    Change(lender, partial(borrow, lender=stain), stain.tolist()),
                )
                by[lender] = _score(others, look(model, others, cache)) - _score(others, changed)
        if by:
            found.append(Fall(name, _score(own, look(model, own, cache)), by))
    return found


def _lends(field: Field) -> str:
    return field.patient if field.set == REGIONS else field.group


def _score(fields: Sequence[Field], seen: Sequence[Seen]) -> float:
    return float(judges_of(fields, seen)[0].curve[AS_IT_IS])


def _pixels(field: Field) -> Pixels:
    with closing(open_slide(field.path, mpp=field.mpp)) as slide:
        return slide.read(field.box, mpp=slide.mpp)


def _density(pixels: Pixels) -> npt.NDArray[np.float32]:
    return np.asarray(-np.log(np.maximum(pixels, 1).astype(np.float32) / 255))
