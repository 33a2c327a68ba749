"""Gets a study's changes to disk. While that is full they wait in memory: what runs goes on, and nothing new begins.

    saving = Saving(ledger, folder, emit=listeners.tell, clock=time.time)
    saving.save()                           # False: they wait; `tick` tries again each second
    saving.allows_more(is_idle=True)        # raises ResourceExhaustedError: nothing runs, and nothing may begin

So a trial that ends on a full disk is no lost trial, and a disk that is freed in time costs nothing at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from automl.attempt import Ending
from automl.errors import ResourceExhaustedError
from automl.ledger.lease import RENEW_SECONDS
from automl.ledger.writer import Writer
from automl.trial import AttemptState, TrialState

AGAIN_SECONDS = 1.0
PROBE_BYTES = 2**16


class Saving:
    """What is to be written of a study, and whether it can be. Not thread-safe.

    Args:
        ledger: of the study.
        folder: of the study, where workers on this machine write too.
        emit: called with events `ledger-trouble`: the ledger is locked or away, the disk is full, or that is over.
        clock: seconds since the epoch.
    """

    def __init__(self, ledger: Writer, folder: Path, *, emit: Callable[..., None], clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._emit = emit
        ledger.said = self._said
        self._folder = folder
        self._clock = clock
        self._trouble: ResourceExhaustedError | None = None
        self._is_elsewhere = False  # a worker said so; the ledger may lie on another disk
        self._excused: set[int] = set()
        self._tried = self._renewed = clock()

    def save(self) -> bool:
        """Write all that waits; return False where the disk is full, and it waits on.

        Raises:
            LeaseLostError: another driver has taken the study.
            LedgerError: the ledger does not work.
        """
        self._tried = self._clock()
        try:
            if self._tried - self._renewed >= RENEW_SECONDS:
                self._ledger.renew()
                self._renewed = self._tried
            else:
                self._ledger.commit()
            if self._is_elsewhere:
                self._probe()
        except ResourceExhaustedError as error:
            self._stop(error)
            return False
        if self._trouble is not None:
            self._trouble, self._is_elsewhere = None, False
            self._said("there is space on the disk again: the search goes on", True)
        return True

    def tick(self) -> None:
        """Write what is due, renew the lease, or try once more."""
        now = self._clock()
        if self._trouble is not None:
            is_due = now - self._tried >= AGAIN_SECONDS
        else:
            is_due = self._ledger.is_due or now - self._renewed >= RENEW_SECONDS
        if is_due:
            self.save()

    def excused(self, trial: int, ending: Ending) -> Ending:
        """Return how an attempt ended, after a look at whether its worker had space for its files.

        Without it a failure is none of the trial's: the attempt was cut. But only once, as one trial may fill a disk.
        """
        if ending.no_space is None:
            return ending
        self._is_elsewhere = True
        self._stop(ResourceExhaustedError.of_disk("what a trial leaves", ending.no_space, folder=self._folder))
        if ending.trial_state is not TrialState.FAIL or trial in self._excused:
            return ending
        self._excused.add(trial)
        return Ending(state=AttemptState.LOST, checkpoint=ending.checkpoint)

    def allows_more(self, *, is_idle: bool) -> bool:
        """Return whether something new may begin.

        Raises:
            ResourceExhaustedError: it may not, and nothing runs (`is_idle`) that would be worth waiting for.
        """
        if self._trouble is not None and is_idle:
            self.save()
        if self._trouble is not None and is_idle:
            raise self._trouble
        return self._trouble is None

    def _said(self, text: str, is_over: bool) -> None:
        self._emit("ledger-trouble", message=text, over=is_over)

    def _stop(self, error: ResourceExhaustedError) -> None:
        if self._trouble is None:
            self._said(f"{error}. What runs goes on, nothing new begins", False)
        self._trouble = error

    def _probe(self) -> None:
        """Write a file and remove it.

        Raises:
            ResourceExhaustedError: there is no space for it.
        """
        path = self._folder / f".space.{os.getpid()}.tmp"
        try:
            with path.open("wb") as file:
                file.write(bytes(PROBE_BYTES))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ResourceExhaustedError.of_disk(str(path), str(error.strerror), folder=self._folder) from error
        finally:
            path.unlink(missing_ok=True)
