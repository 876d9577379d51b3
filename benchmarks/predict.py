"""The whole way from a PNG to a label map: the shipped model against the report's network in eager
PyTorch, at the same um/px.

ours    decode, resample to the model's um/px, tiles with halo, labels back to the image's size,
palette PNG; OpenVINO
theirs  the same way and the same tiles with U-Net ResNet34 (random weights) in PyTorch, fp32, as
the report runs it

Runs alternate; CPU time is the median of the repeats after one that is not counted. Memory and
start are those of a fresh process.
Targets: 15 times less CPU time, 4 Mpx (at the model's um/px) per CPU-second, import to first map of
    512 px in 3 s.

    python benchmarks/predict.py REGION.png --mpp 0.3024 --model lite0
    python benchmarks/predict.py REGION.png --mpp 0.3024 --model models/mine --record    (also into
    the model's card)
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import CARD, load_bundle
from breastseg.files import write_json
from breastseg.geometry import scaled_size
from breastseg.images import open_slide
from breastseg.inference.model import Model
from breastseg.maps.pictures import save_labels
from breastseg.runners import load_runner
from breastseg.runners.runner import likeliest

FRESH = """
import os, resource, sys, time
start, wall = sum(os.times()[:4]), time.perf_counter()
from breastseg.inference.model import load_model
from breastseg.images import open_slide
model = load_model(sys.argv[1])
slide = open_slide(sys.argv[2], mpp=float(sys.argv[3]))
model.label(slide.read(mpp=slide.mpp), mpp=slide.mpp)
spent = time.perf_counter() - wall
model.runner.close()
# ru_maxrss would be the parent's
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
network = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(spent, sum(os.times()[:4]) - start, (int(peak.split()[1]) + network) / 1000)
"""


class Eager:
    """The report's network as a runner."""

    name, package = "torch eager", "torch"

    def __init__(self, classes: int) -> None:
        import torch

        from breastseg.networks.build import NetworkConfig, build

        self.torch, self.network = torch, build(NetworkConfig("unet", "resnet34", classes)).eval()

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with self.torch.inference_mode():
            pictures = self.torch.from_numpy(np.ascontiguousarray(tiles.transpose(0, 3, 1, 2)))
            return self.torch.softmax(self.network(pictures), dim=1).numpy()

    def labels(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return likeliest(self.probabilities(tiles))

    def release(self) -> None:
        pass


def whole_path(model: Model, picture: Path, mpp: float) -> Callable[[], None]:
    def run() -> None:
        slide = open_slide(picture, mpp=mpp)
        labels = model.label(slide.read(mpp=mpp), mpp=mpp)
        with tempfile.TemporaryDirectory() as folder:
            save_labels(labels, model.card.label_map, Path(folder) / "labels.png")

    return run


def cpu_and_wall(run: Callable[[], None]) -> tuple[float, float]:
    start, wall = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - start, time.perf_counter() - wall


def fresh(model: str, picture: Path, mpp: float) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and MB of a process of its own, from import to the map."""
    done = subprocess.run(
        [sys.executable, "-c", FRESH, model, str(picture), str(mpp)],
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu, megabytes = map(float, done.stdout.split())
    return wall, cpu, megabytes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", type=Path)
    parser.add_argument("--mpp", type=float, required=True)
    parser.add_argument("--model", default="lite0")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    ours = Model(bundle, load_runner(bundle))  # in this process, whose CPU time is measured
    theirs = replace(ours, runner=Eager(len(ours.card.label_map.classes)))
    slide = open_slide(options.picture, mpp=options.mpp)
    width, height = scaled_size(slide.size_px, options.mpp, ours.card.mpp)
    area = width * height / 1e6
    runs = {
        name: whole_path(model, options.picture, options.mpp)
        for name, model in (("ours", ours), ("theirs", theirs))
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(options.repeats + 1):
        for name, run in runs.items():
            times[name].append(cpu_and_wall(run))
    cpu, wall = (
        {name: statistics.median(t[k] for t in found[1:]) for name, found in times.items()}
        for k in (0, 1)
    )
    print(
        f"{options.picture.name}: {width} x {height} px at {ours.card.mpp:g} um/px, {area:.2f} Mpx;"
        f" {ours.backend}"
    )
    for name in runs:
        print(
            f"{name:6}  {cpu[name]:.2f} CPU-s, {wall[name]:.2f} s, {area / cpu[name]:.2f} Mpx per"
            " CPU-second"
        )
    print(f"{cpu['theirs'] / cpu['ours']:.1f} times less CPU time")
    with tempfile.TemporaryDirectory() as folder:
        from PIL import Image

        small = Path(folder) / "small.png"
        Image.fromarray(slide.read(mpp=options.mpp)[:512, :512]).save(small)
        first = min(fresh(options.model, small, ours.card.mpp) for _ in range(3))
    start_wall, megabytes = first[0], fresh(options.model, options.picture, options.mpp)[2]
    print(
        f"fresh process: import to first map of 512 px {start_wall:.2f} s; {megabytes:.0f} MB at"
        " most on the whole image"
    )
    if options.record:
        speed = {
            "backend": ours.backend,
            "picture": options.picture.name,
            "mpx_at_model_mpp": round(area, 2),
            "mpx_per_cpu_second": round(area / cpu["ours"], 2),
            "seconds": round(wall["ours"], 2),
            "times_less_cpu_than_resnet34_unet_in_pytorch": round(cpu["theirs"] / cpu["ours"], 1),
            "import_to_first_map_of_512_px_s": round(start_wall, 2),
            "memory_mb": round(megabytes),
        }
        write_json(
            ours.bundle.path / CARD,
            json.loads(json.dumps(replace(ours.card, speed=speed).to_dict())),
        )


if __name__ == "__main__":
    main()
