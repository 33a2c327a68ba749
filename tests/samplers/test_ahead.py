"""Proposals made ahead of need, and what they are based on."""

from __future__ import annotations

import threading

import numpy as np
import threadpoolctl

from automl.samplers import Proposal, Proposals
from automl.trial import TrialRecord, TrialState


class Slow:
    """A sampler that answers when it is let, with all that it has heard."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[int] = []
        self.heard: list[tuple[int, int]] = []

    def propose(self, number: int) -> Proposal:
        self.asked.append(number)
        heard = list(self.heard)
        self.go.wait()
        assert heard == self.heard, "something was observed in the middle of a proposal"
        return Proposal(params={"n": number, "heard": heard})

    def observe(self, record: TrialRecord) -> None:
        self.heard.append((record.number, len(record.reports)))


def test_the_loop_never_waits_for_a_slow_sampler() -> None:
    """Until the proposal is there the answer is "not yet"; the next one is then computed ahead."""
    slow = Slow()
    times = iter([0.0, 1.0, 1.0, 2.0])
    proposals = Proposals(slow, clock=lambda: next(times, 3.0))

    first = proposals.take(0, another=True, seq=1)
    slow.go.set()
    proposals.wait(60)
    second = proposals.take(0, another=True, seq=2)
    proposals.wait(60)
    third = proposals.take(1, another=False, seq=3)
    proposals.close()

    assert first == (False, None)
    assert second == (True, Proposal(params={"n": 0, "heard": []}, seq=1))
    assert third == (True, Proposal(params={"n": 1, "heard": []}, seq=2))
    assert slow.asked == [0, 1]


def test_what_is_observed_reaches_the_sampler_when_a_proposal_begins() -> None:
    """In its order, as it was then: neither what is observed meanwhile nor a later report changes a proposal."""
    slow = Slow()
    times = iter([0.0, 1.0, 1.0, 2.0])
    proposals = Proposals(slow, clock=lambda: next(times, 3.0))
    live = {1: 0.5}
    proposals.observe(TrialRecord(number=7, state=TrialState.RUNNING, params={}, reports=live))
    live[2] = 0.4

    waits = proposals.take(0, another=True, seq=1)
    for number in (9, 8):
        proposals.observe(TrialRecord(number=number, state=TrialState.COMPLETE, params={}, reports={}))
    slow.go.set()
    proposals.wait(60)
    found = [proposals.take(0, another=True, seq=2)]
    proposals.wait(60)
    found.append(proposals.take(1, another=False, seq=3))
    proposals.close()

    assert waits == (False, None)
    assert [(each.params["heard"], each.seq) for _, each in found if each] == [
        ([(7, 1)], 1),
        ([(7, 1), (9, 0), (8, 0)], 2),
    ]


def test_linear_algebra_is_held_to_one_core() -> None:
    """Small matrices on all cores, beside busy workers, would take a hundred times as long."""
    threadpoolctl.threadpool_limits(2, user_api="blas")
    found: list[set[int]] = []

    class Looking:
        def propose(self, number: int) -> Proposal:
            np.linalg.inv(np.eye(3))
            info = threadpoolctl.threadpool_info()
            found.append({each["num_threads"] for each in info if each["user_api"] == "blas"})
            return Proposal(params={})

        def observe(self, record: TrialRecord) -> None:
            raise AssertionError("nothing was observed")

    Proposals(Looking(), ahead=False).take(0, another=False, seq=1)

    assert found == [{1}]
