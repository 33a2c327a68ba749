"""The fault proxy does what the tests that lean on it believe."""

from __future__ import annotations

import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Answer, Fault, Proxy, lose


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    done: list[tuple[str, bytes]]


class _Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent, and notes it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, _Server)
        self.server.done.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Echo) as server:
        server.done = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: _Server) -> Iterator[Proxy]:
    with Proxy(f"http://127.0.0.1:{server.server_port}", delay=0.2) as proxy:
        yield proxy


def post(proxy: Proxy, path: str = "/a", *, timeout: float = 0.3) -> bytes | str:
    """Return the answer to a request, or what went wrong."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{proxy.url}{path}", data=b"0123456789" * 9, timeout=timeout) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        error.close()
        return str(error.code)
    except Exception as error:
        return str(getattr(error, "reason", None) or type(error).__name__)


@pytest.mark.parametrize(
    ("fault", "said", "done"),
    [
        ("refuse", "Connection refused", False),
        ("hang", "TimeoutError", False),
        ("close", "Remote", False),
        ("lose", "Remote", True),
        ("cut", "IncompleteRead", True),
        (Answer(500), "500", False),
        (Answer(429, b""), "429", False),
    ],
)
def test_each_fault_and_its_end(proxy: Proxy, server: _Server, fault: Fault, said: str, done: bool) -> None:
    """While it lasts it is what its name says, for the server too; afterwards all is well, at the same address."""
    proxy.state = fault
    failed = post(proxy)
    was_done = bool(server.done)
    proxy.state = "pass"

    worked = post(proxy, timeout=5)

    assert said in str(failed)
    assert was_done == done
    assert worked == b"0123456789" * 9


def test_slow_and_html(proxy: Proxy, server: _Server) -> None:
    """A slow one answers late; a page with 200 is nobody's answer."""
    proxy.state = "slow"
    early, late = post(proxy, timeout=0.1), post(proxy, timeout=5)
    proxy.state = Answer()

    page = post(proxy, timeout=5)

    assert (early, late) == ("TimeoutError", b"0123456789" * 9)
    assert page == Answer().body


def test_single_requests(proxy: Proxy, server: _Server) -> None:
    """A rule picks requests; each is counted by its path, whatever became of it, and seen whole."""
    proxy.rule = lose("/create", times=2)

    answers = [post(proxy, path, timeout=5) for path in ("/create?x=1", "/a/create", "/b/create", "/b/create", "/a")]

    assert [isinstance(answer, bytes) for answer in answers] == [True, False, False, True, True]
    assert [path for path, _ in server.done] == ["/create?x=1", "/a/create", "/b/create", "/b/create", "/a"]
    assert proxy.counts == {"POST /create": 1, "POST /a/create": 1, "POST /b/create": 2, "POST /a": 1}
    assert {request.body for request in proxy.seen} == {b"0123456789" * 9}
