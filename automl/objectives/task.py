"""A built-in task as an objective: the params of a trial become a network, trained on the task's data.

    objective = TaskObjective(task=tasks.task("digits"), seed=0, metric="val_acc")
    objective(trial)                                              # {"val_acc": 0.98, "val_loss": 0.07}
    objective.evaluate_winner(params, Path("model.safetensors"))  # {"test_acc": 0.97, "test_loss": 0.11}

The object is a handful of words, cheap to pickle; torch and the data load where it is called.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.tasks import PREPARATION, Task
from automl.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskObjective:
    """What a trial of a built-in task does."""

    task: Task
    seed: int
    """Of the study: splits the data, the same for all its trials."""
    metric: str
    """What the study looks at, so which epoch's weights are kept; one of the task's."""
    costs: tuple[str, ...] = ()
    """Of `goals.COSTS`, those that count besides."""
    patience: int | None = None
    """End a trial after this many epochs that were no better; the param `patience` wins over it."""

    def __call__(self, trial: Trial) -> dict[str, float]:
        """Train the network that `trial.params` describe; return the validation metrics of the epoch it keeps.

        Its weights are an artifact of the trial, and beside them, for data of the user's, what prepares new rows.
        """
        from automl.training import train

        split = self.task.load(self.seed)
        values = train(
            trial,
            lambda: split.network(trial.params),
            train=split.train,
            val=split.val,
            goal=split.goal,
            metric=self.metric,
            costs=self.costs,
            patience=self.patience,
        )
        if split.preparation is not None and trial.artifacts:  # there are none of training that diverged
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / PREPARATION
                path.write_text(json.dumps({"params": trial.params, **split.preparation}), encoding="utf-8")
                trial.artifact(path)
        return values

    def evaluate_winner(self, params: Mapping[str, Any], weights: Path) -> dict[str, float]:
        """Return the metrics, as `test_<name>`, of a network made of `params` with the saved `weights`.

        Once per study: a test part that is looked at to choose between networks no longer tells how good one is.
        """
        from safetensors.torch import load_file

        from automl.training import evaluate

        split = self.task.load(self.seed)
        model = split.network(params)
        model.load_state_dict(load_file(weights))
        return evaluate(model, split.test, goal=split.goal, prefix="test")
