"""inflation(): one data set, one network, one budget, scored as the literature scores; how much of
a headline is protocol.

OUT/tiles.csv                who is held out when: one row a tile, its fold in each protocol
OUT/runs/PROTOCOL-FOLD-K/    a training of K classes: its run folder, and counts.json, the held-out
tiles' pixels; written last
OUT/inflation.json           every figure, with what was done
OUT/inflation.csv, .md       one row for each protocol and way to score; the same to read
OUT/inflation.png            the same as bars

All tiles are scored once in every protocol, so all rows rest on the same pixels; only who trained
with whom differs.
"""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import OutputError
from breastseg.files import Remains, own_folder, write_json, write_table, write_text
from breastseg.images import Pixels
from breastseg.inference.model import load_model
from breastseg.json_files import JsonObject, read_json, whole_in
from breastseg.labels import LabelClass, LabelMap, Labels
from breastseg.metrics import confusion_counts
from breastseg.metrics.confusion import Counts
from breastseg.reporter import QUIET, TERMINAL, Reporter
from breastseg.studies.inflation.config import InflationConfig
from breastseg.studies.inflation.scoring import SCORINGS, ZERO, patient_rows, study_rows
from breastseg.studies.inflation.show import markdown, save_bars
from breastseg.studies.inflation.tiles import HONEST, PROTOCOLS, cut_tiles, folds_of, training_tiles
from breastseg.training.config import TrainConfig
from breastseg.wording import counted

_REMAINS = Remains(
    finished=("inflation.json", "runs/*/counts.json", "runs/*/run/checkpoints/*"),
    rest=("tiles.csv", "runs"),
)


@dataclass(frozen=True)
class _Training:
    """One training: its folder, the tiles it learns from and those it is scored on, by name, and
    whether label 0 is a class."""

    folder: Path
    train: list[str]
    test: list[str]
    zero: bool


def inflation(
    dataset: str | Path,
    out: str | Path,
    config: InflationConfig = InflationConfig(),
    *,
    reporter: Reporter = TERMINAL,
) -> JsonObject:
    """Score one network by random tiles, by region and by patient, in the ways that are found; goes
    on where an interrupted run stopped.

    Args:
        dataset: folder of a prepared data set; its split is not used.
        out: folder of the results; must be empty or hold the same work.
        config: tiles, folds, and what trains.
        reporter: who hears of it.

    Returns:
        what inflation.json holds.

    Raises:
        SplitError: fewer patients than folds. DatasetError: the regions are too small for the
            tiles.
    """
    data = open_dataset(dataset)
    out = Path(out)
    training = config.training()
    tiles = cut_tiles(
        data,
        tile_px=config.tile_px,
        field_tiles=config.field_tiles,
        guard_um=config.guard_um,
        folds=config.folds,
    )
    fold_columns = {}
    for name in PROTOCOLS:
        fold_columns[name] = folds_of(tiles, name, config.folds, training.seed)
    folds = pd.DataFrame(fold_columns)
    settings = {
        "data": data.fingerprint(),
        "config": {**asdict(config), "train": training.to_dict()},
    }
    # Flat: where a folder is of other settings, the message names them as options are called.
    work = {"data": data.fingerprint(), **training.to_dict(), **asdict(config)}
    del work["train"]
    with own_folder(out, "inflation", work, remains=_REMAINS):
        write_text(out / "tiles.csv", tiles.join(folds).to_csv(index=False, lineterminator="\n"))
        trainings = _trainings(folds, out, len(data.label_map.classes), training.seed)
        tiles_each = len(next(iter(trainings.values())).train)  # the same number in all
        reporter.message(_size(tiles, len(trainings), tiles_each, training))
        counts = {}
        for key, run in reporter.each(trainings.items(), title="inflation", unit="run"):
            counts[key] = _count(run, data, tiles, training, reporter)
        result = _figures(data, tiles, counts, tiles_each, settings)
        write_json(out / "inflation.json", result)
        write_table(out / "inflation.csv", result["rows"])
        write_text(out / "inflation.md", markdown(result))
        save_bars(result, out / "inflation.png")
    return result


def _size(tiles: pd.DataFrame, trainings: int, each: int, training: TrainConfig) -> str:
    """Return in words what lies ahead."""
    fields = counted(tiles["field"].nunique(), "field")
    patients = counted(tiles["patient"].nunique(), "patient")
    return (
        f"{counted(len(tiles), 'tile')} of {fields} of {patients}; {counted(trainings, 'training')}"
        f" with {counted(each, 'tile')} each, {counted(training.epochs, 'epoch')} of"
        f" {counted(training.crops_per_epoch, 'crop')}"
    )


def _trainings(
    folds: pd.DataFrame, out: Path, classes: int, seed: int
) -> dict[tuple[str, int, bool], _Training]:
    """List the trainings, all with as many tiles as the one that can have fewest."""
    # With more tiles one protocol would win by that alone.
    fewest = len(folds)
    for name in PROTOCOLS:
        for fold in set(folds[name]):
            fewest = min(fewest, int((folds[name] != fold).sum()))
    trainings = {}
    for zero in (False, True):
        for name in PROTOCOLS:
            for fold in sorted(set(folds[name])):
                protocol = name.replace(" ", "-")
                folder = out / "runs" / f"{protocol}-{fold}-{classes + zero}"
                train = training_tiles(folds[name], fold, fewest, seed)
                is_held_out = folds[name] == fold
                held_out = [str(tile) for tile in folds.index[is_held_out]]
                trainings[name, fold, zero] = _Training(folder, train, held_out, zero)
    return trainings


def _count(
    run: _Training,
    data: Dataset,
    tiles: pd.DataFrame,
    config: TrainConfig,
    reporter: Reporter,
) -> dict[str, Counts]:
    """Train, segment the held-out tiles and count their pixels, (K, K + 1) by tile; what was
    counted before is read."""
    path = run.folder / "counts.json"
    if not path.is_file():
        from breastseg.training.train import train

        reporter.message(
            f"{run.folder.name}: {len(run.train)} tiles train, {len(run.test)} are held out"
        )
        train_tiles = tiles.loc[run.train]
        learned = _tile_data(run.folder, data, train_tiles, zero=run.zero)
        bundle = train(learned.path, run.folder / "run", config, reporter=QUIET)
        model = load_model(bundle.path)
        classes = len(bundle.card.label_map.classes)
        counts = {}
        for name, row in tiles.loc[run.test].iterrows():
            pixels, labels = _tile(data, row, zero=run.zero)
            predicted = model.label(pixels, mpp=data.mpp)
            counts[str(name)] = confusion_counts(labels, predicted, classes).tolist()
        # The tiles can be cut again, and the bundle holds the weights.
        for name in ("source", "data", "run/checkpoints"):
            shutil.rmtree(run.folder / name, ignore_errors=True)
        # Last: a training with its counts is done, and is not made again.
        write_json(path, counts)
    rows = len(data.label_map.classes) + run.zero
    return read_counts(path, run.test, rows)


def read_counts(path: Path, tiles: Sequence[str], classes: int) -> dict[str, Counts]:
    """Read the held-out tiles' pixels of a finished training, (K, K + 1) by tile.

    Raises:
        OutputError: other tiles, or what are no counts; the message says what to remove.
    """
    record = read_json(path, OutputError, "the counts of a finished training")
    again = f"remove {path} and run the same command again"
    if not isinstance(record, dict) or record.keys() != set(tiles):
        raise OutputError(
            f"{path}: not the counts of the {len(tiles)} tiles that were held out; {again}"
        )
    counts = {}
    for name, rows in record.items():
        if not _is_table(rows, classes):
            raise OutputError(
                f"{path}: the counts of {name} are not {classes} rows of {classes + 1} numbers;"
                f" {again}"
            )
        matrix = np.zeros((classes, classes + 1), np.int64)
        try:
            for place, row in enumerate(rows):
                matrix[place] = [whole_in(px, 0, 2**40, f"a count of {name}") for px in row]
        except ValueError as cause:
            raise OutputError(f"{path}: {cause}; {again}") from None
        counts[name] = matrix
    return counts


def _is_table(rows: Any, classes: int) -> bool:
    """Return whether something read from JSON is K lists of K + 1 things."""
    if not isinstance(rows, list) or len(rows) != classes:
        return False
    return all(isinstance(row, list) and len(row) == classes + 1 for row in rows)


def _tile_data(folder: Path, data: Dataset, tiles: pd.DataFrame, *, zero: bool) -> Dataset:
    """Write tiles as images and masks, and prepare them as a data set all of which is for
    training."""
    source = folder / "source"
    for kind in ("images", "masks"):
        (source / kind).mkdir(parents=True, exist_ok=True)
    patients, sides = [], []
    for name, row in tiles.iterrows():
        for kind, array in zip(("images", "masks"), _tile(data, row, zero=zero), strict=True):
            # Level 1: the files are read once and removed, so writing fast is worth more.
            path = source / kind / f"{name}.png"
            Image.fromarray(array).save(path, compress_level=1)
        patients.append({"image": name, "patient": row["patient"]})
        sides.append({"region": name, "split": "train"})
    write_json(source / "labels.json", study_labels(data.label_map, zero=zero).to_dict())
    write_table(source / "patients.csv", patients)
    write_table(source / "split.csv", sides)
    table = str(source / "patients.csv")
    labels = str(source / "labels.json")
    # At the data set's own resolution: nothing is resampled a second time.
    config = PrepareConfig(data.mpp, labels, mpp=data.mpp, table=table, workers=1)
    prepared = prepare(source, folder / "data", config, reporter=QUIET)
    split(prepared, SplitConfig(str(source / "split.csv")))
    return prepared


def _tile(data: Dataset, row: "pd.Series[Any]", *, zero: bool) -> tuple[Pixels, Labels]:
    """Cut a tile's pixels and labels; with `zero`, label 0 is the class after the last."""
    top, left, side = row["y"], row["x"], row["side"]
    part = slice(top, top + side), slice(left, left + side)
    # Copies: arrays of a data set may be mapped files, and labels are changed here.
    pixels = np.array(data.image(row["region"])[part])
    labels = np.array(data.labels(row["region"])[part])
    if zero:
        labels[labels == 0] = len(data.label_map.classes) + 1
    return pixels, labels


def study_labels(label_map: LabelMap, *, zero: bool) -> LabelMap:
    """Return the map of a data set's own labels (label k is code k), with `zero` one class more:
    what is not annotated."""
    classes = []
    for label, known in enumerate(label_map.classes, start=1):
        own = LabelClass(known.name, known.color, known.qupath, (label,))
        classes.append(own)
    if zero:
        # The class after the last, not code 0: that is never a class in a label map.
        codes = (len(classes) + 1,)
        classes.append(LabelClass(ZERO, (180, 180, 180), "Ignore*", codes))
    return LabelMap(f"{label_map.name}-study", tuple(classes))


def _figures(
    data: Dataset,
    tiles: pd.DataFrame,
    counts: dict[tuple[str, int, bool], dict[str, Counts]],
    trained: int,
    settings: JsonObject,
) -> JsonObject:
    """Return what inflation.json holds."""
    names = data.label_map.names
    patients = sorted(set(tiles["patient"]))
    pooled: dict[tuple[str, bool], dict[str, Counts]] = {}
    count_rows: list[JsonObject] = []
    for protocol, zero in product(PROTOCOLS, (False, True)):
        by_patient = {}
        for patient in patients:
            own_tiles = tiles.index[tiles["patient"] == patient]
            matrix = _pooled(counts, protocol, zero, own_tiles)
            by_patient[patient] = matrix
            count_rows.append(
                {
                    "protocol": protocol,
                    "classes": [*names, ZERO] if zero else list(names),
                    "patient": patient,
                    "px": matrix.tolist(),
                }
            )
        pooled[protocol, zero] = by_patient
    return {
        **settings,
        "mpp": data.mpp,
        "label_map": data.label_map.to_dict(),
        "class": names[0],
        "patients": patients,
        "tiles": len(tiles),
        "fields": int(tiles["field"].nunique()),
        "training_tiles": trained,
        "honest": {"protocol": HONEST, "scoring": SCORINGS[0].name},
        "rows": study_rows(pooled, names),
        "by_patient": patient_rows(pooled, names),
        "counts": count_rows,
    }


def _pooled(
    counts: dict[tuple[str, int, bool], dict[str, Counts]],
    protocol: str,
    zero: bool,
    names: Sequence[Any],
) -> Counts:
    """Add up the counts of some tiles, each from the training that did not see it."""
    held_out: dict[str, Counts] = {}
    for (name, _, with_zero), by_tile in counts.items():
        if (name, with_zero) == (protocol, zero):
            held_out.update(by_tile)  # each tile is held out once in a protocol
    matrices = [held_out[str(name)] for name in names]
    total: Counts = np.sum(matrices, axis=0)  # (K, K + 1)
    return total
