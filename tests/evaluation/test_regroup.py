"""Classes of a label map put into those of a coarser one."""

import numpy as np
import pytest

from breastseg.errors import LabelError
from breastseg.evaluation.regroup import (
    common_maps,
    grouped,
    grouped_probabilities,
    table,
)
from breastseg.labels import BUILT_IN


def test_each_class_falls_where_its_codes_do() -> None:
    fine, coarse = BUILT_IN["bcss21"], BUILT_IN["region5"]
    groups = table(fine, coarse, "model 'm'")
    assert groups.shape == (256,)
    assert groups[0] == 0
    for label, own in enumerate(fine.classes, start=1):
        wanted = coarse.apply(np.array([own.codes], np.uint8), "codes")
        assert set(wanted.ravel().tolist()) == {groups[label]}


def test_a_class_that_the_map_splits_is_named() -> None:
    with pytest.raises(LabelError, match=r"model 'm'.*--labels"):
        table(BUILT_IN["tumor"], BUILT_IN["bcss21"], "model 'm'")


def test_common_maps_are_those_into_which_all_fall() -> None:
    found = common_maps([BUILT_IN["bcss21"], BUILT_IN["region5"]])
    assert "region5" in found
    assert "bcss21" not in found
    assert "bcss21" in common_maps([BUILT_IN["bcss21"]])


def test_probabilities_of_a_group_add_up() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random((3, 4, 5)).astype(np.float32)  # (K, H, W)
    groups = np.zeros(256, np.uint8)
    groups[1:4] = 1, 2, 1
    found = grouped_probabilities(probabilities, groups, 2)
    np.testing.assert_allclose(found[0], probabilities[0] + probabilities[2])
    np.testing.assert_allclose(found[1], probabilities[1])
    labels = np.array([[0, 1, 2, 3]], np.uint8)
    assert grouped(labels, groups).tolist() == [[0, 1, 2, 1]]
    assert grouped(labels, None) is labels
    assert grouped_probabilities(probabilities, None, 3) is probabilities
