"""What an objective takes along to worker processes: everything it refers to, which must be picklable and not huge.

    lock = threading.Lock()
    problems(lambda trial: lock.acquire(), dump=cloudpickle.dump)
    == ["the objective uses 'lock', a lock that cannot be sent to a worker process (...): make it in the function, ..."]

Pickle says what kind of thing it cannot take, deep in a stack; which variable holds it, only we can find.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

LARGEST = 2**30
"""Bytes. Ray keeps what is larger only by moving other things to disk."""

Dump = Callable[[Any, Any], object]
"""Pickles its first argument by calling `write` of the second."""


def problems(objective: Callable[..., Any], *, dump: Dump) -> list[str]:
    """Return why `objective` cannot be sent to another process, a line for each variable that is to blame."""
    whole = _refusal(objective, dump)
    if whole is None:
        return []
    blamed = [
        (f" uses {name!r}, a {type(value).__name__} that", why)
        for name, value in _variables(objective)
        if (why := _refusal(value, dump))
    ]
    return [
        f"the objective{what} cannot be sent to a worker process ({why}): make or load it in the function, "
        "or run in this process with executor='local'"
        for what, why in blamed or [("", whole)]
    ]


def _refusal(value: Any, dump: Dump) -> str | None:
    """Say why `value` cannot be sent, or None when it can."""
    counter = _Counter()
    try:
        dump(value, counter)
    except _TooLargeError:
        return f"larger than {LARGEST / 2**20:,.0f} MiB"
    except Exception as error:  # pickling runs code of whoever wrote the class
        return f"{type(error).__name__}: {str(error).strip() or 'no reason given'}".splitlines()[0]
    return None


class _TooLargeError(Exception):
    """More was written than `LARGEST`."""


class _Counter:
    """A file that keeps nothing, so that a large array is not copied only to be measured."""

    def __init__(self) -> None:
        self._size = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._size += size
        if self._size > LARGEST:
            raise _TooLargeError
        return size


def _variables(objective: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names and values that an objective refers to: of its closure, its module, its object."""
    if isinstance(objective, functools.partial):
        yield from [(f"argument {index + 1}", value) for index, value in enumerate(objective.args)]
        yield from objective.keywords.items()
        yield from _variables(objective.func)
    elif inspect.ismethod(objective):
        yield from getattr(objective.__self__, "__dict__", {}).items()
        yield from _variables(objective.__func__)
    elif inspect.isfunction(objective):
        found = inspect.getclosurevars(objective)
        yield from [*found.nonlocals.items(), *found.globals.items()]
        parameters = inspect.signature(objective).parameters.values()
        yield from ((each.name, each.default) for each in parameters if each.default is not each.empty)
    else:
        yield from getattr(objective, "__dict__", {}).items()
