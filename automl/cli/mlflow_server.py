"""MLflow's server on one store, on the loopback interface only, for as long as this process lives and no longer.

    with serving("sqlite:////data/mlflow.db", artifacts=Path("/data/artifacts"), port=free_port()) as server:
        print(server.address)           # it answers
        server.process.wait()

Between the two stands a guard process, this module run by itself: it ends the server when its standard input ends,
which happens however its parent dies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from automl import private
from automl.errors import AutomlError, ConfigError
from automl.redaction import redacted, without_password

HOST = "127.0.0.1"
FIRST_PORT, PORTS = 5000, 100
START_SECONDS = 120.0  # a store that has to be migrated first takes long on a busy machine
STOP_SECONDS = 5.0
_ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes that nobody asked for
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "false",  # which checks the Host of requests
    "MLFLOW_SERVER_ALLOWED_HOSTS": "127.0.0.1,127.0.0.1:*,localhost,localhost:*",
}


class ServerError(AutomlError):
    """MLflow's server did not start; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    address: str
    process: subprocess.Popen[bytes]


def free_port(wanted: int | None = None) -> int:
    """Return `wanted`, or else the first free port from 5000 on.

    Raises:
        ConfigError: it is taken, or no port.
    """
    if wanted is not None and not 0 < wanted < 2**16:
        raise ConfigError(f"--port must be a number from 1 to 65535, got {wanted}")
    for port in range(FIRST_PORT, FIRST_PORT + PORTS) if wanted is None else (wanted,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was left a minute ago will do
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port
    taken = f"--port {wanted} is" if wanted else f"ports {FIRST_PORT} to {FIRST_PORT + PORTS - 1} are"
    raise ConfigError(f"{taken} taken; give another --port")


@contextlib.contextmanager
def serving(store: str, *, artifacts: Path, port: int) -> Iterator[Server]:
    """Serve `store`, yield when it answers, and end it at the end.

    Raises:
        ServerError: it ended, or did not answer for two minutes.
    """
    arguments = ["--artifacts-destination", str(artifacts), "--host", HOST, "--port", str(port), "--workers", "1"]
    environment = {
        **os.environ,
        **_ENVIRONMENT,
        "MLFLOW_BACKEND_STORE_URI": store,  # which may hold a password, and `ps` shows arguments
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory(prefix="automl-ui-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "automl.cli.mlflow_server", *arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,  # MLflow leaves files where it is started
            env=environment,
            umask=private.UMASK,
            start_new_session=True,  # Ctrl-C is for us
        )
        try:
            address = f"http://{HOST}:{port}"
            _wait_until_it_answers(process, f"{address}/health")
            yield Server(address, process)
        except _NotStarted as error:
            log.seek(0)
            said = log.read().decode(errors="replace").strip().splitlines()[-3:]
            words = redacted(" / ".join(said)) or "it said nothing"
            raise ServerError(f"MLflow's server for {without_password(store)} {error}: {words}") from None
        finally:
            _stop(process)


class _NotStarted(Exception):
    """How the server failed to start."""


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), opener.open(url, timeout=5):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise _NotStarted(f"ended with code {process.wait(0.2)}")
    raise _NotStarted(f"did not answer for {START_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()  # the guard takes it as the end
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2 * STOP_SECONDS)
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _guard(arguments: list[str]) -> int:
    """Run the server until it or the standard input ends; then end the whole process group."""
    signal.signal(signal.SIGTERM, lambda number, frame: None)  # for the server, which is in the same group
    server = subprocess.Popen([sys.executable, "-m", "mlflow", "server", *arguments], stdin=subprocess.DEVNULL)

    def end_with_input() -> None:
        sys.stdin.buffer.read()
        os.killpg(0, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=end_with_input, daemon=True).start()
    code = server.wait()
    os.killpg(0, signal.SIGTERM)  # what it may have left behind
    return code


if __name__ == "__main__":
    sys.exit(_guard(sys.argv[1:]))
