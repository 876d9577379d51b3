"""The killing of commands: what scripts/kills must notice, on scripts that do it wrong; and a few
kills of the cheapest command."""

import sys
from pathlib import Path

import pytest

from killing import runs
from killing.commands import COMMANDS, Command, made
from killing.rounds import Found, kill_command

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").is_file(), reason="needs /proc")

BEGIN = """
import os, subprocess, sys, tempfile, time
def write(path, text):
    with open(path, "w") as file:
        for letter in text:
            file.write(letter)
            file.flush()
            time.sleep(0.002)
def write_whole(path, text):
    write(".part-" + path, text)
    os.replace(".part-" + path, path)
"""
GOOD = "write_whole('a', 'whole' * 10)\nwrite_whole('b', 'whole' * 10)"
ROUNDS = 9
LIVES_ON = "import time; time.sleep(600.25)"
WRONG = {
    "written in its place": (
        "if not os.path.exists('a'):\n    write('a', 'whole' * 10)",
        ["a is other"],
    ),
    "a note that stays": (
        (
            "if not os.path.exists('a'):\n"
            "    write('note', 'a' * 9)\n"
            "    write_whole('a', 'whole')\n"
            "    write('b', 'b' * 20)\n"
            "    os.remove('note')\n"
            "    os.remove('b')"
        ),
        [": left b, note"],
    ),
    "a process and what it held": (
        (
            "place = tempfile.mkdtemp()\n"
            f"child = subprocess.Popen([sys.executable, '-c', {LIVES_ON!r}], "
            "start_new_session=True)\n"
            f"{GOOD}\n"
            "child.kill()\n"
            "child.wait()\n"
            "os.rmdir(place)"
        ),
        [": left temporary tmp", f", the process {sys.executable} -c {LIVES_ON}"],
    ),
}
"""Scripts that cannot be killed at any moment, and what is said of them."""


def killed(folder: Path, code: str) -> Found:
    """Kill a script; rounds are spread over all that it does, so that a fault of every kind is
    met."""
    command = Command(lambda given: [sys.executable, "-c", BEGIN + code])
    with made(folder / "inputs") as inputs:
        return kill_command(command, inputs, folder / "work", ROUNDS, "0", at_once=1)


def test_a_script_that_writes_beside_and_renames_is_good(tmp_path: Path) -> None:
    found = killed(tmp_path, GOOD)
    assert found.wrong == []
    rounds, kills, start, work, end, differing, left = map(int, found.row("good")[1:8])
    assert rounds == ROUNDS
    assert kills == start + work + end >= ROUNDS
    assert start
    assert work
    assert differing == left == 0


@pytest.mark.parametrize(("code", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: list[str]
) -> None:
    monkeypatch.setattr(runs, "SURVIVE_S", 0.2)
    found = killed(tmp_path, code)
    for word in words:
        assert any(word in line for line in found.wrong), found.wrong
    assert all(", killed " in line for line in found.wrong)
    living = [
        place.read_bytes() for place in Path("/proc").glob("[0-9]*/cmdline") if place.is_file()
    ]
    assert not any(LIVES_ON.encode() in line for line in living)


def test_a_download_is_killed_a_few_times(tmp_path: Path) -> None:
    with made(tmp_path / "inputs") as inputs:
        found = kill_command(COMMANDS["download"], inputs, tmp_path / "work", 2, "0", at_once=1)
    assert found.wrong == []
    assert int(found.row("download")[2]) >= 2
