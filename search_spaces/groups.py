"""Parameters under a common beginning of their names, as tables of TOML and nested mappings have them.

    parted({"lr": "0..1", "cnn": {"width": "8..64", "kernel": "3|5"}})
    # [("lr", "0..1"), ("cnn.width", "8..64"), ("cnn.kernel", "3|5")]

A mapping is a group when its values are lines of the grammar or mappings, and none of its keys is a field of a
parameter, such as `type` or `low`. So a parameter whose fields are not quite right is hardly taken for a group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from search_spaces.distributions import KINDS, Distribution
from search_spaces.scalars import LONGEST_NAME, NAME

FIELDS = frozenset({"type", "when", *(field.name for kind in KINDS.values() for field in kind.options())})
"""The keys of a mapping that is a parameter."""


def parted(parameters: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each parameter by its whole name; one that stands both in a group and by itself comes twice."""
    return _parted(parameters, "", is_group)


def parted_parents(condition: object) -> object:
    """Return a condition with each parent by its whole name, where mappings in it group them likewise."""
    if isinstance(condition, (list, tuple)):
        return [parted_parents(alternative) for alternative in condition]
    return dict(_parted(condition, "", _is_group_of_parents)) if isinstance(condition, Mapping) else condition


def is_group(value: object) -> bool:
    """Say whether what stands after a name is a group of parameters rather than one."""
    return (
        isinstance(value, dict)  # no other mapping: a SearchSpace has conditions, which would be lost
        and len(value) > 0
        and FIELDS.isdisjoint(value)
        and all(isinstance(name, str) and isinstance(each, (str, dict, Distribution)) for name, each in value.items())
    )


def _is_group_of_parents(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) > 0
        and all(isinstance(name, str) and NAME.fullmatch(name) for name in value)  # not the bounds of an interval
    )


def _parted(data: Mapping[Any, Any], prefix: str, is_one: Callable[[object], bool]) -> Iterator[tuple[Any, Any]]:
    for name, value in data.items():
        whole = f"{prefix}{name}" if prefix else name
        if isinstance(name, str) and len(whole) <= LONGEST_NAME and is_one(value):
            yield from _parted(value, f"{whole}.", is_one)
        else:
            yield whole, value
