"""Seconds, megabytes and memory of a map written as a DICOM segmentation.

    python benchmarks/dicom_out.py [--side 16384] [--segmentation binary]

A painted map of five classes (blobs of about 300 px, a third of it glass) on a slide of three
levels, of which the finest has the map's own size. One kind a run, so that the peak is its own.
"""

import argparse
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from breastseg.geometry import Box
from breastseg.labels import BUILT_IN
from breastseg.maps.dicom.made import Making
from breastseg.maps.dicom.segmentation import KINDS, write_segmentation
from breastseg.maps.dicom.source import DicomSlide, Level
from breastseg.maps.files.label_tiff import write_label_tiff
from breastseg.maps.files.label_tiles import label_tiles
from breastseg.maps.raster import Raster
from dicom_files import level_header

MAP = BUILT_IN["region5"]


def painted(folder: Path, side: int) -> None:
    """Write labels.ome.tif, a block at a time."""
    draw = np.random.default_rng(0)
    coarse = draw.normal(size=(len(MAP.classes), side // 256 + 3, side // 256 + 3))
    with Raster(folder / "scratch", (side, side)) as raster:
        for box in raster.blocks(1024):
            x, y = box.x // 256, box.y // 256
            wide = coarse[:, y : y + 6, x : x + 6].astype(np.float32)
            fields = [cv2.resize(one, None, fx=256, fy=256)[:1024, :1024] for one in wide]
            labels = (np.argmax(fields, axis=0) + 1).astype(np.uint8)
            labels[np.max(fields, axis=0) < 0.45] = 0
            raster.write(box, labels[: box.height, : box.width])
        raster.finish()
        write_label_tiff(raster, MAP, folder / "labels.ome.tif", mpp=0.5)
        glass = (raster.read(Box(0, 0, 4096, 4096)) == 0).mean()
    print(f"{side} px, {100 * glass:.0f} % glass")


def main() -> None:
    """Write one kind and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=16384)
    parser.add_argument("--segmentation", choices=KINDS, default="binary")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        painted(folder, options.side)
        levels = []
        for number, factor in enumerate((1, 4, 16)):
            side = options.side // factor
            header = level_header((side, side), 0.5 * factor, number, 512)
            levels.append(Level(header, (side, side), 0.5 * factor))
        making = Making("benchmark", "painted", datetime(2020, 1, 1, tzinfo=UTC))
        import highdicom  # noqa: F401  (not what is measured)

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start, cpu = time.perf_counter(), time.process_time()
        paths = write_segmentation(
            label_tiles(folder),
            MAP,
            DicomSlide(tuple(levels), ()),
            folder / "out",
            making,
            kind=options.segmentation,
            mpp=0.5,
        )
        seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sizes = " + ".join(f"{path.stat().st_size / 1e6:.2f}" for path in paths)
    print(f"{options.segmentation}: {seconds:.1f} s ({cpu_s:.1f} CPU-s), {sizes} MB,")
    print(f"peak memory {peak:.0f} MB, {before:.0f} MB before")


if __name__ == "__main__":
    main()
