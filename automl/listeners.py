"""Who hears of what happens in a study, after it was written down.

listeners = Listeners([print])
listeners.tell("trial-paused", trial=3)             # {"event": "trial-paused", "time": 1760000000.0, "trial": 3}
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Listener = Callable[[Mapping[str, Any]], None]
"""Called with each event, a JSON object with the keys `event` and `time`, after it was written down."""

logger = logging.getLogger(__name__)


class Listeners:
    """Listeners, as long as they work."""

    def __init__(self, listeners: Iterable[Listener] = (), *, clock: Callable[[], float] = time.time) -> None:
        self._listeners = list(listeners)
        self._clock = clock

    def tell(self, event: str, **data: Any) -> None:
        """Tell all of an event; a view that breaks is no reason to end a search, it only hears no more."""
        row = {"event": event, "time": self._clock(), **data}
        for listener in list(self._listeners):
            try:
                listener(row)
            except Exception:
                self._listeners.remove(listener)
                logger.exception("a listener failed and hears no more")
