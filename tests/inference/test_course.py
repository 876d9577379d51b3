"""The course of a run: what is written down of slides as they end."""

from pathlib import Path

import pytest

from breastseg.errors import ImageError
from breastseg.inference.course import Course, patient_of
from breastseg.inference.inputs import Input, Inputs, LeftOut
from breastseg.inference.ledger import Ledger, Outcome
from breastseg.reporter import Reporter


def course_of(out: Path, *names: str) -> tuple[Course, Ledger, list[str], list[object]]:
    """Return a course with its ledger, and the lists that hear its messages and events."""
    messages: list[str] = []
    events: list[object] = []
    items = [Input(out / name) for name in names]
    named = Inputs(items, [LeftOut(out / "masks", "it holds masks")])
    ledger = Ledger(out, None)
    reporter = Reporter(messages.append, events.append, bars=False)
    return Course(named, out, ledger, reporter), ledger, messages, events


def test_what_is_left_out_is_said_first(tmp_path: Path) -> None:
    _, _, messages, _ = course_of(tmp_path, "a.png")
    assert len(messages) == 1
    assert "it holds masks" in messages[0]


def test_a_failure_among_several_is_noted_and_the_rest_goes_on(tmp_path: Path) -> None:
    course, ledger, messages, events = course_of(tmp_path, "a.png", "b.png")
    course.failed(1, ImageError("b.png: broken"), 0.5)
    ledger.finish()
    assert ledger.failed == ["b.png: broken"]
    assert events == [Outcome("b", str(tmp_path / "b.png"), "failed", "b.png: broken")]
    assert messages[-1] == "failed: b.png: broken"
    rows = ledger.manifest.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[1] for line in rows[1:3]] == ["waits", "failed"]
    assert course.results() == []


def test_the_failure_of_the_only_slide_is_raised(tmp_path: Path) -> None:
    course, ledger, _, events = course_of(tmp_path, "a.png")
    with pytest.raises(ImageError, match="broken"):
        course.failed(0, ImageError("a.png: broken"), 0.5)
    assert ledger.failed == ["a.png: broken"]
    assert len(events) == 1


def test_a_slide_that_was_stopped_is_written_down(tmp_path: Path) -> None:
    course, ledger, _, _ = course_of(tmp_path, "a.png", "b.png")
    course.stopped(0)
    ledger.finish()
    assert "stopped" in ledger.manifest.read_text(encoding="utf-8").splitlines()[1]


def test_a_patient_is_a_column_only_where_one_is_named(tmp_path: Path) -> None:
    assert patient_of(Input(tmp_path)) == {}
    assert patient_of(Input(tmp_path, patient="P1")) == {"patient": "P1"}
