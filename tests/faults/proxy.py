"""A server in front of a server, which breaks what it is told to break while others talk through it.

    with Proxy("http://127.0.0.1:5000") as proxy:
        use(proxy.url)
        proxy.state = "hang"                                # from now on; "pass" makes it well again
        proxy.state = Answer(500)
        proxy.rule = lose("runs/create", times=5)           # single requests, whatever the state is
        proxy.counts["POST /api/2.0/mlflow/runs/create"]    # how many have come, however they fared

It speaks HTTP/1.1 on the loopback interface, with a thread a connection, and needs nothing but Python.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Literal, Self
from urllib.parse import urlsplit

HOST = "127.0.0.1"
_HOP = ("connection", "content-length", "transfer-encoding", "keep-alive", "date", "server")


@dataclass(frozen=True)
class Answer:
    """What the proxy says itself, without asking the server."""

    status: int = 200
    body: bytes = b"<html><body>Welcome to this network: please log in</body></html>"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/html"})


@dataclass(frozen=True)
class Request:
    """What a rule decides about."""

    number: int
    """From 1, in the order of coming."""
    method: str
    path: str
    """With its query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


Fault = Literal["pass", "refuse", "hang", "close", "slow", "lose", "cut"] | Answer
"""pass; refuse: nothing listens; hang: taken, and never answered; close: the connection ends without an answer; slow:
passed on after `delay` seconds; lose: the server does it, its answer is not delivered; cut: half of the answer is."""

Rule = Callable[[Request], Fault | None]
"""What becomes of a request; None leaves it to the state."""


def lose(ending: str, *, times: int) -> Rule:
    """Return a rule that loses the answers to the first `times` requests for a path with that ending."""
    left = iter(range(times))
    lock = threading.Lock()

    def rule(request: Request) -> Fault | None:
        with lock:
            return "lose" if request.path.endswith(ending) and next(left, None) is not None else None

    return rule


class Proxy:
    """The server in between, in threads of its own; use it as a context manager.

    Args:
        target: address of the server behind it.
        delay: seconds that "slow" takes.
    """

    def __init__(self, target: str, *, delay: float = 1.0) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        self.delay = delay
        self.rule: Rule = lambda request: None
        self.counts: Counter[str] = Counter()
        """`METHOD path` without the query -> requests."""
        self.seen: list[Request] = []
        self._target = (parts.hostname, parts.port or 80)
        self._numbers = itertools.count(1)
        self._state: Fault = "pass"
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port = int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    @property
    def state(self) -> Fault:
        """What becomes of a request that no rule decides about. Setting it ends what hangs and what is connected."""
        return self._state

    @state.setter
    def state(self, fault: Fault) -> None:
        with self._changed:
            before, self._state = self._state, fault
            self._changed.notify_all()
        if fault == "refuse" and before != "refuse":
            self._stop_listening()
        elif before == "refuse" and fault != "refuse":
            self._listener = self._listen(self.port)
        if fault != "pass":
            self._cut_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.state = "refuse"

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server((HOST, port), backlog=64)  # with SO_REUSEADDR
        threading.Thread(target=self._accept, args=(listener,), name="proxy", daemon=True).start()
        return listener

    def _stop_listening(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._listener.close()

    def _cut_all(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), name="proxied", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError, ValueError):
                while (request := self._read(stream)) and self._answer(connection, request):
                    pass
        finally:
            self._open.discard(connection)

    def _read(self, stream: BinaryIO) -> Request | None:
        """Return the next request of a connection, or None at its end."""
        line = stream.readline(65536).split()
        if len(line) != 3:
            return None
        headers = {name.lower(): value for name, value in http.client.parse_headers(stream).items()}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(stream.readline(), 16):
                body += stream.read(size + 2)[:size]
            stream.readline()
        else:
            body = stream.read(int(headers.get("content-length", 0)))
        method, path = line[0].decode(), line[1].decode()
        request = Request(next(self._numbers), method, path, headers, body)
        self.seen.append(request)
        self.counts[f"{method} {path.partition('?')[0]}"] += 1
        return request

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Do what is due with a request; return whether the connection goes on."""
        fault = self.rule(request) or self._state
        if fault == "hang":
            with self._changed:
                self._changed.wait_for(lambda: self._state != fault)
            return False
        if fault in ("close", "refuse"):
            return False
        if isinstance(fault, Answer):
            connection.sendall(_raw(fault.status, "", fault.headers, fault.body))
            return True
        if fault == "slow":
            time.sleep(self.delay)
        raw = self._ask(request)
        if fault == "lose":
            return False
        if fault == "cut":
            connection.sendall(raw[: len(raw) - max(1, len(raw) // 4)])
            return False
        connection.sendall(raw)
        return True

    def _ask(self, request: Request) -> bytes:
        """Return what the server answers, as bytes."""
        server = http.client.HTTPConnection(*self._target, timeout=60)
        headers = {name: value for name, value in request.headers.items() if name not in _HOP}
        try:
            server.request(request.method, request.path, body=request.body or None, headers=headers)
            answer = server.getresponse()
            return _raw(answer.status, answer.reason, dict(answer.getheaders()), answer.read())
        finally:
            server.close()


def _raw(status: int, reason: str, headers: Mapping[str, str], body: bytes) -> bytes:
    kept = {name: value for name, value in headers.items() if name.lower() not in _HOP}
    lines = [f"{name}: {value}\r\n" for name, value in (kept | {"Content-Length": str(len(body))}).items()]
    return f"HTTP/1.1 {status} {reason}\r\n{''.join(lines)}\r\n".encode() + body
