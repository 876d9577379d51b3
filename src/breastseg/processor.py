"""The processor and the memory that this process may use; limits of containers count. No package is asked."""

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_FEATURES = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd", "asimddp", "bf16", "i8mm")
"""What makes networks fast, by Linux's names: 256 and 512 bits at once; int8 (vnni, amx, dp, i8mm); bf16."""

CAP = "ONEDNN_MAX_CPU_ISA"
"""The variable that keeps OpenVINO's library of layers from the newer instructions of a processor."""
_AVX512 = ("avx2", "avx512f")
_CAPPED = {
    "SSE41": (), "AVX": (), "AVX2": ("avx2",), "AVX2_VNNI": ("avx2", "avx_vnni"), "AVX2_VNNI_2": ("avx2", "avx_vnni"),
    "AVX512_CORE": _AVX512,
    "AVX512_CORE_VNNI": (*_AVX512, "avx512_vnni"), "AVX512_CORE_BF16": (*_AVX512, "avx512_vnni", "avx512_bf16"),
    "AVX512_CORE_FP16": (*_AVX512, "avx_vnni", "avx512_vnni", "avx512_bf16"),
}  # fmt: skip
"""Features that are left under a cap; any other value leaves all."""


def cpu_name() -> str:
    """Return the processor's name, or its family where the system does not tell."""
    named = re.search(r"^model name\s*:\s*(.+)$", _text(_PROC / "cpuinfo"), re.MULTILINE)
    return named[1] if named else platform.processor() or platform.machine() or "not told by the system"


def cpu_features() -> list[str]:
    """Return those of the features that speed networks up which Linux reports and no cap forbids; nothing on other systems."""
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _text(_PROC / "cpuinfo"), re.MULTILINE)
    there = set(flags[1].split()) if flags else set()
    left = _CAPPED.get(os.environ.get(CAP, "").upper(), _FEATURES)
    return [name for name in _FEATURES if name in there and name in left]


def vendor() -> str:
    """Return the processor's maker by its own name, as in "GenuineIntel" or "AuthenticAMD"; "" where the system does not tell."""
    named = re.search(r"^vendor_id\s*:\s*(\S+)$", _text(_PROC / "cpuinfo"), re.MULTILINE)
    return named[1] if named else ""


def usable_cores() -> float:
    """Return the cores that this process may use: by its affinity, and by the quota of its control group."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = float(len(affinity(0)) if affinity else os.cpu_count() or 1)
    older = (f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}" for folder in _folders("cpu"))
    limits = [text.split() for text in (*_limits("cpu", "cpu.max"), *older)]
    return min([cores, *(int(limit[0]) / int(limit[1]) for limit in limits if limit and limit[0].isdecimal())])


def whole_cores() -> int:
    """Return how many threads may work at once: the usable cores in whole numbers, at least one."""
    return max(1, int(usable_cores()))


def thread_limit() -> int:
    """Return the whole cores where this process was given fewer than the machine has, else 0: then a library chooses best itself.

    Libraries know the physical cores behind the logical ones; the quota of a container they do not look at.
    """
    cores = whole_cores()
    return cores if cores < (os.cpu_count() or 1) else 0


def memory_bytes() -> int | None:
    """Return the memory that this process may fill; None where the system does not tell."""
    whole = re.search(r"^MemTotal:\s*(\d+) kB", _text(_PROC / "meminfo"), re.MULTILINE)
    known = [int(whole[1]) * 1024] if whole else _pages()
    limits = [text.strip() for name in ("memory.max", "memory.limit_in_bytes") for text in _limits("memory", name)]
    return min([*known, *(int(limit) for limit in limits if limit.isdecimal())], default=None)


def _pages() -> list[int]:
    try:
        return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):  # no such question on this system
        return []


def _limits(controller: str, name: str) -> Iterator[str]:
    return (text for folder in _folders(controller) if (text := _text(folder / name)))


def _folders(controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control group and of those above it, in version 1 (one tree a controller) and 2."""
    for line in _text(_PROC / "self" / "cgroup").splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = _CGROUPS / controller if controllers else _CGROUPS
        group = root / place.strip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
