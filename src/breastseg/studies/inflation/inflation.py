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
    data, out, training = open_dataset(dataset), Path(out), config.training()
    tiles = cut_tiles(
        data,
        tile_px=config.tile_px,
        field_tiles=config.field_tiles,
        guard_um=config.guard_um,
        folds=config.folds,
    )
    folds = pd.DataFrame(
        {name: folds_of(tiles, name, config.folds, training.seed) for name in PROTOCOLS}
    )
    settings = {
        "data": data.fingerprint(),
        "config": {**asdict(config), "train": training.to_dict()},
    }
    work = {
        "data": data.fingerprint(),
        **training.to_dict(),
        **{k: v for k, v in asdict(config).items() if k != "train"},
    }
    with own_folder(out, "inflation", work, remains=_REMAINS):
        write_text(out / "tiles.csv", tiles.join(folds).to_csv(index=False, lineterminator="\n"))
        todo = _trainings(folds, out, len(data.label_map.classes), training.seed)
        any_one = next(iter(todo.values()))
        reporter.message(_size(tiles, len(todo), len(any_one.train), training))
        counts = {
            key: _count(one, data, tiles, training, reporter)
            for key, one in reporter.each(todo.items(), title="inflation", unit="run")
        }
        found = _figures(data, tiles, counts, len(any_one.train), settings)
        write_json(out / "inflation.json", found)
        write_table(out / "inflation.csv", found["rows"])
        write_text(out / "inflation.md", markdown(found))
        save_bars(found, out / "inflation.png")
    return found


def _size(tiles: pd.DataFrame, trainings: int, each: int, training: TrainConfig) -> str:
    """Return in words what lies ahead."""
    fields, patients = (
        counted(tiles["field"].nunique(), "field"),
        counted(tiles["patient"].nunique(), "patient"),
    )
    return (
        f"{counted(len(tiles), 'tile')} of {fields} of {patients}; {counted(trainings, 'training')}"
        f" with {counted(each, 'tile')} each, {counted(training.epochs, 'epoch')} of"
        f" {counted(training.crops_per_epoch, 'crop')}"
    )


def _trainings(
    folds: pd.DataFrame, out: Path, classes: int, seed: int
) -> dict[tuple[str, int, bool], _Training]:
    """List the trainings, all with as many tiles as the one that can have fewest."""
    sizes = [
        int((folds[name] != fold).sum()) for name in PROTOCOLS for fold in sorted(set(folds[name]))
    ]
    found = {}
    for zero in (False, True):
        for name in PROTOCOLS:
            for fold in sorted(set(folds[name])):
                folder = out / "runs" / f"{name.replace(' ', '-')}-{fold}-{classes + zero}"
                held_out = [str(tile) for tile in folds.index[folds[name] == fold]]
                found[name, fold, zero] = _Training(
                    folder, training_tiles(folds[name], fold, min(sizes), seed), held_out, zero
                )
    return found


def _count(
    one: _Training,
    data: Dataset,
    tiles: pd.DataFrame,
    config: TrainConfig,
    reporter: Reporter,
) -> dict[str, Counts]:
    """Train, name the held-out tiles and count their pixels, (K, K + 1) by tile; what was counted
    before is read."""
    done = one.folder / "counts.json"
    if not done.is_file():
        from breastseg.training.train import train

        reporter.message(
            f"{one.folder.name}: {len(one.train)} tiles train, {len(one.test)} are held out"
        )
        learned = _tile_data(one.folder, data, tiles.loc[one.train], zero=one.zero)
        bundle = train(learned.path, one.folder / "run", config, reporter=QUIET)
        model, label_map = load_model(bundle.path), bundle.card.label_map
        counts = {
            str(name): confusion_counts(
                labels, model.label(pixels, mpp=data.mpp), len(label_map.classes)
            )
            for name, row in tiles.loc[one.test].iterrows()
            for pixels, labels in [_tile(data, row, zero=one.zero)]
        }
        for spent in (
            "source",
            "data",
            "run/checkpoints",
        ):  # the tiles can be cut again, and the bundle holds the weights
            shutil.rmtree(one.folder / spent, ignore_errors=True)
        write_json(done, {name: matrix.tolist() for name, matrix in counts.items()})
    return read_counts(done, one.test, len(data.label_map.classes) + one.zero)


def read_counts(path: Path, tiles: Sequence[str], classes: int) -> dict[str, Counts]:
    """Read the held-out tiles' pixels of a finished training, (K, K + 1) by tile.

    Raises:
        OutputError: other tiles, or what are no counts; the message says what to remove.
    """
    found = read_json(path, OutputError, "the counts of a finished training")
    again = f"remove {path} and run the same command again"
    if not isinstance(found, dict) or found.keys() != set(tiles):
        raise OutputError(
            f"{path}: not the counts of the {len(tiles)} tiles that were held out; {again}"
        )
    counts = {}
    for name, rows in found.items():
        square = (
            isinstance(rows, list)
            and len(rows) == classes
            and all(isinstance(row, list) and len(row) == classes + 1 for row in rows)
        )
        if not square:
            raise OutputError(
                f"{path}: the counts of {name} are not {classes} rows of {classes + 1} numbers;"
                f" {again}"
            )
        try:
            counts[name] = np.array(
                [[whole_in(px, 0, 2**40, f"a count of {name}") for px in row] for row in rows],
                np.int64,
            )
        except ValueError as cause:
            raise OutputError(f"{path}: {cause}; {again}") from None
    return counts


def _tile_data(folder: Path, data: Dataset, tiles: pd.DataFrame, *, zero: bool) -> Dataset:
    """Write tiles as pictures and masks, and prepare them as a data set all of which is for
    training."""
    source = folder / "source"
    for kind in ("images", "masks"):
        (source / kind).mkdir(parents=True, exist_ok=True)
    for name, row in tiles.iterrows():
        for kind, array in zip(("images", "masks"), _tile(data, row, zero=zero), strict=True):
            Image.fromarray(array).save(source / kind / f"{name}.png", compress_level=1)
    write_json(source / "labels.json", study_labels(data.label_map, zero=zero).to_dict())
    rows = [{"image": name, "patient": row["patient"]} for name, row in tiles.iterrows()]
    write_table(source / "patients.csv", rows)
    write_table(source / "split.csv", [{"region": row["image"], "split": "train"} for row in rows])
    table, labels = str(source / "patients.csv"), str(source / "labels.json")
    config = PrepareConfig(data.mpp, labels, mpp=data.mpp, table=table, workers=1)
    prepared = prepare(source, folder / "data", config, reporter=QUIET)
    split(prepared, SplitConfig(str(source / "split.csv")))
    return prepared


def _tile(data: Dataset, row: "pd.Series[Any]", *, zero: bool) -> tuple[Pixels, Labels]:
    """Cut a tile's pixels and labels; with `zero`, label 0 is the class after the last."""
    part = np.s_[row["y"] : row["y"] + row["side"], row["x"] : row["x"] + row["side"]]
    pixels, labels = (
        np.array(array[part]) for array in (data.image(row["region"]), data.labels(row["region"]))
    )
    if zero:
        labels[labels == 0] = len(data.label_map.classes) + 1
    return pixels, labels


def study_labels(label_map: LabelMap, *, zero: bool) -> LabelMap:
    """Return the map of a data set's own labels (label k is code k), with `zero` one class more:
    what is not annotated."""
    classes = [
        LabelClass(c.name, c.color, c.qupath, (k,))
        for k, c in enumerate(label_map.classes, start=1)
    ]
    more = [LabelClass(ZERO, (180, 180, 180), "Ignore*", (len(classes) + 1,))] if zero else []
    return LabelMap(f"{label_map.name}-study", (*classes, *more))


def _figures(
    data: Dataset,
    tiles: pd.DataFrame,
    counts: dict[tuple[str, int, bool], dict[str, Counts]],
    trained: int,
    settings: JsonObject,
) -> JsonObject:
    """Return what inflation.json holds."""
    names, patients = data.label_map.names, sorted(set(tiles["patient"]))
    pooled = {
        (protocol, zero): {
            patient: _pooled(counts, protocol, zero, tiles.index[tiles["patient"] == patient])
            for patient in patients
        }
        for protocol in PROTOCOLS
        for zero in (False, True)
    }
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
        "counts": [
            {
                "protocol": protocol,
                "classes": [*names, ZERO] if zero else list(names),
                "patient": patient,
                "px": matrix.tolist(),
            }
            for (protocol, zero), by_patient in pooled.items()
            for patient, matrix in by_patient.items()
        ],
    }


def _pooled(
    counts: dict[tuple[str, int, bool], dict[str, Counts]],
    protocol: str,
    zero: bool,
    names: Sequence[Any],
) -> Counts:
    """Add up the counts of some tiles, each from the training that did not see it."""
    held_out = {
        tile: matrix
        for (name, _, with_zero), by_tile in counts.items()
        if (name, with_zero) == (protocol, zero)
        for tile, matrix in by_tile.items()
    }
    total: Counts = np.sum([held_out[str(name)] for name in names], axis=0)
    return total
