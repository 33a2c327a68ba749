"""What every test gets: no home, no network, no clock of the user's; one Ray cluster a session for those that ask."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mlflow_template import mlflow_template, mlflow_uri
from tests.postgres import postgres, postgres_url, storage_url

__all__ = ["mlflow_template", "mlflow_uri", "postgres", "postgres_url", "storage_url"]

# What a shell runs in the background, or `nohup` anywhere, ignores signals, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, with no option set in the environment."""
    for name in [name for name in os.environ if name.startswith("AUTOML_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """Start Ray once, as the product does, and leave it to all searches of the session."""
    from automl.config import StudyConfig
    from automl.executors.ray_tune import RayExecutor
    from search_spaces import SearchSpace

    config = StudyConfig(target="t", space=SearchSpace({"x": "0..1"}), metrics=("value",), directions=("minimize",))
    executor = RayExecutor(config)
    executor.prepare()
    yield
    executor.close()
