"""Who hears of a piece of work."""

import io

import pytest

from breastseg.reporter import QUIET, TERMINAL, Reporter


def test_messages_and_events_go_where_they_were_sent() -> None:
    messages: list[str] = []
    events: list[object] = []
    reporter = Reporter(messages.append, events.append, bars=False)
    reporter.message("begun")
    reporter.event(7)
    assert (messages, events) == (["begun"], [7])


def test_a_reporter_within_another_changes_messages_and_keeps_events() -> None:
    messages: list[str] = []
    outer: list[object] = []
    inner: list[object] = []
    reporter = Reporter(messages.append, outer.append, bars=False)
    within = reporter.through(lambda text: f"a.svs: {text}", inner.append)
    within.message("done")
    within.event(1)
    assert (messages, outer, inner) == (["a.svs: done"], [], [1])


def test_items_come_through_in_order_and_untouched() -> None:
    assert list(QUIET.each(iter("abc"), title="slides", unit="slide")) == ["a", "b", "c"]


def test_a_quiet_reporter_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    QUIET.message("x")
    QUIET.event("x")
    with QUIET.progress(2, title="tiles", unit="tile") as bar:
        bar.update(1)
    assert capsys.readouterr() == ("", "")


def test_a_terminals_messages_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    TERMINAL.message("one line")
    assert capsys.readouterr().out == "one line\n"


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_and_goes_on_from_what_was_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stderr", screen := Screen())
    with TERMINAL.progress(10, title="tiles", unit="tile", done=4) as bar:
        bar.update(3)
    assert "tiles:" in screen.getvalue()
    assert "7/10" in screen.getvalue()


@pytest.mark.parametrize("bars", [False, True])
def test_bars_can_be_switched_off_and_a_reporter_within_keeps_to_it(
    monkeypatch: pytest.MonkeyPatch, bars: bool
) -> None:
    monkeypatch.setattr("sys.stderr", screen := Screen())
    reporter = Reporter(lambda text: None, bars=bars)
    within = reporter.through(lambda text: text, lambda event: None)
    assert list(within.each([1, 2], title="slides", unit="slide")) == [1, 2]
    assert ("slides:" in screen.getvalue()) is bars
