"""A cohort of many slides whose maps cost nothing: what the page of all of them costs.

Results are made up from a few real overviews (linked, so that they take no disk) and measures that
are drawn; every fiftieth slide failed, every tenth has a doubt.

    python benchmarks/cohort.py OVERLAY.jpg [MORE.jpg ...] --slides 10000 --work /tmp/cohort
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

from breastseg.files import write_table
from breastseg.inference.ledger import MANIFEST
from breastseg.labels import BUILT_IN
from breastseg.maps.polygons import RegionsReport
from breastseg.maps.record import Measures, RunRecord
from measured import run

CLASSES = ("tumor", "stroma", "inflammatory", "necrosis", "other")


def measures_of(rng: np.random.Generator, name: str) -> Measures:
    """Draw measures of one slide."""
    areas = rng.gamma(2.0, 20.0, len(CLASSES))
    found: Measures = {"image": name, "mpp": 0.25, "analysed_mm2": float(areas.sum())}
    for one, area in zip(CLASSES, areas, strict=True):
        found[f"{one}_mm2"] = float(area)
        found[f"{one}_percent"] = float(100 * area / areas.sum())
    found["tissue_mask_mm2"] = float(areas.sum() * 1.02)
    found["nest_count"] = int(rng.poisson(40))
    found["nest_area_max_mm2"] = float(rng.gamma(1.0, 8.0))
    found["tumor_diameter_max_mm"] = float(rng.gamma(4.0, 4.0)) if rng.random() > 0.1 else None
    return found


def record(slide: str, measures: Measures, doubts: tuple[str, ...]) -> RunRecord:
    """Return what run.json says of a slide."""
    return RunRecord(
        input=slide,
        input_fingerprint="0" * 64,
        size_px=(98_304, 81_920),
        mpp=0.25,
        mpp_source="the file",
        box_level0_px=None,
        model="breast1",
        model_files={"model.onnx": "0" * 64},
        model_mpp=0.5,
        tile_px=1024,
        halo_px=64,
        backend="openvino int8",
        label_map=BUILT_IN["region5"],
        packages={},
        use="research use only, not for diagnosis",
        regions=RegionsReport(900, 60_000, dict.fromkeys(CLASSES, 0.999), 0.5, 0.03),
        measures=measures,
        doubts=doubts,
    )


def make(out: Path, slides: int, overlays: list[Path]) -> None:
    """Write a folder of results."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(slides):
        name = f"site-{number % 25:02}/slide-{number:05}"
        slide = f"/data/slides/{name}.svs"
        row = dict.fromkeys(MANIFEST, "") | {"slide": slide, "patient": f"p{number // 2:05}"}
        if number % 50 == 49:
            cause = f"{slide}: not a slide that can be read"
            rows.append(row | {"outcome": "failed", "cause": cause})
            continue
        rows.append(row | {"outcome": "done", "result": name, "seconds": "61.2"})
        folder = out / name
        folder.mkdir(parents=True)
        os.link(overlays[number % len(overlays)], folder / "overlay.jpg")
        doubts = ("0.5 % of the slide is out of focus",) if number % 10 == 0 else ()
        record(slide, measures_of(rng, folder.name), doubts).write(folder)
    write_table(out / "manifest.csv", rows)


def main() -> None:
    """Make the folder, write the page, print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("overlays", nargs="+", type=Path)
    parser.add_argument("--slides", type=int, default=10_000)
    parser.add_argument("--work", type=Path, required=True, help="on the disk of the overlays")
    given = parser.parse_args()
    out = given.work / f"maps-{given.slides}"
    if not out.is_dir():
        make(out, given.slides, [path.resolve() for path in given.overlays])
    cost = run([sys.executable, "-m", "breastseg", "cohort", out], given.work / "log.txt")
    page = (out / "cohort.html").stat().st_size / 1e6
    print(
        f"{given.slides} slides: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} CPU-s,"
        f" {cost.private_mb:.0f} MB private, {cost.resident_mb:.0f} MB resident, page {page:.1f} MB"
    )


if __name__ == "__main__":
    main()
