"""Another evaluation that a model is compared with."""

from pathlib import Path

import pytest

from breastseg.errors import InputError
from breastseg.evaluation.compare import open_other
from breastseg.labels import BUILT_IN


def test_a_folder_without_scores_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"scores\.json"):
        open_other(tmp_path, "data", BUILT_IN["tumor"], ["a"])
