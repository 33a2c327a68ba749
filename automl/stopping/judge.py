"""What stands between a study and its early stopping: keeps the promises that `EarlyStopping` makes to every rule.

    judge = Judge(Asha(max_epochs=27), name="asha", maximize=True, max_epochs=27)
    judge.on_report(trial=0, step=2, value=0.93, can_pause=True)        # Verdict.PAUSE
    judge.promote(paused={0, 4, 5})                                     # whom to continue, or None

A rule need not know of directions, NaN, steps that are reported twice, or the last step: each is dealt with here, once,
for the shipped rules, Optuna's pruners and users' rules alike. Nor does it know of metrics: where a study has several
objectives, or constraints, a rule that ranks is shown vectors, which compare as `automl.preference` says.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from automl.errors import SearchAbortedError
from automl.preference import Preference
from automl.stopping.base import EarlyStopping, Verdict

Told = float | Mapping[str, float]
"""What a study tells of a trial: the value of its metric; if more than that counts, those that are known, by name."""


class Judge:
    """A rule as a study uses it: with values of the metric rather than losses.

    Args:
        rule: fresh; it is shown everything from the first report on.
        name: what it is called in messages.
        maximize: whether more is better, of a single metric.
        max_epochs: the full budget, at which nothing is stopped or paused any more; None where it is unknown.
        preference: what counts, where it is more than a single metric.
        ranks: whether the rule was made to rank vectors; else it is shown the loss of the first objective.
    """

    def __init__(
        self,
        rule: EarlyStopping,
        *,
        name: str,
        maximize: bool = False,
        max_epochs: int | None = None,
        preference: Preference | None = None,
        ranks: bool = False,
    ) -> None:
        self.rule = rule
        self._name = name
        self._sign = -1 if maximize else 1
        self._max_epochs = max_epochs or math.inf
        self._preference = preference
        self._ranks = ranks
        self._reached: dict[int, int] = {}  # trial -> the last step of it that the rule was shown
        self._known: dict[int, dict[str, float]] = {}  # trial -> what was last reported of all that counts

    @property
    def decision_steps(self) -> frozenset[int] | None:
        """Steps whose report waits for the verdict before the trial goes on; None for every step."""
        return self.rule.decision_steps

    def on_report(self, trial: int, step: int, value: Told, *, can_pause: bool) -> Verdict:
        """Take a report in and judge it; not one that has no objective, such as of a latency alone.

        Raises:
            SearchAbortedError: the rule failed.
        """
        if step <= self._reached.get(trial, 0):  # an attempt that began again goes over known ground
            return Verdict.CONTINUE
        if isinstance(value, Mapping):
            known = self._known.setdefault(trial, {})
            known |= value
            if self._preference is not None and value.keys().isdisjoint(self._preference.metrics):
                return Verdict.CONTINUE
            value = known
        self._reached[trial] = step
        loss = self._loss(value)
        with self._guarded(f"at step {step} of trial {trial}"):
            verdict = self.rule.on_report(trial, step, loss, can_pause=can_pause)
        return verdict if step < self._max_epochs else Verdict.CONTINUE

    def on_end(self, trial: int, value: Told | None) -> None:
        """Take in that a trial has ended: COMPLETE with `value`, or None for PRUNED and FAIL.

        Raises:
            SearchAbortedError: the rule failed.
        """
        with self._guarded(f"at the end of trial {trial}"):
            self.rule.on_end(trial, None if value is None else self._loss(value))
        self._known.pop(trial, None)

    def _loss(self, value: Told) -> Any:
        """Return what the rule compares: a float, or for one that was made to rank them a vector."""
        if isinstance(value, Mapping):
            assert self._preference is not None
            if not self._ranks:
                return self._preference.losses(value)[0]
            vector = self._preference.vector(value)
            reported = (value[name] for name in self._preference.metrics if name in value)
            return vector if all(map(math.isfinite, reported)) else (math.inf,) * len(vector)
        return value * self._sign if math.isfinite(value) else math.inf

    def replay(self, history: Iterable[tuple[int, int | None, Told | None]]) -> None:
        """Take in what a ledger has, in the order of its writing: (trial, step, value), and step None for an end."""
        for trial, step, value in history:
            if step is None:
                self.on_end(trial, value)
            else:
                self.on_report(trial, step, math.nan if value is None else value, can_pause=False)

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        """Return which of the `paused` trials goes on, or None; at the `last_call` one that has a value, if any has.

        Raises:
            SearchAbortedError: the rule failed.
        """
        with self._guarded("when asked whom to promote"):
            return self.rule.promote(paused, last_call=last_call)

    @contextlib.contextmanager
    def _guarded(self, when: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise SearchAbortedError(f"early stopping ({self._name}) failed {when}: {what}") from error
