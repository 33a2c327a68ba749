"""An address that cannot be, and a server that is not there, are told within moments."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from trackers.mlflow_address import address_problem, why_silent


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:5000",
        "https://mlflow.example.com/prefix",
        "http://[::1]:5000",
        "sqlite:////data/mlflow.db",
        "postgresql+psycopg://ada@db/mlflow",
        "mysql+pymysql://ada:secret@db/mlflow",
        "databricks",
        "databricks://profile",
    ],
)
def test_addresses(uri: str) -> None:
    """Servers and databases that MLflow knows."""
    assert address_problem(uri) is None


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("localhost:5000", "'localhost:5000' has no scheme: write http://localhost:5000"),
        ("mlflow.db", "'mlflow.db' has no scheme: write sqlite:///mlflow.db"),
        ("./mlruns", "'./mlruns' has no scheme: write sqlite:///./mlruns"),
        ("htp://localhost", "begins with htp, expected one of http, .*; did you mean http?"),
        ("postgres://ada:secret@db/x", "'postgres://ada:...@db/x' begins with postgres, .*; did you mean postgresql?"),
        ("file:///tmp/mlruns", "begins with file, expected one of http,"),
        ("http://", "'http://' names no host and port: write such as http://localhost:5000"),
        ("https://host:port", "names no host and port: write such as https://localhost:5000"),
        ("http://host:99999", "names no host and port"),
        ("sqlite://", "'sqlite://' ends after the scheme"),
    ],
)
def test_addresses_that_cannot_be(uri: str, said: str) -> None:
    """What was seen, without its password, and what to write."""
    import re

    problem = address_problem(uri)

    assert problem is not None
    assert all(part in problem for part in re.split(r"\.\*", said)), problem


class _Refuses(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(200 if self.path == "/ok/health" else 403)

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Refuses) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def test_who_answers(server: str) -> None:
    """A server that is well, under whatever path; one that refuses; a store that is no server."""
    assert why_silent(f"{server}/ok/") is None
    assert why_silent(server) == "it answers 403 Forbidden"
    assert why_silent("sqlite:////nowhere.db") is None
    assert why_silent(server.replace("http:", "https:")) is not None


def test_who_does_not() -> None:
    """Nobody there, or somebody who says nothing: known within the time given."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()

        assert why_silent(f"http://127.0.0.1:{port}", seconds=0.2) == "timed out"

        assert time.monotonic() - began < 3
    assert why_silent(f"http://127.0.0.1:{port}") == "Connection refused"
