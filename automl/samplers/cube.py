"""The points of a space as rows of numbers, many at a time: what a model works on.

    cube = Cube(SearchSpace({"arch": "mlp|cnn", "depth": "1..6 when arch=cnn"}))
    rows = cube.settle(np.random.default_rng(0).random((500, len(cube))))   # values that there are, nothing that is not
    cube.features(rows)                                                     # coordinates between which distances count
    space.from_unit(rows[0])

A row has the coordinates of `SearchSpace.to_unit`. A parameter that does not exist at a point is at its default there,
so that it makes no difference between two points that both lack it. Between its choices a Categorical has no distances,
so in the features it has an indicator for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.samplers.model import Array
from search_spaces import Categorical, Constant, Distribution, SearchSpace
from search_spaces.criteria import Criterion

LISTED = 1000
"""Values of a parameter beyond which it passes for continuous."""
FEW = 16
"""Values of which a local search looks at all; of more ordered ones it looks at those nearby."""

Truth = NDArray[np.bool_]


class _Axis:
    """One parameter that varies."""

    def __init__(self, distribution: Distribution) -> None:
        size = distribution.size()
        self.distribution = distribution
        self.default = distribution.to_unit(distribution.default_value())
        self.values = distribution.grid(1) if size is not None and size <= LISTED else None
        """All values in the order of their coordinates; None of what passes for continuous."""
        self.centers = None if self.values is None else np.array([distribution.to_unit(value) for value in self.values])
        self.is_choice = isinstance(distribution, Categorical)
        self.n_features = 1
        if self.is_choice and self.centers is not None and len(self.centers) > 2:
            self.n_features = len(self.centers)

    @property
    def is_smooth(self) -> bool:
        """Whether a slope along it leads anywhere: it has an order, and more than a few values."""
        return not self.is_choice and (self.values is None or len(self.values) > FEW)

    def index(self, column: Array) -> NDArray[np.intp]:
        """Return which values are nearest to some coordinates."""
        assert self.centers is not None
        return np.searchsorted((self.centers[1:] + self.centers[:-1]) / 2, column)

    def features(self, column: Array) -> Array:
        """Return the features of some coordinates, (m, n_features): two choices that differ are 1 apart."""
        if not self.is_choice or self.centers is None:
            return column[:, None]
        if self.n_features == 1:
            return np.asarray(self.index(column)[:, None], dtype=np.float64)
        return np.asarray(np.eye(self.n_features)[self.index(column)] / math.sqrt(2), dtype=np.float64)

    def accepts(self, criterion: Criterion, column: Array) -> Truth:
        """Say at which coordinates a criterion is fulfilled."""
        if self.values is None:
            return np.array([criterion.accepts(self.distribution.from_unit(share)) for share in column], dtype=bool)
        return np.array([criterion.accepts(value) for value in self.values], dtype=bool)[self.index(column)]


class Cube:
    """The geometry of a space on arrays; rows are (m, number of axes), coordinates in 0..1."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._axes = {name: _Axis(space[name]) for name in space.axes}
        self._defaults = np.array([axis.default for axis in self._axes.values()])
        self._places = {name: place for place, name in enumerate(self._axes)}
        self._conditional = [name for name in space if name in space.conditions]
        self.axis = np.repeat(np.arange(len(self._axes)), [axis.n_features for axis in self._axes.values()])
        """Of each feature, the axis that it belongs to."""

    def __len__(self) -> int:
        return len(self._axes)

    def row(self, params: Mapping[str, Any]) -> Array:
        """Return the coordinates of a point of the space."""
        return np.array(self._space.to_unit(params))

    def settle(self, rows: Array) -> Array:
        """Return rows moved to the nearest values that there are, parameters that do not exist to their defaults."""
        rows = rows.copy()
        for place, axis in enumerate(self._axes.values()):
            if axis.centers is not None:
                rows[:, place] = axis.centers[axis.index(rows[:, place])]
        return np.where(self.active(rows), rows, self._defaults)

    def active(self, rows: Array) -> Truth:
        """Return which parameters exist, (m, number of axes)."""
        found = np.ones(rows.shape, dtype=bool)
        exists: dict[str, Truth] = {}  # of conditional parameters, constants included
        everywhere = np.ones(len(rows), dtype=bool)
        for name in self._conditional:  # parents come first
            exists[name] = np.zeros(len(rows), dtype=bool)
            for alternative in self._space.conditions[name].alternatives:
                holds = everywhere
                for parent, criterion in alternative:
                    holds = holds & exists.get(parent, everywhere) & self._accepts(parent, criterion, rows)
                exists[name] |= holds
            if name in self._places:
                found[:, self._places[name]] = exists[name]
        return found

    def features(self, rows: Array) -> Array:
        """Return what distances are measured in, (m, p), of settled rows."""
        if not len(self):
            return np.zeros((len(rows), 0))
        axes = self._axes.values()
        return np.concatenate([axis.features(rows[:, place]) for place, axis in enumerate(axes)], axis=1)

    def smooth(self, row: Array) -> Sequence[int]:
        """Return the axes along which a slope leads somewhere from `row`; each has one feature, its coordinate."""
        active = self.active(row[None, :])[0]
        return [place for place, axis in enumerate(self._axes.values()) if axis.is_smooth and active[place]]

    def feature_of(self, place: int) -> int:
        """Return which feature is the coordinate on a smooth axis."""
        return int(np.searchsorted(self.axis, place))

    def beside(self, row: Array) -> Array:
        """Return the settled rows that differ from a settled one in one value, on an axis whose values are listed."""
        active = self.active(row[None, :])[0]
        found = []
        for place, axis in enumerate(self._axes.values()):
            if axis.centers is None or not active[place]:
                continue
            here = int(axis.index(row[place : place + 1])[0])
            centers = axis.centers
            others = here + np.array([-2, -1, 1, 2]) if axis.is_smooth else np.arange(len(centers))
            others = others[(others != here) & (others >= 0) & (others < len(centers))]
            block = np.repeat(row[None, :], len(others), axis=0)
            block[:, place] = centers[others]
            found.append(block)
        return self.settle(np.concatenate(found)) if found else np.empty((0, len(self)))

    def _accepts(self, parent: str, criterion: Criterion, rows: Array) -> Truth | bool:
        distribution = self._space[parent]
        if isinstance(distribution, Constant):
            return criterion.accepts(distribution.value)
        return self._axes[parent].accepts(criterion, rows[:, self._places[parent]])
