"""The domain of one parameter: a frozen value that checks itself when it is made.

    Float(1e-5, 1e-1, log=True)     Int(16, 256, step=16)     Categorical(["adam", "sgd"])     Constant(0.1)

`str()` of each is its spelling in the one-line grammar (`search_spaces.ranges` reads it back), `to_dict()` its spelling
in a file. Two are equal when they are written the same: `Constant(1) != Constant(True)`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.rules import choices_problems, point, range_problems, real_problem, steps_between, whole_problem
from search_spaces.scalars import Scalar, literal, plain, same, scalar_problem, shown

if TYPE_CHECKING:
    from random import Random

MAX_GRID = 1_000_000
"""Values of one parameter that `grid` is willing to list."""


class SuggestingTrial(Protocol):
    """What `suggest` needs of a trial; `optuna.Trial` has it."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = ..., log: bool = ...
    ) -> float: ...
    def suggest_int(self, name: str, low: int, high: int, *, step: int = ..., log: bool = ...) -> int: ...
    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


class Distribution(ABC):
    """What all distributions promise. They hold plain values only, never change, and know nothing of their name.

    A constructor raises SearchSpaceError with every problem it can see; each problem begins with the field it is about.
    """

    __slots__ = ()
    type: ClassVar[str]
    """The name of the kind in files."""

    @abstractmethod
    def sample(self, rng: Random) -> Scalar:
        """Draw one value with `rng` alone: the same state of `rng` gives the same value."""

    @abstractmethod
    def validate(self, value: object) -> str | None:
        """Say why `value` is not in the domain, or None when it is."""

    @abstractmethod
    def grid(self, n: int) -> list[Scalar]:
        """Return `n` values from low to high, evenly spaced on its scale, if continuous; else every value there is.

        Raises:
            SearchSpaceError: `n` is not at least 1, or there are more than `MAX_GRID` values.
        """

    @abstractmethod
    def size(self) -> int | None:
        """Return how many values there are, None when they are continuous."""

    @abstractmethod
    def suggest(self, name: str, trial: SuggestingTrial) -> Scalar:
        """Return the value that a define-by-run `trial` gives to the parameter `name`."""

    def contains(self, value: object) -> bool:
        """Say whether `value` is in the domain."""
        return self.validate(value) is None

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution as JSON-able data: its type, and every field that is not at its default."""
        values = {field.name: getattr(self, field.name) for field in self._fields() if not self._is_default(field)}
        return {"type": self.type} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def _fields(cls) -> tuple[Any, ...]:
        return fields(cls)  # type: ignore[arg-type]  # every concrete distribution is a dataclass

    def _is_default(self, field: Any) -> bool:
        return field.default is not MISSING and getattr(self, field.name) == field.default

    def __repr__(self) -> str:
        shown_fields = [field for field in self._fields() if not self._is_default(field)]
        parts = [
            f"{field.name}={getattr(self, field.name)!r}" if field.kw_only else repr(getattr(self, field.name))
            for field in shown_fields
        ]
        return f"{type(self).__name__}({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Float(Distribution):
    """A real number in `low..high`, both ends included; with `step`, one of low, low + step, ..., high."""

    type: ClassVar[str] = "float"
    low: float
    high: float
    _: KW_ONLY
    log: bool = False
    """Whether each factor of ten, rather than each unit, is as likely as another."""
    step: float | None = None

    def __post_init__(self) -> None:
        stepped = {} if self.step is None else {"step": self.step}
        numbers = {"low": self.low, "high": self.high, **stepped}
        problems = [problem for name, value in numbers.items() if (problem := real_problem(name, value))]
        if not problems:
            for name, value in numbers.items():
                object.__setattr__(self, name, float(value) + 0.0)  # 0.0 turns -0.0 into 0.0
        _raise(problems or range_problems(low=self.low, high=self.high, log=self.log, step=self.step))

    def sample(self, rng: Random) -> float:
        if self.step is not None:
            return point(self.low, self.step, rng.randrange(steps_between(self.low, self.high, self.step) + 1))
        if self.log:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = rng.uniform(self.low, self.high)
        return min(max(value, self.low), self.high)

    def validate(self, value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"must be a number in {self}, got {shown(value)}"
        if not self.low <= value <= self.high:
            return f"{shown(value)} is outside {self}"
        if self.step is not None:
            nearest = point(self.low, self.step, round((value - self.low) / self.step))
            # Optuna adds steps in binary: 0.1 + 2 * 0.1 comes as 0.30000000000000004.
            if abs(value - nearest) > 1e-8 * self.step + 4 * math.ulp(max(abs(self.low), abs(self.high))):
                return f"{value!r} lies between the steps of {self}; {nearest!r} is nearest"
        return None

    def grid(self, n: int) -> list[Scalar]:
        _check_grid(n, self)
        if self.step is not None:
            return [point(self.low, self.step, k) for k in range(steps_between(self.low, self.high, self.step) + 1)]
        ends = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        shares = [k / (n - 1) for k in range(n)] if n > 1 else [0.5]
        inner = (ends[0] * (1 - share) + ends[1] * share for share in shares)
        points = [math.exp(point) if self.log else point for point in inner]
        if n > 1:
            points[0], points[-1] = self.low, self.high  # exact, where exp(log(x)) is not
        return list(dict.fromkeys(min(max(point, self.low), self.high) for point in points))

    def size(self) -> int | None:
        if self.step is not None:
            return steps_between(self.low, self.high, self.step) + 1
        return 1 if self.low == self.high else None

    def suggest(self, name: str, trial: SuggestingTrial) -> float:
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def __str__(self) -> str:
        low, high = repr(self.low), repr(self.high)
        if not low.lstrip("-").isdecimal():  # `low` shows that this is no Int, so `high` need not
            high = high.removesuffix(".0")
        step = "" if self.step is None else f" step {repr(self.step).removesuffix('.0')}"
        return f"{low}..{high}{' log' if self.log else ''}{step}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Int(Distribution):
    """A whole number in `low..high`, both ends included, every `step`-th of them."""

    type: ClassVar[str] = "int"
    low: int
    high: int
    _: KW_ONLY
    log: bool = False
    """Whether each factor of ten, rather than each unit, is as likely as another."""
    step: int = 1

    def __post_init__(self) -> None:
        numbers = {"low": self.low, "high": self.high, "step": self.step}
        problems = [problem for name, value in numbers.items() if (problem := whole_problem(name, value))]
        step = None if self.step == 1 else self.step
        _raise(problems or range_problems(low=self.low, high=self.high, log=self.log, step=step))

    def sample(self, rng: Random) -> int:
        if not self.log:
            return rng.randrange(self.low, self.high + 1, self.step)
        # Half a unit more at both ends gives low and high the share that their place on the log scale deserves.
        value = math.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
        return min(max(round(value), self.low), self.high)

    def validate(self, value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be a whole number in {self}, got {shown(value)}"
        if not self.low <= value <= self.high:
            return f"{shown(value)} is outside {self}"
        below = self.low + (value - self.low) // self.step * self.step
        if value != below:
            return f"{value} lies between the steps of {self}; {below} and {below + self.step} are nearest"
        return None

    def grid(self, n: int) -> list[Scalar]:
        _check_grid(n, self)
        return list(range(self.low, self.high + 1, self.step))

    def size(self) -> int:
        return (self.high - self.low) // self.step + 1

    def suggest(self, name: str, trial: SuggestingTrial) -> int:
        return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    def __str__(self) -> str:
        step = "" if self.step == 1 else f" step {self.step}"
        return f"{self.low}..{self.high}{' log' if self.log else ''}{step}"


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Categorical(Distribution):
    """One of several values that have no order, each as likely as another."""

    type: ClassVar[str] = "categorical"
    choices: tuple[Scalar, ...]
    """Given as any sequence of JSON scalars that Python, too, can tell apart."""

    def __init__(self, choices: Sequence[Scalar]) -> None:
        if isinstance(choices, str) or not isinstance(choices, Sequence):
            _raise([f"choices must be a list such as ['adam', 'sgd'], got {shown(choices)}"])
        _raise(choices_problems(choices))
        object.__setattr__(self, "choices", tuple(plain(choice) for choice in choices))

    def sample(self, rng: Random) -> Scalar:
        return self.choices[rng.randrange(len(self.choices))]

    def validate(self, value: object) -> str | None:
        if scalar_problem(value) is None and any(same(value, choice) for choice in self.choices):
            return None
        near = did_you_mean(value, [choice for choice in self.choices if isinstance(choice, str)])
        return f"must be one of {self}, got {shown(value)}{near}"

    def grid(self, n: int) -> list[Scalar]:
        _check_grid(n, self)
        return list(self.choices)

    def size(self) -> int:
        return len(self.choices)

    def suggest(self, name: str, trial: SuggestingTrial) -> Scalar:
        value: Scalar = trial.suggest_categorical(name, self.choices)
        return value

    def __repr__(self) -> str:
        return f"Categorical({list(self.choices)!r})"

    def __str__(self) -> str:
        written = [literal(choice) for choice in self.choices]
        return "|".join(written) if len(written) > 1 else f"{written[0]}|"  # like the comma of a tuple of one


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Constant(Distribution):
    """A value that does not vary. It is part of the params, but no sampler is asked for it."""

    type: ClassVar[str] = "constant"
    value: Scalar

    def __post_init__(self) -> None:
        problem = scalar_problem(self.value)
        _raise([f"value {problem}"] if problem else [])
        object.__setattr__(self, "value", plain(self.value))

    def sample(self, rng: Random) -> Scalar:
        return self.value

    def validate(self, value: object) -> str | None:
        if scalar_problem(value) is None and same(value, self.value):
            return None
        return f"must be {literal(self.value)}, got {shown(value)}"

    def grid(self, n: int) -> list[Scalar]:
        _check_grid(n, self)
        return [self.value]

    def size(self) -> int:
        return 1

    def suggest(self, name: str, trial: SuggestingTrial) -> Scalar:
        return self.value

    def __str__(self) -> str:
        return f"={literal(self.value)}"


KINDS: dict[str, type[Float | Int | Categorical | Constant]] = {
    kind.type: kind for kind in (Float, Int, Categorical, Constant)
}
"""Every kind of distribution by its name in files."""


def _raise(problems: Iterable[str]) -> None:
    if problems := list(problems):
        raise SearchSpaceError(problems)


def _check_grid(n: int, d: Distribution) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise SearchSpaceError(f"a grid needs a whole number of points, at least 1, got {shown(n)}")
    if (d.size() or n) > MAX_GRID:
        raise SearchSpaceError(
            f"a grid over {d} has {d.size() or n} values; {MAX_GRID} is the limit: narrow it or use step"
        )
