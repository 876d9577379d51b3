"""Judges -> the score of each part, the one number that chooses, its interval, and what a shift of
tumour would give.

A part is the mean of its judges that count, the number the mean of its parts. An interval is drawn
over the units of every judge (patients, cases, fields), each judge's by itself; two results that
were judged by the same units are drawn alike, so that their difference has an interval too.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from breastseg.metrics.intervals import Interval, interval_of, weights_of_draws
from breastseg.metrics.rates import Floats, known_mean
from yardstick.judges import Judge
from yardstick.look import AS_IT_IS, SHIFTS

PARTS = {
    "a": "areas, mean Dice", "b": "dots, balanced accuracy", "c": "benign against malignant",
    "d": "spots and nuclei", "e": "fat, glass, one kind of tissue",
}  # fmt: skip
DRAWS = 2_000


@dataclass(frozen=True, eq=False)
class Result:
    """What one model in one precision scores.

    Attributes:
        name: of the model, and how it computes.
        judges: everything that it was judged by.
        notes: what a reader must know: who was left out, who chose the model.
        seconds: CPU-seconds that it took; None where all came from a cache.
    """

    name: str
    judges: Sequence[Judge]
    notes: tuple[str, ...] = ()

    @cached_property
    def parts(self) -> dict[str, Floats]:
        """Return each part's score at each shift, (S,)."""
        found = {}
        for part in PARTS:
            own = [judge for judge in self.judges if judge.part == part and judge.counts]
            if own:
                found[part] = known_mean(np.array([judge.curve for judge in own]), axis=0)
        return found

    @cached_property
    def curve(self) -> Floats:
        """Return the number at each shift, (S,)."""
        return known_mean(np.array(list(self.parts.values())), axis=0)

    @property
    def number(self) -> float:
        """Return the one number: the model as it decides."""
        return float(self.curve[AS_IT_IS])

    @property
    def best(self) -> int:
        """Return the shift at which the number is highest: one choice for all parts."""
        return int(np.nanargmax(self.curve))

    @cached_property
    def elsewhere(self) -> dict[str, int]:
        """Return for each part the shift that is best for the mean of the other parts."""
        found = {}
        for part in self.parts:
            others = [curve for name, curve in self.parts.items() if name != part]
            mean = known_mean(np.array(others), axis=0) if others else np.array([])
            found[part] = int(np.nanargmax(mean)) if others else AS_IT_IS
        return found

    @cached_property
    def drawn(self) -> Floats:
        """Return the number of drawn units, as the model decides, (D,)."""
        parts: dict[str, list[Floats]] = {}
        for judge in self.judges:
            if judge.counts:
                scores = [judge.score(weights, AS_IT_IS) for weights in draws_of(judge)]
                parts.setdefault(judge.part, []).append(np.concatenate(scores))
        means = [known_mean(np.array(scores), axis=0) for scores in parts.values()]
        return known_mean(np.array(means), axis=0)

    @property
    def interval(self) -> Interval:
        """Return the 95 % interval of the number."""
        return interval_of(self.drawn)


def draws_of(judge: Judge) -> Iterator[Floats]:
    """Yield weights of drawn units, (n, P), some draws at a time; all of them where there is one
    unit.
    """
    if len(judge.units) < 2:
        yield np.ones((DRAWS, len(judge.units)))
        return
    seed = zlib.crc32(f"{judge.part} {judge.name}".encode())
    yield from weights_of_draws(len(judge.units), DRAWS, seed, values=64)


def judge_interval(judge: Judge) -> Interval:
    """Return the 95 % interval of a judge's score; None for one unit."""
    if len(judge.units) < 2:
        return None
    scores = [judge.score(weights, AS_IT_IS) for weights in draws_of(judge)]
    return interval_of(np.concatenate(scores))


def difference(one: Result, other: Result) -> tuple[float, Interval]:
    """Return how much better one is, and the interval; None where they were judged by different
    units.
    """
    alike = [(judge.part, judge.name, judge.units) for judge in one.judges if judge.counts]
    alike_other = [(judge.part, judge.name, judge.units) for judge in other.judges if judge.counts]
    gap = one.number - other.number
    return gap, interval_of(one.drawn - other.drawn) if alike == alike_other else None


def shift_index(shift: float) -> int:
    """Return where a shift is among `SHIFTS`."""
    return int(np.abs(SHIFTS - shift).argmin())
