"""The domain of one parameter: a frozen value that checks itself when it is made.

    Float(1e-5, 1e-1, log=True, prior=1e-3)     Int(16, 256, step=16, default=64)     Constant(0.1)
    Categorical(["adam", "sgd"])                Ordinal([16, 32, 128])

Numbers are here, choices in `choices`, what they share in `base`. `str()` of each is its spelling in the one-line
grammar (`search_spaces.ranges` reads it back), `to_dict()` its spelling in a file. Two are equal when they are written
the same: `Constant(1) != Constant(True)`.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.base import (
    MAX_GRID,
    STRIDE,
    Confidence,
    Distribution,
    SuggestingTrial,
    Varying,
    cell,
    check_grid,
    refuse,
)
from search_spaces.choices import Categorical, Ordinal
from search_spaces.rules import (
    log_ratio,
    point,
    range_problems,
    real_problem,
    rounded,
    steps_between,
    whole_problem,
)
from search_spaces.scalars import Scalar, literal, plain, same, scalar_problem, shown

if TYPE_CHECKING:
    from random import Random

__all__ = [
    "KINDS",
    "MAX_GRID",
    "Categorical",
    "Constant",
    "Distribution",
    "Float",
    "Int",
    "Ordinal",
    "SuggestingTrial",
]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Float(Varying):
    """A real number in `low..high`, both ends included; with `step`, one of low, low + step, ..., high."""

    type: ClassVar[str] = "float"
    low: float
    high: float
    _: KW_ONLY
    log: bool = False
    """Whether each factor of ten, rather than each unit, is as likely as another."""
    step: float | None = None
    default: float | None = None
    """Stands for the parameter where nobody chose a value."""
    prior: float | None = None
    """Where the optimum is believed to lie: draws gather around it."""
    confidence: Confidence = "medium"
    """How firm that belief is."""

    def __post_init__(self) -> None:
        stepped = {} if self.step is None else {"step": self.step}
        numbers = {"low": self.low, "high": self.high, **stepped}
        problems = [problem for name, value in numbers.items() if (problem := real_problem(name, value))]
        if not problems:
            for name, value in numbers.items():
                object.__setattr__(self, name, float(value) + 0.0)  # 0.0 turns -0.0 into 0.0
        refuse(problems or range_problems(low=self.low, high=self.high, log=self.log, step=self.step))
        self._check_guesses()

    def validate(self, value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"must be a number in {self.domain()}, got {shown(value)}"
        if not self.low <= value <= self.high:
            return f"{shown(value)} is outside {self.domain()}"
        if self.step is not None:
            nearest = point(self.low, self.step, round((value - self.low) / self.step))
            # Optuna adds steps in binary: 0.1 + 2 * 0.1 comes as 0.30000000000000004.
            if abs(value - nearest) > 1e-8 * self.step + 4 * math.ulp(max(abs(self.low), abs(self.high))):
                return f"{value!r} lies between the steps of {self.domain()}; {nearest!r} is nearest"
        return None

    def grid(self, n: int) -> list[Scalar]:
        check_grid(n, self)
        if self.step is not None:
            return [point(self.low, self.step, k) for k in range(steps_between(self.low, self.high, self.step) + 1)]
        shares = [k / (n - 1) for k in range(n)] if n > 1 else [0.5]
        return list(dict.fromkeys(map(self._decode, shares)))

    def from_unit(self, share: float) -> Scalar:
        value = Varying.from_unit(self, share)
        if self._encode(value) != share:  # it was rounded; what the user wrote is not
            stated = (each for each in (self.default, self.prior) if each is not None)
            return next((each for each in stated if self._encode(each) == share), value)
        return value

    def size(self) -> int | None:
        if self.step is not None:
            return steps_between(self.low, self.high, self.step) + 1
        return 1 if self.low == self.high else None

    def suggest(self, name: str, trial: SuggestingTrial) -> float:
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def _encode(self, value: Any) -> float:
        if (n := self.size()) is not None:
            return float(round((value - self.low) / (self.step or 1)) + 0.5) / n
        if self.log:
            return log_ratio(self.low, value) / log_ratio(self.low, self.high)
        return float((value - self.low) / (self.high - self.low))

    def _decode(self, share: float) -> float:
        if (n := self.size()) is not None:
            return point(self.low, self.step or 0.0, cell(share, n))
        if share in (0, 1):
            return self.high if share else self.low
        value = min(max(rounded(share, self.low, self.high, self.log), self.low), self.high)
        if (found := self._encode(value)) in (0, 1):  # too near an end for a share to tell it from that
            return self.high if found else self.low
        return value

    def _beside(self, value: Any) -> list[Scalar]:
        if (n := self.size()) is None:
            share = self._encode(value)
            ends = [self._decode(max(share - STRIDE, 0.0)), self._decode(min(share + STRIDE, 1.0))]
            return [end for end in ends if end != value]
        k = round((value - self.low) / (self.step or 1))
        return [point(self.low, self.step or 0.0, each) for each in (k - 1, k + 1) if 0 <= each < n]

    def _canonical(self, value: Any) -> float:
        return float(value) + 0.0 if self.step is None else self._decode(self._encode(value))

    def domain(self) -> str:
        low, high = repr(self.low), repr(self.high)
        if not low.lstrip("-").isdecimal():  # `low` shows that this is no Int, so `high` need not
            high = high.removesuffix(".0")
        step = "" if self.step is None else f" step {repr(self.step).removesuffix('.0')}"
        return f"{low}..{high}{' log' if self.log else ''}{step}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Int(Varying):
    """A whole number in `low..high`, both ends included, every `step`-th of them."""

    type: ClassVar[str] = "int"
    low: int
    high: int
    _: KW_ONLY
    log: bool = False
    """Whether each factor of ten, rather than each unit, is as likely as another."""
    step: int = 1
    default: int | None = None
    """Stands for the parameter where nobody chose a value."""
    prior: int | None = None
    """Where the optimum is believed to lie: draws gather around it."""
    confidence: Confidence = "medium"
    """How firm that belief is."""

    def __post_init__(self) -> None:
        numbers = {"low": self.low, "high": self.high, "step": self.step}
        problems = [problem for name, value in numbers.items() if (problem := whole_problem(name, value))]
        step = None if self.step == 1 else self.step
        refuse(problems or range_problems(low=self.low, high=self.high, log=self.log, step=step))
        self._check_guesses()

    def validate(self, value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be a whole number in {self.domain()}, got {shown(value)}"
        if not self.low <= value <= self.high:
            return f"{shown(value)} is outside {self.domain()}"
        below = self.low + (value - self.low) // self.step * self.step
        if value != below:
            return f"{value} lies between the steps of {self.domain()}; {below} and {below + self.step} are nearest"
        return None

    def grid(self, n: int) -> list[Scalar]:
        check_grid(n, self)
        return list(range(self.low, self.high + 1, self.step))

    def size(self) -> int:
        return (self.high - self.low) // self.step + 1

    def suggest(self, name: str, trial: SuggestingTrial) -> int:
        return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    def _encode(self, value: Any) -> float:
        if self.log:
            return self._log_distance(value - self.low + 0.5) / self._log_distance(self.high - self.low + 1)
        return float((value - self.low) // self.step + 0.5) / self.size()

    def _decode(self, share: float) -> int:
        if self.log:
            exponent = share * self._log_distance(self.high - self.low + 1)
            return min(self.low + int((self.low - 0.5) * math.expm1(exponent)), self.high)
        return self.low + cell(share, self.size()) * self.step

    def _beside(self, value: Any) -> list[Scalar]:
        below, above = value - self.step, value + self.step
        if self.log:
            share = self._encode(value)
            below = min(below, self._decode(max(share - STRIDE, 0.0)))
            above = max(above, self._decode(min(share + STRIDE, 1.0)))
        return [end for end in (below, above) if self.low <= end <= self.high]

    def _log_distance(self, units: float) -> float:
        """Return how far above low - 0.5 the logarithm is after so many units.

        Half a unit more at both ends gives low and high the share that their place on the log scale deserves.
        """
        return math.log1p(units / (self.low - 0.5))

    def _canonical(self, value: Any) -> int:
        return int(value)

    def domain(self) -> str:
        step = "" if self.step == 1 else f" step {self.step}"
        return f"{self.low}..{self.high}{' log' if self.log else ''}{step}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Constant(Distribution):
    """A value that does not vary. It is part of the params, but no sampler is asked for it."""

    type: ClassVar[str] = "constant"
    value: Scalar

    def __post_init__(self) -> None:
        problem = scalar_problem(self.value)
        refuse([f"value {problem}"] if problem else [])
        object.__setattr__(self, "value", plain(self.value))

    def sample(self, rng: Random) -> Scalar:
        return self.value

    def default_value(self) -> Scalar:
        return self.value

    def validate(self, value: object) -> str | None:
        if scalar_problem(value) is None and same(value, self.value):
            return None
        return f"must be {literal(self.value)}, got {shown(value)}"

    def grid(self, n: int) -> list[Scalar]:
        check_grid(n, self)
        return [self.value]

    def size(self) -> int:
        return 1

    def suggest(self, name: str, trial: SuggestingTrial) -> Scalar:
        return self.value

    def _beside(self, value: Any) -> list[Scalar]:
        return []

    def _encode(self, value: Any) -> float:
        return 0.5

    def _decode(self, share: float) -> Scalar:
        return self.value

    def domain(self) -> str:
        return f"={literal(self.value)}"


KINDS: dict[str, type[Float | Int | Categorical | Ordinal | Constant]] = {
    kind.type: kind for kind in (Float, Int, Categorical, Ordinal, Constant)
}
"""Every kind of distribution by its name in files."""
