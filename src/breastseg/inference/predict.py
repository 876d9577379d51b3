"""predict(): images and slides in, a folder of results each.

NAME is the input's file name without its ending; of one in a folder of a folder, FOLDER/NAME.

OUT/NAME/labels.png          an image's labels: 8-bit palette, the input's size, values are labels
OUT/NAME/labels.ome.tif      a slide's labels: pyramid at the model's um/px, values are labels,
names and colours inside
OUT/NAME/regions.geojson     the same as polygons with holes in level-0 pixels, for QuPath; or,
asked for, regions.geojson.gz
OUT/NAME/overlay.png         the input with its classes over it, and a legend; of a slide
overlay.jpg, at low resolution; the file holds a small copy of itself (EXIF)
OUT/NAME/tissue.png          the tissue mask of a slide, and of a flat image where it leaves out
glass
OUT/NAME/map.ome.zarr        when asked for: the slide, small, and its labels over it
OUT/NAME/run.json            everything needed to do it again
OUT/NAME/type.json           probabilities of types, where the model tells them better than colours
do, or when asked for
OUT/NAME/probabilities.ome.tif, uncertainty.ome.tif    when asked for
OUT/NAME/disagreement.ome.tif    how far several models, or asked for mirror images, are apart
OUT/measures.csv             areas, shares and shapes, one row an input; asked for, the same as
measures.parquet
OUT/manifest.csv             what became of each input, why, and in what time
OUT/figure.png               with `figure`: the first inputs beside their masks

With `shard`, the two tables are those of a part of the inputs (shards.py), until `gather` makes one
of all.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from breastseg.cloud.address import Address, is_address
from breastseg.cloud.fetch import Objects
from breastseg.errors import (
    BreastsegError,
    IncompleteError,
    InputError,
    MissingPackageError,
    one_of_several,
)
from breastseg.files import Remains, note_work, own_folder, written
from breastseg.inference.config import PredictConfig
from breastseg.inference.course import Course, patient_of
from breastseg.inference.fetched import Fetched, fetching
from breastseg.inference.inputs import Input, Inputs, list_inputs
from breastseg.inference.ledger import Ledger
from breastseg.inference.map import plan_map
from breastseg.inference.model import Model, mean_of
from breastseg.inference.one_slide import config_of, foretold, opened, predict_one
from breastseg.inference.outbox import place_of, sending
from breastseg.inference.result import picture_and_labels
from breastseg.inference.shards import Shard, part_of, shard_folder
from breastseg.inference.types import heard
from breastseg.maps.files.ome_zarr import check_zarr
from breastseg.maps.pictures import save_figure
from breastseg.maps.record import (
    COHORT,
    FIGURE,
    MANIFEST_TABLE,
    MEASURES_PARQUET,
    MEASURES_TABLE,
    Measures,
)
from breastseg.reporter import TERMINAL, Reporter
from breastseg.wording import counted, one_line

_REMAINS = Remains(rest=(MANIFEST_TABLE, MEASURES_TABLE, COHORT))
_ADVICE = (
    "choose another folder or remove it; where inputs alone are others, --resume goes on in"
    " this one"
)


def predict(
    inputs: str | Path | Sequence[str | Path],
    model: Model | Sequence[Model],
    out: str | Path,
    config: PredictConfig = PredictConfig(),
    *,
    resume: bool = False,
    shard: Shard | None = None,
    reporter: Reporter = TERMINAL,
    mapper: "Mapper | None" = None,
) -> list[Measures]:
    """Name the tissue in images and slides; goes on where an interrupted run stopped.

    Args:
        inputs: images, slides, folders of them (and of such folders), or tables of slides (CSV:
            path, mpp, box, patient); or addresses of objects and prefixes in buckets.
        model: from `load_model`; several map by the mean of their probabilities.
        out: folder of the results, or address of a prefix; must be empty or hold the same work.
        config: resolution, field, what is written.
        resume: go on in a folder whose inputs were others, skipping what is whole; a shard always
            does.
        shard: the part of the inputs to do; other machines do the others, in the same folder.
        reporter: who hears of it; its events are each `Block` of a map and the `Outcome` of each
            input.
        mapper: what maps the slides; None is this machine, `cluster.Spread` others.

    Returns:
        the rows of measures.csv, one an input.

    Raises:
        ImageError, MppError: the only input cannot be used.
        InputError: models without a mean, or a disagreement of one that has no flips.
        IncompleteError: some of several failed; the rest is done, and manifest.csv says what became
            of each.
    """
    model, config = _settled(model, config)
    if is_address(str(out)):
        _check_of_files(config, str(out))
        if mapper is not None:
            raise InputError(f"--out {out}: other machines map; wanted a folder that all share")
        with sending(Address.parse(str(out)), shard, reporter) as (copy, sender):
            return predict(inputs, model, copy, config, resume=resume, shard=shard, reporter=sender)
    every = _checked(inputs, config, shard)
    if mapper is not None:
        _check_shared(every)
    named = every if shard is None else part_of(every, shard)
    out = Path(out)
    settings = {**_settings_of(model), **config.settings()}
    ledger = Ledger(out, shard)
    with _own(out, settings, every, shard, resume=resume):
        course = Course(named, out, ledger, reporter)
        try:
            (mapper or _map_here)(course, model, out, config, reporter)
        finally:
            ledger.finish()
        results = course.results()
        rows: list[Measures] = []
        names = []
        area_mm2 = 0.0
        for item, result in results:
            names.append(item.name)
            rows.append(result.measures | patient_of(item))
            area_mm2 += result.analysed_mm2
        ledger.write_measures(list(zip(names, rows, strict=True)))
        if config.parquet:
            _write_parquet(rows, out / MEASURES_PARQUET)
        if config.figure:
            _figure([item for item, _ in results[: config.figure]], model, out, config)
    part = "" if shard is None else f"shard {shard}: "
    reporter.message(f"{part}{counted(len(results), 'image')}, {area_mm2:.3g} mm2: {out}")
    # Behind the tables: what is done is of use, whatever failed.
    failed = ledger.failed
    if failed:
        others = ", the others are done" if results else ""
        raise IncompleteError(
            f"{len(failed)} of {len(named.items)} failed{others}; the first: {failed[0]};"
            f" {ledger.manifest} tells of each, the same command tries again"
        )
    return rows


def _settled(model: Model | Sequence[Model], config: PredictConfig) -> tuple[Model, PredictConfig]:
    """Return what maps, and what is written; refuse at once what no map could be given."""
    if not isinstance(model, Model):
        model = mean_of(model)
    if model.members:
        if config.types:
            raise InputError(
                f"--tell-types with {len(model.members)} models: their mean tells no types; name"
                " one model, or leave --tell-types out"
            )
        return model, replace(config, disagreement=True)
    heard(model.bundle, always=config.types)
    if config.disagreement and not model.flips:
        raise InputError(
            f"--disagreement of model '{model.card.name}' alone: nobody is there to disagree; name"
            " two models, or add --flips"
        )
    return model, config


def _settings_of(model: Model) -> dict[str, object]:
    """Return what of the model decides a result, as JSON values."""
    settings: dict[str, object] = {
        "model": model.card.name,
        "model_files": model.card.files,
        "backend": model.backend,
    }
    if model.members:
        members = []
        for member in model.members:
            members.append({"name": member.card.name, "files": member.card.files})
        settings["models"] = members
    return settings


@contextmanager
def _own(
    out: Path, settings: Mapping[str, object], every: Inputs, shard: Shard | None, *, resume: bool
) -> Iterator[None]:
    """Hold the folder, or one shard of it, and claim it for this work."""
    if shard is not None:
        with shard_folder(out, shard, settings, every):
            yield
        return
    settings = {
        **settings,
        "inputs": [[item.shown, item.mpp, item.box] for item in every.items],
    }
    with own_folder(
        out,
        "predict",
        settings,
        may_differ=("inputs",) if resume else (),
        advice=_ADVICE,
        remains=_REMAINS,
    ):
        note_work(out, "predict", settings)
        yield


def foretell(
    inputs: str | Path | Sequence[str | Path],
    model: Model | Sequence[Model],
    out: str | Path,
    config: PredictConfig = PredictConfig(),
    *,
    shard: Shard | None = None,
    reporter: Reporter = TERMINAL,
) -> None:
    """Report what `predict` would look at and what it would take; write nothing.

    Raises:
        what `predict` raises before its first tile. IncompleteError: some of several cannot be
        used.
    """
    model, config = _settled(model, config)
    every = _checked(inputs, config, shard)
    named = every if shard is None else part_of(every, shard)
    several = len(every.items) > 1
    for left_out in named.left_out:
        reporter.message(str(left_out))
    failed = []
    for item in named.items:
        try:
            if item.address is not None and item.broken is None:
                size = every.objects.look(item.address).size
                reporter.message(f"{item.shown}: {size / 1e6:.1f} MB to fetch; opened then")
                continue
            with (
                one_of_several(item.shown, several=several),
                closing(opened(item, config)) as slide,
            ):
                wanted = config_of(slide, item, config)
                plan = plan_map(slide, model, wanted.map)
                reporter.message(foretold(slide, plan, model, place_of(out), wanted))
        except BreastsegError as error:
            if not several:
                raise
            failed.append(str(error))
            reporter.message(f"failed: {error}")
    if failed:
        raise IncompleteError(
            f"{len(failed)} of {len(named.items)} cannot be mapped; the first: {failed[0]}"
        )


def _checked(
    inputs: str | Path | Sequence[str | Path], config: PredictConfig, shard: Shard | None
) -> Inputs:
    """List the inputs; a single one that cannot be used is refused before anything is written."""
    if config.ome_zarr:
        check_zarr()
    if config.figure < 0:
        raise InputError(f"figure {config.figure}: wanted 0 or more")
    if shard is not None and (config.figure or config.parquet):
        raise InputError(
            f"shard {shard}: {'--figure' if config.figure else '--parquet'} is of all slides, and a"
            " shard has some; leave it out, and read measures.csv after breastseg gather"
        )
    several = [inputs] if isinstance(inputs, (str, Path)) else inputs
    named = list_inputs(several, objects=Objects())
    for item in named.items:
        if item.address is not None:
            _check_of_files(config, item.shown)
            break
    # Of several, or of a folder, one that cannot be used is a row of the manifest.
    if len(named.items) != 1 or not named.items[0].named:
        return named
    only = named.items[0]
    if only.address is not None and only.broken is None:
        named.objects.look(only.address)
    else:
        with closing(opened(only, config)) as slide:
            config_of(slide, only, config)
    return named


def _check_of_files(config: PredictConfig, shown: str) -> None:
    """Refuse what would have to open images and results again when they are away."""
    if config.figure:
        raise InputError(
            f"{shown}: --figure opens images and results at the end, which lie elsewhere then;"
            " leave it out, or name files and a folder"
        )


class Mapper(Protocol):
    """Maps the slides of a run, here or on other machines."""

    def __call__(
        self, course: Course, model: Model, out: Path, config: PredictConfig, reporter: Reporter
    ) -> None:
        """Map each slide of the course, and report to it how each ended."""


def _check_shared(every: Inputs) -> None:
    """Refuse what other machines do not see."""
    for item in every.items:
        if item.address:
            raise InputError(
                f"{item.shown}: other machines map; wanted a file on a disk that all share, or one"
                " machine for slides in buckets"
            )


def _map_here(
    course: Course, model: Model, out: Path, config: PredictConfig, reporter: Reporter
) -> None:
    """Map each slide on this machine."""
    with fetching(course.named, out, config, course.part) as fetched:
        for place in range(len(course.named.items)):
            _map_place(place, course, model, out, config, fetched, reporter)


def _map_place(
    place: int,
    course: Course,
    model: Model,
    out: Path,
    config: PredictConfig,
    fetched: Fetched,
    reporter: Reporter,
) -> None:
    items = course.named.items
    item = items[place]
    title = f"{place + 1}/{len(items)} {one_line(item.name)}"
    start = time.perf_counter()
    try:
        with one_of_several(item.shown, several=not course.alone):
            result, fresh = predict_one(item, model, out, config, fetched, reporter, title)
        # Whoever hears of it may send it away, which may fail: then the slide has failed.
        course.done(place, result, time.perf_counter() - start if fresh else None)
    except BreastsegError as error:
        course.failed(place, error, time.perf_counter() - start)
    except BaseException:
        # A kill or a fault of ours: the manifest says where the run ended.
        course.stopped(place)
        raise


def _write_parquet(rows: Sequence[Measures], path: Path) -> None:
    try:
        from pyarrow import Table, parquet
    except ImportError as cause:
        raise MissingPackageError(
            f"--parquet: {cause.name or cause} is not installed; pip install 'breastseg[parquet]'"
        ) from None
    with written(path) as unfinished:
        parquet.write_table(Table.from_pylist(rows), unfinished)


def _figure(items: Sequence[Input], model: Model, out: Path, config: PredictConfig) -> None:
    rows = []
    for item in items:
        with closing(opened(item, config)) as slide:
            picture, labels = picture_and_labels(slide, out / item.name)
        rows.append((one_line(item.path.name), picture, labels))
    save_figure(rows, model.card.label_map, out / FIGURE)
