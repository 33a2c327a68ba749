"""What a Python file or module calls by a name: found where the user means it, and loaded with errors told in one line.

    where, name = split(resolve("spaces.py:wide", Path.cwd(), what="space"), what="space")
    getattr(load(where), name)          # where == "/home/ada/spaces.py"

A reference is `WHERE:NAME`, and WHERE one of

    spaces.py                     a file
    package.module                a module of the folder in which the program was started, or an installed one
    /home/ada/package.module      what `resolve` makes of a module in a folder, as it makes a file absolute

To find is not to run: only `load` runs what it finds.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SearchSpaceError, did_you_mean

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_VERSION = "__loaded_version__"


def split(text: str, *, what: str) -> tuple[str, str]:
    """Return where to look and for which name.

    Args:
        text: what the user wrote: `file.py:name` or `package.module:name`.
        what: is looked for, "function" or "space": for messages.

    Raises:
        SearchSpaceError: `text` is of neither form.
    """
    where, _, name = text.rpartition(":")
    if where and name.isidentifier():
        return where, name
    raise SearchSpaceError(f"{text!r}: expected file.py:{what} or package.module:{what}, got {what} {name!r}")


def resolve(text: str, cwd: Path, *, what: str) -> str:
    """Return `text` in the form that means the same in every process, whichever folder that works in.

    Args:
        text: what the user wrote: `file.py:name` or `package.module:name`.
        cwd: where relative paths start; a module in it wins over an installed one, as with `python -m`.
        what: is looked for, for messages.

    Raises:
        SearchSpaceError: `text` is of neither form, or the file or module is not there.
    """
    where, name = split(text, what=what)
    if is_file(where):
        return f"{_existing(cwd / Path(where).expanduser()).resolve()}:{name}"
    folder, module = _folder_and_module(where)
    if folder is None and _find(module, cwd):
        return f"{cwd.resolve().as_posix().rstrip('/')}/{module}:{name}"
    if (folder is None or folder.is_absolute()) and _find(module, folder):
        return text
    file = cwd / f"{where}.py"
    hint = f"did you mean {where}.py:{name}?" if file.is_file() else f"a file is written file.py:{what}"
    raise SearchSpaceError(f"{text!r}: there is no module {where!r} in {cwd} or installed; {hint}")


def source(where: str) -> Path:
    """Return the file of a module; of one that is compiled it is no text.

    Raises:
        SearchSpaceError: it is not there.
    """
    if is_file(where):
        return _existing(Path(where))
    folder, module = _folder_and_module(where)
    spec = _find(module, folder)
    if spec is None:
        raise SearchSpaceError(f"there is no module {module!r} {f'in {folder}' if folder else 'installed'}")
    return Path(str(spec.origin))


def load(where: str) -> ModuleType:
    """Import a module.

    A file is run once per process, and again when it has changed. Its folder goes first on `sys.path`, as when Python
    runs a script, so that it finds its neighbours.

    Raises:
        SearchSpaceError: it is not there, or importing it raises or exits.
    """
    import importlib

    if is_file(where):
        return _load_file(_existing(Path(where)))
    folder, module = _folder_and_module(where)
    if folder:
        _put_on_path(folder)
    with told(f"importing {module}"):
        return importlib.import_module(module)


def bindings(path: Path) -> dict[str, int]:
    """Return the names that statements at the top of a file bind, and the line of the last that does; nothing is run.

    Of a file that is not Python, or compiled, nothing is told.
    """
    import ast

    found: dict[str, int] = {}
    try:
        statements = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return found
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[statement.name] = statement.lineno
        else:
            nodes = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
            found |= {node.id: statement.lineno for node in nodes if isinstance(node.ctx, ast.Store)}
    return found


def place(module: ModuleType, name: str) -> str:
    """Return `file:line` of what binds `name` in a module, or the file alone."""
    path = Path(module.__file__ or module.__name__)
    line = bindings(path).get(name)
    return str(path) if line is None else f"{path}:{line}"


def call_problem(function: Callable[..., Any]) -> str | None:
    """Say why `function` cannot be called without arguments, or None when it can."""
    import inspect

    if inspect.iscoroutinefunction(function):
        return "it is a coroutine, which nothing would await"
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        return f"{error}; give its arguments defaults"
    except ValueError:  # some functions written in C tell nothing about themselves
        return None
    return None


def is_file(where: str) -> bool:
    """Say whether it is written as a file, not as a module."""
    return where.endswith(".py")


@contextlib.contextmanager
def told(doing: str) -> Iterator[None]:
    """Run code of the user's.

    Raises:
        SearchSpaceError: with what it raised, and the line of the user's that did.
    """
    try:
        yield
    except SystemExit as error:
        hint = "put that part under `if __name__ == '__main__':`"
        raise SearchSpaceError(f"{doing} ends the process; {hint}") from error
    except SyntaxError as error:
        place = f"{error.filename}:{error.lineno}:{error.offset}" if error.lineno else doing
        line = f": {error.text.strip()[:80]!r}" if error.text else ""
        raise SearchSpaceError(f"{place} is not valid Python: {error.msg}{line}") from error
    except Exception as error:
        place = _place(error)
        if isinstance(error, SearchSpaceError) and place:
            raise SearchSpaceError(f"{place}: {problem}" for problem in error.problems) from error
        raise SearchSpaceError(
            f"{doing} raised {type(error).__name__}: {error}{f' ({place})' if place else ''}"
        ) from error


def _place(error: BaseException) -> str:
    """Return the innermost line that is neither of this package nor of Python's import system."""
    import traceback

    own = f"{Path(__file__).parent}/"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(("<frozen", own))
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    seen = "is a folder, not a file" if path.is_dir() else "does not exist"
    others = [each.name for each in path.parent.glob("*.py") if each.is_file()]
    near = did_you_mean(path.name, others) or "; give the path of a Python file"
    raise SearchSpaceError(f"{path} {seen}{near}")


def _folder_and_module(where: str) -> tuple[Path | None, str]:
    folder, slash, module = where.rpartition("/")
    return (Path(folder or "/") if slash else None), module


def _find(module: str, folder: Path | None) -> ModuleSpec | None:
    """Find a module in `folder`, or among the installed ones, without importing the packages that it is in."""
    from importlib.machinery import PathFinder

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


def _load_file(path: Path) -> ModuleType:
    import hashlib
    import importlib.util

    name = f"file_{hashlib.sha256(bytes(path)).hexdigest()[:12]}"
    version = path.stat().st_mtime_ns, path.stat().st_size
    loaded = sys.modules.get(name)
    if loaded is not None and vars(loaded).get(_VERSION) == version:
        return loaded
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)[_VERSION] = version
    _put_on_path(path.parent)
    sys.modules[name] = module  # before it runs: dataclasses and pickle look their module up there
    try:
        with told(f"importing {path}"):
            spec.loader.exec_module(module)
    except SearchSpaceError:
        del sys.modules[name]
        raise
    return module


def _put_on_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
