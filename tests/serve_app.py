"""The server on a real port over a small folder of real crops, for tests that ask it as a browser
does."""

import json
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.files import fingerprint, write_json
from breastseg.geometry import Box
from breastseg.images import open_slide
from breastseg.labels import BUILT_IN
from breastseg.maps.raster import Raster
from conftest import DATA

HELD = """
import sys, time
from breastseg.serve.jobs import worker
tell = worker._print_progress
def held(progress):
    tell(progress)
    while True: time.sleep(1)
worker._print_progress = held
sys.exit(worker.main())
"""
"""A worker that shows one block and goes on no more: a job is still at work however late a test
looks."""
GATED = """
import sys, time
from pathlib import Path
from breastseg.serve.jobs import worker
while not Path(GATE).exists(): time.sleep(0.02)
sys.exit(worker.main())
"""
"""A worker that begins when a file is there."""


@dataclass(frozen=True)
class Served:
    """A server that runs: its address, its folder, and what its routes share."""

    address: str
    folder: Path
    state: Any


def small_folder(place: Path) -> Path:
    """Make a folder of one SVS, and of BCSS crops with their masks in `bcss`."""
    (place / "bcss").mkdir(parents=True)
    shutil.copy(DATA / "slides" / "cmu1.svs", place / "cmu1.svs")
    for kind in ("images", "masks"):
        shutil.copytree(DATA / "bcss" / kind, place / "bcss" / kind)
    return place


def mapped_folder(place: Path) -> Path:
    """Make a small folder in which the SVS and the first crop have maps, by the model that
    ships."""
    from breastseg.inference.config import PredictConfig
    from breastseg.inference.model import load_model
    from breastseg.inference.predict import predict
    from breastseg.reporter import QUIET

    small_folder(place)
    model = load_model()
    crop = sorted((place / "bcss" / "images").iterdir())[0]
    predict(
        place / "cmu1.svs",
        model,
        place / "maps" / "slides",
        PredictConfig(uncertainty=True),
        reporter=QUIET,
    )
    predict(
        crop,
        model,
        place / "maps" / "crops",
        PredictConfig(mpp=0.3, uncertainty=True),
        reporter=QUIET,
    )
    return place


def add_map(folder: Path, slide: Path, labels: npt.NDArray[np.uint8], **more: Any) -> Path:
    """Write a result of a slide as `predict` does, with these labels over all of it; `more` goes
    into run.json."""
    from breastseg.maps.files.label_tiff import write_label_tiff

    folder.mkdir(parents=True)
    label_map = BUILT_IN["region5"]
    with Raster(folder / "scratch", labels.shape[::-1]) as raster:
        raster.write(Box(0, 0, *raster.size_px), labels)
        raster.finish()
        write_label_tiff(raster, label_map, folder / "labels.ome.tif", mpp=0.5)
    (folder / "scratch").unlink()
    with closing(open_slide(slide, mpp=0.25)) as opened:
        size = list(opened.size_px)
    said = {
        "input": str(slide),
        "input_fingerprint": fingerprint(slide),
        "size_px": size,
        "mpp": 0.25,
        "mpp_source": "given",
        "box_level0_px": None,
        "model": "painted",
        "model_files": {},
        "model_mpp": 0.5,
        "tile_px": 512,
        "halo_px": 64,
        "backend": "openvino",
        "label_map": label_map.to_dict(),
        "packages": {},
        "use": "research use only",
        "regions": {
            "polygons": 0,
            "vertices": 0,
            "agreement": {},
            "tolerance_px": 0.5,
            "merged_share": 0.0,
        },
        "measures": {"analysed_mm2": 0.0},
        "doubts": [],
    }
    write_json(folder / "run.json", said | more)
    return folder


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Served]:
    """Run the server in a thread of this process, on a port of its own choice."""
    uvicorn = pytest.importorskip("uvicorn")
    from breastseg.serve.config import ServeConfig
    from breastseg.serve.web.app import create_app
    from breastseg.serve.web.patience import PatientProtocol

    app = create_app(ServeConfig(folder, port=0, **settings))
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        host="127.0.0.1",
        port=0,
        log_level="critical",
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=5,
        # as serve() has it: longer than a client keeps a connection, which it would use while it
        # is
        # let go
        timeout_keep_alive=60,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    with app.state.server as state:
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Served(f"http://127.0.0.1:{port}", folder, state)
        finally:
            server.should_exit = True
            thread.join(300)


def asked(served: Served, path: str) -> Any:
    """Return what the server answers to a path of its API."""
    with urllib.request.urlopen(f"{served.address}/api/{path}") as answer:
        return json.load(answer)


def slide_of(served: Served) -> Any:
    """Return what it tells of the one slide of `small_folder`."""
    (entry,) = (one for one in asked(served, "gallery")["entries"] if one["name"] == "cmu1.svs")
    return asked(served, f"entries/{entry['id']}")


def layer_of(served: Served, title: str) -> Any:
    """Return the layer of a title over that slide."""
    (layer,) = (one for one in slide_of(served)["layers"] if one["title"] == title)
    return layer
