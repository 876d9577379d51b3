"""The application: what is shared is made here, and every error becomes one line."""

from collections.abc import Mapping
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from breastseg.errors import BreastsegError, InputError
from breastseg.serve.config import ServeConfig
from breastseg.serve.jobs.jobs import Jobs
from breastseg.serve.library.folder import Folder
from breastseg.serve.library.offered import offered_models
from breastseg.serve.refusals import Refused
from breastseg.serve.web import routes_films, routes_jobs, routes_slides, static_files
from breastseg.serve.web.entrance import PAGE_HEADERS, is_for_person, refusal_page
from breastseg.serve.web.errors import answer_of
from breastseg.serve.web.guard import HEADERS, Guard, is_loopback
from breastseg.serve.web.state import ServerState

_ABOUT = """Slides, their tissue maps, jobs that make these, and prepared mammograms. Research use \
only, not for diagnosis.

Requests that change something need the header `X-Breastseg: 1`. A server that others reach wants \
its token too, as
`Authorization: Bearer TOKEN`. Who is told 503 comes again after the seconds of `Retry-After`. \
Every error is `{"error": "one line"}`.
"""


def create_app(config: ServeConfig) -> FastAPI:
    """Return the application for a folder; `app.state.server` is to be entered before the first
    request.

    Raises:
        InputError: no such folder, two models of one name, or it listens beyond this machine and
            asks for no token.
        ModelError: one of the models is no bundle, or not whole.
    """
    if config.token is None and not is_loopback(config.host):
        raise InputError(f"host {config.host}: is reached from other machines, wanted a token too")
    folder = Folder(config)
    models = offered_models(config.models)
    state = ServerState(config, folder, Jobs(config, folder, models), models)
    app = FastAPI(
        title="breastseg",
        description=_ABOUT,
        version=version("breastseg"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.server = state
    app.include_router(routes_slides.router(state))
    app.include_router(routes_jobs.router(state))
    app.include_router(routes_films.router(state))
    app.include_router(static_files.router(static_files.StaticFiles()))
    _add_error_handlers(app, folder)
    app.add_middleware(Guard, config=config)
    return app


def _add_error_handlers(app: FastAPI, folder: Folder) -> None:
    """Turn every error into ErrorOut."""

    def answer(status: int, line: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"error": folder.told(line)}, status, dict(headers or {}))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if is_for_person(request.url.path, request.headers.get("accept", "")):
            page = refusal_page(folder.told(str(error.detail)))
            headers = {**(error.headers or {}), **PAGE_HEADERS}
            return Response(page, error.status_code, headers)
        return answer(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Refused)
    async def not_given(request: Request, error: Refused) -> Response:
        return await refused(request, answer_of(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]  # one line, and the first says enough to mend it
        place = ".".join(map(str, first["loc"]))
        return answer(400, f"{place}: {first['msg']}")

    @app.exception_handler(BreastsegError)
    async def mistaken(request: Request, error: BreastsegError) -> JSONResponse:
        return answer(422, str(error))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        # What answers here stands in front of the guard, which puts these headers on everything
        # else.
        line = "something went wrong in breastseg; see the error in the terminal where it runs"
        return answer(500, line, HEADERS)
