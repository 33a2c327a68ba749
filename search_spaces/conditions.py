"""When a parameter exists: the values that others must have for it.

    Condition.of({"arch": "cnn", "cnn.norm": ["batch", "layer"]})     str: arch=cnn and cnn.norm=batch|layer

A parameter with a condition exists only if every parent exists and has one of the values named. A parent may itself
have a condition, to any depth; the parents of all parameters must form no cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.distributions import Constant, Distribution, Float
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.scalars import Scalar, literal, name_problem, plain, same, scalar_problem, shown

MAX_DEPTH = 100
"""Longest chain of parents. Nobody writes one; it bounds the recursion of those that follow it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when every parent exists and has one of its values. Equal when it is written the same."""

    clauses: tuple[tuple[str, tuple[Scalar, ...]], ...]
    """(parent, values) in the order of parents, values in the order of their spelling: `of` makes it so."""

    @classmethod
    def of(cls, parents: Mapping[str, Scalar | Iterable[Scalar]]) -> Condition:
        """Make a condition from parent name -> value, or list of values of which one is enough.

        Raises:
            SearchSpaceError: no parent, no value, a name or value that no parameter can have.
        """
        if not isinstance(parents, Mapping) or not parents:
            raise SearchSpaceError(f"when must map parents to values, such as {{'arch': 'cnn'}}, got {shown(parents)}")
        problems: list[str] = []
        clauses = {}
        for parent, given in parents.items():
            is_list = isinstance(given, Iterable) and not isinstance(given, (str, Mapping))
            values: list[Any] = list(given) if is_list else [given]  # type: ignore[arg-type]  # an iterable, just checked
            found = [p for p in (name_problem(parent), *map(scalar_problem, values)) if p]
            if not values:
                found.append(f"{parent} needs at least one value, got an empty list")
            problems += [f"when {problem}" for problem in found]
            if not found:
                clauses[parent] = {literal(plain(value)): plain(value) for value in values}
        if problems:
            raise SearchSpaceError(problems)
        return cls(
            tuple((name, tuple(v for _, v in sorted(values.items()))) for name, values in sorted(clauses.items()))
        )

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the parameters it asks about."""
        return tuple(parent for parent, _ in self.clauses)

    def holds(self, params: Mapping[str, object]) -> bool:
        """Say whether it holds where exactly the parameters in `params` exist."""
        return all(
            parent in params and any(same(params[parent], value) for value in values) for parent, values in self.clauses
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data that `of` reads back."""
        return {parent: values[0] if len(values) == 1 else list(values) for parent, values in self.clauses}

    def renamed(self, new_name: Callable[[str], str]) -> Condition:
        """Return the same condition on parents of other names."""
        return Condition(tuple(sorted((new_name(parent), values) for parent, values in self.clauses)))

    def __and__(self, other: Condition) -> Condition:
        """Return the condition that holds when both do.

        Raises:
            SearchSpaceError: they ask one parent for different values, so that it could never hold.
        """
        merged = dict(self.clauses)
        for parent, values in other.clauses:
            common = tuple(v for v in merged.get(parent, values) if any(same(v, value) for value in values))
            if not common:
                raise SearchSpaceError(f"when {self} and when {other} exclude each other: it could never exist")
            merged[parent] = common
        return Condition(tuple(sorted(merged.items())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and str(self) == str(other)  # Python would take True for 1

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return " and ".join(f"{parent}={'|'.join(map(literal, values))}" for parent, values in self.clauses)


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
    for name in parents_first(conditions, conditions)[0]:
        clauses = [
            (parent, tuple(value for value in values if parent not in narrowed or narrowed[parent].contains(value)))
            for parent, values in conditions[name].clauses
        ]
        if not all(values for _, values in clauses) or not gone.isdisjoint(conditions[name].parents):
            if name not in staying:
                gone.add(name)
                del left[name]
            continue
        open_clauses = tuple(c for c in clauses if c[0] in left or not isinstance(narrowed.get(c[0]), Constant))
        if open_clauses:
            left[name] = Condition(open_clauses)
        else:
            del left[name]
    return gone, left


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
    for name in order:
        condition = conditions.get(name)
        depth[name] = 1 + max((depth.get(parent, 0) for parent in condition.parents), default=0) if condition else 0
        if depth[name] == MAX_DEPTH + 1:
            yield name, f"has more than {MAX_DEPTH} parents above one another: flatten its conditions"
        for parent, values in condition.clauses if condition else ():
            if parent not in excused:
                yield from ((name, problem) for problem in _clause_problems(parent, values, distributions))


def _clause_problems(
    parent: str, values: tuple[Scalar, ...], distributions: Mapping[str, Distribution]
) -> Iterator[str]:
    written = f"exists when {parent}={'|'.join(map(literal, values))}"
    distribution = distributions.get(parent)
    if distribution is None:
        yield f"{written}, but there is no parameter {parent!r}{did_you_mean(parent, distributions) or '; add it'}"
    elif isinstance(distribution, Float):
        yield f"{written}, but {parent} is a Float ({distribution}): only an Int, Categorical or Constant can decide"
    else:
        for value in values:
            if not distribution.contains(value):
                near = did_you_mean(value, [str(known) for known in getattr(distribution, "choices", ())])
                yield f"{written}, but {parent} is {distribution}, never {literal(value)}{near}"
