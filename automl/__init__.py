"""Search for the best neural network for the least compute, and see and trust what happened.

    import automl
    from search_spaces import Float, SearchSpace

    result = automl.search(lambda trial: (trial.params["x"] - 2) ** 2, {"x": Float(0, 5)}, direction="minimize")
    result.best_trial.params

Everything is loaded when it is first used: `import automl` alone costs a few milliseconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import search_spaces as search_spaces
    import trackers as trackers
    from automl.driver import resume, search
    from automl.errors import AutomlError, TrialPaused, TrialPruned
    from automl.report.optuna_storage import open_storage
    from automl.result import SearchResult
    from automl.simulation import Simulation, simulate
    from automl.trial import Trial, TrialRecord, TrialState

__version__ = "0.1.2"

__all__ = [
    "AutomlError",
    "SearchResult",
    "Simulation",
    "Trial",
    "TrialPaused",
    "TrialPruned",
    "TrialRecord",
    "TrialState",
    "open_storage",
    "resume",
    "search",
    "search_spaces",
    "simulate",
    "trackers",
]

_HOMES = {
    "AutomlError": "automl.errors",
    "SearchResult": "automl.result",
    "Simulation": "automl.simulation",
    "Trial": "automl.trial",
    "TrialPaused": "automl.errors",
    "TrialPruned": "automl.errors",
    "TrialRecord": "automl.trial",
    "TrialState": "automl.trial",
    "open_storage": "automl.report.optuna_storage",
    "resume": "automl.driver",
    "search": "automl.driver",
    "simulate": "automl.simulation",
}


def __getattr__(name: str) -> Any:
    if name in ("search_spaces", "trackers"):
        return importlib.import_module(f"automl.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'automl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
