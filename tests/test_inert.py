"""Text that comes from anywhere: nothing that shows it obeys it."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from automl import inert

HOSTILE = [
    "\x1b]0;pwn\x07",
    "\x1b]8;;file:///etc/passwd\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31mred",
    "abc\u202etxt.exe",
    "\u2066hidden\u2069",
    "two\nlines\r",
    "\ud800",
]


@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_a_terminal_obeys_nothing(text: str) -> None:
    """No control character, no writing from right to left, no half of a surrogate pair, in lines and in pages alike."""
    shown = inert.safe(text)
    pages = inert.page(text)

    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)
    assert all(unicodedata.category(char) not in ("Cf", "Cs") for char in pages)
    assert not {char for char in pages if unicodedata.category(char) == "Cc"} - {"\n", "\t"}
    shown.encode()


def test_pages_keep_their_lines() -> None:
    """Line ends and tabs of a log stay, whoever ended the lines; what else moves the cursor does not."""
    assert inert.page("a\tb\r\nc\rd\n\x1b[2J") == "a\tb\nc\\rd\n\\x1b[2J"


def test_markdown_shows_what_was_written() -> None:
    """Neither Markdown nor HTML in a name means anything; an end of code does not end it."""
    text = "<img src=x onerror=alert(1)> [a](javascript:b) **c** `d`\n# e"

    shown, code = inert.markdown(text), inert.code("a` <script>`")

    assert "\n" not in shown
    assert "\\<img" in shown
    assert "\\[a\\]\\(javascript\\:b\\)" in shown
    assert code.count("`") == 2


def test_cells_are_no_formulas() -> None:
    """What begins like a formula is text to a spreadsheet; numbers stay numbers."""
    for text in ("=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1"):
        assert inert.cell(text) == f"'{text}"
    assert [inert.cell(value) for value in (-1.5, "adam", None, 3)] == [-1.5, "adam", None, 3]
