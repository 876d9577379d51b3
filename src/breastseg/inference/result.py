"""One image or slide -> its folder of results."""

import shutil
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from breastseg.errors import ImageError
from breastseg.files import Seen, seen, written, written_folder
from breastseg.geometry import Box
from breastseg.histology.stain_check import doubts
from breastseg.images import Pixels, Slide, read_codes, resample_labels
from breastseg.inference.inputs import folder_name
from breastseg.inference.map import CELL_PX, MapConfig, Maps, Plan, make_maps
from breastseg.inference.model import Model
from breastseg.inference.types import TYPE, cells_of, heard, pool, type_row, write_type
from breastseg.maps.files.label_tiff import read_overview, write_label_tiff, write_planes_tiff
from breastseg.maps.files.ome_zarr import write_ome_zarr
from breastseg.maps.measures import explore, measure
from breastseg.maps.measures.ends import with_ends
from breastseg.maps.pictures import save_labels, save_overlay
from breastseg.maps.polygons import RegionsConfig, RegionsReport, write_regions
from breastseg.maps.raster import Raster
from breastseg.maps.record import (
    DISAGREEMENT,
    OME_ZARR,
    PACKED_REGIONS,
    PICTURE_LABELS,
    PICTURE_OVERLAY,
    PROBABILITIES,
    REGIONS,
    SLIDE_LABELS,
    SLIDE_OVERLAY,
    TISSUE,
    UNCERTAINTY,
    MappedBy,
    Measures,
    Origin,
    RunRecord,
    box_px,
)
from breastseg.reporter import QUIET, Reporter

_COARSER_THAN = 1.5
"""Times the model's um/px from which a slide has not the detail that the model looks for."""
_OVERVIEW_PX = 2048
"""Longer side of a slide's overlay."""


@dataclass(frozen=True)
class ResultConfig:
    """What is written of a map.

    Attributes:
        map: what is mapped, and what is kept.
        regions: how regions are drawn.
        compress_regions: write regions.geojson.gz in place of regions.geojson.
        ome_zarr: write map.ome.zarr too.
        types: write type.json also where the model's head on types does no better than colours.
        explore: measure lumens, shapes of nests and sizes of nuclei too.
    """

    map: MapConfig = field(default_factory=MapConfig)
    regions: RegionsConfig = field(default_factory=RegionsConfig)
    compress_regions: bool = False
    ome_zarr: bool = False
    types: bool = False
    explore: bool = False


def write_result(
    slide: Slide,
    plan: Plan,
    model: Model,
    folder: Path,
    config: ResultConfig,
    *,
    before: Seen | None = None,
    origin: Origin | None = None,
    reporter: Reporter = QUIET,
) -> RunRecord:
    """Map a slide and write everything about it; the folder appears when it is whole.

    Args:
        slide: to be mapped.
        plan: from `plan_map` of the same slide, model and configuration.
        model: from `load_model`.
        folder: must not exist.
        config: what is written.
        before: the file as it was before it was opened; None takes what it is now.
        origin: where it came from, when it was fetched.
        reporter: who hears of it.

    Returns:
        what run.json says.

    Raises:
        ImageError: the slide is another than before.
    """
    before = before or seen(slide.path)
    with written_folder(folder) as unfinished:
        # In the result's own folder: on a disk that has room, and gone with it after a kill.
        scratch = unfinished / "scratch"
        scratch.mkdir()
        with make_maps(plan, model, config.map, scratch, on_block=reporter.event) as maps:
            mpp = _raster_mpp(slide, maps.labels.size_px)
            if slide.is_flat:
                labels, small = _write_picture(slide, maps.labels, model, unfinished, scratch)
                _tell_glass(slide, plan, reporter)
            else:
                labels = maps.labels
                small = _write_slide(slide, labels, model, unfinished, mpp)
            if plan.tissue is not None:
                _save_mask(plan.tissue, unfinished / TISSUE)
            with labels:
                regions, measures = _write_shapes(
                    slide, labels, plan, model, unfinished, config, reporter
                )
                if config.ome_zarr:
                    write_ome_zarr(slide, labels, model.card.label_map, unfinished / OME_ZARR)
            _write_scores(maps, model, unfinished, mpp)
        measures |= _write_type(slide, plan, model, unfinished, always=config.types)
        shutil.rmtree(scratch)
        # As late as can be: a slide may still be copied while it is mapped.
        _check_same(slide.path, before)
        record = _record(slide, model, config, before, regions, measures)
        warnings = (
            *slide.notes,
            *_empty(record, config),
            *doubts(small, glass_named=plan.tissue is None),
            *_coarse(slide, model),
            *_fault(model),
        )
        if origin is not None:
            record = replace(record, input=origin.input, input_version=origin.version)
        record = replace(record, doubts=warnings)
        record.write(unfinished)
    return record


def _write_type(
    slide: Slide, plan: Plan, model: Model, folder: Path, *, always: bool
) -> dict[str, float]:
    """Write type.json where the model tells types; return the columns of measures.csv."""
    types = None if model.members else heard(model.bundle, always=always)
    if types is None:
        return {}
    cells = cells_of(model.bundle, model.threads)
    pooled = pool(plan.field, cells, model.tiles, plan.wanted, plan.analysed)
    write_type(folder / TYPE, types, pooled, model.card.mpp)
    return type_row(types, pooled)


def _check_same(path: Path, before: Seen) -> None:
    """Refuse a map of a file that changed under it: nobody could tell which file it shows."""
    try:
        now = seen(path)
    except OSError as cause:
        raise ImageError(
            f"{path}: has gone while it was mapped ({cause.strerror or cause}); map it again from"
            " where it is now"
        ) from None
    if now != before:
        raise ImageError(
            f"{path}: changed while it was mapped; wait until it is copied or written to its end,"
            " and map it again"
        )


def _write_picture(
    slide: Slide, mapped: Raster, model: Model, folder: Path, scratch: Path
) -> tuple[Raster, Pixels]:
    """Write a flat image's map in its own size; return that as a raster, and the image."""
    label_map = model.card.label_map
    pixels = slide.read(mpp=slide.mpp)
    labels = resample_labels(mapped.read(Box(0, 0, *mapped.size_px)), slide.size_px)
    save_labels(labels, label_map, folder / PICTURE_LABELS)
    save_overlay(pixels, labels, label_map, folder / PICTURE_OVERLAY)
    raster = Raster(scratch / "picture", slide.size_px)
    raster.write(Box(0, 0, *slide.size_px), labels)
    raster.finish()
    return raster, pixels


def _write_slide(slide: Slide, labels: Raster, model: Model, folder: Path, mpp: float) -> Pixels:
    """Write a slide's label image and overlay; return the slide, small."""
    frame = {
        "level0_size_px": "{} {}".format(*slide.size_px),
        "level0_mpp": f"{slide.mpp:.6g}",
        "model": model.card.name,
    }
    write_label_tiff(labels, model.card.label_map, folder / SLIDE_LABELS, mpp=mpp, notes=frame)
    pixels, small = overview(slide, labels)
    save_overlay(pixels, small, model.card.label_map, folder / SLIDE_OVERLAY)
    return pixels


def overview(slide: Slide, labels: Raster) -> tuple[Pixels, npt.NDArray[np.uint8]]:
    """Return a slide at no more than 2048 px a side, and its labels in that size: (H, W, 3) and (H,
    W) uint8."""
    shrinking = max(1.0, max(slide.size_px) / _OVERVIEW_PX)
    pixels = slide.read(mpp=slide.mpp * shrinking)
    return pixels, labels.sampled((pixels.shape[1], pixels.shape[0]))


def picture_and_labels(slide: Slide, folder: Path) -> tuple[Pixels, npt.NDArray[np.uint8]]:
    """Return an input and the labels that its finished folder holds, of one size; a slide's at low
    resolution."""
    if slide.is_flat:
        return slide.read(mpp=slide.mpp), read_codes(folder / PICTURE_LABELS)
    labels = read_overview(folder / SLIDE_LABELS)
    width, height = slide.size_px
    rows, columns = labels.shape
    return slide.resampled((0, 0, width, height), (columns, rows)), labels


def _write_shapes(
    slide: Slide,
    labels: Raster,
    plan: Plan,
    model: Model,
    folder: Path,
    config: ResultConfig,
    reporter: Reporter,
) -> tuple[RegionsReport, Measures]:
    """Write the regions; return what was written, and the measures."""
    label_map = model.card.label_map
    mpp = _raster_mpp(slide, labels.size_px)
    (width, height), (own_width, own_height) = slide.size_px, labels.size_px
    scale = width / own_width, height / own_height  # polygons are in level-0 pixels
    path = folder / (PACKED_REGIONS if config.compress_regions else REGIONS)
    report = write_regions(labels, label_map, path, config.regions, mpp=slide.mpp, scale=scale)
    reporter.message(f"{slide.path}: {report}")
    tissue_mm2 = None
    if plan.tissue is not None:
        share = float(plan.tissue.mean())
        tissue_mm2 = share * np.prod(slide.size_px) * slide.mpp**2 / 1e6
    measures: Measures = {"image": folder_name(slide.path), "mpp": slide.mpp}
    measures |= measure(labels, label_map, mpp=mpp, tissue_mm2=tissue_mm2)
    measures = with_ends(measures, model.card.margins)
    if config.explore:
        measures |= explore(slide, labels, label_map, mpp=mpp)
    return report, measures


def _write_scores(maps: Maps, model: Model, folder: Path, mpp: float) -> None:
    """Write the rasters of probabilities, uncertainty and disagreement that were kept."""
    if maps.probabilities:
        notes = {"values": "probability, 255 is 1; 0 in every channel where nothing was analysed"}
        write_planes_tiff(
            maps.probabilities,
            model.card.label_map.names,
            folder / PROBABILITIES,
            mpp=mpp,
            notes=notes,
        )
    members = "the models" if model.members else "mirror images"
    divergence = f"the Jensen-Shannon divergence of {members}"
    for raster, channel, name, what in (
        (maps.uncertainty, "entropy", UNCERTAINTY, "the entropy of the probabilities"),
        (maps.disagreement, "disagreement", DISAGREEMENT, divergence),
    ):
        if raster is None:
            continue
        values = f"1 + 254 times {what}, as a share of its maximum; 0 is not analysed"
        write_planes_tiff(
            [raster], [channel], folder / name, mpp=mpp * CELL_PX, notes={"values": values}
        )


def _tell_glass(slide: Slide, plan: Plan, reporter: Reporter) -> None:
    """Report how much of a flat image is left out: whoever cut it out may have meant all of
    it."""
    if plan.tissue is None or plan.tissue.all() or not plan.tissue.any():
        return
    percent = 100 * (1 - plan.tissue.mean())
    reporter.message(
        f"{slide.path}: {percent:.3g} % is no tissue and has no label; --tissue-mask off looks at"
        " all of it"
    )


def _empty(record: RunRecord, config: ResultConfig) -> list[str]:
    """Return a warning where there was nothing to segment."""
    if record.analysed_mm2 > 0:
        return []
    return [
        f"no tissue was found{' in the box' if config.map.box else ''}: nothing was analysed;"
        " --tissue-mask off looks at glass too"
    ]


def _coarse(slide: Slide, model: Model) -> list[str]:
    """Return a warning where the slide has not the detail that the model looks for."""
    if slide.mpp <= _COARSER_THAN * model.card.mpp:
        return []
    return [
        f"{slide.mpp:.3g} um/px is coarser than the model's {model.card.mpp:g}: what it looks for"
        " cannot be seen, its map means little"
    ]


def _fault(model: Model) -> list[str]:
    return [model.stands_in] if model.stands_in else []


def _record(
    slide: Slide,
    model: Model,
    config: ResultConfig,
    before: Seen,
    regions: RegionsReport,
    measures: Measures,
) -> RunRecord:
    """Return what run.json says, without doubts."""
    card = model.card
    # Those that decide what a map looks like.
    packages = (
        "breastseg",
        "numpy",
        model.runner.package,
        "opencv-python-headless",
        "pillow",
        "shapely",
    )
    members = [MappedBy(member.card.name, member.card.files) for member in model.members]
    return RunRecord(
        input=str(slide.path),
        input_fingerprint=before.fingerprint,
        size_px=slide.size_px,
        mpp=slide.mpp,
        mpp_source=slide.mpp_source,
        box_level0_px=box_px(config.map.box),
        model=card.name,
        model_files=card.files,
        model_mpp=card.mpp,
        tile_px=card.tile_px,
        halo_px=card.halo_px,
        backend=model.backend,
        label_map=card.label_map,
        packages={name: version(name) for name in packages},
        use="research use only, not for diagnosis",
        regions=regions,
        measures=measures,
        doubts=(),
        margins=card.margins.without_names() if card.margins else None,
        models=tuple(members) or None,
    )


def _raster_mpp(slide: Slide, size_px: tuple[int, int]) -> float:
    """Return the side of a square as large as a pixel of a raster over the whole slide, in um;
    whole pixels make it differ a little."""
    width, height = slide.size_px
    own_width, own_height = size_px
    return slide.mpp * float(np.sqrt(width * height / (own_width * own_height)))


def _save_mask(mask: npt.NDArray[np.bool_], path: Path) -> None:
    with written(path) as unfinished:
        Image.fromarray(mask).save(unfinished, format="PNG")
