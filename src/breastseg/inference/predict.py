"""predict(): pictures and slides in, a folder of results each.

NAME is the input's file name without its ending; of one in a folder of a folder, FOLDER/NAME.

OUT/NAME/labels.png          a picture's labels: 8-bit palette, the input's size, values are labels
OUT/NAME/labels.ome.tif      a slide's labels: pyramid at the model's um/px, values are labels,
names and colours inside
OUT/NAME/regions.geojson     the same as polygons with holes in level-0 pixels, for QuPath
OUT/NAME/overlay.png         the input with its classes over it, and a legend; of a slide
overlay.jpg, at low resolution
OUT/NAME/tissue.png          the tissue mask of a slide, and of a flat picture where it leaves out
glass
OUT/NAME/run.json            everything needed to do it again
OUT/NAME/probabilities.ome.tif, uncertainty.ome.tif    when asked for
OUT/measures.csv             areas, shares and shapes, one row an input
OUT/manifest.csv             what became of each input, why, and in what time
OUT/figure.png               with `figure`: the first inputs beside their masks
"""

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from breastseg.errors import (
    BreastsegError,
    EngineError,
    IncompleteError,
    InputError,
    MissingPackageError,
    one_of_several,
)
from breastseg.files import Remains, Seen, note_work, own_folder, seen, write_table, written
from breastseg.geometry import parse_box
from breastseg.images import Slide, open_slide
from breastseg.images.readers.flat import FlatSlide
from breastseg.inference.estimate import check_disk, forecast
from breastseg.inference.inputs import Input, Inputs, list_inputs
from breastseg.inference.map import Block, Plan, Watch, plan_map
from breastseg.inference.model import Model
from breastseg.inference.result import ResultConfig, box_list, picture_and_labels, write_result
from breastseg.json_files import read_json
from breastseg.maps.pictures import save_figure
from breastseg.tables import read_table
from breastseg.wording import counted, one_line
from breastseg.wording import say as say_line

_MANIFEST = ("slide", "outcome", "cause", "seconds", "result", "patient")


@dataclass(frozen=True)
class PredictConfig:
    """How to predict.

    Attributes:
        mpp: microns per pixel of the inputs, when they do not say or say it wrong.
        box: field of each input, "x,y,width,height" in level-0 pixels or with "um" at its end; None
            is the whole.
        figure: draw the first so many inputs beside their masks; 0 draws none.
        result: what is mapped and written; its own box is not used.
        parquet: write measures.parquet too.
    """

    mpp: float | None = None
    box: str | None = None
    figure: int = 0
    result: ResultConfig = field(default_factory=ResultConfig)
    parquet: bool = False


_REMAINS = Remains(rest=("manifest.csv", "measures.csv"))
_ADVICE = (
    "choose another folder or remove it; where inputs alone are others, --resume goes on in"
    " this one"
)


def predict(
    inputs: str | Path | Sequence[str | Path],
    model: Model,
    out: str | Path,
    config: PredictConfig = PredictConfig(),
    *,
    resume: bool = False,
    say: Callable[[str], None] = say_line,
    watch: Watch = lambda block: None,
) -> list[dict[str, Any]]:
    """Name the tissue in pictures and slides; goes on where an interrupted run stopped.

    Args:
        inputs: pictures, slides, folders of them (and of such folders), or tables of slides (CSV:
            path, mpp, box, patient).
        model: from `load_model`.
        out: folder of the results; must be empty or hold the same work.
        config: resolution, field, what is written.
        resume: go on in a folder whose inputs were others, skipping what is whole.
        say: takes one line at a time of what a person should know.
        watch: told of each block of a map as it is named; a result that is whole already has none.

    Returns:
        the rows of measures.csv, one an input.

    Raises:
        ImageError, MppError: the only input cannot be used.
        IncompleteError: some of several failed; the rest is done, and manifest.csv says what became
            of each.
    """
    named = _checked(inputs, config)
    items, out = named.items, Path(out)
    settings = {
        "model": model.card.name,
        "model_files": model.card.files,
        "backend": model.backend,
        **asdict(config),
        "inputs": [[str(item.path), item.mpp, item.box] for item in items],
    }
    for free in ("figure", "parquet"):
        del settings[free]
    with own_folder(
        out,
        "predict",
        settings,
        may_differ=("inputs",) if resume else (),
        advice=_ADVICE,
        remains=_REMAINS,
    ):
        note_work(out, "predict", settings)
        outcomes, results = _run(named, model, out, config, say, watch)
        rows = [result["measures"] | _patient(item) for item, result in results]
        write_table(out / "measures.csv", rows)
        if config.parquet:
            _write_parquet(rows, out / "measures.parquet")
        if config.figure:
            _figure([item for item, _ in results[: config.figure]], model, out, config)
    failed = [row for row in outcomes if row["outcome"] == "failed"]
    say(
        f"{counted(len(results), 'picture')}, {sum(row['analysed_mm2'] for row in rows):.3g} mm2:"
        f" {out}"
    )
    if failed:
        raise IncompleteError(
            f"{len(failed)} of {len(items)} failed{', the others are done' if results else ''}; the"
            f" first: {failed[0]['cause']}; {out / 'manifest.csv'} tells of each, the same command"
            " tries again"
        )
    return rows


def foretell(
    inputs: str | Path | Sequence[str | Path],
    model: Model,
    out: str | Path,
    config: PredictConfig = PredictConfig(),
    *,
    say: Callable[[str], None] = say_line,
) -> None:
    """Say what `predict` would look at and what it would take; write nothing.

    Raises:
        what `predict` raises before its first tile. IncompleteError: some of several cannot be
        used.
    """
    named, failed = _checked(inputs, config), []
    for left_out in named.left_out:
        say(str(left_out))
    for item in named.items:
        try:
            with (
                one_of_several(str(item.path), several=len(named.items) > 1),
                closing(_opened(item, config)) as slide,
            ):
                wanted = _box(slide, item, config)
                say(_foretold(slide, plan_map(slide, model, wanted.map), model, Path(out), wanted))
        except BreastsegError as error:
            if len(named.items) == 1:
                raise
            failed.append(str(error))
            say(f"failed: {error}")
    if failed:
        raise IncompleteError(
            f"{len(failed)} of {len(named.items)} cannot be mapped; the first: {failed[0]}"
        )


def _checked(inputs: str | Path | Sequence[str | Path], config: PredictConfig) -> Inputs:
    """List the inputs; a single one that cannot be used is told before anything is written."""
    if config.figure < 0:
        raise InputError(f"figure {config.figure}: wanted 0 or more")
    named = list_inputs([inputs] if isinstance(inputs, (str, Path)) else inputs)
    if len(named.items) == 1 and named.items[0].named:
        with closing(_opened(named.items[0], config)) as slide:
            _box(slide, named.items[0], config)
    return named


def _opened(item: Input, config: PredictConfig) -> Slide:
    if item.broken is not None:
        raise item.broken
    return open_slide(item.path, mpp=item.mpp or config.mpp)


def _box(slide: Slide, item: Input, config: PredictConfig) -> ResultConfig:
    """Return the result's configuration with the box of this slide."""
    text = item.box or config.box
    box = None if text is None else parse_box(text, slide.size_px, slide.mpp, str(slide.path))
    return replace(config.result, map=replace(config.result.map, box=box))


def _run(
    named: Inputs,
    model: Model,
    out: Path,
    config: PredictConfig,
    say: Callable[[str], None],
    watch: Watch,
) -> tuple[list[dict[str, Any]], list[tuple[Input, dict[str, Any]]]]:
    """Run each input; return the rows of the manifest, and what run.json says of those that are
    done."""
    items, before = named.items, _manifest(out)
    outcomes, results = [], []
    left_out = [
        {"slide": str(one.path), "outcome": "left out", "cause": one.cause}
        for one in named.left_out
    ]
    for one in named.left_out:
        say(str(one))
    for number, item in enumerate(items, start=1):
        start = time.perf_counter()
        row = {"slide": str(item.path), "outcome": "stopped", "patient": item.patient or ""}
        try:
            title = f"{number}/{len(items)} {one_line(item.name)}"
            with one_of_several(str(item.path), several=len(items) > 1):
                result, fresh = _predict_one(item, model, out, config, say, watch, title)
            for doubt in result["doubts"]:
                say(f"warning: {item.path}: {doubt}")
            results.append((item, result))
            seconds = (
                f"{time.perf_counter() - start:.1f}" if fresh else before.get(_as_written(item), "")
            )
            row |= {"outcome": "done", "result": item.name, "seconds": seconds}
        except BreastsegError as error:
            row |= {
                "outcome": "failed",
                "cause": str(error),
                "seconds": f"{time.perf_counter() - start:.1f}",
            }
            if len(items) == 1:
                raise
            say(f"failed: {error}")
        finally:
            outcomes.append(row)
            waiting = [{"slide": str(later.path), "outcome": "waits"} for later in items[number:]]
            _write_manifest([*outcomes, *waiting, *left_out], out)
    return outcomes, results


def _predict_one(
    item: Input,
    model: Model,
    out: Path,
    config: PredictConfig,
    say: Callable[[str], None],
    watch: Watch,
    title: str,
) -> tuple[dict[str, Any], bool]:
    """Return what run.json says, and whether it was written now: a whole result of the same slide
    is kept."""
    folder = out / item.name
    if item.broken is not None:
        raise item.broken
    try:
        before = seen(item.path)
    except OSError:
        _opened(item, config).close()  # says it in the reader's words
        raise
    with closing(_opened(item, config)) as slide:
        wanted = _box(slide, item, config)
        found = _whole(folder, slide, before, wanted)
        if found is not None:
            return found, False
        plan = plan_map(slide, model, wanted.map)

        def mapped(by: Model) -> dict[str, Any]:
            if not isinstance(slide, FlatSlide):
                say(_foretold(slide, plan, by, out, wanted))
            with tqdm(
                total=plan.area_px / 1e6, unit="Mpx", desc=title, disable=None, leave=False,
                bar_format="{l_bar}{bar}| {n:.1f}/{total:.1f} Mpx [{elapsed}<{remaining}, "
                           "{rate_fmt}]",
            ) as bar:  # fmt: skip

                def watched(block: Block) -> None:
                    bar.update(block.area_px / 1e6)
                    watch(block)

                return write_result(
                    slide, plan, by, folder, wanted, before=before, watch=watched, say=say
                )

        try:
            return mapped(model), True
        except EngineError as fault:
            say(f"{slide.path}: {fault}; tried once more in fp32")
            return mapped(model.in_single(str(fault))), True


def _foretold(slide: Slide, plan: Plan, model: Model, out: Path, wanted: ResultConfig) -> str:
    """Say what will be looked at and what it will take; InputError when the disk is too small."""
    expected = forecast(
        slide, plan, model, keeps_scores=wanted.map.probabilities or wanted.map.uncertainty
    )
    check_disk(expected, out)
    width, height = slide.size_px
    return (
        f"{slide.path}: {width} x {height} px at {slide.mpp:.4g} um/px ({slide.mpp_source}); "
        f"{plan.area_px / 1e6:.1f} Mpx at {model.card.mpp:g} um/px to look at, {expected}"
    )


def _whole(folder: Path, slide: Slide, before: Seen, wanted: ResultConfig) -> dict[str, Any] | None:
    """Return what run.json says of a whole result; None when there is none, or one of other pixels,
    resolution or field."""
    if not folder.is_dir():
        return None
    found: dict[str, Any] = read_json(folder / "run.json", InputError, "a result's run.json")
    now = {
        "input_fingerprint": before.fingerprint,
        "mpp": slide.mpp,
        "box_level0_px": box_list(wanted.map.box),
    }
    if (
        isinstance(found, dict)
        and all(found.get(key) == value for key, value in now.items())
        and _is_told(found)
    ):
        return found
    shutil.rmtree(folder)
    return None


def _is_told(found: dict[str, Any]) -> bool:
    """Tell whether a run.json holds what is read of it here, as `write_result` writes it; a damaged
    one is no whole result."""
    measures, doubts = found.get("measures"), found.get("doubts")
    if not isinstance(measures, dict) or not isinstance(doubts, list):
        return False
    numbers = [value for name, value in measures.items() if name != "image"]
    fit = all(
        value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
        for value in numbers
    )
    return (
        fit
        and isinstance(measures.get("analysed_mm2"), (int, float))
        and all(isinstance(doubt, str) for doubt in doubts)
    )


def _patient(item: Input) -> dict[str, str]:
    return {} if item.patient is None else {"patient": item.patient}


def _manifest(out: Path) -> dict[str, str]:
    """Return the seconds of each slide by an earlier run."""
    path = out / "manifest.csv"
    if not path.is_file():
        return {}
    try:
        table = read_table(path, InputError, needed=("slide", "seconds"), others=True)
    except (
        InputError
    ):  # it is written anew, and a damaged one stops no run: what it knew is left blank
        return {}
    return {row["slide"]: row["seconds"] for row in table.rows}


def _as_written(item: Input) -> str:
    """Return an input's path as the manifest has it: bytes that are no UTF-8 are escapes there."""
    return str(item.path).encode(errors="backslashreplace").decode()


def _write_manifest(rows: Sequence[dict[str, Any]], out: Path) -> None:
    write_table(out / "manifest.csv", [dict.fromkeys(_MANIFEST, "") | row for row in rows])


def _write_parquet(rows: Sequence[dict[str, Any]], path: Path) -> None:
    try:
        from pyarrow import Table, parquet
    except ImportError as cause:
        raise MissingPackageError(
            f"--parquet: {cause.name or cause} is not installed; pip install 'breastseg[parquet]'"
        ) from None
    with written(path) as beside:
        parquet.write_table(Table.from_pylist(rows), beside)


def _figure(items: Sequence[Input], model: Model, out: Path, config: PredictConfig) -> None:
    rows = []
    for item in items:
        with closing(_opened(item, config)) as slide:
            rows.append((one_line(item.path.name), *picture_and_labels(slide, out / item.name)))
    save_figure(rows, model.card.label_map, out / "figure.png")
