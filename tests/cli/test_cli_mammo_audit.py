"""breastseg mammo audit."""

from pathlib import Path

import pytest

from breastseg.cli import mammo_audit
from breastseg.cli.main import parser_of
from breastseg.errors import BreastsegError


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    words = ["mammo", "audit", str(tmp_path / "gone.csv"), "--out", "audited"]
    options = parser_of("mammo").parse_args(words)
    assert (options.out, options.split_table) == ("audited", None)
    with pytest.raises(BreastsegError, match=r"gone\.csv"):
        mammo_audit.run(options)
