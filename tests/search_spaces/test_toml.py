"""The scan of TOML finds the data that `tomllib` finds, and where each piece of it stands."""

from __future__ import annotations

import datetime
import math
import tomllib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search_spaces.documents import Place, Unreadable
from search_spaces.toml import read_toml

_LINES = [
    *("a = 1", 'b.c = "x"', "b.d.e = [1, [2, 3], {x = 1, y.z = 2}]", '"q.r" = 1e-5', "'s t' = 'u'", "o = {}", "p = []"),
    *("[a]", "[b]", "[b.c]", "[[l]]", "[[l.m]]", "[l.m.n]", "[t.u]", "[t]", "[ x . y ]", '["v w"]'),
    *("k = 0x1F # c", "f = 1_000.5e-3", "g = true", "z = -inf", "zz = nan", "h = +0.0", "i = 0b101"),
    *('m = """\na\\tb"""', "n = [\n 1, # c\n 2,\n]", 's = ""', 'u = "\\u00e9\\""', "w = '''a''b'''", 'y = """"x"""""'),
    *("# c", "", "  v  .  w = 07:32:00", "d = 1979-05-27 07:32:00Z", "e = {a = {b = 1}}", "e.a.b = 2", "b.c.z = 3"),
    *("bad", "a = ", "[b", "c = 1 d = 2", 'j = "', "r = 01", "[]", "q = [1"),
]


def _plain(value: Any) -> Any:
    """Return what `tomllib` reads as data that is compared: nan is nan, a date is a text."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and math.isnan(value) else value


def _dates(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_dates, inner)) + isinstance(value, (datetime.date, datetime.time))


@example(lines=['a = """x"""', "b = 1"])
@given(lines=st.lists(st.sampled_from(_LINES), max_size=8))
def test_it_agrees_with_tomllib(lines: list[str]) -> None:
    """What is valid for one is valid for the other, and the same data; only dates are refused, each by itself."""
    text = "\n".join(lines)
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        expected = None

    try:
        document = read_toml(text)
    except Unreadable:
        assert expected is None
        return

    if expected is None:
        assert document.problems  # that something stands there twice
    elif not _dates(expected):
        assert document.problems == []
        assert _plain(document.data) == _plain(expected)
    else:
        assert len(document.problems) == _dates(expected)


def test_places() -> None:
    """Keys stand where their own part of a dotted name or header begins; values in lists where they begin."""
    document = read_toml('a.b = 1\n  [c . "d.e"]\nf = [1,\n  2, {g = 3}]\n[[h]]\n[[h]]\ni = ""\n')

    found = {
        path: document.place(path, of_key=isinstance(path[-1], str))
        for path in [("a",), ("a", "b"), ("c", "d.e"), ("c.d.e.f", 1), ("c", "d.e", "f", 2, "g"), ("h", 1, "i")]
    }

    assert list(found.values()) == [
        *(Place(1, 1), Place(1, 3), Place(2, 8)),
        *(Place(4, 3), Place(4, 7), Place(7, 1)),
    ]


@pytest.mark.parametrize(
    "text", [".".join("a" * 100_000) + " = 1", "[" + ".".join("a" * 100_000) + "]", "a = " + "[" * 10**5]
)
def test_limits_hold_before_tomllib_sees_the_text(text: str) -> None:
    """Names of many parts would cost it minutes, and lists in lists a RecursionError."""
    with pytest.raises(Unreadable, match="nested more than 32 deep"):
        read_toml(text)
