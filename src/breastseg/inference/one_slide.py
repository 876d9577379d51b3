"""One slide of a run: opened, known again where its result is whole, else mapped."""

import shutil
from contextlib import closing
from pathlib import Path

from breastseg.errors import (
    EngineError,
)
from breastseg.files import Seen, seen
from breastseg.geometry import box_within, parse_box
from breastseg.images import Slide, open_slide
from breastseg.inference.config import PredictConfig
from breastseg.inference.estimate import check_disk, forecast
from breastseg.inference.fetched import Fetched
from breastseg.inference.inputs import Input
from breastseg.inference.map import Block, Plan, plan_map
from breastseg.inference.model import Model
from breastseg.inference.result import ResultConfig, write_result
from breastseg.maps.record import (
    RunRecord,
    box_px,
    read_run_json,
)
from breastseg.reporter import Reporter

_BAR = "{l_bar}{bar}| {n:.1f}/{total:.1f} Mpx [{elapsed}<{remaining}, {rate_fmt}]"


def opened(item: Input, config: PredictConfig) -> Slide:
    """Open an input that is a file; what speaks against it is raised."""
    if item.broken is not None:
        raise item.broken
    return open_slide(item.path, mpp=item.mpp or config.mpp)


def config_of(slide: Slide, item: Input, config: PredictConfig) -> ResultConfig:
    """Return the result's configuration with the box of this slide."""
    asked = parse_box(item.box) if item.box else config.box
    if asked is None:
        return config.result(None)
    return config.result(box_within(asked, slide.size_px, slide.mpp, str(slide.path)))


def predict_one(
    item: Input,
    model: Model,
    out: Path,
    config: PredictConfig,
    fetched: Fetched,
    reporter: Reporter,
    title: str,
) -> tuple[RunRecord, bool]:
    """Return what run.json says, and whether it was written now: a whole result of the same slide
    is kept."""
    # Of an object in a bucket, before it is fetched.
    record = fetched.kept(item)
    if record is not None:
        return record, False
    with fetched.here(item, reporter) as (local, local_reporter):
        return predict_file(local, model, out, config, local_reporter, title)


def predict_file(
    item: Input,
    model: Model,
    out: Path,
    config: PredictConfig,
    reporter: Reporter,
    title: str,
) -> tuple[RunRecord, bool]:
    """Do the same for a file on this machine."""
    folder = out / item.name
    if item.broken is not None:
        raise item.broken
    try:
        before = seen(item.path)
    except OSError:
        opened(item, config).close()  # says it in the reader's words
        raise
    with closing(opened(item, config)) as slide:
        wanted = config_of(slide, item, config)
        record = _whole(folder, slide, before, wanted)
        if record is not None:
            return record, False
        plan = plan_map(slide, model, wanted.map)

        def mapped(by: Model) -> RunRecord:
            if not slide.is_flat:
                reporter.message(foretold(slide, plan, by, out, wanted))
            with reporter.progress(plan.area_px / 1e6, title=title, unit="Mpx", form=_BAR) as bar:

                def on_event(event: object) -> None:
                    if isinstance(event, Block):
                        bar.update(event.area_px / 1e6)
                    reporter.event(event)

                bar_reporter = Reporter(reporter.message, on_event)
                return write_result(
                    slide,
                    plan,
                    by,
                    folder,
                    wanted,
                    before=before,
                    origin=item.origin,
                    reporter=bar_reporter,
                )

        try:
            return mapped(model), True
        except EngineError as fault:
            # Such faults were seen in int8 (docs/LOG.md); a second one, in fp32, is raised.
            reporter.message(f"{slide.path}: {fault}; tried once more in fp32")
            return mapped(model.in_single(str(fault))), True


def foretold(slide: Slide, plan: Plan, model: Model, out: Path, wanted: ResultConfig) -> str:
    """Return in words what will be looked at and what it will take; InputError when the disk is too
    small."""
    expected = forecast(slide, plan, model, wanted.map)
    check_disk(expected, out)
    width, height = slide.size_px
    return (
        f"{slide.path}: {width} x {height} px at {slide.mpp:.4g} um/px ({slide.mpp_source}); "
        f"{plan.area_px / 1e6:.1f} Mpx at {model.card.mpp:g} um/px to look at, {expected}"
    )


def _whole(folder: Path, slide: Slide, before: Seen, wanted: ResultConfig) -> RunRecord | None:
    """Return what run.json says of a whole result; None when there is none, or one of other pixels,
    resolution or field, or a damaged one."""
    if not folder.is_dir():
        return None
    content = read_run_json(folder)
    now = (before.fingerprint, slide.mpp, box_px(wanted.map.box))
    try:
        record = RunRecord.from_dict(content)
    except ValueError:
        record = None  # damaged, or of another version
    if record and (record.input_fingerprint, record.mpp, record.box_level0_px) == now:
        return record
    # A result of something else must not lie under this slide's name.
    shutil.rmtree(folder)
    return None
