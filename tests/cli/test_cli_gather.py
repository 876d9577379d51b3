"""breastseg gather."""

from pathlib import Path

import pytest

from breastseg.cli import gather
from breastseg.cli.main import parser_of
from breastseg.errors import BreastsegError


def test_a_folder_without_shards_is_named(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match=tmp_path.name):
        gather.run(parser_of("gather").parse_args(["gather", str(tmp_path)]))
