"""The samplers that learn nothing: what they propose follows from the number, the seed and what was tried before.

    QmcSampler(space, seed=7).propose(0)

So there is nothing to restore when a study is resumed, and no Optuna to load.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from automl.samplers.base import Params, Proposal, Untried, key, seen
from automl.trial import TrialRecord
from search_spaces import SearchSpace

PER_AXIS = 5
"""Values that a grid takes of a continuous parameter."""


class RandomSampler:
    """Independent draws. In a continuous space trial n gets the same params whatever came before it."""

    def __init__(
        self, space: SearchSpace, *, seed: int, records: Iterable[TrialRecord] = (), first: Iterable[Params] = ()
    ) -> None:
        self._untried = Untried(space, seed=seed, records=records, first=first)

    def propose(self, number: int) -> Proposal | None:
        params = self._untried.choose(number, self._untried.guesses())
        return None if params is None else Proposal(params=params)

    def observe(self, record: TrialRecord) -> None:
        pass


class QmcSampler:
    """Points that fill the space more evenly than random ones: trial n takes point n of a scrambled Sobol sequence.

    Every parameter has a coordinate of its own, conditional ones too, which go unused where they do not exist: what is
    left of an even sequence in fewer dimensions is even again. Priors do not bend it.

    Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization" (JMLR 2012), where Sobol points come
    out somewhat ahead of random ones. SciPy makes the sequence.
    """

    def __init__(
        self, space: SearchSpace, *, seed: int, records: Iterable[TrialRecord] = (), first: Iterable[Params] = ()
    ) -> None:
        self._untried = Untried(space, seed=seed, records=records, first=first)
        self._sequence = Sobol(space, seed=seed)

    def propose(self, number: int) -> Proposal | None:
        params = self._untried.choose(number, [*self._untried.guesses(), self._sequence.point(number)])
        return None if params is None else Proposal(params=params)

    def observe(self, record: TrialRecord) -> None:
        pass


class Sobol:
    """A scrambled Sobol sequence in a space; the seed decides how it is scrambled."""

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        from scipy.stats import qmc

        self._space = space
        self._sequence = qmc.Sobol(len(space.axes), scramble=True, rng=seed)

    def point(self, number: int) -> Params:
        """Return point `number` of the sequence, from 0; it may be infeasible."""
        ahead = number - self._sequence.num_generated
        if ahead < 0:
            self._sequence.reset()
            ahead = number
        if ahead:
            self._sequence.fast_forward(ahead)
        return self._space.from_unit(self._sequence.random(1)[0])


class GridSampler:
    """Every combination once, in the space's order; `per_axis` values of each continuous parameter.

    What `records` have tried is left out, and so is what `first` holds when its turn in the order comes.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        per_axis: int = PER_AXIS,
        records: Iterable[TrialRecord] = (),
        first: Iterable[Params] = (),
    ) -> None:
        self._seen = seen(records)
        self._points = itertools.chain(first, space.grid(per_axis))

    def propose(self, number: int) -> Proposal | None:
        for params in self._points:
            if (point := key(params)) not in self._seen:
                self._seen.add(point)
                return Proposal(params=params)
        return None

    def observe(self, record: TrialRecord) -> None:
        pass
