"""Cores are what this process was given: by its affinity, its control group, and its job; in one
place."""

import re
from pathlib import Path

import pytest

from breastseg import processor

SOURCE = Path(__file__).parents[2] / "src" / "breastseg"
JOBS = [name for names in processor._GIVEN for name in names]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 64 cores without limits."""
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(64), raising=False)
    monkeypatch.setattr(processor, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(processor, "_CGROUPS", tmp_path / "cgroup")
    for name in JOBS:
        monkeypatch.delenv(name, raising=False)


def test_nobody_else_counts_processors() -> None:
    """prepare and serve started 64 threads in a job that was given four cores."""
    for path in SOURCE.rglob("*.py"):
        if path.name != "processor.py":
            found = re.search(
                r"cpu_count|sched_getaffinity|process_cpu_count", path.read_text(encoding="utf-8")
            )
            assert found is None, f"{path}: {found and found[0]}; ask breastseg.processor"


@pytest.mark.parametrize(
    ("given", "cores"),
    [
        ({}, 64),
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_CPUS_ON_NODE": "16"}, 4),
        ({"SLURM_CPUS_ON_NODE": "16"}, 16),
        ({"NSLOTS": "8"}, 8),
        ({"PBS_NCPUS": "2"}, 2),
        ({"LSB_DJOB_NUMPROC": "3"}, 3),
        ({"SLURM_CPUS_PER_TASK": "128"}, 64),
        ({"SLURM_CPUS_PER_TASK": "0"}, 64),
        ({"SLURM_CPUS_PER_TASK": "four"}, 64),
        ({"NSLOTS": ""}, 64),
    ],
)
def test_what_a_job_was_given_counts(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], cores: int
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert processor.usable_cores() == cores
    assert processor.worker_count() == cores


@pytest.mark.parametrize(
    ("quota", "cores", "workers"),
    [
        ("50000 100000", 0.5, 1),
        ("400000 100000", 4, 4),
        ("250000 100000", 2.5, 2),
        ("max 100000", 64, 64),
        ("100000 0", 64, 64),
    ],
)
def test_a_containers_quota_counts(tmp_path: Path, quota: str, cores: float, workers: int) -> None:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/job\n")
    (tmp_path / "cgroup" / "job").mkdir(parents=True)
    (tmp_path / "cgroup" / "job" / "cpu.max").write_text(f"{quota}\n")
    assert processor.usable_cores() == cores
    assert processor.worker_count() == workers
