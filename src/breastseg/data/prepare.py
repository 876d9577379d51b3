"""prepare(): every annotated field becomes a region of a Dataset, resampled once."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pandas as pd

from breastseg.data.arrays import ARRAYS
from breastseg.data.config import DOTS_AS, WIDTH_UM
from breastseg.data.config import PrepareConfig as PrepareConfig
from breastseg.data.dataset import FORMAT, Dataset, open_dataset
from breastseg.data.fields import TYPE, check_names, known_of
from breastseg.data.prepare_region import VOTES, is_made, prepare_region, row_path
from breastseg.data.prepare_region import class_points as class_points
from breastseg.data.region_labels import CUT, INSTEAD, SKIPPED
from breastseg.data.regions_table import SCANNER
from breastseg.data.votes import SILENT, said_of_votes
from breastseg.errors import DatasetError, InputError, SourceError
from breastseg.files import Remains, fit_name, own_folder, write_json, write_text
from breastseg.geometry import check_mpp
from breastseg.json_files import JsonObject, read_json
from breastseg.labels import LabelMap, load_label_map
from breastseg.labels.types import BUILT_IN as TYPE_MAPS
from breastseg.labels.types import TypeMap, load_type_map
from breastseg.processor import worker_count
from breastseg.reporter import TERMINAL, Reporter
from breastseg.sources import Region, Source, open_source
from breastseg.sources.annotations import said_kinds
from breastseg.wording import counted, one_line

_REMAINS = Remains(finished=("dataset.json",), rest=(ARRAYS, "tiles_*", "regions.csv"))
_NAMED = 3
"""Regions that are named in a message."""


def prepare(
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    config: PrepareConfig = PrepareConfig(),
    *,
    reporter: Reporter = TERMINAL,
) -> Dataset:
    """Prepare annotated regions for training and evaluation; goes on where an interrupted run
    stopped.

    Args:
        sources: one or more folders of annotated images, recognised by looking.
        out: folder of the data set; must be empty or hold the same work.
        config: resolution, labels and workers.
        reporter: who hears of it.

    Raises:
        BreastsegError: see the message; regions finished before it are kept and not made again.
    """
    _check_config(config)
    paths = [sources] if isinstance(sources, (str, Path)) else sources
    # All that a person may have given wrong is refused before the first image is read.
    source = open_source(*paths, mpp=config.mpp, table=config.table)
    _check_names(source)
    label_map = _label_map(source, config)
    _check_fields(source, label_map)
    types, type_of = _types(source, config)
    more_notes = [*_parted_words(source, label_map), *_types_left_out(source, types)]
    out = Path(out)
    settings = _settings(source, label_map, config, types)
    with own_folder(out, "prepare", settings, remains=_REMAINS):
        reporter.message(source.description)
        source = replace(source, notes=(*source.notes, *more_notes))
        for note in source.notes:
            reporter.message(f"  {note}")
        is_whole = (out / "dataset.json").is_file()
        if not is_whole or not all(is_made(region, out) for region in source.regions):
            # Without this file the folder is no data set until all of it is made again.
            (out / "dataset.json").unlink(missing_ok=True)
            for note in _prepare_all(source, label_map, out, config, types, type_of, reporter):
                reporter.message(f"  {note}")
        return open_dataset(out)


def _settings(
    source: Source, label_map: LabelMap, config: PrepareConfig, types: TypeMap | None
) -> JsonObject:
    """Return what tells this piece of work from another in the same folder."""
    regions = []
    for region in source.regions:
        regions.append((region.id, region.mpp, region.patient, region.site))
    settings: JsonObject = {
        "source": source.description,
        "mpp": config.to_mpp,
        "dot_radius_um": config.dot_radius_um,
        "tiles_px": config.tiles_px,
        "label_map": label_map.fingerprint(),
        **config.vote_settings,
    }
    if types:
        settings["types"] = {name: list(diagnoses) for name, diagnoses in types.types.items()}
    # A hash: a list of 30,000 regions would be most of the file.
    settings["regions"] = hashlib.sha256(repr(regions).encode()).hexdigest()[:16]
    return settings


def _check_config(config: PrepareConfig) -> None:
    """Refuse numbers that mean nothing."""
    check_mpp(config.to_mpp, "--to-mpp", "--to-mpp")
    if not 0 < config.dot_radius_um <= 100:
        raise InputError(
            f"--dot-radius {config.dot_radius_um:g}: wanted more than 0 and up to 100 um"
        )
    _check_votes(config)
    if config.tiles_px < 0 or config.workers < 0:
        raise InputError(
            f"tiles of {config.tiles_px} px, {config.workers} workers: wanted 0 or more"
        )


def _check_votes(config: PrepareConfig) -> None:
    """Refuse votes that mean nothing."""
    if config.dots_as not in DOTS_AS:
        raise InputError(f"--dots-as {config.dots_as}: wanted {', '.join(DOTS_AS)}")
    if not 0 < config.vote_width_um <= 100:
        raise InputError(
            f"--vote-width {config.vote_width_um:g}: wanted more than 0 and up to 100 um"
        )
    if config.dots_as == "discs" and config.vote_width_um != WIDTH_UM:
        raise InputError(
            f"--vote-width {config.vote_width_um:g}: dots do not vote; add --dots-as both, or leave"
            " it out"
        )


def _check_names(source: Source) -> None:
    """Refuse regions whose names no table can hold: everything afterwards is found by them."""
    for region in source.regions:
        if one_line(region.id) != region.id:
            raise SourceError(
                f"{region.image}: its name holds bytes that are not UTF-8, or control characters;"
                f" rename it and its mask, as to {fit_name(region.id)}"
            )


def _label_map(source: Source, config: PrepareConfig) -> LabelMap:
    name = config.labels or source.label_map
    if name is None:
        raise InputError(
            "no label map: this source has none of its own; give --labels NAME or FILE, or put"
            " labels.json in its folder"
        )
    return load_label_map(name)


def _check_fields(source: Source, label_map: LabelMap) -> None:
    """Refuse what cannot be known of whole fields, before anything is made."""
    fields = [region.field for region in source.regions if region.field]
    if fields:
        check_names(label_map)
    for field in fields:
        known_of(field, label_map)


def _parted_words(source: Source, label_map: LabelMap) -> list[str]:
    """Return a note on classes of other data sets that may be several classes of a label map."""
    notes = []
    # Each set of words once, in the order of the regions.
    for words in dict.fromkeys(region.words for region in source.regions):
        if words is None:
            continue
        parted = words.seen_in(label_map).parted
        if parted:
            notes.append(
                f"{words.name}: {', '.join(parted)} may be more than one class of {label_map.name},"
                " and is not annotated"
            )
    return notes


def _types(source: Source, config: PrepareConfig) -> tuple[TypeMap | None, dict[str, str]]:
    """Return the type map, and the type of each region by id ("" where none is known).

    Raises:
        LabelError: no such map, or a diagnosis that it does not name.
        SourceError: it names none of the images.
    """
    if config.types is None:
        return None, {}
    types = load_type_map(config.types)
    type_of: dict[str, str] = {}
    for region in source.regions:
        field = region.field
        type_of[region.id] = types.type_of(field.type, field.where) if field else ""
    if not any(type_of.values()):
        raise SourceError(
            f"--types {config.types}: no image has a type of it ({', '.join(types.names)}); give"
            " images a column type in fields.csv, or leave --types out"
        )
    return types, type_of


def _types_left_out(source: Source, types: TypeMap | None) -> list[str]:
    """Return a note where types are known and were not asked for."""
    known = 0
    for region in source.regions:
        if region.field and region.field.type:
            known += 1
    if types is not None or not known:
        return []
    return [
        f"types of {counted(known, 'image')} not taken: --types {' or '.join(TYPE_MAPS)}, or a"
        " map of your own, takes them"
    ]


def _prepare_all(
    source: Source,
    label_map: LabelMap,
    out: Path,
    config: PrepareConfig,
    types: TypeMap | None,
    type_of: dict[str, str],
    reporter: Reporter,
) -> list[str]:
    """Make the regions that are not made yet, then the data set; return notes on what was drawn."""
    (out / ARRAYS).mkdir(parents=True, exist_ok=True)
    todo = [region for region in source.regions if not is_made(region, out)]
    done = len(source.regions) - len(todo)

    def make(region: Region) -> None:
        prepare_region(region, label_map, out, config)

    with reporter.progress(len(source.regions), title="prepare", unit="region", done=done) as bar:
        for _ in _run(make, todo, config.workers or worker_count()):
            bar.update(1)
    rows = []
    for region in source.regions:
        rows.append(read_json(row_path(out, region.id), DatasetError, "a region's row"))
    notes = _drawn_notes(rows)
    if config.vote_rules:
        notes += said_of_votes(rows)
    table = _table(rows, source, type_of if types else None)
    write_text(out / "regions.csv", table.to_csv(index=False, lineterminator="\n"))
    info: JsonObject = {
        "format": FORMAT,
        "mpp": config.to_mpp,
        "dot_radius_um": config.dot_radius_um,
        "label_map": label_map.to_dict(),
        "source": source.description,
        "parts": list(source.parts),
        "notes": [*source.notes, *notes],
        **config.vote_settings,
    }
    if types:
        info["types"] = list(types.names)
    # Written last: it says that all else is there.
    write_json(out / "dataset.json", info)
    return notes


def _table(
    rows: list[JsonObject], source: Source, type_of: Mapping[str, str] | None
) -> pd.DataFrame:
    """Return regions.csv: the rows of all regions, without what is counted over all of them."""
    table = pd.DataFrame(rows).drop(columns=[SKIPPED, INSTEAD, CUT, VOTES, SILENT], errors="ignore")
    if type_of is not None:
        # Behind region, patient, site and annotation, with which it is read.
        table.insert(4, TYPE, [type_of[region.id] for region in source.regions])
    # Columns that only some regions have: what is missing is NaN, which turns numbers into floats.
    if "places" in table:
        table["places"] = table["places"].fillna(0).astype(int)
    if SCANNER in table:
        table[SCANNER] = table[SCANNER].fillna("")
    return table


def _run(make: Callable[[Region], None], regions: list[Region], workers: int) -> Iterator[None]:
    """Make regions in threads, at most two waiting per worker, so that an error stops the rest at
    once.

    Threads, because decoding, resampling, hashing and writing all let go of the interpreter;
    processes take a third longer, for their imports.
    """
    if workers == 1 or len(regions) <= 1:
        for region in regions:
            make(region)
            yield
        return
    running: set[Future[None]] = set()
    with ThreadPoolExecutor(min(workers, len(regions))) as pool:
        try:
            for region in regions:
                running.add(pool.submit(make, region))
                # Two a worker: one that it makes, and one that is ready when it ends.
                if len(running) >= 2 * workers:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        # Raises what the region raised.
                        yield future.result()
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _drawn_notes(rows: list[JsonObject]) -> list[str]:
    """Return notes on what was not taken, or only in part, of what people drew."""
    notes = []
    for column, words in (
        (SKIPPED, "skipped"),
        (INSTEAD, "no annotations, so taken in their place"),
    ):
        counts = Counter[str]()
        for row in rows:
            counts += Counter(row.get(column, {}))
        if counts:
            notes.append(f"{words}: {said_kinds(counts)}{_in_files(rows, column)}")
    cut = sum(row.get(CUT, 0) for row in rows)
    if cut:
        notes.append(
            f"cut at the border of their images: {counted(cut, 'area')}{_in_files(rows, CUT)}"
        )
    return notes


def _in_files(rows: list[JsonObject], column: str) -> str:
    """Return in which files it was, the first of them by name."""
    names = [row["region"] for row in rows if row.get(column)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f" (in {', '.join(names[:_NAMED])}{more})"
