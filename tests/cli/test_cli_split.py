"""breastseg split: what it prints."""

from pathlib import Path

import pytest

from breastseg.cli import split
from breastseg.cli.main import parser_of
from breastseg.data.config import PrepareConfig
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import prepare
from breastseg.errors import SplitError
from conftest import paint, quiet, tcga


def test_parts_are_counted(painted_data: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--scheme", "leave-one-out", "--patient", "TCGA-A1-B001", "--val", "0"]
    split.run(parser_of("split").parse_args(["split", str(painted_data.path), *words]))
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert list(rows) == ["train", "val", "test"]
    assert "5 regions,    5 patients,  3 hospitals" in rows["train"]
    assert "0 regions" in rows["val"]
    assert "1 region,     1 patient,   1 hospital" in rows["test"]


def test_a_patient_in_two_parts_is_refused_or_said_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [tcga("A2", "A001"), tcga("A2", "A001").replace("xmin100", "xmin900")]
    for name in names:
        paint(tmp_path / "painted", name)
    config = PrepareConfig(to_mpp=0.30, workers=1)
    data = prepare(tmp_path / "painted", tmp_path / "data", config, reporter=quiet)
    table = tmp_path / "parts.csv"
    table.write_text(f"region,split\n{names[0]},train\n{names[1]},test\n", encoding="utf-8")
    words = ["split", str(data.path), "--scheme", str(table)]
    with pytest.raises(SplitError, match="TCGA-A2-A001"):
        split.run(parser_of("split").parse_args(words))
    split.run(parser_of("split").parse_args([*words, "--leaky"]))
    assert capsys.readouterr().out.startswith("LEAKY: 1 of 1 patient in two parts")
