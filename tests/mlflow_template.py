"""A migrated MLflow store for every test that wants one, without the seconds that migrations take.

A conftest imports the two fixtures; a test asks for `mlflow_uri` and owns the store behind it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from functools import cache
from pathlib import Path

import pytest

from trackers.mlflow_client import Experiment

_making = threading.Lock()  # Alembic migrates one database at a time in a process


def template() -> Path:
    """Return an empty, migrated SQLite file, made once a process. Copy it, never write to it."""
    with _making:
        return _made()


@cache
def _made() -> Path:
    folder = tempfile.mkdtemp(prefix="automl-mlflow-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = Path(folder) / "template.db"
    Experiment(f"sqlite:///{file}", name="unused").client.search_experiments()
    return file


@pytest.fixture(scope="session")
def mlflow_template() -> Path:
    """Return an empty, migrated SQLite file. Copy it, never write to it."""
    return template()


@pytest.fixture
def mlflow_uri(mlflow_template: Path, tmp_path: Path) -> str:
    """Return the tracking URI of a store of the test's own, at `tmp_path / "mlflow.db"`."""
    shutil.copyfile(mlflow_template, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"
