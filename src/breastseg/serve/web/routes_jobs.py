"""Jobs, corrections, uploads and downloads."""

import json
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from breastseg.json_files import JsonObject
from breastseg.serve.annotations.annotations import Annotations
from breastseg.serve.library.entries import Entry, areas_beside
from breastseg.serve.parsing import areas_bytes, body_bytes, check_label_maps, checked
from breastseg.serve.schema import (
    AnnotationIn,
    AnnotationOut,
    EntryOut,
    JobIn,
    JobOut,
    WhyIn,
    WhyOut,
    answers,
)
from breastseg.serve.web.downloads import download
from breastseg.serve.web.routes_slides import Id, entry_out
from breastseg.serve.web.state import ServerState
from breastseg.serve.web.uploads import FORM, check_name, receive

Number = Annotated[int, Path(ge=1, le=2**53)]
_FRESH = {"Cache-Control": "no-store"}
_AREAS: JsonObject = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": AnnotationIn.model_json_schema()}},
    }
}


def router(state: ServerState) -> APIRouter:
    """Return the routes that change something, and those that give files away."""
    routes = APIRouter(prefix="/api")
    _add_jobs(routes, state)
    _add_explanations(routes, state)
    _add_annotations(routes, state)
    _add_uploads(routes, state)
    _add_downloads(routes, state)
    return routes


def _add_jobs(routes: APIRouter, state: ServerState) -> None:
    @routes.post("/jobs", status_code=201, responses=answers(404, 422, 429, 507))
    def predict(wanted: JobIn) -> JobOut:
        """Map the tissue of a slide, or of a box of it, as `breastseg predict` does; jobs wait for
        one another."""
        return state.jobs.add(wanted)

    @routes.get("/jobs", responses=answers())
    def list_jobs() -> list[JobOut]:
        """List the newest 200 jobs, the last one first."""
        return state.jobs.newest()

    @routes.get("/jobs/{number}", responses=answers(404, 422))
    def job(number: Number) -> JobOut:
        """Return how far a job is."""
        return state.jobs.get(number)

    @routes.delete("/jobs/{number}", responses=answers(404, 422, 507))
    def cancel_job(number: Number) -> JobOut:
        """Give up a job that waits or runs; one that has ended stays as it is."""
        return state.jobs.cancel(number)

    @routes.get(
        "/jobs/{number}/preview.png",
        responses={**answers(404, 422), 200: {"content": {"image/png": {}}}},
        response_class=Response,
    )
    def preview(number: Number) -> Response:
        """Return what was mapped so far: 8-bit grey, the value is the label, at most 2048 px a
        side, over the job's preview_box."""
        try:
            picture = state.jobs.preview(number).read_bytes()
        except FileNotFoundError:  # between looking for it and reading it
            raise HTTPException(404, "the job has just ended") from None
        return Response(picture, media_type="image/png", headers=_FRESH)


def _add_explanations(routes: APIRouter, state: ServerState) -> None:
    @routes.post("/explanations", responses=answers(404, 422))
    def explain(wanted: WhyIn) -> WhyOut:
        """Explain why a model says what it says at a place, as `breastseg explain` does; one at a
        time."""
        return state.explainer.explain(wanted)


def _add_annotations(routes: APIRouter, state: ServerState) -> None:
    annotations = Annotations(state.folder, state.tiles)

    @routes.get(
        "/entries/{id}/annotation",
        responses={**answers(404, 413, 422), 200: {"model": AnnotationOut}},
    )
    def annotation(id: Id) -> Response:
        """Return the areas drawn on a slide, from NAME.geojson beside it."""
        entry, most = state.folder.entry(id), state.passing.size
        name = areas_beside(entry.path).name
        with state.passing.taken(checked(_areas_bytes(entry), most, name)):
            return annotations.load(entry)

    @routes.put(
        "/entries/{id}/annotation",
        responses={**answers(404, 409, 413, 422, 507), 200: {"model": AnnotationOut}},
        openapi_extra=_AREAS,
    )
    async def save_annotation(id: Id, request: Request) -> Response:
        """Keep areas beside the slide as QuPath GeoJSON, in place of those of `version`; `breastseg
        prepare` takes them."""
        body = await request.body()

        def save() -> Response:
            entry, most = state.folder.entry(id), state.passing.size
            name = areas_beside(entry.path).name
            # What stands in the file is read too, to be compared with what came.
            needed = _areas_bytes(entry) + body_bytes(body)
            with state.passing.taken(checked(needed, most, name)):
                return annotations.save(entry, _annotation_in(body))

        return await to_thread.run_sync(save)


def _areas_bytes(entry: Entry) -> int:
    """Return what reading the areas of a slide takes; HTTPException 413 where a label map beside it
    is none."""
    check_label_maps(entry.path.parent)
    return areas_bytes(areas_beside(entry.path))


def _annotation_in(body: bytes) -> AnnotationIn:
    """Read areas from a body; by hand, so that there is room for them before they are read."""
    try:
        return AnnotationIn.model_validate(json.loads(body))
    except ValidationError as cause:
        errors = []
        for error in cause.errors(include_url=False, include_context=False):
            # As FastAPI names the place where it reads a body itself.
            errors.append({**error, "loc": ("body", *error["loc"])})
        raise RequestValidationError(errors) from None
    except (ValueError, RecursionError) as cause:
        # json's own errors, bytes that are no text, a number of 5,000 digits; deep nesting.
        raise HTTPException(400, f"body: not JSON ({cause})") from None


def _add_uploads(routes: APIRouter, state: ServerState) -> None:
    @routes.post(
        "/uploads", status_code=201, responses=answers(409, 413, 422, 507), openapi_extra=FORM
    )
    async def upload(
        request: Request, name: Annotated[str, Query(min_length=1, max_length=200)]
    ) -> EntryOut:
        """Take an image or a slide of one file into the folder; it must open, and its name must be
        new."""
        check_name(name)
        return entry_out(state, await receive(request, name, state.folder, state.config.limits))


def _add_downloads(routes: APIRouter, state: ServerState) -> None:
    whole: JsonObject = {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    }

    @routes.get(
        "/layers/{id}/files/{name}",
        responses={**answers(404, 422), 200: whole},
        response_class=Response,
    )
    def file(id: Id, name: Annotated[str, Path(max_length=100)]) -> Response:
        """Return a file of a map; `files` of its layer has the names."""
        return download(state.layers.layer(id), name, state.decoder)
