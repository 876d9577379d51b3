"""What is held open or decoded: the least recently used is let go when it is too much, but never under somebody who reads it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar


class Holdable(Protocol):
    """Something that takes room until it is closed."""

    @property
    def held_bytes(self) -> int: ...  # noqa: D102

    def close(self) -> None:
        """Let go."""
        ...


Held = TypeVar("Held", bound=Holdable)


class _Place(Generic[Held]):
    def __init__(self) -> None:
        self.opening = threading.Lock()
        self.held: Held | None = None
        self.readers = 0


class Shelf(Generic[Held]):
    """What is open, by key; threads may borrow the same at the same time, and one of them opens it."""

    def __init__(self, most: int, most_bytes: int) -> None:
        """Hold `most` things and `most_bytes` in them; more only while each is being read."""
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._places: OrderedDict[Hashable, _Place[Held]] = OrderedDict()

    @contextmanager
    def borrowed(self, key: Hashable, opened: Callable[[], Held]) -> Iterator[Held]:
        """Yield what is held under a key, from `opened` where nothing is; what that raises is raised, and nothing is held."""
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            place.readers += 1
        try:
            with place.opening:
                if place.held is None:
                    place.held = opened()
                held = place.held
            yield held
        finally:
            with self._lock:
                place.readers -= 1
                spare = self._spare()
            for one in spare:
                one.close()

    def close(self) -> None:
        """Let go of all that nobody reads."""
        with self._lock:
            spare = [place.held for place in self._places.values() if place.held is not None and not place.readers]
            self._places.clear()
        for one in spare:
            one.close()

    def _spare(self) -> list[Held]:
        """Take off what is too much, and what could not be opened; the newest stays."""
        spare: list[Held] = []
        total = sum(place.held.held_bytes for place in self._places.values() if place.held is not None)
        for key, place in list(self._places.items()):
            newest = key == next(reversed(self._places))
            if place.readers:
                continue
            if place.held is None:
                del self._places[key]
            elif not newest and (len(self._places) > self._most or total > self._most_bytes):
                del self._places[key]
                total -= place.held.held_bytes
                spare.append(place.held)
        return spare
