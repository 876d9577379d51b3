"""What the routes share."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from breastseg.models.bundle import Bundle
from breastseg.processor import worker_count
from breastseg.serve.config import ServeConfig
from breastseg.serve.folder import Folder
from breastseg.serve.jobs import Jobs
from breastseg.serve.layers import Layers
from breastseg.serve.tiles import Tiles
from breastseg.serve.uploads import remove_left_over

Made = TypeVar("Made")


class Workers:
    """As many threads as cores make tiles; who has gone away meanwhile gets none."""

    def __init__(self, threads: int) -> None:
        """Start no thread yet."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tiles")

    async def make(self, make: Callable[[], Made]) -> Made:
        """Run `make` in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, make)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class ServerState:
    """One server: its folder and what is open; leaving it closes all."""

    config: ServeConfig
    folder: Folder
    tiles: Tiles
    layers: Layers
    jobs: Jobs
    models: Mapping[str, Bundle]
    workers: Workers = field(default_factory=lambda: Workers(worker_count() + 1))

    def __enter__(self) -> "ServerState":
        """Begin with the jobs that wait.

        Raises:
            OutputError: another server holds the folder of results, or it is for other work.
        """
        self.jobs.start()
        remove_left_over(self.folder.root)
        return self

    def __exit__(self, *raised: object) -> None:
        """End the jobs; let go of threads, slides and label images."""
        self.jobs.stop()
        self.workers.close()
        self.tiles.close()
        self.layers.close()
