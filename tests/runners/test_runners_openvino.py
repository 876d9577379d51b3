"""OpenVINO: equals in bfloat16, no reports of use, signals."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from breastseg.bundles.bundle import Bundle
from breastseg.bundles.engine import cpu_has_bf16
from breastseg.runners import load_runner
from breastseg.runners.openvino import OpenvinoRunner, last_line
from conftest import crop

has_bf16 = pytest.mark.skipif(not cpu_has_bf16(), reason="this processor computes no bfloat16")


@has_bf16
def test_ties_that_the_last_test_speaks_of_occur(lively_bundle: Bundle) -> None:
    probabilities = load_runner(lively_bundle, precision="bf16", threads=1).probabilities(
        np.stack([crop(i) for i in range(3)])
    )
    best_two = np.sort(probabilities, axis=1)[:, -2:]
    assert (best_two[:, 0] == best_two[:, 1]).sum() >= 10


def test_nothing_is_reported_and_nothing_is_left_behind(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    """OpenVINO tells a web service when it is imported, and keeps an identity in the home folder;
    so does NNCF for each quantisation."""
    code = (
        "import os, socket, sys\n"
        # an error would be lost in the thread that sends
        "def asked(*words):\n"
        "    os.write(2, b'the network was asked')\n"
        "socket.getaddrinfo = socket.create_connection = socket.socket.connect = asked\n"
        "import numpy as np\n"
        "from breastseg.runners import load_runner\n"
        "from breastseg.bundles.bundle import load_bundle\n"
        f"load_runner(load_bundle({str(tiny_bundle.path)!r})).labels(np.zeros((1, 32, 32, 3), "
        "np.uint8))\n"
        "import breastseg.bundles.int8, nncf.telemetry.wrapper as wrapper\n"
        "print(type(wrapper.telemetry).__name__, sys.modules['openvino_telemetry'])"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["MagicMock", "None"]
    assert not list(tmp_path.rglob("*intel*"))


def test_ctrl_c_is_heeded_after_two_models_that_ended_in_the_order_in_which_they_began(
    tiny_bundle: Bundle,
) -> None:
    """OpenVINO's plug-in gives signals a stack, and put back one that was gone: Python crashed at
    the next signal."""
    code = (
        "import signal, numpy as np\n"
        "from breastseg.bundles.bundle import load_bundle\nfrom breastseg.runners import"
        " load_runner\n"
        f"bundle, tiles = load_bundle({str(tiny_bundle.path)!r}), np.zeros((1, 64, 64, 3),"
        " np.uint8)\n"
        "runners = [load_runner(bundle, 'openvino', precision='fp32', threads=1) for _ in"
        " range(2)]\n"
        "for runner in runners:\n    runner.labels(tiles)\n"
        "del runner, runners[0]\ndel runners\n"
        # which a shell's background has not
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    print('heeded')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "heeded\n", "")


def test_few_compiled_shapes_are_kept_the_oldest_goes(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = OpenvinoRunner(tiny_bundle, "fp32", 1)
    monkeypatch.setattr("breastseg.runners.openvino._KEPT", 2)
    for width in (32, 64, 32, 96):
        runner.probabilities(np.zeros((1, 32, width, 3), np.uint8))
    assert [shape[2] for _, shape in runner._compiled] == [32, 96]


def test_the_last_line_of_what_openvino_says() -> None:
    cause = RuntimeError("Exception from src/core.cpp:12:\nCheck failed\nno such file\n")
    assert last_line(cause) == "no such file"
