"""The process that runs a network for another: questions come on standard input, answers go to what
was standard output.

A message is a line of JSON, then the bytes of an array where it says so. The process ends as soon
as its standard input does, whatever it is doing: so none is left behind by a parent that was
killed.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import Bundle, load_bundle
from breastseg.errors import BreastsegError
from breastseg.files import settle_temporary_folder
from breastseg.json_files import JsonObject
from breastseg.processor import thread_limit
from breastseg.runners.runner import Runner, load_runner

if TYPE_CHECKING:
    from breastseg.runners.features import FeatureNetwork

HEAD_BYTES = 65536
"""Longest line of a message."""


def send(stream: BinaryIO, head: JsonObject, array: np.ndarray[Any, Any] | None = None) -> None:
    """Write a message."""
    if array is not None:
        array = np.ascontiguousarray(array)
        head = {**head, "shape": array.shape, "dtype": array.dtype.str}
    stream.write(json.dumps(head).encode() + b"\n")
    if array is not None:
        stream.write(array.reshape(-1).view(np.uint8).data)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[JsonObject, np.ndarray[Any, Any] | None]:
    """Read a message; EOFError when the other side has ended."""
    line = stream.readline(HEAD_BYTES)
    if not line.endswith(b"\n"):
        raise EOFError
    head = json.loads(line)
    if "shape" not in head:
        return head, None
    array = np.empty(head["shape"], head["dtype"])
    place = array.reshape(-1).view(np.uint8).data
    read = 0
    while read < array.nbytes:
        # Every buffered reader has readinto.
        count = stream.readinto(place[read:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        read += count
    return head, array


def main() -> None:
    """Load the network that the first message names, then answer until standard input ends."""
    settle_temporary_folder()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints must not look like an answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asked: queue.SimpleQueue[tuple[JsonObject, np.ndarray[Any, Any] | None]] = queue.SimpleQueue()
    # A thread reads, so that the end of standard input is seen while a network computes.
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    runner: Runner | None = None
    features: FeatureNetwork | None = None
    while True:
        head, tiles = asked.get()
        try:
            if runner is None:
                bundle = load_bundle(Path(head["bundle"]))
                threads = head["threads"]
                runner = load_runner(
                    bundle, head["backend"], precision=head["precision"], threads=threads
                )
                send(answers, {"name": runner.name, "package": runner.package})
            elif head["what"] == "release":
                runner.release()
                send(answers, {})
            else:
                if head["what"] == "features":
                    features = features or _features(bundle, threads)
                    answer: Callable[[npt.NDArray[np.uint8]], npt.NDArray[Any]] = features
                else:
                    answer = runner.labels if head["what"] == "labels" else runner.probabilities
                assert tiles is not None
                send(answers, {}, answer(tiles))
        except (BreastsegError, MemoryError, RuntimeError) as error:
            send(answers, {"error": type(error).__name__, "cause": str(error)})


def _features(bundle: Bundle, threads: int) -> "FeatureNetwork":
    from breastseg.runners.features import FeatureNetwork

    return FeatureNetwork(bundle, threads or thread_limit())


def _listen(asked: "queue.SimpleQueue[tuple[JsonObject, np.ndarray[Any, Any] | None]]") -> None:
    stream = os.fdopen(sys.stdin.fileno(), "rb", closefd=False)
    while True:
        try:
            asked.put(receive(stream))
        except EOFError:
            # At once: sys.exit() would end this thread alone.
            os._exit(0)
