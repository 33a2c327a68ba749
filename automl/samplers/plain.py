"""The samplers that learn nothing: what they propose for trial n follows from n, the seed and the space.

    QmcSampler(space, seed=7).propose(0)

So there is nothing to restore when a study is resumed, and no Optuna to load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from automl.samplers.base import Params, Proposal, Untried, key, seen
from automl.trial import TrialRecord
from search_spaces import SearchSpace

PER_AXIS = 5
"""Values that a grid takes of a continuous parameter."""


class RandomSampler:
    """Independent draws. In a continuous space trial n gets the same params whatever came before it."""

    def __init__(self, space: SearchSpace, *, seed: int, records: Iterable[TrialRecord] = ()) -> None:
        self._untried = Untried(space, seed=seed, records=records)

    def propose(self, number: int) -> Proposal | None:
        params = self._untried.choose(number, self._untried.guesses(number))
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

    def __init__(self, space: SearchSpace, *, seed: int, records: Iterable[TrialRecord] = ()) -> None:
        from scipy.stats import qmc

        self._space = space
        self._untried = Untried(space, seed=seed, records=records)
        self._sequence = qmc.Sobol(len(space.axes), scramble=True, rng=seed)

    def propose(self, number: int) -> Proposal | None:
        params = self._untried.choose(number, [*self._untried.guesses(number), self._point(number)])
        return None if params is None else Proposal(params=params)

    def observe(self, record: TrialRecord) -> None:
        pass

    def _point(self, number: int) -> Params:
        ahead = number - self._sequence.num_generated
        if ahead < 0:
            self._sequence.reset()
            ahead = number
        if ahead:
            self._sequence.fast_forward(ahead)
        return self._space.from_unit(self._sequence.random(1)[0])


class GridSampler:
    """Every combination once, in the space's order; `per_axis` values of each continuous parameter.

    `older` trials, the first of the study, were asked in another space; those that are points of this one are left out.
    """

    def __init__(self, space: SearchSpace, *, per_axis: int = PER_AXIS, older: Sequence[TrialRecord] = ()) -> None:
        self._space = space
        self._per_axis = per_axis
        self._tried = seen(older)
        self._first = len(older)
        self._points: Iterator[Params] = iter(())
        self._next = -1

    def propose(self, number: int) -> Proposal | None:
        if number != self._next:
            grid = self._space.grid(self._per_axis)
            self._points = (point for point in grid if not self._tried or key(point) not in self._tried)
            for _ in range(number - self._first):
                next(self._points, None)
        self._next = number + 1
        params = next(self._points, None)
        return None if params is None else Proposal(params=params)

    def observe(self, record: TrialRecord) -> None:
        pass
