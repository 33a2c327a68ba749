"""Another program locks the SQLite ledger of a running search, for 3 and for 30 seconds."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from automl.ledger.patience import NOTICE
from tests.stress.scene import STUDY, Scene

TITLE = "The ledger is locked by another program"

LOCKS = (3.0, 30.0)
OPTIONS = ("--early-stopping", "none")


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Play a round a length of the lock; a short play has the shortest."""
    for number, seconds in enumerate(LOCKS[:1] if short else LOCKS):
        yield play(seed + number, seconds)


def play(seed: int, seconds: float) -> dict[str, Any]:
    """Lock the ledger once in a search, and return what was found."""
    with Scene.made(executor="local", tracker="none", sleep=0.01, seed=seed % 1000, options=OPTIONS) as scene:
        lock = _Lock(scene, seconds)
        code = scene.drive([word for word in scene.search if word != "-q"], meanwhile=lock.look)
        lock.thread.join()
        problems = [] if code == 0 else [f"the search ended with {code}: {scene.said()[-1500:]}"]
        problems += scene.problems()
        said = scene.said()
        notices = said.count("has been locked for"), said.count("answers again after")
        is_told = notices == ((1, 1) if seconds > NOTICE else (0, 0))
        lost = scene.trials - sum(record.state == "COMPLETE" for record in scene.records().values())
    row = {"locked": seconds, "lost": lost, "told": is_told, "notices": list(notices)}
    return {"seed": seed, "ok": not problems and not lost and is_told, **row, "problems": problems}


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed of all these rounds."""
    longest, lost = max(row["locked"] for row in rows), sum(row["lost"] for row in rows)
    told = sum(row["told"] for row in rows)
    return [
        ("the ledger is locked for 30 s", f"{longest:.0f} s at most", longest >= max(LOCKS)),
        ("no result is lost, no trial fails", f"{lost} lost", not lost),
        (
            "who waits for more than 5 s is told so, and told when it is over",
            f"{told} of {len(rows)}",
            told == len(rows),
        ),
    ]


class _Lock:
    """Locks a ledger once, when its search is under way."""

    def __init__(self, scene: Scene, seconds: float) -> None:
        self._scene = scene
        self._seconds = seconds
        self.thread = threading.Thread(target=self._hold)

    def look(self) -> None:
        """Begin, if it is time."""
        if self.thread.ident is None and len(self._scene.history()) > 10:
            self.thread.start()

    def _hold(self) -> None:
        file = self._scene.home.study(STUDY) / "ledger.db"
        with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(self._seconds)
            other.execute("ROLLBACK")
