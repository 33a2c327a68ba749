"""Relations between numbers are read by a parser of our own, mean what Python means by them, and never run anything."""

from __future__ import annotations

import ast
import math
import pickle

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from search_spaces import SearchSpaceError
from search_spaces.expressions import Expression
from search_spaces.formulas import MAX_DEPTH, MAX_LENGTH

_NAMES = ["a", "b", "cnn.width"]
_POINTS = st.fixed_dictionaries({name: st.integers(-4, 9) | st.sampled_from([0.5, 2.0]) for name in _NAMES})


def _terms(inner):
    pairs = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(" ".join)
    calls = st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda parts: "{}({}, {})".format(*parts))
    powers = inner.map("{} ** 2".format) | inner.map("2 ** -{} ** 2".format)
    return pairs | powers | calls | inner.map("-{}".format) | inner.map("({})".format) | inner.map("abs({})".format)


_ATOMS = st.sampled_from([*_NAMES, "0", "1", "2", "0.5", "1e-3"])
_SUMS = st.recursive(_ATOMS, _terms, max_leaves=6)
_SIGNS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
_COMPARISONS = st.tuples(_SUMS, _SIGNS, _SUMS).map(" ".join) | st.tuples(_SUMS, _SIGNS, _SUMS, _SIGNS, _SUMS).map(
    " ".join
)
_RELATIONS = st.recursive(
    _COMPARISONS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join)
        | inner.map("not {}".format)
        | inner.map("({})".format)
    ),
    max_leaves=4,
)


def _stays_a_float(node, values):
    """Say whether no part of a program grows beyond a float, where Python's whole numbers go on and ours do not."""

    def value(part):
        return eval(compile(ast.Expression(part), "", "eval"), {"min": min, "max": max, "abs": abs}, values)

    if not all(_stays_a_float(part, values) for part in ast.iter_child_nodes(node)):
        return False
    if not isinstance(node, (ast.BinOp, ast.UnaryOp)):
        return True
    try:
        is_short = not isinstance(getattr(node, "op", None), ast.Pow) or abs(value(node.right)) < 1000
        return is_short and math.isfinite(value(node))
    except ZeroDivisionError:
        return True
    except OverflowError:
        return False


@given(_RELATIONS, _POINTS)
@example("not (a < 2 ** --cnn.width ** 2 ** 2 and a < a)", {"a": 0, "b": 0, "cnn.width": 6})
def test_means_what_python_means(text, params):
    """Whatever is written binds, rounds and compares as Python does; what has no value in Python does not hold."""
    relation = Expression.parse(f"a == a and ({text})")
    values = {"a": params["a"], "b": params["b"], "w": params["cnn.width"]}
    code = text.replace("cnn.width", "w")
    assume(_stays_a_float(ast.parse(code, mode="eval").body, values))

    try:
        expected = bool(eval(code, {"__builtins__": {"min": min, "max": max, "abs": abs}}, values))
    except ArithmeticError:
        expected = False

    again = Expression.parse(str(relation))
    assert relation.holds(params) is expected
    assert again.holds(params) is expected
    assert again == relation
    assert relation.seen(params)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("n_layers*width<=4096", "n_layers * width <= 4096"),
        (" ((a))  <=(4)", "a <= 4"),
        ("(a+b)*c > 1 and (a < b or not(b<c))", "(a + b) * c > 1 and (a < b or not b < c)"),
        ("a-(b-c) == .5e-3", "a - (b - c) == 0.0005"),
        ("2**-b**2 < (-a)**2", "2 ** -b ** 2 < (-a) ** 2"),
        ("(a**b)**c>1", "(a ** b) ** c > 1"),
        ("`weight-decay` < `lr` * 1e-5", "`weight-decay` < lr * 1e-05"),
        ("`3d` < `max`", "`3d` < `max`"),
        ("min(a,b , 3) < abs( -a )", "min(a, b, 3) < abs(-a)"),
        ("2 <= cnn.n_layers<b", "2 <= cnn.n_layers < b"),
    ],
)
def test_is_written_in_one_way(text, written):
    """Blanks and needless parentheses make no difference."""
    relation = Expression.parse(text)

    assert str(relation) == written
    assert Expression.parse(written) == relation
    assert hash(Expression.parse(written)) == hash(relation)
    assert pickle.loads(pickle.dumps(relation)) == relation


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = 3", "cannot go on at '= 3' (character 3): write =="),
        ("a < 3 && b < 3", "cannot go on at '&& b < 3' (character 7): write and"),
        ("a \u2264 3", "write <="),
        ("arch == 'cnn'", 'forbid, such as "arch=cnn", asks about text'),
        ("n_layers * width", "it is a number, no relation: compare it by <=, <"),
        ("1 < 2", "it asks about no parameter"),
        ("", "expected a number, a name or '(', got the end"),
        ("a <", "expected a number, a name or '(', got the end"),
        ("a < b c", "expected an operator such as <= or *, or the end, got 'c' at character 7"),
        ("a < (b", "expected ')' to close '(', got the end"),
        ("(a < b) < c", "'<' takes numbers, got a relation: a < b"),
        ("a and b < 1", "'and' takes relations, got a number: a"),
        ("-(a < b)", "'-' takes numbers, got a relation"),
        ("not a", "'not' takes relations, got a number: a"),
        ("min(a) < 1", "min takes at least two numbers, got 1"),
        ("abs(a, b) < 1", "abs takes one number, got 2"),
        ("min(a < 1, b) < 1", "'min' takes numbers, got a relation"),
        ("max < 3", "a parameter of this name is written `max`"),
        ("3d < 2", "cannot go on at '3d < 2' (character 1): only names, numbers"),
        ("a < 1e999", "'1e999' is beyond what a float can hold"),
        (f"a < {'9' * 900}", "is beyond what a float can hold"),
        ("__import__('os').system('ls') < 1", "cannot go on at \"'os').system"),
        ("open(a) < 1", "expected an operator such as <= or *, or the end, got '(' at character 5"),
        ("a.b(1) < 2", "got '(' at character 4"),
        ("lambda: 1", "cannot go on at ': 1'"),
        ("a < b[0]", "cannot go on at '[0]'"),
        ("(" * 40 + "a" + ")" * 40 + " < 1", f"it is nested more than {MAX_DEPTH} deep, the limit"),
        ("-" * 500 + "a < 1", "it is nested more than"),
        ("not " * 200 + "a < 1", "it is nested more than"),
        ("**".join("a" * 100) + " < 1", "it is nested more than"),
        ("a" * 1001, f"has 1001 characters; at most {MAX_LENGTH} are allowed"),
        ("+".join("a" * 300) + "<1", f"characters; at most {MAX_LENGTH} are allowed"),
        (5, "a relation must be text such as 'n_layers * width <= 4096', got 5"),
    ],
)
def test_refuses_what_it_cannot_read(text, problem):
    """The error says what stands where, what was expected and what to write."""
    with pytest.raises(SearchSpaceError) as caught:
        Expression.parse(text)

    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1


@given(st.text(st.sampled_from("ab1.<>=!+-*/%() ,`andornotminmaxabs\"'[]"), max_size=30) | st.text(max_size=12))
def test_no_text_breaks_the_parser(text):
    """Whatever is written, the answer is a relation that is read again, or an error of ours."""
    try:
        relation = Expression.parse(text)
    except SearchSpaceError:
        return

    assert Expression.parse(str(relation)) == relation


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9**9**9 > a",
        "a ** 100000 ** 9 < 0",
        "1e308 * 10 > a",
        "(-8) ** 0.5 != a",
        "1 / (a - 2) > 0",
        "a % (a - 2) == 0 or a > 0",
        "0.0 ** -a < 1",
        "10 ** 300 * 10 ** 300 > a",
    ],
)
def test_what_has_no_value_does_not_hold(text):
    """A division by zero or a number without end is quickly refused, whatever it is compared with."""
    assert Expression.parse(text).holds({"a": 2}) is False


def test_a_relation_about_nobody_holds():
    """Where a parameter does not exist nothing can be asked of it."""
    relation = Expression.parse("a < b")

    assert relation.names == ("a", "b")
    assert relation.holds({"a": 5})
    assert relation.holds({"a": 5, "b": 6})
    assert not relation.holds({"a": 5, "b": 5})
    assert not relation.holds({"a": "5", "b": 6})
    assert not relation.holds({"a": True, "b": 6})


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("n * w <= 4096", "4 * 2048 = 8192"),
        ("n >= w", "n = 4, w = 2048"),
        ("w < 5000 and n < m", "n = 4, m = -3"),
        ("n > 5 or w < 100", "n = 4, w = 2048"),
        ("not n < 5", "n = 4"),
        ("n ** m > 2 * 3", "4 ** (-3) = 0.015625"),
        ("w / (m + 3) < 1", "2048 / ((-3) + 3) has no value (division by zero)"),
    ],
)
def test_says_what_it_saw(text, seen):
    """The numbers on each side, and of several parts those of the one that is not so."""
    assert Expression.parse(text).seen({"n": 4, "w": 2048, "m": -3}) == seen


def test_renamed():
    """Other names, the same relation; a name that needs backticks gets them."""
    relation = Expression.parse("a + b <= max(a, 4)")

    assert str(relation.renamed(lambda name: f"x-y.{name}")) == "`x-y.a` + `x-y.b` <= max(`x-y.a`, 4)"
    with pytest.raises(SearchSpaceError, match="at most 1000 are allowed"):
        relation.renamed(lambda name: name * 500)
