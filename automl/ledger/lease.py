"""Who may write to a study: one living driver at a time.

A driver that dies cannot give its lease back, so the lease names a process that others can look for. On the same host
(same boot) the process table decides at once; a pid that was given to another process has another start time. On
another host the owner counts as dead when it has not renewed for `EXPIRES_SECONDS` of the database's clock.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from automl.errors import LeaseLostError

RENEW_SECONDS = 5.0
EXPIRES_SECONDS = 30.0
CLOCK_STEP_SECONDS = 3.0  # start times move when the clock is set; no pid comes round again so soon


def this_process(*, since: float) -> dict[str, Any]:
    """Return the description of this process that a lease holds."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "boot": _boot_id(), "pid": pid, "started": _started(pid), "since": since}


def is_ours(owner: Mapping[str, Any]) -> bool:
    """Say whether `owner` is this very process."""
    return {**owner, "since": 0.0} == this_process(since=0.0)


def is_held(owner: Mapping[str, Any], idle_seconds: float) -> bool:
    """Say whether `owner`, who last renewed `idle_seconds` ago, is alive and has not left the study as it found it."""
    if owner.get("left"):
        return False
    if owner["host"] == socket.gethostname():
        started = _started(owner["pid"]) if owner["boot"] == _boot_id() else None
        return started is not None and abs(started - owner["started"]) < CLOCK_STEP_SECONDS
    return idle_seconds < EXPIRES_SECONDS


def named(owner: Mapping[str, Any]) -> str:
    """Return which process holds a lease, in words."""
    import datetime

    since = datetime.datetime.fromtimestamp(owner["since"]).astimezone().isoformat(sep=" ", timespec="seconds")
    return f"process {owner['pid']} on {owner['host']} since {since}"


def refusal(study: str, owner: Mapping[str, Any]) -> LeaseLostError:
    """Return what to raise at whoever wants a study that `owner` holds."""
    return LeaseLostError(
        f"study {study!r} is being run by {named(owner)}; "
        f"`automl stop {study}` ends it, or if it hangs `automl resume {study} --takeover`"
    )


@cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # not Linux: the moment of the boot serves as well
        import psutil

        return str(int(psutil.boot_time()))


def _started(pid: int) -> float | None:
    """Return when the process `pid` began, in seconds since the epoch; None when there is none, or only its corpse."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None
