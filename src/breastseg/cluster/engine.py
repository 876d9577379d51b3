"""What is asked of an engine that runs tasks on many machines, and what it answers."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from breastseg.cluster.task import Mapped, Work
from breastseg.inference.inputs import Input


@dataclass(frozen=True)
class Need:
    """What a task takes of a machine.

    Attributes:
        cores: of its processor.
        memory_bytes: of its memory.
        gpu: share of a GPU; 0 is none.
    """

    cores: int
    memory_bytes: int
    gpu: float = 0.0

    def fits(self, room: "Need") -> bool:
        """Tell whether a machine with this room can take it."""
        has_memory = self.memory_bytes <= room.memory_bytes
        return self.cores <= room.cores and has_memory and self.gpu <= room.gpu


@dataclass(frozen=True)
class Machine:
    """A machine of a cluster.

    Attributes:
        name: as its engine calls it; for a person.
        key: as its engine finds it.
        room: all that it has.
    """

    name: str
    key: str
    room: Need


@dataclass(frozen=True)
class Lost:
    """A task whose process or machine went away; `cause` says what the engine knows."""

    cause: str


@dataclass(frozen=True)
class Short:
    """A task that was killed because memory ran out."""

    cause: str


Answer = Mapped | Lost | Short
"""What became of a task."""


class Engine(Protocol):
    """Runs tasks on machines; a task that is gone is not tried again by it."""

    def machines(self) -> list[Machine]:
        """Return the machines that are there now."""
        ...

    def look(self, work: Work, slide: str, machines: Collection[Machine]) -> dict[str, str]:
        """Ask machines whether they can do the work and see a slide; return what speaks against
        it, by name."""
        ...

    def begin(self, work: Work, item: Input, need: Need) -> int:
        """Begin a task when a machine has room for it; return its number."""
        ...

    def ended(self, wait_s: float) -> list[tuple[int, Answer]]:
        """Return tasks that have ended since, waiting for the first of them."""
        ...

    def close(self) -> None:
        """Let go of the machines; tasks that run are ended."""
        ...
