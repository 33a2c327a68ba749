"""Who listens while a search runs, and while `automl ui` does: nobody beyond loopback but Ray, who asks for a token.

Ray's own processes listen on all interfaces; each of their ports is sent gRPC calls without a token, by hand, and must
answer one with UNAUTHENTICATED and none with OK, or if it speaks HTTP must refuse a request. MLflow's server listens on
loopback and refuses a Host that is not its own.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import shutil
import socket
import stat
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from automl.cli.mlflow_server import free_port
from tests.mlflow_template import template
from tests.stress.scene import MARK, PROGRAM, ROOT, SECONDS

TITLE = "Listening sockets"
EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=1"
SLOW = 5.0  # seconds, for one call
STARTING = 120.0  # seconds: a worker listens before it can answer, and has the lowest priority on a busy machine
OBJECTIVE = """
import os, time
HERE = os.path.dirname(__file__)

def objective(trial):
    open(os.path.join(HERE, "begun"), "w").close()
    while not os.path.exists(os.path.join(HERE, "go")):
        time.sleep(0.05)
    return {"loss": 0.5}
"""
UNAUTHENTICATED, OK, NOT_YET = b"16", b"0", b"14"
"""https://grpc.io/docs/guides/status-codes/"""
CALLS = (
    "/ray.rpc.CoreWorkerService/GetCoreWorkerStats",
    "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo",
    "/ray.rpc.NodeManagerService/GetNodeStats",
    "/ray.rpc.ObjectManagerService/Push",
    "/ray.rpc.ReporterService/GetTraceback",
)
"""One of each kind of Ray's servers: who does not know a call says 12, whoever asks."""


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Yield a look at a search in this process's place, or with Ray, and then one at `automl ui`."""
    yield _look(seed, _search, executor="local" if short else "ray")
    if not short:
        yield _look(seed, _ui)


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return who listened where, and what was refused."""
    beyond, open_ = (sum(len(row[key]) for row in rows) for key in ("beyond", "open"))
    rays = sum(row["ray"] for row in rows)
    whole = [row for row in rows if "hosts" in row]
    found = [
        ("0 sockets that listen beyond loopback, other than Ray's own", f"{beyond} in {len(rows)} looks", not beyond),
        ("each of Ray's refuses a call without its token", f"{open_} of {rays} do not", not open_),
        ("Ray's token 0600", f"{sum(not row['token'] for row in rows)} open to others", all(r["token"] for r in rows)),
    ]
    if whole:
        refused = sum(row["hosts"] == [200, 403] for row in whole)
        found.append(
            ("`automl ui` refuses another Host (403)", f"{refused} of {len(whole)} times", refused == len(whole))
        )
    return found


def _look(seed: int, play: Any, **options: Any) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="s", dir="/tmp"))  # short: Ray keeps sockets in it
    (folder / "runs").mkdir()
    (folder / "tmp").mkdir()
    shutil.copyfile(template(), folder / "runs" / "mlflow.db")
    try:
        row: dict[str, Any] = {"seed": seed, "what": play.__name__.strip("_"), "token": _token_is_private()}
        row |= play(folder, **options)
        row["ok"] = row["token"] and not (row["beyond"] or row["open"]) and row.get("hosts") in (None, [200, 403])
        row["ok"] = row["ok"] and not row.get("left") and not row.get("exit")
        return row
    finally:
        for process in _processes(folder):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _search(folder: Path, *, executor: str) -> dict[str, Any]:
    """Look at a search whose trials wait, and let it end."""
    (folder / "train.py").write_text(OBJECTIVE)
    options = ["-p", "x=0.0..1.0", "--metric", "loss", "--trials", "2", "--executor", executor, "-q"]
    driver = _start(folder, "search", f"{folder}/train.py:objective", *options)
    _wait_for(lambda: (folder / "begun").exists() or driver.poll() is not None)
    found = _sockets(folder)
    (folder / "go").touch()
    return found | {"executor": executor, "exit": driver.wait(SECONDS)}


def _ui(folder: Path) -> dict[str, Any]:
    """Look at MLflow's server as `automl ui` starts it; then end the command and see that nothing is left."""
    port = free_port()
    command = _start(folder, "ui", "--port", str(port), "--no-open")
    _wait_for(lambda: _status(port, f"127.0.0.1:{port}") is not None or command.poll() is not None)
    hosts = [_status(port, host) for host in (f"127.0.0.1:{port}", "evil.example")]
    found = _sockets(folder)
    command.kill()
    command.wait()
    _, alive = psutil.wait_procs(_processes(folder), timeout=15)
    return found | {"hosts": hosts, "left": len(alive)}


def _start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOML_", "MLFLOW_"))}
    environment |= {"PYTHONPATH": str(ROOT), MARK: str(folder), "AUTOML_HOME": str(folder / "runs")}
    with (folder / "out").open("ab") as out:
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=folder,
            env=environment | {"TMPDIR": str(folder / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


def _wait_for(is_there: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_there():
        assert time.monotonic() < deadline, "nothing happens"
        time.sleep(0.05)  # another process's doing: there is no event to wait for


def _sockets(folder: Path) -> dict[str, Any]:
    """Return how many sockets listen, those that do beyond loopback, and those of Ray's that ask for no token."""
    listening, beyond, ray, opened = 0, [], 0, []
    for process in _processes(folder):
        with contextlib.suppress(psutil.Error):
            name, line = process.name(), " ".join(process.cmdline())
            for each in process.net_connections(kind="inet"):
                if each.status != psutil.CONN_LISTEN:
                    continue
                if ipaddress.ip_address(each.laddr.ip).is_loopback:
                    listening += 1
                    continue
                host = "127.0.0.1" if ipaddress.ip_address(each.laddr.ip).is_unspecified else each.laddr.ip
                answers, http_status = _answers(host, each.laddr.port)
                if answers <= {NOT_YET} and http_status is None and not _listens(host, each.laddr.port):
                    continue  # Ray ends workers that it started for nothing
                listening += 1
                if not (answers or "/ray/" in line or line.startswith("ray::")):
                    beyond.append(f"{name} {each.laddr}")
                    continue
                ray += 1
                is_closed = UNAUTHENTICATED in answers and OK not in answers
                if not is_closed and http_status not in (401, 403):
                    opened.append(f"{name} {each.laddr.port}: {sorted(map(str, answers))} {http_status}")
    return {"listening": listening, "beyond": beyond, "ray": ray, "open": opened}


def _processes(folder: Path) -> list[psutil.Process]:
    """Return the processes of a look, and all their children: some of Ray's write over their environment."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if f"{MARK}={folder}".encode() in Path(f"/proc/{process.pid}/environ").read_bytes():
                found |= {each.pid: each for each in [process, *process.children(recursive=True)]}
    return [*found.values()]


def _answers(host: str, port: int) -> tuple[set[bytes], int | None]:
    """Return what is said to calls without a token, or to a request over HTTP where gRPC is not spoken.

    A worker that is about to start is given time to say anything.
    """
    deadline = time.monotonic() + STARTING
    while True:
        found = {said for call in CALLS if (said := answer(host, port, call)) is not None}
        status = None if found else _status(port, host, "/get_or_create_runtime_env", at=host)
        is_through = (found and NOT_YET not in found) or status is not None or not _listens(host, port)
        if is_through or time.monotonic() > deadline:
            return found, status


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection((host, port), timeout=SLOW):
        return True
    return False


def answer(host: str, port: int, call: str) -> bytes | None:
    """Return the status, as gRPC writes it, of a call without a token; None where nobody speaks gRPC.

    That is HTTP/2: its preface and settings, one request whose headers are literals without compression (RFC 7541,
    6.2.2) and whose body is an empty message, and an answer in which the status is looked for as it stands.
    """

    def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def header(name: str, value: str) -> bytes:
        return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()

    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", call),
        (":authority", host),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    request += frame(1, 4, 1, b"".join(header(*each) for each in headers)) + frame(0, 1, 1, bytes(5))
    said = b""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=SLOW) as connection:
        connection.sendall(request)
        while b"grpc-status" not in said and (part := connection.recv(65536)):
            said += part
    _, found, rest = said.partition(b"grpc-status")
    return rest[1 : 1 + rest[0]] if found and len(rest) > 1 else None


def _status(port: int, host: str, path: str = EXPERIMENTS, *, at: str = "127.0.0.1") -> int | None:
    """Return the status of the answer to a request for `host`; None where nobody speaks HTTP."""
    connection = http.client.HTTPConnection(at, port, timeout=SLOW)
    try:
        connection.request("GET" if path == EXPERIMENTS else "POST", path, headers={"Host": host})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _token_is_private() -> bool:
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    return not token.exists() or stat.S_IMODE(token.stat().st_mode) == 0o600
