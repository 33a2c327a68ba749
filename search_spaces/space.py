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
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self

from search_spaces import points
from search_spaces.composition import Composable
from search_spaces.conditions import Condition, parents_first
from search_spaces.distributions import Categorical, Constant, Distribution, SuggestingTrial
from search_spaces.errors import SearchSpaceError
from search_spaces.plain import ConditionLike, read
from search_spaces.plain import DistributionLike as DistributionLike
from search_spaces.ranges import format_range
from search_spaces.scalars import shown

if TYPE_CHECKING:
    from random import Random


class SearchSpace(Composable):
    """Names -> distributions, with conditions. Immutable; equal, in whatever order, when written the same.

    Args:
        parameters: name -> distribution in any form of `DistributionLike`. A name is made of letters, digits, "_", "-"
            and dots, has at most 250 characters and does not begin with "mlflow." or "automl.".
        when: name -> condition under which the parameter exists; without one it always does.

    Raises:
        SearchSpaceError: with every problem of every parameter and condition.
    """

    __slots__ = ("_conditions", "_distributions", "_outside", "_steps")
    _steps: tuple[points.Step, ...]

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

    @classmethod
    def _made(cls, parameters: object, when: object, outside: frozenset[str] | None) -> Self:
        space = cls.__new__(cls)
        space._fill(parameters, when, outside=outside)
        return space

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
        return type(self)._made, (self._distributions, dict(self._conditions), self._outside)

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
    outside = frozenset[str]().union(*(space._outside for space in spaces.values()))
    return SearchSpace._made(distributions, conditions, outside)
