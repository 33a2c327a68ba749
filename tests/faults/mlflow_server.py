"""One real MLflow server a process, for all tests that want one behind a fault proxy: it takes seconds to start.

server = shared()
Proxy(server.address), server.store         # the SQLite file behind it, to look at or to harm
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import socket
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from automl.cli import mlflow_server
from tests.mlflow_template import template


@dataclass(frozen=True)
class MlflowServer:
    """A server that answers until this process ends."""

    address: str
    store: Path


@cache
def shared() -> MlflowServer:
    """Return the server, started by the first call, on the loopback interface."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    folder = Path(tempfile.mkdtemp(prefix="automl-mlflow-server-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    shutil.copyfile(template(), folder / "mlflow.db")
    with socket.create_server((mlflow_server.HOST, 0)) as free:
        port = free.getsockname()[1]
    serving = mlflow_server.serving(f"sqlite:///{folder}/mlflow.db", artifacts=folder / "artifacts", port=port)
    return MlflowServer(stack.enter_context(serving).address, folder / "mlflow.db")
