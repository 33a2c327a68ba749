"""What a Python file defines, learnt without importing it.

    check_function(Path("/home/ada/train.py"), "objective")    # ConfigError if that cannot be an objective

To import it would run it, and load torch and whatever else it needs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from automl.errors import ConfigError
from search_spaces.errors import did_you_mean

TAKES_BLOCKS = ast.If | ast.Try | ast.With | ast.For | ast.While


def check_function(path: Path, name: str) -> None:
    """Check that the module in `path` binds `name` to something that can be called with a trial.

    What only running would tell is believed: a decorated or an imported function, an instance, `from x import *`.

    Raises:
        ConfigError: the file does not parse, binds no such name, or binds it to what is no objective.
    """
    tree = parse(path)
    binding = [statement for statement in _statements(tree.body) if name in _bound_names(statement)]
    if binding:
        _check_binding(binding[-1], name, f"{path}:{binding[-1].lineno}")
    elif not any("*" in _bound_names(statement) for statement in _statements(tree.body)):
        raise ConfigError(no_such_function(name, path, function_names(path)))


def function_names(path: Path) -> list[str]:
    """Return the names of the functions that the file defines at its top level."""
    return [each.name for each in _statements(parse(path).body) if isinstance(each, ast.FunctionDef)]


def likely_objectives(path: Path, *, most: int = 3) -> list[str]:
    """Return the names of the functions of one argument that the file defines, those first that are called like one.

    Where that of some is called `trial`, the others are helpers.
    """
    found = [
        each
        for each in _statements(parse(path).body)
        if isinstance(each, ast.FunctionDef) and _takes_one(each.args) and not each.name.startswith("_")
    ]
    found = [each for each in found if "trial" in _positional(each.args)] or found
    return sorted((each.name for each in found), key=lambda name: name not in ("objective", "train"))[:most]


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of the file.

    Raises:
        ConfigError: it is not Python; says where.
    """
    try:
        return ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        place = f"{path}:{error.lineno}" if error.lineno else path
        line = f": {error.text.strip()[:80]!r}" if error.text else ""
        raise ConfigError(f"{place} is not valid Python: {error.msg}{line}") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not readable as Python: {error}") from error


def no_such_function(name: str, path: Path, functions: list[str]) -> str:
    """Say that `path` has no function `name`, and what it has instead."""
    has = f"it has {', '.join(functions[:10])}" if functions else "it has none"
    return f"{path} has no function {name!r}{did_you_mean(name, functions)} ({has})"


def not_an_objective(name: str, place: str, why: str) -> str:
    """Say why what `name` names at `place` is not an objective, and what one looks like."""
    return f"{place}: {name!r} is {why}; expected `def {name}(trial)`, returning a number or a dict of metrics"


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run on import, those inside `if`, `try`, `with` and loops included."""
    for statement in body:
        yield statement
        if isinstance(statement, TAKES_BLOCKS):
            handlers = statement.handlers if isinstance(statement, ast.Try) else []
            blocks = [getattr(part, "body", []) for part in (statement, *handlers)]
            for block in (*blocks, getattr(statement, "orelse", []), getattr(statement, "finalbody", [])):
                yield from _statements(block)


def _bound_names(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {alias.asname or alias.name.partition(".")[0] for alias in aliases}
        case ast.Assign(targets=targets):
            return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            return {name}
    return set()


def _check_binding(statement: ast.stmt, name: str, place: str) -> None:
    match statement:
        case ast.ClassDef():
            raise ConfigError(not_an_objective(name, place, "a class"))
        case ast.Assign(value=ast.Constant(value=value)) | ast.AnnAssign(value=ast.Constant(value=value)):
            raise ConfigError(not_an_objective(name, place, repr(value)))
        case ast.AsyncFunctionDef(decorator_list=[]):
            raise ConfigError(not_an_objective(name, place, "a coroutine, which nothing would await"))
        case ast.FunctionDef(decorator_list=[]) if any(map(_is_yield, _own_nodes(statement))):
            raise ConfigError(not_an_objective(name, place, "a generator, whose body would never run"))
        case ast.FunctionDef(decorator_list=[], args=arguments) if not _takes_one(arguments):
            raise ConfigError(not_an_objective(name, place, f"a function of ({ast.unparse(arguments)})"))


def _positional(arguments: ast.arguments) -> list[str]:
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args)]


def _takes_one(arguments: ast.arguments) -> bool:
    positional = len(_positional(arguments))
    required = positional - len(arguments.defaults)
    accepts_one = positional > 0 or arguments.vararg is not None
    return accepts_one and required <= 1 and None not in arguments.kw_defaults  # None: a keyword without a default


def _is_yield(node: ast.AST) -> bool:
    return isinstance(node, ast.Yield | ast.YieldFrom)


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, without those of the functions and classes inside it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own_nodes(child)
