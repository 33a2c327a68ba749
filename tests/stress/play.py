"""Plays the rounds of every kind, one kind after the other, and records each round the moment it ends.

    Helping(seed=7, file=ROUNDS, out=sys.stderr).play(["driver-kill", "signals"], minutes=40)

`rounds.jsonl` has one JSON object a line. Rounds add up: a helping never removes what an earlier one found, and begins
with a line of the kind `helping` that says where it was played.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import itertools
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from automl import __version__
from tests.stress import KINDS

ROUNDS = Path(__file__).with_name("rounds.jsonl")
GLUE = "glue:"
"""Before the kind of a round that was not ours, but of the stock integrations."""
PACKAGES = ("ray", "optuna", "mlflow", "SQLAlchemy", "torch")

Row = dict[str, Any]


def module(kind: str) -> ModuleType:
    """Return the module of a kind."""
    return importlib.import_module(f"tests.stress.{kind.replace('-', '_')}")


def read(file: Path, version: str = __version__) -> list[Row]:
    """Return the rounds of `version`, the oldest first."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [row for row in map(json.loads, lines) if row["version"] == version]


def side_by_side(play: Callable[[Any], Row], chosen: Iterable[Any], *, workers: int = 1) -> Generator[Row, None, None]:
    """Yield what `play` returns for each of `chosen`, `workers` of them at once, in the order in which they end.

    Closed early, it waits for the rounds that run: each cleans up after itself.
    """
    left = iter(chosen)
    with ThreadPoolExecutor(workers) as pool:
        running: set[Future[Row]] = {pool.submit(play, each) for each in itertools.islice(left, workers)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                running |= {pool.submit(play, each) for each in itertools.islice(left, 1)}
                yield future.result()


class Helping:
    """Some minutes of rounds.

    Args:
        seed: what each kind's seeds follow from.
        file: where rounds are recorded; None for nowhere.
        workers: rounds that a kind may play at once.
        out: where progress is printed.
    """

    def __init__(self, seed: int, *, file: Path | None, workers: int = 1, out: TextIO = sys.stderr) -> None:
        self._seed = seed
        self._file = file
        self._workers = workers
        self._out = out
        self._about = {
            "version": __version__,
            "commit": _commit(),
            "python": platform.python_version(),
        }

    def play(self, kinds: Sequence[str], *, minutes: float, short: bool = False) -> int:
        """Play `kinds` for `minutes` in all; return how many rounds were not ok."""
        self._say(f"seed {self._seed}")
        packages = {name: importlib.metadata.version(name) for name in PACKAGES}
        self._keep({"kind": "helping", "seed": self._seed, "ok": True, "machine": machine(), "packages": packages})
        until = time.monotonic() + minutes * 60
        shares = deque((kind, KINDS[kind]) for kind in kinds)
        bad = 0
        while shares:
            share = shares[0][1] / sum(share for _, share in shares)
            kind = shares.popleft()[0]
            bad += self._play(kind, (until - time.monotonic()) * share, short=short)
        return bad

    def _play(self, kind: str, seconds: float, *, short: bool) -> int:
        found = module(kind)
        self._say(f"\n{kind}: {found.TITLE}" + ("" if short else f", {seconds / 60:.1f} minutes at most"))
        bad = self._through(kind, found.rounds(self._seed, short=short, workers=self._workers), seconds)
        if not short and hasattr(found, "glue"):
            self._through(GLUE + kind, found.glue(self._seed), seconds)  # what it does is no fault of ours
        return bad

    def _through(self, kind: str, rounds: Iterator[Row], seconds: float) -> int:
        """Play the rounds of one kind until they or the time are over."""
        began = last = time.monotonic()
        bad = 0
        try:
            for number in itertools.count(1):
                row = next(rounds, None)
                if row is None:
                    break
                now = time.monotonic()
                bad += not row["ok"]
                self._keep({"kind": kind} | row)
                self._say(f"  {kind} {number} {'ok' if row['ok'] else 'NOT OK'} ({now - last:.1f} s) {_short(row)}")
                last = now
                if now - began > seconds:
                    self._say(f"  {kind}: its time is up")
                    break
        except Exception as error:
            traceback.print_exc(file=self._out)
            broken = f"{type(error).__name__}: {error}"
            self._keep({"kind": kind, "seed": self._seed, "ok": False, "broken": broken})
            bad += 1
        finally:
            close = getattr(rounds, "close", None)
            if close is not None:
                close()
        return bad

    def _keep(self, row: Row) -> None:
        """Write a round down at once: whoever stops a helping keeps what it has found."""
        if self._file is None:
            return
        date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        row = {"kind": row["kind"], "date": date, **self._about, **row}
        with self._file.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def _say(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def machine() -> str:
    """Return what this is played on."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = names[0].partition(":")[2].strip() if names else platform.machine()
    return f"{len(os.sched_getaffinity(0))} cores ({processor}), {platform.system()} {platform.release()}"


def _short(row: Row) -> str:
    """Return a round on a line: all of one that is not ok."""
    text = " ".join(f"{key}={value}" for key, value in row.items() if key != "ok" and value not in ([], {}, None))
    return text[:160] if row["ok"] else text


def _commit() -> str:
    def git(*arguments: str) -> str:
        folder = Path(__file__).parent
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    made = (":(top,exclude)tests/stress/rounds.jsonl", ":(top,exclude)RELIABILITY.md")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if git("status", "-suno", "--", *made) else "")
