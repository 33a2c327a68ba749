"""Spaces made from other spaces: joined, changed in one parameter, cut down, renamed, put under a condition.

    wider = space | {"lr": "1e-6..1 log"}           space.override(lr="1e-6..1 log")       space.fix(lr=0.1)
    space.only("lr", "width")                       space.without("lr")                    mlp().when(arch="mlp")

`Composable` is the half of `SearchSpace` that does this; a space never changes, so that each of them is another one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Self

from search_spaces.choices import Categorical, Choices
from search_spaces.conditions import Condition
from search_spaces.dependencies import narrowed_conditions
from search_spaces.distributions import Constant, Distribution, Float, Int
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.plain import ConditionLike, DistributionLike, SpaceLike, as_condition
from search_spaces.relations import Relations
from search_spaces.scalars import Scalar


class Composable(Mapping[str, Distribution]):
    """Names -> distributions under conditions, from which others are made."""

    __slots__ = ()
    _distributions: Mapping[str, Distribution]
    _conditions: Mapping[str, Condition]
    _relations: Relations
    _outside: frozenset[str]  # what conditions and relations ask about and only a space to be joined with has

    @classmethod
    @abstractmethod
    def _made(cls, parameters: object, when: object, relations: Relations, outside: frozenset[str] | None) -> Self:
        """Make a space whose conditions and relations may ask about names `outside` it, or with None about any."""

    def __or__(self, other: SpaceLike) -> Self:
        """Return the parameters and relations of both. What the right one says of a parameter wins.

        A parent whose choices become fewer takes along the parameters that can no longer exist.

        Raises:
            SearchSpaceError: the two do not fit together.
        """
        if not isinstance(other, Mapping):
            return NotImplemented
        if isinstance(other, Composable):
            return self._replaced(other, other._conditions, outside=other._outside)
        new = self._made(other, None, Relations(), None)
        return self._replaced(new, new._conditions)

    def override(self, parameters: Mapping[str, DistributionLike] | None = None, /, **more: DistributionLike) -> Self:
        """Return the space with other distributions for parameters it has; conditions stay unless new ones are given.

        A parent whose choices become fewer takes along the parameters that can no longer exist.

        Raises:
            SearchSpaceError: a parameter is not in the space, or the new distribution does not fit its conditions.
        """
        given = {**(parameters or {}), **more}
        self._check_names(given)
        new = self._made(given, None, Relations(), None)
        kept = {name: condition for name, condition in self._conditions.items() if name in given}
        return self._replaced(new, kept | dict(new._conditions))

    def fix(self, values: Mapping[str, Scalar] | None = None, /, **more: Scalar) -> Self:
        """Return the space with constants for some parameters, and without what can then not exist.

        Of named values one name is left, so that `values_of` still has its value.

        Raises:
            SearchSpaceError: a parameter is not in the space, or the value not in its range.
        """
        given = {**(values or {}), **more}
        self._check_names(given)
        problems = [f"{name}: {problem}" for name, value in given.items() if (problem := self[name].validate(value))]
        if problems:
            raise SearchSpaceError(problems)
        return self.override({name: _fixed(self[name], value) for name, value in given.items()})

    def only(self, *names: str) -> Self:
        """Return the space of the parameters named, with the relations that ask about them alone.

        Raises:
            SearchSpaceError: one is not in the space, or exists only when another does that is not named.
        """
        self._check_names(names)
        return self._subset(frozenset(names))

    def without(self, *names: str) -> Self:
        """Return the space of all other parameters, with the relations that ask about them alone.

        Raises:
            SearchSpaceError: one is not in the space, or another that stays exists only when it does.
        """
        self._check_names(names)
        return self._subset(frozenset(self).difference(names))

    def when(self, condition: ConditionLike | None = None, /, **parents: Any) -> Self:
        """Return the space with one more condition on every parameter: `mlp().when(arch="mlp")`.

        The parents may be outside the space; then it has points only once joined (`|`) with one that has them.

        Raises:
            SearchSpaceError: a parameter could never exist, or the condition is none.
        """
        if condition is None:
            both = Condition.of(parents)
        else:
            both = as_condition(condition) & Condition.of(parents) if parents else as_condition(condition)
        conditions = {name: self._conditions[name] & both if name in self._conditions else both for name in self}
        return self._made(self._distributions, conditions, self._relations, self._outside | frozenset(both.parents))

    def prefixed(self, prefix: str) -> Self:
        """Return the space with `prefix` before every name, in conditions and relations too, but for names outside it.

        Raises:
            SearchSpaceError: a name becomes one that is not allowed.
        """

        def new_name(name: str) -> str:
            return f"{prefix}{name}" if name in self else name

        conditions = {new_name(name): condition.renamed(new_name) for name, condition in self._conditions.items()}
        distributions = {new_name(name): self[name] for name in self}
        return self._made(distributions, conditions, self._relations.renamed(new_name), self._outside)

    def _check_names(self, names: Iterable[str]) -> None:
        known = tuple(self)  # in which a list, too, can be looked for
        unknown = [f"{name}: unknown parameter{did_you_mean(name, known)}" for name in names if name not in known]
        if unknown:
            raise SearchSpaceError(unknown)

    def _subset(self, names: frozenset[str]) -> Self:
        conditions = {name: condition for name, condition in self._conditions.items() if name in names}
        distributions = {name: self[name] for name in self if name in names}
        relations = self._relations.without(self._distributions.keys() - names)
        return self._made(distributions, conditions, relations, self._outside)

    def _replaced(
        self, new: Composable, conditions: Mapping[str, Condition], *, outside: frozenset[str] = frozenset()
    ) -> Self:
        """Return the space with `new` parameters under `conditions` for its own, less what can no longer exist."""
        narrowed = {name: new[name] for name in new if name in self and _narrows(new[name], self[name])}
        kept = {name: condition for name, condition in self._conditions.items() if name not in new}
        gone, left = narrowed_conditions({**kept, **conditions}, narrowed, staying=new)
        relations = (self._relations | new._relations).narrowed({**kept, **conditions}, narrowed, gone=gone)
        distributions = {name: d for name, d in {**self._distributions, **new}.items() if name not in gone}
        return self._made(distributions, left, relations, self._outside | outside)


def _fixed(distribution: Distribution, value: Scalar) -> Distribution:
    """Return the distribution of nothing but `value`, which is in `distribution`."""
    if isinstance(distribution, Choices) and distribution.is_named:
        return Categorical({str(value): distribution.value_of(value)})
    return Constant(value)


def _narrows(new: Distribution, old: Distribution) -> bool:
    """Say whether every value of `new` is one of `old`, judging a range by its ends."""
    values = (new.low, new.high) if isinstance(new, (Float, Int)) else new.grid(1)
    return all(old.contains(value) for value in values)
