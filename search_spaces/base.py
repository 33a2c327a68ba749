"""What all distributions share: values, a unit scale, a default, and where somebody believes that the optimum lies.

    width = Int(16, 256, log=True, default=32)      lr = Float(1e-5, 1e-1, log=True, prior=1e-3, confidence="high")
    width.default_value() == 32                     lr.from_unit(0.5) == 0.001

The unit scale has the whole domain between 0 and 1, equal stretches being equally likely without a prior: what a
sampler or an optimizer of one's own works on.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Protocol

from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.scalars import Scalar, bare, literal, shown

if TYPE_CHECKING:
    from random import Random

MAX_GRID = 1_000_000
"""Values of one parameter that `grid` is willing to list."""

STRIDE = 0.1
"""From a value without steps to its neighbours, on the unit scale."""

Confidence = Literal["low", "medium", "high"]

SPREADS: dict[str, float] = {"low": 0.5, "medium": 0.25, "high": 0.125}
"""Standard deviation on the unit scale, by confidence, of draws around a prior: those of NePS, the library of Mallik et
al., "PriorBand: Practical Hyperparameter Optimization in the Age of Deep Learning" (NeurIPS 2023)."""


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Stands where nothing was given and None would be a value."""


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

    @abstractmethod
    def default_value(self) -> Scalar:
        """Return the value that stands for the parameter where nobody chose one.

        That is the default, else the prior, else the middle of the scale; of a Categorical the first choice.
        """

    @abstractmethod
    def domain(self) -> str:
        """Return the values there are, in the one-line grammar."""

    @abstractmethod
    def _encode(self, value: Any) -> float:
        """Return the share of the scale at which `value`, which is in the domain, stands."""

    @abstractmethod
    def _decode(self, share: float) -> Scalar:
        """Return the value at `share` of the scale, which is in 0..1."""

    @abstractmethod
    def _beside(self, value: Any) -> list[Scalar]:
        """Return the values next to `value`, which is in the domain."""

    def _canonical(self, value: Any) -> Scalar:
        """Return a value in the domain exactly as the domain has it."""
        return self._decode(self._encode(value))

    @property
    def has_guess(self) -> bool:
        """Whether somebody said, as a default or a prior, which value to try first."""
        return False

    def belief(self) -> str:
        """Return the prior and how firm it is, in the one-line grammar: "0.001 high"; "" where there is none."""
        return ""

    def contains(self, value: object) -> bool:
        """Say whether `value` is in the domain."""
        return self.validate(value) is None

    def read(self, value: object) -> object:
        """Return the value that somebody means by `value`, which may be text as a command line has it.

        `Int(1, 9).read("3") == Int(1, 9).read(3.0) == 3`; `Categorical(["1", "2"]).read(1) == "1"`. What can be meant
        by none of the values is returned for `validate` to refuse.
        """
        meant = [value]
        if isinstance(value, str):
            meant.append(bare(value))
        elif isinstance(value, Scalar):
            meant.append(literal(value))
        meant += [int(each) for each in meant if isinstance(each, float) and each.is_integer()]
        unknown = meant[1] if isinstance(value, str) else value
        return next((self._canonical(each) for each in meant if self.contains(each)), unknown)

    def value_of(self, choice: Any) -> Any:
        """Return what `choice` stands for: of named values a fresh copy of the value, else itself.

        Raises:
            SearchSpaceError: it is none of the names.
        """
        return choice

    def to_unit(self, value: object) -> float:
        """Return where `value` stands on the unit scale, 0 at the low end and 1 at the high one.

        Each of n values has an n-th of the scale, and stands in its middle; on a log scale whole numbers have theirs.

        Raises:
            SearchSpaceError: `value` is not in the domain.
        """
        if problem := self.validate(value):
            raise SearchSpaceError(problem)
        return self._encode(value)

    def from_unit(self, share: float) -> Scalar:
        """Return the value at `share` of the unit scale; of a Float, one of about ten digits.

        `from_unit(to_unit(value)) == value` for every value made by `from_unit`, `sample`, `grid` or `neighbours`, for
        default and prior, and of domains of up to 2**40 values for all. Of other floats, it differs by less than a part
        in 10**10 of the range.

        Raises:
            SearchSpaceError: `share` is not in 0..1.
        """
        try:
            is_inside = 0 <= share <= 1
        except TypeError:
            is_inside = False
        if not is_inside:
            raise SearchSpaceError(f"a share of the unit scale must lie in 0..1, got {shown(share)}")
        return self._decode(float(share))

    def neighbours(self, value: object) -> list[Scalar]:
        """Return the values next to `value`, the lower one first: where a search that goes step by step goes next.

        Of a Float or Int those one step away, or without steps (a Float, or an Int on a log scale) a tenth of the range
        on its scale, cut at the ends; of an Ordinal the choice before and the one after; of a Categorical all others.

        Raises:
            SearchSpaceError: `value` is not in the domain.
        """
        if problem := self.validate(value):
            raise SearchSpaceError(problem)
        return self._beside(value)

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution as JSON-able data: its type, and every field that is not at its default."""
        return {"type": self.type} | {field.name: self._plain(field.name) for field in self._stated()}

    @classmethod
    def options(cls) -> tuple[Field[Any], ...]:
        """Return the fields that the constructor takes."""
        return tuple(field for field in fields(cls) if field.init)  # type: ignore[arg-type]  # each is a dataclass

    def _stated(self) -> list[Field[Any]]:
        """Return the fields that are not at their default."""
        return [field for field in self.options() if not self._is_default(field)]

    def _is_default(self, field: Field[Any]) -> bool:
        return field.default is not MISSING and bool(getattr(self, field.name) == field.default)

    def _plain(self, name: str) -> Any:
        """Return the field `name` as JSON-able data."""
        return getattr(self, name)

    def __str__(self) -> str:
        return self.domain()

    def __repr__(self) -> str:
        parts = [
            f"{field.name}={self._plain(field.name)!r}" if field.kw_only else repr(self._plain(field.name))
            for field in self._stated()
        ]
        return f"{type(self).__name__}({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


class Varying(Distribution):
    """A distribution with a choice, about which somebody may know something. The fields are declared by each kind."""

    __slots__ = ()
    default: Any
    prior: Any
    confidence: Confidence

    def default_value(self) -> Scalar:
        stated: list[Scalar] = [getattr(self, name) for name in ("default", "prior") if self._states(name)]
        return stated[0] if stated else self._middle()

    @property
    def has_guess(self) -> bool:
        return self._states("default") or self._states("prior")

    def sample(self, rng: Random) -> Scalar:
        if not self._states("prior"):
            return self._decode(rng.random())
        center, spread = self._encode(self.prior), SPREADS[self.confidence]
        while not 0 <= (share := rng.normalvariate(center, spread)) <= 1:
            pass  # drawn again: the normal distribution cut to the scale, of which it has nearly half or more
        return self._decode(share)

    def belief(self) -> str:
        if not self._states("prior"):
            return ""
        return literal(self.prior) + (f" {self.confidence}" if self.confidence != "medium" else "")

    def _middle(self) -> Scalar:
        return self._decode(0.5)

    def _states(self, name: str) -> bool:
        """Say whether the field `name` was given."""
        return getattr(self, name) is not type(self).__dataclass_fields__[name].default  # type: ignore[attr-defined]

    def _check_guesses(self) -> None:
        """Check default, prior and confidence; to be called once the domain is known to be right."""
        problems = []
        for name in ("default", "prior"):
            if not self._states(name):
                continue
            value = getattr(self, name)
            if problem := self.validate(value):
                problems.append(f"{name} {problem}")
            else:
                object.__setattr__(self, name, self._canonical(value))
        if self.confidence not in tuple(SPREADS):  # whatever it is, a list perhaps, it can be compared
            near = did_you_mean(self.confidence, SPREADS)
            problems.append(f"confidence must be one of {', '.join(SPREADS)}, got {shown(self.confidence)}{near}")
        elif self.confidence != "medium" and not self._states("prior"):
            problems.append(f"confidence {self.confidence} is that of a prior, and there is none: give prior too")
        refuse(problems)

    def __str__(self) -> str:
        text = self.domain()
        if self._states("default"):
            text += f" default {literal(self.default)}"
        return f"{text} prior {belief}" if (belief := self.belief()) else text


def refuse(problems: Iterable[str]) -> None:
    """Raise SearchSpaceError if there are any problems."""
    if problems := list(problems):
        raise SearchSpaceError(problems)


def cell(share: float, n: int) -> int:
    """Return which of `n` equal parts of the unit scale `share` lies in, from 0."""
    return min(int(share * n), n - 1)


def check_grid(n: int, distribution: Distribution) -> None:
    """Refuse a grid of no points, or of more than `MAX_GRID`."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise SearchSpaceError(f"a grid needs a whole number of points, at least 1, got {shown(n)}")
    if (distribution.size() or n) > MAX_GRID:
        raise SearchSpaceError(
            f"a grid over {distribution} has {distribution.size() or n} values; {MAX_GRID} is the limit: "
            "narrow it or use step"
        )
