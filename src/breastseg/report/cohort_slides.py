"""The slides of a folder of results: what became of each, its measures and its doubts, in columns
that stay small for ten thousand."""

import math
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from breastseg.errors import InputError
from breastseg.maps.record import MANIFEST_TABLE, RUN, RunRecord, read_run_json
from breastseg.report.distribution import Values
from breastseg.report.thumbnails import overview_of
from breastseg.tables import read_table
from breastseg.wording import one_line

_NOT_MEASURED = ("image", "mpp")
_MOST_MEASURES = 200
"""A result that claims more is not ours."""


@dataclass
class Slides:
    """What a folder holds; lists have one entry a slide, in the order of the manifest.

    Attributes:
        names: of the results, as folders in OUT; of a slide without results, of its file.
        outcomes: done, failed, missing, waits or stopped.
        causes: why it is not done.
        patients: by the table of slides, "" without.
        overviews: names of their images, "" without.
        doubts: places in `doubt_texts`.
        doubt_texts: each doubt once.
        left_out: what was in the folders and not looked at.
        models: how many slides each model, with its back end, mapped.
    """

    names: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    overviews: list[str] = field(default_factory=list)
    doubts: list[tuple[int, ...]] = field(default_factory=list)
    doubt_texts: list[str] = field(default_factory=list)
    left_out: int = 0
    models: Counter[str] = field(default_factory=Counter)
    _measures: "dict[str, array[float]]" = field(default_factory=dict)

    @property
    def measures(self) -> dict[str, Values]:
        """Return (N,) values by measure, NaN where a slide has none."""
        return {name: np.array(values, np.float64) for name, values in self._measures.items()}

    def counted(self, outcome: str) -> int:
        """Return how many slides have an outcome."""
        return self.outcomes.count(outcome)

    def by_cause(self) -> list[tuple[str, list[int]]]:
        """Return causes with the places of their slides, the most frequent first.

        A cause begins with its slide's path, which is left out here.
        """
        places: dict[str, list[int]] = defaultdict(list)
        for place, cause in enumerate(self.causes):
            if self.outcomes[place] != "done":
                places[cause or self.outcomes[place]].append(place)
        return sorted(places.items(), key=_most_first)

    def by_doubt(self) -> list[tuple[str, list[int]]]:
        """Return doubts with the places of their slides, the most frequent first."""
        places: dict[int, list[int]] = defaultdict(list)
        for place, doubts in enumerate(self.doubts):
            for doubt in doubts:
                places[doubt].append(place)
        groups = [(self.doubt_texts[doubt], slides) for doubt, slides in places.items()]
        return sorted(groups, key=_most_first)

    def add(self, name: str, outcome: str, cause: str, patient: str) -> None:
        """Add a slide without results."""
        self.names.append(name)
        self.outcomes.append(outcome)
        self.causes.append(cause)
        self.patients.append(patient)
        self.overviews.append("")
        self.doubts.append(())
        for values in self._measures.values():
            values.append(math.nan)

    def give(self, run: RunRecord, numbers: dict[str, int]) -> None:
        """Give the last slide what its run.json says.

        Args:
            run: from `_record_of`.
            numbers: of doubts by text; new ones are added.
        """
        own: dict[int, None] = {}  # in the order of run.json, each once
        for doubt in run.doubts:
            text = one_line(doubt)
            if text not in numbers:
                numbers[text] = len(numbers)
                self.doubt_texts.append(text)
            own[numbers[text]] = None
        self.doubts[-1] = tuple(own)
        self.models[f"{run.model}, {run.backend}"] += 1
        for name, value in run.measures.items():
            if name in _NOT_MEASURED or value is None or isinstance(value, str):
                continue
            if name not in self._measures:
                if len(self._measures) >= _MOST_MEASURES:
                    continue
                # The slides before this one have no value of it.
                self._measures[name] = array("d", [math.nan] * len(self.names))
            self._measures[name][-1] = value


def _most_first(group: tuple[str, list[int]]) -> int:
    return -len(group[1])


def manifest_of(out: Path) -> Path:
    """Return where a folder's manifest is; InputError where there is none."""
    manifest = out / MANIFEST_TABLE
    if not manifest.is_file():
        raise InputError(
            f"{out}: no manifest.csv, wanted a folder of breastseg predict (of shards, after"
            " breastseg gather)"
        )
    return manifest


def slides_of(out: Path) -> Slides:
    """Read a folder of results.

    Args:
        out: a folder that predict() wrote into, or gather().

    Raises:
        InputError: no manifest there, or a damaged one.
    """
    table = read_table(
        manifest_of(out),
        InputError,
        needed=("slide", "outcome"),
        known=("cause", "seconds", "result", "patient"),
        others=True,
    )
    slides, inside = Slides(), out.resolve()
    numbers: dict[str, int] = {}
    for row in table.rows:
        if row["outcome"] == "left out":
            slides.left_out += 1
            continue
        name = one_line(row["result"] or row["slide"])
        if row["outcome"] != "done":
            cause = one_line(row["cause"].removeprefix(f"{row['slide']}: "))
            slides.add(name, row["outcome"], cause, row["patient"])
            continue
        folder = out / row["result"]
        # The table may have been changed: a page must not read what lies elsewhere.
        if not row["result"] or not folder.resolve().is_relative_to(inside):
            raise InputError(f"{table.where(row)}: {name} is not in the folder; mend it")
        try:
            run = _record_of(folder)
        except InputError as error:
            cause = str(error).removeprefix(f"{folder / RUN}: ")
            slides.add(name, "missing", one_line(cause), row["patient"])
            continue
        slides.add(name, "done", "", row["patient"])
        slides.overviews[-1] = overview_of(folder)
        slides.give(run, numbers)
    return slides


def _record_of(folder: Path) -> RunRecord:
    """Return the record of a result; InputError where it has none that can be read."""
    value = read_run_json(folder)
    try:
        return RunRecord.from_dict(value)
    except ValueError as cause:
        raise InputError(
            f"{folder / RUN}: not as breastseg predict writes it ({cause}); predict again"
        ) from None
