"""No instruction set crashes the network or makes another map of it: every shape of a tile, in
processes of their own.

An int8 network that was compiled with open sizes ended the process on processors with AMX, at a
sixth of all heights of a tile.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from breastseg.bundles.bundle import DEFAULT_MODEL, load_bundle
from breastseg.geometry import tile_sides
from breastseg.processor import CAP, cpu_features
from breastseg.runners.precision import auto_precision, has_exact_int8
from conftest import CROPS, crop

SETS = {
    "AVX2": "avx2",
    "AVX512_CORE": "avx512f",
    "AVX512_CORE_VNNI": "avx512_vnni",
    "AVX512_CORE_BF16": "avx512_bf16",
    "AVX512_CORE_AMX": "amx_int8",
}
"""Instruction sets by the library's name, and the feature that a processor with it has."""
AGREE = 0.9
"""Share of the pixels whose label is that of fp32: int8 has 0.92 to 0.96 on this patchwork, a wrong
kernel has what chance gives."""
NAME_ALL = """
import json, sys
import numpy as np
from breastseg.bundles.bundle import load_bundle
from breastseg.runners import load_runner
model, precision, image, shapes, out = sys.argv[1:]
image, runner = np.load(image), load_runner(load_bundle(model), precision=precision, threads=1)
for height, width in json.loads(shapes):
    np.save(f"{out}-{height}-{width}.npy", runner.labels(image[None, :height, :width])[0])
"""


def name_all(precision: str, picture: Path, shapes: list[tuple[int, int]], out: Path) -> None:
    """Name the tissue of the image's left-top corner in every shape, in one process; files
    beginning with `out`."""
    words = [DEFAULT_MODEL, precision, str(picture), json.dumps(shapes), str(out)]
    done = subprocess.run(
        [sys.executable, "-c", NAME_ALL, *words],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, (
        f"{out.name} ended with {done.returncode} after"
        f" {len(list(out.parent.glob(out.name + '-*')))}: {done.stderr[-500:]}"
    )


def test_every_shape_of_a_tile_under_every_instruction_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every (height, width) that predict, evaluate and serve show to the shipped model."""
    monkeypatch.delenv(CAP, raising=False)
    here = [name for name, feature in SETS.items() if feature in cpu_features()]
    sides = tile_sides(load_bundle(DEFAULT_MODEL).card.tile_px)
    shapes, side = [(height, width) for height in sides for width in sides], max(sides)
    row = np.concatenate([crop(number) for number in range(len(CROPS))], axis=1)
    tissue = np.tile(row, (-(-side // row.shape[0]), -(-side // row.shape[1]), 1))[:side, :side]
    picture = tmp_path / "picture.npy"
    np.save(picture, np.ascontiguousarray(tissue))
    first = None
    for name in here:  # fp32 under the first is what the others are compared with
        monkeypatch.setenv(CAP, name)
        for precision in sorted(
            {auto_precision(has_int8=True)[0], *(["int8"] if has_exact_int8() else [])}
        ):
            out = tmp_path / f"{precision} under {name}"
            name_all(precision, picture, shapes, out)
            first = first or out
            for height, width in shapes:
                labels, wanted = (np.load(f"{path}-{height}-{width}.npy") for path in (out, first))
                assert (labels == wanted).mean() > AGREE, f"{out.name}, {height} x {width}"
    assert first is None or first.name == "fp32 under AVX2"


def test_the_instruction_sets_of_this_processor_are_known() -> None:
    assert "avx2" in cpu_features() or "asimd" in cpu_features() or not cpu_features()
