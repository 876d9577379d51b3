"""Who hears of a piece of work: one object, passed from the command to where things happen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

from breastseg.wording import say

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

Item = TypeVar("Item")


class Progress(Protocol):
    """How far something is."""

    def update(self, n: float) -> object:
        """Take that `n` more of it are done."""


class Reporter:
    """Messages are printed, progress is a bar on a terminal; a program may take either itself.

    Args:
        on_message: takes one line at a time of what a person should know.
        on_event: takes what a program may want as it happens: of `predict` each
            `inference.map.Block` of a map as it is segmented, and the `inference.ledger.Outcome` of
            each input. A result that was whole before has no blocks.
        bars: show progress on a terminal; elsewhere there is none anyway.
    """

    def __init__(
        self,
        on_message: Callable[[str], object] = say,
        on_event: Callable[[object], object] = lambda event: None,
        *,
        bars: bool = True,
    ) -> None:
        """Take who hears what."""
        self.message = on_message
        self.event = on_event
        self._disable = None if bars else True

    def through(
        self, change: Callable[[str], str], on_event: Callable[[object], object]
    ) -> Reporter:
        """Return one whose messages are changed before this one hears them.

        Args:
            change: takes a message and returns the one that is told.
            on_event: hears the events in this one's place.
        """
        return Reporter(
            lambda text: self.message(change(text)), on_event, bars=self._disable is None
        )

    def progress(
        self,
        total: float | None,
        *,
        title: str,
        unit: str,
        done: float = 0,
        form: str | None = None,
    ) -> AbstractContextManager[Progress]:
        """Show how much of `total` is done: `with reporter.progress(...) as bar: bar.update(1)`.

        Args:
            total: of all, in `unit`; None when nobody knows.
            title: what is done, in a word.
            unit: of `total`; with "B" it is counted in thousands and millions.
            done: how much of it was done before.
            form: of the bar, as tqdm's `bar_format`; a bar with one goes when it is full.
        """
        from tqdm import tqdm

        bar: AbstractContextManager[Progress] = tqdm(
            total=total,
            initial=done,
            desc=title,
            unit=unit,
            unit_scale=unit == "B",
            bar_format=form,
            leave=form is None,
            disable=self._disable,
        )
        return bar

    def each(self, items: Iterable[Item], *, title: str, unit: str) -> Iterator[Item]:
        """Yield items that are counted, and show how many are done."""
        from tqdm import tqdm

        yield from tqdm(items, desc=title, unit=unit, disable=self._disable)


TERMINAL = Reporter()
"""What a person at a terminal sees: the default of all that works for long."""
QUIET = Reporter(lambda text: None, bars=False)
"""Tells nobody."""
