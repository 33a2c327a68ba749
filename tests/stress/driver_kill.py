"""`kill -9` of a driver, its delivery or a worker: at every crash point, and at random moments; then `automl resume`.

A round kills one search, some of them again while they resume, and lets the next driver finish it. Most run trials in
the driver's own process, which is cheap; sixty run them on Ray workers, and some of those lose a worker as well.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from automl.crash import Point
from tests.stress import stock
from tests.stress.play import side_by_side
from tests.stress.scene import Scene

TITLE = "kill -9 of the driver, at every step of a trial's life"

ROUNDS, ON_RAY = 250, 60
AMONG = 5  # every fifth round is one on Ray, until there are sixty
REAL = 8  # every eighth driver is started as a shell would; the others are forked from one that has loaded all
TASK_SEED = 7
"""With it the second of two searches for digits finds a better network, which is then tested in its turn."""
MORE = 2
"""Trials that a finished search is extended by, to pass once more what comes at its end."""
ONCE = ("create", "take", "release", "close", "result")
"""What a driver or a delivery does once, so that its later hit is that of the next driver."""
AT_THE_END = (
    Point.DRIVER_AFTER_RELEASE,
    Point.DRIVER_BEFORE_RESULT,
    Point.DRIVER_AFTER_RESULT,
    Point.DELIVERY_BEFORE_CLOSE,
    Point.DELIVERY_AFTER_CLOSE,
)
OF_TASKS = (Point.DRIVER_BEFORE_RESULT, Point.DRIVER_AFTER_RESULT)
"""Passed by built-in tasks only, whose winner is tested."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens in a round."""

    seed: int
    round: int
    point: str
    """A crash point, or "random"."""
    hit: int
    crashes: tuple[str, ...]
    """What ends each driver in turn; see `Scene.drive`."""
    executor: str = "local"
    real: bool = False
    armed: str = ""
    """A crash point of one Ray worker."""
    more: int = 0
    """Trials by which the search is extended for the last crash."""
    early_stopping: str = "none"


def rounds(seed: int, *, short: bool, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Play every crash point at its first and a later hit on both executors, and random moments."""
    plans = _short(seed) if short else plan(seed)
    yield from side_by_side(play, plans, workers=workers)


def plan(seed: int) -> list[Plan]:
    """Return the rounds of a helping, those on Ray among the others: one that is cut short has some of each."""
    rng = random.Random(seed)
    local = [at(point, later, rng) for point in Point for later in (False, True)]
    while len(local) < ROUNDS - ON_RAY:
        local.append(at_random(rng))
    ray = [on_ray(point, rng) for point in Point if point is not Point.FILE_BEFORE_RENAME and point not in OF_TASKS]
    while len(ray) < ON_RAY:
        ray.append(replace(at_random(rng), executor="ray"))
    rng.shuffle(local)
    rng.shuffle(ray)
    mixed = []
    while local or ray:
        mixed += [each.pop() for each in (local,) * (AMONG - 2) + (ray,) if each]
    return [replace(each, seed=seed, round=number, real=number % REAL == 0) for number, each in enumerate(mixed, 1)]


def _short(seed: int) -> list[Plan]:
    rng = random.Random(seed)
    points = (Point.DRIVER_AFTER_CREATE, Point.DRIVER_WITHIN_TELL, Point.WORKER_AFTER_RESULT, Point.DELIVERY_AFTER_RUN)
    chosen = [*(at(point, False, rng) for point in points), at_random(rng), at(Point.DRIVER_WITHIN_TAKE, True, rng)]
    return [replace(each, seed=seed, round=number) for number, each in enumerate(chosen, 1)]


def at(point: Point, later: bool, rng: random.Random) -> Plan:
    """Return a round that is killed at `point`, at its first hit or at a later one."""
    is_once = point.endswith(ONCE) and not point.startswith("worker")
    hit = 1 if is_once or not later else rng.randint(2, 4)
    if point.startswith("delivery"):  # how often it is passed depends on its speed
        hit = min(hit, 2)
    crashes = (f"{point}:{hit}",) * (2 if is_once and later else 1)
    if point.startswith("delivery"):  # the driver does not die of it
        crashes = (f"lines:{rng.randrange(1, 30)}", *crashes)
    more = MORE if later and point in AT_THE_END else 0
    return Plan(0, 0, str(point), max(hit, 1 + later), crashes, more=more, early_stopping=_stopping(point, later))


def _stopping(point: Point, later: bool) -> str:
    """Return early stopping under which a small search passes `point` often enough."""
    if point is Point.WORKER_AFTER_VERDICT:
        return "asha"
    return "none" if later or point.startswith("delivery") else "asha"


def at_random(rng: random.Random) -> Plan:
    """Return a round that is killed at any moment; every third is killed again while it resumes."""
    crashes = [_moment(rng)]
    while rng.random() < 0.33:
        crashes.append(rng.choice([_moment(rng), f"seconds:{rng.uniform(0.05, 0.6):.2f}"]))
    return Plan(0, 0, "random", 0, tuple(crashes), early_stopping=rng.choice(["asha", "asha", "median", "none"]))


def on_ray(point: Point, rng: random.Random) -> Plan:
    """Return a round on Ray that loses a driver, a delivery or one of its workers at the first hit of `point`."""
    if (
        point is Point.WORKER_BEFORE_OBJECTIVE
    ):  # passed before an objective could arm it: every worker dies at its third
        return Plan(0, 0, str(point), 3, (f"lines:{rng.randrange(1, 20)}", f"{point}:3"), executor="ray")
    if point.startswith("worker"):
        crash = f"lines:{rng.randrange(30, 60)}"
        rule = _stopping(point, True)
        return Plan(0, 0, str(point), 1, (crash,), executor="ray", armed=f"{point}:1", early_stopping=rule)
    return replace(at(point, False, rng), executor="ray")


def _moment(rng: random.Random) -> str:
    return f"lines:{rng.randrange(1, 45)}" if rng.random() < 0.8 else f"seconds:{rng.uniform(0.0, 1.0):.2f}"


def play(chosen: Plan, *, storage: str | None = None) -> dict[str, Any]:
    """Play a round, and return what was found."""
    about: dict[str, Any] = {"trials": 8, "epochs": 9, "seed": chosen.seed % 1000 + chosen.round}
    about["options"] = ["--early-stopping", chosen.early_stopping]
    if chosen.point in OF_TASKS:
        about = {"target": "digits", "trials": 1, "epochs": 1, "seed": TASK_SEED, "options": ["--arch", "mlp"]}
    is_ray = chosen.executor == "ray"
    with Scene.made(
        executor=chosen.executor, real=chosen.real, storage=storage, sleep=0.03 if is_ray else 0.0, **about
    ) as scene:
        if chosen.armed:
            (scene.folder / "arm").write_text(chosen.armed)
        problems, killed = _drive(scene, chosen)
        wrong = scene.problems()
        problems += wrong
        found = {
            "differ": sum(not problem.startswith("process ") for problem in wrong),
            "lost": len(scene.lost()),
            "doubled": len(scene.doubled()),
            "rerun": len(scene.rerun()),
            "running": sum(record.state == "RUNNING" for record in scene.records().values()),
            "left": len(scene.left(0.0)),
        }
        died = scene.crashed()
        due = sum(point in crash for crash in [*chosen.crashes, chosen.armed] for point in Point)
        if died < due:
            problems.append(f"{died} processes died at {chosen.point}, not {due}")
        executions = sum(what == "start" for _, what, *_ in scene.history())
        said = [scene.said()[-1500:]] if problems else []
    return {
        "executor": chosen.executor,
        "seed": chosen.seed,
        "round": chosen.round,
        "ok": not problems and not any(found.values()),
        "point": chosen.point,
        "hit": chosen.hit,
        "crashes": [*chosen.crashes, *filter(None, [chosen.armed])],
        "killed": killed,
        "crashed": died,
        **found,
        "trials": scene.trials,
        "executions": executions,
        "problems": [*problems, *said],
    }


def _drive(scene: Scene, chosen: Plan) -> tuple[list[str], int]:
    """Kill driver after driver as planned, then let one finish; return what is wrong and how many were killed."""
    killed = 0
    for number, crash in enumerate(chosen.crashes):
        words = scene.goes_on_with()
        if number == 0 and len(chosen.crashes) == 2 and chosen.point == Point.DRIVER_AFTER_CREATE:
            words = scene.search_as("other")  # a study is made once: the later hit is at the second one of a home
        if chosen.more and number == len(chosen.crashes) - 1:
            scene.trials += chosen.more
            words = [*scene.resume, "--trials", str(scene.trials)]
        code = scene.drive(words, crash)
        killed += code == -9
        if code not in (0, -9):
            return [f"`automl {words[0]}` until {crash} ended with {code}"], killed
    words = scene.goes_on_with()
    code = scene.drive(words)
    return ([] if code == 0 else [f"`automl {words[0]}` ended with {code}"]), killed


def figures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    """Return what is claimed of all these rounds."""
    killed, on_ray = sum(row["killed"] for row in rows), sum(row["executor"] == "ray" for row in rows)
    trials, executions = (sum(row[key] for row in rows) for key in ("trials", "executions"))
    total = {key: sum(row[key] for row in rows) for key in ("lost", "doubled", "rerun", "running", "left")}
    differ = sum(row["differ"] > 0 for row in rows)
    first = {row["point"] for row in rows if row["hit"] == 1 and row["crashed"]}
    later = {row["point"] for row in rows if row["hit"] > 1 and row["crashed"]}
    missing = sorted({str(point) for point in Point} - (first & later))
    return [
        (
            f"the driver is killed at least {ROUNDS} times, in {ON_RAY} rounds or more with Ray workers",
            f"{killed} times in {len(rows)} rounds, {on_ray} of them with Ray workers",
            killed >= ROUNDS and on_ray >= ON_RAY,
        ),
        (
            "every crash point, at its first and at a later hit, besides random moments",
            f"{len(Point) - len(missing)} of {len(Point)}" + (f"; not {', '.join(missing[:5])}" if missing else ""),
            not missing,
        ),
        ("no completed trial is lost", f"{total['lost']} of {trials} trials lost", not total["lost"]),
        ("none is doubled", f"{total['doubled']} doubled", not total["doubled"]),
        (
            "ledger, Optuna view, MLflow and the objective's own history agree after resume",
            f"they differ in {differ} rounds",
            not differ,
        ),
        (
            "a result that was completed before the driver died is not computed again",
            f"{total['rerun']} computed again ({executions} executions of {trials} trials, those cut included)",
            not total["rerun"],
        ),
        (
            "nothing is left RUNNING, and no process lives on",
            f"{total['running']} trials, {total['left']} processes",
            not total["running"] and not total["left"],
        ),
    ]


def glue(seed: int) -> Iterator[dict[str, Any]]:
    """Kill a search that is put together from stock integrations, and let it go on as their documentation says."""
    for number in range(2):
        found = stock.played(seed + number)
        complete = found["optuna"].get("COMPLETE", 0)
        left = found["optuna"].get("RUNNING", 0), found["mlflow"].get("RUNNING", 0)
        seen = (
            f"after one kill and two restarts {complete} of {stock.TRIALS} trials are COMPLETE, {left[0]} RUNNING in "
            f"Optuna and {left[1]} in MLflow for ever; {found['doubled']} have two runs, {found['rerun']} ran twice"
            + (f"; it ends with {found['error']}" if found["error"] else "")
        )
        is_ok = complete == stock.TRIALS and not any(left) and not found["doubled"]
        yield {**found, "ok": is_ok, "seen": seen}
