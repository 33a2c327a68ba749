"""Relations between the parameters of a space: what every point must fulfil, and what none may be.

    relations = Relations.of([Expression.parse("n_layers * width <= 4096"), Condition.of({"opt": "sgd", "batch": 512})])
    relations.hold({"n_layers": 4, "width": 2048})              # False
    list(relations.broken({"n_layers": 4, "width": 2048}))      # [("require n_layers * width <= 4096", "4 * ...")]

A point is feasible when every requirement holds and no forbidden condition does. A requirement holds where a parameter
that it asks about does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.conditions import Condition
from search_spaces.dependencies import condition_problems, narrowed_conditions
from search_spaces.distributions import Constant, Distribution, Float, Int
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.scalars import shown

if TYPE_CHECKING:  # spaces without relations are imported faster
    from search_spaces.expressions import Expression

    Relation = Expression | Condition

KEYS = ("require", "forbid")
"""Where relations stand beside parameters, none of which can be called so."""


@dataclass(frozen=True, slots=True)
class Relations:
    """Requirements and forbidden conditions, each once and in the order of their spelling: `of` makes it so."""

    require: tuple[Expression, ...] = ()
    forbid: tuple[Condition, ...] = ()

    @classmethod
    def of(cls, relations: Iterable[Relation]) -> Relations:
        """Make a value that is the same in whatever order, and however often, relations are given."""
        unique = sorted({str(relation): relation for relation in relations}.items())
        return cls(
            tuple(relation for _, relation in unique if not isinstance(relation, Condition)),
            tuple(relation for _, relation in unique if isinstance(relation, Condition)),
        )

    def __bool__(self) -> bool:
        return bool(self.require or self.forbid)

    def __iter__(self) -> Iterator[Relation]:
        yield from self.require
        yield from self.forbid

    @property
    def names(self) -> frozenset[str]:
        """The parameters that they ask about."""
        return frozenset[str]().union(*(asked(relation) for relation in self))

    def hold(self, params: Mapping[str, object]) -> bool:
        """Say whether all hold where exactly the parameters in `params` exist."""
        return all(expression.holds(params) for expression in self.require) and not any(
            condition.holds(params) for condition in self.forbid
        )

    def broken(self, params: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Yield each relation that does not hold at `params`, and what was seen."""
        for expression in self.require:
            if not expression.holds(params):
                yield f"require {expression}", expression.seen(params)
        for condition in self.forbid:
            if condition.holds(params):
                seen = ", ".join(f"{name} = {shown(params[name])}" for name in condition.parents if name in params)
                yield f"forbid {condition}", seen

    def __or__(self, other: Relations) -> Relations:
        """Return the relations of both."""
        return Relations.of([*self, *other])

    def without(self, names: Collection[str]) -> Relations:
        """Return those that ask about none of `names`."""
        return Relations.of(relation for relation in self if asked(relation).isdisjoint(names))

    def renamed(self, new_name: Callable[[str], str]) -> Relations:
        """Return the same relations of parameters with other names."""
        return Relations.of(relation.renamed(new_name) for relation in self)

    def narrowed(
        self, conditions: Mapping[str, Condition], narrowed: Mapping[str, Distribution], *, gone: Collection[str]
    ) -> Relations:
        """Return what is left once parameters have fewer values than before: nothing of what can no longer be so.

        Args:
            conditions: of all parameters that have one.
            narrowed: the new distributions of those that have fewer values.
            gone: parameters that are no more.

        Raises:
            SearchSpaceError: every point is now forbidden.
        """
        probes = _probes(self.forbid)
        impossible, left = narrowed_conditions({**conditions, **probes}, narrowed, staying=conditions.keys() - gone)
        always = [name for name in probes if name not in impossible and name not in left]
        if always:
            raise SearchSpaceError(f"forbid {probes[name]}: that leaves no point; drop it" for name in always)
        forbid = [left[name] for name in probes if name in left]
        return Relations.of([*self.require, *forbid]).without(gone)

    def to_dict(self) -> dict[str, list[Any]]:
        """Return them as JSON-able data under their keys; a key without relations is left out."""
        data: dict[str, list[Any]] = {
            "require": [str(expression) for expression in self.require],
            "forbid": [condition.to_dict() for condition in self.forbid],
        }
        return {key: relations for key, relations in data.items() if relations}

    def lines(self) -> dict[str, list[str]]:
        """Return key -> how its relations are written on one line; a key without relations is left out."""
        lines: dict[str, list[str]] = {"require": [*map(str, self.require)], "forbid": [*map(str, self.forbid)]}
        return {key: relations for key, relations in lines.items() if relations}


def asked(relation: Relation) -> frozenset[str]:
    """Return the parameters that a relation asks about."""
    return frozenset(relation.parents if isinstance(relation, Condition) else relation.names)


def relation_problems(
    relations: Mapping[tuple[str, int], Relation],
    distributions: Mapping[str, Distribution],
    conditions: Mapping[str, Condition],
    *,
    excused: Collection[str] = (),
) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield (where, what is wrong with the relation that stands there).

    Args:
        relations: by where they stand.
        distributions: every parameter there is.
        conditions: of those that have one.
        excused: names that are not there, and that nobody is to complain about.
    """
    probes: dict[str, Condition] = {}
    places: dict[str, tuple[str, int]] = {}
    for place, relation in relations.items():
        if not isinstance(relation, Condition):
            for name in relation.names:
                if name not in excused and (problem := _number_problem(name, distributions)):
                    yield place, f"{relation}: {problem}"
        else:
            ((probe, _),) = _probes([relation], start=len(probes)).items()
            probes[probe], places[probe] = relation, place
    if not probes:
        return
    all_kinds: dict[str, Distribution] = {**distributions, **dict.fromkeys(probes, Constant(True))}
    for name, text in condition_problems(all_kinds, {**conditions, **probes}, excused=excused):
        if name in probes:
            said = text.removeprefix("exists when ").replace("can never exist", f"{probes[name]} is never so")
            yield places[name], said.replace(f"but {name} asks", "but it asks")


def _probes(conditions: Iterable[Condition], *, start: int = 0) -> dict[str, Condition]:
    """Return the conditions as those of parameters with names that no real one has."""
    return {f"forbidden {start + index}": condition for index, condition in enumerate(conditions)}


def _number_problem(name: str, distributions: Mapping[str, Distribution]) -> str | None:
    """Say why `name` is nothing to reckon with, or None when it is."""
    distribution = distributions.get(name)
    if distribution is None:
        quoted = next((known for known in distributions if "-" in known and name in known.split("-")), None)
        if quoted:
            return f"there is no parameter {name!r}; write `{quoted}` in backticks, since - is minus"
        return f"there is no parameter {name!r}{did_you_mean(name, distributions) or '; add it'}"
    if isinstance(distribution, (Float, Int)):
        return None
    for value in distribution.grid(1):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"{name} is {distribution}, where {shown(value)} is no number: use forbid, such as {name}={value}"
    return None
