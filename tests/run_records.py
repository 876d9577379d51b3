"""A run.json of a slide that nobody mapped, for what reads many of them."""

from collections.abc import Sequence

from breastseg.labels import BUILT_IN
from breastseg.maps.polygons import RegionsReport
from breastseg.maps.record import Measures, RunRecord


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
