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
        ("0 100000", 64, 64),
    ],
)
def test_a_containers_quota_counts(tmp_path: Path, quota: str, cores: float, workers: int) -> None:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/job\n")
    (tmp_path / "cgroup" / "job").mkdir(parents=True)
    (tmp_path / "cgroup" / "job" / "cpu.max").write_text(f"{quota}\n")
    assert processor.usable_cores() == cores
    assert processor.worker_count() == workers


def told(path: Path, text: str) -> None:
    """Let the system tell something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_an_older_control_group_counts_and_so_do_those_above(tmp_path: Path) -> None:
    """Version 1 has a tree for each controller, and may not hold the quota in the lowest group."""
    told(tmp_path / "proc" / "self" / "cgroup", "4:cpu,cpuacct:/docker/a\n3:memory:/docker/a\n")
    told(tmp_path / "cgroup" / "cpu" / "docker" / "cpu.cfs_quota_us", "150000\n")
    told(tmp_path / "cgroup" / "cpu" / "docker" / "cpu.cfs_period_us", "100000\n")
    told(tmp_path / "cgroup" / "cpu" / "docker" / "a" / "cpu.cfs_quota_us", "-1\n")
    told(tmp_path / "cgroup" / "cpu" / "docker" / "a" / "cpu.cfs_period_us", "100000\n")
    assert processor.usable_cores() == 1.5
    assert processor.worker_count() == 1


def test_the_least_of_all_memory_limits_counts(tmp_path: Path) -> None:
    told(tmp_path / "proc" / "meminfo", "MemFree: 1 kB\nMemTotal:       64 kB\n")
    assert processor.memory_bytes() == 64 * 1024
    told(tmp_path / "proc" / "self" / "cgroup", "0::/job/step\n")
    told(tmp_path / "cgroup" / "job" / "step" / "memory.max", "max\n")
    assert processor.memory_bytes() == 64 * 1024
    told(tmp_path / "cgroup" / "job" / "memory.max", "5000\n")
    assert processor.memory_bytes() == 5000


def test_features_are_those_of_linux_that_no_cap_forbids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(processor.CAP, raising=False)
    assert processor.cpu_features() == []
    told(
        tmp_path / "proc" / "cpuinfo",
        "vendor_id\t: GenuineIntel\nmodel name\t: Some CPU\n"
        "flags\t\t: amx_int8 sse avx512_vnni avx512f avx2\n",
    )
    assert processor.cpu_features() == ["avx2", "avx512f", "avx512_vnni", "amx_int8"]
    monkeypatch.setenv(processor.CAP, "avx2")
    assert processor.cpu_features() == ["avx2"]
    monkeypatch.setenv(processor.CAP, "DEFAULT")
    assert processor.cpu_features()[-1] == "amx_int8"
    assert (processor.cpu_name(), processor.vendor()) == ("Some CPU", "GenuineIntel")


def test_a_limit_on_threads_is_set_only_where_fewer_cores_were_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert processor.thread_limit() == 0, "a library chooses best itself"
    monkeypatch.setenv("NSLOTS", "8")
    assert processor.thread_limit() == 8
