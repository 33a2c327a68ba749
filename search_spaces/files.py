"""Spaces in files, with file, line and column in every problem and all problems of a file at once; or in Python code.

lr: 1e-5..1e-1 log                                  # the one-line grammar,
width: {type: int, low: 16, high: 256, step: 16}    # or type and fields,
momentum: {type: float, low: 0.5, high: 0.99, when: {optimizer: sgd}}
optimizer: sgd|adamw

space = load_space("space.yaml")
dump_space(space, "copy.json")
load_space("spaces.py:wide")        # a SearchSpace, a mapping, or a function that makes one; also "package.module:wide"
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search_spaces import modules
from search_spaces.documents import Document, Place, Unreadable, read_json, read_yaml
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.plain import read
from search_spaces.scalars import number, shown
from search_spaces.space import SearchSpace
from search_spaces.toml import read_toml, toml_key, toml_value

MAX_BYTES = 2**20

_READERS = {"yaml": read_yaml, "json": read_json, "toml": read_toml}
_FORMATS = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}


def load_space(path: str | Path) -> SearchSpace:
    """Read a space from a .yaml, .yml, .json or .toml file, or from Python code.

    Args:
        path: of a file; or `file.py:name` or `package.module:name`, where the name is that of a SearchSpace, of a
            mapping that makes one, or of a function without required arguments that returns either. The code is run.

    Raises:
        SearchSpaceError: with every problem of the file as `file:line:column: problem`.
    """
    if is_code(path):
        return _from_code(str(path))
    path = Path(path)
    document = read_document(path)
    parts = read(document.data)
    problems = [
        (document.place(p.path, of_key=p.is_about_key), str(p))
        for p in parts.problems
        if not document.is_refused(p.path)
    ]
    if problems or document.problems:
        raise _error(path, document.problems + problems)
    if not parts.distributions:
        line = 'lr = "1e-5..1e-1 log"' if format_of(path) == "toml" else '"lr: 1e-5..1e-1 log"'
        raise _error(path, [(Place(1, 1), f"there is no parameter in it; write lines such as {line}")])
    relations = parts.relations
    return SearchSpace(parts.distributions, when=parts.conditions, require=relations.require, forbid=relations.forbid)


def is_code(path: str | Path) -> bool:
    """Say whether a path is that of something in Python code; it need not exist."""
    text = str(path)
    return Path(text).suffix.lower() not in _FORMATS and (":" in text or modules.is_file(text))


def read_document(path: Path) -> Document:
    """Read the data of a .yaml, .yml, .json or .toml file; what is wrong with single values is among its `problems`.

    Raises:
        SearchSpaceError: the file cannot be read, or holds no data at all, as `file:line:column: problem`.
    """
    read_text = _READERS[format_of(path)]
    try:
        document = read_text(_text(path))
    except Unreadable as error:
        raise _error(path, [(error.place, str(error))]) from None
    if isinstance(document.data, dict) and isinstance(document.data.get("$schema"), str):
        del document.data["$schema"]  # tells an editor what completes and checks the file
    return document


def format_of(path: str | Path) -> str:
    """Return the format of a file with a space, "yaml", "json" or "toml", which its ending tells.

    Raises:
        SearchSpaceError: it ends otherwise.
    """
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise SearchSpaceError(f"{path}: a space file ends in {', '.join(_FORMATS)}, got {path.suffix or 'no ending'}")
    return _FORMATS[path.suffix.lower()]


def dump_space(space: SearchSpace, path: str | Path) -> None:
    """Write `space` to a .yaml, .yml, .json or .toml file that `load_space` reads as an equal space.

    Raises:
        SearchSpaceError: the name ends otherwise, or the file cannot be written.
    """
    path = Path(path)
    text = dumps(space, format=format_of(path))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SearchSpaceError(f"{path}: cannot be written: {error.strerror or error}") from error


def dumps(space: SearchSpace, *, format: str = "yaml", schema: str | Path | None = None) -> str:
    """Return the text of a file that holds `space`.

    Args:
        space: what to write.
        format: "yaml", "json" or "toml".
        schema: path or URL of a JSON Schema that editors are to complete and check the file with.

    Raises:
        SearchSpaceError: `format` is another one.
    """
    if isinstance(schema, Path):
        schema = schema.absolute().as_uri()
    if format == "json":
        head = {"$schema": schema} if schema else {}
        return json.dumps(head | space.to_dict(), indent=2, ensure_ascii=False) + "\n"
    if format == "toml":
        lines = [f"{toml_key(name)} = {toml_value(line)}\n" for name, line in space.lines().items()]
        return "".join([*([f"#:schema {schema}\n\n"] if schema else []), *lines])
    if format != "yaml":
        raise SearchSpaceError(f"format must be yaml, json or toml, got {shown(format)}")
    data = space.to_dict()
    text = yaml_text({name: _Line(value) if isinstance(value, dict) else _lines(value) for name, value in data.items()})
    return f"# yaml-language-server: $schema={schema}\n{text}" if schema else text


def yaml_text(data: Mapping[str, Any]) -> str:
    """Return plain data as YAML that `read_document`, and readers of YAML 1.1 and 1.2, take for exactly this data."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        # PyYAML takes 1e-5 for text and would not quote it; we and YAML 1.2 take it for a number. And in single quotes
        # it writes line ends of Unicode (U+0085) as they are, which readers, itself included, turn into spaces.
        style = '"' if number(text) is not None or not text.isprintable() else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def represent_line(dumper: yaml.SafeDumper, line: _Line) -> yaml.MappingNode:
        return dumper.represent_mapping("tag:yaml.org,2002:map", line, flow_style=True)

    Dumper.add_representer(str, represent_text)
    Dumper.add_representer(_Line, represent_line)
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": math.inf}
    return str(yaml.dump(data, Dumper=Dumper, **options))


def _from_code(text: str) -> SearchSpace:
    """Return the space that a Python file or module has under a name."""
    if ":" not in text:
        names = [name for name in modules.bindings(modules.source(text)) if not name.startswith("_")]
        raise SearchSpaceError(f"{text!r} names no space in it; write {text}:{' or :'.join(names[:10]) or 'NAME'}")
    where, name = modules.split(modules.resolve(text, Path.cwd(), what="space"), what="space")
    module = modules.load(where)
    place = modules.place(module, name)
    if not hasattr(module, name):
        near = did_you_mean(name, [each for each in vars(module) if not each.startswith("_")])
        raise SearchSpaceError(f"{place}: there is no {name!r} in it{near}")
    found = getattr(module, name)
    what = f"{name!r} is"
    if callable(found):
        what = f"{name}() returned"
        if problem := modules.call_problem(found):
            raise SearchSpaceError(f"{place}: {name}() cannot be called: {problem}")
        with modules.told(f"calling {text}"):
            found = found()
    if not isinstance(found, Mapping):
        ranges = 'a mapping such as {"lr": "1e-5..1e-1 log"}'
        expected = f"expected a SearchSpace, {ranges}, or a function that returns one of them"
        raise SearchSpaceError(f"{place}: {what} {shown(found)}; {expected}")
    try:
        space = found if isinstance(found, SearchSpace) else SearchSpace(found)
    except SearchSpaceError as error:
        raise SearchSpaceError(f"{place}: {problem}" for problem in error.problems) from error
    if not space:
        raise SearchSpaceError(f"{place}: {what} a space without a parameter")
    return space


class _Line(dict[str, Any]):
    """A parameter or condition, which YAML writes on one line."""


def _lines(relations: list[Any]) -> list[Any]:
    return [_Line(relation) if isinstance(relation, dict) else relation for relation in relations]


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            inside = path / f"space{path.suffix}"
            raise SearchSpaceError(f"{path}: is a folder; give the file in it, such as {inside}")
        if path.exists() and not path.is_file():
            raise SearchSpaceError(f"{path}: is neither file nor folder; give a regular file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        others = [each.name for each in path.parent.glob("*") if each.suffix.lower() in _FORMATS]
        near = did_you_mean(path.name, others)
        raise SearchSpaceError(f"{path}: there is no such file; looked from {Path.cwd()}{near}") from None
    except SearchSpaceError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or error
        raise SearchSpaceError(f"{path}: cannot be read: {reason}") from error
    if len(content) > MAX_BYTES:
        raise SearchSpaceError(f"{path}: is larger than 1 MiB, the limit; give another file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        seen = f"byte {error.start + 1} is 0x{content[error.start]:02x}"
        raise SearchSpaceError(f"{path}: is not UTF-8 text ({seen}): save it as UTF-8") from None


def _error(path: Path, problems: list[tuple[Place, str]]) -> SearchSpaceError:
    return SearchSpaceError(
        f"{path}:{place.line}:{place.column}: {text}" for place, text in sorted(problems, key=lambda each: each[0])
    )
