"""Who may ask, and for how much: in front of everything else. Every refusal and every error is one
line without paths or traces."""

import asyncio
import hmac
import ipaddress
import json
import re
import socket
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from breastseg.serve.config import LOOPBACK, ServeConfig
from breastseg.serve.refusals import Refused
from breastseg.serve.room import busy
from breastseg.serve.web.entrance import (
    PAGE_HEADERS,
    TOKEN_NEEDED,
    is_for_person,
    leading_page,
    refusal_page,
)
from breastseg.serve.web.errors import answer_of

OWN_HEADER = "x-breastseg"
"""A form or a script of another page cannot send it without asking first, and nobody answers that.
"""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self';"
        " connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_UPLOADS, _AREAS = "/api/uploads", "/annotation"
_MULTIPART_BYTES = 2**16
BODY_S = 60.0
"""Seconds without a byte after which a body is given up."""


class Guard:
    """Lets requests through whose host is ours, that carry the token, that no other page can have
    sent, and that are not too much."""

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        """Stand in front of `app`."""
        self._app, self._config = app, config
        self._under_way = self._bodies = 0
        self._cookie = f"breastseg-{sha256((config.token or '').encode()).hexdigest()[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Answered as GET is; the server keeps back what follows the headers.
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        sender, headers = _with_headers(send), Headers(scope=scope)
        is_page = is_for_person(scope["path"], headers.get("accept", ""))
        by_person = scope["method"] == "GET" and is_page
        try:
            # Who asks before what is asked: a stranger learns nothing of what is here.
            self._check_framing(headers)
            self._check_host(headers)
            if clean := self._came_with_token(scope):
                await self._let_in(sender, clean, headers, by_person=by_person)
                return
            self._check_token(headers)
            self._check_page(scope, headers)
            limit = self._limit(scope)
            self._check_length(headers, limit)
            await self._pass(scope, receive, sender, limit)
        except (HTTPException, Refused) as cause:
            refusal = answer_of(cause) if isinstance(cause, Refused) else cause
            if by_person:
                body, kind = refusal_page(refusal.detail), PAGE_HEADERS
            else:
                body = json.dumps({"error": refusal.detail}).encode()
                kind = {"Content-Type": "application/json"}
            all_headers = {**kind, **(refusal.headers or {})}
            await _answer(sender, refusal.status_code, body, all_headers)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        if self._under_way >= self._config.limits.requests:
            raise busy(f"{self._under_way} requests are being answered")
        self._under_way += 1
        received = 0

        def count(size: int) -> None:
            """Add up what bodies hold that are kept until they are whole, which is all but
            uploads."""
            nonlocal received
            if scope["path"] != _UPLOADS:
                received += size
                self._bodies += size
                if self._bodies > self._config.limits.bodies_bytes:
                    raise busy("too much is being sent at once")

        try:
            await self._app(scope, _counted(receive, limit, count), send)
        finally:
            self._under_way -= 1
            self._bodies -= received

    async def _let_in(self, send: Send, clean: str, headers: Headers, *, by_person: bool) -> None:
        """Set the cookie, and lead to the address without the token.

        A cookie that is SameSite=Strict is not sent where another page, such as the file that opens
        the browser, has led to a redirect: there a page of our own leads on.
        """
        cookie = {"Set-Cookie": self._set_cookie(), "Cache-Control": "no-store"}
        if by_person and headers.get("sec-fetch-site") not in {"none", "same-origin"}:
            await _answer(send, 200, leading_page(clean), {**PAGE_HEADERS, **cookie})
        else:
            await _answer(send, 303, b"", {"Location": clean, **cookie})

    def _check_framing(self, headers: Headers) -> None:
        """Refuse a body with two lengths: what stands between may take the other one, and see
        another request in what follows."""
        if "transfer-encoding" in headers and "content-length" in headers:
            raise HTTPException(
                400,
                "a request has a Content-Length or a Transfer-Encoding, not both",
                {"Connection": "close"},
            )

    def _check_host(self, headers: Headers) -> None:
        """Refuse names that are not ours: one that an attacker owns may point here (DNS
        rebinding)."""
        name = _host_name(headers.get("host", ""))
        if name in LOOPBACK or name == self._config.host.lower():
            return
        if not is_loopback(self._config.host) and _is_address_or_own(name):
            return
        raise HTTPException(
            403,
            "the address of this page is not one that breastseg listens at; use the one that it"
            " printed",
        )

    def _came_with_token(self, scope: Scope) -> str | None:
        """Return the address without the token, where a page is asked for with the right one."""
        if self._config.token is None or scope["method"] != "GET":
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not any(map(self._is_token, query.pop("token", []))):
            return None
        # //host/ would lead to another host.
        path = "/" + scope["raw_path"].decode("latin-1").lstrip("/\\")
        return f"{path}?{urlencode(query, doseq=True)}" if query else path

    def _check_token(self, headers: Headers) -> None:
        if self._config.token is None:
            return
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        cookies = {}
        for part in headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            cookies[name] = value
        is_browser = self._is_token(cookies.get(self._cookie, ""))
        is_program = kind.lower() == "bearer" and self._is_token(bearer.strip())
        if not is_browser and not is_program:
            raise HTTPException(403, TOKEN_NEEDED)

    def _check_page(self, scope: Scope, headers: Headers) -> None:
        """Refuse what another page may have made the browser send."""
        if scope["method"] == "GET":
            return
        if headers.get(OWN_HEADER) != "1":
            raise HTTPException(
                403, "a request that changes something needs the header X-Breastseg: 1"
            )
        # Browsers send it with everything that changes something; programs need not.
        origin = headers.get("origin")
        own = f"{scope['scheme']}://{headers.get('host', '')}".lower()
        if origin is not None and origin.lower() != own:
            raise HTTPException(403, "this request came from another page")

    def _limit(self, scope: Scope) -> int:
        limits = self._config.limits
        if scope["path"] == _UPLOADS:
            return limits.upload_bytes + _MULTIPART_BYTES
        if scope["path"].endswith(_AREAS):
            return limits.body_bytes
        return min(limits.small_body_bytes, limits.body_bytes)

    def _check_length(self, headers: Headers, limit: int) -> None:
        length = headers.get("content-length")
        if length is not None and length.isdecimal() and int(length) > limit:
            raise HTTPException(413, _too_large(limit))

    def _set_cookie(self) -> str:
        return f"{self._cookie}={self._config.token}; HttpOnly; SameSite=Strict; Path=/"

    def _is_token(self, candidate: str) -> bool:
        # It takes as long for a wrong letter at the beginning as at the end.
        own = (self._config.token or "").encode()
        return hmac.compare_digest(candidate.encode("utf-8", "replace"), own)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what listens at `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_name(header: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    # An IPv6 address in brackets or a name, then perhaps a port.
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]/?#@\s]+)(:\d{1,5})?", header)
    return match[1].strip("[]").lower() if match else ""


def _is_address_or_own(name: str) -> bool:
    """Return whether a host is a plain address, which no DNS can turn, or this machine's name."""
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return name in {socket.gethostname().lower(), socket.getfqdn().lower()}


def _with_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            # Where an answer does not say itself for how long it is good.
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sender


def _counted(receive: Receive, limit: int, count: Callable[[int], None]) -> Receive:
    """Count what a body brings: not all say beforehand how long it is, and some never end."""
    received, whole = 0, False

    async def receiver() -> Message:
        nonlocal received, whole
        try:
            # When all has come, this waits for the end of the connection, which may be far.
            async with asyncio.timeout(None if whole else BODY_S):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"nothing came for {BODY_S:g} s; send it again") from None
        whole = not message.get("more_body", False)
        size = len(message.get("body", b""))
        received += size
        if received > limit:
            raise HTTPException(413, _too_large(limit))
        count(size)
        return message

    return receiver


def _too_large(limit: int) -> str:
    return f"more than {limit / 1e6:.0f} MB; send less"


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    headers = {**headers, "Content-Length": str(len(body))}
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
