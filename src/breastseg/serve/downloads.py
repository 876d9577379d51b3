"""Files of a map, for download; measures.csv and report.html are made when they are asked for."""

import re
import threading
from urllib.parse import quote

from fastapi import HTTPException, Response
from fastapi.responses import FileResponse

from breastseg.files import table_text
from breastseg.report.slide import slide_page
from breastseg.serve.layers import Layer

_ONE_REPORT = threading.Lock()
"""A page decodes the overview: one at a time."""
_FRESH = {"Cache-Control": "no-store"}


def download(layer: Layer, name: str) -> Response:
    """Return a file of a layer, to be kept as SLIDE-NAME.

    Raises:
        HTTPException: 404, no such file. InputError: run.json is not what predict writes.
    """
    if layer.result is None or name not in layer.files:
        raise HTTPException(404, "no such file of this map; what there is stands in `files` of its layer")
    kept_as = f"{layer.result.folder.name}-{name}"
    if name == "measures.csv":
        return _attached(table_text([layer.run.get("measures", {})]).encode(), kept_as, "text/csv; charset=utf-8")
    if name == "report.html":
        with _ONE_REPORT:
            page = slide_page(layer.result.folder, made=layer.made)
        return _attached(page.encode(), kept_as, "text/html; charset=utf-8")
    return FileResponse(layer.result.folder / name, filename=kept_as, headers=_FRESH)


def _attached(content: bytes, name: str, kind: str) -> Response:
    """Answer with a file under its own name (RFC 6266; names beyond ASCII by RFC 5987)."""
    plain = re.sub(r'[^ -~]|["\\]', "_", name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=kind, headers={**_FRESH, "Content-Disposition": disposition})
