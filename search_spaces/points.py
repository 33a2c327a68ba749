"""The points of a space in which some parameters exist only for some values of others: checking, counting, listing.

A point is told apart by the parameters that exist at it, so what a missing parameter could have been never counts and
never repeats a point:

    arch=mlp|cnn, cnn.kernel=3|5 when arch=cnn      3 points: (mlp), (cnn, 3), (cnn, 5)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from search_spaces.conditions import Alternative, Condition
from search_spaces.criteria import cells
from search_spaces.distributions import Distribution
from search_spaces.errors import did_you_mean
from search_spaces.relations import Relations
from search_spaces.scalars import Scalar

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


MAX_WORK = 600_000
"""Parameters looked at to count points: of conditions that cross each other wildly there is no end."""

Judge = Callable[[Mapping[str, object]], bool]


def sample(steps: Sequence[Step], rng: Random) -> dict[str, Any]:
    """Draw one point."""
    params: dict[str, Any] = {}
    for name, distribution, condition in steps:
        if condition is None or condition.holds(params):
            params[name] = distribution.sample(rng)
    return params


def completed(steps: Sequence[Step], values: Mapping[str, Any], rng: Random | None = None) -> dict[str, Any]:
    """Return the point that has those of `values` which exist there; what is missing is drawn, or the default."""
    params: dict[str, Any] = {}
    for name, distribution, condition in steps:
        if condition is not None and not condition.holds(params):
            continue
        if name in values:
            params[name] = values[name]
        else:
            params[name] = distribution.default_value() if rng is None else distribution.sample(rng)
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
        exists = condition is None or condition.holds(existing)
        is_doubtful = False
        if doubtful and condition is not None and not exists:
            is_doubtful = not doubtful.isdisjoint(condition.parents)
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
    """A parameter that exists if one of its alternatives holds; an empty one does."""

    distribution: Distribution
    alternatives: tuple[Alternative, ...]


_Group = Mapping[str, _Undecided]
"""Parameters that conditions connect, parents first."""


def count(steps: Sequence[Step]) -> int | None:
    """Return the number of points, or None when a parameter that can exist is continuous.

    Parameters that no condition connects are multiplied; where one does, the values of a root are added up. No group is
    counted twice, so that this is cheap where conditions form a forest, as they do when people write them. Where that
    takes more than `MAX_WORK`, parameters count as if all of them always existed, which is at least the number.
    """
    pending = {
        name: _Undecided(distribution, condition.alternatives if condition else ((),))
        for name, distribution, condition in steps
    }
    groups = _groups(pending)
    ways: dict[_Key, list[tuple[int | None, list[_Group]]]] = {}
    sizes: dict[_Key, int | None] = {}
    waiting = list(groups)
    work = 0
    while waiting:
        work += len(waiting[-1])
        if work > MAX_WORK:
            return _product(distribution.size() for _, distribution, _ in steps)
        key = _key(waiting[-1])
        if key not in ways:
            ways[key] = _ways(waiting[-1])
            waiting += [group for _, parts in ways[key] for group in parts if _key(group) not in sizes]
        else:
            waiting.pop()
            sizes[key] = _sum(_product([weight, *(sizes[_key(part)] for part in parts)]) for weight, parts in ways[key])
    return _product(sizes[_key(group)] for group in groups)


_Key = tuple[tuple[str, tuple[Alternative, ...]], ...]


def _key(group: _Group) -> _Key:
    return tuple((name, item.alternatives) for name, item in group.items())


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = list(sizes)
    return None if None in known else sum(size for size in known if size)


def _product(sizes: Iterable[int | None]) -> int | None:
    known = list(sizes)
    return None if None in known else math.prod(size for size in known if size is not None)


def _ways(group: _Group) -> list[tuple[int | None, list[_Group]]]:
    """Return how many values of the root, None for continuously many, leave which groups."""
    root = next(iter(group))  # parents come first, so nothing is asked of the first one: it exists
    distribution = group[root].distribution
    size = distribution.size()
    if size is None or len(group) == 1:
        return [(size, [])]
    pairs = (pair for item in group.values() for alternative in item.alternatives for pair in alternative)
    criteria = list({criterion.written(root): criterion for parent, criterion in pairs if parent == root}.values())
    alike: dict[tuple[bool, ...], tuple[Scalar, int]] = {}  # answers of the criteria -> a value, how many there are
    for value, weight in cells(distribution, criteria):
        answers = tuple(criterion.accepts(value) for criterion in criteria)
        alike[answers] = (value, weight + alike[answers][1] if answers in alike else weight)
    return [(weight, _groups(_decided(group, root, value))) for value, weight in alike.values()]


def _groups(pending: _Group) -> list[_Group]:
    """Part the parameters where no condition connects them, keeping their order."""
    leader: dict[str, str] = {}

    def lead(name: str) -> str:
        while leader[name] != name:
            leader[name] = name = leader[leader[name]]  # halves the way for whoever comes next
        return name

    for name, item in pending.items():
        leader[name] = name
        for alternative in item.alternatives:
            for parent, _ in alternative:
                leader[lead(name)] = lead(parent)
    groups: dict[str, dict[str, _Undecided]] = {}
    for name, item in pending.items():
        groups.setdefault(lead(name), {})[name] = item
    return list(groups.values())


def _decided(group: _Group, root: str, value: Scalar) -> _Group:
    """Return what is left of `group` once `root` has `value`: all but `root` and what can no longer exist."""
    left: dict[str, _Undecided] = {}
    for name, (distribution, alternatives) in group.items():
        possible = [
            tuple(pair for pair in alternative if pair[0] != root)
            for alternative in alternatives
            if all(asked.accepts(value) if parent == root else parent in left for parent, asked in alternative)
        ]
        if name != root and possible:
            left[name] = _Undecided(distribution, tuple(possible) if all(possible) else ((),))
    return left
