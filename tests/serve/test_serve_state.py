"""Threads of the server, and what entering and leaving it does."""

import asyncio
import threading
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from breastseg.serve.config import ServeConfig
from breastseg.serve.jobs.jobs import Jobs
from breastseg.serve.library.folder import Folder
from breastseg.serve.refusals import Busy
from breastseg.serve.web.state import ServerState, Workers


def state_of(folder: Path) -> ServerState:
    config = ServeConfig(folder)
    listed = Folder(config)
    return ServerState(config, listed, Jobs(config, listed, {}), {})


def test_work_is_done_in_a_thread_of_that_purpose() -> None:
    workers = Workers(1, "openers")
    assert asyncio.run(workers.make(lambda: threading.current_thread().name)).startswith("openers")
    with pytest.raises(ZeroDivisionError):
        asyncio.run(workers.make(lambda: 1 // 0))
    workers.close()
    with pytest.raises(RuntimeError):
        asyncio.run(workers.make(lambda: 1))


def test_no_more_run_at_a_time_than_there_are_threads() -> None:
    workers = Workers(2, "tiles")
    both = threading.Barrier(2, timeout=20)
    running: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        with lock:
            running.append(1)
            most.append(len(running))
        both.wait()  # two are at work, else nobody goes on
        with lock:
            running.pop()

    async def four() -> None:
        await asyncio.gather(*[workers.make(work) for _ in range(4)])

    asyncio.run(four())
    workers.close()
    assert max(most) == 2


def test_memory_is_parted_as_the_limits_say(tmp_path: Path) -> None:
    with state_of(tmp_path) as state:
        limits = state.config.limits
        assert state.passing.size == limits.passing_bytes
    assert limits.kept_bytes + limits.passing_bytes + limits.bodies_bytes == limits.held_bytes


def test_who_waits_is_sent_away_when_the_server_ends(tmp_path: Path) -> None:
    with state_of(tmp_path) as state:
        with state.passing.taken(10):
            assert state.passing.used == 10
        assert state.folder.scan() == []
    with pytest.raises(Busy), state.passing.taken(10):
        pass
