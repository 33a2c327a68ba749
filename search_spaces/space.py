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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self

from search_spaces import feasible, geometry, points
from search_spaces.choices import Choices
from search_spaces.composition import Composable
from search_spaces.conditions import Condition
from search_spaces.dependencies import parents_first
from search_spaces.diff import Change, changes
from search_spaces.distributions import Categorical, Constant, Distribution, SuggestingTrial
from search_spaces.errors import SearchSpaceError
from search_spaces.plain import ConditionLike, SpaceLike, read
from search_spaces.plain import DistributionLike as DistributionLike
from search_spaces.ranges import format_range
from search_spaces.relations import KEYS, Relations, asked
from search_spaces.scalars import shown

if TYPE_CHECKING:
    from random import Random

    from rich.console import ConsoleRenderable

    from search_spaces.expressions import Expression
    from search_spaces.relations import Relation


class SearchSpace(Composable):
    """Names -> distributions, with conditions. Immutable; equal, in whatever order, when written the same.

    Args:
        parameters: name -> distribution in any form of `DistributionLike`. A name is made of letters, digits, "_", "-"
            and dots, has at most 250 characters and does not begin with "mlflow." or "automl.".
        when: name -> condition under which the parameter exists; without one it always does.
        require: relations between numbers that every point fulfils, such as "n_layers * width <= 4096".
        forbid: conditions that no point fulfils, such as "opt=sgd and batch=512" or {"opt": "sgd", "batch": 512}.

    `parameters` may hold them too, under "require" and "forbid", so that no parameter can be called so.

    Raises:
        SearchSpaceError: with every problem of every parameter, condition and relation.
    """

    __slots__ = ("_conditions", "_distributions", "_outside", "_relations", "_steps")
    _steps: tuple[points.Step, ...]

    def __init__(
        self,
        parameters: SpaceLike | None = None,
        *,
        when: Mapping[str, ConditionLike] | None = None,
        require: Sequence[str | Expression] = (),
        forbid: Sequence[ConditionLike] = (),
    ) -> None:
        if isinstance(parameters, SearchSpace):
            parameters = parameters.to_dict()
        self._fill({} if parameters is None else parameters, when, require, forbid, outside=frozenset())

    def _fill(
        self, parameters: object, when: object, require: object, forbid: object, *, outside: frozenset[str] | None
    ) -> None:
        parts = read(parameters, when, require=require, forbid=forbid, outside=outside)
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
            "_relations": parts.relations,
            "_outside": frozenset((asked | parts.relations.names) - parts.distributions.keys()),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def _made(cls, parameters: object, when: object, relations: Relations, outside: frozenset[str] | None) -> Self:
        space = cls.__new__(cls)
        space._fill(parameters, when, relations.require, relations.forbid, outside=outside)
        return space

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the space that `str` wrote: a line for each parameter and relation; blank lines are skipped.

        Raises:
            SearchSpaceError: with every problem of `text`.
        """
        parameters: dict[str, Any] = {key: [] for key in KEYS}
        problems = []
        for number, line in enumerate(text.split("\n"), start=1):
            name, colon, rest = (part.strip() for part in line.partition(":"))
            if name in KEYS:
                parameters[name].append(rest)
            elif line.strip() and not colon:
                problems.append(f'line {number}: write NAME: RANGE, such as "lr: 1e-5..1e-1 log", got {shown(line)}')
            elif name in parameters:
                problems.append(f"line {number}: {name} has a line already: keep one of them")
            elif line.strip():
                parameters[name] = rest
        if problems:
            raise SearchSpaceError(problems)
        return cls(parameters)

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

    @property
    def require(self) -> tuple[Expression, ...]:
        """The relations that every point fulfils."""
        return self._relations.require

    @property
    def forbid(self) -> tuple[Condition, ...]:
        """The conditions that no point fulfils."""
        return self._relations.forbid

    def lines(self) -> dict[str, str | list[str]]:
        """Return the space in the grammar, as data that it can be made of: name -> line, "require" -> list of lines."""
        return {**self._lines(), **self._relations.lines()}

    def _lines(self) -> dict[str, str]:
        return {name: format_range(distribution, condition) for name, distribution, condition in self._steps}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SearchSpace) and self.lines() == other.lines()

    def __hash__(self) -> int:
        return hash((frozenset(self._lines().items()), self._relations))

    def __str__(self) -> str:
        lines = [f"{name}: {line}" for name, line in self._lines().items()]
        return "\n".join(lines + [f"{key}: {line}" for key, each in self._relations.lines().items() for line in each])

    def __repr__(self) -> str:
        lines = "".join(f"    {name!r}: {line!r},\n" for name, line in self.lines().items())
        return f"SearchSpace({{\n{lines}}})" if lines else "SearchSpace()"

    def __rich__(self) -> ConsoleRenderable:
        """Return the space as Rich shows it: a table with a row for each parameter, and relations below."""
        from search_spaces.rendering import as_table

        return as_table(self._steps, self._relations)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"cannot set {name!r}: a SearchSpace never changes; override, fix and | return another one"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._made, (self._distributions, dict(self._conditions), self._relations, self._outside)

    def to_dict(self) -> dict[str, Any]:
        """Return the space as JSON-able data: name -> type, fields, and `when` where there is a condition.

        Relations, where there are any, are lists under "require" and "forbid".
        """
        parameters = {
            name: distribution.to_dict() | ({"when": condition.to_dict()} if condition else {})
            for name, distribution, condition in self._steps
        }
        return parameters | self._relations.to_dict()

    @classmethod
    def from_dict(cls, data: SpaceLike) -> SearchSpace:
        """Return the space that `to_dict` wrote.

        Raises:
            SearchSpaceError: with every problem of `data`.
        """
        return cls(data)

    def fingerprint(self) -> str:
        """Return 64 hexadecimal digits that equal spaces alone share, in every process and on every machine."""
        import hashlib

        data = self.to_dict()
        for name, distribution in self.items():
            if isinstance(distribution, Choices) and distribution.is_named:  # whose order tells them apart: no mapping
                data[name]["choices"] = [
                    [each, json.dumps(distribution.value_of(each))] for each in distribution.choices
                ]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def diff(self, other: SearchSpace) -> list[Change]:
        """Return one change for each parameter and relation that is not the same in `other`, the newer space."""
        return changes(self, other)

    # Its points.

    @property
    def has_guess(self) -> bool:
        """Whether any parameter has a default or a prior, so that the default point is somebody's best guess."""
        return any(distribution.has_guess for distribution in self._distributions.values())

    def sample(self, rng: Random) -> dict[str, Any]:
        """Draw one feasible point with `rng` alone: the same state of `rng` gives the same point.

        Raises:
            SearchSpaceError: none of 10,000 draws was feasible; it names the relation that failed most often.
        """
        return feasible.sample(self._complete(), self._relations, rng)

    def is_feasible(self, params: Mapping[str, object]) -> bool:
        """Say whether `params`, a point but for that, fulfils all relations."""
        return not self._relations or self._relations.hold(params)

    def repair(self, params: Mapping[str, Any], rng: Random) -> dict[str, Any]:
        """Return a feasible point near an infeasible one: no other of its values would leave the point feasible.

        Raises:
            SearchSpaceError: no feasible point was found.
        """
        return feasible.repair(self._complete(), self._relations, params, rng)

    def check_feasible(self, rng: Random) -> None:
        """Make sure, by drawing points, that `sample` will not fail.

        Raises:
            SearchSpaceError: too few points are feasible; it names the relation that failed most often.
        """
        feasible.check(self._complete(), self._relations, rng)

    def default(self) -> dict[str, Any]:
        """Return the point at which each parameter that exists has its `default_value`; relations are not looked at."""
        return points.completed(self._complete(), {})

    def point(self, given: str | Mapping[str, Any]) -> dict[str, Any]:
        """Return the feasible point with these values, such as "lr=0.1, opt=sgd", and the default of all others.

        Text is read by each parameter: `64` of whole numbers is 64, of names "64".

        Raises:
            SearchSpaceError: with every problem: unknown, not existing there, out of range, infeasible.
        """
        from search_spaces import assignments

        return assignments.point(self._complete(), self._relations, given)

    def neighbours(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the feasible points that differ from `params` in one parameter, in the space's order.

        Numbers go a step of their grid down and up, or a tenth of their scale; an Ordinal to the choices next to it; a
        Categorical to every other one. Children that come to exist have their default, others leave. `params` is a
        point, feasible or not.

        Raises:
            SearchSpaceError: `params` is no point of the space.
        """
        self._check(params, Relations())
        return geometry.neighbours(self._steps, self._relations, params)

    @property
    def axes(self) -> tuple[str, ...]:
        """The parameters that have a coordinate in the unit cube, in its order: all but constants."""
        return tuple(step.name for step in geometry.axes(self._steps))

    def to_unit(self, params: Mapping[str, Any]) -> list[float]:
        """Return the coordinates of a point in the unit cube, each in 0..1, in the order of `axes`.

        A parameter that does not exist at `params` is at its default. `params` may be infeasible.

        Raises:
            SearchSpaceError: `params` is no point of the space.
        """
        self._check(params, Relations())
        return geometry.to_unit(self._steps, params)

    def from_unit(self, coordinates: Iterable[float]) -> dict[str, Any]:
        """Return the point at `coordinates`, in the order of `axes`; it may be infeasible, which `repair` mends.

        `from_unit(to_unit(params)) == params` for all that `sample`, `grid`, `default`, `neighbours` and `from_unit`
        return, with the limits that `Distribution.from_unit` tells.

        Raises:
            SearchSpaceError: more or fewer coordinates than axes, or some that are no numbers in 0..1.
        """
        return geometry.from_unit(self._complete(), coordinates)

    def values_of(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return `params` with the values that named choices stand for in place of their names, as objectives get them.

        `SearchSpace({"layers": "small=[64, 64]|big=[256]"}).values_of({"layers": "small"}) == {"layers": [64, 64]}`

        Raises:
            SearchSpaceError: a param is none of the names.
        """
        return {name: self[name].value_of(value) if name in self else value for name, value in params.items()}

    def suggest(self, trial: SuggestingTrial) -> dict[str, Any]:
        """Return the point that a define-by-run `trial`, such as Optuna's, suggests. It is not asked for constants.

        Such a trial knows nothing of relations: `is_feasible` tells whether they hold, `repair` gives a point where so.
        """
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
            SearchSpaceError: with every problem: missing, unknown, not existing here, out of range, infeasible.
        """
        self._check(params, self._relations)

    def _check(self, params: Mapping[str, object], relations: Relations) -> None:
        if not isinstance(params, Mapping):
            raise SearchSpaceError(f"params must map names to values, got {shown(params)}")
        if problems := list(points.problems(self._complete(), relations, params)):
            raise SearchSpaceError(problems)

    def grid(self, n: int) -> Iterator[dict[str, Any]]:
        """Return an iterator over all feasible points, each continuous parameter taking `n` values even on its scale.

        Parameters that are not continuous take every value. No point comes twice; the last parameter changes fastest.

        Raises:
            SearchSpaceError: `n` is not at least 1, or a parameter has more than a million values.
        """
        return feasible.grid(self._complete(), self._relations, n)

    def size(self) -> int | Literal["continuous"]:
        """Return the number of feasible points, or "continuous" when a parameter is.

        Where relations connect parameters with more than 100,000 points together, their infeasible points count too.
        """
        count = feasible.count(self._complete(), self._relations)
        return "continuous" if count is None else count

    def _complete(self) -> tuple[points.Step, ...]:
        if self._outside:
            names = ", ".join(sorted(self._outside))
            who = "relations" if self._outside <= self._relations.names else "conditions"
            raise SearchSpaceError(f"{who} ask about {names}, which this space lacks: join it (|) with one that has it")
        return self._steps


def choose(name: str, alternatives: Mapping[str, SearchSpace] | None = None, /, **more: SearchSpace) -> SearchSpace:
    """Return a space that chooses one of several spaces: `choose("arch", mlp=mlp(), cnn=cnn())`.

    The parameter `name` says which; with one alternative it is a constant. What several have in common exists for each.

    Raises:
        SearchSpaceError: no alternative, two have one parameter with different ranges or conditions, or one requires
            of its parameters what another with the same parameters does not.
    """
    spaces = {**(alternatives or {}), **more}
    if not spaces:
        raise SearchSpaceError(f"choose({name!r}) needs at least one alternative, such as mlp=mlp()")
    if others := [label for label, space in spaces.items() if not isinstance(space, SearchSpace)]:
        raise SearchSpaceError(f"{name}={label} must be a SearchSpace, got {shown(spaces[label])}" for label in others)
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
    return SearchSpace._made(distributions, conditions, _common_relations(name, spaces), outside)


def _common_relations(name: str, spaces: Mapping[str, SearchSpace]) -> Relations:
    """Return the relations of all alternatives, each of which binds only the alternatives that have it."""
    found: list[Relation] = []
    for relation in Relations.of(each for space in spaces.values() for each in space._relations):
        having = [label for label, space in spaces.items() if relation in space._relations]
        others = {label: space.keys() & asked(relation) for label, space in spaces.items() if label not in having}
        if isinstance(relation, Condition):
            found.append(relation & Condition.of({name: having}) if any(others.values()) else relation)
            continue
        found.append(relation)
        if bound := [label for label, shared in others.items() if shared == asked(relation)]:
            text = f"does not hold in {name}={bound[0]}, which has the same parameters; tell them apart with prefixed()"
            raise SearchSpaceError(f"require {relation}: {text}")
    return Relations.of(found)
