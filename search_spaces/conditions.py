"""When a parameter exists: what others must be for it.

    Condition.of({"arch": "cnn", "cnn.norm": ["batch", "layer"]})   arch=cnn and cnn.norm=batch|layer
    Condition.of({"n_layers": {">=": 2, "<": 5}})                   n_layers>=2 and n_layers<5
    Condition.of([{"arch": "mlp"}, {"arch": "cnn", "depth": 3}])    arch=cnn and depth=3 or arch=mlp

A condition is an "or" of alternatives, an alternative an "and" of what it asks of each parent. It holds when the
parents of one alternative all exist and are as it asks. A parent may itself have a condition, to any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.criteria import Criterion, Values, common, interval_of, values_of
from search_spaces.errors import SearchSpaceError
from search_spaces.scalars import Scalar, name_problem, shown

MAX_ALTERNATIVES = 64
"""Of one condition; joining conditions by `and` multiplies theirs."""

Alternative = tuple[tuple[str, Criterion], ...]
"""(parent, what it must be) in the order of parents, each of them once."""

Asked = Scalar | Iterable[Scalar] | Mapping[str, float]
"""A value, a list of values of which one is enough, or bounds such as {">=": 2, "<": 5}."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Condition:
    """Holds when one of its alternatives does. Equal when it is written the same."""

    alternatives: tuple[Alternative, ...]
    """In the order of their spelling, none of which follows from another: `of` and `any_of` make it so."""

    @classmethod
    def of(cls, parents: Mapping[str, Asked] | Sequence[Mapping[str, Asked]]) -> Condition:
        """Make a condition from parent name -> what it must be, or a list of such mappings, of which one is enough.

        Raises:
            SearchSpaceError: no parent, no value, names, values or bounds that make no sense, a contradiction.
        """
        is_list = isinstance(parents, Sequence) and not isinstance(parents, str) and len(parents) > 0
        mappings: list[Any] = list(parents) if is_list else [parents]
        for mapping in mappings:
            if not isinstance(mapping, Mapping) or not mapping:
                seen = shown(mapping if len(mappings) > 1 else parents)
                raise SearchSpaceError(f"when must map parents to values, such as {{'arch': 'cnn'}}, got {seen}")
        problems: list[str] = []
        alternatives: list[list[tuple[str, Criterion]]] = []
        for mapping in mappings:
            alternatives.append([])
            for parent, asked in mapping.items():
                try:
                    alternatives[-1].append((parent, _criterion(asked)))
                except SearchSpaceError as error:
                    problems += [f"when {parent}: {problem}" for problem in error.problems]
        if problems:
            raise SearchSpaceError(problems)
        return cls.any_of(alternatives)

    @classmethod
    def any_of(cls, alternatives: Iterable[Iterable[tuple[str, Criterion]]]) -> Condition:
        """Make a condition of alternatives, each of which may ask a parent several times.

        Raises:
            SearchSpaceError: a name that no parameter can have, an alternative that contradicts itself, or too many.
        """
        problems: list[str] = []
        made: list[Alternative] = []
        for alternative in alternatives:
            pairs = list(alternative)
            found = [f"when {problem}" for parent, _ in pairs if (problem := name_problem(parent))]
            if not found:
                joined, found = _joined(pairs)
                made.append(joined)
            problems += found
        if problems:
            raise SearchSpaceError(problems)
        return cls(_canonical(made))

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the parameters it asks about."""
        return tuple(sorted({parent for alternative in self.alternatives for parent, _ in alternative}))

    def holds(self, params: Mapping[str, object]) -> bool:
        """Say whether it holds where exactly the parameters in `params` exist."""
        for alternative in self.alternatives:  # loops: this is asked for every parameter of every point
            for parent, criterion in alternative:
                if parent not in params or not criterion.accepts(params[parent]):
                    break
            else:
                return True
        return False

    def to_dict(self) -> Any:
        """Return it as JSON-able data that `of` reads: a mapping, or a list of them where there are alternatives."""
        mappings = [{parent: criterion.to_data() for parent, criterion in each} for each in self.alternatives]
        return mappings[0] if len(mappings) == 1 else mappings

    def renamed(self, new_name: Callable[[str], str]) -> Condition:
        """Return the same condition on parents of other names."""
        return Condition.any_of([(new_name(parent), asked) for parent, asked in each] for each in self.alternatives)

    def __and__(self, other: Condition) -> Condition:
        """Return the condition that holds when both do.

        Raises:
            SearchSpaceError: they exclude each other, or make too many alternatives.
        """
        pairs = (_joined([*left, *right]) for left in self.alternatives for right in other.alternatives)
        made = [joined for joined, problems in pairs if not problems]
        if not made:
            raise SearchSpaceError(f"when {self} and when {other} exclude each other: it could never exist")
        return Condition(_canonical(made))

    def __or__(self, other: Condition) -> Condition:
        """Return the condition that holds when one of them does.

        Raises:
            SearchSpaceError: they make too many alternatives.
        """
        return Condition(_canonical([*self.alternatives, *other.alternatives]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and str(self) == str(other)  # Python would take True for 1

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return " or ".join(map(_written, self.alternatives))

    def __repr__(self) -> str:
        return f"Condition.of({self.to_dict()!r})"


def _criterion(asked: object) -> Criterion:
    if isinstance(asked, Mapping):
        return interval_of(asked)
    is_list = isinstance(asked, Iterable) and not isinstance(asked, str)
    return values_of(asked if is_list else [asked])  # type: ignore[arg-type,list-item]  # it checks


def _joined(pairs: Iterable[tuple[str, Criterion]]) -> tuple[Alternative, list[str]]:
    """Return what one alternative asks, each parent once, and where it contradicts itself."""
    asked: dict[str, Criterion] = {}
    problems = []
    for parent, criterion in pairs:
        before = asked.get(parent, criterion)
        both = common(before, criterion)
        if both is None:
            text = f"when {before.written(parent)} and {criterion.written(parent)} exclude each other"
            are_values = isinstance(before, Values) and isinstance(criterion, Values)
            problems.append(f"{text}; write {parent}=value|value if one of them is enough" if are_values else text)
        else:
            asked[parent] = both
    return tuple(sorted(asked.items(), key=lambda pair: pair[0])), problems


def _canonical(alternatives: Iterable[Alternative]) -> tuple[Alternative, ...]:
    """Return alternatives in the order of their spelling, without those that follow from another."""
    kept: list[Alternative] = []
    for new in sorted(alternatives, key=lambda each: (len(each), _written(each))):
        if any(_implies(new, other) for other in kept):
            continue
        kept = [*(other for other in kept if not _implies(other, new)), new]
        if len(kept) > MAX_ALTERNATIVES:
            raise SearchSpaceError(f"when has more than {MAX_ALTERNATIVES} alternatives once joined: ask for less")
    return tuple(sorted(kept, key=_written))


def _implies(narrow: Alternative, wide: Alternative) -> bool:
    """Say whether `wide` holds wherever `narrow` does."""
    asked = dict(narrow)
    return all(parent in asked and common(asked[parent], criterion) == asked[parent] for parent, criterion in wide)


def _written(alternative: Alternative) -> str:
    return " and ".join(criterion.written(parent) for parent, criterion in alternative)
