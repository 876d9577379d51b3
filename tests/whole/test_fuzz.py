"""Damaged inputs: a thousand of them, and that the watching itself sees what it is there for."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("fastapi")
from breastseg.errors import ImageError
from breastseg.serve.refusals import Unreadable
from fuzzing import __main__ as fuzzing
from fuzzing import worker
from fuzzing.targets import TARGETS, files_of, whole

SEED = 12
CHEAP = (
    "picture",
    "large",
    "mask",
    "slide",
    "scn",
    "dicom",
    "zarr",
    "drawn",
    "labels",
    "inputs",
    "table",
    "prepared",
    "verify",
    "split",
    "card",
    "bundle",
    "shown",
    "page",
    "map",
    "scores",
    "audit",
    "study",
    "areas",
    "upload",
)
PLANTED = """
import os
from dataclasses import replace
from fuzzing.targets import TARGETS
from fuzzing.worker import main
def read(folder, file, rng):
    {}
TARGETS["mask"] = replace(TARGETS["mask"], read=read)
main()
"""


def test_a_thousand_damaged_inputs_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    run = fuzzing.fuzz(fuzzing.tasks(1000, SEED, CHEAP), workers=1, keep=tmp_path)
    assert not run.faults, fuzzing.told(run)
    assert sum(tally.inputs for tally in run.tallies.values()) == 1000
    assert all(
        tally.refused for name, tally in run.tallies.items() if name not in ("verify", "scn")
    )  # what it damages is damage
    # and not everything is refused
    assert sum(tally.read for tally in run.tallies.values()) > 100


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    whole("labels", tmp_path / "labels")
    made = []
    for number in (*range(20), *range(20)):
        file, _ = worker.damage("labels", 3, number, tmp_path / "labels", tmp_path / "place")
        made.append((file, file.read_bytes()))
    assert made[:20] == made[20:]
    assert len({data for _, data in made}) > 15


def test_every_target_has_files_to_damage(tmp_path: Path) -> None:
    for name in ("picture", "slide", "dicom", "zarr", "drawn", "table"):
        whole(name, tmp_path / name)
        assert files_of(name, tmp_path / name), name


def test_inputs_are_shared_out_and_numbered_by_target() -> None:
    one, both = (
        fuzzing.tasks(count, 1, names)
        for count, names in ((10, ["mask"]), (150, ["mask", "picture"]))
    )
    assert [task["number"] for task in one] == list(range(10))
    assert [task for task in both if task["target"] == "mask"][:10] == one
    assert sum(task["target"] == "picture" for task in both) == 100


def fails(error: Exception) -> object:
    def read(folder: Path, file: Path, rng: Random) -> None:
        raise error

    return read


@pytest.mark.parametrize(
    ("error", "said", "what"),
    [
        (ImageError("a: wanted b"), "refused", "a: wanted b"),
        (Unreadable("a: wanted b"), "refused", "a: wanted b"),
        (Unreadable("a\nb"), "fault", "long message"),
        (Unreadable("a" * 5000), "fault", "long message"),
        (Unreadable("\udc80"), "fault", "unprintable message"),
        (ValueError("a"), "fault", "ValueError: a"),
        (OSError(28, "no space"), "fault", "OSError"),
        (RecursionError("deep"), "fault", "RecursionError"),
    ],
)
def test_all_but_one_line_of_ours_is_a_fault(
    error: Exception, said: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = replace(TARGETS["mask"], read=fails(error))  # type: ignore[arg-type]
    monkeypatch.setitem(TARGETS, "mask", failing)
    found = worker.outcome("mask", tmp_path, tmp_path, Random(0))
    assert found["outcome"] == said
    assert found["what"].startswith(what)


@pytest.mark.parametrize(
    ("does", "what"),
    [
        ("os.abort()", "died: SIGABRT"),
        ("while True: pass", "hang: "),
        ("held = bytearray(400 * 2**20); held[::4096] = bytes(102400)", "memory: "),
    ],
)
def test_what_a_child_does_is_seen_from_outside(
    does: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzzing, "CPU_S", 3.0)
    monkeypatch.setattr(fuzzing, "MEMORY_MB", 256)
    whole("mask", tmp_path / "mask")
    child = fuzzing.Child(tmp_path, tmp_path / "place", ("-c", PLANTED.format(does)))
    found = child.ask({"target": "mask", "seed": 1, "number": 0})
    child.end()
    assert found["outcome"] == "fault"
    assert found["what"].startswith(what)
