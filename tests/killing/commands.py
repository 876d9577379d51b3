"""The commands that are killed, on small real inputs from `tests/samples`, and what of their
output is never the same twice."""

import contextlib
import csv
import http.client
import io
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import numpy as np
from PIL import Image

from breastseg.runners.precision import has_exact_int8
from dicom_files import write_dicom_pyramid
from killing.compare import Apart
from killing.runs import Drive
from mammograms import paint_mini_mias
from mirror_server import Mirror, hub_command, running_mirror
from private_slides import write_ndpi, write_private_dicom, write_scanned_svs
from slide_files import levels_of, write_svs

DATA = Path(__file__).parents[1] / "samples"
PYTHON = [sys.executable, "-m", "breastseg"]
_CROPS = sorted((DATA / "bcss" / "images").iterdir())
_REPO = "someone/bcss"
_PAUSE_S = 0.01
_ASK_S = 0.05
_GONE_S = 2.0


class Inputs:
    """What the commands are given, each thing made when it is asked for first."""

    def __init__(self, folder: Path, mirror: Mirror) -> None:
        """Make them in a new folder; the mirror runs."""
        folder.mkdir(parents=True)
        self.folder, self.mirror = folder, mirror
        mirror.pause_s = _PAUSE_S
        mirror.serve_hub(_REPO, dict(_pictures(self._pixels)))

    @cached_property
    def data(self) -> Path:
        """Return a prepared and split data set of five regions, in two of which dots are known."""
        data, split = self.folder / "data", self.folder / "split.csv"
        sources = [str(DATA / "bcss"), str(DATA / "brca_m2c")]
        _do(
            *PYTHON,
            "prepare",
            *sources,
            "--out",
            str(data),
            "--labels",
            "region5",
            "--workers",
            "1",
        )
        with (data / "regions.csv").open(newline="", encoding="utf-8") as file:
            patients = sorted({row["patient"] for row in csv.DictReader(file)})
        parts = [f"{one},{'val' if one == 'TCGA-A2-A3XX' else 'train'}\n" for one in patients]
        split.write_text("patient,split\n" + "".join(parts), encoding="utf-8")
        _do(*PYTHON, "split", str(data), "--scheme", str(split))
        return data

    @cached_property
    def served(self) -> Path:
        """Return a folder of an image and a slide."""
        served = self.folder / "served"
        served.mkdir()
        write_svs(served / "slide.svs", levels_of(self._wide), "|AppMag = 40|MPP = 0.2500")
        shutil.copy(_CROPS[0], served / "picture.png")
        return served

    @cached_property
    def maps(self) -> Path:
        """Return maps of two images and a slide."""
        return self._mapped("maps", str(self.table))

    @cached_property
    def dicom_maps(self) -> Path:
        """Return the map of a DICOM slide."""
        slide = write_dicom_pyramid(self.folder / "dicom", levels_of(self._wide))
        return self._mapped("dicom_maps", str(slide))

    @cached_property
    def private(self) -> Path:
        """Return a folder of slides with names, dates and labels: SVS, NDPI and DICOM."""
        private = self.folder / "private"
        private.mkdir()
        write_scanned_svs(private / "scan.svs")
        write_ndpi(private / "scan.ndpi")
        write_private_dicom(private / "dicom")
        return private

    @cached_property
    def films(self) -> Path:
        """Return a painted mini-MIAS of four films."""
        return paint_mini_mias(self.folder / "mias")

    @cached_property
    def table(self) -> Path:
        """Return a CSV of two images and a slide, with microns per pixel."""
        table = self.folder / "slides.csv"
        rows = [
            f"{self.served / 'picture.png'},0.3",
            f"{self.served / 'slide.svs'},",
            f"{_CROPS[1]},0.3",
        ]
        table.write_text("\n".join(["path,mpp", *rows, ""]), encoding="utf-8")
        return table

    def _mapped(self, name: str, slides: str) -> Path:
        maps = self.folder / name
        _do(*PYTHON, "predict", slides, "--out", str(maps), "--threads", "1")
        return maps

    @cached_property
    def _wide(self) -> np.ndarray[Any, Any]:
        return np.concatenate([np.tile(one, (2, 6, 1)) for one in self._pixels], axis=1)

    @cached_property
    def _pixels(self) -> list[np.ndarray[Any, Any]]:
        return [np.asarray(Image.open(crop).convert("RGB")) for crop in _CROPS]


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        words: what is typed; it writes to `out` in the current folder, which is empty else.
        apart: what differs between two undisturbed runs.
        dated: regular expression for the same in names of files.
        drive: what a person does meanwhile.
        status: exit status when all went well.
        refuses: what it says, with exit status 2, when its work is done already; empty when it does
            not mind.
    """

    words: Callable[[Inputs], Sequence[str]]
    apart: tuple[Apart, ...] = ()
    dated: str = ""
    drive: Drive | None = None
    status: int = 0
    refuses: str = ""


@contextmanager
def made(folder: Path) -> Iterator[Inputs]:
    """Yield inputs in a new folder; the mirror runs until the end."""
    with running_mirror() as mirror:
        yield Inputs(folder, mirror)


def _do(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _pictures(pixels: Sequence[np.ndarray[Any, Any]]) -> Iterator[tuple[str, bytes]]:
    for number, one in enumerate(pixels):
        for kind, picture in (("images", one), ("masks", one[:64, :64, 0])):
            file = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(picture)).save(file, "PNG")
            yield f"{kind}/{number}.png", file.getvalue()


def _without(*columns: str) -> Callable[[Path], bytes]:
    def rest(path: Path) -> bytes:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return json.dumps(
            [{key: row[key] for key in row if key not in columns} for row in rows]
        ).encode()

    return rest


def _jobs(path: Path) -> bytes:
    """Return the list of jobs as rows, without when they were asked for and what that makes of
    their results' names."""
    with closing(
        sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)
    ) as data:  # what a kill left is not mended by looking
        rows = data.execute(
            "SELECT id, entry, entry_name, model, box, mpp, uncertainty, state, cause FROM jobs"
        ).fetchall()
    return json.dumps(rows).encode()


def _segment(process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask for a map of each entry that has no job yet, wait until all have ended, and end the
    server."""
    try:
        ask = _asking(process, log)
        entries = {entry["id"] for entry in ask("gallery")["entries"]}
        begun = {job["entry"] for job in ask("jobs")}
        for entry in sorted(entries - begun):
            ask("jobs", {"entry": entry, "model": "lite0", "mpp": 0.3, "uncertainty": True})
        while any(job["state"] in ("queued", "running") for job in ask("jobs")):
            time.sleep(_ASK_S)
    except (OSError, http.client.HTTPException):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GONE_S)  # it was killed
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)


def _asking(process: subprocess.Popen[bytes], log: Path) -> Callable[..., Any]:
    """Wait for the server's address; return what asks it, given a path and what to send."""
    while not (said := re.search(r"http://\S+", log.read_text(errors="replace"))):
        if process.poll() is not None:
            raise OSError("no server")
        time.sleep(_ASK_S)
    address = urlsplit(said[0])
    token = parse_qs(address.query).get("token", [""])[0]
    headers = {
        "X-Breastseg": "1",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {token}",
    }

    def ask(path: str, wanted: Any = None) -> Any:
        sent = None if wanted is None else json.dumps(wanted).encode()
        with urlopen(
            Request(f"http://{address.netloc}/api/{path}", sent, headers), timeout=60
        ) as answer:
            return json.load(answer)

    return ask


def _typed(words: str, *inputs: Path) -> list[str]:
    """Return a command line; each INPUT in `words` is the next of `inputs`."""
    waiting = iter(inputs)
    return [*PYTHON, *(str(next(waiting)) if word == "INPUT" else word for word in words.split())]


_TINY = (
    "--encoder-weights none --decoder-channels 16 16 16 16 16 --crop-px 32 --batch 4 --epochs 4"
    " --crops-per-epoch 16 --precision 32 --tile-px 128 --halo-px 32 --loss ce"
    " --allow-absent-classes"
)
_INT8 = "--int8 --data INPUT --crops 4 --allow-loss 100"
# Without VNNI an int8 network is refused.
_EXPORT = f"export lite0 {_INT8 if has_exact_int8() else '--bias tumor=-0.25'} --out out"

COMMANDS = {
    "prepare": Command(
        lambda given: _typed(
            "prepare INPUT INPUT --out out --labels region5 --tiles 64 --workers 2",
            DATA / "bcss",
            DATA / "brca_m2c",
        )
    ),
    "train": Command(lambda given: _typed(f"train INPUT --out out {_TINY}", given.data)),
    "predict": Command(
        lambda given: _typed(
            "predict INPUT --out out --threads 1 --uncertainty --probabilities --figure 2"
            " --parquet",
            given.table,
        ),
        (Apart(r"out/manifest\.csv", "seconds", _without("seconds")),),
    ),
    "shard": Command(
        lambda given: _typed("predict INPUT --out out --threads 1 --shard 1/1", given.table),
        (Apart(r"out/manifest\.1-of-1\.csv", "seconds", _without("seconds")),),
    ),
    "export": Command(
        lambda given: _typed(_EXPORT, given.data),
        refuses="exists; choose another --out or remove it",
    ),
    "serve": Command(
        lambda given: _typed("serve INPUT --out out --port 0 --no-open", given.served),
        (
            Apart(r"out/jobs\.sqlite", "when a job was asked for", _jobs),
            Apart(r"out/maps/[^/]*/manifest\.csv", "seconds", _without("seconds")),
        ),
        r"(?<=out/maps/)\d{8}-\d{6}",
        _segment,
        128 + signal.SIGTERM,
    ),
    "download": Command(lambda given: hub_command(given.mirror, _REPO, "out")),
    "evaluate": Command(
        lambda given: _typed(
            "evaluate --data INPUT --out out --split train --threads 1 --probabilities", given.data
        )
    ),
    "mammo": Command(
        lambda given: _typed("mammo prepare INPUT --out out --denoise median", given.films)
    ),
    "propose": Command(lambda given: _typed("propose INPUT --out out", given.table)),
    "masks": Command(lambda given: _typed("masks INPUT --for hs2p --out out", given.maps)),
    "dicom": Command(lambda given: _typed("dicom INPUT --out out", given.dicom_maps)),
    "deidentify": Command(lambda given: _typed("deidentify INPUT --out out", given.private)),
}
"""By name."""
