"""A study in numbers: the rows and keys that every command prints and every check reads.

Nothing here imports torch, ray or mlflow, and nothing reads more of the ledger than it shows: `status` and `top` answer
in well under a second on a study of thousands of trials.

    with home.read("digits-1") as reader:
        status(home, reader)["best"]["value"]
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from automl import mirrors, policy
from automl.home import Home
from automl.ledger.queries import Reader
from automl.ledger.rows import StudyRow
from automl.space_history import CHANGED
from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace


def status(home: Home, reader: Reader) -> dict[str, Any]:
    """Return how a study stands."""
    study = reader.study()
    return {
        "name": study.name,
        "state": study.state,
        "directions": [study.config["direction"]],
        "metric": study.metric,
        "counts": reader.counts(),
        "paused": len(reader.paused()),
        "trials": study.config["n_trials"],
        "best": best(reader),
        "storage": home.ledger_address(study.name),
        "tracking_uri": tracking_uri(home, study),
        "policy": chosen.to_dict() if (chosen := policy.read(reader)) else None,
        "owner": dict(study.owner) if study.owner else None,
        "request": study.request,
    }


def line(reader: Reader) -> dict[str, Any]:
    """Return a study's line in `automl ls`."""
    study = reader.study()
    found = best(reader)
    return {
        "name": study.name,
        "state": study.state,
        "trials": sum(reader.counts().values()),
        "metric": study.metric,
        "best": found["value"] if found else None,
    }


def best(reader: Reader) -> dict[str, Any] | None:
    """Return the best COMPLETE trial; before there is one, the best at the highest step reached, marked partial."""
    for number, step, value in reader.ranking()[:1]:
        (record,) = reader.records([number])
        found = {"number": number, "value": value, "params": dict(record.params), "step": step}
        return found if record.state is TrialState.COMPLETE else found | {"partial": True}
    return None


def study(home: Home, reader: Reader) -> dict[str, Any]:
    """Return how a study stands, how it was made and what it has cost."""
    row = reader.study()
    config = {name: value for name, value in row.config.items() if name != "space"}
    space = SearchSpace.from_dict(row.config["space"])
    about = {
        "config": config,
        "space": space.lines(),
        "space_changes": space_changes(reader),
        "receipt": receipt(reader),
        "test": row.result and row.result["test"],
    }
    return status(home, reader) | about


def space_changes(reader: Reader) -> list[dict[str, Any]]:
    """Return how the search space was changed, the first change first."""
    return [
        {"time": event.time, **{key: event.data[key] for key in ("trials", "told", "lost", "changes")}}
        for event in reader.events(kind=CHANGED)
    ]


def top(reader: Reader, n: int = 10, run_ids: Mapping[int, str] | None = None) -> list[dict[str, Any]]:
    """Return the best `n` trials, best first: COMPLETE ones, then the others by how far they came."""
    numbers = [number for number, _, _ in reader.ranking()[:n]]
    return trials(reader, numbers, run_ids)


def trials(reader: Reader, numbers: Iterable[int], run_ids: Mapping[int, str] | None = None) -> list[dict[str, Any]]:
    """Return trials with all that is to be shown of them, in the order of `numbers`."""
    wanted = list(numbers)
    found = {record.number: trial(record, (run_ids or {}).get(record.number)) for record in reader.records(wanted)}
    return [found[number] for number in wanted if number in found]


def trial(record: TrialRecord, run_id: str | None = None) -> dict[str, Any]:
    """Return one trial's row."""
    return {
        "number": record.number,
        "state": record.state.value,
        "paused": record.paused,
        "value": finite(record.last_value),
        "values": {name: finite(value) for name, value in record.values.items()},
        "params": dict(record.params),
        "step": record.step,
        "attempt": record.attempt,
        "seconds": round(record.seconds, 3),
        "reason": record.reason.value if record.reason else None,
        "message": record.message,
        "run_id": run_id,
    }


def history(reader: Reader, number: int) -> dict[str, Any]:
    """Return the attempts of a trial, and what it reported: a row a step, as last reported at it."""
    attempts = [
        {
            "attempt": row.number,
            "state": row.state.value,
            "start_step": row.start_step,
            "checkpoint": row.checkpoint,
            "seconds": round(row.ended - row.started, 3) if row.ended is not None else None,
            "reason": row.reason.value if row.reason else None,
        }
        for row in reader.attempts(number)
    ]
    steps: dict[int, dict[str, float | None]] = defaultdict(dict)
    for point in reader.metrics(number):
        steps[point.step][point.name] = finite(point.value)
    return {"attempts": attempts, "reports": [{"step": step} | steps[step] for step in sorted(steps)]}


def receipt(reader: Reader) -> dict[str, Any]:
    """Return what the search cost, and what early stopping saved of it.

    `epochs` counts steps that were run; `epochs_full` what all trials at full budget would have taken, None where the
    study has no full budget.
    """
    study = reader.study()
    busy, wall = reader.run_times()
    full = study.config["max_epochs"]
    counts = reader.counts()
    asked = sum(counts.values())
    return {
        "trials": asked,
        "counts": counts,
        "epochs": reader.steps_run(),
        "epochs_full": full * asked if full else None,
        "trial_seconds": round(busy, 1),
        "wall_seconds": round(wall, 1),
    }


def tracking_uri(home: Home, study: StudyRow) -> str | None:
    """Return where the study's copy is, MLflow's if it has several; None without one."""
    return next((mirror.where for mirror in mirrors.of(home, study)), None)


def finite(value: float | None) -> float | None:
    """Return `value`, or None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None
