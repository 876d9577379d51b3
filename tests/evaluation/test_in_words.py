"""The line that a person reads when an evaluation ends."""

from dataclasses import replace

from breastseg.evaluation.figures import (
    Boundary,
    ClassScores,
    Comparison,
    Difference,
    Intervals,
    KnownPatients,
    Means,
    Overall,
)
from breastseg.evaluation.in_words import in_words
from breastseg.evaluation.scores import Scores
from breastseg.labels import BUILT_IN

ALL = Overall(
    accuracy=0.9,
    balanced_accuracy=0.8,
    kappa=0.7,
    mean_dice=0.75,
    mean_iou=0.6,
    classes_present=1,
    support_px=100,
)
TUMOR = ClassScores(
    dice=0.8125,
    iou=0.7,
    precision=0.8,
    recall=0.8,
    f1=0.8,
    specificity=0.8,
    accuracy=0.8,
    support_px=100,
)
SCORES = Scores(
    model="m",
    data="d",
    split="test",
    label_map=BUILT_IN["tumor"],
    mpp=0.5,
    patients=("a", "b"),
    overall=ALL,
    pooled={"tumor": TUMOR, "absent": replace(TUMOR, support_px=0)},
    mean_per_region=Means(overall={}, classes={}),
    intervals=Intervals(patients=2, note="few", overall={"mean_dice": (0.5, 0.875)}),
    boundary=Boundary(tolerance_um=10.0, classes={}),
    hospitals={},
    regions={},
    left_out=("r",),
    seen=KnownPatients(trained=0, validated=0, note=""),
    protocol="",
)


def test_areas_have_dice_by_class_with_its_interval() -> None:
    line = in_words(SCORES)
    assert "1 more without truth" in line
    assert "2 patients" in line
    assert "tumor 0.812" in line
    assert "absent" not in line
    assert "mean 0.750" in line
    assert "0.500 to 0.875" in line


def test_without_an_interval_the_reason_stands_there() -> None:
    alone = replace(SCORES, intervals=Intervals(patients=1, note="a single one"))
    assert "a single one" in in_words(alone)


def test_without_areas_nothing_is_said_of_dice() -> None:
    assert "Dice" not in in_words(replace(SCORES, overall=replace(ALL, support_px=0)))


def test_a_comparison_has_its_sign() -> None:
    better = Difference(difference=0.0625, interval=(-0.125, 0.25))
    against = Comparison(
        with_="o", folder="other", note="", overall={"mean_dice": better}, classes={}
    )
    line = in_words(replace(SCORES, comparison=against))
    assert "+0.062 (-0.125 to +0.250) against other" in line
