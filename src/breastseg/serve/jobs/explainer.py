"""Explanations asked for in the browser: one at a time, by a process that stays for the next click
and ends when nobody has clicked for a while. The server itself runs no network."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from breastseg.bundles.bundle import Bundle
from breastseg.files import nameless_file
from breastseg.json_files import JsonObject
from breastseg.runners.ending import ending
from breastseg.serve.jobs.explain_worker import Place
from breastseg.serve.library.folder import Folder
from breastseg.serve.refusals import Busy, Malformed, Unreadable
from breastseg.serve.schema import NearOut, WhyIn, WhyOut
from breastseg.serve.tiles.layers import classes_of
from breastseg.serve.tiles.tiles import Tiles

WORKER = (sys.executable, "-P", "-m", "breastseg.serve.jobs.explain_worker")
"""Without the current folder among those that are imported from: it may be that of the slides."""
IDLE_S = 120.0
"""Seconds without a click after which the process, which holds a network and a slide, ends."""
MOST_S = 120.0
"""Seconds after which an explanation is given up."""
_WAIT_S, _AGAIN_S = 20.0, 3
_LOG = logging.getLogger(__name__)


class Explainer:
    """Explains places of the folder's slides; threads take turns."""

    def __init__(self, folder: Folder, tiles: Tiles, models: Mapping[str, Bundle]) -> None:
        """Take what is shared; no process begins before the first question."""
        self._folder, self._tiles, self._models = folder, tiles, models
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = nameless_file()
        self._idle: threading.Timer | None = None

    def explain(self, wanted: WhyIn) -> WhyOut:
        """Explain why a model says what it says at a place.

        Raises:
            Refused: no such entry or model; nobody knows the microns per pixel; the place lies
                outside or on glass; others are before, for long.
        """
        if wanted.model not in self._models:
            raise Malformed(
                f"there is no model of this name here; there is {', '.join(self._models)}"
            )
        entry, bundle = self._folder.entry(wanted.entry), self._models[wanted.model]
        with self._tiles.view(entry) as view:
            own = view.mpp
        # What the file itself says the process reads again: only what others say is handed over.
        other = None if own else self._folder.mpp_of(entry)
        if not own and other is None:
            raise Unreadable(
                f"{entry.name}: nobody knows its microns per pixel; segment it once and say them"
            )
        mpp = other[0] if other else None
        place = Place(str(entry.path), str(bundle.path), mpp, (wanted.x, wanted.y))
        if not self._turn.acquire(timeout=_WAIT_S):
            raise Busy("another place is being explained", again_s=_AGAIN_S)
        try:
            answer = self._ask(place)
        finally:
            self._turn.release()
        if "cause" in answer:
            raise Unreadable(self._folder.told(str(answer["cause"])))
        return _answer(answer, bundle)

    def stop(self) -> None:
        """End the process."""
        with self._turn:
            self._end()

    def _ask(self, place: Place) -> JsonObject:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is None or self._process.poll() is not None:
            self._begin()
        process = self._process
        assert process
        assert process.stdin
        assert process.stdout
        # A read from a pipe has no time limit: killing the process ends it.
        limit = threading.Timer(MOST_S, process.kill)
        limit.start()
        try:
            process.stdin.write(place.line())
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:  # it has ended since it was looked at
            line = b""
        finally:
            limit.cancel()
        if not line:
            return {"cause": f"{place.slide}: the explanation {self._fault()}"}
        self._idle = threading.Timer(IDLE_S, self._end_idle)
        self._idle.daemon = True  # else the server would wait for it when it ends
        self._idle.start()
        answer: JsonObject = json.loads(line)
        return answer

    def _begin(self) -> None:
        self._end()  # what is left of the one before
        self._errors = nameless_file()
        self._process = subprocess.Popen(
            WORKER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )

    def _fault(self) -> str:
        """Return in words how the process ended, and let go of it."""
        assert self._process
        status = self._process.wait()
        self._errors.seek(0)
        errors = self._errors.read()[-4000:].decode(errors="replace")
        self._end()
        _LOG.error("an explanation ended with %s: %s", status, errors)
        return ending(status, errors)

    def _end_idle(self) -> None:
        if self._turn.acquire(blocking=False):  # else somebody has just asked
            try:
                self._end()
            finally:
                self._turn.release()

    def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(BrokenPipeError):
                process.__exit__(None, None, None)
        self._errors.close()


def _answer(answer: JsonObject, bundle: Bundle) -> WhyOut:
    """Return what the process answered as the page takes it: with colours of the classes."""
    occlusion, classes = answer["occlusion"], classes_of(bundle.card.label_map)
    colours = {label_class.name: label_class.color for label_class in classes}
    nearest = None
    if answer["nearest"] is not None:
        nearest = []
        for field in answer["nearest"]:
            nearest.append(
                NearOut(
                    class_name=field["class"],
                    color=colours[field["class"]],
                    similarity=field["similarity"],
                    patient=field["patient"],
                    source=field["source"],
                    thumbnail=field["thumbnail"],
                )
            )
    return WhyOut(
        model=answer["model"],
        class_name=answer["class"],
        classes=classes,
        probabilities=answer["probabilities"],
        box=occlusion["box_level0_px"],
        drops=occlusion["drops"],
        square_um=occlusion["square_um"],
        alone=occlusion["probability"],
        nearest=nearest,
        notes=answer["notes"],
    )
