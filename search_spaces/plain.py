"""From plain data, as JSON and YAML hold it, to distributions and conditions, with the place of every problem.

    parts = read({"lr": "1e-5..1e-1 log", "width": {"type": "int", "low": "x", "high": 64}})
    parts.problems == [Problem(path=("width", "low"), text="low must be a whole number, got 'x'")]

A parameter is a mapping with its `type`, its fields and perhaps `when`; or a line of the grammar; or a value, which
makes a constant; or a distribution already made. Several whose names begin alike may stand in a group. Other readers of
YAML take 1e-5 for text, so text that spells a number is one where only a number can stand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING
from typing import TYPE_CHECKING, Any, NamedTuple

from search_spaces.conditions import Asked, Condition
from search_spaces.dependencies import condition_problems
from search_spaces.distributions import KINDS, Categorical, Constant, Distribution
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.groups import FIELDS, parted, parted_parents
from search_spaces.ranges import parse_condition, parse_range
from search_spaces.relations import KEYS, Relations, asked, relation_problems
from search_spaces.scalars import Scalar, name_problem, number, shown

if TYPE_CHECKING:
    from search_spaces.expressions import Expression
    from search_spaces.relations import Relation

DistributionLike = Distribution | Scalar | Mapping[str, Any]
"""A distribution; a line of the grammar ("1e-5..1e-1 log"); a number or boolean, for a constant; `to_dict` of one."""

SpaceLike = Mapping[str, DistributionLike | Sequence[Any]]
"""Names -> distributions; and, under "require" and "forbid", lists of relations."""

ConditionLike = Condition | str | Mapping[str, Asked] | Sequence[Mapping[str, Asked]]
"""A condition; a line of the grammar ("arch=cnn and n>=2"); or its data, as `Condition.of` reads it."""

_NUMBERS = frozenset({"low", "high", "step", "default", "prior"})  # of ranges


class Problem(NamedTuple):
    """What is wrong, and the keys that lead to where it is."""

    path: tuple[str | int, ...]
    text: str
    is_about_key: bool = False
    """Whether the last of the keys is wrong, rather than what it leads to."""

    def __str__(self) -> str:
        is_name = self.is_about_key and len(self.path) == 1
        return f"{self.path[0]}: {self.text}" if self.path and not is_name else self.text


class Parts(NamedTuple):
    """What a space is made of, as far as it could be read."""

    distributions: dict[str, Distribution]
    conditions: dict[str, Condition]
    problems: list[Problem]
    relations: Relations = Relations()


def read(
    parameters: object,
    when: object = None,
    *,
    require: object = (),
    forbid: object = (),
    outside: Collection[str] | None = (),
) -> Parts:
    """Read every parameter and relation, and whatever is wrong with any of them.

    Args:
        parameters: name -> distribution in any of the forms above; relations under the names `require` and `forbid`.
        when: name -> condition (or parents -> values, or text), in addition to those that `parameters` hold.
        require: relations that every point must fulfil, in addition to those that `parameters` hold.
        forbid: conditions that no point may fulfil, likewise.
        outside: names that conditions and relations may ask about although `parameters` lacks them; None means any.
    """
    parts = Parts({}, {}, [])
    extra = {} if when is None else when
    ranges = 'ranges, such as "lr: 1e-5..1e-1 log"'
    for what, whither, given in (("a search space", ranges, parameters), ("when", "conditions", extra)):
        if not isinstance(given, Mapping):
            seen = "nothing" if given is None else shown(given)
            parts.problems.append(Problem((), f"{what} must map parameter names to {whither}, got {seen}"))
    if parts.problems or not isinstance(parameters, Mapping) or not isinstance(extra, Mapping):
        return parts
    relations = _read_relations({"require": require, "forbid": forbid}, parameters, parts)
    parameters = _ungrouped({name: value for name, value in parameters.items() if name not in KEYS}, parts)
    for name, value in parameters.items():
        if problem := name_problem(name):
            parts.problems.append(Problem((name,), problem, is_about_key=True))
        else:
            _read_parameter(name, value, parts)
    _check_twins(parameters, parts)
    for name, value in extra.items():
        if name in parameters:
            _add_condition(name, value, parts)
        else:
            near = did_you_mean(name, [str(known) for known in parameters])
            parts.problems.append(Problem((name,), f"when names a parameter that is not there{near}"))
    known = {name: parts.distributions[name] for name in parameters if name in parts.distributions}
    if outside is None:
        outside = {parent for condition in parts.conditions.values() for parent in condition.parents}
        outside = outside.union(*map(asked, relations.values()))
    excused = {name for name in (*outside, *parameters) if name not in known}
    for name, text in condition_problems(known, parts.conditions, excused=excused):
        parts.problems.append(Problem((name, "when"), text))
    for place, text in relation_problems(relations, known, parts.conditions, excused=excused):
        parts.problems.append(Problem(place, text))
    return parts._replace(relations=Relations.of(relations.values()))


def distribution_from_dict(data: Mapping[str, Any]) -> Distribution:
    """Return the distribution that `to_dict` wrote.

    Raises:
        SearchSpaceError: with every problem of `data`.
    """
    distribution, problems = _read_mapping(data)
    if distribution is None:
        raise SearchSpaceError(problem.text for problem in problems)
    return distribution


def as_condition(value: object) -> Condition:
    """Return the condition that `value` is, spells in the grammar, or holds as data.

    Raises:
        SearchSpaceError: it is none.
    """
    if isinstance(value, Condition):
        return value
    return parse_condition(value) if isinstance(value, str) else Condition.of(parted_parents(value))  # type: ignore[arg-type]  # it checks


def as_expression(value: object) -> Expression:
    """Return the expression that `value` is or spells.

    Raises:
        SearchSpaceError: it is none.
    """
    from search_spaces.expressions import Expression

    return value if isinstance(value, Expression) else Expression.parse(value)  # type: ignore[arg-type]  # it checks


def _read_relations(
    more: Mapping[str, object], parameters: Mapping[Any, Any], parts: Parts
) -> dict[tuple[str, int], Relation]:
    """Return the relations among `parameters`, and `more` under the same keys, by where they stand."""
    found: dict[tuple[str, int], Relation] = {}
    readers: dict[str, Callable[[object], Relation]] = {"require": as_expression, "forbid": as_condition}
    for key, reader in readers.items():
        given = [*_listed(parameters.get(key, ())), *_listed(more[key])]
        for index, value in enumerate(given):
            try:
                found[key, index] = reader(value)
            except SearchSpaceError as error:
                parts.problems.extend(Problem((key, index), text.removeprefix("when ")) for text in error.problems)
    return found


def _listed(value: object) -> list[Any] | tuple[Any, ...]:
    """Return `value` if it is a list; what stands alone is a list of one."""
    return value if isinstance(value, (list, tuple)) else [value]


def _ungrouped(parameters: Mapping[Any, Any], parts: Parts) -> dict[Any, Any]:
    """Return every parameter by its whole name."""
    found: dict[Any, Any] = {}
    for name, value in parted(parameters):
        if name in found:
            text = f"{name!r} stands in a group and by itself: keep one of them"
            parts.problems.append(Problem((name,), text, is_about_key=True))
        found[name] = value
    return found


def _read_parameter(name: str, value: object, parts: Parts) -> None:
    """Add the parameter to `parts`, or its problems."""
    if isinstance(value, Distribution):
        parts.distributions[name] = value
    elif isinstance(value, Mapping):
        distribution, problems = _read_mapping({key: item for key, item in value.items() if key != "when"})
        parts.problems.extend(problem._replace(path=(name, *problem.path)) for problem in problems)
        if distribution is not None:
            parts.distributions[name] = distribution
        if "when" in value:
            _add_condition(name, value["when"], parts)
    else:
        try:
            parts.distributions[name], condition = _read_scalar(value)
        except SearchSpaceError as error:
            parts.problems.extend(Problem((name,), problem) for problem in error.problems)
        else:
            if condition is not None:
                parts.conditions[name] = condition


def _check_twins(names: Iterable[object], parts: Parts) -> None:
    """Refuse names that only case tells apart: files, databases and spreadsheets, and readers, take them for one."""
    first: dict[str, str] = {}
    for name in names:
        if isinstance(name, str) and first.setdefault(name.casefold(), name) != name:
            text = f"parameter name {name!r} differs from {first[name.casefold()]!r} in case only: rename one of them"
            parts.problems.append(Problem((name,), text, is_about_key=True))


def _read_scalar(value: object) -> tuple[Distribution, Condition | None]:
    if isinstance(value, str):
        return parse_range(value)
    if value is None:
        raise SearchSpaceError('there is no range; write one such as "1e-5..1e-1 log" or "adam|sgd"')
    if isinstance(value, (bool, int, float)):
        return Constant(value), None
    instead = (
        f"; write {Categorical(value).to_dict()}" if isinstance(value, (list, tuple)) and _is_choices(value) else ""
    )
    raise SearchSpaceError(f'must be a range such as "1..6" or a mapping with a type, got {shown(value)}{instead}')


def _is_choices(values: list[Any] | tuple[Any, ...]) -> bool:
    try:
        Categorical(values)
    except SearchSpaceError:
        return False
    return True


def _read_mapping(data: Mapping[Any, Any]) -> tuple[Distribution | None, list[Problem]]:
    """Return the distribution, or None and the problems, whose paths start inside `data`."""
    name = data.get("type")
    kind: Any = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(KINDS)
        if "type" not in data:
            group = (
                "" if FIELDS.intersection(data) else '; in a group of parameters each is text, such as "1..6" or "=12"'
            )
            return None, [Problem((), f"there is no type; it must be one of {known}{group}")]
        return None, [Problem(("type",), f"type must be one of {known}, got {shown(name)}{did_you_mean(name, KINDS)}")]
    known_fields = {field.name: field for field in kind.options()}
    problems = []
    for key in data:
        if key != "type" and key not in known_fields:
            near = did_you_mean(key, known_fields) or f"; {name} has {', '.join(known_fields)}"
            problems.append(Problem((key,), f"unknown field {shown(key)}{near}", is_about_key=True))
    for key, field in known_fields.items():
        if field.default is MISSING and key not in data:
            problems.append(Problem((), f"{name} needs the field {key!r}, which is missing"))
    if problems:
        return None, problems
    numbers = _NUMBERS if "low" in known_fields else ()
    values = {key: _as_number(item) if key in numbers else item for key, item in data.items() if key != "type"}
    try:
        return kind(**values), []
    except SearchSpaceError as error:
        return None, [Problem(_field_path(text, values), text) for text in error.problems]


def _as_number(value: object) -> object:
    spelled = number(value.strip()) if isinstance(value, str) else None
    return value if spelled is None else spelled


def _field_path(text: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the field that a distribution's problem begins with, where it was given."""
    first = text.split(maxsplit=1)[0].rstrip(":,")
    return (first,) if first in values else ()


def _add_condition(name: str, value: object, parts: Parts) -> None:
    try:
        condition = as_condition(value)
        parts.conditions[name] = parts.conditions[name] & condition if name in parts.conditions else condition
    except SearchSpaceError as error:
        parts.problems.extend(Problem((name, "when"), problem) for problem in error.problems)
