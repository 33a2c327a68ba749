"""YAML and JSON text as plain data that remembers the line and column of each of its pieces.

    document = read_yaml("lr: {type: float, low: 0, low: 1}")
    document.data == {"lr": {"type": "float", "low": 0}}
    document.place(("lr", "low")) == Place(line=1, column=24)
    document.problems == [(Place(line=1, column=27), "'low' stands on line 1 and again here: keep one of them")]

Text may come from anywhere: no tag is obeyed, nothing is guessed (YAML reads `on` as true and 010 as 8: here both are
problems), and depth and number of values have limits. YAML 1.1 reads 1e-5 as text; here it is a number.
"""

from __future__ import annotations

import bisect
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from search_spaces.scalars import number, shown

if TYPE_CHECKING:
    import yaml

MAX_DEPTH = 32
MAX_NODES = 10_000
"""Of scalars, lists and mappings, those that an alias repeats included."""

TAG = "tag:yaml.org,2002:"
"""Before the name of a kind of node."""

Path = tuple[str | int, ...]
"""The keys and positions that lead to a piece of data."""

_GUESSES = {"bool": "a boolean", "int": "a number", "float": "a number", "timestamp": "a date"}
_HINTS = {
    "\\t": "indent with spaces",
    "another document": "keep what stands above or below ---",
    "',' or '": "close what is open, and put commas between",
    "simple key": "put a blank after the colon",
    "mapping values": "indent alike what belongs together, put a blank after each colon, quote text that holds one",
    "quoted scalar": "close the quote",
    "expected <block end>": "indent alike what belongs together",
    "undefined alias": "quote text that begins with *",
    "character '@'": "quote it",
    "character '`'": "quote it",
    "character '%'": "quote it",
}
"""What most often lies behind words of PyYAML's scanner and parser."""
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.\w]+|[\[\]{},:]')

_JSON_NUMBERS = {"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}
"""What Python's reader of JSON takes for numbers too, as YAML writes it."""


class Place(NamedTuple):
    """Line and column, from 1, as editors count."""

    line: int
    column: int


class Unreadable(Exception):
    """The text holds no data at all, for what is wrong at `place`."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(problem)
        self.place = place


class Document:
    """The data of a text, where each piece of it stands, and what is wrong with the text."""

    def __init__(self, root: yaml.Node, *, language: str = "YAML") -> None:
        self._language = language
        self.problems: list[tuple[Place, str]] = []
        self._places: dict[Path, Place] = {}
        self._keys: dict[Path, Place] = {}
        self._refused: set[Path] = set()
        self._nodes = 0
        self.data = self._plain(root, ())

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Return where `path`, or the last key of it, stands, or else the innermost thing around it.

        A key with dots stands for the keys between them: ("cnn.width",) is ("cnn", "width") too.
        """
        path = _parts(path)
        if of_key and path in self._keys:
            return self._keys[path]
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, Place(1, 1))

    def is_refused(self, path: Path) -> bool:
        """Say whether `path` lies in something that is among the problems already, so that its value means nothing."""
        path = _parts(path)
        return any(path[:length] in self._refused for length in range(len(path) + 1))

    def _refuse(self, node: yaml.Node, path: Path, problem: str) -> None:
        self.problems.append((_place(node.start_mark), problem))
        self._refused.add(path)

    def _plain(self, node: yaml.Node, path: Path, depth: int = 1) -> Any:
        import yaml

        self._nodes += 1
        check_limits(depth, self._nodes, node.start_mark)
        self._places.setdefault(path, _place(node.start_mark))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in (f"{TAG}map", f"{TAG}seq"):
            self._refuse(node, path, _about_tag(node))
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        return self._mapping(node, path, depth)

    def _mapping(self, node: yaml.Node, path: Path, depth: int) -> dict[str, Any]:
        import yaml

        result: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            place = _place(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append((place, "a name must be text, not a list or a mapping"))
                continue
            name = key.value  # as it is written: a parameter called `on` is no boolean
            if name in lines:
                text = f"{shown(name)} stands on line {lines[name]} and again here: keep one of them"
                self.problems.append((place, text))
                continue
            lines[name] = place.line
            inner = _parts((*path, name))
            self._keys[inner] = place
            if key.tag == f"{TAG}merge" and key.style is None:
                self._refuse(key, inner, "merging (<<) is not done here: write the fields out")
                self._refused.add(path)  # what it lacks may be in there
                continue
            if not isinstance(value, yaml.ScalarNode):
                self._places[inner] = place
            result[name] = self._plain(value, inner, depth + 1)
        return result

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        kind = node.tag.removeprefix(TAG)
        is_plain = node.style is None
        if kind not in ("str", "null", "value", "merge", *_GUESSES) or (kind != "str" and not is_plain):
            self._refuse(node, path, _about_tag(node))
        if not is_plain:
            return text
        if kind == "null":
            return None
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        if text.lower().lstrip("+-") in (".inf", ".nan"):
            return float(text.replace(".", ""))
        spelled = number(text)
        is_octal = re.match(r"[+-]?0[0-9]", text) is not None  # to some readers; 010 is 8 in YAML 1.1, 10 in 1.2
        if spelled is not None and not is_octal:
            return spelled
        if is_octal or kind in _GUESSES:
            guess = f"{_GUESSES.get(kind, 'a number')}{_guessed(text) if self._language == 'YAML' else ''}"
            self._refuse(node, path, f'{self._language} takes {text} for {guess}; write "{text}" if it is text')
        return text


def read_yaml(text: str) -> Document:
    """Read a single YAML document; an empty one holds None.

    Raises:
        Unreadable: it is not valid YAML, or beyond the limits.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        depth = 0
        nodes = 0

        def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
            self.depth += 1
            self.nodes += 1
            check_limits(self.depth, self.nodes, self.peek_event().start_mark)  # type: ignore[no-untyped-call]
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    try:
        root = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        hint = next((hint for sign, hint in _HINTS.items() if sign in what), "quote text that has signs of YAML in it")
        raise Unreadable(_place(mark) if mark else Place(1, 1), f"not valid YAML: {what}; {hint}") from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        seen = shown(chr(error.character))
        raise Unreadable(place, f"not valid YAML: the character {seen} is not allowed: remove it") from None
    except (ValueError, OverflowError) as error:  # an escape beyond the last character of Unicode
        raise Unreadable(Place(1, 1), f"not valid YAML: {error}") from None
    return Document(root or yaml.ScalarNode(f"{TAG}null", "", yaml.Mark("", 0, 0, 0, None, 0)))


def read_json(text: str) -> Document:
    """Read JSON text.

    Raises:
        Unreadable: it is not valid JSON, or beyond the limits.
    """
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        seen = shown(text[error.pos :].partition("\n")[0][:20]) if text[error.pos :].strip() else "the end of the file"
        raise Unreadable(Place(error.lineno, error.colno), f"not valid JSON: {error.msg}, got {seen}") from None
    except RecursionError:
        raise Unreadable(Place(1, 1), f"lists and mappings are nested more than {MAX_DEPTH} deep, the limit") from None
    return Document(_JsonNodes(text).node())


def check_limits(depth: int, nodes: int, mark: yaml.Mark) -> None:
    """Raise Unreadable at `mark` where lists and mappings are nested too deep, or there are too many values."""
    if depth > MAX_DEPTH:
        raise Unreadable(_place(mark), f"lists and mappings are nested more than {MAX_DEPTH} deep, the limit")
    if nodes > MAX_NODES:
        raise Unreadable(_place(mark), f"more than {MAX_NODES} values, the limit, those that aliases repeat included")


class _JsonNodes:
    """Makes of valid JSON the nodes that YAML would make if it could: JSON is not quite a part of YAML."""

    def __init__(self, text: str) -> None:
        self._tokens = _JSON_TOKEN.finditer(text)
        self._line_ends = [-1, *(match.start() for match in re.finditer("\n", text))]

    def node(self, token: re.Match[str] | None = None, depth: int = 1) -> yaml.Node:
        """Return the node that begins with `token`, by default the next one."""
        import yaml

        token = token or next(self._tokens)
        mark = self._mark(token.start())
        check_limits(depth, 0, mark)
        if token[0] == "[":
            items = [self.node(item, depth + 1) for item in iter(self._next_item, None)]
            return yaml.SequenceNode(f"{TAG}seq", items, mark)
        if token[0] == "{":
            pairs = []
            for key in iter(self._next_item, None):
                name = self.node(key, depth + 1)
                next(self._tokens)  # the colon
                pairs.append((name, self.node(None, depth + 1)))
            return yaml.MappingNode(f"{TAG}map", pairs, mark)
        if token[0].startswith('"'):
            return yaml.ScalarNode(f"{TAG}str", json.loads(token[0]), mark, style='"')
        text = _JSON_NUMBERS.get(token[0], token[0])
        return yaml.ScalarNode(f"{TAG}{'null' if text == 'null' else 'str'}", text, mark)

    def _next_item(self) -> re.Match[str] | None:
        """Return the first token of the next item, None at the end of its list or mapping."""
        token = next(self._tokens)
        if token[0] == ",":
            token = next(self._tokens)
        return None if token[0] in "]}" else token

    def _mark(self, position: int) -> yaml.Mark:
        import yaml

        line = bisect.bisect_left(self._line_ends, position) - 1
        return yaml.Mark("", position, line, position - self._line_ends[line] - 1, None, 0)


def _parts(path: Path) -> Path:
    """Return `path` with each key parted at its dots."""
    return tuple(part for key in path for part in (key.split(".") if isinstance(key, str) else (key,)))


def _place(mark: yaml.Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _about_tag(node: yaml.Node) -> str:
    return f"the tag {shown(node.tag.replace(TAG, '!!'))} is not allowed: remove it"


def _guessed(text: str) -> str:
    """Return what YAML makes of the plain scalar `text`, for a message."""
    import yaml

    try:
        return f", {shown(yaml.safe_load(text))}"
    except (yaml.YAMLError, ValueError):  # a thirteenth month, a number of thousands of digits
        return ""
