"""TOML text as plain data that remembers the line and column of each of its pieces.

    document = read_toml('lr = "1e-5..1e-1 log"\n[cnn]\nwidth = "8..64"')
    document.data == {"lr": "1e-5..1e-1 log", "cnn": {"width": "8..64"}}
    document.place(("cnn", "width")) == Place(line=3, column=1)

`tomllib` says what is valid, and where it is not, but not where the pieces of valid text stand. So the text is scanned
as well, for keys and values alone: leniently, as `tomllib` judges it; and first, so that the limits hold there too.
"""

from __future__ import annotations

import bisect
import json
import re
from typing import TYPE_CHECKING

from search_spaces.documents import TAG, Document, Place, Unreadable, check_limits

if TYPE_CHECKING:
    import yaml

_STRING = r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'"
_KEY = re.compile(rf"[A-Za-z0-9_-]+|{_STRING}")
_TEXT = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + _STRING, re.DOTALL)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9]{2}:[0-9:.]+(?:[Zz]|[+-][0-9:]+)?)?|[0-9]{2}:[0-9:.]+")
_WORD = re.compile(r"[\w.+-]+")
_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_PLACE = re.compile(r" \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)$")
_TWICE = ("Cannot overwrite", "Cannot declare")
_HINTS = {
    "Expected '=' after a key": 'a line is name = "range"',
    "Expected newline": "quote ranges and texts, and write one name to a line",
    "Invalid value": "quote ranges and texts; lists and tables are closed on their last line",
    "Invalid statement": 'a line is name = "range", or [table]',
    "Unclosed array": "close it with ]",
    "Unclosed inline table": "close it with }, and write numbers without a zero before them",
    "Illegal character": "close the quote before it, or write an escape such as \\n",
    "Unterminated string": "close the quote",
    'Expected "\'"': "close the quote",
    "Unescaped '\\'": "write \\\\ for a backslash",
    "Cannot mutate": "a table in braces is whole: write all its keys inside them",
}
"""What most often lies behind words of tomllib's."""


def read_toml(text: str) -> Document:
    """Read a TOML document; an empty one holds an empty mapping.

    Raises:
        Unreadable: it is not valid TOML, or beyond the limits.
    """
    import tomllib

    root = _Scanner(text).document()
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = str(error)
        if root is not None and problem.startswith(_TWICE):
            document = Document(root, language="TOML")
            if document.problems:  # they say where each stands
                return document
        hint = next((f"; {hint}" for sign, hint in _HINTS.items() if sign in problem), "")
        raise Unreadable(_place_of(problem, text), f"not valid TOML: {_PLACE.sub('', problem)}{hint}") from None
    except ValueError:  # a number of thousands of digits, which no reader of a space takes for a finite one
        pass
    assert root is not None  # what is valid could be scanned
    return Document(root, language="TOML")


def toml_value(value: str | list[str]) -> str:
    """Return a text, or a list of texts, as TOML writes it; in single quotes where that spares backslashes."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    if value.isprintable() and "'" not in value and ('"' in value or "\\" in value):
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    """Return a name as TOML writes it, dots in quotes: cnn.width without them would be a table."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)


def _place_of(problem: str, text: str) -> Place:
    match = _PLACE.search(problem)
    if match is not None and match[1]:
        return Place(int(match[1]), int(match[2]))
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


class _Lost(Exception):
    """The text is not valid TOML from here on."""


class _Scanner:
    """Makes of TOML text the nodes that YAML would make of the same data."""

    def __init__(self, text: str) -> None:
        import yaml

        self._text = text
        self._at = 0
        self._nodes = 0
        self._depth = 1
        self._line_ends = [-1, *(match.start() for match in re.finditer("\n", text))]
        self._root = yaml.MappingNode(f"{TAG}map", [], self._mark(0))
        self._members: dict[int, dict[str, yaml.Node]] = {}
        """By the `id` of each table."""
        self._declared: set[int] = set()
        """The `id` of each table that has had its header."""

    def document(self) -> yaml.MappingNode | None:
        """Return the root, or None when the text is not valid, which `tomllib` is then to say."""
        table = self._root
        try:
            while self._skip(_BLANK_LINES) and self._at < len(self._text):
                if self._text[self._at] == "[":
                    table = self._header()
                else:
                    self._pair(table)
                self._skip(_BLANK)
                if self._text[self._at : self._at + 1] not in ("", "\n", "\r", "#"):
                    return None
        except _Lost:
            return None
        return self._root

    def _header(self) -> yaml.MappingNode:
        """Read [table] or [[table]], and return the table."""
        import yaml

        is_list = self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        *parents, (name, mark) = self._keys()
        self._expect("]]" if is_list else "]")
        table = self._root
        for parent in parents:
            table = self._inner(table, *parent)
        if is_list:
            known = self._known(table).get(name)
            if not isinstance(known, yaml.SequenceNode):
                known = yaml.SequenceNode(f"{TAG}seq", [], mark)
                self._add(table, name, mark, known)
            known.value.append(yaml.MappingNode(f"{TAG}map", [], mark))
            return known.value[-1]  # type: ignore[no-any-return]  # PyYAML's stubs leave the items open
        found = self._known(table).get(name)
        if not isinstance(found, yaml.MappingNode) or id(found) in self._declared:
            found = yaml.MappingNode(f"{TAG}map", [], mark)
            self._add(table, name, mark, found)
        self._declared.add(id(found))
        return found

    def _pair(self, table: yaml.MappingNode) -> None:
        """Read `name = value` into a table; of a dotted name, into those inside it."""
        *parents, (name, mark) = self._keys()
        self._expect("=")
        for parent in parents:
            table = self._inner(table, *parent)
            self._declared.add(id(table))
        self._skip(_BLANK)
        self._add(table, name, mark, self._value(len(parents)))

    def _value(self, more_depth: int = 0) -> yaml.Node:
        """Read a value, so many tables inside the one around it."""
        self._depth += 1 + more_depth
        mark = self._mark(self._at)
        check_limits(self._depth, self._nodes, mark)
        opening = self._text[self._at : self._at + 1]
        node = self._list() if opening == "[" else self._table() if opening == "{" else self._scalar(mark)
        self._depth -= 1 + more_depth
        return node

    def _list(self) -> yaml.SequenceNode:
        import yaml

        node = yaml.SequenceNode(f"{TAG}seq", [], self._mark(self._at))
        self._at += 1
        while self._skip(_BLANK_LINES) and not self._is_next("]"):
            self._nodes += 1
            node.value.append(self._value())
            self._skip(_BLANK_LINES)
            if not self._is_next(","):
                self._expect("]")
                break
        return node

    def _table(self) -> yaml.MappingNode:
        import yaml

        node = yaml.MappingNode(f"{TAG}map", [], self._mark(self._at))
        self._at += 1
        while self._skip(_BLANK_LINES) and not self._is_next("}"):
            self._pair(node)
            self._skip(_BLANK_LINES)
            if not self._is_next(","):
                self._expect("}")
                break
        return node

    def _scalar(self, mark: yaml.Mark) -> yaml.ScalarNode:
        import yaml

        if match := _TEXT.match(self._text, self._at):
            self._at = match.end()
            return yaml.ScalarNode(f"{TAG}str", _text(match[0]), mark, style='"')
        if match := _DATE.match(self._text, self._at):
            self._at = match.end()
            return yaml.ScalarNode(f"{TAG}timestamp", match[0], mark)
        word = self._match(_WORD)
        return yaml.ScalarNode(f"{TAG}str", _number(word), mark)

    def _keys(self) -> list[tuple[str, yaml.Mark]]:
        """Read a dotted name: its parts, and where each stands."""
        parts = []
        while True:
            self._skip(_BLANK)
            mark = self._mark(self._at)
            word = self._match(_KEY)
            parts.append((_text(word) if word[0] in "\"'" else word, mark))
            self._nodes += 1
            check_limits(len(parts), self._nodes, mark)
            self._skip(_BLANK)
            if not self._is_next("."):
                return parts

    def _inner(self, table: yaml.MappingNode, name: str, mark: yaml.Mark) -> yaml.MappingNode:
        """Return the table `name` in `table`, the last one if it is a list of them; a new one where there is none."""
        import yaml

        found = self._known(table).get(name)
        if isinstance(found, yaml.SequenceNode) and found.value:
            found = found.value[-1]
        if isinstance(found, yaml.MappingNode):
            return found
        made = yaml.MappingNode(f"{TAG}map", [], mark)
        self._add(table, name, mark, made)
        return made

    def _add(self, table: yaml.MappingNode, name: str, mark: yaml.Mark, node: yaml.Node) -> None:
        import yaml

        table.value.append((yaml.ScalarNode(f"{TAG}str", name, mark, style='"'), node))
        self._known(table)[name] = node

    def _known(self, table: yaml.MappingNode) -> dict[str, yaml.Node]:
        return self._members.setdefault(id(table), {})

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return True

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _Lost
        self._at = match.end()
        return match[0]

    def _is_next(self, sign: str) -> bool:
        """Say whether `sign` comes next, and go past it if so."""
        found = self._text.startswith(sign, self._at)
        self._at += len(sign) if found else 0
        return found

    def _expect(self, sign: str) -> None:
        if not self._is_next(sign):
            raise _Lost

    def _mark(self, position: int) -> yaml.Mark:
        import yaml

        line = bisect.bisect_left(self._line_ends, position) - 1
        return yaml.Mark("", position, line, position - self._line_ends[line] - 1, None, 0)


def _text(token: str) -> str:
    """Return what a quoted token means."""
    import tomllib

    if "\\" not in token and not token.startswith(('"""', "'''")):
        return token[1:-1]
    try:
        return str(tomllib.loads(f"text = {token}")["text"])
    except tomllib.TOMLDecodeError:
        raise _Lost from None


def _number(word: str) -> str:
    """Return a number or boolean as `Document` reads it."""
    plain = word.replace("_", "")
    if re.fullmatch(r"0(?:x[0-9a-fA-F]+|o[0-7]+|b[01]+)", plain):
        return str(int(plain, 0)) if len(plain) < 400 else "9" * 401
    if re.fullmatch(r"[+-]?(?:inf|nan)", plain):
        return plain.replace("inf", ".inf").replace("nan", ".nan")
    if plain in ("true", "false") or re.fullmatch(r"[+-]?[0-9][0-9.eE+-]*", plain):
        return plain
    raise _Lost
