"""Ctrl-C and SIGTERM: from the command's first moment to its last they end it within seconds, with
exit status 130 or 143."""

from __future__ import annotations

import os
import signal
import sys

# typing's own name would be an import before signals are heeded; checkers know this one too.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

PATIENCE_S = 6.0
"""So long a command may tidy up before it is ended: a library may be busy, or have swallowed what
was raised."""
_TWICE_S = 1.0
"""A second signal ends at once; some senders (GNU timeout) send each twice in the same moment,
which is one."""

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}
_came: list[tuple[int, float]] = []
"""The first signal and when it came, or nothing yet."""


def heed_signals() -> None:
    """Let Ctrl-C and SIGTERM raise KeyboardInterrupt once, and end the process after a while if
    that did not.

    A signal that is ignored stays so: a shell's background jobs ignore Ctrl-C.
    """
    for number in _WORDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    sys.unraisablehook = _unraisable
    if sys.platform == "win32":  # which has no fork
        return
    import _thread  # threading imports much, and this is the first thing that a command does

    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # Python wants it so: C must not wait in a handler
    # Written by C at the moment of the signal, also while Python code or another handler
    # (Lightning's) keeps ours from running.
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=_forget)
    _thread.start_new_thread(_watch, (reader,))


def ended() -> int:
    """Return the exit status after KeyboardInterrupt, having said in a line what happened."""
    number = _came[0][0] if _came else int(signal.SIGINT)
    print(_line(number), file=sys.stderr)
    return 128 + number


def end_now(status: int) -> NoReturn:
    """End without Python's own tidying up: on a busy machine it takes half a minute to let go of
    PyTorch and OpenVINO."""
    from contextlib import suppress

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read it has gone
            stream.flush()
    os._exit(status)


def let_go() -> None:
    """The command has done its work or said why not: from now on a signal ends the process at once,
    while Python tidies up too."""
    for number in _WORDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    import time

    now = time.monotonic()
    # Raised once: a second one would break off the tidying up that the first began.
    if not _came:
        _came.append((number, now))
        raise KeyboardInterrupt
    if now - _came[0][1] > _TWICE_S:
        os._exit(128 + number)


def _watch(reader: int) -> None:
    import time

    number = 0
    while number not in _WORDS:
        # Bytes are the numbers of signals; others than these two have handlers of their own.
        number = next((int(sent) for sent in os.read(reader, 16) if sent in _WORDS), 0)
    time.sleep(PATIENCE_S)
    _end(number)


def _forget() -> None:
    """In a forked child: its signals are not this process's."""
    signal.set_wakeup_fd(-1)


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """Where Python cannot raise (in a destructor, or a call from C) the interruption would be
    printed and forgotten."""
    if isinstance(what.exc_value, KeyboardInterrupt):
        _end(_came[0][0] if _came else int(signal.SIGINT))
    sys.__unraisablehook__(what)


def _end(number: int) -> None:
    """End at once. What is half-written lies beside its place, under a name that the next run
    writes over."""
    # Not print: another thread may hold the lock of Python's stream.
    os.write(2, f"{_line(number)}\n".encode())
    os._exit(128 + number)


def _line(number: int) -> str:
    # On a line of its own: a terminal shows ^C, or a bar of progress stands there.
    return (
        f"\nbreastseg: {_WORDS[signal.Signals(number)]}; what was finished is kept, the same"
        " command goes on from there"
    )
