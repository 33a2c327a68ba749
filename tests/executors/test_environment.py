"""What workers see of the driver's environment."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

import automl
from automl.executors.environment import Environment
from automl.trial import Trial

DRIVER = {
    "PATH": "/usr/bin",
    "HF_HOME": "/data",
    "HF_TOKEN": "CANARY",
    "AUTOML_STORAGE": "postgresql://ada@db/x",
    "AUTOML_CRASH": "",
    "DATABASE_URL": "postgresql://ada:CANARY@db/x",
    "MLFLOW_TRACKING_PASSWORD": "CANARY",
    "PGPASSWORD": "CANARY",
    "RAY_AUTH_TOKEN": "ray's own",
    "TOKENIZERS_PARALLELISM": "false",
    "CUDA_VISIBLE_DEVICES": "0,1",
}


def test_held_back_by_name_by_value_and_by_wish() -> None:
    """Secrets stay behind, and what the user names; what the user lets through does not. Ray's own stays Ray's."""
    environment = Environment.of(DRIVER, env=["HF_TOKEN"], block=["HF_HOME"])

    assert environment.held_back == (
        *("AUTOML_STORAGE", "DATABASE_URL", "HF_HOME", "MLFLOW_TRACKING_PASSWORD", "PGPASSWORD"),
    )
    assert environment.seen["HF_TOKEN"] == "CANARY"
    assert environment.seen["RAY_AUTH_TOKEN"] == "ray's own"
    assert pickle.dumps(environment).count(b"CANARY") <= 2, "only what was let through"


def test_a_worker_here() -> None:
    """In a cluster that runs already, a worker gets the driver's variables, keeps its GPUs and loses secrets."""
    environment = Environment.of(DRIVER)
    worker = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1", "HF_TOKEN": "CANARY", "RAY_ADDRESS": "x", "OTHER": "1"}

    environment.apply(worker)

    assert worker == {
        "PATH": "/usr/bin",
        "HF_HOME": "/data",
        "AUTOML_CRASH": "",
        "TOKENIZERS_PARALLELISM": "false",
        "CUDA_VISIBLE_DEVICES": "1",
        "RAY_ADDRESS": "x",
        "OTHER": "1",
    }


def test_a_worker_elsewhere() -> None:
    """On another host it keeps little of its own and gets what the user named."""
    environment = Environment.of(DRIVER, env=["HF_TOKEN"])
    worker = {"PATH": "/bin", "LC_ALL": "C", "HF_HOME": "/theirs", "AWS_SECRET_ACCESS_KEY": "CANARY", "OTHER": "1"}

    environment.apply(worker, host="elsewhere")

    assert worker == {"PATH": "/bin", "LC_ALL": "C", "HF_TOKEN": "CANARY", "AUTOML_CRASH": ""}


def test_what_starts_meanwhile_inherits_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the block the driver itself has no secrets; afterwards it has them again."""
    monkeypatch.setenv("HF_TOKEN", "CANARY")

    with Environment.of(os.environ).inherited():
        during = os.environ.get("HF_TOKEN")

    assert (during, os.environ["HF_TOKEN"]) == (None, "CANARY")


@pytest.mark.usefixtures("ray_cluster")
def test_workers_of_a_search(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real worker sees what is set now, not what was when its cluster began, but no secret; its files are private."""
    monkeypatch.setenv("GITHUB_TOKEN", "CANARY")
    monkeypatch.setenv("LET_THROUGH_TOKEN", "wanted")
    monkeypatch.setenv("HARMLESS", "1")
    folder = str(tmp_path)

    def objective(trial: Trial) -> float:
        Path(folder, "made").write_text(repr({name: os.environ.get(name) for name in ("GITHUB_TOKEN", "HARMLESS")}))
        return float(os.environ["LET_THROUGH_TOKEN"] == "wanted")

    result = automl.search(
        objective,
        {"x": "0..1"},
        direction="minimize",
        n_trials=1,
        tracker="none",
        listeners=(),
        env=["LET_THROUGH_TOKEN"],
    )

    assert result.trials[0].value == 1.0
    assert (tmp_path / "made").read_text() == "{'GITHUB_TOKEN': None, 'HARMLESS': '1'}"
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
