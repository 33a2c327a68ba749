"""Where the points of a space lie: in the unit cube, and next to each other.

    axes(steps) == ["arch", "lr", "width"]                  # all parameters but constants: one coordinate each
    to_unit(steps, {"arch": "mlp", "lr": 1e-3})             # [0.25, 0.5, 0.5]: width, missing here, at its default
    neighbours(steps, relations, {"arch": "mlp", "lr": 1e-3})   # the points that differ in one decision

The cube is what optimizers and models work on that know nothing of names, scales and conditions; neighbours are what a
local search goes through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from search_spaces.distributions import Constant
from search_spaces.errors import SearchSpaceError
from search_spaces.points import Step, completed
from search_spaces.relations import Relations


def axes(steps: Sequence[Step]) -> list[Step]:
    """Return the parameters that have a coordinate: all but constants."""
    return [step for step in steps if not isinstance(step.distribution, Constant)]


def to_unit(steps: Sequence[Step], params: Mapping[str, Any]) -> list[float]:
    """Return the coordinates of a point, which is known to be one."""
    return [
        distribution.to_unit(params[name] if name in params else distribution.default_value())
        for name, distribution, _ in axes(steps)
    ]


def from_unit(steps: Sequence[Step], coordinates: Iterable[float]) -> dict[str, Any]:
    """Return the point that has these coordinates; those of parameters that do not exist there go unused.

    Raises:
        SearchSpaceError: there are more or fewer coordinates than axes, or some are no numbers in 0..1.
    """
    shares, named = list(coordinates), axes(steps)
    if len(shares) != len(named):
        raise SearchSpaceError(
            f"a point has {len(named)} coordinates here, one for each parameter that is no constant, got {len(shares)}"
        )
    values: dict[str, Any] = {}
    problems: list[str] = []
    for (name, distribution, _), share in zip(named, shares, strict=True):
        try:
            values[name] = distribution.from_unit(share)
        except SearchSpaceError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if problems:
        raise SearchSpaceError(problems)
    return completed(steps, values)


def neighbours(steps: Sequence[Step], relations: Relations, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the feasible points that differ from a point in the value of one parameter, and in what follows from it.

    Children that come to exist have their default; those that can no longer exist are left out.
    """
    beside = (
        completed(steps, {**params, name: value})
        for name, distribution, _ in steps
        if name in params
        for value in distribution.neighbours(params[name])
    )
    return [point for point in beside if relations.hold(point)]
