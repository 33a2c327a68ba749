"""Proposals from a slow sampler, made before they are wanted: the driver's loop waits for none of them.

proposals = Proposals(sampler)
proposals.observe(record)
is_ready, proposal = proposals.take(0, another=True, seq=412)
proposals.wait(1.0)                                     # for whoever has nothing else to do

proposals = Proposals(sampler, ahead=False)             # where time is simulated: each is made when it is asked for

What is observed waits until a proposal begins, and then reaches the sampler first, in its order. So a proposal follows
from the history up to one moment, its `seq`, whatever happens while it is computed, and can be computed again.

It is computed on one core. A hundred trials make small matrices: linear algebra on all cores, which busy workers hold,
takes a hundred times as long, most of it in waiting for one of its own threads.
"""

from __future__ import annotations

import concurrent.futures
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from automl.samplers.base import Proposal, Sampler
from automl.trial import TrialRecord


class Proposals:
    """Takes proposals from a sampler without making the driver's loop wait for a slow one.

    A proposal is computed in a thread. One that took longer than `PATIENCE` is followed at once by the next, so that it
    is ready before a worker is free. Unless it may work `ahead`: then each is computed in place, when it is asked for.
    """

    PATIENCE = 0.03
    """Seconds that the loop may wait."""

    def __init__(self, sampler: Sampler, *, ahead: bool = True, clock: Callable[[], float] = time.perf_counter) -> None:
        self._sampler = sampler
        self._works_ahead = ahead
        self._clock = clock
        self._heard: list[TrialRecord] = []
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="sampler")
        self._ahead: concurrent.futures.Future[tuple[Proposal | None, float]] | None = None

    def observe(self, record: TrialRecord) -> None:
        """Take in what became of a trial, as it stands now; the next proposal to begin knows it."""
        self._heard.append(still(record))

    def take(self, number: int, *, another: bool, seq: int) -> tuple[bool, Proposal | None]:
        """Return (True, what trial `number` tries), (True, None) at the end of the space, or (False, None): not yet.

        Args:
            number: the next trial; ask for the same one until it is there.
            another: whether a further trial will be wanted.
            seq: of the ledger, up to which all was observed; a proposal that begins now will have it.

        Raises:
            SearchAbortedError: a sampler of the user's own failed.
        """
        if not self._works_ahead:
            return True, self._work(number, seq)()[0]
        if self._ahead is None:
            self._ahead = self._thread.submit(self._work(number, seq))
        try:
            proposal, seconds = self._ahead.result(self.PATIENCE)
        except concurrent.futures.TimeoutError:
            return False, None
        is_slow = seconds > self.PATIENCE and another and proposal is not None
        self._ahead = self._thread.submit(self._work(number + 1, seq)) if is_slow else None
        return True, proposal

    def wait(self, seconds: float) -> None:
        """Stay until the proposal that was asked for is there, or for `seconds`."""
        if self._ahead is not None:
            concurrent.futures.wait([self._ahead], timeout=seconds)

    def close(self) -> None:
        """End the thread; what it works on is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _work(self, number: int, seq: int) -> Callable[[], tuple[Proposal | None, float]]:
        """Return what computes a proposal, and its seconds, from all that was observed until now."""
        heard, self._heard = self._heard, []
        return functools.partial(self._propose, number, heard, seq)

    def _propose(self, number: int, heard: Sequence[TrialRecord], seq: int) -> tuple[Proposal | None, float]:
        started = self._clock()
        with self._threads.limit(limits=1, user_api="blas"):
            for record in heard:
                self._sampler.observe(record)
            proposal = self._sampler.propose(number)
        return proposal and replace(proposal, seq=seq), self._clock() - started

    @functools.cached_property
    def _threads(self) -> Any:
        """What governs the threads of linear algebra, in the libraries that the sampler has loaded."""
        from threadpoolctl import ThreadpoolController

        return ThreadpoolController()


def still(record: TrialRecord) -> TrialRecord:
    """Return a trial as it stands now: with reports to which none is added."""
    return replace(record, reports=dict(record.reports), points=dict(record.points))
