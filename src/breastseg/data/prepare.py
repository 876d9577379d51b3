"""prepare(): every annotated field becomes a region of a Dataset, resampled once."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from breastseg.data.dataset import ARRAYS, DOTS_AS, FORMAT, Dataset, open_dataset
from breastseg.data.fields import FIELDS, TYPE, Known, check_names, hash_of, known_of
from breastseg.data.places import Places, places_of, without_nots
from breastseg.data.rasterise import Dots, check_inside, draw
from breastseg.data.votes import SILENT, WIDTH_UM, rules, said_of_votes, stroma_of, vote
from breastseg.errors import DatasetError, ImageError, InputError, SourceError
from breastseg.files import (
    Remains,
    fingerprint,
    fit_name,
    own_folder,
    sha256_of,
    write_json,
    write_text,
    written,
)
from breastseg.geometry import Box, check_mpp, scaled_size
from breastseg.images import Slide, check_upright, open_slide, read_codes, resample_labels
from breastseg.json_files import JsonObject, read_json
from breastseg.labels import LabelMap, Labels, load_label_map
from breastseg.labels.types import BUILT_IN as TYPE_MAPS
from breastseg.labels.types import TypeMap, load_type_map
from breastseg.processor import worker_count
from breastseg.reporter import TERMINAL, Reporter
from breastseg.sources import Region, Source, open_source
from breastseg.sources.annotations import Drawn, read_drawn, said_kinds
from breastseg.sources.parts import within
from breastseg.wording import counted, one_line

POINTS_PER_CLASS = 1024
"""Places kept per class and region for drawing crops: enough that neighbouring crops differ, 12 KB
a class."""
_REMAINS = Remains(finished=("dataset.json",), rest=(ARRAYS, "tiles_*", "regions.csv"))
_MARGIN_PX = 128
"""What is shown of a slide around what is drawn on it, in pixels of the data set: networks look
beyond what they name."""
_MOST_PX = 100_000_000
"""Of a slide at the resolution of the data set: 300 MB for each worker."""

_SKIPPED, _INSTEAD, _CUT, _VOTES = "skipped", "instead_of_annotations", "areas_cut", "votes"
"""Kept with a region's row, and told of all of them together."""
_NAMED = 3


@dataclass(frozen=True)
class PrepareConfig:
    """What decides a prepared data set.

    Attributes:
        to_mpp: microns per pixel of all regions afterwards.
        labels: built-in label map or a JSON or YAML file; None takes the source's own.
        dot_radius_um: radius of the disc that a dot labels, microns.
        dots_as: what dots teach where nothing else is known of a field: "discs", the areas that
            they vote for ("regions"), or "both".
        vote_width_um: standard deviation of a dot's votes, microns.
        mpp: microns per pixel of the source's images, overriding what is known of it.
        table: CSV with the columns image, patient, site, mpp.
        tiles_px: also write PNG tiles of this side, for other tools; 0 writes none.
        workers: threads; each holds one region in memory. 0 takes one per core that this process
            was given.
        types: built-in type map or a JSON file, by which diagnoses of pictures become types; None
            takes none.
    """

    to_mpp: float = 0.5
    labels: str | None = None
    dot_radius_um: float = 3.0
    mpp: float | None = None
    table: str | None = None
    tiles_px: int = 0
    workers: int = 0
    dots_as: str = "discs"
    vote_width_um: float = WIDTH_UM
    types: str | None = None

    @property
    def vote_rules(self) -> dict[str, float]:
        """Return what decides votes; nothing where dots do not vote."""
        return {} if self.dots_as == "discs" else rules(self.vote_width_um)

    @property
    def vote_settings(self) -> JsonObject:
        """Return the same as it is kept with the work and the data set."""
        return {"dots_as": self.dots_as, "votes": self.vote_rules} if self.vote_rules else {}


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
    paths = [sources] if isinstance(sources, (str, Path)) else sources
    found = open_source(*paths, mpp=config.mpp, table=config.table)
    _check_names(found)
    label_map = _label_map(found, config)
    _check_fields(found, label_map)
    types, type_of = _types(found, config)
    unsaid = [*_unsaid(found, label_map), *_untaken(found, types)]
    out = Path(out)
    settings = {
        "source": found.description,
        "mpp": config.to_mpp,
        "dot_radius_um": config.dot_radius_um,
        "tiles_px": config.tiles_px,
        "label_map": label_map.fingerprint(),
        **config.vote_settings,
        **({"types": {name: list(said) for name, said in types.types.items()}} if types else {}),
        "regions": (
            hashlib.sha256(
                repr([(r.id, r.mpp, r.patient, r.site) for r in found.regions]).encode()
            ).hexdigest()[:16]
        ),
    }
    with own_folder(out, "prepare", settings, remains=_REMAINS):
        reporter.message(found.description)
        found = replace(found, notes=(*found.notes, *unsaid))
        for note in found.notes:
            reporter.message(f"  {note}")
        if not (out / "dataset.json").is_file() or not all(_is_made(r, out) for r in found.regions):
            (out / "dataset.json").unlink(missing_ok=True)
            for note in _prepare_all(found, label_map, out, config, types, type_of, reporter):
                reporter.message(f"  {note}")
        return open_dataset(out)


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


def _unsaid(source: Source, label_map: LabelMap) -> list[str]:
    """Say which classes of other data sets a label map cannot tell, before anything is made."""
    told = []
    for words in dict.fromkeys(region.words for region in source.regions if region.words):
        if parted := words.seen_in(label_map).parted:
            told.append(
                f"{words.name}: {', '.join(parted)} may be more than one class of {label_map.name},"
                " and is not annotated"
            )
    return told


def _types(source: Source, config: PrepareConfig) -> tuple[TypeMap | None, dict[str, str]]:
    """Return the type map, and the type of each region by id ("" where none is known).

    Raises:
        LabelError: no such map, or a diagnosis that it does not name.
        SourceError: it names none of the pictures.
    """
    if config.types is None:
        return None, {}
    types = load_type_map(config.types)
    of = {
        region.id: types.type_of(region.field.type, region.field.where) if region.field else ""
        for region in source.regions
    }
    if not any(of.values()):
        raise SourceError(
            f"--types {config.types}: no picture has a type of it ({', '.join(types.names)}); give"
            " pictures a column type in fields.csv, or leave --types out"
        )
    return types, of


def _untaken(source: Source, types: TypeMap | None) -> list[str]:
    """Say that types are known and were not asked for."""
    known = sum(bool(region.field and region.field.type) for region in source.regions)
    if types is not None or not known:
        return []
    return [
        f"types of {counted(known, 'picture')} not taken: --types {' or '.join(TYPE_MAPS)}, or a"
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
    """Make what is not made yet, then the data set; return what a person should know of what was
    drawn."""
    (out / ARRAYS).mkdir(parents=True, exist_ok=True)
    todo = [r for r in source.regions if not _is_made(r, out)]
    jobs = [(region, label_map, out, config) for region in todo]
    done = len(source.regions) - len(todo)
    with reporter.progress(len(source.regions), title="prepare", unit="region", done=done) as bar:
        for _ in _run(jobs, config.workers or worker_count()):
            bar.update(1)
    rows = [read_json(_row_path(out, r.id), DatasetError, "a region's row") for r in source.regions]
    told = [*_drawn_notes(rows), *(said_of_votes(rows) if config.vote_rules else [])]
    table = pd.DataFrame(rows).drop(
        columns=[_SKIPPED, _INSTEAD, _CUT, _VOTES, SILENT], errors="ignore"
    )
    if types is not None:
        table.insert(4, TYPE, [type_of[region.id] for region in source.regions])
    if "places" in table:
        table["places"] = table["places"].fillna(0).astype(int)
    write_text(out / "regions.csv", table.to_csv(index=False, lineterminator="\n"))
    write_json(
        out / "dataset.json",
        {
            "format": FORMAT,
            "mpp": config.to_mpp,
            "dot_radius_um": config.dot_radius_um,
            "label_map": label_map.to_dict(),
            "source": source.description,
            "parts": list(source.parts),
            "notes": [*source.notes, *told],
            **config.vote_settings,
            **({"types": list(types.names)} if types else {}),
        },
    )
    return told


def _run(jobs: list[Any], workers: int) -> Iterator[None]:
    """Run jobs in threads, at most two waiting per worker, so that an error stops the rest at once.

    Threads, because decoding, resampling, hashing and writing all let go of the interpreter:
        processes cost a third more, in imports.
    """
    if workers == 1 or len(jobs) <= 1:
        for job in jobs:
            _prepare_one(job)
            yield
        return
    waiting, running = iter(jobs), set()
    with ThreadPoolExecutor(min(workers, len(jobs))) as pool:
        try:
            for job in waiting:
                running.add(pool.submit(_prepare_one, job))
                if len(running) >= 2 * workers:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in finished)
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _row_path(out: Path, region: str) -> Path:
    return out / ARRAYS / f"{region}.json"


def _is_made(region: Region, out: Path) -> bool:
    """Return whether the region's row is there and its files are still those it was made of."""
    path = _row_path(out, region.id)
    if not path.is_file():
        return False
    row = read_json(path, DatasetError, "a region's row")
    if not isinstance(row, dict):
        raise DatasetError(f"{path}: not a region's row; remove it and run the same command again")
    return bool(
        row.get("image_sha256") == _hash(region)
        and row.get("labels_sha256") == _labels_hash(region)
    )


def _hash(region: Region) -> str:
    """Return the SHA-256 of a picture; of a slide that is a folder, of the names and sizes in it,
    and of one that has many regions, the fingerprint."""
    image = region.image
    return fingerprint(image) if region.box or image.is_dir() else sha256_of(image)


def _labels_hash(region: Region) -> str:
    """Return the SHA-256 of what is annotated."""
    if region.field is None:
        return sha256_of(region.labels)
    return hash_of(region.field, sha256_of(region.labels) if region.is_drawn else "")


def _prepare_one(job: tuple[Region, LabelMap, Path, PrepareConfig]) -> None:
    """Write one region's arrays, then its row, which says that they are whole."""
    region, label_map, out, config = job
    known = known_of(region.field, label_map) if region.field else None
    drawn = _drawn_of(region)
    reading = region.words.seen_in(label_map) if region.words else label_map
    notes: JsonObject = {}
    with closing(open_slide(region.image, mpp=region.mpp)) as slide:
        if drawn is not None or known is None:
            check_upright(slide, region.labels.name)
        box = Box(0, 0, *slide.size_px)
        if drawn is not None:
            notes = {
                _SKIPPED: dict(drawn.skipped),
                _INSTEAD: dict(drawn.instead),
                _CUT: check_inside(drawn, slide.size_px, str(region.labels)),
            }
        if known is not None:
            _check_size(slide, config.to_mpp)
        elif region.box is not None:
            box = region.box
        elif drawn is not None and not slide.is_flat:
            box = _around(drawn, slide, config.to_mpp, str(region.labels))
        places: Places | None = None
        if known is not None:
            labels, dots, annotation = _known(region, known, drawn, box, label_map, config)
        elif drawn is None:
            labels, dots, annotation = _painted(region, reading, slide.size_px, config)
        else:
            labels, dots, annotation, places = _drawn(region, drawn, box, reading, config)
        image = slide.read(box, mpp=config.to_mpp)
        box_of_slide = (
            {}
            if (box.width, box.height) == slide.size_px
            else {"box_level0_px": f"{box.x},{box.y},{box.width},{box.height}"}
        )
    _save(out / ARRAYS / f"{region.id}.image.npy", image)
    _save(out / ARRAYS / f"{region.id}.labels.npy", labels)
    _save(out / ARRAYS / f"{region.id}.points.npy", class_points(labels, region.id))
    _save(out / ARRAYS / f"{region.id}.dots.npy", dots)
    count_of_places = {}
    if places is not None and len(places):
        _save(out / ARRAYS / f"{region.id}.places.npy", places)
        count_of_places = {"places": len(places)}
    votes: JsonObject = {"voted_px": 0} if config.vote_rules else {}
    if config.vote_rules and annotation == "dots":
        voted = vote(
            dots,
            labels,
            image,
            mpp=config.to_mpp,
            width_um=config.vote_width_um,
            stroma=stroma_of(label_map),
        )
        votes = {"voted_px": int(np.count_nonzero(voted.labels)), _VOTES: voted.row()}
        if votes["voted_px"]:
            _save(out / ARRAYS / f"{region.id}.votes.npy", voted.labels)
    elif config.vote_rules and len(dots):
        votes[SILENT] = len(dots)
    if config.tiles_px:
        _save_tiles(image, labels, out / f"tiles_{config.tiles_px}", region.id, config.tiles_px)
    counts = np.bincount(labels.ravel(), minlength=len(label_map.classes) + 1)
    write_json(
        _row_path(out, region.id),
        {
            "region": region.id,
            "patient": region.patient,
            "site": region.site,
            "annotation": annotation,
            "width_px": image.shape[1],
            "height_px": image.shape[0],
            "source_mpp": region.mpp,
            "mpp_source": region.mpp_source,
            "source_split": region.split,
            "image_sha256": _hash(region),
            "labels_sha256": _labels_hash(region),
            **(known.columns(label_map) if known else {}),
            **{name: note for name, note in notes.items() if note},
            **box_of_slide,
            **count_of_places,
            **votes,
            "px_not_annotated": int(counts[0]),
            **{f"px_{name}": int(counts[k]) for k, name in enumerate(label_map.names, start=1)},
        },
    )


def _drawn_of(region: Region) -> Drawn | None:
    """Return what is drawn on a region, in pixels of its picture; None where it is painted."""
    if not region.is_drawn:
        return None
    drawn = _read_drawn(region.labels)
    if region.words is not None:
        drawn = drawn.without(region.words.dropped)
    if region.box is not None:
        drawn = within(drawn, region.box)
    return drawn.measured(region.mpp)


def _read_drawn(path: Path) -> Drawn:
    drawn = read_drawn(path)
    if drawn.skipped and not drawn.areas and not drawn.dots:
        raise SourceError(
            f"{path}: nothing in it can be taken (skipped: {said_kinds(drawn.skipped)}); wanted"
            " annotations of a class on plane z 0, time 0; give them classes in QuPath (an"
            " object's name is none) and export them again"
        )
    return drawn


def _drawn_notes(rows: list[JsonObject]) -> list[str]:
    """Say what was not taken, or only in part, of what people drew."""
    told = []
    for column, words in (
        (_SKIPPED, "skipped"),
        (_INSTEAD, "no annotations, so taken in their place"),
    ):
        if counts := sum((Counter(row.get(column, {})) for row in rows), Counter[str]()):
            told.append(f"{words}: {said_kinds(counts)}{_in_files(rows, column)}")
    cut = sum(row.get(_CUT, 0) for row in rows)
    if cut:
        told.append(
            f"cut at the border of their pictures: {counted(cut, 'area')}{_in_files(rows, _CUT)}"
        )
    return told


def _in_files(rows: list[JsonObject], column: str) -> str:
    names = [row["region"] for row in rows if row.get(column)]
    return (
        " (in"
        f" {', '.join(names[:_NAMED])}"
        f"{f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''})"
    )


def _around(drawn: Drawn, slide: Slide, mpp: float, where: str) -> Box:
    """Return the box of a slide in which something is drawn, with a little around it: what a data
    set takes of a slide."""
    boxes = drawn.boxes()
    if not len(boxes):
        raise SourceError(f"{where}: nothing is drawn in it; draw an area, or take the file away")
    bounds = [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]
    (width, height), margin = slide.size_px, _MARGIN_PX * mpp / slide.mpp
    left, top = max(0, math.floor(bounds[0] - margin)), max(0, math.floor(bounds[1] - margin))
    right, bottom = (
        min(width, math.ceil(bounds[2] + margin)),
        min(height, math.ceil(bounds[3] + margin)),
    )
    across, down = scaled_size((right - left, bottom - top), slide.mpp, mpp)
    if across * down > _MOST_PX:
        raise SourceError(
            f"{where}: areas are spread over {across} x {down} px at {mpp:g} um/px, wanted up to"
            f" {_MOST_PX // 10**6} Mpx of a slide; draw them nearer together, or cut the slide into"
            " fields"
        )
    return Box(left, top, right - left, bottom - top)


def _drawn(
    region: Region, drawn: Drawn, box: Box, label_map: LabelMap, config: PrepareConfig
) -> tuple[Labels, Dots, str, Places]:
    """Return the labels of a box of a picture at the data set's resolution, its dots, whether areas
    or dots alone are known of it, and its places."""
    size, whole = (
        scaled_size((box.width, box.height), region.mpp, config.to_mpp),
        (box.width, box.height),
    )
    here = drawn.seen_from(box.x, box.y) if box.x or box.y else drawn
    where = str(region.labels)
    labels, dots = draw(
        without_nots(here, label_map, where),
        label_map,
        whole,
        size,
        radius_px=config.dot_radius_um / config.to_mpp,
        where=where,
    )
    return (
        labels,
        dots,
        "dots" if drawn.dots and not drawn.areas else "areas",
        places_of(here, label_map, whole, size, where),
    )


def _known(
    region: Region,
    known: Known,
    drawn: Drawn | None,
    box: Box,
    label_map: LabelMap,
    config: PrepareConfig,
) -> tuple[Labels, Dots, str]:
    """Return the same of a picture of which something is known as a whole."""
    if drawn is not None and region.field is not None:
        if drawn.dots:
            raise SourceError(
                f"{region.labels}: has dots, and {region.field.where} tells of the whole field;"
                " keep one of the two"
            )
        labels, dots, _, _ = _drawn(region, drawn, box, label_map, config)
        known.check_drawn(labels, label_map, region.field, region.labels.name)
        return labels, dots, FIELDS
    width, height = scaled_size((box.width, box.height), region.mpp, config.to_mpp)
    return (
        np.full((height, width), known.all, np.uint8),
        np.empty((0, 3), np.int32),
        "areas" if known.all else FIELDS,
    )


def _check_size(slide: Slide, mpp: float) -> None:
    """Refuse a slide that is known as a whole and too large to be held."""
    across, down = scaled_size(slide.size_px, slide.mpp, mpp)
    if across * down > _MOST_PX:
        raise SourceError(
            f"{slide.path}: {across} x {down} px at {mpp:g} um/px, wanted up to {_MOST_PX // 10**6}"
            " Mpx of a field; cut fields from it"
        )


def _painted(
    region: Region, label_map: LabelMap, size_px: tuple[int, int], config: PrepareConfig
) -> tuple[Labels, Dots, str]:
    """Return the same of a mask of codes."""
    size, where = scaled_size(size_px, region.mpp, config.to_mpp), str(region.labels)
    codes = read_codes(region.labels)
    if codes.shape[::-1] != size_px:
        raise ImageError(
            f"{where}: {codes.shape[1]} x {codes.shape[0]} px, its image is {size_px[0]} x"
            f" {size_px[1]}; export both at the same size"
        )
    occurring = np.flatnonzero(np.bincount(codes.ravel(), minlength=256)).astype(np.uint8)
    label_map.apply(occurring, where)  # a rare unknown code must not slip through the resampling
    return label_map.apply(resample_labels(codes, size), where), np.empty((0, 3), np.int32), "areas"


def class_points(labels: Labels, seed: str) -> npt.NDArray[np.int32]:
    """Choose up to 1024 places of each class, the same for the same labels and seed.

    Returns:
        (N, 3) int32 rows of (label, y, x), by label.
    """
    rng = np.random.default_rng(list(seed.encode()))
    flat, width = labels.ravel(), labels.shape[1]
    chosen = [np.empty((0, 3), np.int32)]
    for label in range(1, int(flat.max(initial=0)) + 1):
        places = np.flatnonzero(flat == label)
        if places.size > POINTS_PER_CLASS:
            places = np.sort(rng.choice(places, POINTS_PER_CLASS, replace=False, shuffle=False))
        chosen.append(
            np.stack([np.full_like(places, label), places // width, places % width], axis=1).astype(
                np.int32
            )
        )
    return np.concatenate(chosen)


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    # np.save() lets C write and does not hear of a failure in the last 4 KB: a full disk left
    # arrays cut short.
    array = np.ascontiguousarray(array)
    with written(path) as beside, beside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.tobytes())


def _save_tiles(
    image: npt.NDArray[np.uint8], labels: Labels, folder: Path, region: str, side: int
) -> None:
    """Write whole tiles as PNG, `images/` and `masks/`, for tools that want folders; borders that
    fill no tile are left out."""
    for y, x in _tile_corners(labels.shape, side):
        for kind, array in (("images", image), ("masks", labels)):
            with written(folder / kind / f"{region}_y{y}_x{x}_{side}.png") as beside:
                Image.fromarray(np.ascontiguousarray(array[y : y + side, x : x + side])).save(
                    beside, format="PNG"
                )


def _tile_corners(shape: tuple[int, ...], side: int) -> Iterable[tuple[int, int]]:
    return (
        (y, x)
        for y in range(0, shape[0] - side + 1, side)
        for x in range(0, shape[1] - side + 1, side)
    )
