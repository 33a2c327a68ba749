"""What the model of a sampler is shown of all trials: the one place where that is decided.

view = View.of(records, preference=Preference.of("loss", "minimize"))
view.losses                         # {0: (0.3,), 1: (0.2,), ...}: trial -> a number for each objective and constraint
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from automl.preference import Preference, Vector
from automl.samplers.model import LARGEST
from automl.trial import Reason, TrialRecord, TrialState

ENOUGH = 5
"""Trials with a final loss that a model needs."""
ENOUGH_EARLY = 10
"""The same of early losses."""
_SAYS_NOTHING = frozenset({Reason.WORKER_LOST, Reason.NODE_LOST, Reason.SIGNAL})
"""Why a trial may fail through no fault of its params."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a model is shown of all trials.

    Best are final losses. Until `ENOUGH` trials have one, they are those at the highest step that `enough` trials
    reached; for rules of early stopping that pause or stop trials at few steps, the highest of these that fills.
    """

    losses: Mapping[int, Vector]
    """Trial -> its loss in each objective, then by how much each constraint is broken, below 0 where it is kept.

    Nothing is beyond `LARGEST` but +inf, for what is unknown: a loss of 1e200 is very bad, and no worse.
    """
    is_final: bool
    pending: Sequence[int]
    """Trials that run, or will run again, and have no loss."""
    stopped: Sequence[int]
    """Trials that have ended, or wait paused, before the step that is seen: it is only known that they were tried."""
    failed: Sequence[int]
    """Trials that raised, or whose loss is not a number: their params are not worth another trial of the like."""
    infeasible: Sequence[int]
    """Trials that need more memory than there is."""

    @property
    def unseen(self) -> list[int]:
        """Trials of which no loss is known, the oldest first: around them a model is less curious."""
        return sorted([*self.pending, *self.stopped])

    @classmethod
    def of(cls, records: Iterable[TrialRecord], *, preference: Preference, enough: int = ENOUGH_EARLY) -> View | None:
        """Return what there is to see; None where that is too little."""
        records = sorted((record for record in records if record.params), key=lambda record: record.number)
        final = [r for r in records if r.value is not None and r.state is TrialState.COMPLETE]
        seen, step, is_final = final, math.inf, len(final) >= ENOUGH
        if not is_final:
            reached: dict[int, float] = {r.number: r.step for r in records if r.state is not TrialState.FAIL}
            reached = {number: at for number, at in reached.items() if at} | {r.number: math.inf for r in final}
            if len(reached) < enough:
                return None
            step = sorted(reached.values())[-enough]
            seen = [r for r in records if reached.get(r.number, 0) >= step]
        losses = {r.number: _vector(_standing(r, step, preference), preference) for r in seen}
        failed = [r for r in records if r.state is TrialState.FAIL and r.reason not in _SAYS_NOTHING]
        unseen = [r for r in records if r.state is not TrialState.FAIL and r.number not in losses]
        return cls(
            losses=losses,
            is_final=is_final,
            pending=[r.number for r in unseen if _is_pending(r)],
            stopped=[r.number for r in unseen if not _is_pending(r)],
            failed=[r.number for r in failed if not r.is_infeasible],
            infeasible=[r.number for r in failed if r.is_infeasible],
        )


def _vector(values: Mapping[str, float], preference: Preference) -> Vector:
    vector = (*preference.losses(values), *(limit.excess(values) for limit in preference.constraints))
    return tuple(each if each == math.inf else max(-LARGEST, min(each, LARGEST)) for each in vector)


def _standing(record: TrialRecord, step: float, preference: Preference) -> Mapping[str, float]:
    """Return what a trial had by a step, or in the end if it had not reported anything by then."""
    if not preference.is_plain:
        early = {} if step == math.inf else record.known(int(step))
        return early or record.standing
    steps = [each for each in record.reports if each <= step] if step < math.inf else []
    value = record.reports[max(steps)] if steps else record.value
    return {} if value is None else {preference.metrics[0]: value}


def _is_pending(record: TrialRecord) -> bool:
    return record.state in (TrialState.RUNNING, TrialState.WAITING) and not record.paused
