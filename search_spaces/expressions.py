"""Relations between numbers as people write them: a value that says where it holds, and what was seen where not.

    fits = Expression.parse("n_layers*width <= 4096 and 2 <= n_layers")
    str(fits) == "n_layers * width <= 4096 and 2 <= n_layers"
    fits.holds({"n_layers": 4, "width": 2048})                  # False
    fits.seen({"n_layers": 4, "width": 2048})                   # "4 * 2048 = 8192"

Numbers, names, `+ - * / // % **`, `min() max() abs()`, parentheses; compared by `< <= > >= == !=`, also in chains, and
joined by `and`, `or`, `not`. All of it binds and rounds as in Python. A name may have dots (`cnn.width`); one that has
other signs, or is a word or a number here, stands in backticks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from search_spaces.errors import SearchSpaceError
from search_spaces.formulas import (
    AND,
    ATOM,
    COMPARE,
    MAX_LENGTH,
    NOT,
    OR,
    POWER,
    SIGN,
    Node,
    is_finite,
    names_in,
    parse,
    written,
)
from search_spaces.scalars import shown

_EXAMPLE = "n_layers * width <= 4096"
_MAX_BITS = 1024
"""Of a whole number that a power of whole numbers makes; floats end there too."""
_FUNCTIONS: dict[str, Callable[..., float]] = {"min": min, "max": max, "abs": abs}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A relation between numbers. Equal when it is written the same, but for blanks and needless parentheses."""

    text: str
    """As it is written canonically."""
    names: tuple[str, ...] = field(compare=False)
    """The parameters that it asks about, each once."""
    _root: Node = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read a relation.

        Raises:
            SearchSpaceError: naming the text, what was expected where, and an example.
        """
        if not isinstance(text, str):
            raise SearchSpaceError(f"a relation must be text such as {_EXAMPLE!r}, got {shown(text)}")
        _check_length(text)
        try:
            return cls._of(parse(text))
        except SearchSpaceError as error:
            problem = "; ".join(error.problems)
            raise SearchSpaceError(f"cannot read {shown(text)}: {problem}; an example: {_EXAMPLE}") from None

    @classmethod
    def _of(cls, root: Node) -> Expression:
        text = written(root)
        _check_length(text)  # again: what is written must be readable
        return cls(text, tuple(dict.fromkeys(names_in(root))), root)

    def holds(self, params: Mapping[str, object]) -> bool:
        """Say whether it is so at `params`; it is where a parameter that it asks about does not exist.

        It is not where a number has no value: after a division by zero, or beyond what a float can hold.
        """
        if any(name not in params for name in self.names):
            return True
        return _is_so(self._root, params)

    def seen(self, params: Mapping[str, object]) -> str:
        """Return the numbers for which it does not hold at `params`, which has every name: "4 * 2048 = 8192"."""
        node = next((part for part in self._conjuncts() if not _is_so(part, params)), self._root)
        names = tuple(dict.fromkeys(names_in(node)))
        if node.level != COMPARE or not names:
            return ", ".join(f"{name} = {shown(params[name])}" for name in names or self.names)
        return ", ".join(_worked_out(side, params) for side in node.operands if any(names_in(side)))

    def _conjuncts(self) -> tuple[Node, ...]:
        """Return the parts of which each must hold."""
        return self._root.operands if self._root.level == AND else (self._root,)

    def renamed(self, new_name: Callable[[str], str]) -> Expression:
        """Return the same relation of parameters with other names."""
        return Expression._of(_renamed(self._root, new_name))

    def __str__(self) -> str:
        return self.text


def _check_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise SearchSpaceError(f"{shown(text)} has {len(text)} characters; at most {MAX_LENGTH} are allowed")


def _renamed(node: Node, new_name: Callable[[str], str]) -> Node:
    value = new_name(node.value) if isinstance(node.value, str) and not node.operands else node.value
    return node._replace(value=value, operands=tuple(_renamed(operand, new_name) for operand in node.operands))


def _worked_out(side: Node, params: Mapping[str, object]) -> str:
    """Return one side of a comparison and its value: "4 * 2048 = 8192", "width = 16"."""
    is_name = side.level == ATOM and not side.operands
    text = written(side, None if is_name else params)
    try:
        return f"{text} = {_value(side, params):.12g}"
    except ArithmeticError as error:
        return f"{text} has no value ({error})"


def _is_so(node: Node, params: Mapping[str, object]) -> bool:
    try:
        return bool(_value(node, params))
    except ArithmeticError:
        return False


def _value(node: Node, params: Mapping[str, object]) -> float:
    """Return the value of a node.

    Raises:
        ArithmeticError: it has none.
    """
    value: float
    if node.level == ATOM:
        value = _atom_value(node, params)
    elif node.level == COMPARE:
        return _holds_between(node, params)
    elif node.level == AND:
        return all(_value(operand, params) for operand in node.operands)
    elif node.level == OR:
        return any(_value(operand, params) for operand in node.operands)
    elif node.level == NOT:
        return not _value(node.operands[0], params)
    elif node.level == SIGN:
        value = -_value(node.operands[0], params)
    elif node.level == POWER:
        value = _power(*(_value(operand, params) for operand in node.operands))
    else:
        value = _value(node.operands[0], params)
        for sign, operand in zip(node.operators, node.operands[1:], strict=True):
            value = _ARITHMETIC[sign](value, _value(operand, params))
    if not is_finite(value):
        raise OverflowError("beyond what a float can hold")
    return value


def _atom_value(node: Node, params: Mapping[str, object]) -> float:
    if node.operands:
        return _FUNCTIONS[node.operators[0]](*(_value(operand, params) for operand in node.operands))
    value = params[node.value] if isinstance(node.value, str) else node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ArithmeticError(f"{shown(value)} is no number")
    return value


def _holds_between(node: Node, params: Mapping[str, object]) -> bool:
    left = _value(node.operands[0], params)
    for sign, operand in zip(node.operators, node.operands[1:], strict=True):
        right = _value(operand, params)
        if not _COMPARISONS[sign](left, right):
            return False
        left = right
    return True


def _power(base: float, exponent: float) -> float:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > _MAX_BITS:
        base = float(base)  # which has a limit that whole numbers lack
    value: float | complex = base**exponent
    if isinstance(value, complex):
        raise ArithmeticError("a root of a negative number")
    return value
