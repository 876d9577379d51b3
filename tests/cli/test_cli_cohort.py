"""breastseg cohort."""

from pathlib import Path

import pytest

from breastseg.cli import cohort
from breastseg.cli.main import parser_of
from breastseg.errors import InputError


def test_a_folder_without_maps_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=tmp_path.name):
        cohort.run(parser_of("cohort").parse_args(["cohort", str(tmp_path)]))
    assert not list(tmp_path.glob("*.html"))
