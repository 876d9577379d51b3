"""Before and after the loop: loggers, ranks, and the class of white places."""

from pathlib import Path

import pytest

from breastseg.data.dataset import Dataset
from breastseg.errors import InputError, LabelError
from breastseg.training.config import TrainConfig
from breastseg.training.fit import loggers_of, rank, white_label


def test_an_unknown_logger_lists_the_known(tmp_path: Path) -> None:
    assert loggers_of((), tmp_path) == []
    with pytest.raises(InputError, match=r"'wandb'.*tensorboard"):
        loggers_of(("wandb",), tmp_path)


def test_the_persons_own_process_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert rank() == 0
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert rank() == 3


def test_white_places_have_a_class_only_where_one_is_named(painted_data: Dataset) -> None:
    assert white_label(painted_data, TrainConfig()) == 0
    name = painted_data.label_map.names[1]
    assert white_label(painted_data, TrainConfig(white_as=name)) == 2
    with pytest.raises(LabelError, match="--white-as"):
        white_label(painted_data, TrainConfig(white_as="sky"))
