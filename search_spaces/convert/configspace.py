"""ConfigSpace: spaces both ways, conditions included, and the source that makes one.

    to_configspace(space, seed=7).sample_configuration()
    from_configspace(ConfigurationSpace({"lr": (1e-5, 1e-1)}))

ConfigSpace has no ranges with steps, nor of one value: they become Ordinals and Constants, and `meta` of the
hyperparameter keeps our range, so that they come back as they were; so do priors and the values of named choices. Of
relations it has `forbid`, and `require` of two parameters compared (`a < b`). It rounds floats to 13 decimals: ends
that this would change are an error. Its Configurations hold numbers of NumPy; `to_params(space, configuration)` gives
plain ones.
"""

from __future__ import annotations

import contextlib
import functools
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from search_spaces.conditions import Condition
from search_spaces.convert.calls import Call, Item, alternatives, said
from search_spaces.convert.common import each, listed, related
from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int, Ordinal
from search_spaces.errors import ConversionError, SearchSpaceError
from search_spaces.ranges import parse_range
from search_spaces.scalars import Scalar
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

    from search_spaces.expressions import Expression

_META = "range"
"""Where `meta` of a hyperparameter keeps a range of ours that ConfigSpace has no counterpart for."""


class _Words(NamedTuple):
    """ConfigSpace's names for the parts of a formula: of one that says when a child exists, or of a forbidden one."""

    equal: str
    among: str
    above: str
    below: str
    both: str
    either: str
    subject: tuple[Item, ...] = ()


_FORBIDDEN = _Words(
    "ForbiddenEqualsClause",
    "ForbiddenInClause",
    "ForbiddenGreaterThanClause",
    "ForbiddenLessThanClause",
    "ForbiddenAndConjunction",
    "ForbiddenOrConjunction",
)
_EXISTING = _Words(
    "EqualsCondition",
    "InCondition",
    "GreaterThanCondition",
    "LessThanCondition",
    "AndConjunction",
    "OrConjunction",
)
_BROKEN_BY = {"<": "GreaterThanEquals", "<=": "GreaterThan", ">": "LessThanEquals", ">=": "LessThan", "!=": "Equals"}
"""The forbidden relation that a requirement of two parameters is, by its sign."""
_KINDS: dict[str, tuple[tuple[str, ...], Callable[[int, int], bool]]] = {
    "Equals": ((), operator.eq),
    "NotEquals": (("<", ">"), operator.ne),
    "GreaterThan": ((">",), operator.gt),
    "GreaterThanEquals": ((">=",), operator.ge),
    "LessThan": (("<",), operator.lt),
    "LessThanEquals": (("<=",), operator.le),
    "In": ((), operator.eq),
}
"""What conditions and clauses ask: the signs of our bounds, of which one is enough, and how positions compare."""
_COMPARISON = re.compile(r"(?P<left>[\w.]+|`[^`]+`) (?P<sign><|<=|>|>=|!=) (?P<right>[\w.]+|`[^`]+`)")


def to_configspace(space: SearchSpace, *, seed: int | None = None) -> ConfigurationSpace:
    """Return a ConfigurationSpace of the same points.

    Raises:
        ConversionError: naming every parameter and relation that ConfigSpace cannot express; or its default point,
            which it checks, is forbidden.
    """
    import ConfigSpace

    made = ConfigSpace.ConfigurationSpace(seed=seed)
    try:
        for calls in _parts(space):
            made.add(*(call.make(ConfigSpace, made) for call in calls))
    except ConfigSpace.ForbiddenValueError as error:
        raise ConversionError(f"ConfigSpace refuses its default point ({error}): give other defaults") from error
    return made


def from_configspace(theirs: ConfigurationSpace) -> SearchSpace:
    """Return the space of the same points.

    Raises:
        ConversionError: naming everything that we cannot express: normal and beta distributions, weights of choices.
    """
    import ConfigSpace

    distributions = each(dict(theirs), lambda name, hyperparameter: _distribution(name, hyperparameter, ConfigSpace))
    conditions = {condition.child.name: condition for condition in theirs.conditions}
    forbidden = {str(clause): clause for clause in theirs.forbidden_clauses}
    relations = [clause for clause in forbidden.values() if hasattr(clause, "left")]  # of two parameters
    clauses = {text: clause for text, clause in forbidden.items() if clause not in relations}
    when = each(conditions, lambda _, condition: _condition(condition, distributions))
    forbid = each(clauses, lambda _, clause: _condition(clause, distributions))
    try:
        return SearchSpace(
            distributions, when=when, require=list(map(_requirement, relations)), forbid=list(forbid.values())
        )
    except SearchSpaceError as error:
        raise ConversionError(error.problems) from error


def configspace_source(space: SearchSpace) -> str:
    """Return Python source that makes the same ConfigurationSpace.

    Raises:
        ConversionError: naming every parameter and relation that ConfigSpace cannot express.
    """
    lines = ["import ConfigSpace", "", "space = ConfigSpace.ConfigurationSpace()"]
    for calls in _parts(space):
        if calls:
            lines += ["space.add(", *(f"    {call.source('ConfigSpace')}," for call in calls), ")"]
    return "\n".join([*lines, ""])


def _parts(space: SearchSpace) -> tuple[list[Call], list[Call], list[Call]]:
    """Return hyperparameters, conditions and forbidden clauses, which are added in this order."""
    relations = [_forbidden_relation(relation) for relation in space.require]
    problems = related(space, "ConfigSpace", keys=["require"])
    unsaid = [problem for problem, call in zip(problems, relations, strict=True) if call is None]
    hyperparameters = each(space, _hyperparameter, also=unsaid)
    conditions = [
        _formula(condition, _EXISTING._replace(subject=(Item(name),)), space)
        for name, condition in space.conditions.items()
    ]
    forbidden = [_formula(condition, _FORBIDDEN, space) for condition in space.forbid]
    return list(hyperparameters.values()), conditions, [*forbidden, *(call for call in relations if call)]


def _hyperparameter(name: str, distribution: Distribution) -> Call:
    stated = distribution.to_dict()
    more: dict[str, Any] = {"default_value": stated["default"]} if "default" in stated else {}
    if "default" in stated or "prior" in stated or isinstance(stated.get("choices"), Mapping):
        more["meta"] = {_META: str(distribution)}
    stepped = {**more, "meta": {_META: str(distribution)}}
    match distribution:
        case Constant(value):
            return Call("Constant", name, *_checked([value]))
        case Float(low, high) | Int(low, high) if low == high:
            return Call("Constant", name, low, meta=stepped["meta"])
        case Float(low, high, log=log, step=None):
            _check_rounding(low=low, high=high, **({"default": stated["default"]} if "default" in stated else {}))
            return Call("UniformFloatHyperparameter", name, low, high, **said(log=log), **more)
        case Int(low, high, log=log, step=1):
            return Call("UniformIntegerHyperparameter", name, low, high, **said(log=log), **more)
        case Float() | Int():
            return Call("OrdinalHyperparameter", name, listed(distribution, "ConfigSpace"), **stepped)
    kind = "OrdinalHyperparameter" if isinstance(distribution, Ordinal) else "CategoricalHyperparameter"
    return Call(kind, name, _checked(distribution.grid(1)), **more)


def _check_rounding(**ends: float) -> None:
    for field, value in ends.items():
        scaled = value * 1e13
        rounded = round(scaled) / 1e13 if math.isfinite(scaled) else math.nan
        if rounded != value:
            raise ConversionError(f"{field} {value!r} would become {rounded!r}: ConfigSpace has 13 decimals; scale it")


def _checked(values: list[Scalar]) -> list[Scalar]:
    kinds = {type(value) for value in values}
    if bool in kinds and kinds & {int, float} and str not in kinds and None not in values:
        raise ConversionError("ConfigSpace makes numbers of true and false beside numbers: write them as text")
    if any(isinstance(value, str) and value.endswith("\0") for value in values):
        raise ConversionError("ConfigSpace cuts null characters from the end of text: take them out")
    return values


def _formula(condition: Condition, words: _Words, space: SearchSpace) -> Call:
    cases = [
        _joined(words.both, [call for parent, test in case.items() for call in _tests(parent, test, words, space)])
        for case in alternatives(condition)
    ]
    return _joined(words.either, cases)


def _joined(name: str, calls: list[Call]) -> Call:
    return calls[0] if len(calls) == 1 else Call(name, *calls)


def _tests(parent: str, test: Any, words: _Words, space: SearchSpace) -> list[Call]:
    """Return what must hold together for `parent` to be as a condition asks: one of values, or between bounds."""
    distribution, subject = space[parent], (*words.subject, Item(parent))
    if isinstance(test, Mapping) and isinstance(distribution, (Float, Int)) and _is_uniform(distribution):
        return [_bound(sign, bound, subject, words) for sign, bound in _legal(test, distribution).items()]
    if isinstance(test, Mapping):
        holds = Condition.of({parent: test}).holds
        test = [value for value in listed(distribution, "ConfigSpace") if holds({parent: value})]
    return [Call(words.equal, *subject, test[0]) if len(test) == 1 else Call(words.among, *subject, test)]


def _is_uniform(distribution: Float | Int) -> bool:
    return distribution.low < distribution.high and distribution.step == (1 if isinstance(distribution, Int) else None)


def _legal(bounds: Mapping[str, float], distribution: Float | Int) -> dict[str, float]:
    """Return bounds of the same values that are values themselves, as ConfigSpace wants them; at least one."""
    legal: dict[str, float] = {}
    for sign, bound in bounds.items():
        if isinstance(distribution, Int) and bound != int(bound):
            sign, bound = (">=", math.ceil(bound)) if ">" in sign else ("<=", math.floor(bound))
        if distribution.low <= bound <= distribution.high:
            legal[sign] = int(bound) if isinstance(distribution, Int) else bound
    return legal or {">=": distribution.low}


def _bound(sign: str, bound: float, subject: tuple[Item, ...], words: _Words) -> Call:
    strict = Call(words.above if ">" in sign else words.below, *subject, bound)
    return Call(words.either, strict, Call(words.equal, *subject, bound)) if "=" in sign else strict


def _forbidden_relation(relation: Expression) -> Call | None:
    """Return the forbidden clause of a requirement that compares two parameters; None of another."""
    match = _COMPARISON.fullmatch(str(relation))
    if match is None or len(relation.names) != 2:
        return None
    left, right = (Item(name) for name in relation.names)
    return Call(f"Forbidden{_BROKEN_BY[match['sign']]}Relation", left, right)


def _distribution(name: str, theirs: Any, library: Any) -> Distribution:
    with contextlib.suppress(SearchSpaceError, AttributeError):  # no meta, or one that somebody else wrote
        ours, _ = parse_range(theirs.meta.get(_META))
        if _hyperparameter(name, ours).make(library) == theirs:  # nobody changed it since
            return ours
    if isinstance(theirs, library.Constant):
        return Constant(theirs.value)
    kind: Callable[..., Distribution]
    if isinstance(theirs, library.UniformFloatHyperparameter):
        kind = functools.partial(Float, theirs.lower, theirs.upper, log=theirs.log)
    elif isinstance(theirs, library.UniformIntegerHyperparameter):
        kind = functools.partial(Int, theirs.lower, theirs.upper, log=theirs.log)
    elif isinstance(theirs, library.OrdinalHyperparameter):
        kind = functools.partial(Ordinal, theirs.sequence)
    elif isinstance(theirs, library.CategoricalHyperparameter) and len(set(theirs.weights or [1])) == 1:
        kind = functools.partial(Categorical, theirs.choices)
    else:
        what = "choices with weights" if hasattr(theirs, "weights") else f"a {type(theirs).__name__}"
        raise ConversionError(f"there is no counterpart for {what}: let all values be as likely")
    usual = _hyperparameter(name, kind()).make(library).default_value  # which ConfigSpace takes where nobody gave one
    return kind() if usual == theirs.default_value else kind(default=theirs.default_value)


def _condition(theirs: Any, ours: Mapping[str, Distribution]) -> Condition:
    """Return what a condition of ConfigSpace, or a forbidden clause, asks of parameters of `ours`."""
    kind = _kind(theirs)
    if kind == "AndConjunction":
        return functools.reduce(operator.and_, (_condition(part, ours) for part in theirs.components))
    if kind == "OrConjunction":
        closed = _closed_bound(*theirs.components) if len(theirs.components) == 2 else None
        return closed or functools.reduce(operator.or_, (_condition(part, ours) for part in theirs.components))
    if kind not in _KINDS:
        raise ConversionError(f"there is no counterpart for {theirs}")
    parent = _parent(theirs)
    return Condition.of([{parent.name: asked} for asked in _asked(kind, parent, theirs, ours[parent.name])])


def _asked(kind: str, parent: Any, theirs: Any, ours: Distribution) -> list[Any]:
    """Return what is asked of a parent, of which one is enough: bounds, or a list of values."""
    values = list(theirs.values) if kind == "In" else [theirs.value]
    choices = getattr(parent, "choices", None) or getattr(parent, "sequence", None)
    if choices and kind != "In":  # an Ordinal is compared by position
        position = choices.index(theirs.value)
        values = [choice for index, choice in enumerate(choices) if _KINDS[kind][1](index, position)]
    elif kind not in ("Equals", "In"):
        return [{sign: theirs.value} for sign in _KINDS[kind][0]]
    return [values] if not isinstance(ours, Float) else [{">=": run[0], "<=": run[-1]} for run in _runs(values, ours)]


def _runs(values: list[float], ours: Float) -> list[list[float]]:
    """Part values of a Float, which are asked for as intervals, into runs of neighbours on its grid, if it has one."""
    grid = sorted(values) if ours.size() is None else ours.grid(1)
    runs: list[list[float]] = [[]]
    for value in grid:
        if ours.size() is None or value not in values:
            runs.append([])
        if value in values:
            runs[-1].append(float(value))
    return [run for run in runs if run]


def _parent(theirs: Any) -> Any:
    return theirs.parent if hasattr(theirs, "parent") else theirs.hyperparameter


def _closed_bound(strict: Any, equal: Any) -> Condition | None:
    """Return the bound that `_bound` writes as "above, or equal to" and "below, or equal to"; None of other parts."""
    kind = _kind(strict)
    if kind not in ("GreaterThan", "LessThan") or _kind(equal) != "Equals" or strict.value != equal.value:
        return None
    parent = _parent(strict)
    if parent.name != _parent(equal).name or not hasattr(parent, "lower"):
        return None
    return Condition.of({parent.name: {">=" if kind == "GreaterThan" else "<=": strict.value}})


def _kind(theirs: Any) -> str:
    return type(theirs).__name__.removeprefix("Forbidden").removesuffix("Clause").removesuffix("Condition")


def _requirement(theirs: Any) -> str:
    """Return the requirement that a forbidden relation of two parameters is."""
    kind = type(theirs).__name__.removeprefix("Forbidden").removesuffix("Relation")
    sign = next(sign for sign, broken_by in _BROKEN_BY.items() if broken_by == kind)
    return f"`{theirs.left.name}` {sign} `{theirs.right.name}`"
