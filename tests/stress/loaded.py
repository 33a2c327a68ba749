"""All that a driver and its delivery load, so that what is forked from a process that has read this starts at once."""

from __future__ import annotations

import importlib

for name in (
    "alembic.config",
    "automl.cli.control",
    "automl.cli.live",
    "automl.cli.search",
    "automl.cli.serve",
    "automl.courier",
    "automl.doctor",
    "automl.driver",
    "automl.executors.local",
    "automl.objectives.function",
    "automl.objectives.target",
    "automl.report.figures",
    "automl.samplers.optuna_study",
    "mlflow.data.pandas_dataset",
    "mlflow.store.artifact.local_artifact_repo",
    "mlflow.store.tracking.sqlalchemy_store",
    "optuna.importance",
    "plotly.graph_objs._figure",
    "plotly.io",
    "sklearn.ensemble",
    "sqlalchemy.dialects.sqlite",
    "trackers.mlflow",
):
    importlib.import_module(name)
