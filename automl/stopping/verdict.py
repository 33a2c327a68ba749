"""The three answers to a report."""

from __future__ import annotations

import enum


class Verdict(enum.StrEnum):
    """What becomes of a trial after a report."""

    CONTINUE = "CONTINUE"
    STOP = "STOP"
    PAUSE = "PAUSE"
