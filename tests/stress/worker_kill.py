"""A worker that is killed or stopped, and a raylet that is killed, at random moments of a search on Ray.

A killed worker costs its trial one attempt, a stopped one is ended after `--stall-timeout` and is FAIL; the search goes
on. Without its raylet a search comes to its end with what its workers still do, or ends, and `automl resume` goes on.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stress.play import side_by_side
from tests.stress.scene import STUDY, Scene

TITLE = "Workers killed or stopped, Ray's own daemon killed"

WORKER, STOPPED, RAYLET = "worker", "stopped worker", "raylet"
TURNS = (WORKER, RAYLET, WORKER, STOPPED)
ROUNDS = 16
STALL_SECONDS = 4


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Kill one process of each kind in turn."""
    victims = (WORKER,) if short else itertools.islice(itertools.cycle(TURNS), ROUNDS)
    yield from side_by_side(lambda each: play(*each), [(seed, n, v) for n, v in enumerate(victims)], workers=workers)


@dataclass(kw_only=True)
class _Nemesis:
    """Does it once, when the history has so many lines."""

    scene: Scene
    victim: str
    lines: int
    done: bool = False
    trials: list[int] = field(default_factory=list)
    """Those whose worker it was."""

    def __call__(self) -> None:
        history = self.scene.history()
        if self.done or len(history) < self.lines:
            return
        over = {(number, pid) for number, what, *_, pid in history if what == "end"}
        running = [(number, pid) for number, what, *_, pid in history if what == "start" and (number, pid) not in over]
        if self.victim == RAYLET:
            pids = [pid for pid in self.scene.processes() if _name(pid) == "raylet"]
        else:
            pids = [int(pid) for _, pid in running[-1:]]
            self.trials = [int(number) for number, _ in running[-1:]]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP if self.victim == STOPPED else signal.SIGKILL)
                self.done = True


def play(seed: int, number: int, victim: str) -> dict[str, Any]:
    """Play a round, and return what was found."""
    rng = random.Random(f"{seed}-{number}")
    options = ["--early-stopping", "none", "--stall-timeout", f"{STALL_SECONDS}s"]
    with Scene.made(executor="ray", sleep=0.05, seed=number, options=options) as scene:
        nemesis = _Nemesis(scene=scene, victim=victim, lines=rng.randrange(3, 40))
        code = scene.drive(scene.search, meanwhile=nemesis)
        problems = [] if nemesis.done else [f"no {victim} was found"]
        if victim == RAYLET:
            scene.deaths.append(scene.known())
            problems += [f"`automl resume` ended with {again}"] if (again := scene.goes_on()) else []
        elif code:
            problems.append(f"the search ended with {code}")
        problems += scene.problems()
        records = scene.records()
        with scene.home.read(STUDY) as reader:
            reasons = Counter(str(row.reason) for row in reader.attempts() if row.reason)
        expected = {WORKER: {"worker-lost": 1}, STOPPED: {"stalled": 1}, RAYLET: {}}[victim]
        if victim != RAYLET and reasons != expected:
            problems.append(f"attempts ended with {dict(reasons)}, not with {expected}")
        failed = [n for n, record in records.items() if record.state == "FAIL"]
        if failed != (nemesis.trials if victim == STOPPED else []):
            problems.append(f"{failed} are FAIL; the {victim} was that of {nemesis.trials}")
        found = {"lost": len(scene.lost()), "doubled": len(scene.doubled()), "rerun": len(scene.rerun())}
        executions = sum(what == "start" for _, what, *_ in scene.history())
        said = [scene.said()[-1500:]] if problems else []
    return {
        "seed": seed,
        "round": number,
        "ok": not problems and not any(found.values()),
        "executor": "ray",
        "victim": victim,
        "exit": code,
        **found,
        "trials": scene.trials,
        "executions": executions,
        "reasons": dict(reasons),
        "problems": [*problems, *said],
    }


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed of all these rounds."""
    lines = []
    for victim, claim in (
        (WORKER, "a worker that is killed costs its trial an attempt, the search goes on"),
        (STOPPED, "a worker that stands still is ended after --stall-timeout, the search goes on"),
        (RAYLET, "without its raylet a search is finished by its workers, or by resume"),
    ):
        played = [row for row in rows if row["victim"] == victim]
        good = sum(row["ok"] for row in played)
        lines.append((claim, f"so it was in {good} of {len(played)} rounds", 0 < len(played) == good))
    total = {key: sum(row[key] for row in rows) for key in ("lost", "doubled", "rerun", "trials")}
    lost = f"{total['lost']} lost, {total['doubled']} doubled, {total['rerun']} run again, of {total['trials']} trials"
    return [*lines, ("no result is lost", lost, not total["lost"] + total["doubled"] + total["rerun"])]


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
