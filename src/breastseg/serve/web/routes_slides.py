"""The gallery, slides, layers and their tiles."""

import re
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.exceptions import HTTPException

from breastseg.json_files import JsonObject
from breastseg.serve.library.entries import Entry, areas_beside
from breastseg.serve.library.names import shown_name
from breastseg.serve.library.results import is_own_file
from breastseg.serve.refusals import Busy, Refused
from breastseg.serve.schema import EntryOut, GalleryOut, MeasuresOut, ModelOut, SlideOut, answers
from breastseg.serve.tiles.layers import Layer, Shown, classes_of
from breastseg.serve.tiles.pieces import levels_of
from breastseg.serve.web.state import ServerState

_ID, _NUMBER = re.compile("^[0-9a-f]{16}$"), re.compile("[0-9]{1,9}")
_VERSION = "version of the entry: what comes may then be kept for good"

Id = Annotated[str, Path(pattern=_ID.pattern)]
Version = Annotated[str | None, Query(alias="v", description=_VERSION)]

# A year, the longest that is customary; "no-cache" lets a browser keep it and ask each time.
KEPT, ASKED_AGAIN = "private, max-age=31536000, immutable", "private, no-cache"


def router(state: ServerState) -> APIRouter:
    """Return the routes that show the folder."""
    routes = APIRouter(prefix="/api")
    _add_gallery(routes, state)
    _add_slides(routes, state)
    _add_layers(routes, state)
    return routes


def _add_gallery(routes: APIRouter, state: ServerState) -> None:
    @routes.get("/gallery", responses=answers())
    def gallery() -> GalleryOut:
        """List the folder; no slide is opened for it."""
        entries = [entry_out(state, entry) for entry in state.folder.scan()]
        models = []
        for bundle in state.models.values():
            card = bundle.card
            classes = classes_of(card.label_map)
            models.append(ModelOut(name=card.name, mpp=card.mpp, classes=classes))
        return GalleryOut(
            folder=shown_name(state.folder.root.name),
            entries=entries,
            left_out=state.folder.left_out(),
            models=models,
            writable=state.jobs.writable,
            version=version("breastseg"),
        )

    @routes.get("/entries/{id}", responses=answers(404, 422))
    async def slide(id: Id) -> SlideOut:
        """Open a slide."""
        return await state.openers.make(lambda: slide_out(state, state.folder.entry(id)))


def _add_slides(routes: APIRouter, state: ServerState) -> None:
    @routes.get("/entries/{id}/thumbnail.jpg", **_picture("image/jpeg"))
    async def thumbnail(request: Request, id: Id, v: Version = None) -> Response:
        """Return a slide at no more than 320 px."""

        def make() -> Response:
            entry = state.folder.entry(id)
            tag, for_good = f"{entry.version}-thumbnail", v == entry.version
            thumbnail = partial(state.tiles.thumbnail, entry)
            return _answer(request, "image/jpeg", tag, for_good, thumbnail)

        return await state.thumbnails.make(make)

    @routes.get(
        "/entries/{id}/tiles/{level}/{column}_{row}.jpg",
        **_picture("image/jpeg", 410, piece=True, versioned=True),
    )
    async def tile(request: Request) -> Response:
        """Return a deep zoom tile of a slide: 256 px, smaller at the edges."""
        entry_id, level, column, row = _piece(request)
        opened = request.query_params.get("v")

        def make() -> Response:
            entry = state.folder.entry(entry_id)
            if opened not in (None, entry.version):
                raise HTTPException(
                    410, f"{entry.name}: has changed since it was opened; open it again"
                )
            tag, for_good = f"{entry.version}-{level}-{column}-{row}", opened is not None
            tile = partial(state.tiles.tile, entry, level, column, row)
            return _answer(request, "image/jpeg", tag, for_good, tile)

        # Opening takes long: tiles of what is open do not wait behind it.
        workers = state.workers if state.tiles.is_open(entry_id, opened or "") else state.openers
        return await workers.make(make)


def _add_layers(routes: APIRouter, state: ServerState) -> None:
    @routes.get(
        "/layers/{id}/tiles/{level}/{column}_{row}.png", **_picture("image/png", piece=True)
    )
    async def labels(request: Request) -> Response:
        """Return a deep zoom tile of labels, 8-bit grey: a value is a label, 0 is not analysed."""
        return await _layer_tile(request, state, "labels")

    @routes.get(
        "/layers/{id}/uncertainty/{level}/{column}_{row}.png", **_picture("image/png", piece=True)
    )
    async def uncertainty(request: Request) -> Response:
        """Return a tile of the uncertainty, an eighth of the labels' size: 1 + 254 x entropy, 0 is
        not analysed."""
        return await _layer_tile(request, state, "uncertainty")

    @routes.get(
        "/layers/{id}/disagreement/{level}/{column}_{row}.png", **_picture("image/png", piece=True)
    )
    async def disagreement(request: Request) -> Response:
        """Return a tile of how far the models of a mean are apart, an eighth of the labels' size: 1
        + 254 x its share of the most, 0 is not analysed."""
        return await _layer_tile(request, state, "disagreement")

    @routes.get("/layers/{id}/measures", responses=answers(404, 422))
    def measures(id: Id) -> MeasuresOut:
        """Return the measures of a map, and what it was made with; the glossary defines each."""
        return measures_of(state.layers.layer(id))


def measures_of(layer: Layer) -> MeasuresOut:
    """Return the row of measures of a layer and its provenance; a measure without meaning is
    none."""
    run = layer.run
    if run is None:
        return MeasuresOut(made=layer.made, box_level0_px=None)
    # NaN, which is no equal of itself, is no JSON.
    measures = {name: None if value != value else value for name, value in run.measures.items()}
    return MeasuresOut(
        measures=measures,
        made=layer.made,
        model=run.model,
        mpp=run.mpp,
        mpp_source=run.mpp_source,
        model_mpp=run.model_mpp,
        box_level0_px=run.box_level0_px,
        backend=run.backend,
        use=run.use,
        doubts=list(run.doubts),
        margins=run.margins.sentences() if run.margins else [],
    )


def entry_out(state: ServerState, entry: Entry) -> EntryOut:
    """Return what the gallery shows of an entry."""
    maps, cause = len(state.folder.results_of(entry, sure=False)), state.folder.cause(entry)
    state_of_file: Literal["plain", "mapped"] = "mapped" if maps else "plain"
    return EntryOut(
        id=entry.id,
        name=entry.name,
        bytes=entry.bytes,
        version=entry.version,
        cause=cause,
        maps=maps,
        state="broken" if cause else state.jobs.state_of(entry.id) or state_of_file,
        annotated=is_own_file(areas_beside(entry.path)),
    )


def slide_out(state: ServerState, entry: Entry) -> SlideOut:
    """Open a slide; return what the page shows of it.

    Raises:
        HTTPException: 422, it cannot be opened.
    """
    with state.tiles.view(entry) as view:
        # A list of its own: that of a large image is held for the next who asks.
        size, doubts = view.size_px, list(state.tiles.doubts(entry, view))
        own = view.mpp
    mpp, source = own or state.folder.mpp_of(entry) or (None, "nobody knows")
    layers = []
    for layer in state.layers.of(entry, size):
        try:
            layers.append(state.layers.told(layer))
        except Busy:
            raise
        except Refused as broken:  # the slide and its other maps can be shown all the same
            doubts.append(f"{layer.title} cannot be shown: {broken}")
    fields = entry_out(state, entry).model_dump()
    # The gallery counts by name alone; these were compared with the file.
    fields["maps"] = sum(layer.kind == "map" for layer in layers)
    return SlideOut(
        **fields,
        size_px=size,
        levels=levels_of(size),
        mpp=mpp,
        mpp_source=source,
        mpp_own=own is not None,
        layers=layers,
        doubts=doubts,
    )


async def _layer_tile(request: Request, state: ServerState, of: Shown) -> Response:
    layer_id, level, column, row = _piece(request)

    def make() -> Response:
        layer = state.layers.layer(layer_id)
        tag = f"{layer_id}-{of}-{level}-{column}-{row}"
        tile = partial(state.layers.tile, layer, level, column, row, of=of)
        # For good: a map that is made again has another id.
        return _answer(request, "image/png", tag, True, tile)

    # Uncertainty and disagreement have an eighth of the labels' side: opening them is quick.
    is_quick = of != "labels" or state.layers.is_open(layer_id)
    workers = state.workers if is_quick else state.openers
    return await workers.make(make)


def _piece(request: Request) -> tuple[str, int, int, int]:
    """Return what a tile's address names. By hand: FastAPI's own way takes as long as making the
    tile."""
    parts = request.path_params
    numbers = parts["level"], parts["column"], parts["row"]
    if not _ID.fullmatch(parts["id"]) or not all(map(_NUMBER.fullmatch, numbers)):
        raise HTTPException(
            400, "not the address of a tile; wanted an id, then level/column_row in numbers"
        )
    level, column, row = map(int, numbers)
    return parts["id"], level, column, row


def _picture(kind: str, *statuses: int, piece: bool = False, versioned: bool = False) -> JsonObject:
    """Describe a route that returns an image, and the parameters of one that reads them by
    `_piece`."""
    schema = {"type": "string", "format": "binary"}
    responses: dict[int | str, JsonObject] = {
        200: {"content": {kind: {"schema": schema}}},
        304: {"description": "as it was"},
    }
    responses |= answers(404, 422, *statuses)
    route: JsonObject = {"response_class": Response, "responses": responses}
    if not piece:
        return route
    # FastAPI describes only parameters that it reads itself.
    text, number = {"type": "string"}, {"type": "integer", "minimum": 0, "maximum": 999_999_999}
    own_id = {"type": "string", "pattern": _ID.pattern}
    parameters: list[JsonObject] = [
        {"name": "id", "in": "path", "required": True, "schema": own_id}
    ]
    for name in ("level", "column", "row"):
        parameters.append({"name": name, "in": "path", "required": True, "schema": number})
    if versioned:
        parameters.append({"name": "v", "in": "query", "description": _VERSION, "schema": text})
    route["openapi_extra"] = {"parameters": parameters}
    return route


def _answer(
    request: Request, kind: str, tag: str, for_good: bool, make: Callable[[], bytes]
) -> Response:
    """Return an image, or 304 where the browser has it; it may be kept for good when its address
    names its version."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": KEPT if for_good else ASKED_AGAIN}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(make(), media_type=kind, headers=headers)
