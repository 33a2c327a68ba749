"""The error of this package, which carries every problem at once, and its one special case.

try:
    load_space("space.yaml")
except SearchSpaceError as error:
    for problem in error.problems:      # 'space.yaml:3:8: lr: low 1.0 is above high 0.1: swap them'
        print(problem)
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from itertools import pairwise

from search_spaces.scalars import shown

MAX_COMPARED = 250
"""Characters of what was seen that are compared with known words."""


class SearchSpaceError(ValueError):
    """Mend what each of `problems` names: it says what was seen, what was expected and what to write."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[SearchSpaceError], tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)


class ConversionError(SearchSpaceError):
    """Another library cannot say the same: each of `problems` names a parameter, what it asks for, and what to do."""


def did_you_mean(seen: object, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known word nearest to `seen`, whatever its case, or "" when none is near."""
    import difflib
    import heapq

    text = (seen if isinstance(seen, str) else shown(seen)).casefold()[:MAX_COMPARED]
    pairs = _pairs(text)
    words = {word.casefold(): word for word in known}
    likely = heapq.nlargest(20, words, key=lambda word: len(pairs & _pairs(word)))  # comparing all would take seconds
    near = difflib.get_close_matches(text, likely, n=1)
    if not near and len(text) > 2:
        near = [word for word in likely if word.startswith(text)]
    return f"; did you mean {words[near[0]]!r}?" if near else ""


@functools.lru_cache(maxsize=20_000)
def _pairs(word: str) -> frozenset[str]:
    """Return the pairs of neighbouring letters in a word, its ends counting as letters."""
    return frozenset(map("".join, pairwise(f" {word[:MAX_COMPARED]} ")))
