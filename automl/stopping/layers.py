"""Vectors of trials in the order of `automl.preference.order`, without sorting all again when another one comes.

    layers = Layers()
    layers.add(7, (0.0, 0.3, 12.0))     # what it breaks of the constraints, then its losses
    layers.add(8, (0.0, 0.2, 9.0))
    list(layers)                        # [8, 7]: best first
    layers.place(7)                     # 1

Those that break the constraints alike are a stack of layers, of which nobody in the first is dominated. Who comes goes
to the first layer; who is dominated there falls to the next one, and so on (the update of Li et al., "Efficient
Nondomination Level Update Method for Steady-State Evolutionary Multiobjective Optimization", IEEE Transactions on
Cybernetics 2017). It falls when somebody looks at that layer: the order of the worst is seldom asked for.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator

from automl.preference import Vector, crowding, dominates

Point = tuple[Vector, int]
"""Losses of a trial, and the trial: sorted so, nobody is dominated by a later one."""


class Layers:
    """Trials with a vector each, best first; of equals the older one. All vectors are of one length."""

    def __init__(self) -> None:
        self._vectors: dict[int, Vector] = {}
        self._stacks: dict[float, list[_Layer]] = {}  # by what they break of the constraints
        self._sizes: dict[float, int] = {}  # of the stacks

    def add(self, trial: int, vector: Vector) -> None:
        """Take a trial in, that is not there yet."""
        violation, *losses = vector
        self._vectors[trial] = vector
        self._sizes[violation] = self._sizes.get(violation, 0) + 1
        self._stacks.setdefault(violation, [_Layer()])[0].fallen.append((tuple(losses), trial))

    def discard(self, trial: int) -> None:
        """Leave a trial out that is there: all in its layer and below find theirs anew."""
        violation, *losses = self._vectors.pop(trial)
        self._sizes[violation] -= 1
        stack = self._stacks[violation]
        depth = next(depth for depth, layer in enumerate(_settled(stack)) if (tuple(losses), trial) in layer)
        anew = _Layer()
        anew.fallen = [each for layer in stack[depth:] for each in (*layer.points, *layer.fallen) if each[1] != trial]
        stack[depth:] = [anew]

    def place(self, trial: int) -> int:
        """Return how many are better than a trial that is there."""
        violation, *losses = self._vectors[trial]
        place = sum(size for other, size in self._sizes.items() if other < violation)
        for layer in _settled(self._stacks[violation]):
            if (tuple(losses), trial) in layer:
                return place + layer.best_first().index(trial)
            place += len(layer.points)
        raise AssertionError(f"trial {trial} is in no layer")

    def __len__(self) -> int:
        return len(self._vectors)

    def __iter__(self) -> Iterator[int]:
        for violation in sorted(self._stacks):
            for layer in _settled(self._stacks[violation]):
                yield from layer.best_first()


class _Layer:
    """Points that do not dominate each other, and others that may belong here or below."""

    def __init__(self) -> None:
        self.points: list[Point] = []  # sorted
        self.fallen: list[Point] = []
        self._best_first: list[int] | None = None

    def settle(self) -> list[Point]:
        """Take in who has fallen, and return who falls further."""
        dominated: list[Point] = []
        for point in sorted(self.fallen):
            if self._dominates(point):
                dominated.append(point)
                continue
            dominated += (beaten := [each for each in self.points if dominates(point[0], each[0])])
            self.points = [each for each in self.points if each not in beaten] if beaten else self.points
            bisect.insort(self.points, point)
            self._best_first = None
        self.fallen = []
        return dominated

    def best_first(self) -> list[int]:
        """Return the trials, those with the most room around them first."""
        if self._best_first is None:
            room = crowding([losses for losses, _ in self.points])
            ranked = sorted(zip(room, self.points, strict=True), key=lambda each: (-each[0], each[1]))
            self._best_first = [trial for _, (_, trial) in ranked]
        return self._best_first

    def __contains__(self, point: Point) -> bool:
        at = bisect.bisect_left(self.points, point)
        return at < len(self.points) and self.points[at] == point

    def _dominates(self, point: Point) -> bool:
        before = bisect.bisect_left(self.points, point)
        # Of two losses the second falls from point to point: the last one before speaks for all.
        asked = self.points[before - 1 : before] if len(point[0]) <= 2 else self.points[:before]
        return any(dominates(losses, point[0]) for losses, _ in asked)


def _settled(stack: list[_Layer]) -> Iterator[_Layer]:
    """Return layers from the first on, each with the points that belong there when it is returned."""
    depth = 0
    while depth < len(stack):
        if further := stack[depth].settle():
            if depth + 1 == len(stack):
                stack.append(_Layer())
            stack[depth + 1].fallen += further
        yield stack[depth]
        depth += 1
