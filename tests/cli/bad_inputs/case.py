"""What a case of bad input is: what is typed, where, and what must be said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Content = str | bytes


@dataclass(frozen=True, slots=True)
class Case:
    """One command that must be refused."""

    name: str
    arguments: tuple[str, ...]
    says: tuple[str, ...]
    """A line for each problem, in order; `...` stands for anything, `{here}` for the working folder."""
    files: Mapping[str, Content] = field(default_factory=dict)
    """Path -> content of what is there before."""
    env: dict[str, str] = field(default_factory=dict)
    code: int = 2

    def write_files(self, folder: Path) -> None:
        """Make what must be there before."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def unlike(self, lines: list[str], here: Path) -> list[tuple[str, str]]:
        """Return the lines that are not what they should be, each beside the one expected; [] when all is well."""
        expected = [says.replace("{here}", str(here)) for says in self.says]
        padded = [*lines, *[""] * (len(expected) - len(lines))]
        pairs = zip(padded, [*expected, *[""] * (len(padded) - len(expected))], strict=True)
        return [(line, says) for line, says in pairs if not re.fullmatch(_pattern(says), line)]


def _pattern(says: str) -> str:
    return ".*".join(map(re.escape, says.split("...")))
