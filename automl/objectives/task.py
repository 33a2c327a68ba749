"""A built-in task as an objective: the params of a trial become a network, trained on the task's data.

    objective = TaskObjective(task="digits", seed=0)
    objective(trial)                                              # {"val_acc": 0.98, "val_loss": 0.07}
    objective.evaluate_winner(params, Path("model.safetensors"))  # {"test_acc": 0.97, "test_loss": 0.11}

The object is a handful of words, cheap to pickle; torch and the data load where it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl import tasks
from automl.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskObjective:
    """What a trial of a built-in task does."""

    task: str
    """Name of a task."""
    seed: int
    """Of the study: splits the data, the same for all its trials."""
    metric: str = "val_acc"
    """What the study looks at, so which epoch's weights are kept; one of `tasks.METRICS`."""
    patience: int | None = None
    """End a trial after this many epochs that were no better; the param `patience` wins over it."""

    def __call__(self, trial: Trial) -> dict[str, float]:
        """Train the network that `trial.params` describe; return the validation metrics of the epoch it keeps."""
        from automl.models import build_model
        from automl.training import train

        task = tasks.task(self.task)
        split = task.load(self.seed)
        return train(
            trial,
            lambda: build_model(trial.params, input_shape=task.input_shape, n_classes=task.n_classes),
            train=split.train,
            val=split.val,
            metric=self.metric,
            patience=self.patience,
        )

    def evaluate_winner(self, params: Mapping[str, Any], weights: Path) -> dict[str, float]:
        """Return `test_acc` and `test_loss` of a network made of `params` with the saved `weights`.

        Once per study: a test part that is looked at to choose between networks no longer tells how good one is.
        """
        from safetensors.torch import load_file

        from automl.models import build_model
        from automl.training import evaluate

        task = tasks.task(self.task)
        model = build_model(params, input_shape=task.input_shape, n_classes=task.n_classes)
        model.load_state_dict(load_file(weights))
        return evaluate(model, task.load(self.seed).test, prefix="test")
