"""Named places where a process may be made to die, so that what survives a kill is tried there and not left to luck.

    AUTOML_CRASH=driver-after-tell:3 automl search digits       # SIGKILL, the third time that this place is passed
    automl resume digits-1

Each change of a trial or attempt lies between two of them: before the transaction that makes it, within (written, not
committed), and after (in the ledger, not yet in memory). Delivery and workers have theirs. Without the variable nothing
happens, and a process counts for itself: with Ray every worker dies at its own n-th hit.
"""

from __future__ import annotations

import contextlib
import enum
import os
import signal
from collections import Counter
from functools import cache

VARIABLE = "AUTOML_CRASH"


class Point(enum.StrEnum):
    """Where a process can die; `driver-before-tell` is passed by transactions that tell, whatever else is in them."""

    DRIVER_BEFORE_CREATE = "driver-before-create"
    DRIVER_WITHIN_CREATE = "driver-within-create"
    DRIVER_AFTER_CREATE = "driver-after-create"
    DRIVER_BEFORE_TAKE = "driver-before-take"
    DRIVER_WITHIN_TAKE = "driver-within-take"
    DRIVER_AFTER_TAKE = "driver-after-take"
    DRIVER_BEFORE_ASK = "driver-before-ask"
    DRIVER_WITHIN_ASK = "driver-within-ask"
    DRIVER_AFTER_ASK = "driver-after-ask"
    DRIVER_BEFORE_START = "driver-before-start"
    DRIVER_WITHIN_START = "driver-within-start"
    DRIVER_AFTER_START = "driver-after-start"
    DRIVER_BEFORE_REPORT = "driver-before-report"
    DRIVER_WITHIN_REPORT = "driver-within-report"
    DRIVER_AFTER_REPORT = "driver-after-report"
    DRIVER_BEFORE_END = "driver-before-end"
    DRIVER_WITHIN_END = "driver-within-end"
    DRIVER_AFTER_END = "driver-after-end"
    DRIVER_BEFORE_TELL = "driver-before-tell"
    DRIVER_WITHIN_TELL = "driver-within-tell"
    DRIVER_AFTER_TELL = "driver-after-tell"
    DRIVER_BEFORE_RESULT = "driver-before-result"  # of the winner on the test part
    DRIVER_AFTER_RESULT = "driver-after-result"
    DRIVER_BEFORE_RELEASE = "driver-before-release"
    DRIVER_WITHIN_RELEASE = "driver-within-release"
    DRIVER_AFTER_RELEASE = "driver-after-release"

    WORKER_BEFORE_OBJECTIVE = "worker-before-objective"
    WORKER_WITHIN_CHECKPOINT = "worker-within-checkpoint"  # its files are there, their manifest is not
    WORKER_AFTER_CHECKPOINT = "worker-after-checkpoint"
    WORKER_AFTER_REPORT = "worker-after-report"  # on the worker's disk; the driver has not heard of it
    WORKER_AFTER_VERDICT = "worker-after-verdict"
    WORKER_BEFORE_RESULT = "worker-before-result"
    WORKER_AFTER_RESULT = "worker-after-result"  # on disk; the driver has not heard of it

    DELIVERY_BEFORE_RUN = "delivery-before-run"
    DELIVERY_AFTER_RUN = "delivery-after-run"  # the tracker has it; its id is written down nowhere
    DELIVERY_AFTER_POINTS = "delivery-after-points"
    DELIVERY_AFTER_FINISH = "delivery-after-finish"
    DELIVERY_AFTER_ARTIFACT = "delivery-after-artifact"
    DELIVERY_BEFORE_CURSOR = "delivery-before-cursor"
    DELIVERY_AFTER_CURSOR = "delivery-after-cursor"
    DELIVERY_BEFORE_CLOSE = "delivery-before-close"  # of the study's own run
    DELIVERY_AFTER_CLOSE = "delivery-after-close"

    FILE_BEFORE_RENAME = "file-before-rename"  # the temporary file is whole; what it replaces still stands


_passed: Counter[Point] = Counter()


def here(point: Point) -> None:
    """Die if the environment says so; `kill -9`, which no handler, `finally` or atexit sees.

    Raises:
        SystemExit: the variable makes no sense.
    """
    armed = _armed(os.environ.get(VARIABLE, ""))
    if armed is None or armed[0] is not point:
        return
    _passed[point] += 1
    if _passed[point] == armed[1]:
        with contextlib.suppress(OSError):  # nobody may listen
            os.write(2, f"{VARIABLE}={point}:{armed[1]} kills process {os.getpid()}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)


@cache
def _armed(text: str) -> tuple[Point, int] | None:
    """Return where to die, and at which hit."""
    name, _, hit = text.partition(":")
    if not text:
        return None
    if name not in [*Point] or not (hit or "1").isdecimal():
        raise SystemExit(f"{VARIABLE} must be POINT:HIT with a point of {', '.join(Point)}; got {text!r}")
    return Point(name), int(hit or "1")
