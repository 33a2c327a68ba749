"""Ray Tune: domains both ways, and a `param_space` as source.

    to_ray(SearchSpace({"lr": "1e-5..1e-1 log", "n": "1..6"}))
    # {"lr": tune.loguniform(1e-5, 0.1), "n": tune.randint(1, 7)}
    from_ray({"cnn": {"width": tune.lograndint(8, 65)}})            # cnn.width: 8..64 log

Ray's upper ends of randint and lograndint are excluded, ours included. Its steps are multiples of `q`: a range whose
low is none becomes a list of choices. A parameter with a condition becomes `sample_from`, which is None where the
parameter does not exist; `to_params(space, config)` leaves those out again. From there is no way back: a function says
nothing of its range, so `from_ray` refuses it, as Ray's own search algorithms do. Ray has no relations between
parameters. Ordinals become choices without order, choices with names are known by their names (`space.values_of` gives
what they stand for); default and prior are left out. Ray's logs and steps are of binary floats: a value may lie off
ours by some units in the last place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.convert.calls import Call, python_condition
from search_spaces.convert.common import each, flat, is_multiple, listed, made_space, related
from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int
from search_spaces.errors import ConversionError
from search_spaces.rules import point
from search_spaces.scalars import Scalar, scalar_problem
from search_spaces.space import SearchSpace


def to_ray(ours: SearchSpace | Distribution) -> Any:
    """Return a `param_space` for `tune.Tuner`, name -> domain or value; of a distribution its domain or value alone.

    Raises:
        ConversionError: naming every parameter that Ray cannot express.
    """
    from ray import tune

    if isinstance(ours, Distribution):
        return _made(_domain(ours), tune)
    domains = _domains(ours)
    return {
        name: tune.sample_from(_Conditional(name, ours, made)) if name in ours.conditions else made
        for name, made in ((name, _made(domain, tune)) for name, domain in domains.items())
    }


def from_ray(param_space: Mapping[str, Any]) -> SearchSpace:
    """Return the space of a `param_space`; nested mappings become dotted names, `grid_search` choices.

    Raises:
        ConversionError: naming every entry that we cannot express: functions, normal distributions, log scales with
            steps, choices that are no scalars.
    """

    def inside(value: Any) -> Mapping[str, Any] | None:
        return value if isinstance(value, Mapping) and "grid_search" not in value else None

    return made_space(flat(param_space, inside), lambda _, value: _distribution(value))


def ray_source(space: SearchSpace) -> str:
    """Return Python source that makes the same `param_space`.

    Raises:
        ConversionError: naming every parameter that Ray cannot express.
    """
    exists = {name: f"config[{name!r}] is not None" for name in space.conditions}
    lines = []
    for name, domain in _domains(space).items():
        text = domain.source("tune") if isinstance(domain, Call) else repr(domain)
        if name in space.conditions:
            drawn = f"{text}.sample()" if isinstance(domain, Call) else text
            test = python_condition(space.conditions[name], "config", exists)
            text = f"tune.sample_from(lambda config: {drawn} if {test} else None)"
        lines.append(f"    {name!r}: {text},")
    return "\n".join(["from ray import tune", "", "param_space = {", *lines, "}", ""])


def _domains(space: SearchSpace) -> dict[str, Call | Scalar]:
    def domain(name: str, distribution: Distribution) -> Call | Scalar:
        if name in space.conditions and distribution.contains(None):
            raise ConversionError(
                "null is among its values, and Ray writes None where it does not exist: write null as text"
            )
        return _domain(distribution)

    return each(space, domain, also=related(space, "Ray"))


def _domain(distribution: Distribution) -> Call | Scalar:
    match distribution:
        case Constant(value):
            return value
        case Float(low, high, log=True):
            return Call("loguniform", low, high)
        case Float(low, high, step=None):
            return Call("uniform", low, high)
        case Float(low, high, step=step) if is_multiple(distribution):
            return Call("quniform", low, high, step)
        case Int(low, high, log=True):
            return Call("lograndint", low, high + 1)
        case Int(low, high, step=1):
            return Call("randint", low, high + 1)
        case Int(low, high, step=step) if is_multiple(distribution):
            return Call("qrandint", low, high, step)
        case Float() | Int():
            return Call("choice", listed(distribution, "Ray"))
    return Call("choice", distribution.grid(1))


def _made(domain: Call | Scalar, tune: Any) -> Any:
    return domain.make(tune) if isinstance(domain, Call) else domain


@dataclass(frozen=True, slots=True)
class _Conditional:
    """What `sample_from` calls: a value of the domain where the parameter exists, None where it does not."""

    name: str
    space: SearchSpace
    domain: Any

    def __call__(self, config: Mapping[str, Any]) -> Any:
        if self.name not in self.space.active(config):
            return None
        return self.domain.sample() if hasattr(self.domain, "sample") else self.domain


def _distribution(value: Any) -> Distribution:
    from ray.tune.search import sample

    if isinstance(value, Mapping):
        return Categorical(value["grid_search"])
    if isinstance(value, sample.Categorical):
        return Categorical(value.categories)
    if isinstance(value, sample.Function):
        raise ConversionError("a function of sample_from says nothing of its range; write the range, and when= for it")
    if isinstance(value, (sample.Float, sample.Integer)):
        return _range(value, isinstance(value, sample.Integer))
    if problem := scalar_problem(value):
        raise ConversionError(problem)
    return Constant(value)


def _range(domain: Any, is_whole: bool) -> Float | Int:
    from ray.tune.search import sample

    sampler: Any = domain.get_sampler()
    q: Any = None
    if isinstance(sampler, sample.Quantized):
        sampler, q = sampler.get_sampler(), sampler.q  # type: ignore[no-untyped-call]  # Ray's are half typed
    is_log = isinstance(sampler, sample.LogUniform)
    if not is_log and not isinstance(sampler, sample.Uniform):
        raise ConversionError(f"is drawn from a {sampler} distribution without ends; give it a range, uniform or log")
    if is_whole and q in (None, 1):
        return Int(domain.lower, domain.upper - 1, log=is_log)
    if is_log and q is not None:
        raise ConversionError(f"log and step {q!r} exclude each other: keep one of them")
    if is_whole:
        return Int(-(-domain.lower // q) * q, domain.upper // q * q, step=q)
    if q is None:
        return Float(domain.lower, domain.upper, log=is_log)
    return Float(point(0.0, q, round(domain.lower / q)), point(0.0, q, round(domain.upper / q)), step=q)
