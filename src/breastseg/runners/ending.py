"""How a process ended, in words that name the cause and what to do."""

import signal

# What C++, Python, the allocator and the loader of libraries write when memory runs out.
_MEMORY = (
    "bad_alloc",
    "MemoryError",
    "out of memory",
    "Cannot allocate memory",
    "failed to map segment",
)
_FAULTS = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP")


def ran_short(said: str) -> bool:
    """Tell whether a process that ended had no memory left, by the last of its standard error."""
    return any(sign in said for sign in _MEMORY)


def ending(status: int, said: str = "") -> str:
    """Return in words how a process ended that was expected to go on.

    Args:
        status: exit status; negative is the number of a signal, as `subprocess` has it.
        said: the last of its standard error.
    """
    if ran_short(said):
        return "ran out of memory; close other programs, map a smaller box, or take fewer threads"
    if status >= 0:
        last = said.splitlines()[-1] if said else "nothing was said"
        return (
            f"ended its process with exit status {status} ({last}); breastseg doctor says what"
            " works here"
        )
    name = signal_name(-status)
    if name == "SIGKILL":
        return (
            "was killed (SIGKILL), mostly for too much memory; close other programs or map a"
            " smaller box"
        )
    if name in _FAULTS:
        return (
            f"died of a fault in native code ({name}); breastseg doctor says what works here,"
            " --precision fp32 is the safest"
        )
    return f"was ended from outside ({name}); the same command does it again"


def signal_name(number: int) -> str:
    """Return a signal's name, as in SIGSEGV."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
