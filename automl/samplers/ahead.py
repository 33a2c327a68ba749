"""Proposals from a slow sampler, made before they are wanted: the driver's loop waits for none of them.

proposals = Proposals(sampler)
is_ready, proposal = proposals.take(0, another=True)
proposals.wait(1.0)                                     # for whoever has nothing else to do

proposals = Proposals(sampler, ahead=False)             # where time is simulated: each is made when it is asked for
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable

from automl.samplers.base import Proposal, Sampler


class Proposals:
    """Takes proposals from a sampler without making the driver's loop wait for a slow one.

    A proposal is computed in a thread. One that took longer than `PATIENCE` is followed at once by the next, so that it
    is ready before a worker is free. Unless it may work `ahead`: then each is computed in place, when it is asked for.
    """

    PATIENCE = 0.03
    """Seconds that the loop may wait."""

    def __init__(self, sampler: Sampler, *, ahead: bool = True, clock: Callable[[], float] = time.perf_counter) -> None:
        self.sampler = sampler
        self._works_ahead = ahead
        self._clock = clock
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="sampler")
        self._ahead: concurrent.futures.Future[tuple[Proposal | None, float]] | None = None

    def take(self, number: int, *, another: bool) -> tuple[bool, Proposal | None]:
        """Return (True, what trial `number` tries), (True, None) at the end of the space, or (False, None): not yet.

        Args:
            number: the next trial; ask for the same one until it is there.
            another: whether a further trial will be wanted.

        Raises:
            SearchAbortedError: a sampler of the user's own failed.
        """
        if not self._works_ahead:
            return True, self.sampler.propose(number)
        if self._ahead is None:
            self._ahead = self._thread.submit(self._timed, number)
        try:
            proposal, seconds = self._ahead.result(self.PATIENCE)
        except concurrent.futures.TimeoutError:
            return False, None
        is_slow = seconds > self.PATIENCE and another and proposal is not None
        self._ahead = self._thread.submit(self._timed, number + 1) if is_slow else None
        return True, proposal

    def wait(self, seconds: float) -> None:
        """Stay until the proposal that was asked for is there, or for `seconds`."""
        if self._ahead is not None:
            concurrent.futures.wait([self._ahead], timeout=seconds)

    def close(self) -> None:
        """End the thread; what it works on is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _timed(self, number: int) -> tuple[Proposal | None, float]:
        started = self._clock()
        proposal = self.sampler.propose(number)
        return proposal, self._clock() - started
