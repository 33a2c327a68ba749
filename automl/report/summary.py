"""A study in numbers: the rows and keys that every command prints and every check reads.

Nothing here imports torch, ray or mlflow, and nothing reads more of the ledger than it shows: `status` and `top` answer
in well under a second on a study of thousands of trials.

    with home.read("digits-1") as reader:
        status(home, reader)["best"]["value"]
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from automl import attempt, mirrors, policy
from automl.config import StudyConfig, one_or_all
from automl.confirming import Confirmation, Confirmed, noted
from automl.enough import ended_by, said
from automl.home import Home
from automl.ledger.queries import Reader
from automl.ledger.rows import AttemptRow, StudyRow
from automl.preference import Preference
from automl.space_history import CHANGED
from automl.trial import TrialRecord, TrialState, newest_checkpoint
from search_spaces import SearchSpace


def status(home: Home, reader: Reader) -> dict[str, Any]:
    """Return how a study stands."""
    study = reader.study()
    return {
        "name": study.name,
        "state": study.state,
        **wishes(study.preference),
        "counts": reader.counts(),
        "paused": len(reader.paused()),
        "trials": study.config["n_trials"],
        "ended_by": ended_by(reader),
        "best": best(reader),
        "confirmed": [each.to_dict() for each in confirmed(reader)],
        "storage": home.ledger_address(study.name),
        "tracking_uri": tracking_uri(home, study),
        "policy": chosen.to_dict() if (chosen := policy.read(reader)) else None,
        "owner": dict(study.owner) if study.owner else None,
        "request": study.request,
    }


def wishes(preference: Preference) -> dict[str, Any]:
    """Return what a study wants: `metric` is a list where there are several, `constraints` are there if any are."""
    limits = [str(each) for each in preference.constraints]
    about = {"directions": list(preference.directions), "metric": one_or_all(list(preference.metrics))}
    return about | ({"constraints": limits} if limits else {})


def why_ended(reader: Reader) -> str | None:
    """Return in words why the search of a study has ended; None where that is not known, or not so."""
    why = ended_by(reader)
    return None if why is None else said(why, reader.study().config, asked=sum(reader.counts().values()))


def line(reader: Reader) -> dict[str, Any]:
    """Return a study's line in `automl ls`."""
    study = reader.study()
    preference = study.preference
    found = bests(reader)
    ends: float | dict[str, float] | None = found[0]["value"] if found else None
    if found and len(preference.metrics) > 1:  # what the set reaches in each
        by_name = [(name, way, [one["values"][name] for one in found]) for name, way in preference.ways]
        ends = {name: max(values) if way == "maximize" else min(values) for name, way, values in by_name}
    return {
        "name": study.name,
        "state": study.state,
        "trials": sum(reader.counts().values()),
        "metric": wishes(preference)["metric"],
        "best": ends,
    }


def confirmed(reader: Reader) -> list[Confirmed]:
    """Return what the runs say that confirm the best trials, the winner first; nothing before all of them are there."""
    study = reader.study()
    if not study.config.get("confirm"):
        return []
    confirmation = Confirmation.of(StudyConfig.from_dict(study.config))
    ranked, runs = [number for number, *_ in reader.ranking()[: confirmation.k]], reader.confirmations()
    return confirmation.judged(reader.records({*ranked, *runs, *runs.values()}))


def ranking(reader: Reader) -> list[tuple[int, int, float]]:
    """Return (number, step, value) of every trial of the search with a value, the best first.

    Those that were confirmed lead, in the order of what confirmed them; see `Reader.ranking` for the others.
    """
    first = {each.number: place for place, each in enumerate(confirmed(reader))}
    return sorted(reader.ranking(), key=lambda row: first.get(row[0], len(first)))


def best(reader: Reader) -> dict[str, Any] | list[dict[str, Any]] | None:
    """Return the trial that has won: confirmed as such, else the best COMPLETE one; of several objectives a list.

    Before any is COMPLETE it is the best at the highest step reached, marked partial.
    """
    found = bests(reader)
    return found if len(reader.study().preference.metrics) > 1 else found[0] if found else None


def bests(reader: Reader) -> list[dict[str, Any]]:
    """Return the trials that none is better than, the best by the first metric first; of a single metric one."""
    preference, ranked = reader.study().preference, ranking(reader)
    if not ranked:
        return []
    if len(preference.metrics) == 1:
        return [_best(record, ranked[0][1], preference) for record in reader.records([ranked[0][0]])]
    steps = {number: step for number, step, _ in ranked}
    records = reader.records(steps)
    done = [record for record in records if record.state is TrialState.COMPLETE]
    compared = done or [record for record in records if steps[record.number] == ranked[0][1]]
    front = [compared[at] for at in preference.pareto(record.standing for record in compared)]
    return [_best(record, steps[record.number], preference) for record in front]


def _best(record: TrialRecord, step: int, preference: Preference) -> dict[str, Any]:
    found: dict[str, Any] = {"number": record.number, "value": record.last_value}
    found |= judged(record, preference) | {"params": dict(record.params), "step": step}
    return found if record.state is TrialState.COMPLETE else found | {"partial": True}


def judged(record: TrialRecord, preference: Preference) -> dict[str, Any]:
    """Return the values of a trial that count, and whether they keep the constraints; nothing where one metric says it.

    `feasible` is None as long as a metric is not known that a constraint is about.
    """
    if preference.is_plain:
        return {}
    standing = record.standing
    found: dict[str, Any] = {"values": {n: finite(standing[n]) for n in preference.names if n in standing}}
    if preference.constraints:
        violation = preference.violation(standing)
        found["feasible"] = violation == 0 if math.isfinite(violation) else None
    return found


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
    """Return the best `n` trials, best first: confirmed ones, COMPLETE ones, then the others by how far they came.

    Of several objectives the Pareto set comes first, by the first metric; of a large one those that are spread best.
    """
    numbers = [number for number, _, _ in ranking(reader)[:n]]
    found = {each.number: each.to_dict() for each in confirmed(reader)}
    rows = [row | {"confirmed": found.get(row["number"])} for row in trials(reader, numbers, run_ids)]
    if len(reader.study().preference.metrics) == 1:
        return rows
    front = {one["number"]: place for place, one in enumerate(bests(reader))}
    rows.sort(key=lambda row: front.get(row["number"], len(front)))
    return [row | {"pareto": row["number"] in front} for row in rows]


def passed_over(reader: Reader) -> tuple[int, int, float] | None:
    """Return (number, step, value) of the best trial that was stopped with a better value than the winner's.

    None where there is none, or no winner, or more counts than one metric.
    """
    study, ranked, done = reader.study(), ranking(reader), reader.counts()[TrialState.COMPLETE]
    if not done or not study.preference.is_plain:
        return None
    better = [row for row in ranked[done:] if row[2] * study.sign < ranked[0][2] * study.sign]
    for row in sorted(better, key=lambda row: row[2] * study.sign):  # mostly the first is it
        (record,) = reader.records([row[0]])
        if record.state is TrialState.PRUNED:
            return row
    return None


def trials(reader: Reader, numbers: Iterable[int], run_ids: Mapping[int, str] | None = None) -> list[dict[str, Any]]:
    """Return trials with all that is to be shown of them, in the order of `numbers`."""
    wanted = list(numbers)
    preference = reader.study().preference
    known = run_ids or {}
    found = {}
    for record in reader.records(wanted):
        row, more = trial(record, known.get(record.number)), judged(record, preference)
        found[record.number] = row | more | {"values": row["values"] | more.get("values", {})}
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
        **noted(record),
        "run_id": run_id,
    }


def history(reader: Reader, number: int, folder: Path) -> dict[str, Any]:
    """Return the attempts of a trial, and what it reported: a row a step, as last reported at it.

    An attempt that was cut says nothing of its checkpoint: that is where the next one began, or would begin by what is
    in the trial's `folder`.
    """
    rows = reader.attempts(number)
    begun = [row.start_step or None for row in rows[1:]]
    following = [*begun, _left(reader, rows[-1], folder)] if rows else []
    attempts = [
        {
            "attempt": row.number,
            "state": row.state.value,
            "start_step": row.start_step,
            "checkpoint": row.checkpoint or after,
            "seconds": round(row.ended - row.started, 3) if row.ended is not None else None,
            "reason": row.reason.value if row.reason else None,
        }
        for row, after in zip(rows, following, strict=True)
    ]
    steps: dict[int, dict[str, float | None]] = defaultdict(dict)
    for point in reader.metrics(number):
        steps[point.step][point.name] = finite(point.value)
    return {"attempts": attempts, "reports": [{"step": step} | steps[step] for step in sorted(steps)]}


def _left(reader: Reader, last: AttemptRow, folder: Path) -> int | None:
    """Return the step of the checkpoint that a trial would go on from after its last attempt."""
    (record,) = reader.records([last.trial])
    if record.state.is_finished:
        return None
    heard = [report.step for report in attempt.read_reports(folder, last.number)]  # by the ledger, once it is resumed
    with contextlib.suppress(OSError):  # the trial runs, and replaces its checkpoints
        found = newest_checkpoint(folder, max([record.reached, *heard]), thorough=False)
        return found.step if found else None
    return None


def receipt(reader: Reader) -> dict[str, Any]:
    """Return what the search cost, and what early stopping saved of it.

    `epochs` counts steps that were run; `epochs_full` what all trials at full budget would have taken, None where the
    study has no full budget. What it cost to confirm the best is in `epochs_confirming` and in the times.
    """
    study = reader.study()
    busy, wall = reader.run_times()
    searched, confirming = reader.steps_run()
    full = study.config["max_epochs"]
    counts = reader.counts()
    asked = sum(counts.values())
    return {
        "trials": asked,
        "counts": counts,
        "epochs": searched,
        "epochs_confirming": confirming,
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
