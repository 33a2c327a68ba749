"""A Gaussian process as a sampler: few trials, each where the most is to be gained.

    sampler = GpSampler(space, direction="minimize", seed=7, records=records)
    sampler.propose(len(records)).params

What it proposes for a trial follows from the seed, the trial's number and what it was told, not from what it has
computed before, so that a resumed study goes on as if nothing had been. Every parameter is modelled, conditional ones
too: where one does not exist it is at its default.

What the model sees of trials that were stopped, paused, failed or still run is `view`'s to say.

Several objectives become one anew for each trial: the largest of them, each weighted at random, so that each trial
looks for another part of the Pareto set (ParEGO: Knowles, "ParEGO: A Hybrid Algorithm With On-Line Landscape
Approximation for Expensive Multiobjective Optimization Problems", IEEE TEC 2006). A constraint has a model of its own,
and what a trial promises counts as far as it is likely to be kept (Gardner et al., "Bayesian Optimization with
Inequality Constraints", ICML 2014).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from automl.config import Direction
from automl.preference import Preference
from automl.samplers.acquisition import Acquisition, ExpectedImprovement, Feasibly, most_wanted
from automl.samplers.base import Params, Proposal, Untried
from automl.samplers.cube import Cube
from automl.samplers.model import LARGEST, Array, Model, fit
from automl.samplers.past import Past
from automl.samplers.plain import Sobol
from automl.samplers.trends import Shifted, Trends
from automl.samplers.view import ENOUGH, ENOUGH_EARLY, View
from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace

SURE = 10
"""Trials with a loss of which a percentile, or what is left to be gained, means something."""
MODELLED = 150
"""Trials that are modelled at most: the best half and the newest half of them."""
COMPARED = 1000
"""Trials, the best ones, of which the least loss that a model expects is what the next trial has to better."""
CLIPPED = 80.0
"""Percentile at which losses are clipped: how bad a bad trial is tells little of where good ones are."""
NARROWEST = 25
"""Percentile of losses down to which an objective is measured at least, where the Pareto set is a few points."""
RIDGE = 0.05
"""Weight of the sum of several objectives beside the largest: Knowles's own."""
BEST = 5
"""Best trials around which the next ones are looked for."""


class GpSampler:
    """Proposes where a Gaussian process of the trials so far expects the largest improvement."""

    def __init__(
        self,
        space: SearchSpace,
        *,
        direction: Direction = "minimize",
        preference: Preference | None = None,
        seed: int,
        records: Iterable[TrialRecord] = (),
        first: Iterable[Params] = (),
        pasts: Sequence[Past] = (),
    ) -> None:
        records = list(records)
        self._space = space
        self._preference = preference or Preference.of("value", direction)
        self._seed = seed
        self._cube = Cube(space)
        self._untried = Untried(space, seed=seed, records=records, first=first)
        self._trends = Trends(pasts, space, self._cube)
        self._enough = ENOUGH if pasts else ENOUGH_EARLY
        self._start = Sobol(space, seed=seed)
        self._records: dict[int, TrialRecord] = {}
        self._rows: dict[int, Array] = {}
        for record in records:
            self.observe(record)

    def propose(self, number: int) -> Proposal | None:
        gains: list[float] = []
        wanted = self._wanted(number, gains)
        params = self._untried.choose(number, itertools.chain(self._untried.guesses(), wanted))
        if params is None:
            return None
        self.observe(TrialRecord(number=number, state=TrialState.RUNNING, params=params))
        return Proposal(params=params, gain=max(gains, default=None))

    def gain(self, number: int) -> float | None:
        """Return by how much trial `number` would be expected to better the best final value, if this proposed it."""
        gains: list[float] = []
        next(self._wanted(number, gains), None)
        return max(gains, default=None)

    def observe(self, record: TrialRecord) -> None:
        self._records[record.number] = record
        if record.params and record.number not in self._rows:
            self._rows[record.number] = self._cube.row(record.params)

    def _wanted(self, number: int, gains: list[float]) -> Iterator[Params]:
        """Yield what trial `number` should try, best first; nothing where chance is to decide.

        `gains` gets by how much the best of them is expected to better the best final value, once the model sees those.
        """
        view = View.of(self._records.values(), preference=self._preference, enough=self._enough)
        rng = np.random.default_rng(random.Random(f"{self._seed}-{number}").getrandbits(64))
        task = self._task(view, rng) if view is not None else None
        if view is None or task is None:
            if not self._space.has_guess:  # else its priors draw
                yield self._start.point(number)
            return
        wanted, near, improvement = task
        rows = most_wanted(wanted, self._cube, near=near, rng=rng)
        if self._preference.is_plain and view.is_final and len(view.losses) >= SURE:
            gains.append(float(np.exp(improvement.of(rows[:1])[0])))
        feasible = filter(self._space.is_feasible, map(self._space.from_unit, rows))
        first = next(feasible, None)
        yield from map(self._space.from_unit, rows) if first is None else itertools.chain([first], feasible)

    def _task(self, view: View, rng: np.random.Generator) -> tuple[Acquisition, Array, ExpectedImprovement] | None:
        """Return what makes a point worth a trial; the best points known, best first; and what it is to better.

        The first compares with what trials might have reached that were stopped, too, or they would be tried again; the
        last does not. None where there are few results, and past studies do not say the same.
        """
        n_objectives = len(self._preference.metrics)
        numbers = sorted(view.losses)
        vectors = np.array([view.losses[number] for number in numbers])
        losses = dict(zip(numbers, scalars(vectors[:, :n_objectives], rng), strict=True))
        kept = {n: all(excess <= 0 for excess in view.losses[n][n_objectives:]) for n in numbers}
        order = sorted(numbers, key=lambda number: (not kept[number], losses[number], number))
        model = self._model(view, [(number, losses[number]) for number in order])
        if model is None:
            return None
        limits = [
            self._model(view, [(number, view.losses[number][place]) for number in order], is_limit=True)
            for place in range(n_objectives, vectors.shape[1])
        ]
        near = np.array([self._rows[number] for number in order[:BEST]])
        reached = best = math.inf
        if any(kept.values()):
            feasible = sorted(n for n in order[:COMPARED] if kept[n])
            reached = self._least(model, [*feasible, *view.pending[-MODELLED:]])
            best = min(reached, self._least(model, view.stopped[-MODELLED:]))
        wanted = ExpectedImprovement(model, self._cube, best)
        improvement = replace(wanted, best=reached)
        return Feasibly(wanted, [each for each in limits if each]) if limits else wanted, near, improvement

    def _least(self, model: Model | Shifted, numbers: Sequence[int]) -> float:
        """Return the least loss that a model expects of some trials; +inf of none."""
        return float(model.predict(self._features(numbers))[0].min()) if numbers else math.inf

    def _model(
        self, view: View, results: Sequence[tuple[int, float]], *, is_limit: bool = False
    ) -> Model | Shifted | None:
        """Return a model of the losses of some trials, best first, or of a limit; None where there are too few."""
        kept = dict(_thinned(results))
        finite = [loss for loss in kept.values() if math.isfinite(loss)] or [0.0]
        worst = float(np.percentile(finite, CLIPPED if len(finite) >= SURE else 100))
        worst = max(worst, 0.0) if is_limit else worst
        step = float(np.std(np.minimum(finite, worst)))
        told = [(number, min(loss, worst)) for number, loss in kept.items()]
        if not is_limit:
            told += [(number, worst) for number in view.failed[-MODELLED // 2 :]]
            told += [(number, worst + step) for number in view.infeasible[-MODELLED // 2 :]]
        x, y = self._features([number for number, _ in told]), np.array([loss for _, loss in told])
        if is_limit:
            return fit(x, y, axis=self._cube.axis)
        trust = self._trends.trust(x[: len(kept)], y[: len(kept)])
        if len(kept) < (ENOUGH if view.is_final else ENOUGH_EARLY) and not trust.any():
            return None
        model = self._trends.fit(x, y, trust)
        return model.with_pending(self._features(view.unseen[-MODELLED:])) if view.unseen else model

    def _features(self, numbers: Sequence[int]) -> Array:
        return self._cube.features(np.array([self._rows[number] for number in numbers]))


def scalars(losses: Array, rng: np.random.Generator) -> Array:
    """Return one number for each row of `losses`, (n, objectives): of several the largest, weighted at random.

    Each objective is measured between the best that there is and the worst among points that no other one dominates.
    What lacks an objective, as +inf there, has +inf; of several none other is beyond `LARGEST`.
    """
    if losses.shape[1] == 1:
        return losses[:, 0]
    weights = rng.dirichlet(np.ones(losses.shape[1]))
    found, known = np.full(len(losses), math.inf), np.all(np.isfinite(losses), axis=1)
    if not known.any():
        return found
    finite = losses[known]
    ideal = finite.min(axis=0)
    reach = np.maximum(nadir(finite), np.percentile(finite, NARROWEST, axis=0)) - ideal
    shares = weights * (finite - ideal) / np.where(reach > 1 / LARGEST, reach, 1.0)
    found[known] = np.minimum(shares.max(axis=1) + RIDGE * shares.sum(axis=1), LARGEST)
    return found


def nadir(losses: Array) -> Array:
    """Return the worst of each objective, (objectives,), among the rows of `losses` that no other one dominates.

    Only who may be the worst is compared with all others: the set itself costs the square of their number.
    """
    return np.array([_worst(losses, place) for place in range(losses.shape[1])])


def _worst(losses: Array, place: int) -> float:
    left = losses
    while True:
        row = left[np.argmax(left[:, place])]
        above = losses[_dominates(losses, row)]
        if not len(above):
            return float(row[place])
        left = left[~_dominates(above[np.argmin(above.sum(axis=1))], left)]


def _dominates(one: Array, other: Array) -> NDArray[np.bool_]:
    """Say of rows and rows, or one of either, which are nowhere above the others, and somewhere below."""
    return np.asarray((one <= other).all(axis=1) & (one < other).any(axis=1))


def _thinned(results: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return which of some results, given from the best to the worst, are modelled, in the order of their trials."""
    if len(results) <= MODELLED:
        return sorted(results)
    half = MODELLED // 2
    return sorted([*results[:half], *sorted(results[half:])[-half:]])
