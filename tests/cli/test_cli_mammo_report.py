"""breastseg mammo report."""

from pathlib import Path

import pytest

from breastseg.cli import mammo_report
from breastseg.cli.main import parser_of

TEXT = "MAMMOGRAM\nThe breasts are heterogeneously dense.\nIMPRESSION: BI-RADS 2, benign.\n"


def test_a_report_becomes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.txt").write_text(TEXT, encoding="utf-8")
    out = tmp_path / "read"
    words = ["mammo", "report", str(tmp_path / "one.txt"), "--out", str(out)]
    mammo_report.run(parser_of("mammo").parse_args(words))
    assert f"{out}: 1 read;" in capsys.readouterr().out
    assert list(out.rglob("report.txt"))
