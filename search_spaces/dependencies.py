"""How the conditions of a whole space fit together: order, cycles, and what can ever exist.

    order, cycle = parents_first(distributions, conditions)         # parents before children
    list(condition_problems(distributions, conditions))             # [("width", "exists when arhc=cnn, but ...")]

A parameter can be out of reach although each condition makes sense: b asks for a=1 and arch=mlp, but a exists only when
arch=cnn. Finding out is a search for one choice of alternatives, of b and of all above it, that agree on each parent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from search_spaces.conditions import Alternative, Condition
from search_spaces.criteria import Criterion, Interval, Values, cells, common, is_possible
from search_spaces.distributions import Constant, Distribution, Float
from search_spaces.errors import did_you_mean
from search_spaces.scalars import literal

MAX_DEPTH = 100
"""Longest chain of parents. Nobody writes one; it bounds the recursion of those that follow it."""

MAX_TRIES = 1000
"""Choices looked at to find out whether a parameter can exist; one that needs more is taken to."""


def parents_first(names: Iterable[str], conditions: Mapping[str, Condition]) -> tuple[list[str], list[str]]:
    """Return `names` in their order, except that parents come before children, and the first cycle if there is one."""
    known = dict.fromkeys(names)
    done: dict[str, None] = {}
    for name in known:
        path = [] if name in done else [name]
        while path:
            condition = conditions.get(path[-1])
            parents = condition.parents if condition else ()
            waits_for = next((parent for parent in parents if parent in known and parent not in done), None)
            if waits_for is None:
                done[path.pop()] = None
            elif waits_for in path:
                return list(done), [*path[path.index(waits_for) :], waits_for]
            else:
                path.append(waits_for)
    return list(done), []


def narrowed_conditions(
    conditions: Mapping[str, Condition], narrowed: Mapping[str, Distribution], *, staying: Collection[str]
) -> tuple[set[str], dict[str, Condition]]:
    """Return which parameters can no longer exist once parents have fewer values, and the conditions of the others.

    What a constant that always exists fulfils is no condition any more.

    Args:
        conditions: of all parameters that have one, before.
        narrowed: the new distributions of those parents that have fewer values than before.
        staying: names of parameters that are kept whatever comes; their contradictions are for others to report.
    """
    gone: set[str] = set()
    left = dict(conditions)
    for name in parents_first(conditions, conditions)[0] if narrowed else ():
        fixed = {parent for parent, kind in narrowed.items() if isinstance(kind, Constant) and parent not in left}
        possible = [
            [pair for pair in alternative if pair[0] not in fixed]
            for each in conditions[name].alternatives
            if gone.isdisjoint(parent for parent, _ in each) and (alternative := _narrowed(each, narrowed)) is not None
        ]
        if not all(possible):
            del left[name]  # one alternative always holds
        elif possible:
            left[name] = Condition.any_of(possible)
        if name in staying or not all(possible):
            continue
        if not possible or (_clash(name, left, narrowed) and not _clash(name, conditions, {})):
            gone.add(name)
            del left[name]
    return gone, left


def _narrowed(alternative: Alternative, narrowed: Mapping[str, Distribution]) -> Alternative | None:
    """Return the alternative without values that its parents no longer have, or None when it cannot hold any more."""
    result: list[tuple[str, Criterion]] = []
    for parent, criterion in alternative:
        if parent not in narrowed:
            result.append((parent, criterion))
            continue
        if not is_possible(criterion, narrowed[parent]):
            return None
        if isinstance(criterion, Values):
            criterion = Values.of(value for value in criterion.values if narrowed[parent].contains(value))
        result.append((parent, criterion))
    return tuple(result)


def condition_problems(
    distributions: Mapping[str, Distribution],
    conditions: Mapping[str, Condition],
    *,
    excused: Collection[str] = (),
) -> Iterator[tuple[str, str]]:
    """Yield (parameter, what is wrong with its condition).

    Args:
        distributions: every parameter there is.
        conditions: of those that have one.
        excused: names of parents that are not there, and that nobody is to complain about.
    """
    order, cycle = parents_first(distributions, conditions)
    if cycle:
        yield cycle[0], f"conditions form a cycle: {' -> '.join(cycle)}; a parameter cannot decide on its own parents"
        return
    depth: dict[str, int] = {}
    sound: dict[str, Condition] = {}  # a parent that is wrong itself is not held against its children
    for name in order:
        condition = conditions.get(name)
        if condition is None:
            depth[name] = 0
            continue
        depth[name] = 1 + max(depth.get(parent, 0) for parent in condition.parents)
        problems = [f"has more than {MAX_DEPTH} parents above one another: flatten its conditions"]
        if depth[name] != MAX_DEPTH + 1:
            found = (
                _criterion_problems(parent, criterion, distributions)
                for alternative in condition.alternatives
                for parent, criterion in alternative
                if parent not in excused
            )
            problems = list(dict.fromkeys(chain.from_iterable(found)))
        if not problems:
            sound[name] = condition
            if clash := _clash(name, sound, distributions):
                del sound[name]
                problems = [clash]
        yield from ((name, problem) for problem in problems)


def _criterion_problems(parent: str, criterion: Criterion, distributions: Mapping[str, Distribution]) -> Iterator[str]:
    distribution = distributions.get(parent)
    written = f"exists when {criterion.written(parent)}, but"
    if distribution is None:
        yield f"{written} there is no parameter {parent!r}{did_you_mean(parent, distributions) or '; add it'}"
    elif isinstance(criterion, Interval):
        values = [value for value, _ in cells(distribution, [criterion])]
        if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            example = Values.of([values[0]]).written(parent)
            yield f"{written} {parent} is {distribution}, not only numbers: ask for values, such as {example}"
        elif not any(map(criterion.accepts, values)):
            yield f"{written} {parent} is {distribution}, never in there"
    elif isinstance(distribution, Float):
        example = f"{parent}>={literal(distribution.low)}"
        yield f"{written} {parent} is a Float ({distribution}): ask for an interval, such as {example}"
    else:
        for value in criterion.values:
            if not distribution.contains(value):
                near = did_you_mean(value, [str(known) for known in getattr(distribution, "choices", ())])
                yield f"{written} {parent} is {distribution}, never {literal(value)}{near}"


class _Asked(NamedTuple):
    """What is asked of one parent: by whom first, for what, and what of it the others who ask leave."""

    by: str
    first: Criterion
    left: Criterion


def _clash(name: str, conditions: Mapping[str, Condition], distributions: Mapping[str, Distribution]) -> str | None:
    """Say why `name` can never exist, or return None when it can, or when `MAX_TRIES` do not tell.

    Goes up from `name`, one condition after the other, and comes back to the next alternative at a contradiction.
    """
    tries: list[tuple[dict[str, _Asked], list[str]]] = [({}, [name])]  # what is asked so far, whose conditions wait
    clash = None
    has_choice = False
    for _ in range(MAX_TRIES):
        if not tries:
            return f"{clash}; no other alternative can hold either" if has_choice else clash
        asked, waiting = tries.pop()
        if not waiting:
            return None
        by, *rest = waiting
        alternatives = conditions[by].alternatives
        has_choice = has_choice or len(alternatives) > 1
        possible = []
        for alternative in alternatives:
            more = dict(asked)
            for parent, criterion in alternative:
                before = asked.get(parent)
                left = criterion if before is None else common(before.left, criterion)
                if left is None or (
                    before and parent in distributions and not is_possible(left, distributions[parent])
                ):
                    clash = clash or _clash_text(name, by, (parent, criterion), asked)
                    break
                more[parent] = before._replace(left=left) if before else _Asked(by, criterion, left)
            else:
                above = [parent for parent, _ in alternative if parent not in asked and parent in conditions]
                possible.append((more, rest + above))
        tries += reversed(possible)
    return None


def _clash_text(name: str, by: str, asks: tuple[str, Criterion], asked: Mapping[str, _Asked]) -> str:
    """Say how `name` leads to the condition of `by`, whose claim on a parent excludes what is `asked` before."""
    parent, criterion = asks
    path = [f"{by} exists only when {criterion.written(parent)}"]
    child = by
    while child != name:
        above = asked[child]
        does = "it needs" if above.by == name else f"{above.by} exists only when"
        path.append(f"{does} {above.first.written(child)}")
        child = above.by
    before = asked[parent]
    if before.left == before.first:
        but = f"{before.by} asks for {before.first.written(parent)}"
    else:
        but = f"what else it needs leaves only {before.left.written(parent)}"
    return f"can never exist: {', and '.join(reversed(path))}, but {but}"
