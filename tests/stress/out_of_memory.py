"""Trials that run out of memory: with a neighbour, they run again alone; alone, they are infeasible and cost no search.

The memory is a made-up one: a file holds what each trial that runs has taken of it, and who would take more than there
is gets a MemoryError, as from the operating system. So a round knows of each trial what must become of it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.home import Home
from automl.trial import Reason, TrialState
from tests.commands import automl

TITLE = "Trials run out of memory"
TRIALS = 12
SHORT_TRIALS = 5
CPUS = 2
OBJECTIVE = """
import fcntl, json, os, time
from pathlib import Path

MEMORY = Path(__file__).with_name("memory.json")

def change(do):
    with open(MEMORY, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        taken = json.loads(file.read() or "{}")
        do(taken)
        file.seek(0)
        file.truncate()
        file.write(json.dumps(taken))

def objective(trial):
    me, need = str(trial.number), trial.params["need"]

    def take(taken):
        if need + sum(taken.values()) > 1:
            raise MemoryError(f"{need} beside {taken}")
        taken[me] = need

    change(take)
    try:
        for step in range(1, 5):
            time.sleep(0.5)  # what runs beside it comes in
            trial.report(step, loss=1 - need)
    finally:
        change(lambda taken: taken.pop(me, None))
    return {"loss": 1 - need}
"""


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Yield searches in which many trials do not fit beside another, and some not at all."""
    for each in range(seed, seed + (1 if short else 4)):
        yield _play(each, trials=SHORT_TRIALS if short else TRIALS)


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return the lines of the page."""
    alone = sum(row["saved"] for row in rows)
    never = sum(row["infeasible"] for row in rows)
    wrong = sum(len(row["wrong"]) for row in rows)
    claim = (
        "A trial that runs out of memory runs again alone on its device; alone, it is infeasible; the search finishes"
    )
    return [(claim, f"{alone} saved by running alone, {never} infeasible, {wrong} otherwise", wrong == 0)]


def _play(seed: int, *, trials: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="automl-oom-") as folder:
        script = Path(folder) / "train.py"
        script.write_text(OBJECTIVE)
        home = Home(Path(folder) / "runs")
        command = automl(
            "search", f"{script}:objective", "--name", "s", "-p", "need=0.4..1.2", "--metric", "loss",
            "--tracker", "none", "--trials", str(trials), "--parallel", str(CPUS), "--early-stopping", "none",
            "--seed", str(seed), "--home", str(home.path), "-q", "-f", "json",
        )  # fmt: skip
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        wrong, saved, infeasible = [], 0, 0
        with home.read("s") as reader:
            for record in reader.records():
                tries = reader.attempts(record.number)
                fits, has_failed = record.params["need"] <= 1, len(tries) > 1
                saved += fits and has_failed
                infeasible += not fits
                is_right = record.state is TrialState.COMPLETE if fits else record.reason is Reason.OOM and has_failed
                if not is_right or (has_failed and tries[-1].resources["cpus"] != CPUS):
                    wrong.append(
                        {"trial": record.number, "state": record.state, "had": [each.resources for each in tries]}
                    )
            n = len(reader.records())
    summary = json.loads(ended.stdout) if ended.returncode == 0 else {"stderr": ended.stderr}
    is_ok = ended.returncode == 0 and n == trials and not wrong
    found = {"seed": seed, "ok": is_ok, "saved": saved, "infeasible": infeasible, "wrong": wrong}
    return found | {"exit": ended.returncode, "counts": summary.get("counts", summary)}
