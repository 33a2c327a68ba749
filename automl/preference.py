"""Which of two results is better, where a study may have several metrics to look at and limits to keep.

    preference = Preference.of(["val_acc", "seconds"], ["maximize", "minimize"], ["latency_ms <= 5"])
    points = [{"val_acc": 0.8, "seconds": 3, "latency_ms": 6}, {"val_acc": 0.7, "seconds": 9, "latency_ms": 4}]
    preference.order(points)                                # [1, 0]: the first breaks the limit, and comes last
    preference.pareto(points)                               # [1]: those that no other one is better than
    hypervolume([(0.1, 9.0), (0.2, 3.0)], (1.0, 10.0))      # 5.7: how much of the plane they leave behind them

Everything is of losses (lower is better), pure Python, and a function of its arguments alone, so that samplers, early
stopping and every command that shows something agree.
"""

from __future__ import annotations

import bisect
import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from search_spaces.scalars import number, shown

Direction = Literal["minimize", "maximize"]
DIRECTIONS: tuple[Direction, ...] = ("minimize", "maximize")
Values = Mapping[str, float]
"""Metrics of one trial, by name."""
Vector = tuple[float, ...]
"""Of one trial: what it breaks of the constraints (0 for nothing), then a loss for each objective."""

_LIMIT = re.compile(r"\s*(\S(?:(?![<>]=).)*?)\s*([<>]=)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit that a metric has to keep: `latency_ms <= 5`."""

    metric: str
    sign: Literal["<=", ">="]
    bound: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a constraint.

        Raises:
            ValueError: it is none; says what was expected.
        """
        match = _LIMIT.fullmatch(text) if isinstance(text, str) else None
        bound = None if match is None else number(match[3])
        if match is None or bound is None or not math.isfinite(bound):
            raise ValueError(
                f'must be a metric, <= or >=, and a number, such as "latency_ms <= 5" or "val_acc >= 0.9"; '
                f"got {shown(text)}"
            )
        return cls(match[1], "<=" if match[2] == "<=" else ">=", float(bound))

    def excess(self, values: Values) -> float:
        """Return how far a metric is beyond the limit, as a part of it: below 0 on the right side, +inf if unknown."""
        value = values.get(self.metric, math.nan)
        if not math.isfinite(value):
            return math.inf
        return (value - self.bound if self.sign == "<=" else self.bound - value) / (abs(self.bound) or 1.0)

    def __str__(self) -> str:
        return f"{self.metric} {self.sign} {self.bound:.15g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """What a study wants: metrics to make large or small, the first one first, and limits.

    As in Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II" (IEEE TEC 2002), what keeps the
    limits comes before what does not, less broken before more; then come layers, of which nobody in the first is
    dominated; within a layer what has more room around it comes first.
    """

    metrics: tuple[str, ...]
    directions: tuple[Direction, ...]
    """One for each metric."""
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def of(cls, metric: str | Sequence[str], direction: str | Sequence[str], constraints: Sequence[str] = ()) -> Self:
        """Return the preference that settings say, which are text where there is one of a kind."""
        directions: tuple[Direction, ...] = tuple(
            "maximize" if each == "maximize" else "minimize" for each in several(direction)
        )
        return cls(
            metrics=several(metric), directions=directions, constraints=tuple(map(Constraint.parse, constraints))
        )

    def __str__(self) -> str:
        wishes = [f"{direction} {name}" for name, direction in self.ways]
        return ", ".join(wishes) + "".join(f", {limit}" for limit in self.constraints)

    @property
    def ways(self) -> list[tuple[str, Direction]]:
        """Each metric with its direction."""
        return list(zip(self.metrics, self.directions, strict=True))

    @property
    def is_plain(self) -> bool:
        """Whether there is one metric and no limit, so that results compare as numbers do."""
        return len(self.metrics) == 1 and not self.constraints

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that has to be known of a trial: the objectives, then what the constraints are about."""
        return tuple(dict.fromkeys([*self.metrics, *(each.metric for each in self.constraints)]))

    def losses(self, values: Values) -> Vector:
        """Return a number for each objective, lower is better; +inf for what is unknown, NaN or infinite."""
        found = (values.get(name, math.nan) for name in self.metrics)
        return tuple(
            math.inf if not math.isfinite(value) else -value if direction == "maximize" else value
            for value, direction in zip(found, self.directions, strict=True)
        )

    def violation(self, values: Values) -> float:
        """Return by how much the constraints are broken: 0 for not at all, the sum over all of their parts."""
        return sum(max(0.0, each.excess(values)) for each in self.constraints)

    def vector(self, values: Values) -> Vector:
        """Return what `order` of this module compares; who lacks an objective is behind all who have every one."""
        losses = self.losses(values)
        return (math.inf if math.inf in losses else self.violation(values), *losses)

    def order(self, points: Iterable[Values]) -> list[int]:
        """Return the rank of each point among them, 0 for the best; no two alike, the earlier of equals first."""
        return order([self.vector(point) for point in points])

    def pareto(self, points: Iterable[Values]) -> list[int]:
        """Return the positions of the points that no other one is better than, by their losses.

        They keep the constraints; where none does, they are the ones that break them least.
        """
        vectors = [self.vector(point) for point in points]
        least = min((vector[0] for vector in vectors), default=0.0)
        near = [at for at, vector in enumerate(vectors) if vector[0] == least]
        front = fronts([vectors[at][1:] for at in near])[:1]
        return sorted((near[at] for layer in front for at in layer), key=lambda at: (vectors[at], at))


def several(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return one text, or several, as several."""
    return (given,) if isinstance(given, str) else tuple(given)


def order(vectors: Sequence[Vector]) -> list[int]:
    """Return the rank of each vector (violation, loss, ...): 0 for the best, no two alike, the earlier of equals first.

    It puts what dominates before what is dominated, and depends on the order of equal vectors only.
    """
    if all(len(vector) == 2 for vector in vectors):  # numbers need no layers
        best_first = sorted(range(len(vectors)), key=lambda at: (vectors[at], at))
    else:
        best_first = _layered(vectors)
    ranks = [0] * len(vectors)
    for rank, at in enumerate(best_first):
        ranks[at] = rank
    return ranks


def _layered(vectors: Sequence[Vector]) -> list[int]:
    alike: dict[float, list[int]] = {}
    for at, vector in enumerate(vectors):
        alike.setdefault(vector[0], []).append(at)
    best_first: list[int] = []
    for violation in sorted(alike):
        members = alike[violation]
        losses = [vectors[at][1:] for at in members]
        for layer in fronts(losses):
            room = crowding([losses[n] for n in layer])
            ranked = sorted(zip(room, layer, strict=True), key=lambda each: (-each[0], losses[each[1]], each[1]))
            best_first += [members[n] for _, n in ranked]
    return best_first


def dominates(one: Vector, other: Vector) -> bool:
    """Say whether the losses of one are nowhere above those of the other, and somewhere below."""
    return one != other and all(map(operator.le, one, other))


def fronts(losses: Sequence[Vector]) -> list[list[int]]:
    """Return the layers of points: the first has those that nobody dominates, the next those that only they do, ...

    Points are inserted in lexicographic order, so none is dominated by a later one, and the layer of each is found by
    halving (Zhang et al., "An Efficient Approach to Nondominated Sorting", IEEE TEC 2015). With two objectives the last
    point of a layer has its lowest second loss, and speaks for all of it.
    """
    layers: list[list[int]] = []
    is_flat = bool(losses) and len(losses[0]) <= 2
    for at in sorted(range(len(losses)), key=lambda at: (losses[at], at)):

        def is_free(layer: list[int], point: Vector = losses[at]) -> bool:
            asked = layer[-1:] if is_flat else reversed(layer)
            return not any(dominates(losses[other], point) for other in asked)

        place = bisect.bisect_left(layers, True, key=is_free)
        if place == len(layers):
            layers.append([])
        layers[place].append(at)
    return layers


def crowding(losses: Sequence[Vector]) -> list[float]:
    """Return how much room each point of a layer has: +inf at the ends of an objective, else the gap around it.

    A gap is a part of the layer's range in that objective; a loss that is infinite counts for nothing.
    """
    room = [0.0] * len(losses)
    for axis in zip(*losses, strict=True):
        there = sorted((half / 2, at) for at, half in enumerate(axis) if math.isfinite(half))  # no difference overflows
        span = there[-1][0] - there[0][0] if there else 0.0
        if not span:
            continue
        room[there[0][1]] = room[there[-1][1]] = math.inf
        for (below, _), (_, at), (above, _) in zip(there, there[1:], there[2:], strict=False):
            room[at] += (above - below) / span
    return room


def reference(losses: Iterable[Vector]) -> Vector:
    """Return the worst finite loss of each objective: a corner from which `hypervolume` can measure."""
    return tuple(max(filter(math.isfinite, axis), default=0.0) for axis in zip(*losses, strict=True))


def hypervolume(losses: Iterable[Vector], corner: Sequence[float]) -> float:
    """Return the volume between `corner` and the points: what is dominated by at least one of them. Exact.

    The recursion of While, Bradstreet and Barone ("A Fast Way of Calculating Exact Hypervolumes", IEEE TEC 2012): each
    point adds its own box but for what the later ones cover of it. Meant for the small sets that studies have.
    """
    front = _front(loss for loss in losses if all(map(operator.lt, loss, corner)))
    if len(corner) == 2:
        edges = [second for _, second in front]
        return sum(
            (corner[0] - first) * (above - second)
            for (first, second), above in zip(front, [corner[1], *edges], strict=False)
        )
    return sum(contribution(point, front[at + 1 :], corner) for at, point in enumerate(front))


def contribution(point: Vector, others: Iterable[Vector], corner: Sequence[float]) -> float:
    """Return the volume between `corner` and a point that none of the other ones dominates."""
    if not all(map(operator.lt, point, corner)):
        return 0.0
    box = math.prod(end - each for each, end in zip(point, corner, strict=True))
    return box - hypervolume([tuple(map(max, point, other)) for other in others], corner)


def _front(losses: Iterable[Vector]) -> list[Vector]:
    """Return the different points that nobody dominates, in lexicographic order: none is dominated by a later one."""
    found: list[Vector] = []
    for point in sorted(set(losses)):
        asked = found[-1:] if len(point) <= 2 else found  # of two objectives the last has the lowest second one
        if not any(all(map(operator.le, other, point)) for other in asked):
            found.append(point)
    return found
