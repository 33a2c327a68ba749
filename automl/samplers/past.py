"""What another study has found, for one that begins: its best points, and its results as belief about new ones.

    past = Past(study="digits-1", space=old_space, points=[{"lr": 0.1}], losses=[0.2])
    past.carried(space)                         # its points as points of `space`, each with its loss
    best_points([past], space, seed=7)          # a few to begin with

Nothing here reads a ledger: a past is kept in that of the study which learns from it, as `to_dict` has it, in the space
that its points were asked in. So the other study may be deleted, and the space of this one may change.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl.samplers.base import Params, key
from search_spaces import Categorical, Distribution, Float, Int, Ordinal, SearchSpace, carry

FIRST = 3
"""Best points of all past studies together that are tried first."""
APART = 0.1
"""Least distance between those of one study, in widths of the unit cube and averaged over the axes."""
KEPT = 100
"""Results of a study that are kept: the best half and the newest half of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The results of another study."""

    study: str
    space: SearchSpace
    """Of its points."""
    points: Sequence[Params]
    losses: Sequence[float]
    """Of each point; less is better, whatever the study's metric and direction were."""
    aim: str
    """What it was after, such as "minimize val_loss"."""

    @classmethod
    def of(cls, study: str, space: SearchSpace, results: Iterable[tuple[Params, float]], *, aim: str) -> Past:
        """Return a past of (point, loss) in the order of their trials, thinned to `KEPT`."""
        kept = list(results)
        if len(kept) > KEPT:
            order = sorted(range(len(kept)), key=lambda each: (kept[each][1], each))
            best, rest = order[: KEPT // 2], order[KEPT // 2 :]
            kept = [kept[each] for each in sorted([*best, *sorted(rest)[-KEPT // 2 :]])]
        points, losses = [dict(point) for point, _ in kept], [loss for _, loss in kept]
        return cls(study=study, space=space, points=points, losses=losses, aim=aim)

    def shared(self, space: SearchSpace) -> list[str]:
        """Return the parameters that vary in `space` and whose values here may be values there."""
        return [name for name in space.axes if name in self.space and _likeness(self.space[name], space[name])]

    def likeness(self, space: SearchSpace) -> float:
        """Return which part of the parameters of `space` means the same here, in 0..1: name, scale and values."""
        total = sum(_likeness(self.space[name], space[name]) for name in self.shared(space))
        return total / max(len(space.axes), 1)

    def carried(self, space: SearchSpace) -> list[tuple[dict[str, Any], float, bool]]:
        """Return (point of `space`, loss, whether no value had to be moved into a range) of each result.

        Parameters that were not there are at their default. A point may break relations of `space`.
        """
        found = []
        for point, loss in zip(self.points, self.losses, strict=True):
            made, moved = carry(point, old=self.space, new=space)
            found.append((made, loss, not moved))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        points = [dict(point) for point in self.points]
        rows = {"points": points, "losses": list(self.losses), "aim": self.aim}
        return {"study": self.study, "space": self.space.to_dict(), **rows}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Past:
        """Return the past that `to_dict` gave."""
        return cls(**{**row, "space": SearchSpace.from_dict(row["space"])})


def best_points(pasts: Sequence[Past], space: SearchSpace, *, seed: int) -> list[Params]:
    """Return up to `FIRST` feasible points of `space`: the best of each past, then the second best of each, ..."""
    rng = random.Random(seed)
    found: dict[Any, Params] = {}
    for turn in itertools.zip_longest(*(_apart(past, space) for past in pasts)):
        for point in turn:
            if point is not None and len(found) < FIRST:
                repaired = space.repair(point, rng)
                found.setdefault(key(repaired), repaired)
    return list(found.values())


def _apart(past: Past, space: SearchSpace) -> list[Params]:
    """Return the best points of a past, best first, leaving out those near to a better one."""
    chosen: list[tuple[Params, list[float]]] = []
    for point, _, _ in sorted(past.carried(space), key=lambda each: each[1]):
        row = space.to_unit(point)
        near = (sum(abs(a - b) for a, b in zip(row, other, strict=True)) for _, other in chosen)
        if all(distance >= APART * len(row) for distance in near):
            chosen.append((point, row))
        if len(chosen) == FIRST:
            break
    return [point for point, _ in chosen]


def _likeness(old: Distribution, new: Distribution) -> float:
    """Return how far values of one parameter mean the same in both, in 0..1; 0 where they have nothing in common."""
    if isinstance(old, (Float, Int)) and isinstance(new, (Float, Int)):
        low, high = max(old.low, new.low), min(old.high, new.high)
        if low > high:
            return 0.0
        part = _width(low, high, new.log) / (_width(new.low, new.high, new.log) or 1.0)
        return max(part, 0.1) * (1.0 if old.log == new.log else 0.5)
    if isinstance(old, (Categorical, Ordinal)) and isinstance(new, (Categorical, Ordinal)):
        had = [old.value_of(choice) for choice in old.choices]
        return sum(new.value_of(choice) in had for choice in new.choices) / len(new.choices)
    return 0.5 if any(new.contains(old.from_unit(share)) for share in (0, 0.25, 0.5, 0.75, 1)) else 0.0


def _width(low: float, high: float, is_log: bool) -> float:
    return math.log(high / low) if is_log else high - low
