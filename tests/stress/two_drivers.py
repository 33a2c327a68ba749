"""Two drivers want one study: a stopped one that is taken over and wakes up, or two that resume at the same moment.

Exactly one may write. The other ends with exit code 6, and whatever it still did is in no store and in no file.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

from automl.attempt import read_reports
from automl.errors import AutomlError
from automl.home import Home
from tests.stress.play import side_by_side
from tests.stress.scene import SECONDS, STUDY, Scene

TITLE = "Two drivers of one study"

ROUNDS = 100
OPTIONS = ("--early-stopping", "none")  # half of the first driver's work is left when it is stopped
MIRRORED = 8
"""Every eighth round has a tracker, which costs most of its time."""
STUCK_SECONDS = 2.0
"""After which the stopped driver is woken though nobody took its study: it sleeps in a transaction."""
SLACK_SECONDS = 0.05
"""Between a look at the fence and the write that it allowed."""


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Play takeovers, and every fifth time two plain resumes."""
    number = 5 if short else ROUNDS
    yield from side_by_side(play, [(seed + index, index) for index in range(number)], workers=workers)


def play(chosen: tuple[int, int]) -> dict[str, Any]:
    """Play one round, and return what was found."""
    seed, index = chosen
    rng = random.Random(seed)
    tracker = "mlflow" if index % MIRRORED == 0 else "none"
    with Scene.made(
        executor="local", tracker=tracker, sleep=0.01, seed=seed % 1000, trials=6, options=OPTIONS
    ) as scene:
        how = _resumed_twice if index % 5 == 4 else _taken_over
        codes = how(scene, rng)
        late = _written_late(scene)
        problems = [] if codes == [0, 6] else [f"they ended with {codes}: {scene.said()[-1500:]}"]
        problems += scene.problems()
        row = {"how": how.__name__.strip("_"), "tracker": tracker, "codes": codes, "late": late}
        return {"seed": seed, "ok": not problems and not late, **row, "problems": problems}


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed of all these rounds."""
    one = sum(row["codes"] == [0, 6] for row in rows)
    late, bad = sum(len(row["late"]) for row in rows), sum(bool(row["problems"]) for row in rows)
    return [
        (f"at least {ROUNDS} rounds", f"{len(rows)}", len(rows) >= ROUNDS),
        ("exactly one driver goes on, the other ends with exit code 6", f"{one} of {len(rows)}", one == len(rows)),
        ("the one that was fenced makes no report and no result after that", f"{late} files", not late),
        ("ledger, Optuna view, MLflow and history agree", f"they differ in {bad} rounds", not bad),
    ]


def _taken_over(scene: Scene, rng: random.Random) -> list[int]:
    """Stop a driver anywhere, take its study, wake it up; return the exit codes, that of the first last."""
    first = scene.start(scene.search)
    lines, until = rng.randrange(1, 35), time.monotonic() + SECONDS
    while len(scene.history()) < lines and time.monotonic() < until:
        time.sleep(0.002)  # another process's file: there is no event to wait for
    time.sleep(rng.uniform(0, 0.03))
    assert first.pid is not None
    os.kill(first.pid, signal.SIGSTOP)
    second = scene.start([*scene.resume, "--takeover"])
    until = time.monotonic() + STUCK_SECONDS
    while _owner(scene.home) == first.pid and time.monotonic() < until:
        time.sleep(0.005)  # another process's commit is no event here
    time.sleep(rng.uniform(0, 0.2))
    os.kill(first.pid, signal.SIGCONT)
    return [_code(second), _code(first)]


def _resumed_twice(scene: Scene, rng: random.Random) -> list[int]:
    """Kill a driver, and resume twice at once; return the exit codes, the lower first."""
    scene.drive(scene.search, f"lines:{rng.randrange(1, 12)}")
    both = [scene.start(scene.resume) for _ in range(2)]
    return sorted(_code(each) for each in both)


def _owner(home: Home) -> int | None:
    try:
        with home.read(STUDY) as reader:
            owner = reader.study().owner
    except AutomlError:
        return None
    return int(owner["pid"]) if owner else None


def _code(process: BaseProcess | subprocess.Popen[bytes]) -> int:
    """Wait for the end of a driver, and return its exit code; -9 of one that hung."""
    if isinstance(process, subprocess.Popen):
        return process.wait(SECONDS)
    process.join(SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
    assert process.exitcode is not None
    return process.exitcode


def _written_late(scene: Scene) -> list[str]:
    """Return the files of attempts with what was made after those were declared to be over.

    A report that was made before, by a process that was stopped on its way to the disk, is none: nobody reads it.
    """
    found = []
    for fence in scene.home.study(STUDY).glob("trials/*/attempt-*.over"):
        over, number = fence.stat().st_mtime, int(fence.stem.removeprefix("attempt-"))
        result = fence.with_suffix(".json")
        if result.exists() and result.stat().st_mtime > over + SLACK_SECONDS:
            found.append(str(result.relative_to(scene.folder)))
        if any(report.time > over + SLACK_SECONDS for report in read_reports(fence.parent, number)):
            found.append(str(fence.with_suffix(".jsonl").relative_to(scene.folder)))
    return found
