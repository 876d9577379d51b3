"""Prepared mammograms: the list, one film, its images, and the muscle's line."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from breastseg.json_files import JsonObject
from breastseg.mammography.record import CUT, IMAGE, MASKS
from breastseg.serve.films.films import Film
from breastseg.serve.films.pictures import checked_picture, finding_mask, thumbnail
from breastseg.serve.schema import FilmLineIn, FilmLineOut, FilmPageOut, FilmsOut, answers
from breastseg.serve.web.routes_slides import ASKED_AGAIN, KEPT, Id, Version
from breastseg.serve.web.state import ServerState

FindingNumber = Annotated[int, Path(ge=1, le=1000)]


def router(state: ServerState) -> APIRouter:
    """Return the routes of films."""
    routes = APIRouter(prefix="/api/films")
    _add_films(routes, state)
    _add_pictures(routes, state)
    _add_lines(routes, state)
    return routes


def _add_films(routes: APIRouter, state: ServerState) -> None:
    @routes.get("", responses=answers())
    def films() -> FilmsOut:
        """List what `breastseg mammo prepare` has written here."""
        films = [film.head for film in state.films.scan()]
        return FilmsOut(films=films, left_out=state.films.left_out())

    @routes.get("/{id}", responses=answers(404, 413, 422))
    def film(id: Id) -> FilmPageOut:
        """Return what is known of a film."""
        return state.films.told(state.films.film(id))


def _add_pictures(routes: APIRouter, state: ServerState) -> None:
    @routes.get("/{id}/thumbnail.jpg", **_picture("image/jpeg"))
    async def film_thumbnail(request: Request, id: Id, v: Version = None) -> Response:
        """Return a film at no more than 320 px."""

        def make() -> Response:
            film = state.films.film(id)
            headers = _headers(film, "thumbnail", v)
            if _has(request, headers):
                return Response(status_code=304, headers=headers)
            made = thumbnail(film, state.passing, state.decoder)
            return Response(made, media_type="image/jpeg", headers=headers)

        return await state.thumbnails.make(make)

    @routes.get("/{id}/image.png", **_picture("image/png"))
    def film_image(request: Request, id: Id, v: Version = None) -> Response:
        """Return the image of a film: the file, 16 bits of grey."""
        return _file(state, request, id, IMAGE, v)

    @routes.get("/{id}/muscle.png", **_picture("image/png"))
    def film_muscle(request: Request, id: Id, v: Version = None) -> Response:
        """Return the pixels that were cut off as muscle: the file, 16 bits of grey."""
        return _file(state, request, id, CUT, v)

    @routes.get("/{id}/labels.png", **_picture("image/png"))
    def film_labels(request: Request, id: Id, v: Version = None) -> Response:
        """Return the masks: 0 outside, 1 background, 2 breast, 3 muscle, 4 artefact."""
        return _file(state, request, id, MASKS, v)

    @routes.get("/{id}/findings/{number}.png", **_picture("image/png"))
    def film_finding(
        request: Request, id: Id, number: FindingNumber, v: Version = None
    ) -> Response:
        """Return the mask of a finding."""
        return _file(state, request, id, finding_mask(number), v)


def _add_lines(routes: APIRouter, state: ServerState) -> None:
    @routes.get("/{id}/muscle", responses=answers(404, 413, 422))
    def film_line(id: Id) -> FilmLineOut:
        """Return the line of the muscle that a person put, from muscle.json beside the film."""
        return state.lines.load(state.films.film(id))

    @routes.put("/{id}/muscle", responses=answers(404, 409, 413, 422, 507))
    def save_film_line(id: Id, put: FilmLineIn) -> FilmLineOut:
        """Keep the line of the muscle beside the film, in place of that of `version`; the next
        `breastseg mammo prepare` takes it."""
        return state.lines.save(state.films.film(id), put)


def _file(state: ServerState, request: Request, id: str, name: str, opened: str | None) -> Response:
    film = state.films.film(id)
    # A page that was opened before the film was made again must not mix old and new images.
    if opened not in (None, film.version):
        raise HTTPException(410, f"{film.name}: has changed since it was opened; open it again")
    path = checked_picture(film, name)
    headers = _headers(film, name, opened)
    if _has(request, headers):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type="image/png", headers=headers)


def _headers(film: Film, name: str, opened: str | None) -> dict[str, str]:
    kept = KEPT if opened == film.version else ASKED_AGAIN
    return {"ETag": f'"{film.version}-{name}"', "Cache-Control": kept}


def _has(request: Request, headers: dict[str, str]) -> bool:
    return request.headers.get("if-none-match") == headers["ETag"]


def _picture(kind: str) -> JsonObject:
    """Describe a route that returns an image."""
    schema = {"type": "string", "format": "binary"}
    responses: dict[int | str, JsonObject] = {
        200: {"content": {kind: {"schema": schema}}},
        304: {"description": "as it was"},
    }
    responses |= answers(404, 410, 413, 422)
    return {"response_class": Response, "responses": responses}
