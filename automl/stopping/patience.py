"""Patience: a trial goes on while it gets better, whatever the others do.

The oldest rule of all, a form of the criterion UP in Prechelt, "Early Stopping, But When?" (1998), whose strips of 5
epochs are the default here: it ends trainings that have converged or begun to overfit.

    rule = Patience(steps=5, min_delta=0.001)

It counts steps, not reports, and a trial that has reported nothing but NaN has never got better. A trial that the study
stops by this rule is PRUNED: it was cut, and has no value. One that watches its own patience and returns its best value
is COMPLETE; built-in tasks do so when given the parameter `patience`.
"""

from __future__ import annotations

import math

from automl.stopping.base import EarlyStopping, Verdict


class Patience(EarlyStopping):
    """Stops a trial that has not improved its best loss by more than `min_delta` for `steps` steps."""

    def __init__(self, *, steps: int = 5, min_delta: float = 0.0) -> None:
        self.steps = steps
        self.min_delta = min_delta
        self._best: dict[int, tuple[float, int]] = {}  # trial -> (loss, step) of its last improvement

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        best, when = self._best.get(trial, (math.inf, 0))
        if loss < best - self.min_delta:
            self._best[trial] = (loss, step)
            return Verdict.CONTINUE
        return Verdict.STOP if step - when >= self.steps else Verdict.CONTINUE

    def __str__(self) -> str:
        more = f" by more than {self.min_delta:g}" if self.min_delta else ""
        return f"patience: stops what has not improved{more} for {self.steps} steps"
