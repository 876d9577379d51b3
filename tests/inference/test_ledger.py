"""The tables of a run, and its lines of JSON."""

import json
import math
from pathlib import Path

from breastseg.inference.inputs import Input, Inputs, LeftOut
from breastseg.inference.ledger import Ledger, Outcome, as_written


def test_every_slide_waits_until_something_became_of_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, None)
    named = Inputs([Input(Path("a.png")), Input(Path("b.png"))], [LeftOut(Path("c"), "masks")])
    ledger.begin(named)
    ledger.note(1, {"slide": "b.png", "outcome": "done", "seconds": "1.5"})
    ledger.finish()
    lines = ledger.manifest.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("slide,outcome,cause,seconds,result")
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["a.png", "waits"],
        ["b.png", "done"],
        ["c", "left out"],
    ]
    assert Ledger(tmp_path, None).seconds_before()["b.png"] == "1.5"


def test_a_damaged_manifest_stops_no_run(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, None)
    assert ledger.seconds_before() == {}
    ledger.manifest.write_bytes(b"\xff\x00")
    assert ledger.seconds_before() == {}


def test_nan_is_null_and_odd_bytes_are_escapes() -> None:
    measures = {"tumor_mm2": math.nan, "stroma_mm2": 1.5}
    line = Outcome("a", "caf\udce9.png", "done", measures=measures).json_line()
    assert line.isascii()
    said = json.loads(line)
    assert said["measures"] == {"tumor_mm2": None, "stroma_mm2": 1.5}
    assert said["slide"] == as_written("caf\udce9.png") == "caf\\udce9.png"
