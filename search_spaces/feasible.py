"""Points that fulfil the relations of a space: drawing them, mending others, listing and counting them.

    sample(steps, relations, rng)               # draws until one does
    repair(steps, relations, params, rng)       # the rest of `params` stays as it is

Whatever cannot be computed from relations written as inequalities is found out by trying: where next to no point is
feasible, that is an error which names the relation to loosen.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search_spaces import points
from search_spaces.errors import SearchSpaceError
from search_spaces.points import Step
from search_spaces.relations import Relations, asked
from search_spaces.scalars import Scalar, same

if TYPE_CHECKING:
    from random import Random

    from search_spaces.relations import Relation

MAX_DRAWS = 10_000
"""Points drawn in search of a feasible one."""
ENOUGH = 20
"""Of `MAX_DRAWS`: where as many are feasible, a draw fails once in 10^9 times."""
MAX_COUNT = 100_000
"""Points gone through to count the feasible ones."""
MAX_REFUSED = 1_000_000
"""Infeasible points, or beginnings of such, that a grid goes through in search of the next feasible one."""


def sample(steps: Sequence[Step], relations: Relations, rng: Random) -> dict[str, Any]:
    """Draw a feasible point.

    Raises:
        SearchSpaceError: none of `MAX_DRAWS` was.
    """
    return _draw(steps, relations, rng, enough=1)


def check(steps: Sequence[Step], relations: Relations, rng: Random) -> None:
    """Draw until it is sure that `sample` will find points.

    Raises:
        SearchSpaceError: too few of `MAX_DRAWS` are feasible.
    """
    if relations:
        _draw(steps, relations, rng, enough=ENOUGH)


def _draw(steps: Sequence[Step], relations: Relations, rng: Random, *, enough: int) -> dict[str, Any]:
    """Return the last of `enough` feasible points."""
    found = 0
    broken: Counter[str] = Counter()
    for _ in range(MAX_DRAWS):
        point = points.sample(steps, rng)
        if relations.hold(point):
            found += 1
            if found == enough:
                return point
        else:
            broken.update(relation for relation, _ in relations.broken(point))
    worst, times = broken.most_common(1)[0]
    share = f"only {found} fulfil" if found else "none fulfils"
    raise SearchSpaceError(
        f"of {MAX_DRAWS:,} points drawn {share} the relations; {worst} failed most often ({times:,} times): loosen it"
    )


def repair(steps: Sequence[Step], relations: Relations, params: Mapping[str, Any], rng: Random) -> dict[str, Any]:
    """Return a feasible point to which no other value of `params` can be brought without making it infeasible.

    It begins with a feasible sample, and takes over one value of `params` after the other, in an order of chance, where
    the point stays feasible. Parameters that come to exist on the way take their value of `params` too.

    Raises:
        SearchSpaceError: no feasible point was found.
    """
    if relations.hold(params):
        return dict(params)
    wanted = {
        name: params[name] for name, distribution, _ in steps if name in params and distribution.contains(params[name])
    }
    point = sample(steps, relations, rng)
    order = rng.sample(list(wanted), len(wanted))
    before: dict[str, Any] = {}
    while point != before:  # what was refused may fit once another value has been taken over
        before = point
        for name in order:
            if name in point and not same(point[name], wanted[name]):
                moved = points.completed(steps, {**wanted, **point, name: wanted[name]}, rng)
                if relations.hold(moved):
                    point = moved
    return point


def grid(steps: Sequence[Step], relations: Relations, n: int) -> Iterator[dict[str, Scalar]]:
    """Return the feasible points of `points.grid`; what is infeasible is left as soon as that can be told.

    Raises:
        SearchSpaceError: as `points.grid` does; on the way, that `MAX_REFUSED` points in a row were infeasible.
    """
    refused = 0

    def judge(known: Relations, point: Mapping[str, object]) -> bool:
        nonlocal refused
        is_feasible = known.hold(point)
        refused += not is_feasible
        if refused > MAX_REFUSED:
            relation, _ = next(known.broken(point))
            raise SearchSpaceError(f"of {MAX_REFUSED:,} points of a grid none fulfils the relations; loosen {relation}")
        return is_feasible

    def feasible(all_points: Iterator[dict[str, Scalar]]) -> Iterator[dict[str, Scalar]]:
        nonlocal refused
        for point in all_points:
            refused = 0
            yield point

    order = {step.name: index for index, step in enumerate(steps)}
    ready: dict[str, list[Relation]] = {}
    for relation in relations:
        ready.setdefault(max(asked(relation), key=order.__getitem__), []).append(relation)
    judges = {name: functools.partial(judge, Relations.of(known)) for name, known in ready.items()}
    return feasible(points.grid(steps, n, judges))


@functools.lru_cache(maxsize=32)  # a space is asked for its size again and again, and never changes
def count(steps: tuple[Step, ...], relations: Relations) -> int | None:
    """Return the number of feasible points, or None when a parameter that can exist is continuous.

    Only parameters that relations connect, through conditions too, are gone through; where they have more than
    `MAX_COUNT` points, infeasible ones count.
    """
    total = 1
    for group, within in _groups(steps, relations):
        size = points.count(group)
        if size is None:
            return None
        if within and size <= MAX_COUNT:
            size = sum(1 for _ in grid(group, within, 1))
        total *= size
    return total


def _groups(steps: Sequence[Step], relations: Relations) -> list[tuple[list[Step], Relations]]:
    """Part the parameters, and the relations with them, where neither a condition nor a relation connects them."""
    links = [{step.name, *step.condition.parents} for step in steps if step.condition is not None]
    links += [set(asked(relation)) for relation in relations]
    connected: list[set[str]] = []
    for link in [*links, *({step.name} for step in steps)]:
        apart = [names for names in connected if names.isdisjoint(link)]
        connected = [*apart, link.union(*(names for names in connected if not names.isdisjoint(link)))]
    return [
        (
            [step for step in steps if step.name in names],
            relations.without([step.name for step in steps if step.name not in names]),
        )
        for names in connected
    ]
