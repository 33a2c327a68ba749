"""What conversions have in common: every problem at once, and what most libraries cannot say.

    parameters(space, to_one, library="W&B")    # {"lr": to_one("lr", Float(...)), ...}, or one ConversionError for all

An error is raised where the converted space would have other points than ours. Hints about the same points, which some
libraries have no place for (default, prior, the order of an Ordinal), are left out there; each module says which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from search_spaces.distributions import Distribution, Float, Int
from search_spaces.errors import ConversionError, SearchSpaceError
from search_spaces.rules import point
from search_spaces.scalars import bare, shown
from search_spaces.space import SearchSpace

MAX_LISTED = 1000
"""Values of one parameter that are written one by one, where a library has no range with such steps."""

T = TypeVar("T")
U = TypeVar("U")


def each(items: Mapping[str, T], convert: Callable[[str, T], U], *, also: Iterable[str] = ()) -> dict[str, U]:
    """Return what `convert` makes of each item.

    Raises:
        ConversionError: with what `convert` says of any, its name before it, and the problems in `also`.
    """
    made: dict[str, U] = {}
    problems: list[str] = []
    for name, item in items.items():
        try:
            made[name] = convert(name, item)
        except SearchSpaceError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if problems := [*problems, *also]:
        raise ConversionError(problems)
    return made


def conditional(space: SearchSpace, library: str, *, instead: str = "") -> Iterator[str]:
    """Yield a problem for each condition and relation, of which `library` has none, and what to do `instead`."""
    for name, condition in space.conditions.items():
        way_out = instead or f"convert one case at a time, made with space.fix({{{condition.parents[0]!r}: ...}})"
        yield f"{name}: exists only when {condition}, and {library} has no conditions; {way_out}"
    yield from related(space, library, instead=instead)


def related(
    space: SearchSpace, library: str, *, keys: Iterable[str] = ("require", "forbid"), instead: str = ""
) -> Iterator[str]:
    """Yield a problem for each relation under `keys`, which `library` cannot express, and what to do `instead`."""
    way_out = instead or "convert SearchSpace(dict(space), when=space.conditions), and space.repair what it proposes"
    for key in keys:
        for relation in getattr(space, key):
            yield f"{key} {relation}: {library} cannot express it; {way_out}"


def flat(
    nested: Mapping[str, Any], inside: Callable[[Any], Mapping[str, Any] | None], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield what nested mappings hold, under dotted names as ours are.

    Args:
        nested: name -> thing, or group of things.
        inside: returns what a group holds, None for a thing.
        prefix: of every name.

    Raises:
        ConversionError: a name is no text.
    """
    for name, value in nested.items():
        if not isinstance(name, str):
            raise ConversionError(f"names must be text, got {shown(name)}")
        group = inside(value)
        if group is None:
            yield f"{prefix}{name}", value
        else:
            yield from flat(group, inside, f"{prefix}{name}.")


def made_space(pairs: Iterable[tuple[str, Any]], convert: Callable[[str, Any], Distribution]) -> SearchSpace:
    """Return the space of what `convert` makes of each named thing.

    Raises:
        ConversionError: with every problem.
    """
    items: dict[str, Any] = {}
    twice = []
    for name, item in pairs:
        if name in items:
            twice.append(f"{name}: is there twice; rename one")
        items[name] = item
    distributions = each(items, convert, also=twice)
    try:
        return SearchSpace(distributions)
    except SearchSpaceError as error:
        raise ConversionError(error.problems) from error


def is_multiple(distribution: Float | Int) -> bool:
    """Say whether the steps are whole multiples of `step`, as quantized ranges of other libraries have them."""
    low, step = distribution.low, distribution.step
    return step is None or point(0.0, step, round(low / step)) == low


def listed(distribution: Distribution, library: str) -> list[Any]:
    """Return the values of a range that `library` cannot say in another way.

    Raises:
        ConversionError: there are too many.
    """
    size = distribution.size()
    if size is None or size > MAX_LISTED:
        raise ConversionError(
            f"{library} has no range with the steps of {distribution}, and its values are more than {MAX_LISTED} to "
            "list: use fewer, or begin at a multiple of the step"
        )
    return distribution.grid(1)


def to_params(space: SearchSpace, sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return the point of `space` that a sample of the converted space says.

    Takes what the libraries give: configs of Ray with None for what does not exist, Configurations of ConfigSpace with
    numbers of NumPy, texts of Katib, nested mappings of W&B.

    Raises:
        SearchSpaceError: it is no point of `space`.
    """
    pairs = flat(sample, lambda value: value if isinstance(value, Mapping) else None)
    values = {name: _value(space[name], value) if name in space else value for name, value in pairs}
    existing = space.active(values)
    params = {name: value for name, value in values.items() if name in existing or name not in space}
    space.validate(params)
    return params


def _value(distribution: Distribution, value: Any) -> Any:
    """Return the value of `distribution` that `value` spells, or is but for rounding; else as it is."""
    plain = value.item() if hasattr(value, "item") else value
    candidates = [plain]
    if isinstance(plain, str):
        candidates.append(bare(plain))
    if isinstance(plain, float) and plain.is_integer():
        candidates.append(int(plain))
    if isinstance(distribution, (Float, Int)) and isinstance(plain, (int, float)):
        inside = min(max(plain, distribution.low), distribution.high)
        candidates += [inside] if math.isclose(plain, inside) else []
    return next((candidate for candidate in candidates if distribution.contains(candidate)), candidates[-1])
