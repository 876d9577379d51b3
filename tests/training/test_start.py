"""What a run starts from."""

import pytest

from breastseg.bundles.bundle import load_bundle
from breastseg.data.dataset import Dataset
from breastseg.errors import ModelError
from breastseg.training.config import TrainConfig
from breastseg.training.start import network_config


def test_a_network_has_as_many_classes_as_the_data(painted_data: Dataset) -> None:
    found = network_config(painted_data, TrainConfig(), None)
    assert found.classes == len(painted_data.label_map.classes)
    assert found.encoder == TrainConfig().encoder


def test_a_model_of_another_resolution_is_refused(painted_data: Dataset) -> None:
    start = load_bundle("lite0")
    with pytest.raises(ModelError, match=f"'{start.card.name}' has other"):
        network_config(painted_data, TrainConfig(), start)
