"""Signals at random moments, one or two of them, on a terminal and on pipes: what ends a search loses nothing of it.

A round runs `automl search` as a user would, sends Ctrl-C (typed, on a terminal), SIGTERM, SIGUSR1, or the end of the
terminal, from the moment that there is a study to after its last trial, perhaps a second one soon after, and looks:
the exit code, how long the process took, what it printed, what lives on, what the ledger holds; then `automl resume`.
"""

from __future__ import annotations

import random
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.doctor import audit
from automl.errors import AutomlError
from automl.home import Home
from automl.trial import TrialState
from tests.stress.play import side_by_side
from tests.terminal import Session

TITLE = "Signals: Ctrl-C, SIGTERM, SIGUSR1, SIGHUP, a closed terminal, once and twice"
ROUNDS, SHORT = 24, 2
GRACE = 6.0
TRIALS, STEPS = 6, 6
SLACK = 0.7
"""Seconds that a busy machine may take beyond `--grace`, and until the guard, which ends with its driver, is gone."""
GUARD = 10.0
LEAST_GAP = 0.1
"""Seconds between two signals: the kernel makes one of those that come before the first is delivered (`signal(7)`)."""
OBJECTIVE = """
import os, time

def objective(trial):
    def note(what):
        with open(os.path.join(os.path.dirname(__file__), "history"), "a") as file:
            file.write(f"{trial.number} {what}\\n")

    note("start")
    first = trial.restored.step + 1 if trial.restored else 1
    for step in range(first, trial.max_epochs + 1):
        if trial.number == 2 and step == 3 and os.environ.get("STUCK"):
            time.sleep(600)
        time.sleep(0.04)
        with trial.checkpoint(step) as folder:
            (folder / "step").write_text(str(step))
        trial.report(step, loss=trial.params["x"] + 1 / step)
    note("end")
    return {"loss": trial.params["x"]}
"""


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Play rounds; every sixth has Ray workers, which take their time to start."""
    first = seed * 1000
    yield from side_by_side(play, range(first, first + (SHORT if short else ROUNDS)), workers=workers)


def play(seed: int) -> dict[str, Any]:
    """Play one round."""
    rng = random.Random(seed)
    executor = "ray" if seed % 6 == 5 else "local"
    is_terminal = rng.random() < 0.5
    kind = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP])
    gap = rng.uniform(LEAST_GAP, 0.5) if rng.random() < 0.5 else None
    delay = rng.uniform(0.0, 9.0 if executor == "ray" else 2.5)
    is_stuck = rng.random() < 0.4
    found: dict[str, Any] = {
        "seed": seed,
        "executor": executor,
        "terminal": is_terminal,
        "signal": kind.name,
        "gap": gap and round(gap, 2),
        "delay": round(delay, 2),
        "stuck": is_stuck,
    }
    with tempfile.TemporaryDirectory(prefix="automl-signals-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "train.py").write_text(OBJECTIVE)
        found |= _cut(folder, executor, is_terminal, kind, gap, delay, is_stuck)
        found |= _resumed(folder)
    late = found["seconds"] > (1.0 if gap is not None else GRACE) + SLACK + (gap or 0.0)
    found["ok"] = (
        found["code"] in ((0, 130) if kind == signal.SIGINT else (0, 143))
        and not late
        and not found["traceback"]
        and not found["left"]
        and not found["lost"]
        and found["running"] == 0
        and found["resumed"] == (0 if found["made"] else None)
        and found["problems"] == []
    )
    return found


def _cut(
    folder: Path,
    executor: str,
    is_terminal: bool,
    kind: signal.Signals,
    gap: float | None,
    delay: float,
    is_stuck: bool,
) -> dict[str, Any]:
    """Run a search, send it signals `delay` seconds after its first word, and say how it ended."""
    command = ["search", "train.py:objective", "--name", "s", "-p", "x=0.0..1.0", "--metric", "loss", "--tracker"]
    command += ["jsonl", "--executor", executor, "--trials", str(TRIALS), "--max-epochs", str(STEPS)]
    command += ["--grace", str(GRACE), "--early-stopping", "none", "--sampler", "random"]
    env = {"STUCK": "1"} if is_stuck else {}
    with Session(command, folder, is_terminal=is_terminal, env=env) as session:
        while not (folder / "automl_runs" / "s" / "space.yaml").exists():
            assert session.read(0.02), session.text  # another process's file: there is no event to wait for
        until = time.monotonic() + delay
        while time.monotonic() < until and session.process.poll() is None:
            session.read(0.02)
        is_sent = session.process.poll() is None
        if is_sent:
            session.send(kind)
        if is_sent and gap is not None:
            time.sleep(gap)
            if session.process.poll() is None:
                session.send(signal.SIGTERM if kind == signal.SIGHUP else kind)
        sent = time.monotonic()
        code = session.wait(60)
        seconds = max(0.0, session.ended - sent)
        left = session.left(GUARD)
        return {
            "code": code,
            "seconds": round(seconds, 2),
            "sent": is_sent,
            "left": [session.name(pid) for pid in left],
            "traceback": "Traceback" in session.text,
            "said": session.text[-400:] if "Traceback" in session.text else "",
        }


def _resumed(folder: Path) -> dict[str, Any]:
    """Say what the ledger holds, go on, and say whether that has lost anything."""
    home = Home(folder / "automl_runs")
    try:
        before = _finished(home)
    except AutomlError:
        return {"made": False, "before": 0, "running": 0, "resumed": None, "lost": [], "problems": []}
    with home.read("s") as reader:
        paused = set(reader.paused())
        running = [r for r in reader.records() if r.state is TrialState.RUNNING and r.number not in paused]
    with Session(["resume", "s", "-q"], folder) as session:
        code = session.wait(120)
    after = _finished(home)
    history = (folder / "history").read_text().split("\n")
    again = [n for n in before if sum(line == f"{n} end" for line in history) > 1]
    return {
        "made": True,
        "before": len(before),
        "running": len(running),
        "resumed": code,
        "lost": sorted({*again, *(n for n, value in before.items() if after.get(n) != value)}),
        "problems": [problem.message for problem in audit(home, "s").problems] + ["trials"] * (len(after) != TRIALS),
    }


def _finished(home: Home) -> dict[int, float | None]:
    with home.read("s") as reader:
        return {record.number: record.value for record in reader.records() if record.state.is_finished}


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed, what was measured, and whether it holds."""
    once = [row["seconds"] for row in rows if row["gap"] is None]
    twice = [row["seconds"] for row in rows if row["gap"] is not None]

    def within(seconds: Sequence[float], most: float) -> tuple[str, bool]:
        if not seconds:
            return "none played", False
        return f"{len(seconds)} rounds, median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s", all(
            each <= most + SLACK for each in seconds
        )

    one, one_holds = within(once, GRACE)
    two, two_holds = within(twice, 1.0)
    left, running, lost = (_count(rows, "left"), sum(row["running"] for row in rows), _count(rows, "lost"))
    codes = {0, 130, 143}
    return [
        (f"one signal ends the process within --grace ({GRACE:g} s)", one, one_holds),
        ("a second one ends it at once", two, two_holds),
        ("0 processes left, 0 trials RUNNING after the exit", f"{left} and {running}", left == running == 0),
        ("0 finished trials lost or run again by resume", f"{lost} in {len(rows)} rounds", lost == 0),
        (
            "exit 130 for Ctrl-C, 143 for the others, or 0 of a study that was through; no traceback",
            f"{sum(row['traceback'] for row in rows)} tracebacks in {len(rows)} rounds",
            all(row["code"] in codes and not row["traceback"] for row in rows),
        ),
    ]


def _count(rows: Sequence[Mapping[str, Any]], key: str) -> int:
    return sum(len(row[key]) for row in rows)
