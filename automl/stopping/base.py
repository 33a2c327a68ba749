"""What an early stopping rule is: three verdicts, one protocol, and the simplest rule that follows it.

    class StopLate(EarlyStopping):
        def on_report(self, trial, step, loss, *, can_pause):
            return Verdict.STOP if step >= 5 and loss > 1.0 else Verdict.CONTINUE

    automl.search(objective, space, early_stopping=StopLate())

Between a rule and its study stands a `Judge`, which keeps what the protocol promises to every rule.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import Protocol, runtime_checkable


class Verdict(enum.StrEnum):
    """What becomes of a trial after a report."""

    CONTINUE = "CONTINUE"
    STOP = "STOP"
    PAUSE = "PAUSE"

    @property
    def severity(self) -> int:
        """Which of several verdicts on one trial stands: the largest."""
        return (Verdict.CONTINUE, Verdict.PAUSE, Verdict.STOP).index(self)


@runtime_checkable
class EarlyStopping(Protocol):
    """Judges reports and promotes paused trials, as a function of history.

    All that a rule remembers must follow from the calls of `on_report` and `on_end`, in their order: a resumed study
    makes a fresh rule and repeats these calls from the ledger, with `can_pause` false throughout, because where
    checkpoints were is forgotten. Nothing that is remembered may hang on `can_pause`, on `promote`, on time or chance.

    What a rule is shown:

    - Every report of the study's metric, in the order in which they were written.
    - Losses: lower is better, whatever the study's direction; NaN and the infinities of either sign are +inf.
    - Of one trial only steps that grow. An attempt that began again is not shown, and goes on unjudged, until it is
      past the last step that was known. Any step may be missing: trials report as seldom as they like.
    - The end of each trial, once, after its last report.

    A verdict at the full budget (`max_epochs` steps or more) is dropped: a trial that got there is never stopped nor
    paused. Where no budget is known, no step is known to be the last, and any may be judged.
    """

    @property
    def decision_steps(self) -> frozenset[int] | None:
        """The steps that are judged; None, the default, for every step.

        The first report at or beyond one of them waits for its verdict before the trial goes on; at any other report
        the verdict is CONTINUE.
        """
        return None

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        """Take a report in and judge it. `can_pause` says that the trial has a checkpoint at `step`; else no PAUSE."""
        ...

    def on_end(self, trial: int, loss: float | None) -> None:
        """Take in that a trial has ended: COMPLETE with `loss`, or None for PRUNED and FAIL."""
        return None

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        """Return which of the `paused` trials deserves to go on, or None, as by default.

        With `last_call` nothing else is left to run and no trial is COMPLETE: the best one goes on in any case, unless
        none of them has a value (+inf when it paused).
        """
        return None


class NoStopping(EarlyStopping):
    """Lets every trial run to its end."""

    @property
    def decision_steps(self) -> frozenset[int] | None:
        return frozenset()

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        return Verdict.CONTINUE

    def __str__(self) -> str:
        return "none: every trial runs to its end"
