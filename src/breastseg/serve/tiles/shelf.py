"""What is held open or decoded: the least recently used is let go when it is too much, but never
under somebody who reads it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from breastseg.serve.room import Room


class Holdable(Protocol):
    """Something that takes room until it is closed, however much of it is there yet."""

    @property
    def held_bytes(self) -> int: ...  # noqa: D102

    def close(self) -> None:
        """Let go."""
        ...


Held = TypeVar("Held", bound=Holdable)


class _Place(Generic[Held]):
    """What is held under a key, or will be; how many read it, and the room that it takes."""

    def __init__(self) -> None:
        # Of this place alone: opening takes long, and others must not wait for it.
        self.opening = threading.Lock()
        self.held: Held | None = None
        self.bytes = self.readers = 0


class Shelf(Generic[Held]):
    """What is open, by key; threads may borrow the same at the same time, and one of them opens
    it."""

    def __init__(self, most: int, room: Room) -> None:
        """Hold `most` things in a room; more only while each is being read."""
        self._most, self._room = most, room
        self._lock = threading.Lock()
        self._places: OrderedDict[Hashable, _Place[Held]] = OrderedDict()
        room.lets_go(self._let_go)

    @contextmanager
    def borrowed(self, key: Hashable, opened: Callable[[], Held]) -> Iterator[Held]:
        """Yield what is held under a key, from `opened` where nothing is; what that raises is
        raised, and nothing is held.

        What `opened` returns has not decoded anything yet: the room for it is taken before it is
        yielded.

        Raises:
            Refused: others hold the room for long.
        """
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)  # the first is the one that was not used for longest
            place.readers += 1  # from now on nobody takes it off
        try:
            with place.opening:
                if place.held is None:
                    self._open(place, opened)
                held = place.held
            assert held is not None
            yield held
        finally:
            with self._lock:
                place.readers -= 1
                spare = self._spare()
            self._close(spare)  # outside of the lock: it may take long
            self._room.stir()  # what is read no more can be let go for who waits

    def peek(self, key: Hashable) -> Held | None:
        """Return what is held under a key, only to look at: it may be let go at any time."""
        place = self._places.get(key)
        return place.held if place else None

    def close(self) -> None:
        """Let go of all that nobody reads."""
        with self._lock:
            spare = [place for place in self._places.values() if not place.readers]
            self._places.clear()
        self._close(spare)

    def _open(self, place: _Place[Held], opened: Callable[[], Held]) -> None:
        held = opened()
        try:
            place.bytes = self._room.take(held.held_bytes)
        except BaseException:
            held.close()
            raise
        place.held = held

    def _let_go(self, missing: int) -> bool:
        """Give back so many bytes of what nobody reads; say whether there was anything."""
        with self._lock:
            spare: list[_Place[Held]] = []
            for key, place in list(self._places.items()):
                if missing > 0 and place.held is not None and not place.readers:
                    del self._places[key]
                    missing -= place.bytes
                    spare.append(place)
        self._close(spare)
        return bool(spare)

    def _spare(self) -> list[_Place[Held]]:
        """Take off what is too much, and what could not be opened; the newest stays."""
        spare: list[_Place[Held]] = []
        for key, place in list(self._places.items()):
            is_newest = key == next(reversed(self._places))
            is_too_much = not is_newest and len(self._places) > self._most
            if not place.readers and (place.held is None or is_too_much):
                del self._places[key]
                spare.append(place)
        return spare

    def _close(self, spare: list[_Place[Held]]) -> None:
        for place in spare:
            if place.held is not None:
                place.held.close()
                self._room.give_back(place.bytes)
