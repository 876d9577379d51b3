"""Results of slides that nobody mapped: a run.json, or all that `predict` leaves of labels that are
known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from breastseg.labels import BUILT_IN, LabelMap, Labels
from breastseg.maps.files.label_tiff import write_label_tiff
from breastseg.maps.measures import measure
from breastseg.maps.polygons import RegionsConfig, RegionsReport, write_regions
from breastseg.maps.raster import Raster
from breastseg.maps.record import REGIONS, SLIDE_LABELS, Measures, RunRecord


def made_up(measures: Measures, doubts: Sequence[str] = ()) -> RunRecord:
    """Return a record with these measures and doubts."""
    return RunRecord(
        input="in/slide.svs",
        input_fingerprint="0" * 64,
        size_px=(2000, 1000),
        mpp=0.5,
        mpp_source="the file",
        box_level0_px=None,
        model="m",
        model_files={},
        model_mpp=0.5,
        tile_px=512,
        halo_px=64,
        backend="onnx fp32",
        label_map=BUILT_IN["region5"],
        packages={},
        use="research use only, not for diagnosis",
        regions=RegionsReport(0, 0, {}, 0.5, 0.0),
        measures={"image": "slide", "mpp": 0.5, "analysed_mm2": 10.0, **measures},
        doubts=tuple(doubts),
    )


def painted_result(
    folder: Path,
    labels: Labels,
    label_map: LabelMap,
    *,
    slide: str,
    fingerprint: str,
    size_px: tuple[int, int],
    mpp: float,
) -> Path:
    """Write what `predict` leaves of a slide that has these labels."""
    folder.mkdir(parents=True)
    scale = size_px[0] / labels.shape[1], size_px[1] / labels.shape[0]
    with Raster(folder / "scratch", labels.shape[::-1]) as raster:
        for box in raster.blocks(256):
            raster.write(box, labels[box.y : box.y + box.height, box.x : box.x + box.width])
        raster.finish()
        map_mpp = mpp * scale[0]
        write_label_tiff(raster, label_map, folder / SLIDE_LABELS, mpp=map_mpp)
        report = write_regions(
            raster, label_map, folder / REGIONS, RegionsConfig(), mpp=mpp, scale=scale
        )
        measures = measure(raster, label_map, mpp=map_mpp)
    (folder / "scratch").unlink()
    said = replace(
        made_up({}),
        input=slide,
        input_fingerprint=fingerprint,
        size_px=size_px,
        mpp=mpp,
        model_mpp=map_mpp,
        label_map=label_map,
        regions=report,
        measures={"image": folder.name, **measures},
    )
    said.write(folder)
    return folder
