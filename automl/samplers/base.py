"""What a sampler is, and what keeps all of them from trying the same params twice.

    sampler.propose(0)              # Proposal(params={"lr": 0.01}, notes=())
    sampler.observe(record)         # ... what became of trial 0

`Untried` is shared by all samplers that have a name, save the grid: in a space of a dozen points random draws, and
models that have made up their mind, come back to points whose value is known. It picks another one, and says when there
is none left. And it knows what to try first: what somebody already knows to be worth it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace, SearchSpaceError

Params = Mapping[str, Any]
PATIENCE = 3
"""Infeasible suggestions for one trial."""
Note = Sequence[Any]
"""[trial number or None for the study, key, JSON value]: what a sampler must find again after a resume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What to try next."""

    params: Params
    notes: Sequence[Note] = ()
    """Written down since the last proposal; the ledger keeps them with the trial."""
    seq: int = 0
    """Of the ledger, up to which history was known when the proposal was begun; `Proposals` enters it."""
    gain: float | None = None
    """By how much it is expected to better the best final value, in units of the metric; None where no model says."""
    confirms: int | None = None
    """The trial that is to run again with another seed, if it is that."""


class Sampler(Protocol):
    """Proposes params from history."""

    def propose(self, number: int) -> Proposal | None:
        """Return what trial `number`, the next one, is to try, or None when there is nothing left to try.

        Raises:
            SearchAbortedError: a sampler of the user's own failed.
        """

    def observe(self, record: TrialRecord) -> None:
        """Take in that a trial was paused, promoted or ended; nothing is added to the record later."""


class Modelled(Protocol):
    """What knows how much there is to gain."""

    def gain(self, number: int) -> float | None:
        """Return by how much trial `number`, well chosen, is expected to better the best final value; None: unknown."""

    def observe(self, record: TrialRecord) -> None:
        """Take in what a sampler is told."""


class Gauged:
    """A sampler with a model beside it, which says what a trial promises: the one that the model would choose."""

    def __init__(self, sampler: Sampler, model: Modelled) -> None:
        self._sampler = sampler
        self._model = model

    def propose(self, number: int) -> Proposal | None:
        proposal = self._sampler.propose(number)
        if proposal is None:
            return None
        gain = self._model.gain(number)
        self._model.observe(TrialRecord(number=number, state=TrialState.RUNNING, params=proposal.params))
        return replace(proposal, gain=gain)

    def observe(self, record: TrialRecord) -> None:
        self._sampler.observe(record)
        self._model.observe(record)


class Untried:
    """The points of a space that were not proposed yet.

    Args:
        space: what is chosen from.
        seed: of the study.
        records: the trials whose points were proposed.
        first: points to propose before any other, in this order.
    """

    DRAWS = 100
    """Random points looked at before all points are gone through in their order."""

    def __init__(
        self, space: SearchSpace, *, seed: int, records: Iterable[TrialRecord] = (), first: Iterable[Params] = ()
    ) -> None:
        self._space = space
        self._seed = seed
        self._size = space.size()
        self._seen = seen(records)
        self._first = [(key(point), point) for point in first]

    def guesses(self) -> list[Params]:
        """Return what is to be proposed before anything else: of the points to begin with those that were not yet."""
        self._first = [(point_key, point) for point_key, point in self._first if point_key not in self._seen]
        return [point for _, point in self._first]

    def choose(self, number: int, candidates: Iterable[Params] = ()) -> Params | None:
        """Return the first new feasible point of `candidates`, else a random one, or None when all were proposed.

        Where `candidates` are infeasible, the first of them is repaired.

        What is drawn depends on the seed, on `number` and on the points proposed before, not on how they did.
        """
        if self._size != "continuous" and len(self._seen) >= self._size:
            return None
        rng = random.Random(f"{self._seed}-{number}")
        candidates = feasible(self._space, candidates, rng)
        draws = (self._space.sample(rng) for _ in range(self.DRAWS))
        for params in itertools.chain(candidates, draws, self._all()):
            point = key(params)
            if point not in self._seen:
                self._seen.add(point)
                return params
        return None

    def _all(self) -> Iterator[Params]:
        if self._size != "continuous":
            yield from self._space.grid(1)


def is_point(space: SearchSpace, params: Params) -> bool:
    """Say whether `params` is a feasible point of `space`."""
    try:
        space.validate(params)
    except SearchSpaceError:
        return False
    return True


def best_guess(space: SearchSpace, *, seed: int) -> list[Params]:
    """Return the default point of a space in which any default or prior is stated, repaired where relations forbid it.

    That is its author's best guess; a space that states none has none.
    """
    return [space.repair(space.default(), random.Random(seed))] if space.has_guess else []


def feasible(space: SearchSpace, candidates: Iterable[Params], rng: random.Random) -> Iterator[Params]:
    """Yield those of `candidates` that fulfil the relations of `space`.

    Once `PATIENCE` were infeasible, the first of these, which a sampler likes best, is repaired and ends it: a model of
    the objective, asked again, would go on to suggest what lies beyond its bounds.
    """
    infeasible: list[Params] = []
    for params in candidates:
        if space.is_feasible(params):
            yield params
        else:
            infeasible.append(params)
            if len(infeasible) == PATIENCE:
                break
    if infeasible:
        yield space.repair(infeasible[0], rng)


def seen(records: Iterable[TrialRecord]) -> set[frozenset[tuple[str, str]]]:
    """Return what tells the points of trials; a trial without params is none of this space."""
    return {key(record.params) for record in records if record.params}


def key(params: Params) -> frozenset[tuple[str, str]]:
    """Return what equal points alone share. Optuna's steps of 0.1 come as 0.30000000000000004, ours as 0.3."""
    return frozenset((name, f"{v:.12g}" if isinstance(v, float) else repr(v)) for name, v in params.items())
