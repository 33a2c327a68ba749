"""One of several values: without an order, or in one. The values may have names.

    Categorical(["adam", "sgd"])     Ordinal([16, 32, 128])     Categorical({"small": [64, 64], "big": [256, 256]})

A value with a name can be any JSON value, such as a list of layers. Params hold the name, which is what a file, a
tracker and a sampler can hold; `value_of` gives the value, and `SearchSpace.values_of(params)` those of all params.
What automl gives to an objective as `trial.params` has the values already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.base import UNSET, Confidence, SuggestingTrial, Unset, Varying, cell, check_grid, refuse
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.rules import choices_problems, json_problem
from search_spaces.scalars import Scalar, literal, plain, same, shown

if TYPE_CHECKING:
    from random import Random

WEIGHTS: dict[str, float] = {"low": 2, "medium": 4, "high": 6}
"""How often the prior of a Categorical is drawn for once of any other choice, by confidence, as in NePS."""


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Choices(Varying):
    """What Categorical and Ordinal share.

    Args:
        choices: a sequence of JSON scalars that Python, too, can tell apart; or a mapping from names to JSON values.
        default: the choice that stands for the parameter where nobody made one; of named values the name.
        prior: the choice that is believed to be best, likewise.
        confidence: how firm the belief is.
    """

    least: ClassVar[int] = 1
    """How many there must be."""
    choices: tuple[Scalar, ...]
    """What params hold: the values themselves, or their names."""
    _: KW_ONLY
    default: Scalar | Unset = UNSET
    prior: Scalar | Unset = UNSET
    confidence: Confidence = "medium"
    _texts: tuple[str, ...] | None = field(init=False)
    """The values that have names, as JSON: nobody can change them, and each `value_of` is a fresh one."""
    _positions: dict[tuple[bool, Scalar], int] = field(init=False)
    """Of each choice, from 0; truth values apart, since to Python True is 1."""

    def __init__(
        self,
        choices: Sequence[Scalar] | Mapping[str, Any],
        *,
        default: Scalar | Unset = UNSET,
        prior: Scalar | Unset = UNSET,
        confidence: Confidence = "medium",
    ) -> None:
        is_named = isinstance(choices, Mapping)
        if isinstance(choices, str) or not (is_named or isinstance(choices, Sequence)):
            refuse([f"choices must be a list such as ['adam', 'sgd'], got {shown(choices)}"])
        keys = list(choices)
        refuse(choices_problems(keys) or (_named_problems(choices) if isinstance(choices, Mapping) else []))
        if len(keys) < self.least:
            refuse([f"choices must hold at least {self.least} values to have an order, got {shown(keys)}"])
        texts = tuple(json.dumps(each) for each in choices.values()) if isinstance(choices, Mapping) else None
        made = tuple(plain(key) for key in keys)
        values = {
            "choices": made,
            "default": default,
            "prior": prior,
            "confidence": confidence,
            "_texts": texts,
            "_positions": {(isinstance(choice, bool), choice): index for index, choice in enumerate(made)},
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check_guesses()

    @property
    def is_named(self) -> bool:
        """Whether the choices are names of other values."""
        return self._texts is not None

    def value_of(self, choice: Any) -> Any:
        if self._texts is None:
            return choice
        if problem := self.validate(choice):
            raise SearchSpaceError(problem)
        return json.loads(self._texts[self.index(choice)])

    def index(self, value: object) -> int:
        """Return the position, from 0, of a value among the choices.

        Raises:
            ValueError: it is none of them.
        """
        if (index := self._find(value)) is None:
            raise ValueError(f"{shown(value)} is none of {self.domain()}")
        return index

    def validate(self, value: object) -> str | None:
        if self._find(value) is not None:
            return None
        near = did_you_mean(value, [choice for choice in self.choices if isinstance(choice, str)])
        return f"must be one of {self.domain()}, got {shown(value)}{near}"

    def grid(self, n: int) -> list[Scalar]:
        check_grid(n, self)
        return list(self.choices)

    def size(self) -> int:
        return len(self.choices)

    def suggest(self, name: str, trial: SuggestingTrial) -> Scalar:
        value: Scalar = trial.suggest_categorical(name, self.choices)
        return value

    def _find(self, value: object) -> int | None:
        """Return the position of a value, or None where it is none of the choices."""
        return self._positions.get((isinstance(value, bool), value)) if isinstance(value, Scalar) else None

    def _encode(self, value: Any) -> float:
        return (self.index(value) + 0.5) / len(self.choices)

    def _decode(self, share: float) -> Scalar:
        return self.choices[cell(share, len(self.choices))]

    def _plain(self, name: str) -> Any:
        if name != "choices":
            return getattr(self, name)
        if self._texts is None:
            return list(self.choices)
        return {choice: json.loads(text) for choice, text in zip(self.choices, self._texts, strict=True)}

    def _written(self) -> list[str]:
        """Return each choice in the one-line grammar."""
        names = [literal(choice) for choice in self.choices]
        if self._texts is None:
            return names
        return [f"{name}={_json(text)}" for name, text in zip(names, self._texts, strict=True)]


class Categorical(Choices):
    """One of several values, or named values, that have no order.

    Of `Categorical({"small": [64, 64], "big": [256]})` params hold "small" or "big"; an objective's `trial.params`, and
    `SearchSpace.values_of(params)`, hold [64, 64] or [256].
    """

    __slots__ = ()
    type: ClassVar[str] = "categorical"

    def sample(self, rng: Random) -> Scalar:
        if not self._states("prior"):
            return self._decode(rng.random())
        weight = WEIGHTS[self.confidence]
        return rng.choices(self.choices, [weight if same(each, self.prior) else 1 for each in self.choices])[0]

    def _beside(self, value: Any) -> list[Scalar]:
        index = self.index(value)
        return [*self.choices[:index], *self.choices[index + 1 :]]

    def _middle(self) -> Scalar:
        return self.choices[0]

    def domain(self) -> str:
        written = self._written()
        return "|".join(written) if len(written) > 1 else f"{written[0]}|"  # like the comma of a tuple of one


class Ordinal(Choices):
    """One of at least two values, or named values, in the order given, next to each other whatever lies between."""

    __slots__ = ()
    type: ClassVar[str] = "ordinal"
    least = 2

    def _beside(self, value: Any) -> list[Scalar]:
        index = self.index(value)
        return [self.choices[k] for k in (index - 1, index + 1) if 0 <= k < len(self.choices)]

    def domain(self) -> str:
        return "<".join(self._written())


def _named_problems(choices: Mapping[Any, Any]) -> list[str]:
    problems = [f"choices: the name {shown(name)} must be text" for name in choices if not isinstance(name, str)]
    return problems + [
        f"choices: {literal(name)}: {problem}"
        for name, value in choices.items()
        if isinstance(name, str) and (problem := json_problem(value))
    ]


def _json(text: str) -> str:
    """Return JSON as the one-line grammar has it: scalars as everywhere else, and no more escapes than needed."""
    value = json.loads(text)
    if not isinstance(value, (list, dict)):
        return literal(value)
    readable = json.dumps(value, ensure_ascii=False)
    return readable if readable.isprintable() else text
