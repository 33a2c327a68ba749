"""What may end a search early, judged by itself."""

from __future__ import annotations

from pathlib import Path

from automl import trial_log
from automl.enough import EndedBy
from automl.halt import Halt
from automl.ledger.requests import Request
from automl.trial import Reason, TrialRecord, TrialState


def test_time_is_up_for_all_drivers_together() -> None:
    """What drivers before have used counts."""
    now = [1000.0]
    halt = Halt(timeout=60.0, used=50.0, clock=lambda: now[0])
    assert not halt.at_once

    now[0] += 10

    assert halt.spent is EndedBy.TIMEOUT
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


def failed(number: int, reason: Reason) -> TrialRecord:
    return TrialRecord(number=number, state=TrialState.FAIL, params={}, reason=reason, message="what was said")


def test_too_many_failures_end_a_search(tmp_path: Path) -> None:
    """Whatever their reasons, and in spite of a success; the last traceback comes along, for those who show it."""
    good = TrialRecord(number=0, state=TrialState.COMPLETE, params={}, value=1.0)
    log = tmp_path / "log"
    halt = Halt(timeout=None, max_failures=2)
    try:
        raise ValueError("of the user")
    except ValueError:
        trial_log.keep_failure(log)

    halt.count(failed(1, Reason.NAN), [good], tmp_path / "none")
    assert halt.failure is None
    halt.count(failed(2, Reason.RAISED), [good], log)

    assert halt.failure is not None
    assert str(halt.failure) == (
        "as many trials have failed as --max-failures allows (2), the last with reason raised: what was said. "
        f"See {log}"
    )
    assert halt.failure.traceback[0] == "Traceback (most recent call last):"
    assert halt.failure.traceback[-1] == "ValueError: of the user"
