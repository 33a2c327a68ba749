"""Text that comes from anywhere, made harmless where it is shown: it is read, and nothing obeys it.

    safe("\\x1b]0;pwn\\x07")                # no control sequence, no line end, no writing from right to left
    page("red \\x1b[31m\\nnext")            # the same for a text of several lines: line ends and tabs stay
    markdown("<img onerror=...> `x`")     # what MLflow shows as just that
    cell("=cmd|' /C calc'!A0")            # "'=cmd|...": no spreadsheet takes it for a formula

Names, values, messages and tracebacks come from users, data, and ledgers that others wrote.
"""

from __future__ import annotations

import re
from typing import Any

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$:@])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(text: str) -> str:
    """Return `text` with whatever a terminal would obey, line ends included, spelled out."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def page(text: str) -> str:
    """Return a text of lines with whatever else a terminal would obey spelled out."""
    return "\t".join("\n".join(map(safe, part.split("\n"))) for part in text.replace("\r\n", "\n").split("\t"))


def markdown(text: str) -> str:
    """Return `text` as Markdown that shows just that: no markup, no HTML, no link."""
    return _MARKUP.sub(r"\\\1", safe(text))


def code(text: str) -> str:
    """Return `text` as code in Markdown, in which nothing but its own end means anything."""
    return f"`{safe(text).replace('`', chr(0x2BC))}`"


def cell(value: Any) -> Any:
    """Return a cell of a CSV file that no spreadsheet takes for a formula; numbers stay."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
