"""A space as a table of the library Rich, for notebooks and terminals: what `rich.print(space)` shows.

Apart from the space, so that whoever has no Rich can use spaces all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from search_spaces.points import Step
from search_spaces.relations import Relations
from search_spaces.scalars import literal

if TYPE_CHECKING:
    from rich.console import Group


_COLUMNS: dict[str, Callable[[Step], str]] = {
    "name": lambda step: step.name,
    "kind": lambda step: step.distribution.type,
    "range": lambda step: step.distribution.domain(),
    "when": lambda step: str(step.condition or ""),
    "default": lambda step: literal(step.distribution.default_value()),
    "prior": lambda step: step.distribution.belief(),
}


def as_table(steps: Sequence[Step], relations: Relations) -> Group:
    """Return a row for each parameter, with the value at which it stands by default, and a line for each relation.

    A column in which nothing stands is left out.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    cells: list[list[Text]] = []
    for column, text_of in _COLUMNS.items():
        texts = [text_of(step) for step in steps]
        if any(texts):
            table.add_column(column, overflow="fold", no_wrap=column not in ("range", "when"))
            cells.append([Text(text) for text in texts])  # not str: in that, brackets of a value would be markup
    for row in zip(*cells, strict=True):
        table.add_row(*row)
    lines = [Text(f"{key}: {line}") for key, each in relations.lines().items() for line in each]
    return Group(table, *lines)
