"""What a machine of a cluster does: it looks whether it can do the work, and maps one slide.

Every answer is plain values: what goes wrong with a slide is returned, not raised.
"""

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from breastseg import errors
from breastseg.errors import (
    BreastsegError,
    EngineError,
    OutputError,
    ShortageError,
    explained,
    one_of_several,
)
from breastseg.inference.config import PredictConfig
from breastseg.inference.inputs import Input
from breastseg.inference.model import Model, load_model, mean_of
from breastseg.inference.one_slide import predict_file
from breastseg.maps.record import RunRecord
from breastseg.reporter import Reporter

_PATIENCE_S = 120.0  # how long a folder that another process holds is waited for
_PAUSE_S = 0.5


@dataclass(frozen=True)
class ModelAsked:
    """A model as every machine must load it.

    Attributes:
        name_or_path: of a shipped model its name, else the folder of the bundle.
        backend, precision, flips, threads: as `load_model` takes them; the precision is the one
            that the first machine chose.
        files: names and SHA-256 of its files, which must be the same everywhere.
        runner: what computes, in words, which must be too.
    """

    name_or_path: str
    backend: str
    precision: str
    flips: bool
    threads: int
    files: tuple[tuple[str, str], ...]
    runner: str


@dataclass(frozen=True)
class Work:
    """What all slides of a run have in common.

    Attributes:
        version: of breastseg.
        folder: in which relative paths begin.
        out: folder of the results.
        token: file in `out` that only a machine sees which shares the folder, and what it holds.
        models: what maps: one, or several whose mean is taken.
        config: as for `predict`.
    """

    version: str
    folder: str
    out: str
    token: tuple[str, str]
    models: tuple[ModelAsked, ...]
    config: PredictConfig


@dataclass(frozen=True)
class Mapped:
    """What became of a slide on a machine.

    Attributes:
        seconds: from beginning to end.
        lines: what a person should know.
        result: what its run.json says; None when it failed.
        fresh: whether it was mapped now.
        error: class and message of the error.
        unfit: what speaks against the machine; nothing was tried.
        stops: what will meet all slides that follow, as a full disk.
    """

    seconds: float
    lines: tuple[str, ...] = ()
    result: RunRecord | None = None
    fresh: bool = False
    error: tuple[str, str] | None = None
    unfit: str = ""
    stops: str = ""

    def raised(self) -> BreastsegError:
        """Return the error as it was raised."""
        name, message = self.error or ("BreastsegError", "")
        kind = getattr(errors, name, BreastsegError)
        return kind(message) if issubclass(kind, BreastsegError) else BreastsegError(message)


def look(work: Work, slide: str) -> str:
    """Return what speaks against doing the work on this machine; "" when nothing does.

    Args:
        work: what is to be done.
        slide: one of the slides, which the machine must see.
    """
    if unfit := _unfit(work):
        return unfit
    if not Path(slide).exists():
        return (
            f"does not see {slide}; slides must be on a disk that all machines share, under the"
            " same path"
        )
    return ""


@lru_cache(maxsize=1)
def _unfit(work: Work) -> str:
    """Return what speaks against doing the work in this process, looked at once."""
    own_version = version("breastseg")
    if work.version != own_version:
        return (
            f"has breastseg {own_version}, this machine {work.version}; install the same version on"
            " all"
        )
    # An engine starts tasks in a folder of its own, where relative paths would lead elsewhere.
    if Path(work.folder).is_dir():
        os.chdir(work.folder)
    name, wanted = work.token
    try:
        content = (Path(work.out) / name).read_text(encoding="utf-8")
    except OSError:
        content = ""
    if content != wanted:
        return (
            f"does not see the folder {work.out}; --out must be on a disk that all machines share,"
            " under the same path"
        )
    try:
        with one_of_several("cannot load the model"):
            _model(work.models)
    except (BreastsegError, OSError) as error:
        return str(error)
    return ""


@lru_cache(maxsize=1)
def _model(asked: tuple[ModelAsked, ...]) -> Model:
    """Load the model, or several, once a process.

    Raises:
        EngineError: one is not the one that was asked for.
    """
    return mean_of([_load(member) for member in asked])


def _load(asked: ModelAsked) -> Model:
    model = load_model(
        asked.name_or_path,
        backend=asked.backend,
        precision=asked.precision,
        flips=asked.flips,
        threads=asked.threads,
    )
    if tuple(model.card.files.items()) != asked.files:
        raise EngineError(
            f"has another model under {asked.name_or_path}; copy the bundle to a disk that all"
            " machines share"
        )
    # Other arithmetic (bf16, another library) gives other scores at some pixels.
    if model.runner.name != asked.runner:
        raise EngineError(
            f"computes with {model.runner.name}, this machine with {asked.runner}; use machines of"
            " one kind, or say --precision fp32"
        )
    return model


def map_slide(work: Work, item: Input) -> Mapped:
    """Map one slide; a whole result of it is kept."""
    start = time.perf_counter()
    if unfit := _unfit(work):
        return Mapped(0.0, unfit=unfit)
    lines: list[str] = []  # sent back with the answer: what a task prints, nobody reads
    reporter = Reporter(lines.append, bars=False)
    result, fresh, error, stops = None, False, None, ""
    try:
        with one_of_several(str(item.path)):
            result, fresh = _patiently(item, work, reporter)
    except BreastsegError as fault:
        error = (type(fault).__name__, str(fault))
    except OSError as fault:  # a full disk
        stops = str(explained(fault, str(item.path)))
    return Mapped(time.perf_counter() - start, tuple(lines), result, fresh, error, stops=stops)


def _patiently(item: Input, work: Work, reporter: Reporter) -> tuple[RunRecord, bool]:
    """Map a slide; wait while a process that is ending still holds its folder: that of a driver
    that was killed, or of a machine that is not heard any more."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return predict_file(
                item, _model(work.models), Path(work.out), work.config, reporter, ""
            )
        except OutputError:
            if time.monotonic() > until:
                raise
        time.sleep(_PAUSE_S)


def is_short(mapped: Mapped) -> bool:
    """Tell whether a slide failed because memory ran out."""
    return mapped.error is not None and mapped.error[0] == ShortageError.__name__
