"""What the routes share."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from breastseg.bundles.bundle import Bundle
from breastseg.processor import worker_count
from breastseg.serve.config import ServeConfig
from breastseg.serve.films.films import Films
from breastseg.serve.films.lines import Lines
from breastseg.serve.jobs.explainer import Explainer
from breastseg.serve.jobs.jobs import Jobs
from breastseg.serve.library.folder import Folder
from breastseg.serve.room import Room
from breastseg.serve.tiles.decoded import Decoder
from breastseg.serve.tiles.layers import Layers
from breastseg.serve.tiles.tiles import Tiles
from breastseg.serve.web.uploads import remove_left_over

Made = TypeVar("Made")

_OPENERS = 8
"""Slides that are opened at a time: some wait for a large image to be decoded, and hold up nobody
who looks at another."""


class Workers:
    """Threads of one purpose; a request whose browser has gone away while it waited gets none."""

    def __init__(self, threads: int, name: str) -> None:
        """Start no thread yet."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def make(self, make: Callable[[], Made]) -> Made:
        """Run `make` in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, make)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class ServerState:
    """One server: its folder and what is open; leaving it closes all.

    Attributes:
        config: as it was set.
        folder: what is served.
        jobs: maps that are made.
        models: that can be chosen, by name.
        passing: room for what is decoded or parsed and not kept.
        decoder: of large images.
        tiles: of slides.
        layers: of maps and masks.
        explainer: says why a model says what it says.
        films: prepared mammograms.
        lines: of their muscles, as persons put them.
        workers: make tiles, as many at a time as there are cores.
        openers: open slides.
        thumbnails: one at a time: a gallery asks for many, and must not hold up those who look at a
            slide.
    """

    def __init__(
        self, config: ServeConfig, folder: Folder, jobs: Jobs, models: Mapping[str, Bundle]
    ) -> None:
        """Take what is shared; nothing runs yet."""
        self.config, self.folder, self.jobs, self.models = config, folder, jobs, models
        limits = config.limits
        # Shared by tiles and layers: how much is held does not depend on what is looked at.
        self._kept, self.passing = Room(limits.kept_bytes), Room(limits.passing_bytes)
        self.decoder = Decoder()
        self.tiles = Tiles(folder, limits, self._kept, self.passing, self.decoder)
        self.layers = Layers(folder, limits, self._kept, self.passing, self.decoder)
        self.explainer = Explainer(folder, self.tiles, models)
        self.films, self.lines = Films(folder), Lines()
        # One more than cores: now and then one waits for the disk.
        self.workers = Workers(worker_count() + 1, "tiles")
        self.openers, self.thumbnails = Workers(_OPENERS, "openers"), Workers(1, "thumbnails")

    def __enter__(self) -> "ServerState":
        """Begin with the jobs that wait.

        Raises:
            OutputError: another server holds the folder of results, or it is for other work.
        """
        self.jobs.start()
        remove_left_over(self.folder.root)
        return self

    def send_away(self) -> None:
        """Let nobody wait any more for room, or for what is decoded: the server ends."""
        for room in (self._kept, self.passing):
            room.close()
        self.decoder.close()

    def __exit__(self, *raised: object) -> None:
        """End the jobs; let go of threads, slides and label images."""
        # Who works before what is worked with: a thread may still read a slide.
        self.jobs.stop()
        self.explainer.stop()
        self.send_away()
        for workers in (self.workers, self.openers, self.thumbnails):
            workers.close()
        self.tiles.close()
        self.layers.close()
