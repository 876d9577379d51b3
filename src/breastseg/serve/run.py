"""serve(): listens, says where, and runs until it is interrupted."""

import errno
import os
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from urllib.parse import quote

import uvicorn

from breastseg.errors import InputError
from breastseg.serve.app import create_app
from breastseg.serve.config import ServeConfig
from breastseg.serve.guard import is_loopback
from breastseg.serve.patience import PatientProtocol

_BACKLOG = 512
_KEEP_ALIVE_S = 60
"""As long as a person may look at one place before the next tiles are asked for."""
_EVERYWHERE = ("0.0.0.0", "::")


def serve(config: ServeConfig, *, open_browser: bool = True, say: Callable[[str], None] = print) -> None:
    """Show a folder in the browser, until interrupted.

    Args:
        config: what is served and where; a token is made when it listens beyond this machine and has none.
        open_browser: show the page here, where there is a screen.
        say: takes one line at a time of what a person should know.

    Raises:
        InputError: no such folder, two models of one name, or nothing can listen at this host and port.
        ModelError: one of the models is no bundle, or not whole.
        OutputError: another server holds the folder of results, or it is for other work.
    """
    if config.token is None and not is_loopback(config.host):
        config = replace(config, token=secrets.token_urlsafe())
    app = create_app(config)
    state = app.state.server
    with listening(config) as listener, state:
        address = address_of(config, listener.getsockname()[1])
        number = len(state.folder.scan())
        settings = uvicorn.Config(
            app, http=PatientProtocol, log_level="warning", access_log=False, ws="none", lifespan="off", server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )  # fmt: skip
        server = uvicorn.Server(settings)
        found = "1 slide or picture" if number == 1 else f"{number or 'no'} slides or pictures"
        with _heeding_signals(server):
            say(f"{state.folder.root}: {found}, at {address} (Ctrl-C ends)")
            if open_browser and _has_screen():
                webbrowser.open(address)
            server.run(sockets=[listener])


def listening(config: ServeConfig) -> socket.socket:
    """Return a socket that listens where it was asked.

    Raises:
        InputError: the port is in use, or the host is none of this machine.
    """
    if not 0 <= config.port <= 65535:
        raise InputError(f"port {config.port}: wanted 1 to 65535, or 0 for any that is free")
    try:
        family, kind, number, _, place = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as cause:
        raise InputError(f"host '{config.host}': not an address of this machine ({cause}); 127.0.0.1 is this machine alone") from None
    listener = socket.socket(family, kind, number)
    try:
        if sys.platform != "win32":  # there it would let two listen at once
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(_BACKLOG)
    except OSError as cause:
        listener.close()
        if cause.errno == errno.EADDRINUSE:
            raise InputError(f"port {config.port}: in use by another program; choose another with --port, 0 takes any free one") from None
        raise InputError(f"{config.host}, port {config.port}: cannot listen there ({cause.strerror or cause}); choose others") from None
    return listener


def address_of(config: ServeConfig, port: int) -> str:
    """Return the address of the page, with the token where one is needed."""
    host = socket.gethostname() if config.host in _EVERYWHERE else config.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    return address if config.token is None else f"{address}?token={quote(config.token)}"


def _has_screen() -> bool:
    """Return whether a browser can open here; else one for the terminal might."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _heeding_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal end the server in order, however early it comes, and only then this command: its jobs must be told too."""
    came: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        came.append(number)
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGINT in came:
        raise KeyboardInterrupt
    if came:
        sys.exit(128 + came[0])
