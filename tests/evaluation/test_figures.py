"""The parts of scores.json, and the groups that follow from counts."""

import numpy as np

from breastseg.evaluation.figures import Group, GroupFigures, Grouping
from breastseg.evaluation.groups import group_rows
from breastseg.records import from_json, to_json

FIGURES = GroupFigures(
    regions=2,
    patients=1,
    score=0.5,
    interval=None,
    classes={"tumor": 0.5},
    support=10,
    support_percent=25.0,
    errors_percent=40.0,
)


def test_a_part_is_read_as_it_was_written() -> None:
    grouping = Grouping(by="hospital", how="in words", groups={"A2": Group(areas=FIGURES)})
    said = to_json(grouping)
    assert "dots" not in said["groups"]["A2"]
    assert from_json(Grouping, said, "groups") == grouping


def test_a_group_is_a_row_for_each_kind_that_it_has() -> None:
    grouping = Grouping(by="hospital", how="", groups={"A2": Group(areas=FIGURES, dots=FIGURES)})
    areas, dots = group_rows([grouping])
    assert (areas["of"], areas["measure"]) == ("areas", "mean Dice")
    assert (dots["of"], dots["measure"]) == ("dots", "balanced accuracy")
    assert np.isnan([areas["low"], areas["high"]]).all()  # too few patients for an interval
