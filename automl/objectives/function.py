"""Find a user's function by its name on the command line, and import it in the process that runs it.

The driver only looks, so a script that imports torch costs it nothing; a worker loads:

    target = resolve_target("train.py:objective", cwd=Path.cwd())    # "/home/ada/train.py:objective"
    check_target(target)                                             # ConfigError if that cannot be an objective
    objective = load_objective(target)

A target is `WHERE:FUNCTION`, and WHERE one of

    train.py                      a file
    package.module                a module of the folder in which automl was started, or an installed one
    /home/ada/package.module      what `resolve_target` makes of a module in a folder, as it makes a file absolute
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from automl.errors import ConfigError
from automl.objectives import Objective
from automl.objectives.source import check_function, function_names, no_such_function, not_an_objective
from search_spaces.errors import did_you_mean


def resolve_target(text: str, cwd: Path) -> str:
    """Return `text` in the form that means the same in every process, whichever folder that works in.

    Args:
        text: what the user wrote: `file.py:function` or `package.module:function`.
        cwd: where relative paths start; a module in it wins over an installed one, as with `python -m`.

    Raises:
        ConfigError: `text` is of neither form, or the file or module is not there.
    """
    where, name = _split(text, cwd)
    if _is_file(where):
        return f"{_existing(cwd / Path(where).expanduser()).resolve()}:{name}"
    folder, module = _folder_and_module(where)
    if folder is None and _find(module, cwd):
        return f"{cwd.resolve().as_posix().rstrip('/')}/{module}:{name}"
    if (folder is None or folder.is_absolute()) and _find(module, folder):
        return text
    file = cwd / f"{where}.py"
    hint = f"did you mean {where}.py:{name}?" if file.is_file() else "a file is written file.py:function"
    raise ConfigError(f"{text!r}: there is no module {where!r} in {cwd} or installed; {hint}")


def check_target(target: str) -> None:
    """Check by reading its source that `target`, from `resolve_target`, can be an objective; nothing is run.

    Raises:
        ConfigError: the file is gone or is not Python, or what it calls so is not a function of one argument.
    """
    where, name = _split(target, Path())
    path = _existing(Path(where)) if _is_file(where) else _module_file(where)
    if path.suffix == ".py":  # a compiled module shows its functions only when it is loaded
        check_function(path, name)


def load_objective(target: str) -> Objective:
    """Import what `target`, from `resolve_target`, names and return its function.

    A file is run once per process, and again when it has changed. Its folder goes first on `sys.path`, as when Python
    runs a script, so that it finds its neighbours.

    Raises:
        ConfigError: it is not there, importing it raises or exits, or it is not a function of one argument.
    """
    where, name = _split(target, Path())
    module = _load_file(_existing(Path(where))) if _is_file(where) else _load_module(where)
    if not hasattr(module, name):
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise ConfigError(no_such_function(name, Path(module.__file__ or module.__name__), functions))
    function = getattr(module, name)
    why = _why_not_an_objective(function)
    if why:
        raise ConfigError(not_an_objective(name, where, why))
    return cast(Objective, function)


def _split(text: str, cwd: Path) -> tuple[str, str]:
    where, colon, name = text.rpartition(":")
    if colon and where and name.isidentifier():
        return where, name
    if colon:
        raise ConfigError(f"{text!r}: expected file.py:function or package.module:function, got function {name!r}")
    path = cwd / text
    names = function_names(path) if _is_file(text) and path.is_file() else []
    raise ConfigError(f"{text!r} names no function; write {text}:{' or :'.join(names[:10]) or 'FUNCTION'}")


def _is_file(where: str) -> bool:
    return where.endswith(".py")


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    seen = "is a folder, not a file" if path.is_dir() else "does not exist"
    others = [each.name for each in path.parent.glob("*.py") if each.is_file()]
    near = did_you_mean(path.name, others) or "; give the path of a Python file"
    raise ConfigError(f"{path} {seen}{near}")


def _folder_and_module(where: str) -> tuple[Path | None, str]:
    folder, slash, module = where.rpartition("/")
    return (Path(folder or "/") if slash else None), module


def _find(module: str, folder: Path | None) -> ModuleSpec | None:
    """Find a module in `folder`, or among the installed ones, without importing the packages that it is in."""
    finders: list[Any] = [PathFinder] if folder else sys.meta_path
    path = [str(folder.resolve())] if folder else None
    spec: ModuleSpec | None = None
    names = module.split(".")
    if not all(map(str.isidentifier, names)):
        return None
    for end in range(1, len(names) + 1):
        found = (finder.find_spec(".".join(names[:end]), path) for finder in finders)
        spec = next((each for each in found if each), None)
        path = list(spec.submodule_search_locations or []) if spec else []
        if not path and end < len(names):
            return None
    return spec if spec and spec.has_location else None  # a folder without __init__.py has no location


def _module_file(where: str) -> Path:
    folder, module = _folder_and_module(where)
    spec = _find(module, folder)
    if spec is None:
        raise ConfigError(f"there is no module {module!r} {f'in {folder}' if folder else 'installed'}")
    return Path(str(spec.origin))


def _load_module(where: str) -> ModuleType:
    folder, module = _folder_and_module(where)
    if folder:
        _put_on_path(folder)
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise ConfigError(_failed_import(module, error)) from error


def _load_file(path: Path) -> ModuleType:
    name = f"automl_objective_{hashlib.sha256(bytes(path)).hexdigest()[:12]}"
    version = path.stat().st_mtime_ns, path.stat().st_size
    loaded = sys.modules.get(name)
    if loaded is not None and vars(loaded)["__automl_version__"] == version:
        return loaded
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["__automl_version__"] = version
    _put_on_path(path.parent)
    sys.modules[name] = module  # before it runs: dataclasses and pickle look their module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ConfigError(_failed_import(str(path), error)) from error
    return module


def _put_on_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _failed_import(what: str, error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"importing {what} ends the process; put that part under `if __name__ == '__main__':`"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith("<frozen")]
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if len(frames) > 1 else ""
    return f"importing {what} raised {type(error).__name__}: {error}{place}"


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
