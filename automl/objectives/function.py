"""Find a user's function by its name on the command line, and import it in the process that runs it.

The driver only looks, so a script that imports torch costs it nothing; a worker loads:

    target = resolve_target("train.py:objective", cwd=Path.cwd())    # "/home/ada/train.py:objective"
    check_target(target)                                             # ConfigError if that cannot be an objective
    objective = load_objective(target)

What a target may be written as, `search_spaces.modules` says.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from automl.errors import ConfigError
from automl.objectives import Objective
from automl.objectives.source import check_function, likely_objectives, no_such_function, not_an_objective
from search_spaces import SearchSpaceError, modules


def resolve_target(text: str, cwd: Path) -> str:
    """Return `text` in the form that means the same in every process, whichever folder that works in.

    Args:
        text: what the user wrote: `file.py:function` or `package.module:function`.
        cwd: where relative paths start; a module in it wins over an installed one, as with `python -m`.

    Raises:
        ConfigError: `text` is of neither form, or the file or module is not there.
    """
    if ":" not in text:
        path = cwd / text
        names = likely_objectives(path) if modules.is_file(text) and path.is_file() else []
        raise ConfigError(f"{text!r} names no function; write {text}:{' or :'.join(names[:10]) or 'FUNCTION'}")
    with _as_config_error():
        return modules.resolve(text, cwd, what="function")


def check_target(target: str) -> None:
    """Check by reading its source that `target`, from `resolve_target`, can be an objective; nothing is run.

    Raises:
        ConfigError: the file is gone or is not Python, or what it calls so is not a function of one argument.
    """
    with _as_config_error():
        where, name = modules.split(target, what="function")
        path = modules.source(where)
    if path.suffix == ".py":  # a compiled module shows its functions only when it is loaded
        check_function(path, name)


def load_objective(target: str) -> Objective:
    """Import what `target`, from `resolve_target`, names and return its function.

    Raises:
        ConfigError: it is not there, importing it raises or exits, or it is not a function of one argument.
    """
    with _as_config_error():
        where, name = modules.split(target, what="function")
        module = modules.load(where)
    if not hasattr(module, name):
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise ConfigError(no_such_function(name, Path(module.__file__ or module.__name__), functions))
    function = getattr(module, name)
    why = _why_not_an_objective(function)
    if why:
        raise ConfigError(not_an_objective(name, where, why))
    return cast(Objective, function)


@contextlib.contextmanager
def _as_config_error() -> Iterator[None]:
    try:
        yield
    except SearchSpaceError as error:
        raise ConfigError(error.problems) from error


def _why_not_an_objective(function: Any) -> str | None:
    if not callable(function):
        return f"{function!r:.80}"
    if inspect.isclass(function):
        return "a class"
    body = function if inspect.isroutine(function) else type(function).__call__
    if inspect.iscoroutinefunction(body) or inspect.isasyncgenfunction(body):
        return "a coroutine, which nothing would await"
    if inspect.isgeneratorfunction(body):
        return "a generator, whose body would never run"
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C tell nothing about themselves
        return None
    try:
        signature.bind(None)
    except TypeError:
        return f"a function of {signature}"
    return None
