"""What a study knew before its first trial: points to try, and what other studies found. It stands in its ledger.

    known = Known.read(reader)
    known.tries                                         # [{"lr": 0.1, "width": 64}]
    known.pasts                                         # [Past(study="digits-1", ...)]
    known.added(ledger, tries=config.tries, pasts=[])   # a resumed study may know more than before

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
from automl.samplers.past import Past

TRIES = "tries"
"""The kind of an event with points to try first: {"points": [...]}."""
WARM_START = "warm-start"
"""The kind of an event with the results of another study, `Past.to_dict`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a study was told."""

    tries: tuple[Params, ...] = ()
    """Points to try first; after a change of its space some may be points of the one before."""

    pasts: tuple[Past, ...] = ()

    @classmethod
    def read(cls, reader: Reader, *, up_to: int | None = None) -> Known:
        """Return what the ledger has, up to a seq."""

        def told(kind: str) -> list[Mapping[str, Any]]:
            return [event.data for event in reader.events(kind=kind) if up_to is None or event.seq <= up_to]

        return cls(
            tries=tuple(point for data in told(TRIES) for point in data["points"]),
            pasts=tuple(Past.from_dict(data) for data in told(WARM_START)),
        )

    def added(self, ledger: Writer, *, tries: Iterable[Params], pasts: Iterable[Past] = ()) -> None:
        """Record what is new among all that a study is told now; of a study that was read before, nothing."""
        told = set(map(key, self.tries))
        points = [dict(point) for point in tries if key(point) not in told]
        if points:
            ledger.event(TRIES, points=points)
        studies = {past.study for past in self.pasts}
        for past in pasts:
            if past.study not in studies:
                ledger.event(WARM_START, **past.to_dict())
