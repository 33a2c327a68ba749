"""The points of a space in which some parameters exist only for some values of others: checking, counting, listing.

A point is told apart by the parameters that exist at it, so what a missing parameter could have been never counts and
never repeats a point:

    arch=mlp|cnn, cnn.kernel=3|5 when arch=cnn      3 points: (mlp), (cnn, 3), (cnn, 5)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from search_spaces.conditions import Condition
from search_spaces.distributions import Distribution
from search_spaces.errors import did_you_mean
from search_spaces.relations import Relations
from search_spaces.scalars import Scalar, literal

if TYPE_CHECKING:
    from random import Random


class Step(NamedTuple):
    """One parameter, on the way from parents to children."""

    name: str
    distribution: Distribution
    condition: Condition | None

    def exists(self, params: Mapping[str, object]) -> bool:
        """Say whether it exists where, of its parents, exactly those in `params` do."""
        return self.condition is None or self.condition.holds(params)


Judge = Callable[[Mapping[str, object]], bool]


def sample(steps: Sequence[Step], rng: Random) -> dict[str, Any]:
    """Draw one point."""
    params: dict[str, Any] = {}
    for step in steps:
        if step.exists(params):
            params[step.name] = step.distribution.sample(rng)
    return params


def grid(steps: Sequence[Step], n: int, judges: Mapping[str, Judge] | None = None) -> Iterator[dict[str, Scalar]]:
    """Return every point of the grid once, the last parameter changing fastest.

    Args:
        steps: the parameters, parents first.
        n: values of each continuous parameter.
        judges: say, once the parameter that they are for is decided, whether to go on with what is known of a point.

    Raises:
        SearchSpaceError: `n` is not at least 1, or a parameter has too many values to list.
    """
    return _walk(steps, [step.distribution.grid(n) for step in steps], judges or {})


def _walk(
    steps: Sequence[Step], values: Sequence[Sequence[Scalar]], judges: Mapping[str, Judge]
) -> Iterator[dict[str, Scalar]]:
    levels: list[Iterator[dict[str, Scalar]]] = [iter([{}])]  # level k yields points of the first k parameters
    while levels:
        point = next(levels[-1], None)
        if point is None:
            levels.pop()
        elif len(levels) > len(steps):
            yield point
        else:
            step = steps[len(levels) - 1]
            extended = _extended(point, step, values[len(levels) - 1])
            levels.append(filter(judges[step.name], extended) if step.name in judges else extended)


def _extended(point: dict[str, Scalar], step: Step, values: Sequence[Scalar]) -> Iterator[dict[str, Scalar]]:
    return ({**point, step.name: value} for value in values) if step.exists(point) else iter([point])


def problems(steps: Sequence[Step], relations: Relations, params: Mapping[str, object]) -> Iterator[str]:
    """Yield all that keeps `params` from being a point: missing, wrong, not existing there, unknown, infeasible."""
    existing: dict[str, object] = {}
    doubtful: set[str] = set()  # may exist, but missing, wrong or below such a one: its children are not judged
    for name, distribution, condition in steps:
        is_doubtful = condition is not None and not doubtful.isdisjoint(condition.parents)
        exists = condition is None or condition.holds(existing)
        if name not in params:
            problem = f"missing; give a value in {distribution}" if exists else None
        elif exists or is_doubtful:
            problem = distribution.validate(params[name])
        else:
            problem = f"exists only when {condition}; leave it out"
        if problem:
            yield f"{name}: {problem}"
        if is_doubtful or (exists and problem):
            doubtful.add(name)
        elif exists:
            existing[name] = params[name]
    known = {step.name for step in steps}
    for name in params:
        if name not in known:
            yield f"{name}: unknown parameter{did_you_mean(name, known)}"
    yield from (f"{relation}: {seen}" for relation, seen in relations.broken(existing))


class _Undecided(NamedTuple):
    """A parameter that exists if each parent in `asks` comes to have one of the values there."""

    distribution: Distribution
    asks: Mapping[str, frozenset[str]]


def count(steps: Sequence[Step]) -> int | None:
    """Return the number of points, or None when a parameter that can exist is continuous."""
    return _count({step.name: _Undecided(step.distribution, _asks(step.condition)) for step in steps})


def _asks(condition: Condition | None) -> dict[str, frozenset[str]]:
    clauses = condition.clauses if condition else ()
    return {parent: frozenset(map(_spelling, values)) for parent, values in clauses}


def _spelling(value: Scalar) -> str:
    """Return one text for each value: for 1 and 1.0 the same, for True another."""
    return literal(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _count(pending: Mapping[str, _Undecided]) -> int | None:
    """Multiply over groups of parameters that no condition connects; within one, add over the values of its root.

    Cheap where conditions form a forest, as they do when people write them.
    """
    total = 1
    for group in _groups(pending):
        size = _group_size(group)
        if size is None:
            return None
        total *= size
    return total


def _group_size(group: Mapping[str, _Undecided]) -> int | None:
    root = next(iter(group))  # parents come first, so nothing is asked of the first one: it exists
    size = group[root].distribution.size()
    if size is None or len(group) == 1:
        return size
    named = {value for item in group.values() for value in item.asks.get(root, ())}
    total = 0
    # "" stands for the values that no condition names, which are all alike.
    for value, weight in [*((value, 1) for value in named), ("", size - len(named))]:
        below = _count(_decided(group, root, value)) if weight else 0
        if below is None:
            return None
        total += weight * below
    return total


def _groups(pending: Mapping[str, _Undecided]) -> list[dict[str, _Undecided]]:
    """Part the parameters where no condition connects them, keeping their order."""
    leader: dict[str, str] = {}

    def lead(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for name, item in pending.items():
        leader[name] = name
        for parent in item.asks:
            leader[lead(name)] = lead(parent)
    groups: dict[str, dict[str, _Undecided]] = {}
    for name, item in pending.items():
        groups.setdefault(lead(name), {})[name] = item
    return list(groups.values())


def _decided(group: Mapping[str, _Undecided], root: str, value: str) -> dict[str, _Undecided]:
    """Return what is left of `group` once `root` has `value`: all but `root` and what can no longer exist."""
    left: dict[str, _Undecided] = {}
    for name, item in group.items():
        asks = {parent: values for parent, values in item.asks.items() if parent != root}
        if name != root and value in item.asks.get(root, {value}) and all(parent in left for parent in asks):
            left[name] = _Undecided(item.distribution, asks)
    return left
