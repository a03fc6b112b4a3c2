"""A proxy that loses, delays, cuts and refuses what goes between client and server.

``with FaultyProxy(port) as proxy``: it listens on 127.0.0.1, hands requests of HTTP
on as they are, counts them and their bytes, and misbehaves as it is told.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from socket import socket

Mischief = Literal["none", "drop", "lose", "cut", "busy", "broken", "deny", "delay"]
"""What the proxy does with a request.

``drop``
    The connection is closed before the server hears of it.
``lose``
    The server does it; the connection is closed without an answer.
``cut``
    The second half of the answer's body is missing.
``busy``, ``broken``, ``deny``
    It answers 503, 500 or 403 itself.
``delay``
    The answer comes late.
"""

_STATUSES: Final = {"busy": 503, "broken": 500, "deny": 403}
_HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding"}
_NO_BODY: Final = {204, 304}


@dataclass(frozen=True, slots=True)
class Traffic:
    """What has gone through.

    Parameters
    ----------
    requests
        How many.
    sent_bytes, received_bytes
        Of the bodies of requests, and of their answers.
    """

    requests: int
    sent_bytes: int
    received_bytes: int


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Sequence[tuple[str, str]]
    data: bytes


class FaultyProxy:
    """A proxy in front of one server on 127.0.0.1.

    Parameters
    ----------
    port
        Of the server.
    delay_s
        How late answers are that are to be late, seconds.
    """

    def __init__(self, port: int, *, delay_s: float = 0.05) -> None:
        self._upstream = port
        self._delay_s = delay_s
        self._lock = threading.Lock()
        self._plan = itertools.cycle(["none"])
        self._spares = False
        self._has_failed: set[tuple[str, ...]] = set()
        self._counts: Counter[str] = Counter()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._server.server_address[1])

    def misbehave(self, *plan: Mischief, once_each: bool = False) -> None:
        """Say what is done with the requests that follow, again and again.

        Parameters
        ----------
        plan
            For one request after the other; empty for nothing.
        once_each
            Whether a request that has failed is spared when it comes again.
        """
        with self._lock:
            self._plan = itertools.cycle(plan or ("none",))
            self._spares = once_each
            self._has_failed.clear()

    def count_from_here(self) -> None:
        """Begin to count again."""
        with self._lock:
            self._counts.clear()

    @property
    def traffic(self) -> Traffic:
        """What has gone through since the count began."""
        with self._lock:
            counts = self._counts
            return Traffic(counts["requests"], counts["sent"], counts["received"])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.close_all()
        self._server.server_close()
        self._thread.join()

    def _choose(self, request: tuple[str, ...]) -> str:
        with self._lock:
            if self._spares and request in self._has_failed:
                self._has_failed.discard(request)
                return "none"
            chosen = next(self._plan)
            if chosen not in {"none", "delay"}:
                self._has_failed.add(request)
            return chosen

    def _count(self, **counts: int) -> None:
        with self._lock:
            self._counts.update(counts)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                proxy._serve(self)

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = _body_of(request)
        headers = request.headers
        key = (request.command, request.path, headers.get("Range", ""))
        mischief = self._choose(key)
        self._count(requests=1, sent=len(body))
        if mischief == "drop":
            request.close_connection = True
            return
        if mischief in _STATUSES:
            _send(request, _Answer(_STATUSES[mischief], (), b""))
            return
        answer = self._ask(request, body)
        if mischief == "delay":
            time.sleep(self._delay_s)
        if mischief == "lose":
            request.close_connection = True
            return
        sent = len(answer.data)
        if mischief == "cut":
            sent //= 2
        self._count(received=sent)
        _send(request, answer, sent)

    def _ask(self, request: BaseHTTPRequestHandler, body: bytes) -> _Answer:
        server = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=60)
        with contextlib.closing(server):
            server.putrequest(
                request.command,
                request.path,
                skip_host=True,
                skip_accept_encoding=True,
            )
            for name, value in request.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    server.putheader(name, value)
            if "Content-Length" not in request.headers and body:
                server.putheader("Content-Length", str(len(body)))
            server.endheaders(body or None)
            answer = server.getresponse()
            data = answer.read()
            return _Answer(answer.status, answer.getheaders(), data)


class _Server(ThreadingHTTPServer):
    """A server that lets go of its connections when it ends."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, *arguments: object) -> None:
        self._connections: set[socket] = set()
        super().__init__(*arguments)  # type: ignore[arg-type]

    def process_request(self, request: socket, client_address: object) -> None:  # type: ignore[override]
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket) -> None:  # type: ignore[override]
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        """Close what is open."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(2)

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients go away."""


def _body_of(request: BaseHTTPRequestHandler) -> bytes:
    if "chunked" in request.headers.get("Transfer-Encoding", ""):
        parts = []
        while size := int(request.rfile.readline().split(b";")[0], 16):
            parts.append(request.rfile.read(size))
            request.rfile.readline()
        request.rfile.readline()
        return b"".join(parts)
    return request.rfile.read(int(request.headers.get("Content-Length", 0)))


def _send(
    request: BaseHTTPRequestHandler, answer: _Answer, sent: int | None = None
) -> None:
    """Send an answer, or the beginning of it."""
    request.send_response_only(answer.status)
    has_length = False
    for name, value in answer.headers:
        if name.lower() not in _HOP_BY_HOP:
            request.send_header(name, value)
            has_length |= name.lower() == "content-length"
    if not has_length and answer.status not in _NO_BODY:
        request.send_header("Content-Length", str(len(answer.data)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(answer.data[:sent])
    if sent is not None and sent < len(answer.data):
        request.close_connection = True
