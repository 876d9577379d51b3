"""The child: takes a target, a seed and a number, makes the damaged input, gives it to its reader,
and tells what came of it."""

import json
import os
import shutil
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from starlette.exceptions import HTTPException

from breastseg.errors import BreastsegError
from breastseg.serve.refusals import Refused
from fuzzing.mutate import change
from fuzzing.targets import MODEL, TARGETS, files_of

_MESSAGE = 4000
"""Letters of an error; a line that nobody reads to its end is no help."""


def damage(name: str, seed: int, number: int, whole: Path, place: Path) -> tuple[Path, Random]:
    """Copy a target's files and damage one of them; return it, and the random numbers that its
    reader is given."""
    rng = Random(f"{name} {seed} {number}")
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(whole, place)
    chosen = rng.choice(files_of(name, place))
    change(chosen, rng)
    target = TARGETS[name]
    if target.before is not None and rng.random() < 0.7:
        with suppress(
            ValueError, OSError, KeyError, TypeError, AttributeError, RecursionError
        ):  # what is damaged is the card itself
            target.before(place)
    return chosen, rng


def outcome(name: str, place: Path, file: Path, rng: Random) -> dict[str, Any]:
    """Give an input to its reader; return {"outcome": read, refused or fault, "what", "where"}."""
    try:
        TARGETS[name].read(place, file, rng)
    except (BreastsegError, Refused) as error:
        return _judged(error, str(error))
    except HTTPException as error:  # the web's own refusal
        if 400 <= error.status_code < 500:
            return _judged(error, str(error.detail))
        return _fault(error, f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001  every other exception is what is looked for
        return _fault(error, f"{type(error).__name__}: {error}")
    return {"outcome": "read"}


def _judged(error: BaseException, text: str) -> dict[str, Any]:
    try:
        text.encode()
    except UnicodeEncodeError:
        return _fault(error, f"unprintable message: {text!r}")
    if "\n" in text or len(text) > _MESSAGE or not text.strip():
        return _fault(
            error, f"long message: {len(text)} letters or several lines, wanted one: {text[:200]!r}"
        )
    return {"outcome": "refused", "error": type(error).__name__, "what": text}


def _fault(error: BaseException, text: str) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame
        for frame in frames
        if f"breastseg{os.sep}" in frame.filename and "tests" not in Path(frame.filename).parts
    ]
    last = ours[-1] if ours else frames[-1]
    where = f"{'/'.join(Path(last.filename).parts[-2:])}:{last.lineno} {last.name}"
    trace = "".join(traceback.format_exception(error))[-4000:]
    return {
        "outcome": "fault",
        "what": " ".join(text.split())[:300],
        "where": where,
        "trace": trace,
    }


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    try:
        said = Path("/proc/self/status").read_text()
    except OSError:
        return 0.0
    return int(said.partition("VmHWM:")[2].split()[0]) / 1024


def _unread(name: str, whole: Path, place: Path) -> dict[str, Any] | None:
    """Return the fault that the whole files are not read: then damaged ones would be refused for no
    reason of theirs."""
    for number, file in enumerate(files_of(name, whole)):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(whole, place)
        found = outcome(name, place, place / file.relative_to(whole), Random(number))
        if found["outcome"] == "fault" or (
            found["outcome"] == "refused" and found["error"] != "MppError"
        ):  # an image need not say it
            return {
                "where": "",
                **found,
                "outcome": "fault",
                "what": f"whole {file.name} is not read: {found['what']}",
            }
    return None


def main() -> None:
    """Answer lines of {"target", "seed", "number"} until there are none."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the readers say is not ours
    whole, place = Path(sys.argv[1]), Path(sys.argv[2])
    MODEL.append(whole / "model" / "bundle")
    known: set[str] = set()
    for line in sys.stdin:
        task = json.loads(line)
        name = task["target"]
        if name not in known:  # what a reader imports and keeps is not what an input takes
            known.add(name)
            print(json.dumps({"begun": "whole"}), file=answers, flush=True)
            if spoiled := _unread(name, whole / name, place):
                print(json.dumps(spoiled), file=answers, flush=True)
                continue
        file, rng = damage(name, task["seed"], task["number"], whole / name, place)
        _reset_peak()
        before = _peak_mb()
        print(json.dumps({"begun": str(file.relative_to(place))}), file=answers, flush=True)
        found = outcome(name, place, file, rng)
        print(
            json.dumps({**found, "peak_mb": round(_peak_mb() - before)}), file=answers, flush=True
        )


if __name__ == "__main__":
    main()
