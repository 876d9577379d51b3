"""Jobs, corrections, uploads and downloads."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from breastseg.serve.annotations import Annotations
from breastseg.serve.downloads import download
from breastseg.serve.routes_slides import Id, entry_out
from breastseg.serve.schema import AnnotationIn, AnnotationOut, EntryOut, JobIn, JobOut, answers
from breastseg.serve.state import ServerState
from breastseg.serve.uploads import FORM, check_name, receive

Number = Annotated[int, Path(ge=1, le=2**53)]
_FRESH = {"Cache-Control": "no-store"}


def router(state: ServerState) -> APIRouter:
    """Return the routes that change something, and those that give files away."""
    routes = APIRouter(prefix="/api")
    _add_jobs(routes, state)
    _add_annotations(routes, state)
    _add_uploads(routes, state)
    _add_downloads(routes, state)
    return routes


def _add_jobs(routes: APIRouter, state: ServerState) -> None:
    @routes.post("/jobs", status_code=201, responses=answers(404, 422, 429, 507))
    def predict(wanted: JobIn) -> JobOut:
        """Map the tissue of a slide, or of a box of it, as `breastseg predict` does; jobs wait for one another."""
        return state.jobs.add(wanted)

    @routes.get("/jobs", responses=answers())
    def list_jobs() -> list[JobOut]:
        """List the newest 200 jobs, the last one first."""
        return state.jobs.newest()

    @routes.get("/jobs/{number}", responses=answers(404, 422))
    def job(number: Number) -> JobOut:
        """Say how far a job is."""
        return state.jobs.get(number)

    @routes.delete("/jobs/{number}", responses=answers(404, 422, 507))
    def cancel_job(number: Number) -> JobOut:
        """Give up a job that waits or runs; one that has ended stays as it is."""
        return state.jobs.cancel(number)

    @routes.get("/jobs/{number}/preview.png", responses={**answers(404, 422), 200: {"content": {"image/png": {}}}}, response_class=Response)
    def preview(number: Number) -> Response:
        """Return what was named so far: 8-bit grey, the value is the label, at most 2048 px a side, over the job's preview_box."""
        try:
            picture = state.jobs.preview(number).read_bytes()
        except FileNotFoundError:
            raise HTTPException(404, "the job has just ended") from None
        return Response(picture, media_type="image/png", headers=_FRESH)


def _add_annotations(routes: APIRouter, state: ServerState) -> None:
    annotations = Annotations(state.folder, state.tiles)

    @routes.get("/entries/{id}/annotation", responses={**answers(404, 413, 422), 200: {"model": AnnotationOut}})
    def annotation(id: Id) -> Response:
        """Return the areas drawn on a slide, from NAME.geojson beside it."""
        return annotations.load(state.folder.entry(id))

    @routes.put("/entries/{id}/annotation", responses={**answers(404, 409, 413, 422, 507), 200: {"model": AnnotationOut}})
    def save_annotation(id: Id, drawn: AnnotationIn) -> Response:
        """Keep areas beside the slide as QuPath GeoJSON, in place of those of `version`; `breastseg prepare` takes them."""
        return annotations.save(state.folder.entry(id), drawn)


def _add_uploads(routes: APIRouter, state: ServerState) -> None:
    @routes.post("/uploads", status_code=201, responses=answers(409, 413, 422, 507), openapi_extra=FORM)
    async def upload(request: Request, name: Annotated[str, Query(min_length=1, max_length=200)]) -> EntryOut:
        """Take a picture or a slide of one file into the folder; it must open, and its name must be new."""
        check_name(name)
        return entry_out(state, await receive(request, name, state.folder, state.config.limits))


def _add_downloads(routes: APIRouter, state: ServerState) -> None:
    whole: dict[str, Any] = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}

    @routes.get("/layers/{id}/files/{name}", responses={**answers(404, 422), 200: whole}, response_class=Response)
    def file(id: Id, name: Annotated[str, Path(max_length=100)]) -> Response:
        """Return a file of a map; `files` of its layer tells the names."""
        return download(state.layers.layer(id), name, state.decoder)
