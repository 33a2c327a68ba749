"""Any Optuna pruner as an early stopping rule.

    automl.search(objective, space, early_stopping=optuna.pruners.SuccessiveHalvingPruner())
    automl.resume("train-1", objective, early_stopping=optuna.pruners.SuccessiveHalvingPruner())

The pruner looks at an Optuna study in memory that holds what has been reported and which trials are COMPLETE, and is
asked at every report. It never pauses a trial. What it works out on its way (rungs that trials have completed, the
`min_resource` of "auto") is worked out again when a study is resumed, since it is asked again about every report; so
it must decide from the study and the trial alone, as all of Optuna's do.
"""

from __future__ import annotations

import warnings

import optuna
from optuna.trial import TrialState

from automl.stopping.base import EarlyStopping, Verdict


class OptunaPruner(EarlyStopping):
    """Stops what a pruner prunes.

    A value that is no finite number is shown as NaN, which pruners know how to take; trials that FAIL are shown PRUNED.

    Args:
        pruner: fresh, and for this study alone.
        maximize: whether the study's metric is to be large; the pruner sees its values as they are.
    """

    def __init__(self, pruner: optuna.pruners.BasePruner, *, maximize: bool = False) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._sign = -1 if maximize else 1
        self._pruner = pruner
        self._storage = optuna.storages.InMemoryStorage()
        self._newest = -1
        self._study = optuna.create_study(
            storage=self._storage,
            pruner=self._pruner,
            sampler=optuna.samplers.RandomSampler(),
            direction="maximize" if maximize else "minimize",
            study_name="early stopping",  # Hyperband draws a trial's bracket from it: a resumed study draws the same
        )

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        value = float("nan") if loss == float("inf") else loss * self._sign
        self._make_up_to(trial)
        self._storage.set_trial_intermediate_value(trial, step, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about NaN, which the trial's own log and reason tell
            is_pruned = self._pruner.prune(self._study, self._storage.get_trial(trial))
        return Verdict.STOP if is_pruned else Verdict.CONTINUE

    def on_end(self, trial: int, loss: float | None) -> None:
        self._make_up_to(trial)
        if loss is None:
            self._storage.set_trial_state_values(trial, TrialState.PRUNED)
        else:
            self._storage.set_trial_state_values(trial, TrialState.COMPLETE, [loss * self._sign])

    def __str__(self) -> str:
        return f"{type(self._pruner).__name__}: asked at every report"

    def _make_up_to(self, trial: int) -> None:
        """Let Optuna have every trial up to this one; in a storage with one study, ids of trials are their numbers."""
        while self._newest < trial:
            self._newest = self._storage.create_new_trial(self._study._study_id)
