"""`automl ui`, `sync`, `doctor`: MLflow on the result, and a copy that can be mended."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from automl.cli import serve
from automl.cli.mlflow_server import ServerError, free_port, serving
from automl.errors import ConfigError
from automl.home import Home
from automl.mirrors import position_of
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ui(start: Start, delivered: str, number: signal.Signals) -> None:
    """The address shows this study's children, best first; the server ends with the command, however that ends."""
    process = start("ui", delivered, "--no-open")
    assert process.stdout is not None
    first, parent, last = (process.stdout.readline() for _ in range(3))
    address = last.split()[1]
    children = psutil.Process(process.pid).children(recursive=True)

    assert first.split()[0] == delivered
    page = urlsplit(first.split()[1])
    query = parse_qs(page.fragment.partition("?")[2])
    study = position_of(Home.find().study(delivered)).runs or {}
    assert f"'{next(run for uid, run in study.items() if '/' not in uid)}'" in query["searchFilter"][0]
    assert (query["orderByKey"], query["orderByAsc"]) == (["metrics.`best/val_loss`"], ["true"])
    assert page.hostname == "127.0.0.1"
    assert parent.split()[0] == "parent"
    assert parent.split()[1].startswith(f"{address}/#/experiments/")
    assert answers(address)
    for child in children:
        assert "sqlite:" not in " ".join(child.cmdline()), "a store's address may hold a password"
    request = urllib.request.Request(f"{address}/api/2.0/mlflow/experiments/search", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    refused.value.close()
    assert refused.value.code == 403

    process.send_signal(number)
    _, err = process.communicate(timeout=30)

    assert process.returncode == (0 if number != signal.SIGKILL else -number), err
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(children, timeout=15)
    assert alive == []
    assert not answers(address)


def test_ui_on_a_server_elsewhere(run: Run, delivered: str, tmp_path: Path) -> None:
    """A study that was tracked by a server has its page there; none is started."""
    store = f"sqlite:///{tmp_path}/automl_runs/mlflow.db"
    with serving(store, artifacts=tmp_path / "artifacts", port=free_port()) as server:
        assert run(*TRACKED, "--tracking-uri", server.address).code == 0

        ran = run("ui", "train-2")

        assert ran.code == 0, ran.err
        pages = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
        assert pages["train-2"].startswith(f"{server.address}/#/experiments/")
        assert pages["everything"] == server.address

        with Home.find().read("train-2") as reader:
            unknown = dataclasses.replace(reader.study(), uid="0" * 32)
        assert serve._study_pages(unknown, server.address) == []


def test_server_that_does_not_start(tmp_path: Path) -> None:
    """Its last words are the error."""
    (tmp_path / "mlflow.db").write_text("This is no database, and long enough to look at. " * 9)

    with (
        pytest.raises(ServerError, match="ended with code"),
        serving(f"sqlite:///{tmp_path}/mlflow.db", artifacts=tmp_path / "artifacts", port=free_port()),
    ):
        pass


def test_port() -> None:
    """A port that is asked for is taken or refused; else the first that is free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=f"--port {port} is taken"):
            free_port(port)
        assert free_port() != port
    for wrong in (0, 65536):
        with pytest.raises(ConfigError, match="1 to 65535"):
            free_port(wrong)


def test_sync(run: Run, tmp_path: Path, mlflow_template: Path) -> None:
    """A dead tracker is told before the first trial, what it did not get at the end; it is delivered later, once."""
    ran = run(*[word for word in TRACKED if word != "-q"], "--tracking-uri", "http://127.0.0.1:1")
    assert ran.code == 0
    told = "it does not answer (Connection refused): the search goes on, and `automl sync train-1` delivers"
    assert ran.err.index(told) < ran.err.index("trial 0")
    assert "points wait for http://127.0.0.1:1: automl sync train-1" in ran.out

    down = run("sync", "train-1")
    assert (down.code, down.out, len(down.errors)) == (1, "", 1)
    assert "http://127.0.0.1:1" in down.errors[0]

    store = f"sqlite:///{tmp_path}/elsewhere.db"
    shutil.copyfile(mlflow_template, tmp_path / "elsewhere.db")
    assert run("resume", "train-1", "--tracking-uri", store, "--trials", "+1", "-q").code == 0
    assert run("sync", "train-1", "-f", "json").json == {
        "name": "train-1",
        "tracking_uri": store,
        "delivered": 0,
        "waiting": 0,
        "trackers": [{"tracker": "mlflow", "where": store, "delivered": 0, "waiting": 0}],
    }
    assert run("doctor", "train-1", "-f", "json").json["ok"]


def test_without_mlflow(run: Run, tmp_path: Path) -> None:
    """A study that is kept as text says where, everywhere; MLflow has nothing to serve of it."""
    folder = str(tmp_path / "automl_runs" / "train-1" / "runs")
    ran = run(*TRACKED[:-1], "--tracker", "jsonl")
    assert ran.code == 0
    assert f"browse  {folder}" in ran.out
    assert f"JSON lines in {folder}" in ran.err
    assert "MLflow" not in ran.out + ran.err

    assert run("status", "train-1", "-f", "json").json["tracking_uri"] == folder
    shown = run("show", "train-1", "0", "-f", "json").json["run_id"]
    assert (Path(folder) / f"{shown.partition(':')[0]}.jsonl").is_file()
    assert run("doctor", "train-1").code == 0
    ui = run("ui", "train-1")
    assert (ui.code, ui.errors) == (
        2,
        [
            "study 'train-1' was made with --tracker jsonl: MLflow has nothing of it; "
            f"its runs are text files in {folder}"
        ],
    )
    assert run("ui").code == 2
    assert not (tmp_path / "automl_runs" / "mlflow.db").exists()


def test_sync_of_several(run: Run, tmp_path: Path) -> None:
    """Each tracker gets what it lacks; one that is down is named, and the other one's result printed."""
    dead = ["--tracking-uri", "http://127.0.0.1:1"]
    ran = run(*TRACKED, "--tracker", "jsonl,mlflow", *dead, "--early-stopping", "none")
    assert ran.code == 0
    assert ran.out.count("points wait for") == 1
    assert run("status", "train-1", "-f", "json").json["tracking_uri"] == "http://127.0.0.1:1"
    shutil.rmtree(tmp_path / "automl_runs" / "train-1" / "runs")
    assert run("doctor", "train-1").code == 1

    ran = run("sync", "train-1", "--rebuild", "-f", "json")

    assert ran.code == 1
    assert len(ran.errors) == 1
    assert "MLflow at http://127.0.0.1:1" in ran.errors[0]
    assert ran.json["trackers"] == [
        {
            "tracker": "jsonl",
            "where": str(tmp_path / "automl_runs" / "train-1" / "runs"),
            "delivered": 12,
            "waiting": 0,
        }
    ]
    assert run("doctor", "train-1").code == 0


def test_doctor(run: Run, delivered: str, tmp_path: Path) -> None:
    """Ok, until a child run is deleted by hand: then the trial is named, and the exit code is 1."""
    from mlflow import MlflowClient

    fine = run("doctor", delivered, "-f", "json")
    assert (fine.code, fine.json["ok"], fine.json["problems"]) == (0, True, [])

    study, runs = Home.find().study(delivered), position_of(Home.find().study(delivered)).runs
    assert runs is not None, study
    MlflowClient(f"sqlite:///{tmp_path}/automl_runs/mlflow.db").delete_run(
        next(run_id for uid, run_id in runs.items() if uid.endswith("/1"))
    )

    broken = run("doctor", delivered, "-f", "json")
    assert (broken.code, broken.json["ok"]) == (1, False)
    assert {problem["trial"] for problem in broken.json["problems"]} == {1}
    assert all(set(problem) == {"code", "trial", "message"} for problem in broken.json["problems"])
    printed = run("doctor", delivered).out
    assert str(broken.json["problems"][0]["code"]) in printed
    assert f"what is safe to repair: automl doctor {delivered} --fix" in printed
    everything = run("doctor", "-f", "json")
    assert (everything.code, {problem["study"] for problem in everything.json["problems"]}) == (1, {delivered})
