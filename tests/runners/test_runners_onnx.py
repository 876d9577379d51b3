"""ONNX Runtime: what it says of itself, and that it reports nothing."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from breastseg.bundles.bundle import Bundle


def test_onnx_runtime_reports_nothing_and_leaves_nothing(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    """Since 1.32 its import kept an identity and a queue of events in the home folder, and asked
    for the address of a web service."""
    code = (
        "import numpy as np\n"
        "from breastseg.runners import load_runner\n"
        "from breastseg.bundles.bundle import load_bundle\n"
        f"load_runner(load_bundle({str(tiny_bundle.path)!r}), 'onnx').labels(np.zeros((1, 32, 32, "
        "3), np.uint8))\n"
    )
    environment = {
        **dict.fromkeys(("HOME", "XDG_CACHE_HOME", "TMPDIR"), str(tmp_path)),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(tmp_path.iterdir())


def test_its_name_says_that_it_runs_on_the_cpu(tiny_bundle: Bundle) -> None:
    from breastseg.runners.onnx import OnnxRunner

    runner = OnnxRunner(tiny_bundle, "auto", 1)
    assert runner.name in ("onnx fp32", "onnx cuda fp32")
    tiles = np.zeros((1, 32, 64, 3), np.uint8)
    assert np.array_equal(runner.labels(tiles), runner.probabilities(tiles).argmax(axis=1) + 1)
    runner.release()
