"""breastseg mammo verify."""

from pathlib import Path

import pytest

from breastseg.cli import mammo_verify
from breastseg.cli.main import parser_of
from breastseg.errors import SourceError


def test_a_folder_without_mini_mias_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"Info\.txt"):
        mammo_verify.run(parser_of("mammo").parse_args(["mammo", "verify", str(tmp_path)]))
