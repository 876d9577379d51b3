"""scores.json of an evaluation: every figure, in one record that is read, checked and written here.

NaN stands where a class has no support, null where no interval can be drawn.
"""

from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import InputError
from breastseg.evaluation.figures import (
    Boundary,
    ClassScores,
    Comparison,
    Dots,
    Grouping,
    Hospital,
    Intervals,
    KnownPatients,
    Means,
    Overall,
    Presence,
    Probabilities,
    Region,
    WithoutBias,
)
from breastseg.files import write_json
from breastseg.json_files import SCORES_BYTES, read_json, shown, whole_in
from breastseg.labels import LabelMap
from breastseg.records import from_json, to_json

SCORES, COUNTS, DOTS_COUNTS = "scores.json", "counts.csv", "dots_counts.csv"
TYPES_TABLE = "types.csv"
PRESENCE_TABLE, TRAINING_TABLE, REGIONS = "presence.csv", "training.csv", "regions"
REGION_TABLE, HOSPITAL_TABLE, GROUP_TABLE = (
    "per_region.csv",
    "per_hospital.csv",
    "per_group.csv",
)
SCORES_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Scores:
    """scores.json.

    Attributes:
        version: of this form; not written while it is 1.
        model: its name.
        data: fingerprint of the data set.
        split: the part that was scored.
        label_map: the classes.
        mpp: microns per pixel of the data set.
        patients: who were scored.
        overall: areas, over all regions counted together.
        pooled: the same by class.
        mean_per_region: means over regions.
        intervals: over patients.
        boundary: borders.
        hospitals: by hospital.
        regions: by region.
        dots: where the annotation has some.
        left_out: regions of which nothing is known.
        presence: where something is known of whole regions.
        types: of whole images, beside colours alone, where model and data set have them.
        probabilities: where they were asked for.
        without_bias: where the card has one.
        comparison: with another model, where one was given.
        groups: the same areas and dots by hospital, scanner, strength of stain, and what else was
            asked for; scores of before have none.
        seen: patients whom the model knows.
        leaky: in words, where the split was made leaky on purpose.
        protocol: how all of it was measured, in words.
    """

    version: int | None = None
    model: str
    data: str
    split: str
    label_map: LabelMap
    mpp: float
    patients: tuple[str, ...]
    overall: Overall
    pooled: dict[str, ClassScores]
    mean_per_region: Means
    intervals: Intervals
    boundary: Boundary
    hospitals: dict[str, Hospital]
    regions: dict[str, Region]
    dots: Dots | None = None
    left_out: tuple[str, ...]
    presence: Presence | None = None
    types: dict[str, object] | None = None
    probabilities: Probabilities | None = None
    without_bias: WithoutBias | None = None
    comparison: Comparison | None = None
    groups: tuple[Grouping, ...] | None = None
    seen: KnownPatients
    leaky: str | None = None
    protocol: str

    def write(self, folder: Path) -> None:
        """Write it into the folder of its evaluation."""
        write_json(folder / SCORES, to_json(self))

    @staticmethod
    def read(folder: Path) -> "Scores":
        """Read the scores of an evaluation.

        Raises:
            InputError: the folder holds no finished evaluation, one of another version, or a file
                that somebody changed.
        """
        path = folder / SCORES
        values = read_json(
            path, InputError, "the scores of a finished evaluation", most_bytes=SCORES_BYTES
        )
        if not isinstance(values, dict) or not isinstance(values.get("regions"), dict):
            raise InputError(
                f"{path}: not the scores of an evaluation; give a folder that breastseg evaluate"
                " wrote"
            )
        for region in values["regions"]:  # images of a region are looked for under its name
            if Path(region).name != region:
                raise InputError(
                    f"{path}: has a region {shown(region)}, wanted names without folders; evaluate"
                    " again"
                )
        if "seen" not in values:
            raise InputError(
                f"{path}: of an earlier version, without the patients that the model has seen;"
                " evaluate again"
            )
        try:
            if whole_in(values.get("version", 1), 1, 10**9, "version") > SCORES_VERSION:
                raise ValueError(
                    f"version {values['version']}, this breastseg reads up to {SCORES_VERSION}"
                )
            return from_json(Scores, values, "")
        except ValueError as cause:
            raise InputError(
                f"{folder}: {SCORES} is not as breastseg evaluate writes it ({cause}); evaluate"
                " again into a new folder"
            ) from None
