"""A process beside a search that delivers what it finds to a tracker: trials never wait for that.

    with beside(home, "digits-1", ["mlflow"]) as look:      # starts `python -m automl.courier HOME STUDY mlflow PID`
        for event in look(): ...                            # a tracker is away, or is back

A tracker that is slow, down or gone is only this process's trouble; several have a process each, and none waits for
another. One that dies is started again. It ends when its input does, which its driver holds, once it has caught up; if
the driver is dead, after a few seconds in any case.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import select
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from automl import interrupts, mirrors, private
from automl.delivery import Delivery, only_one
from automl.errors import AutomlError, LeaseLostError
from automl.halt import DELIVERING, left
from automl.home import Home
from automl.mirrors import Event, Mirror, Watch
from automl.redaction import redacted, without_password
from trackers import TrackerError

POLL_SECONDS = 1.0  # each look takes from training what is worth a hundredth of a core
PATIENCE = 30.0  # seconds that a driver waits for it in the end
HURRY = 10.0  # the same for a driver that was interrupted, if its grace allows it
NICE = 5  # training comes first
ORPHAN_SECONDS = 8.0  # that it goes on after its driver died
LONGEST_PAUSE = 15.0  # between tries while the tracker is down
RESTART_SECONDS = 5.0  # between two starts of one that dies at once
ROOM = (
    2 << 30
)  # bytes of addresses beyond those it begins with: an answer without an end is an error, not the machine's


@contextlib.contextmanager
def beside(
    home: Home, name: str, trackers: Iterable[str], *, tracking_uri: str | None = None, grace: float = PATIENCE
) -> Iterator[Callable[[], list[Event]]]:
    """Run a courier a tracker beside the block; at its end, wait until all is delivered, or for `PATIENCE`.

    Yields a function to call each second: it starts again a courier that died, and returns what is new of trackers. A
    block that raises, by Ctrl-C for one, is not kept from passing for longer than `HURRY`, nor a process that has
    `grace` seconds from a signal on; a signal that comes while we wait ends the waiting. The password of a
    `tracking_uri` reaches the processes by their environment: the ledger has none.
    """
    environment = {**os.environ, "AUTOML_STORAGE": home.storage or ""}  # no password where `ps` shows it
    if tracking_uri is not None and without_password(tracking_uri) != tracking_uri:
        environment[mirrors.URI_VARIABLE] = tracking_uri
    with contextlib.ExitStack() as running:
        watch = Watch(home.study(name), trackers, is_news=False)
        couriers = [
            running.enter_context(contextlib.closing(_Courier(home, name, each, environment))) for each in trackers
        ]

        def look() -> list[Event]:
            for courier in couriers:
                courier.keep_alive()
            return watch.look()

        patience = HURRY
        try:
            yield look
            patience = PATIENCE
        finally:
            if interrupts.heard() is not None:
                patience = min(HURRY, left(DELIVERING, grace=grace))
            deadline = time.monotonic() + patience
            for courier in couriers:
                courier.tell_to_end()
            with contextlib.ExitStack() as hastened:
                for courier in couriers:
                    hastened.enter_context(interrupts.hastened(courier.kill))
                for courier in couriers:
                    courier.wait(max(0.0, deadline - time.monotonic()))


class _Courier:
    """One process that delivers to one tracker."""

    def __init__(self, home: Home, name: str, tracker: str, environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", "automl.courier", str(home.path), name, tracker, str(os.getpid())]
        self._environment = environment
        self._log = home.study(name) / "delivery.log"
        self._start()

    def _start(self) -> None:
        self._started = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                umask=private.UMASK,
                start_new_session=True,  # Ctrl-C is for the driver; a courier ends when its input does
            )

    def keep_alive(self) -> None:
        """Start another process in the place of one that died; nothing is lost by waiting where that fails."""
        if self._process.poll() is None or time.monotonic() - self._started < RESTART_SECONDS:
            return
        self.tell_to_end()
        with contextlib.suppress(OSError):
            self._start()

    def tell_to_end(self) -> None:
        """Let it deliver what is left, and end."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, but no longer."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def close(self) -> None:
        """End it, wherever it is."""
        self.kill()
        self._process.wait()

    def kill(self) -> None:
        """End it at once; to stop it anywhere is safe."""
        self._process.kill()


def main(home: str, name: str, tracker: str, driver: str) -> None:
    """Deliver until the standard input ends, then for a while what is left. `driver` is the parent's process id."""
    os.nice(max(0, NICE - os.nice(0)))
    threading.Thread(target=_end_with, args=(int(driver),), daemon=True).start()
    found = Home.find(home)
    with found.read(name) as reader:
        (mirror,) = (mirror for mirror in mirrors.of(found, reader.study()) if mirror.tracker == tracker)
    while True:  # the courier of a driver that was killed may not be through yet
        with only_one(found.study(name), [tracker]) as is_ours:
            if is_ours:
                if _deliver(mirror, int(driver)):
                    return
                command = [sys.executable, "-m", "automl.courier", home, name, tracker, driver]
                os.execv(sys.executable, command)  # MLflow lets go of a store only with its process
        time.sleep(POLL_SECONDS)  # a lock of another process: there is no event to wait for


def _end_with(driver: int) -> None:
    """End this process some seconds after its driver has died, whatever it is doing; to stop it anywhere is safe."""
    while os.getppid() == driver:
        time.sleep(POLL_SECONDS)  # a parent that is killed sends no event
    time.sleep(ORPHAN_SECONDS)
    os._exit(0)


def _deliver(mirror: Mirror, driver: int) -> bool:
    """Deliver until it is told to end; return False as soon as the store is not the file any more that it was."""
    pause, deadline, store = POLL_SECONDS, math.inf, None
    with contextlib.closing(Delivery(mirror, driver=driver)) as delivery:
        while time.monotonic() < deadline:
            try:
                has_more = delivery.step()
                pause = POLL_SECONDS
            except LeaseLostError:
                return True
            except (TrackerError, AutomlError, OSError) as error:  # the disk may be full for a while
                _log(str(error))
                if store is not None and mirror.inode != store:
                    return False
                has_more, pause = False, min(pause * 2, LONGEST_PAUSE)
            else:
                if store is None:
                    _limit_memory()  # all is loaded now
                store = mirror.inode
            if deadline < math.inf and not has_more:
                break
            if deadline == math.inf and _is_told_to_end(0 if has_more else pause):
                deadline = time.monotonic() + PATIENCE
    return True


def _limit_memory() -> None:
    """Let an answer that does not end, by accident or by malice, be an error of this process alone."""
    with contextlib.suppress(OSError, ValueError):  # no /proc, or a limit that is lower already
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, hard))


def _log(text: str) -> None:
    with contextlib.suppress(OSError):  # it lies on a disk that may be full
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {redacted(text)}", file=sys.stderr, flush=True)


def _is_told_to_end(seconds: float) -> bool:
    """Wait for the driver's word, or for its death, which closes the pipe."""
    ready, _, _ = select.select([sys.stdin.fileno()], [], [], seconds)
    return bool(ready)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception:
        _log(traceback.format_exc())
        sys.exit(1)
