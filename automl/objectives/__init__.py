"""What a search evaluates: a function of the user's, or a built-in task.

    def objective(trial: Trial) -> dict[str, float]:
        return {"loss": (trial.params["x"] - 1) ** 2}

Anything that can be called with a `Trial` will do.
"""

from __future__ import annotations

from automl.attempt import Objective

__all__ = ["Objective"]
