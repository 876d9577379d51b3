"""The parts of scores.json: figures of areas, borders, dots, presence, probabilities and groups.

NaN stands where a class has no support, null where no interval can be drawn.
"""

from dataclasses import dataclass

Ends = tuple[float, float] | None
"""Of an interval of 95 %."""
ScoreEnds = dict[str, Ends]
"""By score."""


@dataclass(frozen=True, kw_only=True)
class Overall:
    """Scores over all classes that occur."""

    accuracy: float
    balanced_accuracy: float
    kappa: float
    mean_dice: float
    mean_iou: float
    classes_present: int
    support_px: int


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Scores of one class.

    Attributes:
        support_px: pixels of truth.
        support_regions: regions that have some; of pooled scores alone.
        support_patients: patients who have some; of pooled scores alone.
    """

    dice: float
    iou: float
    precision: float
    recall: float
    f1: float
    specificity: float
    accuracy: float
    support_px: int
    support_regions: int | None = None
    support_patients: int | None = None


@dataclass(frozen=True, kw_only=True)
class Means:
    """Means over regions: over all classes by score, and by class and score."""

    overall: dict[str, float]
    classes: dict[str, dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class MeanEnds:
    """Intervals of `Means`."""

    overall: ScoreEnds
    classes: dict[str, ScoreEnds]


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Intervals over patients, or in `note` the reason why there are none.

    Attributes:
        patients: who were drawn.
        draws: how often; like all but `note`, only where there are intervals.
        seed: of the draws.
        note: the same in words.
        overall: by score.
        classes: by class and score.
        mean_per_region: of means over regions.
        boundary: of borders, by class and score.
    """

    patients: int
    draws: int | None = None
    seed: int | None = None
    note: str
    overall: ScoreEnds | None = None
    classes: dict[str, ScoreEnds] | None = None
    mean_per_region: MeanEnds | None = None
    boundary: dict[str, ScoreEnds] | None = None


@dataclass(frozen=True, kw_only=True)
class BorderScores:
    """Borders of one class.

    Attributes:
        surface_dice: share of both borders that lie near the other, pooled.
        region_surface_dice: its mean over regions.
        region_hd95_um: mean over regions of the 95th percentile of distances.
        hd95_regions: regions that have one.
        border_px: pixels of the true border.
    """

    surface_dice: float
    region_surface_dice: float
    region_hd95_um: float
    hd95_regions: int
    border_px: int


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """Borders by class, and what counts as near."""

    tolerance_um: float
    classes: dict[str, BorderScores]


@dataclass(frozen=True, kw_only=True)
class RegionBorder:
    """Border of one class in one region."""

    surface_dice: float
    hd95_um: float


@dataclass(frozen=True, kw_only=True)
class DotsOverall:
    """Shares of dots named right: mean over classes, and of all."""

    balanced_accuracy: float
    accuracy: float
    support_dots: int


@dataclass(frozen=True, kw_only=True)
class DotClass:
    """Share of the dots of one class, or of "not CLASS", named right."""

    accuracy: float
    support_dots: int


@dataclass(frozen=True, kw_only=True)
class RegionDots:
    """Dots of one region or without a bias; `counts` by truth and prediction of pooled ones."""

    overall: DotsOverall
    classes: dict[str, DotClass]
    counts: tuple[tuple[int, ...], ...] | None = None


@dataclass(frozen=True, kw_only=True)
class DotsHospital:
    """Dots of one hospital."""

    regions: int
    patients: int
    overall: DotsOverall
    classes: dict[str, DotClass]


@dataclass(frozen=True, kw_only=True)
class Dots(RegionDots):
    """Dots of all regions, with intervals and by hospital."""

    intervals: Intervals
    hospitals: dict[str, DotsHospital]


@dataclass(frozen=True, kw_only=True)
class Hospital:
    """Areas of one hospital."""

    regions: int
    patients: int
    overall: Overall
    classes: dict[str, ClassScores]


@dataclass(frozen=True, kw_only=True)
class Region:
    """One region; `dots` where it has some."""

    overall: Overall
    classes: dict[str, ClassScores]
    boundary: dict[str, RegionBorder]
    dots: RegionDots | None = None


@dataclass(frozen=True, kw_only=True)
class PresenceClass:
    """A class of which is known that whole regions have it, or not: its share of the map in both,
    and how well the share tells them apart."""

    share_with: float
    share_without: float
    auc: float
    auc_regions: float
    regions_with: int
    patients_with: int
    regions_without: int
    patients_without: int
    intervals: ScoreEnds


@dataclass(frozen=True, kw_only=True)
class Presence:
    """Classes of which is known that whole regions have them, or not, and how was drawn."""

    classes: dict[str, PresenceClass]
    patients: int
    draws: int
    seed: int
    note: str


@dataclass(frozen=True, kw_only=True)
class Auc:
    """Area under the ROC curve of one class, and how far counting in bins may move it."""

    auc: float
    auc_error_at_most: float


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level of confidence: pixels that lie in it, their mean confidence and share named right."""

    from_: float
    to: float
    pixels: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class ProbabilityIntervals:
    """Intervals of what probabilities are worth, or in `note` the reason why there are none."""

    patients: int
    draws: int | None = None
    seed: int | None = None
    note: str
    mean_auc: Ends = None
    ece: Ends = None
    classes: dict[str, ScoreEnds] | None = None


@dataclass(frozen=True, kw_only=True)
class Probabilities:
    """What probabilities are worth: AUC, expected calibration error and its table."""

    mean_auc: float
    ece: float
    classes: dict[str, Auc]
    reliability: tuple[Level, ...]
    intervals: ProbabilityIntervals


@dataclass(frozen=True, kw_only=True)
class WithoutBias:
    """Pooled scores of the same network without the card's bias."""

    bias: dict[str, float]
    overall: Overall
    pooled: dict[str, ClassScores]
    dots: RegionDots | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One model's score minus another's."""

    difference: float
    interval: Ends


@dataclass(frozen=True, kw_only=True)
class ClassDifference:
    """Of one class."""

    dice: Difference


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How much better a model is than another on the same regions.

    Attributes:
        with_: the other's name.
        folder: of its evaluation.
        note: how was drawn.
        overall: by score.
        classes: by class.
    """

    with_: str
    folder: str
    note: str
    overall: dict[str, Difference]
    classes: dict[str, ClassDifference]


@dataclass(frozen=True, kw_only=True)
class KnownPatients:
    """How many of the scored patients trained the model, or validated it and did not train; both
    are null where the card names nobody."""

    trained: int | None
    validated: int | None
    note: str


@dataclass(frozen=True, kw_only=True)
class GroupFigures:
    """Areas or dots of one group.

    Attributes:
        regions: that have some.
        patients: whose they are.
        score: mean Dice of areas, balanced accuracy of dots.
        interval: of it, over patients; null where there are too few of them.
        classes: Dice of areas, share of dots named right, by class; NaN without support.
        support: annotated pixels, or dots.
        support_percent: of those of all groups.
        errors_percent: of all that are named wrong; above `support_percent` errors gather here.
    """

    regions: int
    patients: int
    score: float
    interval: Ends
    classes: dict[str, float]
    support: int
    support_percent: float
    errors_percent: float


@dataclass(frozen=True, kw_only=True)
class GroupShare:
    """Regions of one group of which is known that a class is nowhere in them.

    Attributes:
        regions: of which it is known.
        patients: whose they are.
        share: of the map that has the class there, mean over patients; it should be 0.
        interval: of it, over patients; null where there are too few of them.
    """

    regions: int
    patients: int
    share: float
    interval: Ends


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group of regions; each part is there where the group has some.

    Attributes:
        areas: annotated areas.
        dots: places of cells.
        without: by class, regions of which is known that they lack it.
    """

    areas: GroupFigures | None = None
    dots: GroupFigures | None = None
    without: dict[str, GroupShare] | None = None


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Scores by group.

    Attributes:
        by: what tells groups apart: hospital, scanner, haematoxylin, eosin, or a column.
        how: the same in words.
        groups: by name, thirds from the lowest; none where `note` says why.
        note: what should be known of the groups.
    """

    by: str
    how: str
    groups: dict[str, Group]
    note: str | None = None
