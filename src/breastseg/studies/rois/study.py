"""classify(): a published classifier of regions by folds, beside what learns nothing.

OUT/crops.npy, crops.csv     the copies of all regions, and a row for each
OUT/features/                what frozen networks make of the copies, in pieces
OUT/PROTOCOL/fold-K.json     probabilities of the copies that fold K holds out
OUT/PROTOCOL/copies.csv      a row a copy: its fold, and what each system says of it
OUT/scores.json              every figure, with weights and settings
OUT/classify.md, .png        the table, and copies to look at
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from breastseg.errors import InputError, OutputError
from breastseg.files import (
    Remains,
    own_folder,
    sha256_of,
    write_json,
    write_table,
    write_text,
    written,
)
from breastseg.json_files import number_in, read_json
from breastseg.mammography.split import read_folds
from breastseg.metrics.ranking import ranking
from breastseg.reporter import TERMINAL, Reporter
from breastseg.studies.rois.config import (
    CLASSES,
    CNN,
    FROZEN,
    HEADS,
    LAST_BLOCK,
    LOGISTIC,
    NONE,
    PAPER,
    PROTOCOLS,
    SCRATCH,
    ClassifyConfig,
)
from breastseg.studies.rois.controls import Numbers, grey_numbers, ring_numbers, size_numbers
from breastseg.studies.rois.crops import COPIES, Crops, cut_crops, digest_of
from breastseg.studies.rois.features import RANDOM_NET, Values, features_of, made_trunk, maps_of
from breastseg.studies.rois.folds import Fold, make_folds
from breastseg.studies.rois.heads import fit_head, probabilities
from breastseg.studies.rois.regions import Region, read_regions
from breastseg.studies.rois.show import SYSTEMS, markdown, save_sheet
from breastseg.studies.rois.training import Budget, train_last_block, train_scratch

CROPS, ROWS = "crops.npy", "crops.csv"
_RATES = {SCRATCH: 3e-4, LAST_BLOCK: 1e-4}
_SMALL_RATE = 2e-3
"""Of the small CNN."""
_DIGITS = 6  # of a probability in files: scores do not change by less
_REMAINS = Remains(
    finished=("*/fold-*.json", "features/*"),
    rest=(CROPS, ROWS, "scores.json", "classify.md", "classify.png", *PROTOCOLS, "features"),
)


@dataclass(frozen=True)
class _Work:
    """What all folds of a study share; `numbers` of each control, and of a frozen network."""

    config: ClassifyConfig
    out: Path
    crops: Crops
    truth: Values
    patients: Sequence[str]
    numbers: Mapping[str, Numbers]
    maps: Values | None
    fold_of_patient: Mapping[str, int] | None


def classify(
    films: str | Path,
    out: str | Path,
    config: ClassifyConfig = ClassifyConfig(),
    *,
    only: int | None = None,
    reporter: Reporter = TERMINAL,
) -> dict[str, object]:
    """Train and score a classifier by folds; goes on where an interrupted study stopped.

    Args:
        films: folder that `breastseg mammo prepare` wrote.
        out: folder of the results; must be empty or hold the same work.
        config: task, network and protocol.
        only: train and score this many folds, the first; None is all.
        reporter: who hears of it.

    Returns:
        what scores.json holds.

    Raises:
        DatasetError: no prepared films, or a class without regions.
        SplitError: fewer patients than folds, or a split table with a patient in two.
        InputError: weights that do not fit, or an option that is out of range.
    """
    films = Path(films)
    out = Path(out)
    # Before anything is cut or written: weights that do not fit are refused at once.
    _, weights = made_trunk(config.net, config.weights, config.seed)
    reporter.message(f"{config.net}, {config.strategy}: {weights}")
    regions = read_regions(
        films, config.task, off_centre=config.off_centre, seed=config.seed, reporter=reporter
    )
    fold_of_patient = None
    if config.split_table:
        patient_of = {region.film: region.patient for region in regions}
        fold_of_patient = read_folds(config.split_table, patient_of)
        config = replace(config, folds=len(set(fold_of_patient.values())))
    if only is not None and not 1 <= only <= config.folds:
        raise InputError(f"--only {only}: wanted 1 to {config.folds}, the folds")
    crops = cut_crops(films, regions, config.crop_px, config.seed)
    settings = {"crops": digest_of(crops, regions), **asdict(config)}
    if config.split_table:
        settings["split_table"] = sha256_of(Path(config.split_table))
    if Path(config.weights).is_file():
        settings["weights"] = sha256_of(Path(config.weights))
    # Files by their hashes, not by their paths: what counts is what is in them.
    files = {name: settings[name] for name in ("weights", "split_table")}
    with own_folder(out, "mammo classify", settings, remains=_REMAINS):
        work = _work(config, out, crops, regions, fold_of_patient)
        protocols = {}
        for protocol in config.protocols:
            protocols[protocol] = _protocol(work, regions, protocol, only, reporter)
        abnormal = sum(region.truth for region in regions)  # truth is 0 or 1
        scores = {
            "task": config.task,
            "classes": list(CLASSES[config.task]),
            "regions": [len(regions) - abnormal, abnormal],
            "patients": len({region.patient for region in regions}),
            "net": config.net,
            "strategy": config.strategy,
            "head": HEADS[config.head],
            "weights": weights,
            "folds_run": config.folds if only is None else only,
            "config": {**asdict(config), **files},
            "protocols": protocols,
        }
        save_sheet(crops, regions, CLASSES[config.task], out / "classify.png")
        write_text(out / "classify.md", markdown(scores))
        write_json(out / "scores.json", scores)
    return scores


def _work(
    config: ClassifyConfig,
    out: Path,
    crops: Crops,
    regions: Sequence[Region],
    fold_of_patient: Mapping[str, int] | None,
) -> _Work:
    """Compute what does not depend on a fold."""
    with written(out / CROPS) as unfinished, unfinished.open("wb") as file:
        np.save(file, crops, allow_pickle=False)
    write_table(out / ROWS, _rows(regions))
    folder = out / "features"
    # Another seed: a network from scratch must not begin with the weights of its own control.
    random_trunk, _ = made_trunk(RANDOM_NET, NONE, config.seed + 1)
    random_features = features_of(random_trunk, crops, folder, "random")
    numbers = {  # of each control, (copies, F)
        "size": size_numbers(regions),
        "grey": grey_numbers(crops),
        "ring": ring_numbers(crops),
        "random": random_features.astype(float),
    }
    maps = None
    if config.strategy != SCRATCH:
        trunk, _ = made_trunk(config.net, config.weights, config.seed)
        if config.strategy == FROZEN:
            features = features_of(trunk, crops, folder, config.net)
            numbers["model"] = features.astype(float)
        else:
            maps = maps_of(trunk, crops, folder, f"{config.net}-maps")
    # Of copies, region by region, as the crops are.
    truth: list[int] = []
    patients: list[str] = []
    for region in regions:
        truth += [region.truth] * COPIES
        patients += [region.patient] * COPIES
    return _Work(config, out, crops, np.array(truth), patients, numbers, maps, fold_of_patient)


def _rows(regions: Sequence[Region]) -> list[dict[str, object]]:
    """Return a row for each copy."""
    rows: list[dict[str, object]] = []
    for region in regions:
        for copy in range(COPIES):
            rows.append(
                {
                    "crop": len(rows),  # place in crops.npy, region by region
                    "film": region.film,
                    "finding": region.finding,
                    "patient": region.patient,
                    "source": region.source,
                    "class": region.truth,
                    "side_mm": round(region.side_mm, 1),
                    "copy": copy,
                }
            )
    return rows


def _protocol(
    work: _Work,
    regions: Sequence[Region],
    protocol: str,
    only: int | None,
    reporter: Reporter,
) -> dict[str, object]:
    """Run the folds of a protocol; return its scores."""
    config = work.config
    folds = make_folds(
        work.patients, work.truth, config.folds, protocol, config.seed, work.fold_of_patient
    )[:only]
    if protocol == PAPER:
        reporter.message(
            "LEAKY: turned copies are dealt one by one, regions and patients are on both sides"
        )
    folder = work.out / protocol
    folder.mkdir(exist_ok=True)
    by_fold: list[dict[str, Numbers]] = []
    for fold in folds:
        path = folder / f"fold-{fold.number}.json"
        if not path.is_file():
            _run(work, fold, path, protocol, reporter)
        by_fold.append(_read(path, fold))
    scored = np.concatenate([fold.test for fold in folds])  # places of copies, fold by fold
    patients = [work.patients[place] for place in scored]
    truth = work.truth[scored]
    answers = {}
    systems = {}
    for name in SYSTEMS:
        answers[name] = np.concatenate([part[name] for part in by_fold])
        systems[name] = _rounded(ranking(truth, answers[name], patients))
    _write_copies(folder / "copies.csv", _rows(regions), folds, answers)
    return {
        "leaky": protocol == PAPER,
        "copies": len(scored),
        "patients_scored": len(set(patients)),
        "systems": systems,
    }


def _write_copies(
    path: Path,
    table: Sequence[Mapping[str, object]],
    folds: Sequence[Fold],
    answers: Mapping[str, Numbers],
) -> None:
    """Write a row for each scored copy, in the order of crops.

    Args:
        path: of the table.
        table: a row of each copy.
        folds: that were run.
        answers: probabilities of each system, fold by fold.
    """
    rows: dict[int, dict[str, object]] = {}
    place = 0  # in the answers
    for fold in folds:
        for crop in fold.test.tolist():
            row = {**table[crop], "fold": fold.number}
            for name in SYSTEMS:
                probability = float(answers[name][place])
                row[name] = round(probability, 4)
            rows[crop] = row
            place += 1
    write_table(path, [rows[crop] for crop in sorted(rows)])


def _rounded(scores: Mapping[str, Any]) -> dict[str, object]:
    rounded: dict[str, object] = {}
    for name, value in scores.items():
        if isinstance(value, list):  # both ends of an interval
            rounded[name] = [round(end, 4) for end in value]
        elif value is None:  # no interval: fewer than two patients
            rounded[name] = None
        else:
            rounded[name] = round(value, 4)
    return rounded


def _run(work: _Work, fold: Fold, path: Path, protocol: str, reporter: Reporter) -> None:
    """Train the network and the controls of a fold; write what they say of its held-out copies."""
    began = time.process_time()  # of the processor: other work on the machine does not count
    truth = work.truth[fold.train]
    answers = {}
    for name, numbers in work.numbers.items():
        head = work.config.head if name == "model" else LOGISTIC
        train_numbers = numbers[fold.train]
        pipeline = fit_head(head, train_numbers, truth, work.config.seed)
        answers[name] = probabilities(pipeline, numbers[fold.test])
    if "model" not in answers:
        answers["model"] = _trained(work, fold, protocol)
    # With the held-out places, by which a later run sees that the answers are of its own fold.
    record: dict[str, object] = {"test": fold.test.tolist()}
    for name in SYSTEMS:
        record[name] = np.round(answers[name], _DIGITS).tolist()
    write_json(path, record)
    reporter.message(
        f"{protocol}, fold {fold.number} of {work.config.folds}:"
        f" {len(fold.test)} copies held out,"
        f" {time.process_time() - began:.0f} CPU-seconds"
    )


def _trained(work: _Work, fold: Fold, protocol: str) -> Numbers:
    """Train a network, or its last block; return the probability of class 1 of held-out copies."""
    config = work.config
    rate = _SMALL_RATE if config.net == CNN else _RATES[config.strategy]
    seed = (config.seed, 5, PROTOCOLS.index(protocol), fold.number)
    budget = Budget(config.steps, rate, seed, f"{protocol} {fold.number}")
    trunk, _ = made_trunk(config.net, config.weights, config.seed)
    if work.maps is None:
        return train_scratch(trunk, work.crops, work.truth, fold.train, fold.test, budget)
    return train_last_block(trunk, work.maps, work.truth, fold.train, fold.test, budget)


def _read(path: Path, fold: Fold) -> dict[str, Numbers]:
    """Read the answers of a finished fold; OutputError when they are not this fold's."""
    again = f"remove {path} and run the same command again"
    record = read_json(path, OutputError, "the answers of a finished fold")
    if not isinstance(record, dict) or record.get("test") != fold.test.tolist():
        raise OutputError(f"{path}: not the held-out copies of this fold; {again}")
    answers = {}
    for name in SYSTEMS:
        values = record.get(name)
        if not isinstance(values, list) or len(values) != len(fold.test):
            raise OutputError(f"{path}: lacks {name}; {again}")
        try:
            numbers = [number_in(value, 0, 1, name) for value in values]
            answers[name] = np.array(numbers)
        except ValueError as cause:
            raise OutputError(f"{path}: {cause}; {again}") from None
    return answers
