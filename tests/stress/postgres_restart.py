"""The PostgreSQL server that a ledger is in crashes and starts again, at random moments of a search."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.postgres import Cluster, programs
from tests.stress.scene import STUDY, Scene

TITLE = "PostgreSQL is restarted during a search"

RESTARTS = 20


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Play searches until the server was restarted often enough; the last of them has Ray workers."""
    with _server() as server:
        if short:
            yield play(seed, server, restarts=2, trials=8)
            return
        yield play(seed, server, restarts=RESTARTS, trials=80)
        yield play(seed + 1, server, restarts=5, trials=60, executor="ray")


def play(seed: int, server: Cluster, *, restarts: int, trials: int, executor: str = "local") -> dict[str, Any]:
    """Restart the server in the middle of a search, and return what was found."""
    rng = random.Random(seed)
    storage = server.database()
    about: dict[str, Any] = {"executor": executor, "storage": storage, "trials": trials, "tracker": "none"}
    with Scene.made(sleep=0.02, seed=seed % 1000, options=["--early-stopping", "none"], **about) as scene:
        over, done = threading.Event(), 0

        def restart() -> None:
            nonlocal done
            while len(scene.history()) < 3 and not over.wait(0.01):
                pass
            while done < restarts and not over.wait(rng.uniform(0.05, 0.4)):
                server.restart()
                done += 1

        thread = threading.Thread(target=restart)
        thread.start()
        try:
            code = scene.drive(scene.search)
        finally:
            over.set()
            thread.join()
        problems = [] if code == 0 else [f"the search ended with {code}: {scene.said()[-1500:]}"]
        problems += scene.problems()
        doubled = len(scene.doubled())
        with scene.home.read(STUDY) as reader:
            lost = trials - reader.counts()["COMPLETE"]
    row = {"executor": executor, "restarts": done, "trials": trials, "lost": lost, "doubled": doubled}
    return {"seed": seed, "ok": not problems and not lost and not doubled, **row, "problems": problems}


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed of all these rounds."""
    restarts, trials, lost, doubled = (
        sum(row[key] for row in rows) for key in ("restarts", "trials", "lost", "doubled")
    )
    return [
        (f"the server is restarted at least {RESTARTS} times", f"{restarts} times", restarts >= RESTARTS),
        ("no result is lost", f"{lost} of {trials} trials lost", not lost),
        ("none is doubled", f"{doubled} doubled", not doubled),
    ]


@contextlib.contextmanager
def _server() -> Iterator[Cluster]:
    """Yield a server of its own, thrown away in the end.

    Raises:
        RuntimeError: PostgreSQL is not installed.
    """
    found = programs()
    if found is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="automl-postgres-"))
    folder.chmod(0o755)
    try:
        server = Cluster(folder, found)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
