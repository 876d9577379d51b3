"""breastseg doctor: what it prints of a slide's privacy, and of a machine."""

from pathlib import Path

import pytest

from breastseg.cli import doctor
from breastseg.cli.main import parser_of
from breastseg.diagnostics.doctor import Diagnosis, Finding, Trial
from breastseg.errors import BreastsegError

READERS = {
    "readers": [
        Finding("tifffile", here=True, found="2026.1", install=""),
        Finding("zarr", here=False, found="no module", install="pip install 'breastseg[zarr]'"),
    ]
}


def test_what_is_missing_stands_beside_what_brings_it(capsys: pytest.CaptureFixture[str]) -> None:
    trial = Trial(works=True, seconds=1.25, backend="onnx", percent={"tumor": 60.0, "fat": 0.1})
    doctor._print(Diagnosis(READERS, trial))
    shown = capsys.readouterr().out
    assert "zarr      no: no module; pip install 'breastseg[zarr]'" in shown
    assert "no: 2026.1" not in shown
    assert "1.2 s with onnx: tumor 60 %" in shown
    assert "fat" not in shown  # under half a percent


def test_a_slide_that_is_not_there_is_named(tmp_path: Path) -> None:
    options = parser_of("doctor").parse_args(["doctor", "--privacy", str(tmp_path / "gone.svs")])
    with pytest.raises(BreastsegError, match=r"gone\.svs"):
        doctor.run(options)
