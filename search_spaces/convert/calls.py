"""Calls of another library as data: made, they give its objects; written, the Python source that gives the same.

call = Call("loguniform", 1e-5, 0.1)
call.make(tune) == tune.loguniform(1e-5, 0.1)       call.source("tune") == "tune.loguniform(1e-05, 0.1)"

So a conversion is said once, and what is exported as text is what is tested as objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.conditions import Condition
from search_spaces.scalars import Scalar

if TYPE_CHECKING:
    from search_spaces.expressions import Expression

_NAME = re.compile(r"`(?P<quoted>[^`]*)`|(?<![\w.`])(?P<name>[A-Za-z_]\w*(?:\.\w+)*)")
"""Of a parameter, or a word, in a relation as it is written canonically."""


class Call:
    """A function of a library, by its name there, and what to give it: values, lists, other calls, items."""

    __slots__ = ("arguments", "function", "keywords")

    def __init__(self, function: str, *arguments: Any, **keywords: Any) -> None:
        self.function = function
        self.arguments = arguments
        self.keywords = keywords

    def make(self, library: Any, space: Any = None) -> Any:
        """Return what `library` makes of it; items are taken from `space`."""
        arguments = [_made(value, library, space) for value in self.arguments]
        keywords = {key: _made(value, library, space) for key, value in self.keywords.items()}
        return getattr(library, self.function)(*arguments, **keywords)

    def source(self, library: str) -> str:
        """Return it as Python source in which the library is called `library`."""
        arguments = [_source(value, library) for value in self.arguments]
        keywords = [f"{key}={_source(value, library)}" for key, value in self.keywords.items()]
        return f"{library}.{self.function}({', '.join([*arguments, *keywords])})"


class Item:
    """A parameter that was added to a space of the library before: `space["name"]`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _made(value: Any, library: Any, space: Any) -> Any:
    if isinstance(value, Call):
        return value.make(library, space)
    if isinstance(value, Item):
        return space[value.name]
    return [_made(each, library, space) for each in value] if isinstance(value, list) else value


def _source(value: Any, library: str) -> str:
    if isinstance(value, Call):
        return value.source(library)
    if isinstance(value, Item):
        return f"space[{value.name!r}]"
    return f"[{', '.join(_source(each, library) for each in value)}]" if isinstance(value, list) else repr(value)


def said(**keywords: Any) -> dict[str, Any]:
    """Return the keywords that say more than the library's defaults: those that are neither None nor False."""
    return {key: value for key, value in keywords.items() if value is not None and value is not False}


def alternatives(condition: Condition) -> list[dict[str, dict[str, float] | list[Scalar]]]:
    """Return the "or" of "ands", each as parent -> bounds by their sign, or the values of which one is enough."""
    form = condition.to_dict()
    cases: list[dict[str, Any]] = form if isinstance(form, list) else [form]
    return [
        {parent: test if isinstance(test, (Mapping, list)) else [test] for parent, test in case.items()}  # type: ignore[misc]
        for case in cases
    ]


def python_condition(condition: Condition, params: str, exists: Mapping[str, str]) -> str:
    """Return a condition as a Python expression on the mapping called `params`.

    Args:
        condition: to write.
        params: the name of a mapping that holds the parents.
        exists: parent -> an expression that is true where it exists, of those that do not always.
    """

    def tests(case: Mapping[str, Any]) -> Iterable[str]:
        for parent, test in case.items():
            if parent in exists:
                yield exists[parent]
            value = f"{params}[{parent!r}]"
            if isinstance(test, Mapping):
                yield from (f"{value} {sign} {bound!r}" for sign, bound in test.items())
            elif len(test) > 1:
                yield f"{value} in ({', '.join(map(repr, test))})"
            else:
                yield f"{value} {'is' if test[0] is None or isinstance(test[0], bool) else '=='} {test[0]!r}"

    return " or ".join(" and ".join(tests(case)) for case in alternatives(condition))


def python_relation(relation: Expression, params: str) -> str:
    """Return a relation as a Python expression on the mapping called `params`, which holds all that it asks about."""

    def item(match: re.Match[str]) -> str:
        name = match["quoted"] or match["name"]
        return f"{params}[{name!r}]" if name in relation.names else match[0]

    return _NAME.sub(item, str(relation))
