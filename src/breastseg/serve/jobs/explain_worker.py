"""What explains places, in a process of its own: a line of JSON asks, a line of JSON answers.

The network and the slide that was asked about last stay open, so that a second click is quick. It
ends when its standard input does, at once and whatever it is doing.
"""

import base64
import json
import os
import queue
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError
from breastseg.files import seen, settle_temporary_folder
from breastseg.json_files import JsonObject
from breastseg.serve.disk import why

if TYPE_CHECKING:
    from breastseg.explain import Explanation
    from breastseg.images import Slide
    from breastseg.inference.map import Plan
    from breastseg.inference.model import Model

_NICENESS = 10
"""Added to the process's nice value: the server, which shows slides meanwhile, goes before it."""


@dataclass(frozen=True)
class Place:
    """What the server wants explained.

    Attributes:
        slide: its file or folder.
        model: folder of the bundle.
        mpp: microns per pixel, where the file says none.
        at: (x, y) in level-0 pixels.
    """

    slide: str
    model: str
    mpp: float | None
    at: tuple[float, float]

    def line(self) -> bytes:
        """Return it as the line that `main` reads."""
        return json.dumps(asdict(self)).encode() + b"\n"


class _Last:
    """The model and the slide that were asked about last."""

    def __init__(self) -> None:
        self._model_path = ""
        self._model: Model | None = None
        self._key: object = None
        self._slide: Slide | None = None
        self._plan: Plan | None = None

    def explain(self, place: Place) -> "Explanation":
        from breastseg.explain import explain_place, look_at
        from breastseg.images import open_slide
        from breastseg.inference.model import load_model

        if self._model is None or self._model_path != place.model:
            self._key = None  # the plan of the slide is for the model of before
            self._model, self._model_path = load_model(place.model), place.model
        # With the fingerprint: the file may have been replaced since the last click.
        key = place.slide, seen(Path(place.slide)).fingerprint, place.mpp
        if self._slide is None or self._plan is None or self._key != key:
            self._key = None  # until all of the new one is there: opening may fail
            if self._slide is not None:
                self._slide.close()
            self._slide = open_slide(place.slide, mpp=place.mpp)
            self._plan = look_at(self._slide, self._model)
            self._key = key
        return explain_place(self._slide, self._plan, self._model, place.at)


def told(explanation: "Explanation") -> JsonObject:
    """Return an explanation as it is sent, thumbnails as data addresses."""
    answer = explanation.to_dict()
    for near, fields in zip(explanation.nearest or (), answer["nearest"] or (), strict=True):
        thumbnail = base64.b64encode(near.field.thumbnail).decode()
        fields["thumbnail"] = f"data:image/jpeg;base64,{thumbnail}" if thumbnail else None
    return answer


def main() -> None:
    """Answer until standard input ends."""
    settle_temporary_folder()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library's words are no answer
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    # A thread of its own listens: the end of standard input must end also what is under way.
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    last = _Last()
    while True:
        try:
            place = Place(**json.loads(requests.get()))
            answer = told(last.explain(place))
        except BreastsegError as error:
            answer = {"cause": str(error)}
        except OSError as error:
            answer = {"cause": why(error)}
        except MemoryError:
            answer = {"cause": "not enough memory; close other programs"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _listen(requests: "queue.SimpleQueue[bytes]") -> None:
    for line in os.fdopen(sys.stdin.fileno(), "rb", closefd=False):
        requests.put(line)
    os._exit(0)  # not sys.exit, which ends this thread alone


if __name__ == "__main__":
    main()
