"""Groups of an evaluation as rows of a table and places in a chart."""

import math

import pytest

from breastseg.evaluation.figures import (
    Boundary,
    Group,
    GroupFigures,
    Grouping,
    GroupShare,
    Intervals,
    KnownPatients,
    Means,
    Overall,
)
from breastseg.evaluation.groups import FEW_PATIENTS
from breastseg.evaluation.scores import Scores
from breastseg.labels import BUILT_IN
from breastseg.report.groups import (
    BOTTOM,
    LEFT,
    RIGHT,
    ROW,
    TOP,
    group_notes,
    group_views,
    share_views,
)

NAN = math.nan


def figures(score: float, patients: int = 20, **classes: float) -> GroupFigures:
    return GroupFigures(
        regions=4,
        patients=patients,
        score=score,
        interval=(score - 0.1, score + 0.1) if patients >= FEW_PATIENTS else None,
        classes=classes,
        support=100,
        support_percent=25.0,
        errors_percent=50.0,
    )


def scores(*groupings: Grouping) -> Scores:
    return Scores(
        model="m",
        data="d",
        split="test",
        label_map=BUILT_IN["region5"],
        mpp=0.5,
        patients=(),
        overall=Overall(
            accuracy=0.9,
            balanced_accuracy=0.8,
            kappa=0.7,
            mean_dice=0.5,
            mean_iou=0.4,
            classes_present=5,
            support_px=100,
        ),
        pooled={},
        mean_per_region=Means(overall={}, classes={}),
        intervals=Intervals(patients=20, note=""),
        boundary=Boundary(tolerance_um=5.0, classes={}),
        hospitals={},
        regions={},
        left_out=(),
        seen=KnownPatients(trained=0, validated=0, note=""),
        protocol="",
        groups=groupings,
    )


def hospitals(**groups: Group) -> Grouping:
    return Grouping(by="hospital", how="by name", groups=groups)


def test_the_lowest_score_comes_first_and_none_last() -> None:
    found = scores(
        hospitals(
            a=Group(areas=figures(0.75, tumor=0.5)),
            b=Group(areas=figures(NAN, stroma=NAN)),
            c=Group(areas=figures(0.25, patients=FEW_PATIENTS - 1, fat=0.2)),
        )
    )
    [view] = group_views(found)
    assert [row.name for row in view.rows] == ["c", "a", "b"]
    assert [row.too_few for row in view.rows] == ["too few", "", ""]
    assert view.classes == ["tumor", "fat"]  # stroma is nowhere
    assert (view.of, view.score) == ("areas", "mean Dice")
    assert [row.times for row in view.rows] == [2, 2, 2]  # 50 % of errors on 25 % of pixels


def test_places_in_the_chart_are_to_scale() -> None:
    found = scores(hospitals(a=Group(areas=figures(1.0)), b=Group(areas=figures(0.5))))
    [view] = group_views(found)
    middle = (LEFT + RIGHT) / 2
    assert [row.x for row in view.rows] == [middle, RIGHT]
    assert [row.y for row in view.rows] == [TOP + ROW / 2, TOP + 1.5 * ROW]
    ends = view.rows[0].ends
    assert ends is not None
    assert ends == pytest.approx((LEFT + 0.4 * (RIGHT - LEFT), LEFT + 0.6 * (RIGHT - LEFT)))
    assert view.whole == middle  # mean Dice of all is 0.5
    assert view.height == TOP + 2 * ROW + BOTTOM
    assert [place for place, _ in view.marks] == sorted(place for place, _ in view.marks)
    assert (view.marks[0], view.marks[-1]) == ((LEFT, "0"), (RIGHT, "1"))


def test_a_long_name_is_shortened_for_the_chart_alone() -> None:
    name = "a hospital with a very long name"
    found = scores(hospitals(**{name: Group(areas=figures(0.1)), "b": Group(areas=figures(0.2))}))
    row = group_views(found)[0].rows[0]
    assert row.name == name
    assert row.label == name[:21] + "…"


def test_one_group_alone_is_a_note_and_no_view() -> None:
    alone = hospitals(a=Group(areas=figures(0.5)))
    found = scores(alone)
    assert group_views(found) == []
    [note] = group_notes(found)
    assert "hospital" in note
    assert note.endswith("a")
    said = scores(Grouping(by="hospital", how="", groups=alone.groups, note="unknown"))
    assert group_notes(said) == ["hospital: unknown"]


def test_areas_and_dots_have_a_view_each() -> None:
    both = Group(areas=figures(0.5), dots=figures(0.6))
    views = group_views(scores(hospitals(a=both, b=both)))
    assert [view.of for view in views] == ["areas", "dots"]
    assert views[1].whole is None  # scores of dots over all are not there


def test_shares_of_a_class_where_it_is_not_the_greatest_first() -> None:
    def group(share: float) -> Group:
        return Group(
            without={"tumor": GroupShare(regions=3, patients=2, share=share, interval=None)}
        )

    found = scores(hospitals(a=group(0.1), b=group(NAN), c=group(0.3), d=Group()))
    [view] = share_views(found)
    assert (view.by, view.kind) == ("hospital", "tumor")
    assert [name for name, _ in view.rows] == ["c", "a", "b"]
    assert share_views(scores(hospitals(a=group(0.1)))) == []
    assert share_views(scores()) == group_views(scores()) == []
