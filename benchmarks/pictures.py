"""Large flat images: memory and time of the browser view and of `breastseg predict`. Prints a
table.

Four images of 13,300 x 13,300 px (177 Mpx) from one real region, PNG or JPEG, are opened at once
in
the browser view: thumbnail, page and a tile of each. Then one of them is mapped in a box. Target:
    the
server and all that it begins stay under 700 MB, whatever the number of PNGs.

    python benchmarks/pictures.py --region REGION.png --work /tmp/pictures
    python benchmarks/pictures.py --region REGION.png --work /tmp/pictures --suffix jpg --no-predict
"""

import argparse
import resource
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from measured import run, watched
from mosaic import REGION_MPP, Mosaic, pixels_of
from serve import Server, asked, serving

SIDE_PX, COUNT = 13_300, 4
BOX = "2000,2000,2000,2000"


def write_pictures(folder: Path, region: Path, side: int, suffix: str) -> list[Path]:
    """Write the images that are not there; each begins at another place of the region."""
    pixels, paths = pixels_of(region, REGION_MPP), []
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(COUNT):
        paths.append(folder / f"image{number}.{suffix}")
        if not paths[-1].is_file():
            mosaic = Mosaic(np.roll(pixels, 300 * number, axis=(0, 1)), side)
            options = {"compress_level": 1} if suffix == "png" else {"quality": 85}
            Image.fromarray(mosaic.whole()).save(paths[-1], **options)
    return paths


def opened_at_once(folder: Path, out: Path) -> None:
    """Open all images of a folder in the browser view, each by a client of its own."""

    def look(server: Server, entry: str) -> None:
        levels = server.json(f"/api/entries/{entry}")["levels"]
        for picture in ("thumbnail", f"tiles/{levels - 1}/20_20"):
            status, _ = asked(server.port, f"/api/entries/{entry}/{picture}.jpg")
            if status != 200:
                raise RuntimeError(f"{picture} of {entry}: {status}")

    before, start = _cpu_s(), time.perf_counter()
    with serving(folder, out) as server, watched(server.pid) as peaks:
        entries = [entry["id"] for entry in server.json("/api/gallery")["entries"]]
        with ThreadPoolExecutor(len(entries)) as pool:
            list(pool.map(lambda entry: look(server, entry), entries))
    _row(f"{len(entries)} opened at once", _cpu_s() - before, time.perf_counter() - start, *peaks)


def mapped(picture: Path, out: Path) -> None:
    """Map an image in a box."""
    shutil.rmtree(out, ignore_errors=True)
    program = Path(sys.executable).with_name("breastseg")
    command = [program, "predict", picture, "--mpp", f"{REGION_MPP}", "--box", BOX, "--out", out]
    cost = run(command, out.with_suffix(".log"))
    _row(f"predict --box {BOX}", cost.cpu_s, cost.wall_s, cost.private_mb, cost.resident_mb)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _row(name: str, *numbers: float) -> None:
    print(f"| {name} | {' | '.join(f'{number:.1f}' for number in numbers)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--region", type=Path, required=True, help=f"image of a region at {REGION_MPP} um/px"
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for images and results")
    parser.add_argument("--side", type=int, default=SIDE_PX, help="px (default %(default)s)")
    parser.add_argument("--suffix", choices=("png", "jpg"), default="png")
    parser.add_argument("--predict", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    folder = options.work / f"{options.suffix}-{options.side}"
    pictures = write_pictures(folder, options.region, options.side, options.suffix)
    print(f"{COUNT} images of {options.side} x {options.side} px, {options.suffix}, together")
    print("| what | CPU-s | wall s | peak MB private | resident |")
    print("| --- " * 5 + "|")
    opened_at_once(folder, options.work / "served")
    if options.predict:
        mapped(pictures[0], options.work / "mapped")


if __name__ == "__main__":
    main()
