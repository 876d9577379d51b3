"""Ctrl-C and SIGTERM end a command within seconds at any moment: one line, exit status 130 or 143,
nothing half-written."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.cli import signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

SOURCE = str(Path(__file__).parents[2] / "src")
HEEDS = (
    # which a shell's background ignores
    "import signal, sys, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "import breastseg.cli.signals as signals\nprogram = sys.modules['breastseg.cli.main']\n"
)
READY = "print('ready', flush=True)\n"
LINES = {
    signal.SIGINT: (
        "breastseg: interrupted; what was finished is kept, the same command goes on from there"
    ),
    signal.SIGTERM: (
        "breastseg: ended by SIGTERM; what was finished is kept, the same command goes on from"
        " there"
    ),
}
BODIES = {
    "python code": "while True: pass",
    "a call into C": "time.sleep(100)",
    "a thread that is waited for": (
        "import concurrent.futures as f\n"
        "with f.ThreadPoolExecutor() as pool:\n  pool.submit(time.sleep, 100).result()"
    ),
    "a library that swallows it": (
        "while True:\n  try: time.sleep(100)\n  except BaseException: pass"
    ),
    "a destructor, where Python cannot raise": (
        "class A:\n  def __del__(self): time.sleep(100)\nA()\ntime.sleep(100)"
    ),
    "tidying up": "try: time.sleep(100)\nfinally: time.sleep(100)",
}


def started(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start a process that says when it is ready, and wait until then."""
    words = [sys.executable, "-c", HEEDS + code, *map(str, arguments)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = process.stdout.readline()
    if told != "ready\n":
        raise AssertionError(process.communicate()[1])
    return process


def command(body: str) -> "subprocess.Popen[str]":
    """Start a process whose command is `body`, with less patience than usual."""
    lines = "".join(f"  {line}\n" for line in (READY + body).splitlines())
    return started(
        "signals.PATIENCE_S = 0.5\n"
        "def run(words):\n"
        f"{lines}program._run = run\n"
        "sys.exit(program.main())"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", BODIES)
def test_it_ends_whatever_is_being_done(moment: str, number: signal.Signals) -> None:
    """Ctrl-C in a destructor or a callback from C was printed and forgotten."""
    process = command(BODIES[moment])
    time.sleep(0.05)
    process.send_signal(number)
    began = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said.strip() == LINES[number]
    assert time.monotonic() - began < 10


def test_sent_twice_in_one_moment_it_is_one_signal() -> None:
    """GNU timeout sends to the process and to its group."""
    process = command("try: time.sleep(100)\nfinally: time.sleep(0.2); print('tidy', flush=True)")
    time.sleep(0.1)
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=60)
    assert (process.returncode, told) == (143, "tidy\n")


def test_what_a_shell_ignores_stays_ignored() -> None:
    process = started(
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "signals.heed_signals()\n"
        f"{READY}time.sleep(0.3)"
    )
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_little_is_imported_before_signals_are_heeded() -> None:
    """Ctrl-C in the first tenth of a second was a traceback out of an import."""
    code = (
        "import os, signal, sys; before = set(sys.modules); import breastseg.cli;"
        " print(*sorted(set(sys.modules) - before))"
    )
    words = [sys.executable, "-S", "-c", code]
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": SOURCE}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "__future__",
        "breastseg",
        "breastseg.cli",
        "breastseg.cli.main",
        "breastseg.cli.signals",
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_real_command_at_random_moments(seed: int, tiny_bundle: Bundle, tmp_path: Path) -> None:
    draw = random.Random(seed)
    number, delay = draw.choice([signal.SIGINT, signal.SIGTERM]), draw.uniform(0, 0.8)
    (tmp_path / "s").mkdir()
    for name in "abcdef":
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, (64, 64, 3), np.uint8)).save(
            tmp_path / "s" / f"{name}.png"
        )
    words = [
        "predict",
        tmp_path / "s",
        "--mpp",
        0.3,
        "--model",
        tiny_bundle.path,
        "--out",
        tmp_path / "o",
    ]
    process = started(f"{READY}sys.exit(program.main())", *words)
    time.sleep(0.05 + delay)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode in {0, 128 + number, -number}, said
    assert said.strip() in {"", LINES[number]}
    assert not list(tmp_path.rglob(".part-*"))


def test_an_interruption_without_a_signal_counts_as_ctrl_c(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A KeyboardInterrupt that Python code raised itself."""
    assert signals.ended() == 130
    assert capsys.readouterr().err.strip() == LINES[signal.SIGINT]
