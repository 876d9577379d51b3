"""What is annotated in the training part."""

from dataclasses import replace

import pytest

from breastseg.data.dataset import Dataset
from breastseg.errors import SplitError
from breastseg.training.annotation import absent_classes, absent_note, field_notes
from breastseg.training.config import TrainConfig


def without_class(data: Dataset, name: str) -> Dataset:
    """Return a data set of whose table a class has no pixel."""
    return replace(data, regions=data.regions.assign(**{f"px_{name}": 0}))


def test_a_class_without_a_pixel_is_an_error_unless_it_is_allowed(painted_data: Dataset) -> None:
    regions = [str(region) for region in painted_data.regions.index]
    name = painted_data.label_map.names[0]
    assert name not in absent_classes(painted_data, regions, TrainConfig(allow_absent_classes=True))
    data = without_class(painted_data, name)
    assert name in absent_classes(data, regions, TrainConfig(allow_absent_classes=True))
    with pytest.raises(SplitError, match=f"'{name}'.*6 training regions"):
        absent_classes(data, regions, TrainConfig())
    assert "never occurs" in absent_note(data, regions, name)


def test_nothing_is_said_where_no_field_is_known_as_a_whole(painted_data: Dataset) -> None:
    regions = [str(region) for region in painted_data.regions.index]
    assert list(field_notes(painted_data, regions, TrainConfig())) == []
