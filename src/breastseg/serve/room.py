"""Bytes that may be filled at a time: taken before anything is decoded or parsed, given back
whatever happens."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from breastseg.serve.refusals import Busy

WAIT_S = 30.0
"""Seconds that somebody waits for room; then the answer is when to come again."""
_AGAIN_S = 5


class Room:
    """So many bytes. Threads that want more than is free wait in the order in which they came.

    What is kept here until somebody else needs its room says so by `lets_go`.
    """

    def __init__(self, size: int, *, wait_s: float = WAIT_S) -> None:
        """Begin empty, with `size` bytes."""
        self.size, self._wait_s = size, wait_s
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._used = self._turn = 0
        self._spares: list[Callable[[int], bool]] = []
        self._closed = False

    @property
    def used(self) -> int:
        """Return how many bytes are taken."""
        return self._used

    def lets_go(self, spare: Callable[[int], bool]) -> None:
        """Ask `spare` for so many bytes when room is missing; it gives back what it can, and says
        whether that was anything."""
        self._spares.append(spare)

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Take bytes for as long as the body runs. Who holds some takes none of the same room: two
        could wait for one another.

        Raises:
            Refused: others hold the room for long.
        """
        size = self.take(size)
        try:
            yield
        finally:
            self.give_back(size)

    def take(self, size: int) -> int:
        """Take bytes; return how many to give back. What wants more than there is gets all, and so
        is alone.

        Raises:
            Refused: others hold the room for long.
        """
        size, end, ticket = min(size, self.size), time.monotonic() + self._wait_s, object()
        with self._changed:
            self._queue.append(ticket)
        try:
            while True:
                with self._changed:
                    missing = self._used + size - self.size
                    # Only the first may take: a small wish would overtake a large one for ever.
                    is_first = self._queue[0] is ticket
                    turn = self._turn
                    if self._closed:
                        raise busy("the server ends")
                    if is_first and missing <= 0:
                        self._used += size
                        return size
                    if time.monotonic() >= end:
                        raise busy("others are being shown large images")
                # Asked without the lock: what lets go gives its bytes back here.
                if is_first and any(spare(missing) for spare in self._spares):
                    continue
                with self._changed:
                    # Something may have changed since the lock was left; then look again.
                    if self._turn == turn:
                        self._changed.wait(max(0.0, end - time.monotonic()))
        finally:
            with self._changed:
                self._queue.remove(ticket)
            self.stir()

    def give_back(self, size: int) -> None:
        """Give bytes back."""
        with self._changed:
            self._used -= size
        self.stir()

    def stir(self) -> None:
        """Let those who wait look again."""
        with self._changed:
            self._turn += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Send everybody away who waits, or comes."""
        self._closed = True
        self.stir()


def busy(why: str) -> Busy:
    """Return the answer to who should come again in a moment."""
    return Busy(f"{why}; try again in a moment", again_s=_AGAIN_S)
