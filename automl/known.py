"""What a study knew before its first trial: the points that its user wants tried. It stands in the ledger as events.

    known = Known.read(reader)
    known.tries                                         # [{"lr": 0.1, "width": 64}]
    known.added(ledger, tries=config.tries)             # a resumed study may know more than before

Each event holds what came to be known, so that what a sampler was told at any seq can be told again, whatever becomes
of where it was from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from automl.ledger.queries import Reader
from automl.ledger.writer import Writer
from automl.samplers.base import Params, key

TRIES = "tries"
"""The kind of an event with points to try first: {"points": [...]}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a study was told."""

    tries: tuple[Params, ...] = ()
    """Points to try first; after a change of its space some may be points of the one before."""

    @classmethod
    def read(cls, reader: Reader, *, up_to: int | None = None) -> Known:
        """Return what the ledger has, up to a seq."""
        events = [event for event in reader.events(kind=TRIES) if up_to is None or event.seq <= up_to]
        return cls(tries=tuple(point for event in events for point in event.data["points"]))

    def added(self, ledger: Writer, *, tries: Iterable[Mapping[str, Any]]) -> None:
        """Record what is new among all that a study is told now."""
        told = set(map(key, self.tries))
        points = [dict(point) for point in tries if key(point) not in told]
        if points:
            ledger.event(TRIES, points=points)
