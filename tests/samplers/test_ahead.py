"""Proposals made ahead of need."""

from __future__ import annotations

import threading

from automl.samplers import Proposal, Proposals
from automl.trial import TrialRecord


class Slow:
    """A sampler that answers when it is let."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[int] = []

    def propose(self, number: int) -> Proposal:
        self.asked.append(number)
        self.go.wait()
        return Proposal(params={"n": number})

    def observe(self, record: TrialRecord) -> None:
        """Nothing to learn."""


def test_the_loop_never_waits_for_a_slow_sampler() -> None:
    """Until the proposal is there the answer is "not yet"; the next one is then computed ahead."""
    slow = Slow()
    times = iter([0.0, 1.0, 1.0, 2.0])
    proposals = Proposals(slow, clock=lambda: next(times, 3.0))

    first = proposals.take(0, another=True)
    slow.go.set()
    proposals.wait(60)
    second = proposals.take(0, another=True)
    proposals.wait(60)
    third = proposals.take(1, another=False)
    proposals.close()

    assert first == (False, None)
    assert second == (True, Proposal(params={"n": 0}))
    assert third == (True, Proposal(params={"n": 1}))
    assert slow.asked == [0, 1]
