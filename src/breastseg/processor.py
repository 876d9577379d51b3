"""The processor and the memory that this process may use: what a job or a container was given
counts. No package is asked."""

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_GIVEN = (
    ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"),
    ("NSLOTS",),
    ("PBS_NCPUS", "NCPUS"),
    ("LSB_DJOB_NUMPROC",),
)
"""What job systems say they gave (Slurm, Grid Engine, PBS, LSF), which not all of them enforce; of
each the first that is set counts."""
_FEATURES = (
    "avx2",
    "avx512f",
    "avx_vnni",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "asimddp",
    "bf16",
    "i8mm",
)
"""What makes networks fast, by Linux's names: 256 and 512 bits at once; int8 (vnni, amx, dp, i8mm);
bf16."""

CAP = "ONEDNN_MAX_CPU_ISA"
"""The variable that keeps OpenVINO's library of layers from the newer instructions of a processor.
"""
_AVX512 = ("avx2", "avx512f")
_CAPPED = {
    "SSE41": (),
    "AVX": (),
    "AVX2": ("avx2",),
    "AVX2_VNNI": ("avx2", "avx_vnni"),
    "AVX2_VNNI_2": ("avx2", "avx_vnni"),
    "AVX512_CORE": _AVX512,
    "AVX512_CORE_VNNI": (*_AVX512, "avx512_vnni"),
    "AVX512_CORE_BF16": (*_AVX512, "avx512_vnni", "avx512_bf16"),
    "AVX512_CORE_FP16": (*_AVX512, "avx_vnni", "avx512_vnni", "avx512_bf16"),
}
"""Features that are left under a cap; any other value leaves all."""


def cpu_name() -> str:
    """Return the processor's name, or its family where the system does not tell."""
    named = re.search(r"^model name\s*:\s*(.+)$", _text(_PROC / "cpuinfo"), re.MULTILINE)
    if named:
        return named[1]
    return platform.processor() or platform.machine() or "not told by the system"


def cpu_features() -> list[str]:
    """Return those of the features that speed networks up which Linux reports and no cap forbids;
    nothing on other systems."""
    # x86 calls the line "flags", ARM "Features".
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _text(_PROC / "cpuinfo"), re.MULTILINE)
    reported = set(flags[1].split()) if flags else set()
    cap = os.environ.get(CAP, "").upper()
    allowed = _CAPPED.get(cap, _FEATURES)
    return [name for name in _FEATURES if name in reported and name in allowed]


def vendor() -> str:
    """Return the processor's maker by its own name, as in "GenuineIntel" or "AuthenticAMD"; ""
    where the system does not tell."""
    named = re.search(r"^vendor_id\s*:\s*(\S+)$", _text(_PROC / "cpuinfo"), re.MULTILINE)
    return named[1] if named else ""


def usable_cores() -> float:
    """Return the cores that this process may use: by its affinity, by the quota of its control
    group, and by what its job was given."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min([float(cores), *_quotas(), *_given_cores()])


def _quotas() -> Iterator[float]:
    """Yield the cores that control groups allow; "max" and -1 mean no limit."""
    texts = list(_limits("cpu", "cpu.max"))  # version 2: "QUOTA PERIOD" in one file
    for folder in _folders("cpu"):  # version 1: a file each
        texts.append(f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}")
    for text in texts:
        words = text.split()
        if len(words) != 2 or not all(word.isdecimal() for word in words):
            continue
        quota, period = map(int, words)
        if quota and period:
            yield quota / period


def _given_cores() -> Iterator[float]:
    """Yield the cores that each job system says it gave."""
    for names in _GIVEN:
        said = [os.environ[name] for name in names if name in os.environ]
        first = said[0] if said else ""
        if first.isdecimal() and int(first):
            yield float(first)


def worker_count() -> int:
    """Return how many threads to start for work that keeps a core busy: one a core, of half a core
    one too."""
    return max(1, int(usable_cores()))


def thread_limit() -> int:
    """Return the whole cores where this process was given fewer than the machine has, else 0: then
    a library chooses best itself.

    Libraries know the physical cores behind the logical ones; the quota of a container they do not
    look at.
    """
    cores = worker_count()
    return cores if cores < (os.cpu_count() or 1) else 0


def memory_bytes() -> int | None:
    """Return the memory that this process may fill; None where the system does not tell."""
    whole = re.search(r"^MemTotal:\s*(\d+) kB", _text(_PROC / "meminfo"), re.MULTILINE)
    known = [int(whole[1]) * 1024] if whole else _pages()
    for name in ("memory.max", "memory.limit_in_bytes"):  # control groups of version 2, and of 1
        for text in _limits("memory", name):
            limit = text.strip()
            if limit.isdecimal():  # "max" is no limit
                known.append(int(limit))
    return min(known, default=None)


def _pages() -> list[int]:
    try:
        return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):  # no such question on this system
        return []


def _limits(controller: str, name: str) -> Iterator[str]:
    """Yield what a file says in each control group that has it."""
    for folder in _folders(controller):
        text = _text(folder / name)
        if text:
            yield text


def _folders(controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control group and of those above it, in version 1 (one
    tree a controller) and 2."""
    for line in _text(_PROC / "self" / "cgroup").splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = _CGROUPS / controller if controllers else _CGROUPS
        group = root / place.strip("/")
        # A group has no more than the groups above it have.
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                yield folder


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
