"""A Gaussian process as a sampler: few trials, each where the most is to be gained.

    sampler = GpSampler(space, direction="minimize", seed=7, records=records)
    sampler.propose(len(records)).params

What it proposes for a trial follows from the seed, the trial's number and what it was told, not from what it has
computed before, so that a resumed study goes on as if nothing had been. Every parameter is modelled, conditional ones
too: where one does not exist it is at its default.

What the model sees of trials that were stopped, paused, failed or still run is `View`'s to say.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from automl.config import Direction
from automl.samplers.acquisition import ExpectedImprovement, most_wanted
from automl.samplers.base import Params, Proposal, Untried
from automl.samplers.cube import Cube
from automl.samplers.model import Array, Model
from automl.samplers.past import Past
from automl.samplers.plain import Sobol
from automl.samplers.trends import Shifted, Trends
from automl.trial import Reason, TrialRecord, TrialState
from search_spaces import SearchSpace

ENOUGH = 5
"""Trials with a final loss that the model needs."""
ENOUGH_EARLY = 10
"""The same of early losses."""
SURE = 10
"""Trials with a loss of which a percentile, or what is left to be gained, means something."""
MODELLED = 150
"""Trials that are modelled at most: the best half and the newest half of them."""
CLIPPED = 80.0
"""Percentile at which losses are clipped: how bad a bad trial is tells little of where good ones are."""
BEST = 5
"""Best trials around which the next ones are looked for."""
_SAYS_NOTHING = frozenset({Reason.WORKER_LOST, Reason.NODE_LOST, Reason.SIGNAL})
"""Why a trial may fail through no fault of its params."""


Losses = Mapping[int, float]
"""Trial -> loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a model is shown of all trials.

    Best are final losses. Until `ENOUGH` trials have one, they are those at the highest step that `enough` trials
    reached; for rules of early stopping that pause or stop trials at few steps, the highest of these that fills.
    """

    losses: Losses
    """What is to be made small."""
    is_final: bool
    pending: Sequence[int]
    """Trials that run, or will run again, and have no loss."""
    failed: Sequence[int]
    """Trials that raised, or whose loss is not a number: their params are not worth another trial of the like."""
    infeasible: Sequence[int]
    """Trials that need more memory than there is."""

    @classmethod
    def of(cls, records: Iterable[TrialRecord], *, sign: int, enough: int = ENOUGH_EARLY) -> View | None:
        """Return what there is to see, losses being `sign` times values; None where that is too little."""
        records = [record for record in records if record.params]
        final = {r.number: sign * r.value for r in records if r.value is not None and r.state is TrialState.COMPLETE}
        losses, is_final = final, len(final) >= ENOUGH
        if not is_final:
            reached: dict[int, float] = {r.number: r.step for r in records if r.state is not TrialState.FAIL}
            reached = {number: step for number, step in reached.items() if step} | dict.fromkeys(final, math.inf)
            if len(reached) < enough:
                return None
            step = sorted(reached.values())[-enough]
            known = (r for r in records if reached.get(r.number, 0) >= step)
            losses = {r.number: _loss_at(r, step, sign) for r in known}
        failed = [r for r in records if r.state is TrialState.FAIL and r.reason not in _SAYS_NOTHING]
        return cls(
            losses=losses,
            is_final=is_final,
            pending=[r.number for r in records if _is_pending(r) and r.number not in losses],
            failed=[r.number for r in failed if not r.is_infeasible],
            infeasible=[r.number for r in failed if r.is_infeasible],
        )


def _loss_at(record: TrialRecord, step: float, sign: int) -> float:
    """Return a trial's loss at the last step up to `step` at which it reported, or its final one if it never did."""
    steps = [each for each in record.reports if each <= step]
    value = record.reports[max(steps)] if steps else record.value
    return sign * value if value is not None and math.isfinite(value) else math.inf


def _is_pending(record: TrialRecord) -> bool:
    return record.state in (TrialState.RUNNING, TrialState.WAITING) and not record.paused


class GpSampler:
    """Proposes where a Gaussian process of the trials so far expects the largest improvement."""

    def __init__(
        self,
        space: SearchSpace,
        *,
        direction: Direction,
        seed: int,
        records: Iterable[TrialRecord] = (),
        first: Iterable[Params] = (),
        pasts: Sequence[Past] = (),
    ) -> None:
        records = list(records)
        self._space = space
        self._sign = -1 if direction == "maximize" else 1
        self._seed = seed
        self._cube = Cube(space)
        self._untried = Untried(space, seed=seed, records=records, first=first)
        self._trends = Trends(pasts, space, self._cube)
        self._enough = ENOUGH if pasts else ENOUGH_EARLY
        self._start = Sobol(space, seed=seed)
        self._heard: deque[TrialRecord] = deque(records)
        self._records: dict[int, TrialRecord] = {}
        self._rows: dict[int, Array] = {}

    def propose(self, number: int) -> Proposal | None:
        self._take_in()
        gains: list[float] = []
        wanted = self._wanted(number, gains)
        params = self._untried.choose(number, itertools.chain(self._untried.guesses(), wanted))
        if params is None:
            return None
        self._heard.append(TrialRecord(number=number, state=TrialState.RUNNING, params=params))
        return Proposal(params=params, gain=max(gains, default=None))

    def gain(self, number: int) -> float | None:
        """Return by how much trial `number` would be expected to better the best final value, if this proposed it."""
        self._take_in()
        gains: list[float] = []
        next(self._wanted(number, gains), None)
        return max(gains, default=None)

    def observe(self, record: TrialRecord) -> None:
        # Reports are copied: others than those of today are seen when the trial is shown again, live and in a replay.
        self._heard.append(replace(record, reports=dict(record.reports)))

    def _take_in(self) -> None:
        """Learn what was observed: when a proposal begins, whichever thread computes it, and not while it does."""
        while self._heard:
            record = self._heard.popleft()
            self._records[record.number] = record
            if record.params and record.number not in self._rows:
                self._rows[record.number] = self._cube.row(record.params)

    def _wanted(self, number: int, gains: list[float]) -> Iterator[Params]:
        """Yield what trial `number` should try, best first; nothing where chance is to decide.

        `gains` gets by how much the best of them is expected to better the best final value, once the model sees those.
        """
        view = View.of(self._records.values(), sign=self._sign, enough=self._enough)
        known = self._model(view) if view is not None else None
        if view is None or known is None:
            if not self._space.has_guess:  # else its priors draw
                yield self._start.point(number)
            return
        rng = np.random.default_rng(random.Random(f"{self._seed}-{number}").getrandbits(64))
        model, best, near = known
        improvement = ExpectedImprovement(model, self._cube, best)
        rows = most_wanted(improvement, self._cube, near=near, rng=rng)
        if view.is_final and len(view.losses) >= SURE:
            gains.append(float(np.exp(improvement.of(rows[:1])[0])))
        points = [self._space.from_unit(row) for row in rows]
        yield from [point for point in points if self._space.is_feasible(point)] or points

    def _model(self, view: View) -> tuple[Model | Shifted, float, Array] | None:
        """Return the model of a view, the loss that is to be improved on, and the best points, best first.

        None where there are few results, and past studies do not say the same.
        """
        order = sorted(view.losses, key=lambda number: (view.losses[number], number))
        kept = _thinned(order)
        finite = [loss for loss in view.losses.values() if math.isfinite(loss)] or [0.0]
        worst = float(np.percentile(finite, CLIPPED if len(finite) >= SURE else 100))
        step = float(np.std(np.minimum(finite, worst)))
        told = [(number, min(view.losses[number], worst)) for number in kept]
        told += [(number, worst) for number in view.failed[-MODELLED // 2 :]]
        told += [(number, worst + step) for number in view.infeasible[-MODELLED // 2 :]]
        x, y = self._features([number for number, _ in told]), np.array([loss for _, loss in told])
        trust = self._trends.trust(x[: len(kept)], y[: len(kept)])
        if len(kept) < (ENOUGH if view.is_final else ENOUGH_EARLY) and not trust.any():
            return None
        model = self._trends.fit(x, y, trust)
        if view.pending:
            model = model.with_pending(self._features(view.pending[-MODELLED:]))
        best = float(model.predict(model.x)[0].min())
        return model, best, np.array([self._rows[number] for number in order[:BEST]])

    def _features(self, numbers: Sequence[int]) -> Array:
        return self._cube.features(np.array([self._rows[number] for number in numbers]))


def _thinned(order: Sequence[int]) -> list[int]:
    """Return which of some trials, given from the best to the worst, are modelled."""
    if len(order) <= MODELLED:
        return sorted(order)
    half = MODELLED // 2
    return sorted([*order[:half], *sorted(order[half:])[-half:]])
