"""How a process ended, in words."""

import signal

import pytest

from breastseg.runners.ending import ending, ran_short, signal_name


@pytest.mark.parametrize(
    ("status", "said", "wanted"),
    [
        (-11, "", "died of a fault in native code (SIGSEGV)"),
        (
            -6,
            "terminate called after throwing an instance of 'std::bad_alloc'",
            "ran out of memory",
        ),
        (-15, "", "was ended from outside (SIGTERM)"),
        (7, "Traceback\nValueError: x", "exit status 7 (ValueError: x)"),
        (-200, "", "was ended from outside (signal 200)"),
    ],
)
def test_how_a_process_ended_in_words(status: int, said: str, wanted: str) -> None:
    assert wanted in ending(status, said)


def test_every_fault_of_native_code_is_named() -> None:
    for name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP"):
        number = int(getattr(signal, name))
        assert signal_name(number) == name
        assert f"({name})" in ending(-number)
        assert "--precision fp32" in ending(-number)


def test_a_killed_process_had_too_much_memory() -> None:
    assert "memory" in ending(-signal.SIGKILL)
    assert not ran_short("")
    assert ran_short("x: error while loading: failed to map segment from shared object")


def test_a_process_that_said_nothing() -> None:
    assert "exit status 3 (nothing was said)" in ending(3)
