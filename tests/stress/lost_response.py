"""Answers of MLflow that get lost when it has done what it was asked: what is sent again is there once all the same."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from automl import mirrors
from automl.delivery import Delivery
from tests.faults.proxy import Fault, Request, Rule, lose
from tests.stress.scene import STUDY, Scene
from tests.stress.tracked import behind_a_proxy
from trackers import TrackerError

TITLE = "MLflow does what it is asked, and its answer is lost"

LOST = 5
CREATE = "POST /api/2.0/mlflow/runs/create"


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Lose answers to the making of runs; then, unless `short`, the first answer to whatever is asked."""
    yield play(seed, "create_run", lose("runs/create", times=LOST))
    if not short:
        yield play(seed + 1, "each request", _first_of_each())


def _first_of_each() -> Rule:
    """Return a rule that loses the answer to every request that writes, when it comes for the first time."""
    known: set[bytes] = set()
    lock = threading.Lock()

    def rule(request: Request) -> Fault | None:
        said = b"" if "/artifacts/" in request.path else request.body  # a figure has an id drawn for each
        digest = hashlib.sha256(f"{request.method} {request.path} ".encode() + said).digest()
        with lock:
            is_new = digest not in known
            known.add(digest)
        return "lose" if is_new and request.method != "GET" and not request.path.endswith("/search") else None

    return rule


def play(seed: int, what: str, rule: Rule) -> dict[str, Any]:
    """Play a search while answers get lost, deliver what is left, and compare the tables behind the server."""
    lost: Counter[str] = Counter()

    def counted(request: Request) -> Fault | None:
        fault = rule(request)
        lost[request.path.partition("?")[0].rpartition("/mlflow/")[2]] += fault == "lose"
        return fault

    with behind_a_proxy(trials=4, epochs=3, seed=seed) as (scene, proxy):
        proxy.rule = counted
        code = scene.drive(scene.search)
        _deliver(scene)
        problems = scene.problems()
        with scene.home.read(STUDY) as reader:
            uid = reader.study().uid
        runs = Counter(run for run, *_ in scene._runs() if run.partition("/")[0] == uid)
    expected = Counter([uid, *(f"{uid}/{number}" for number in range(scene.trials))])
    problems += [] if code == 0 else [f"the search ended with {code}"]
    problems += [] if runs == expected else [f"runs: {dict(runs)}"]
    return {
        "seed": seed,
        "ok": not problems and lost.total() >= LOST,
        "lost_answers_to": what,
        "lost": lost.total(),
        "created": proxy.counts[CREATE],
        "doubled": sum(runs.values()) - len(runs),
        "problems": problems,
    }


def _deliver(scene: Scene) -> None:
    """Deliver what is left: each try loses one answer, and begins with what was not known to be done."""
    with scene.home.read(STUDY) as reader:
        (mirror,) = mirrors.of(scene.home, reader.study())
    with contextlib.closing(Delivery(mirror)) as delivery:
        for _ in range(1000):
            with contextlib.suppress(TrackerError):
                delivery.catch_up()
                return


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed of all these rounds."""
    creating = [row for row in rows if row["lost_answers_to"] == "create_run"]
    doubled, differ = sum(row["doubled"] for row in rows), sum(bool(row["problems"]) for row in rows)
    lost = sum(row["lost"] for row in creating)
    return [
        (
            f"{LOST} lost answers to create_run: each trial has one run",
            f"{lost} lost in {len(creating)} rounds, {doubled} runs doubled",
            lost >= LOST and not doubled,
        ),
        (
            "whatever answer is lost, every point is there once",
            f"{sum(row['lost'] for row in rows)} lost, tables differ from the ledger in {differ} of {len(rows)} rounds",
            not differ,
        ),
    ]
