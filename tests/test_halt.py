"""What may end a search early, judged by itself."""

from __future__ import annotations

from automl.halt import Halt
from automl.ledger.requests import Request


def test_time_is_up_for_all_drivers_together() -> None:
    """What drivers before have used counts."""
    now = [1000.0]
    halt = Halt(timeout=60.0, used=50.0, clock=lambda: now[0])
    assert not halt.at_once

    now[0] += 10

    assert halt.is_time_up
    assert halt.at_once


def test_the_harsher_request_stands() -> None:
    """To finish is no reason to end at once; now is, and is not taken back."""
    halt = Halt(timeout=None)

    assert halt.heed(Request.FINISH)
    assert not halt.heed(Request.FINISH)
    assert not halt.at_once
    assert halt.heed(Request.NOW)
    assert not halt.heed(Request.FINISH)
    assert halt.at_once
