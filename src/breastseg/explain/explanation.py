"""What an explanation holds, and how it becomes JSON and lines."""

from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt

from breastseg.bundles.reference import FIELD_PX, ReferenceField
from breastseg.images import Pixels
from breastseg.json_files import JsonObject

USE = "Research use only, not for diagnosis."
_STRONGEST = 3


@dataclass(frozen=True)
class Occlusion:
    """What hiding squares of the surroundings does to the answer.

    Attributes:
        class_name: the class that was asked about.
        probability: of it at the place when the network sees this field alone, nothing hidden.
        box_level0_px: left, top, width, height of the field.
        square_um: side of a square.
        drops: by row and column, how much the log-odds of the class fall when the square is hidden;
            what is negative spoke against the class.
        offsets_um: by row and column, (right, down) from the place to the middle of the square.
    """

    class_name: str
    probability: float
    box_level0_px: tuple[int, int, int, int]
    square_um: float
    drops: tuple[tuple[float, ...], ...]
    offsets_um: tuple[tuple[tuple[float, float], ...], ...]

    @property
    def strongest(self) -> list[tuple[float, tuple[float, float]]]:
        """Return the squares that carry most, (drop, offset in um), the strongest first."""
        squares: list[tuple[float, tuple[float, float]]] = []
        for drops, offsets in zip(self.drops, self.offsets_um, strict=True):
            squares += zip(drops, offsets, strict=True)
        squares.sort(key=lambda square: -square[0])
        # What is 0 or less did not carry the answer.
        return [square for square in squares[:_STRONGEST] if square[0] > 0]


@dataclass(frozen=True)
class Near:
    """A field of the training data, and how like it is: the cosine of the angle between the two
    fields' features, each less the mean of the reference; 1 is the same."""

    field: ReferenceField
    similarity: float


@dataclass(frozen=True, eq=False)
class Gradients:
    """Integrated gradients of the answer, beside those of the same network with random weights.

    Attributes:
        steps: points of the way from the baseline, the field's mean colour, to the field.
        difference: log-odds of the class in the field, less those in the baseline.
        sum: of what all pixels add; that is the difference, but for the steps.
        rank_correlation: Spearman's, of the absolute values of both images, -1 to 1.
        alike: whether random weights draw an image like the model's.
        pixels: (H, W) what each pixel adds to the log-odds.
        random: (H, W) the same with random weights.
    """

    steps: int
    difference: float
    sum: float
    rank_correlation: float
    alike: bool
    pixels: npt.NDArray[np.float64] = field(repr=False)
    random: npt.NDArray[np.float64] = field(repr=False)

    @property
    def said(self) -> str:
        """Return in words what the image is worth."""
        figure = f"rank correlation {self.rank_correlation:.2f}"
        if self.alike:
            return (
                f"random weights draw an image like it ({figure}): it follows the field's own"
                " edges and colours, and says little of what the model learned"
            )
        return (
            f"random weights draw another image ({figure}): this one depends on what the model"
            " learned, which is no proof that it is what a person would look at"
        )

    def to_dict(self) -> JsonObject:
        """Return the numbers as JSON values."""
        return {
            "method": "integrated gradients of the log-odds, from the field's mean colour",
            "steps": self.steps,
            "log_odds_difference": self.difference,
            "sum": self.sum,
            "rank_correlation_with_random_weights": self.rank_correlation,
            "alike": self.alike,
            "said": self.said,
        }


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model says what it says at a place.

    Attributes:
        image: name of the image or slide.
        at_level0_px: the place.
        mpp: microns per pixel of level 0, and `mpp_source` where they came from.
        model: its name, and `backend` what computed.
        model_mpp: microns per pixel that the model is shown.
        probabilities: by class, at the place, from 320 px around it.
        occlusion: of the likeliest class.
        nearest: the most alike first; None where the model has no reference.
        notes: what a person must know to read it.
        picture: the field of the occlusion as the network saw it, (H, W, 3) uint8.
        gradients: of the same field and class; None where nobody asked for them.
    """

    image: str
    at_level0_px: tuple[float, float]
    mpp: float
    mpp_source: str
    model: str
    model_mpp: float
    backend: str
    probabilities: dict[str, float]
    occlusion: Occlusion
    nearest: tuple[Near, ...] | None
    notes: tuple[str, ...]
    picture: Pixels = field(repr=False)
    gradients: Gradients | None = None

    @property
    def class_name(self) -> str:
        """Return the likeliest class."""
        return self.occlusion.class_name

    def to_dict(self) -> JsonObject:
        """Return all but images as JSON values."""
        values = dict(vars(self))
        # Images are written as files beside; gradients come back below as their numbers.
        del values["picture"], values["gradients"]
        values["class"] = self.class_name
        values["occlusion"] = asdict(self.occlusion)
        values["use"] = USE
        if self.nearest is not None:
            values["nearest"] = [_near_to_dict(near) for near in self.nearest]
        if self.gradients is not None:
            values["gradients"] = self.gradients.to_dict()
        return values

    def lines(self) -> list[str]:
        """Return it as a short table."""
        x, y = self.at_level0_px
        place = f"{self.image} at {x:g},{y:g}"
        lines = [f"{place}: {self.class_name} ({self.model})"]
        likeliest_first = sorted(self.probabilities.items(), key=lambda pair: -pair[1])
        for name, value in likeliest_first:
            lines.append(f"  {name:<16} {value:.3f}")
        lines.append(f"hidden squares of {self.occlusion.square_um:g} um that cost most:")
        for drop, offset in self.occlusion.strongest:
            lines.append(f"  log-odds -{drop:<6.2f} {in_words(offset)}")
        if not self.occlusion.strongest:
            lines.append("  none: no single square carries the answer")
        if self.nearest is not None:
            lines.append("nearest fields of the training data:")
        for near in self.nearest or ():
            field = near.field
            where = f"{field.patient}, {field.region} at {field.x},{field.y}"
            lines.append(f"  {near.similarity:5.2f}  {field.class_name:<16} {where}")
        if self.gradients is not None:
            lines.append(f"integrated gradients: {self.gradients.said}")
        for note in self.notes:
            lines.append(f"note: {note}")
        return lines


def _near_to_dict(near: Near) -> JsonObject:
    values = dict(vars(near.field))
    del values["thumbnail"]  # bytes of a JPEG, which JSON cannot hold
    values["class"] = values.pop("class_name")
    return {**values, "field_px": FIELD_PX, "similarity": near.similarity}


def in_words(offset_um: tuple[float, float]) -> str:
    """Return in words where a square lies from the place."""
    right, down = offset_um
    across = f"{abs(right):.0f} um {'right' if right >= 0 else 'left'}"
    return f"{across}, {abs(down):.0f} um {'down' if down >= 0 else 'up'}"
