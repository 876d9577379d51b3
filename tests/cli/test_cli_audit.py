"""breastseg audit: what it prints."""

from pathlib import Path

import pytest

from breastseg.cli import audit
from breastseg.cli.main import parser_of
from breastseg.data.dataset import Dataset
from breastseg.errors import BreastsegError


def test_it_prints_what_it_counted_and_writes_nothing_without_out(
    painted_data: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(painted_data.path.rglob("*"))
    audit.run(parser_of("audit").parse_args(["audit", str(painted_data.path)]))
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("6 regions, 6 patients, 0.3 um/px")
    assert sorted(painted_data.path.rglob("*")) == before


def test_a_folder_without_a_data_set_is_named(tmp_path: Path) -> None:
    options = parser_of("audit").parse_args(["audit", str(tmp_path), "--source", "BCSS"])
    assert options.source == "BCSS"
    with pytest.raises(BreastsegError, match=tmp_path.name):
        audit.run(options)
