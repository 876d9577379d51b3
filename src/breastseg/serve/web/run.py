"""serve(): listens, says where, and runs until it is interrupted."""

import ctypes
import errno
import os
import secrets
import signal
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import uvicorn

from breastseg.errors import InputError
from breastseg.reporter import TERMINAL, Reporter
from breastseg.serve.config import ServeConfig
from breastseg.serve.library.names import shown_name
from breastseg.serve.others import other_users
from breastseg.serve.web.app import create_app
from breastseg.serve.web.entrance import leading_page
from breastseg.serve.web.guard import is_loopback
from breastseg.serve.web.patience import PatientProtocol
from breastseg.wording import counted

_BACKLOG = 512  # connections that wait to be taken: a page asks for many tiles at once
_KEEP_ALIVE_S = 60
"""As long as a person may look at one place before the next tiles are asked for."""
_EVERYWHERE = ("0.0.0.0", "::")
_M_MMAP_THRESHOLD, _GIVEN_BACK_BYTES = -3, 2**20
"""The name of glibc's setting, and the size from which freed memory is given back."""
_END_S = 3
"""Seconds that answers under way have when the server is told to end."""


class _Server(uvicorn.Server):
    """Uvicorn's server; those who wait for a large image are sent away when it is told to end,
    instead of being waited for."""

    def __init__(self, settings: uvicorn.Config, send_away: Callable[[], object]) -> None:
        super().__init__(settings)
        self._send_away = send_away

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._send_away()
        await super().shutdown(sockets)


def serve(
    config: ServeConfig,
    *,
    ask_token: bool | None = None,
    open_browser: bool = True,
    reporter: Reporter = TERMINAL,
) -> None:
    """Show a folder in the browser, until interrupted.

    Args:
        config: what is served and where; a token is made where one is asked for and it has none.
        ask_token: ask everybody for a token; None does where it listens beyond this machine, or
            others use this machine too.
        open_browser: show the page here, where there is a screen.
        reporter: who hears of it.

    Raises:
        InputError: no such folder, two models of one name, no token though other machines are let
            in, or nothing can listen at this host and port.
        ModelError: one of the models is no bundle, or not whole.
        OutputError: another server holds the folder of results, or it is for other work.
    """
    _give_back_at_once()
    wanted, why = _wants_token(config, ask_token)
    if wanted and config.token is None:
        config = replace(config, token=secrets.token_urlsafe())
    app = create_app(config)
    state = app.state.server
    with ExitStack() as stack:
        # First: that the port is taken is known before jobs begin.
        listener = stack.enter_context(listening(config))
        stack.enter_context(state)
        address = address_of(config, listener.getsockname()[1])
        number = len(state.folder.scan())
        settings = uvicorn.Config(
            app,
            http=PatientProtocol,
            log_level="warning",
            access_log=False,
            ws="none",
            lifespan="off",
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_END_S,
        )
        server = _Server(settings, state.send_away)
        contents = _contents(number, len(state.films.scan()))
        with _ended_by_signals(server):
            reporter.message(
                f"{shown_name(str(state.folder.root))}: {contents}, at {address} (Ctrl-C ends)"
            )
            reporter.message(why)
            if open_browser and _has_screen():
                if config.token:
                    address = stack.enter_context(_opening_page(address))
                webbrowser.open(address)
            server.run(sockets=[listener])


def _contents(slides: int, films: int) -> str:
    """Return in words what is in the folder."""
    words = "1 slide or image" if slides == 1 else f"{slides or 'no'} slides or images"
    if not films:
        return words
    prepared = counted(films, "film")
    return f"{prepared} and {words}" if slides else prepared


def _give_back_at_once() -> None:
    """Let the C library give memory of images back to the system when it is freed.

    Left to itself, glibc raises the size from which it does so to 32 MB, and keeps what is
    smaller for each thread: after 30 images of 4 Mpx the server had 1.1 GB, of which it used a
    quarter.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK_BYTES)


def _wants_token(config: ServeConfig, asked: bool | None) -> tuple[bool, str]:
    """Return whether everybody is asked for a token, and why, as a sentence."""
    if config.token is not None or asked:
        return True, "Everybody is asked for the token of this address."
    if not is_loopback(config.host):
        if asked is False:
            raise InputError(
                f"host {config.host}: other machines are let in by a token alone; leave --no-token"
                " out, or --host"
            )
        why = "Everybody is asked for the token of this address, because other machines are let in."
        return True, why
    if asked is False:
        return False, "Nobody is asked for a token: who uses this machine sees these slides."
    verdict = other_users()
    if verdict.shared:
        why = (
            f"Everybody is asked for the token of this address, because {verdict.why} (--no-token"
            " asks for none)."
        )
        return True, why
    return False, f"Nobody is asked for a token, because {verdict.why} (--token asks for one)."


@contextmanager
def _opening_page(address: str) -> Iterator[str]:
    """Yield the address of a page that leads on to `address`: others see what a browser is called
    with, and not what our files hold."""
    # A folder that only this user may look into.
    with tempfile.TemporaryDirectory(prefix="breastseg-", ignore_cleanup_errors=True) as place:
        page = Path(place) / "open.html"
        page.write_bytes(leading_page(address))
        yield page.as_uri()


def listening(config: ServeConfig) -> socket.socket:
    """Return a socket that listens where it was asked.

    Raises:
        InputError: the port is in use, or the host is none of this machine.
    """
    if not 0 <= config.port <= 65535:
        raise InputError(f"port {config.port}: wanted 1 to 65535, or 0 for any that is free")
    try:
        # It tells IPv4 from IPv6, names from addresses; the first answer is the preferred one.
        answers = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
        family, kind, number, _, place = answers[0]
    except (socket.gaierror, UnicodeError) as cause:
        raise InputError(
            f"host '{config.host}': not an address of this machine ({cause}); 127.0.0.1 is this"
            " machine alone"
        ) from None
    listener = socket.socket(family, kind, number)
    try:
        # Else the port stays taken for a minute after a server has ended.
        if sys.platform != "win32":  # there it would let two listen at once
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(_BACKLOG)
    except OSError as cause:
        listener.close()
        if cause.errno == errno.EADDRINUSE:
            raise InputError(
                f"port {config.port}: in use by another program; choose another with --port, 0"
                " takes any free one"
            ) from None
        raise InputError(
            f"{config.host}, port {config.port}: cannot listen there ({cause.strerror or cause});"
            " choose others"
        ) from None
    return listener


def address_of(config: ServeConfig, port: int) -> str:
    """Return the address of the page, with the token where one is needed."""
    host = socket.gethostname() if config.host in _EVERYWHERE else config.host
    if ":" in host:  # an IPv6 address: its colons are not the port's
        host = f"[{host}]"
    address = f"http://{host}:{port}/"
    return address if config.token is None else f"{address}?token={quote(config.token)}"


def _has_screen() -> bool:
    """Return whether a browser can open here; else one for the terminal might."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal end the server in order, however early it comes, and only then this command: its
    jobs must be ended too."""
    received: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        received.append(number)
        server.should_exit = True  # uvicorn looks at it several times a second

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    # As without a server: Ctrl-C is an interruption, SIGTERM an exit status.
    if signal.SIGINT in received:
        raise KeyboardInterrupt
    if received:
        sys.exit(128 + received[0])
