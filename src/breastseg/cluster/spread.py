"""Spread: the slides of `predict` on the machines of a cluster, one task a slide.

This process alone holds the folder and writes the tables. A few more tasks than there is room for
are in flight, so that no machine waits and nothing piles up. A machine that is lost costs its
slides another try, a fault of a slide is a failed row at once, and what was killed for memory is
given twice as much once.
"""

import math
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from time import monotonic

from breastseg.bundles.bundle import bundled_models
from breastseg.cluster.engine import Engine, Lost, Machine, Need, Short
from breastseg.cluster.task import Mapped, ModelAsked, Work, is_short
from breastseg.errors import BreastsegError, EngineError, InputError, ShortageError
from breastseg.files import write_text
from breastseg.inference.config import PredictConfig
from breastseg.inference.course import Course
from breastseg.inference.estimate import memory_at_most
from breastseg.inference.model import Model
from breastseg.reporter import Reporter
from breastseg.runners.child import ChildRunner
from breastseg.runners.mean import MeanRunner

MOST_LOST = 3
"""So many machines or processes lost with a slide end it."""
_GPU_SHARE = 0.25  # so four slides share a GPU
_TOKEN = ".part-cluster"
_WAIT_S = 1.0  # how long a machine that has just come may wait for its first slide
_PATIENCE_S = 600.0
"""How long a cluster without machines is waited for."""


@dataclass
class _Try:
    """A slide in flight."""

    place: int
    need: Need
    lost: int = 0
    raised: bool = False


class Spread:
    """Maps slides on a cluster; a `Mapper` for `predict`."""

    def __init__(self, engine: Engine, *, patience_s: float = _PATIENCE_S) -> None:
        """Remember the engine.

        Args:
            engine: has joined the cluster; who began it closes it.
            patience_s: how long a cluster without a machine that fits is waited for.
        """
        self._engine = engine
        self._patience_s = patience_s

    def __call__(
        self, course: Course, model: Model, out: Path, config: PredictConfig, reporter: Reporter
    ) -> None:
        """Map each slide of the course.

        Raises:
            InputError: machines of another version, that do not share the folder or are too small,
                before the first slide.
            EngineError: a machine that came later does not fit, or none is left.
        """
        if isinstance(model.runner, (ChildRunner, MeanRunner)):
            model.runner.close()  # nothing is computed here
        with _token(out) as token:
            work = work_of(model, out, config, token)
            need = need_of(model, config)
            flight = _Flight(self._engine, work, need, course, reporter, self._patience_s)
            flight.check()
            flight.run()


def work_of(model: Model, out: Path, config: PredictConfig, token: tuple[str, str]) -> Work:
    """Return what all tasks of a run have in common."""
    members = model.members or (model,)  # a mean of several has members
    asked = tuple(_asked(member) for member in members)
    return Work(version("breastseg"), str(Path.cwd()), str(out), token, asked, config)


def _asked(model: Model) -> ModelAsked:
    """Return one model as every machine must load it."""
    backend, *_, computed = model.runner.name.split()
    precision = computed.partition("+")[0]  # int8+bf16 is int8 where the processor has bf16 too
    path = model.bundle.path
    # A shipped model by its name: breastseg may be installed under another path there.
    shipped = {folder: name for name, folder in bundled_models().items()}
    return ModelAsked(
        shipped.get(path) or str(path),
        backend,
        precision,
        model.flips,
        _cores(model),
        tuple(model.card.files.items()),
        model.runner.name,
    )


def need_of(model: Model, config: PredictConfig) -> Need:
    """Return what a task takes, as forecast for the largest tile."""
    # Each of these keeps the scores of all classes, not only the class that won.
    scores = config.blend or config.probabilities or config.uncertainty or config.disagreement
    memory = memory_at_most(model, keeps_scores=scores)
    gpu = _GPU_SHARE if "cuda" in model.runner.name.split() else 0.0
    return Need(_cores(model), math.ceil(memory), gpu)


def _cores(model: Model) -> int:
    """One core a slide maps most slides in a time, where there are more slides than cores."""
    return model.threads or 1


@contextmanager
def _token(out: Path) -> Iterator[tuple[str, str]]:
    """Leave a file by which a machine sees whether it shares the folder."""
    # Random: a file of an earlier run, on a disk of the machine's own, must not pass for it.
    path = out / _TOKEN
    content = secrets.token_hex(16)
    write_text(path, content)
    try:
        yield _TOKEN, content
    finally:
        path.unlink(missing_ok=True)


class _Flight:
    """The tasks of one run."""

    def __init__(
        self,
        engine: Engine,
        work: Work,
        need: Need,
        course: Course,
        reporter: Reporter,
        patience_s: float,
    ) -> None:
        self._engine = engine
        self._work = work
        self._need = need
        self._course = course
        self._reporter = reporter
        self._patience_s = patience_s
        self._items = course.named.items
        self._waiting: deque[_Try] = deque()
        for place in range(len(self._items)):
            self._waiting.append(_Try(place, need))
        self._flying: dict[int, _Try] = {}
        self._machines: list[Machine] = []
        self._without_since: float | None = None
        self._step: Callable[[], object] = lambda: None

    def check(self) -> None:
        """Refuse a cluster that cannot do the work, before the first slide."""
        machines = self._engine.machines()
        fitting = [machine for machine in machines if self._need.fits(machine.room)]
        if not fitting:
            raise InputError(
                f"the cluster has no machine with {self._need.cores} cores and"
                f" {self._need.memory_bytes / 1e6:.0f} MB of memory"
                f"{' and a GPU' if self._need.gpu else ''}, which a slide takes; it has"
                f" {_rooms(machines)}; take fewer --threads or larger machines"
            )
        slides = [str(item.path) for item in self._items if item.broken is None]
        if not slides:
            return
        # One slide stands for all: they lie on one disk as a rule, and looking at each would cost.
        faults = self._engine.look(self._work, slides[0], fitting)
        if faults:
            name, fault = min(faults.items())
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise InputError(f"machine {name}{more} {fault}; no slide was begun")

    def run(self) -> None:
        """Map all."""
        with self._reporter.progress(len(self._items), title="slides", unit="slide") as bar:
            self._step = lambda: bar.update(1)
            while self._waiting or self._flying:
                self._fill()
                for number, answer in self._engine.ended(_WAIT_S):
                    attempt = self._flying.pop(number)
                    if isinstance(answer, Mapped) and not is_short(answer):
                        self._take(attempt, answer)
                    else:
                        self._again(attempt, answer)

    def _fill(self) -> None:
        """Begin as many tasks as there is room for, and as many again to follow them."""
        self._machines = self._engine.machines()  # anew each time: they come and go
        self._heed_absence()
        slots = sum(_slots(machine.room, self._need) for machine in self._machines)
        window = 2 * max(1, slots)
        while self._waiting and len(self._flying) < window:
            attempt = self._waiting.popleft()
            item = self._items[attempt.place]
            if item.broken is not None:
                self._course.failed(attempt.place, item.broken, 0.0)
                self._step()
                continue
            self._flying[self._engine.begin(self._work, item, attempt.need)] = attempt

    def _heed_absence(self) -> None:
        """Wait for machines for a while."""
        if any(self._need.fits(machine.room) for machine in self._machines):
            self._without_since = None
        elif self._without_since is None:
            self._without_since = monotonic()
            self._reporter.message("no machine of the cluster is left; waiting for one")
        elif monotonic() - self._without_since > self._patience_s:
            raise EngineError(
                f"no machine of the cluster came back in {self._patience_s:.0f} s; what is done is"
                " kept, the same command goes on when there is one"
            )

    def _take(self, attempt: _Try, mapped: Mapped) -> None:
        """Take the end of a slide that was tried."""
        if mapped.unfit:
            raise EngineError(
                f"a machine that came later {mapped.unfit}; take it from the cluster, the same"
                " command goes on"
            )
        if mapped.stops:
            self._course.stopped(attempt.place)
            raise BreastsegError(mapped.stops)
        for line in mapped.lines:
            self._reporter.message(line)
        self._step()
        if mapped.result is None:
            self._course.failed(attempt.place, mapped.raised(), mapped.seconds)
        else:
            # A result of an earlier run keeps the seconds that it took then.
            seconds = mapped.seconds if mapped.fresh else None
            self._course.done(attempt.place, mapped.result, seconds)

    def _again(self, attempt: _Try, answer: Mapped | Lost | Short) -> None:
        """Try a slide again that is not at fault, or give it up."""
        path = self._items[attempt.place].path
        if isinstance(answer, Lost):
            attempt.lost += 1
            if attempt.lost < MOST_LOST:
                self._reporter.message(f"{path}: {answer.cause}; tried again")
                self._waiting.appendleft(attempt)
                return
            error: BreastsegError = EngineError(
                f"{path}: {MOST_LOST} machines or processes were lost with it, the last:"
                f" {answer.cause}; map it alone on a machine that you can watch"
            )
        else:
            larger = replace(attempt.need, memory_bytes=2 * attempt.need.memory_bytes)
            has_room = any(larger.fits(machine.room) for machine in self._machines)
            if has_room and not attempt.raised:
                attempt.need = larger
                attempt.raised = True
                self._reporter.message(
                    f"{path}: memory ran out; tried again with {larger.memory_bytes / 1e6:.0f} MB"
                )
                self._waiting.appendleft(attempt)
                return
            error = ShortageError(
                f"{path}: memory ran out, with {attempt.need.memory_bytes / 1e6:.0f} MB asked for"
                f"{'' if attempt.raised else ' and no machine that has twice as much'}; map it on a"
                " larger machine"
            )
        seconds = answer.seconds if isinstance(answer, Mapped) else 0.0
        self._step()
        self._course.failed(attempt.place, error, seconds)


def _slots(room: Need, need: Need) -> int:
    """Return how many tasks a machine takes at a time."""
    if not need.fits(room):
        return 0
    shares = [room.cores // need.cores, room.memory_bytes // need.memory_bytes]
    if need.gpu:
        shares.append(int(room.gpu / need.gpu))
    return min(shares)


def _rooms(machines: list[Machine]) -> str:
    """Return in words what room the first machines have."""
    rooms = []
    for machine in machines[:3]:
        memory_mb = machine.room.memory_bytes / 1e6
        rooms.append(f"{machine.name} with {machine.room.cores} cores, {memory_mb:.0f} MB")
    return ", ".join(rooms) or "no machine that takes tasks"
