"""A migrated MLflow store for every test that wants one, without the seconds that migrations take.

A conftest imports the two fixtures; a test asks for `mlflow_uri` and owns the store behind it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trackers.mlflow_client import Experiment


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty, migrated SQLite file, made once a session. Copy it, never write to it."""
    file = tmp_path_factory.mktemp("mlflow") / "template.db"
    Experiment(f"sqlite:///{file}", name="unused").client.search_experiments()
    return file


@pytest.fixture
def mlflow_uri(mlflow_template: Path, tmp_path: Path) -> str:
    """Return the tracking URI of a store of the test's own, at `tmp_path / "mlflow.db"`."""
    shutil.copyfile(mlflow_template, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"
