"""Hostile objectives among good ones, in one search: it finishes, each has its reason, the good ones notice nothing.

What ends or blocks a whole process runs on Ray workers only; the rest in the driver's own process too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from automl.trial import Reason, TrialRecord, TrialState
from automl.trial_log import MOST
from tests.stress.hostile import GOOD, HOSTILE
from tests.stress.play import side_by_side
from tests.stress.scene import Scene

TITLE = "Objectives that raise, hang, crash, fork, flood and leak"

BATCH = 10  # hostile objectives in one search
PROMISED = 25
ON_RAY_ONLY = [
    "os-exit-0", "os-exit-3", "abort", "segfault", "sigterm", "sigkill", "sigstop", "holds-lock", "children-and-exit",
    "prints-100-mb", "closes-output", "thread",
]  # fmt: skip
SHORT = ["raise", "minus-inf", "unshowable", "keyboard-interrupt", "children", "leaks", "hang", "busy"]
"""On the local executor: a fresh Ray worker after each failure takes seconds; its contract has the worst of them."""
SCRIPT = """
from tests.stress.hostile import act

ORDER = {order!r}

def objective(trial):
    return act(ORDER[trial.number], trial)
"""

Plan = tuple[int, str, list[str], bool]


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Play all that there are in an order that follows from the seed, in batches, on both executors."""
    names = {"ray": list(HOSTILE), "local": [name for name in HOSTILE if name not in ON_RAY_ONLY]}
    plans: list[Plan] = []
    for executor, chosen in ({"local": SHORT} if short else names).items():
        shuffled = random.Random(seed).sample(chosen, len(chosen))
        plans += [(seed, executor, shuffled[i : i + BATCH], short) for i in range(0, len(shuffled), BATCH)]
    yield from side_by_side(play, plans, workers=workers)


def play(plan: Plan) -> dict[str, Any]:
    """Run one search, every second trial of which is hostile."""
    seed, executor, hostile, short = plan
    order = [GOOD, *(name for each in hostile for name in (each, GOOD))]
    times = ["--trial-timeout", "4s" if short else "8s", "--stall-timeout", "2s" if short else "4s"]
    options = ["--early-stopping", "none", "--sampler", "random", *times]
    with Scene.made(executor=executor, trials=len(order), tracker="none", real=True, options=options) as scene:
        (scene.folder / "train.py").write_text(SCRIPT.format(order=order))
        code = scene.drive(scene.search)
        left = scene.left()
        records = scene.records()
        logs = {number: scene.home.trial("s", number) / "log" for number in records}
        problems = [f"the search ended with {code}: {scene.log.read_text()[-500:]}"] if code else []
        problems += [f"process {pid} lives on" for pid in left]
        for number, name in enumerate(order):
            problems += [f"{name}, trial {number}: {what}" for what in _wrong(name, records.get(number))]
            log = logs[number].read_bytes() if number in logs and logs[number].exists() else b""
            if len(log) > MOST:
                problems.append(f"{name}, trial {number}: a log of {len(log)} bytes")
            if executor == "ray" and name == GOOD and log.split(b"\n")[1:] != [b"this is trial %d" % number, b""]:
                problems.append(f"trial {number} has in its log {log[-200:]!r}")
    return {
        "seed": seed,
        "executor": executor,
        "hostile": hostile,
        "good": order.count(GOOD),
        "reasons": sorted({str(record.reason) for record in records.values() if record.reason}),
        "processes": len(left),
        "exit": code,
        "problems": problems,
        "ok": not problems,
    }


def _wrong(name: str, record: TrialRecord | None) -> list[str]:
    """Say how a trial did not end as it should."""
    reason = None if name == GOOD else HOSTILE[name][1]
    if record is None:
        return ["is not there"]
    state = TrialState.COMPLETE if reason is None else TrialState.FAIL
    found = []
    if (record.state, record.reason) != (state, reason):
        found.append(f"is {record.state} {record.reason}: {record.message}")
    if reason and not record.message:
        found.append("has no message")
    attempts = 2 if reason in (Reason.OOM, Reason.GPU_OOM, Reason.WORKER_LOST) else 1
    if record.attempt != attempts:
        found.append(f"took {record.attempt} attempts")
    return found


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what the page says."""
    hostile = [name for row in rows for name in row["hostile"]]
    ended = sum(row["exit"] == 0 for row in rows)
    wrong = sum(len(row["problems"]) for row in rows)
    reasons = sorted({reason for row in rows for reason in row["reasons"]})
    return [
        (
            f"{PROMISED} hostile objectives: the search finishes each time",
            f"{ended} of {len(rows)} searches, with {len(set(hostile))} kinds of objective, {len(hostile)} trials",
            ended == len(rows) and len(set(hostile)) >= PROMISED,
        ),
        (
            "each has its own reason, and the good trials between them are as always",
            f"{wrong} of {len(hostile) + sum(row['good'] for row in rows)} trials not; reasons {', '.join(reasons)}",
            wrong == 0,
        ),
        (
            "0 processes left",
            f"{sum(row['processes'] for row in rows)} left",
            not any(row["processes"] for row in rows),
        ),
    ]
