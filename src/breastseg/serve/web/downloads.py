"""Files of a map, for download; measures.csv and report.html are made when they are asked for."""

import os
import re
from contextlib import closing
from urllib.parse import quote

from fastapi import HTTPException, Response
from fastapi.responses import FileResponse

from breastseg.files import table_text
from breastseg.maps.record import MEASURES_TABLE
from breastseg.serve.tiles.decoded import Decoder
from breastseg.serve.tiles.decoding import Task
from breastseg.serve.tiles.layers import Layer

_FRESH = {"Cache-Control": "no-store"}


def download(layer: Layer, name: str, decoder: Decoder) -> Response:
    """Return a file of a layer, to be kept as SLIDE-NAME.

    Raises:
        HTTPException: 404, no such file; 422, run.json is not what predict writes; 503, others are
            being decoded.
    """
    if layer.result is None or name not in layer.files:
        raise HTTPException(
            404, "no such file of this map; what there is stands in `files` of its layer"
        )
    # Every result has files of the same names: in a folder of downloads the slide tells them apart.
    kept_as = f"{layer.result.folder.name}-{name}"
    if name == MEASURES_TABLE:
        table = table_text([layer.result.run.measures]).encode()
        return _attached(table, kept_as, "text/csv; charset=utf-8")
    if name == "report.html":  # which decodes the overview, so in a process of its own
        task = Task("report", str(layer.result.folder), made=layer.made)
        with closing(decoder.decoded(task)) as page:
            return _attached(page.content(), kept_as, "text/html; charset=utf-8")
    headers = {**_FRESH, "Content-Disposition": _disposition(kept_as)}
    return FileResponse(layer.result.folder / name, headers=headers)


def _attached(content: bytes, name: str, kind: str) -> Response:
    headers = {**_FRESH, "Content-Disposition": _disposition(name)}
    return Response(content, media_type=kind, headers=headers)


def _disposition(name: str) -> str:
    """Name a file that is to be kept (RFC 6266; names beyond ASCII by RFC 5987, those that are no
    text by their bytes)."""
    # Old browsers read the first name, which may hold printable ASCII alone; all others the second.
    plain = re.sub(r'[^ -~]|["\\]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(os.fsencode(name))}"
