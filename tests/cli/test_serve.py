"""`automl ui`, `sync`, `doctor`: MLflow on the result, and a copy that can be mended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from automl.cli.mlflow_server import ServerError, free_port, serving
from automl.delivery import position_of
from automl.errors import ConfigError
from automl.home import Home
from tests.cli.conftest import SEARCH, Run

Start = Callable[..., "subprocess.Popen[str]"]

TRACKED = [*SEARCH, "--executor", "local", "--trials", "2", "-q"]


@pytest.fixture
def delivered(run: Run, tmp_path: Path, mlflow_template: Path) -> str:
    """Return the name of a study that is in the MLflow store of the default home."""
    (tmp_path / "automl_runs").mkdir()
    shutil.copyfile(mlflow_template, tmp_path / "automl_runs" / "mlflow.db")
    ran = run(*TRACKED)
    assert ran.code == 0, ran.err
    return "train-1"


def answers(address: str) -> bool:
    """Whether something listens there."""
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ui(start: Start, delivered: str, number: signal.Signals) -> None:
    """The address shows this study's children, best first; the server ends with the command, however that ends."""
    process = start("ui", delivered, "--no-open")
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    address = second.split()[1]
    children = psutil.Process(process.pid).children(recursive=True)

    assert first.split()[0] == delivered
    page = urlsplit(first.split()[1])
    query = parse_qs(page.fragment.partition("?")[2])
    study = position_of(Home.find().study(delivered)).runs or {}
    assert f"'{next(run for uid, run in study.items() if '/' not in uid)}'" in query["searchFilter"][0]
    assert (query["orderByKey"], query["orderByAsc"]) == (["metrics.`val_loss`"], ["true"])
    assert page.hostname == "127.0.0.1"
    assert answers(address)

    process.send_signal(number)
    _, err = process.communicate(timeout=30)

    assert process.returncode == (0 if number != signal.SIGKILL else -number), err
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(children, timeout=15)
    assert alive == []
    assert not answers(address)


def test_ui_of_a_study_that_is_not_delivered(run: Run, start: Start, tmp_path: Path, mlflow_template: Path) -> None:
    """The front page is there, and how to get the study onto it is told."""
    (tmp_path / "automl_runs").mkdir()
    assert run(*TRACKED, "--tracking-uri", "http://127.0.0.1:1").code == 0
    shutil.copyfile(mlflow_template, tmp_path / "automl_runs" / "mlflow.db")
    run("resume", "train-1", "--trials", "+1", "--tracking-uri", f"sqlite:///{tmp_path}/automl_runs/mlflow.db")
