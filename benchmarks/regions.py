"""A slide of 20,000 tumour nests -> GeoJSON for QuPath: time, size of the file, memory.

Painted straight into a raster, block by block, the same every time: a field of stroma on glass,
elliptical nests with rough borders, every tenth an inflammatory patch, every seventh with a
hole. Memory is that of a fresh process while it writes: private and resident. Targets: 20 Mpx of
raster per CPU-second; memory that does not grow with the slide.

    python benchmarks/regions.py                                        20,000 x 20,000 px at 0.5
    um/px
    python benchmarks/regions.py --side 10000 --nests 5000 --gzip
    python benchmarks/regions.py --side 10000 --nests 5000 --peer       GDAL's sieve and shapes,
    through rasterio, which is no dependency: pip install rasterio
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.geometry import Box
from breastseg.labels import BUILT_IN
from breastseg.maps.polygons import write_regions
from breastseg.maps.raster import Raster

BLOCK_PX = 2048
MIN_AREA_PX = 2000
"""500 um2 at 0.5 um/px, the default of predict."""
TUMOR, STROMA, INFLAMMATORY, OTHER = 1, 2, 3, 5


def outline(
    seed: int, centre: npt.NDArray[np.float64], radius_px: float, rough: float
) -> npt.NDArray[np.int32]:
    """Return a closed line round `centre`: an ellipse with waves of up to 24 to the round."""
    rng = np.random.default_rng([seed, 1])
    angle = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    waves = np.arange(2, 25)
    sizes, phases = rng.normal(0, rough, 23) / waves, rng.uniform(0, 2 * np.pi, 23)
    reach = radius_px * (1 + (sizes * np.sin(angle[:, None] * waves + phases)).sum(axis=1))
    flat, turn = rng.uniform(0.5, 1), rng.uniform(0, np.pi)
    x, y = reach * np.cos(angle), reach * flat * np.sin(angle)
    places = (
        np.stack(
            [x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=-1
        )
        + centre
    )
    return np.asarray(np.round(places), np.int32)


def shapes(side: int, nests: int) -> list[tuple[npt.NDArray[np.int32], int]]:
    """Return outlines and their labels, in the order in which they are painted."""
    rng = np.random.default_rng(0)
    columns = int(np.ceil(nests**0.5))
    cell = 0.9 * side / columns
    found = [(outline(0, np.array([side / 2, side / 2]), 0.7 * side, 0.02), STROMA)]
    for number in range(nests):
        row, column = divmod(number, columns)
        centre = 0.05 * side + (np.array([column, row]) + rng.uniform(0.35, 0.65, 2)) * cell
        radius = cell * rng.uniform(0.3, 0.5)
        found.append(
            (outline(number + 1, centre, radius, 0.15), INFLAMMATORY if number % 10 == 0 else TUMOR)
        )
        if number % 7 == 0:
            found.append((outline(number + 1, centre, radius / 2, 0.15), OTHER))
    return found


def paint(raster: Raster, nests: int) -> None:
    """Fill a raster, one block after the other."""
    lines = shapes(raster.size_px[0], nests)
    low, high = (
        np.array([getattr(line, end)(axis=0) for line, _ in lines]) for end in ("min", "max")
    )
    for box in raster.blocks(BLOCK_PX):
        corner, end = np.array([box.x, box.y]), np.array([box.x + box.width, box.y + box.height])
        values = np.zeros((box.height, box.width), np.uint8)
        for number in np.flatnonzero((low < end).all(axis=1) & (high >= corner).all(axis=1)):
            line, label = lines[number]
            cv2.fillPoly(values, [line - corner.astype(np.int32)], label)
        raster.write(box, values)
    raster.finish()


def memory() -> tuple[float, float]:
    """Return MB of this process: private, resident."""
    sizes = {
        line.split(":")[0]: int(line.split()[1])
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    }
    return (sizes["Private_Clean"] + sizes["Private_Dirty"]) / 1024, sizes["Rss"] / 1024


def polygonised_by_gdal(raster: Raster, path: Path) -> str:
    """Write the same areas with GDAL: sieve, then polygons along the pixels, nothing simplified,
    nothing checked."""
    from rasterio.features import shapes as polygons
    from rasterio.features import sieve

    whole = raster.read(Box(0, 0, *raster.size_px))
    sieved = sieve(whole, MIN_AREA_PX, connectivity=4)
    regions = vertices = 0
    with path.open("w", encoding="utf-8") as file:
        for geometry, _ in polygons(sieved, mask=sieved > 0, connectivity=4):
            regions += 1
            vertices += sum(map(len, geometry["coordinates"]))
            file.write(json.dumps(geometry) + "\n")
    return f"{regions} regions, {vertices} vertices"


def measure(side: int, nests: int, suffix: str, *, peer: bool) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Raster(Path(folder) / "raster", (side, side)) as raster,
    ):
        paint(raster, nests)
        samples, done = [memory()], threading.Event()

        def sample() -> None:
            while not done.wait(0.05):
                samples.append(memory())

        sampler = threading.Thread(target=sample)
        sampler.start()
        path = Path(folder) / f"regions{suffix}"
        cpu, wall = time.process_time(), time.perf_counter()
        if peer:
            report = polygonised_by_gdal(raster, path)
        else:
            report = str(
                write_regions(raster, BUILT_IN["region5"], path, mpp=0.25, scale=(2.0, 2.0))
            )
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        done.set()
        sampler.join()
        private, resident = (max(values) for values in zip(*samples, strict=True))
        area = side * side / 1e6
        print(
            f"{side} x {side} px, {area:.0f} Mpx, {nests} nests -> {suffix},"
            f" {path.stat().st_size / 1e6:.1f} MB: {report}"
        )
        print(f"{wall:.1f} s, {cpu:.1f} CPU-s, {area / cpu:.1f} Mpx per CPU-second")
        print(
            f"memory: {private:.0f} MB private, {resident:.0f} MB resident (before it began"
            f" {samples[0][0]:.0f} and {samples[0][1]:.0f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--nests", type=int, default=20_000)
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--peer", action="store_true", help="GDAL in place of ours")
    parser.add_argument(
        "--here",
        action="store_true",
        help="measure in this process (what the fresh process is told)",
    )
    options = parser.parse_args()
    if options.here:
        measure(
            options.side,
            options.nests,
            ".geojson.gz" if options.gzip else ".geojson",
            peer=options.peer,
        )
    else:
        subprocess.run([sys.executable, *sys.argv, "--here"], check=True)


if __name__ == "__main__":
    main()
