"""Early stopping: decides from reported values which trials go on, as pure functions of history.

A rule is fed every report in the order in which they were written and answers each: CONTINUE, STOP or PAUSE. Whatever
it remembers follows from the reports alone, so a resumed study rebuilds it by feeding them again. Values arrive as
losses (lower is better, NaN as infinity), whatever the study's direction is.

    rule = stopping.rule("asha", max_epochs=27)
    rule.on_report(trial=0, step=2, loss=0.7, can_pause=True)       # Verdict.PAUSE
    rule.promote(paused={0, 4, 5})                                  # whom to continue, or None
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from automl.stopping.asha import Asha
from automl.stopping.median import Median
from automl.stopping.verdict import Verdict

__all__ = ["Asha", "EarlyStopping", "Median", "NoStopping", "Verdict", "rule"]


class EarlyStopping(Protocol):
    """Judges reports and promotes paused trials."""

    @property
    def decision_steps(self) -> frozenset[int] | None:
        """Steps whose report waits for the verdict before the trial goes on; None for every step."""

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        """Take a report in and judge it. `can_pause` says that the trial has a checkpoint at `step`."""

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        """Return which of the `paused` trials deserves to go on, or None.

        With `last_call` nothing else is left to run and no trial is COMPLETE: the best one goes on in any case.
        """


class NoStopping:
    """Lets every trial run to its end."""

    decision_steps: frozenset[int] | None = frozenset()

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        return Verdict.CONTINUE

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        return None


def rule(name: str, *, max_epochs: int | None) -> EarlyStopping:
    """Return a fresh rule by its name in `config.EARLY_STOPPING`."""
    rules: dict[str, EarlyStopping] = {
        "asha": Asha(max_epochs=max_epochs),
        "median": Median(max_epochs=max_epochs),
        "none": NoStopping(),
    }
    return rules[name]
