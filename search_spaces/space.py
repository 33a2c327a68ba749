"""A search space: names of parameters, what each may be, and when it exists.

    space = SearchSpace(
        {"arch": "mlp|cnn", "lr": Float(1e-5, 1e-1, log=True), "cnn.width": "8..64 log"},
        when={"cnn.width": {"arch": "cnn"}},
    )
    params = space.sample(random.Random(7))
    space.validate(params)
    wider = space | {"lr": "1e-6..1 log", "cnn.kernel": "3|5 when arch=cnn"}

A space never changes: what looks like a change returns another one. It is a mapping of names to distributions in which
parents come before children.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from search_spaces import points
from search_spaces.conditions import Condition, narrowed_conditions, parents_first
from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int, SuggestingTrial
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.plain import as_condition, read
from search_spaces.ranges import format_range
from search_spaces.scalars import Scalar, shown

if TYPE_CHECKING:
    from random import Random

DistributionLike = Distribution | Scalar | Mapping[str, Any]
"""A distribution; a line of the grammar ("1e-5..1e-1 log"); a number or boolean, for a constant; `to_dict` of one."""

ConditionLike = Condition | str | Mapping[str, Any]
"""A condition; a line of the grammar ("arch=cnn"); or parent -> value or list of values."""


class SearchSpace(Mapping[str, Distribution]):
    """Names -> distributions, with conditions. Immutable; equal, in whatever order, when written the same.

    Args:
        parameters: name -> distribution in any form of `DistributionLike`. A name is made of letters, digits, "_", "-"
            and dots, has at most 250 characters and does not begin with "mlflow." or "automl.".
        when: name -> condition under which the parameter exists; without one it always does.

    Raises:
        SearchSpaceError: with every problem of every parameter and condition.
    """

    __slots__ = ("_conditions", "_distributions", "_outside", "_steps")
    _distributions: Mapping[str, Distribution]
    _conditions: Mapping[str, Condition]
    _steps: tuple[points.Step, ...]
    _outside: frozenset[str]  # parents that conditions ask about and that only a space to be joined with has

    def __init__(
        self,
        parameters: Mapping[str, DistributionLike] | None = None,
        *,
        when: Mapping[str, ConditionLike] | None = None,
    ) -> None:
        if isinstance(parameters, SearchSpace):
            parameters = parameters.to_dict()
        self._fill({} if parameters is None else parameters, when, outside=frozenset())

    def _fill(self, parameters: object, when: object, *, outside: frozenset[str] | None) -> None:
        parts = read(parameters, when, outside=outside)
        if parts.problems:
            raise SearchSpaceError(map(str, parts.problems))
        order, _ = parents_first(parts.distributions, parts.conditions)
        asked = {parent for condition in parts.conditions.values() for parent in condition.parents}
        values = {
            "_distributions": {name: parts.distributions[name] for name in order},
            "_conditions": MappingProxyType(
                {name: parts.conditions[name] for name in order if name in parts.conditions}
            ),
            "_steps": tuple(points.Step(name, parts.distributions[name], parts.conditions.get(name)) for name in order),
            "_outside": frozenset(asked - parts.distributions.keys()),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    # A mapping and a value.

    def __getitem__(self, name: str) -> Distribution:
        return self._distributions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._distributions)

    def __len__(self) -> int:
        return len(self._distributions)

    @property
    def conditions(self) -> Mapping[str, Condition]:
        """The condition of each parameter that has one."""
        return self._conditions

    def _lines(self) -> dict[str, str]:
        return {name: format_range(distribution, condition) for name, distribution, condition in self._steps}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SearchSpace) and self._lines() == other._lines()

    def __hash__(self) -> int:
        return hash(frozenset(self._lines().items()))

    def __str__(self) -> str:
        return "\n".join(f"{name}: {line}" for name, line in self._lines().items())

    def __repr__(self) -> str:
        lines = "".join(f"    {name!r}: {line!r},\n" for name, line in self._lines().items())
        return f"SearchSpace({{\n{lines}}})" if lines else "SearchSpace()"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"cannot set {name!r}: a SearchSpace never changes; override, fix and | return another one"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (self._distributions, dict(self._conditions), self._outside)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the space as JSON-able data: name -> type, fields, and `when` where there is a condition."""
        return {
            name: distribution.to_dict() | ({"when": condition.to_dict()} if condition else {})
            for name, distribution, condition in self._steps
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, DistributionLike]) -> SearchSpace:
        """Return the space that `to_dict` wrote.

        Raises:
            SearchSpaceError: with every problem of `data`.
        """
        return cls(data)

    def fingerprint(self) -> str:
        """Return 64 hexadecimal digits that equal spaces alone share, in every process and on every machine."""
        import hashlib

        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def diff(self, other: SearchSpace) -> list[str]:
        """Return one line for each parameter that is not the same in `other`, the newer space."""
        old, new = self._lines(), other._lines()
        lines = []
        for name in [*old, *(name for name in new if name not in old)]:
            if name not in new:
                lines.append(f"{name}: removed, was {old[name]}")
            elif name not in old:
                lines.append(f"{name}: added, {new[name]}")
            elif old[name] != new[name]:
                lines.append(f"{name}: {old[name]} -> {new[name]}")
        return lines

    # Its points.

    def sample(self, rng: Random) -> dict[str, Any]:
        """Draw one point with `rng` alone: the same state of `rng` gives the same point."""
        params: dict[str, Any] = {}
        for step in self._complete():
            if step.exists(params):
                params[step.name] = step.distribution.sample(rng)
        return params

    def suggest(self, trial: SuggestingTrial) -> dict[str, Any]:
        """Return the point that a define-by-run `trial`, such as Optuna's, suggests. It is not asked for constants."""
        params: dict[str, Any] = {}
        for step in self._complete():
            if step.exists(params):
                params[step.name] = step.distribution.suggest(step.name, trial)
        return params

    def active(self, params: Mapping[str, object]) -> list[str]:
        """Return the names of the parameters that exist at `params`, which may hold more or fewer."""
        existing: dict[str, object] = {}
        names = []
        for step in self._complete():
            if step.exists(existing):
                names.append(step.name)
                if step.name in params:
                    existing[step.name] = params[step.name]
        return names

    def validate(self, params: Mapping[str, object]) -> None:
        """Check that `params` is a point of this space.

        Raises:
            SearchSpaceError: with every problem: missing, unknown, not existing here, out of range.
        """
        if not isinstance(params, Mapping):
            raise SearchSpaceError(f"params must map names to values, got {shown(params)}")
        if problems := list(points.problems(self._complete(), params)):
            raise SearchSpaceError(problems)

    def grid(self, n: int) -> Iterator[dict[str, Any]]:
        """Return an iterator over all points, each continuous parameter taking `n` values spaced evenly on its scale.

        Parameters that are not continuous take every value. No point comes twice; the last parameter changes fastest.

        Raises:
            SearchSpaceError: `n` is not at least 1, or a parameter has more than a million values.
        """
        return points.grid(self._complete(), n)

    def size(self) -> int | Literal["continuous"]:
        """Return the number of points, or "continuous" when a parameter is."""
        count = points.count(self._complete())
        return "continuous" if count is None else count

    def _complete(self) -> tuple[points.Step, ...]:
        if self._outside:
            names = ", ".join(sorted(self._outside))
            raise SearchSpaceError(
                f"conditions ask about {names}, which this space lacks: join it (|) with one that has it"
            )
        return self._steps

    # Other spaces made from it.

    def __or__(self, other: SearchSpace | Mapping[str, DistributionLike]) -> SearchSpace:
        """Return the parameters of both. Where both have one, distribution and condition of the right one win.

        A parent whose choices become fewer takes along the parameters that can no longer exist.

        Raises:
            SearchSpaceError: the two do not fit together.
        """
        if not isinstance(other, Mapping):
            return NotImplemented
        if isinstance(other, SearchSpace):
            return self._replaced(other, other._conditions, outside=other._outside)
        new = _make(other, None, None)
        return self._replaced(new, new._conditions)

    def override(
        self, parameters: Mapping[str, DistributionLike] | None = None, /, **more: DistributionLike
    ) -> SearchSpace:
        """Return the space with other distributions for parameters it has; conditions stay unless new ones are given.

        A parent whose choices become fewer takes along the parameters that can no longer exist.

        Raises:
            SearchSpaceError: a parameter is not in the space, or the new distribution does not fit its conditions.
        """
        given = {**(parameters or {}), **more}
        self._check_names(given)
        new = _make(given, None, None)
        kept = {name: condition for name, condition in self._conditions.items() if name in given}
        return self._replaced(new, kept | dict(new._conditions))

    def fix(self, values: Mapping[str, Scalar] | None = None, /, **more: Scalar) -> SearchSpace:
        """Return the space with constants for some parameters, and without what can then not exist.

        Raises:
            SearchSpaceError: a parameter is not in the space, or the value not in its range.
        """
        given = {**(values or {}), **more}
        self._check_names(given)
        problems = [f"{name}: {problem}" for name, value in given.items() if (problem := self[name].validate(value))]
        if problems:
            raise SearchSpaceError(problems)
        return self.override({name: Constant(value) for name, value in given.items()})

    def only(self, *names: str) -> SearchSpace:
        """Return the space of the parameters named.

        Raises:
            SearchSpaceError: one is not in the space, or exists only when another does that is not named.
        """
        self._check_names(names)
        return self._subset(frozenset(names))

    def without(self, *names: str) -> SearchSpace:
        """Return the space of all other parameters.

        Raises:
            SearchSpaceError: one is not in the space, or another that stays exists only when it does.
        """
        self._check_names(names)
        return self._subset(frozenset(self).difference(names))

    def when(self, condition: ConditionLike | None = None, /, **parents: Any) -> SearchSpace:
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
        return _make(self._distributions, conditions, self._outside | frozenset(both.parents))

    def prefixed(self, prefix: str) -> SearchSpace:
        """Return the space with `prefix` before every name, in conditions too; parents outside the space keep theirs.

        Raises:
            SearchSpaceError: a name becomes one that is not allowed.
        """

        def new_name(name: str) -> str:
            return f"{prefix}{name}" if name in self else name

        conditions = {new_name(name): condition.renamed(new_name) for name, condition in self._conditions.items()}
        return _make({new_name(name): self[name] for name in self}, conditions, self._outside)

    def _check_names(self, names: Iterable[str]) -> None:
        unknown = [f"{name}: unknown parameter{did_you_mean(name, self)}" for name in names if name not in self]
        if unknown:
            raise SearchSpaceError(unknown)

    def _subset(self, names: frozenset[str]) -> SearchSpace:
        conditions = {name: condition for name, condition in self._conditions.items() if name in names}
        return _make({name: self[name] for name in self if name in names}, conditions, self._outside)

    def _replaced(
        self, new: SearchSpace, conditions: Mapping[str, Condition], *, outside: frozenset[str] = frozenset()
    ) -> SearchSpace:
        """Return the space with `new` parameters under `conditions` for its own, less what can no longer exist."""
        narrowed = {name: new[name] for name in new if name in self and _narrows(new[name], self[name])}
        kept = {name: condition for name, condition in self._conditions.items() if name not in new}
        gone, left = narrowed_conditions({**kept, **conditions}, narrowed, staying=new)
        distributions = {name: d for name, d in {**self._distributions, **new}.items() if name not in gone}
        return _make(distributions, left, self._outside | outside)


def choose(name: str, alternatives: Mapping[str, SearchSpace] | None = None, /, **more: SearchSpace) -> SearchSpace:
    """Return a space that chooses one of several spaces: `choose("arch", mlp=mlp(), cnn=cnn())`.

    The parameter `name` says which; with one alternative it is a constant. What several have in common exists for each.

    Raises:
        SearchSpaceError: no alternative, or two have one parameter with different ranges or conditions.
    """
    spaces = {**(alternatives or {}), **more}
    if not spaces:
        raise SearchSpaceError(f"choose({name!r}) needs at least one alternative, such as mlp=mlp()")
    which = Categorical(list(spaces)) if len(spaces) > 1 else Constant(*spaces)
    found: dict[str, tuple[Distribution, Condition | None]] = {name: (which, None)}
    labels: dict[str, list[str]] = {}
    for label, space in spaces.items():
        for parameter, distribution, condition in space._steps:
            if found.setdefault(parameter, (distribution, condition)) != (distribution, condition):
                text = f"{parameter}: is another one in {name}={label}; tell them apart with prefixed()"
                raise SearchSpaceError(text)
            labels.setdefault(parameter, []).append(label)
    conditions = {parameter: condition for parameter, (_, condition) in found.items() if condition}
    for parameter, where in labels.items():
        if len(where) < len(spaces):
            chosen = Condition.of({name: where})
            conditions[parameter] = conditions[parameter] & chosen if parameter in conditions else chosen
    distributions = {parameter: distribution for parameter, (distribution, _) in found.items()}
    return _make(distributions, conditions, frozenset[str]().union(*(space._outside for space in spaces.values())))


def _make(parameters: object, when: object, outside: frozenset[str] | None) -> SearchSpace:
    """Make a space whose conditions may ask about parents `outside` it, or with None about any."""
    space = SearchSpace.__new__(SearchSpace)
    space._fill(parameters, when, outside=outside)
    return space


def _narrows(new: Distribution, old: Distribution) -> bool:
    """Say whether every value of `new` is one of `old`, judging a range by its ends."""
    values = (new.low, new.high) if isinstance(new, (Float, Int)) else new.grid(1)
    return all(old.contains(value) for value in values)
