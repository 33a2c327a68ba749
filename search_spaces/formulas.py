"""How relations between numbers are written: a text as a tree, and a tree as text; what it means is for others.

    root = parse("(n_layers*width) <= 4096")    # Node(COMPARE, ("<=",), (Node(PRODUCT, ...), Node(ATOM, value=4096)))
    written(root) == "n_layers * width <= 4096"

The parser is written by hand, so that whatever stands in a file or behind an option is never run as Python.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from search_spaces.errors import SearchSpaceError
from search_spaces.scalars import number, shown

MAX_LENGTH = 1_000
"""Characters."""
MAX_DEPTH = 32
"""Of parentheses, signs and powers within one another: it bounds the recursion."""

_TOKEN = functools.partial(  # compiled when the first relation is read
    re.compile,
    r"""\s*(?: (?P<number> (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]) )
             | (?P<name> [A-Za-z_]\w*(?:\.\w+)* | `[^`]*` )
             | (?P<mark> \*\* | // | <= | >= | == | != | [-+*/%<>(),] ) )""",
    re.VERBOSE | re.ASCII,
)
_PLAIN_NAME = r"(?a)[A-Za-z_]\w*(?:\.\w+)*"
_HINT = "only names, numbers, operators and parentheses can stand there; a name with other signs is put in backticks"
_TEXT = 'only numbers are compared here; forbid, such as "arch=cnn", asks about text'
_HINTS = {"=": "write ==", "&": "write and", "|": "write or", "!": "write not", "^": "write **", "'": _TEXT, '"': _TEXT}
_HINTS |= {"\u2264": "write <=", "\u2265": "write >=", "\u2260": "write !="}
"""By what people write instead."""

FUNCTIONS = frozenset({"min", "max", "abs"})
_WORDS = frozenset({"and", "or", "not", *FUNCTIONS})
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_LEVELS = (("or",), ("and",), ("not",), _COMPARISONS, ("+", "-"), ("*", "/", "//", "%"), ("-",), ("**",))
"""What binds together, the loosest first; what stands alone, or in parentheses, binds closest."""
OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(len(_LEVELS) + 1)


class Node(NamedTuple):
    """A piece of an expression: what it has of one level, without parentheses."""

    level: int
    operators: tuple[str, ...] = ()
    """Between the operands, or before the only one; of an atom, the function."""
    operands: tuple[Node, ...] = ()
    value: float | str = ""
    """The number or name that an atom is, unless it is a function's."""

    @property
    def is_truth(self) -> bool:
        """Whether it is true or false rather than a number."""
        return self.level <= COMPARE


def parse(text: str) -> Node:
    """Read a relation between parameters.

    Raises:
        SearchSpaceError: saying what was expected where.
    """
    return _Parser(text).relation()


def names_in(node: Node) -> Iterator[str]:
    """Yield the parameters in the order in which they are written, as often as they are."""
    if isinstance(node.value, str) and not node.operands:
        yield node.value
    for operand in node.operands:
        yield from names_in(operand)


def written(node: Node, params: Mapping[str, object] | None = None) -> str:
    """Return how a node is written: canonically, or with the values of `params` for names."""
    texts = [written(operand, params) for operand in node.operands]
    if node.level == ATOM and texts:
        return f"{node.operators[0]}({', '.join(texts)})"
    if not texts:
        return _atom_text(node.value if params is None or not isinstance(node.value, str) else params[node.value])
    least = [node.level + 1] * len(texts)
    if node.level in (NOT, SIGN):
        least = [node.level]
    elif node.level == POWER:
        least = [ATOM, *[SIGN] * (len(texts) - 1)]
    parts = [
        text if operand.level >= closest else f"({text})"
        for text, operand, closest in zip(texts, node.operands, least, strict=True)
    ]
    if node.level in (NOT, SIGN):
        return f"not {parts[0]}" if node.level == NOT else f"-{parts[0]}"
    return parts[0] + "".join(f" {sign} {part}" for sign, part in zip(node.operators, parts[1:], strict=True))


def _atom_text(value: object) -> str:
    if isinstance(value, str):
        return value if re.fullmatch(_PLAIN_NAME, value) and value not in _WORDS else f"`{value}`"
    return f"({value!r})" if isinstance(value, (int, float)) and value < 0 else repr(value)


class _Token(NamedTuple):
    kind: str
    text: str
    position: int

    @property
    def operator(self) -> str:
        """The mark or word that it is, "" for a number or a name."""
        return self.text if self.kind == "mark" or self.text in _WORDS else ""


class _Parser:
    """One reading of a text, by recursive descent through `_LEVELS`."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def relation(self) -> Node:
        """Read the whole text."""
        node = self._read(OR)
        if self._token.kind != "end":
            raise self._expected("an operator such as <= or *, or the end")
        if not node.is_truth:
            raise SearchSpaceError("it is a number, no relation: compare it by <=, <, ==, !=, > or >=")
        if not any(names_in(node)):
            raise SearchSpaceError("it asks about no parameter")
        return node

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *operators: str) -> str:
        """Step over one of `operators`, if it comes next, and return it."""
        found = self._token.operator
        if not found or found not in operators:
            return ""
        self._next += 1
        return found

    def _read(self, level: int) -> Node:
        """Read what binds at least as closely as `level`."""
        if level == ATOM:
            return self._atom()
        if level in (NOT, SIGN):
            if not (sign := self._take(*_LEVELS[level])):
                return self._read(level + 1)
            return self._checked(level, [sign], [self._deeper(level)])
        operands, operators = [self._read(level + 1)], []
        while found := self._take(*_LEVELS[level]):
            operators.append(found)
            # A power has one exponent, which may have a sign or a power of its own: 2 ** -n ** 2.
            operands.append(self._deeper(SIGN) if level == POWER else self._read(level + 1))
        return self._checked(level, operators, operands) if operators else operands[0]

    def _deeper(self, level: int) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SearchSpaceError(f"it is nested more than {MAX_DEPTH} deep, the limit")
        node = self._read(level)
        self._depth -= 1
        return node

    def _checked(self, level: int, operators: list[str], operands: list[Node]) -> Node:
        """Return the node, of numbers where it takes numbers, of relations where it takes relations."""
        for operand in operands:
            if operand.is_truth != (level < COMPARE):
                kind, other = ("relations", "a number") if level < COMPARE else ("numbers", "a relation")
                raise SearchSpaceError(f"{operators[0]!r} takes {kind}, got {other}: {written(operand)}")
        return Node(level, tuple(operators), tuple(operands))

    def _atom(self) -> Node:
        token = self._token
        if token.kind == "number":
            self._next += 1
            value = number(token.text)
            if value is None or not is_finite(value):
                raise SearchSpaceError(f"{shown(token.text)} is beyond what a float can hold")
            return Node(ATOM, value=value)
        if token.kind == "name" and not token.operator:
            self._next += 1
            return Node(ATOM, value=token.text.strip("`"))
        if name := self._take(*FUNCTIONS):
            return self._call(name)
        if self._take("("):
            node = self._deeper(OR)
            self._close("(")
            return node
        raise self._expected("a number, a name or '('")

    def _call(self, name: str) -> Node:
        if not self._take("("):
            raise self._expected(f"'(' after {name}; a parameter of this name is written `{name}`")
        operands = [self._deeper(OR)]
        while self._take(","):
            operands.append(self._deeper(OR))
        self._close(name)
        if (len(operands) == 1) != (name == "abs"):
            wanted = "one number" if name == "abs" else "at least two numbers"
            raise SearchSpaceError(f"{name} takes {wanted}, got {len(operands)}")
        return self._checked(ATOM, [name], operands)

    def _close(self, opened: str) -> None:
        if not self._take(")"):
            raise self._expected(f"')' to close {opened!r}")

    def _expected(self, what: str) -> SearchSpaceError:
        token = self._token
        seen = "the end" if token.kind == "end" else f"{token.text!r} at character {token.position + 1}"
        return SearchSpaceError(f"expected {what}, got {seen}")


def _tokens(text: str) -> Iterator[_Token]:
    pattern = _TOKEN()
    end = len(text.rstrip())
    position = 0
    while position < end:
        match = pattern.match(text, position, end)
        if match is None:
            rest = text[position:end].lstrip()
            place = f"{shown(rest)} (character {end - len(rest) + 1})"
            raise SearchSpaceError(f"cannot go on at {place}: {_HINTS.get(rest[0], _HINT)}")
        kind = str(match.lastgroup)
        yield _Token(kind, match[kind], match.start(kind))
        position = match.end()
    yield _Token("end", "", end)


def is_finite(value: float) -> bool:
    """Say whether a float can hold the number."""
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False
