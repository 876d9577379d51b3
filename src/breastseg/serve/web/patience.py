"""Connections that say nothing, or the head of a request letter by letter, are let go: each holds a
file handle."""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_S = 30.0
"""Seconds in which the head of a request, all before its body, must have come."""
# Uvicorn chooses one of two classes by what is installed, which no type can say.
_Http: Any = AutoHTTPProtocol


class PatientProtocol(_Http):  # type: ignore[misc]
    """Uvicorn's protocol, which waits for a connection's next request as it does, but for none that
    has begun for ever."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on; wait where that was not yet a request."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        # `cycle` is uvicorn's request and answer: with it the timer knows whether another came.
        if self._timer is None and self._is_between():
            self._timer = self.loop.call_later(HEAD_S, self._look, self.cycle)

    def _look(self, last: object) -> None:
        """Let go when no request has come since the last one and uvicorn does not wait itself."""
        self._timer = None
        if self._is_between() and self.timeout_keep_alive_task is None:
            if self.cycle is last:
                self.transport.close()
            else:
                self._wait()

    def _is_between(self) -> bool:
        """Return whether nothing is being answered."""
        return self.cycle is None or bool(self.cycle.response_complete)
