"""The study's own run in the tracker: a page worth opening.

Its params say how the study was run, its curve is the best value so far by trial number (of several objectives the
volume that their best trials dominate), its description is the leaderboard in Markdown, its files are what is needed
to do it again: the study, the space, the winner's weights and params, and three figures.
"""

from __future__ import annotations

import contextlib
import json
import math
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl import inert
from automl.config import ENDS
from automl.enough import ended_by, further
from automl.ledger.queries import Reader
from automl.ledger.rows import StudyRow
from automl.preference import Preference, Vector, hypervolume, reference
from automl.report import figures, summary
from automl.trial import TrialRecord, TrialState
from trackers import Point, Run

CORNER = 5
"""Trials from the worst of which the hypervolume is measured: known early, so the curve grows with the study."""
DESCRIPTION_TAG = "mlflow.note.content"
_SHOWN = (
    "target",
    "target_column",
    "metric",
    "direction",
    "constraints",
    "n_trials",
    "max_epochs",
    *ENDS,
    "confirm",
    "confirm_seeds",
    "sampler",
    "early_stopping",
    "seed",
)


@dataclass
class Sent:
    """How much of the curve was logged by this process; logging it again would add nothing."""

    trials: int = 0
    best: float | None = None


def params(study: StudyRow) -> dict[str, Any]:
    """Return how the study is run."""
    shown = {name: study.config[name] for name in _SHOWN if study.config.get(name) is not None}
    return {name: ", ".join(value) if isinstance(value, list) else value for name, value in shown.items()}


def best(study: StudyRow, record: TrialRecord) -> list[Point]:
    """Return a trial's best value, which stands beside its last one."""
    values = [(value * study.sign, step) for step, value in record.reports.items() if value == value]
    if record.value is not None:
        values.append((record.value * study.sign, record.step))
    if not values:
        return []
    loss, step = min(values)
    return [Point(f"best/{study.metric}", loss * study.sign, step, record.ended or 0.0)]


def curve(reader: Reader, study: StudyRow, run: Run, sent: Sent) -> None:
    """Log the best value so far by trial number, as far as all trials before have ended."""
    if not study.preference.is_plain:
        _grown(reader, study, run, sent)
        return
    ended = reader.settled(after=sent.trials)
    points = []
    for number, value, time in ended:
        if value is not None and (sent.best is None or value * study.sign < sent.best * study.sign):
            sent.best = value
        if sent.best is not None:
            points.append(Point(f"best/{study.metric}", sent.best, number, time))
        sent.trials = number + 1
    if points:
        run.log(points)


def _grown(reader: Reader, study: StudyRow, run: Run, sent: Sent) -> None:
    """Log what the trials that keep the constraints have reached, by trial number.

    That is the best value of a single metric. Of several it is the hypervolume, in the product of their units, measured
    from the worst of the first `CORNER` trials that have all values.
    """
    preference, times = study.preference, {number: time for number, _, time in reader.settled()}
    if len(times) <= sent.trials:
        return
    records = reader.records(times)
    valued = [losses for record in records if math.inf not in (losses := preference.losses(record.standing))]
    if not valued or (len(valued) < CORNER and study.state == "running"):
        return
    is_several, corner = len(preference.metrics) > 1, reference(valued[:CORNER])
    name = "hypervolume" if is_several else f"best/{study.metric}"
    front: list[Vector] = []
    points = []
    for record in records:
        if record.state is TrialState.COMPLETE and preference.violation(record.values) == 0:
            front.append(preference.losses(record.values))
        if front and record.number >= sent.trials:
            reached = hypervolume(front, corner) if is_several else min(front)[0] * study.sign
            points.append(Point(name, reached, record.number, times[record.number]))
    sent.trials = max(times) + 1
    if points:
        run.log(points)


def confirmed_points(reader: Reader, study: StudyRow) -> list[Point]:
    """Return the means of the trials that were confirmed, by trial number, with the ends of their intervals."""
    points = []
    for each in summary.confirmed(reader):
        low, high = each.interval or (None, None)
        found = {"": each.mean, "/low": low, "/high": high}
        points += [
            Point(f"confirmed/{study.metric}{end}", value, each.number, reader.last_time())
            for end, value in found.items()
            if value is not None
        ]
    return points


def test_points(study: StudyRow, reader: Reader) -> list[Point]:
    """Return the winner's test metrics."""
    if not study.result:
        return []
    return [Point(name, value, 0, reader.last_time()) for name, value in study.result["test"].items()]


def tags(reader: Reader, study: StudyRow) -> dict[str, str]:
    """Return the description, and what people filter by."""
    return {DESCRIPTION_TAG: description(reader, study), "automl.state": study.state}


def description(reader: Reader, study: StudyRow) -> str:
    """Return the study in Markdown."""
    receipt = summary.receipt(reader)
    metric, target = inert.code(study.metric), inert.code(str(study.config["target"]))
    wishes = [f"{direction} {inert.code(name)}" for name, direction in study.preference.ways]
    wishes += [inert.code(str(limit)) for limit in study.preference.constraints]
    lines = [f"**{inert.markdown(study.name)}**: {', '.join(wishes)} of {target}", ""]
    counts = ", ".join(f"{n} {state}" for state, n in receipt["counts"].items() if n)
    lines += [
        f"{receipt['trials']} trials ({counts}) in {receipt['wall_seconds']:.0f} s, {receipt['epochs']} steps.",
        "",
    ]
    if study.result:
        tested = ", ".join(f"{inert.markdown(name)} {value:.4f}" for name, value in study.result["test"].items())
        lines += [f"Trial {study.result['trial']} won; on the test part, used once: {tested}.", ""]
    if (why := summary.why_ended(reader)) and study.state == "finished":
        lines += [f"It ended because {inert.markdown(why)}.", ""]
    for each in summary.confirmed(reader)[:1]:
        if each.mean is not None and each.interval is not None:
            low, high = map(_short, each.interval)
            runs = f"{len(each.runs)} runs with other seeds"
            lines += [
                f"Trial {each.number} was confirmed by {runs}: {_short(each.mean)} (95 % from {low} to {high}).",
                "",
            ]
    for change in summary.space_changes(reader):
        told = ", ".join(inert.code(each["name"]) for each in change["changes"])
        lost = f", {len(change['lost'])} earlier trials are no points of it" if change["lost"] else ""
        lines += [f"The search space was changed before trial {change['trials']}: {told}{lost}.", ""]
    sorted_by = "" if len(study.preference.metrics) == 1 else ", first those that none is better than"
    lines += [f"The best trials by {metric}{sorted_by}:", ""]
    lines += [_row(row, study.preference) for row in summary.top(reader, 5)]
    more = further(ended_by(reader), study.config) if study.state == "finished" else []
    resume = inert.code(shlex.join(["automl", "resume", study.name, *more]))
    lines += ["", f"Go on with {resume}; figures and the winner's files are under Artifacts."]
    return "\n".join(lines)


@contextlib.contextmanager
def files(reader: Reader, study: StudyRow, folder: Path) -> Iterator[dict[str, Path]]:
    """Yield the files of the study's own run, by the name they get there."""
    with tempfile.TemporaryDirectory(prefix="automl-page-") as made:
        found = {name: folder / name for name in ("study.yaml", "space.yaml") if (folder / name).is_file()}
        records = [record for record in reader.records() if record.confirms is None]
        found |= figures.write(records, study, Path(made))
        found |= _winner(reader, study, folder, Path(made))
        yield found


def _winner(reader: Reader, study: StudyRow, folder: Path, made: Path) -> dict[str, Path]:
    """Return the params and files of the trial that has won, of several objectives of each that has."""
    winners, is_one = summary.bests(reader), len(study.preference.metrics) == 1
    if not winners:
        return {}
    path = made / "params.json"
    path.write_text(json.dumps(winners[0] if is_one else winners, indent=2))
    folders = {one["number"]: "winner" if is_one else f"winner/{one['number']}" for one in winners}
    kept = {
        f"{folders[event.trial]}/{event.data['name']}": folder / event.data["path"]
        for event in reader.events(kind="artifact")
        if event.trial in folders
    }
    return {"winner/params.json": path} | {name: file for name, file in kept.items() if file.is_file()}


def _row(row: Mapping[str, Any], preference: Preference) -> str:
    """Return a line of the leaderboard."""
    chosen = ", ".join(inert.code(f"{name}={_short(value)}") for name, value in row["params"].items())
    found = _short(row["value"])
    if not preference.is_plain:
        values = [(name, row["values"].get(name)) for name in preference.names]
        found = ", ".join(f"{inert.markdown(name)} {_short(value)}" for name, value in values if value is not None)
    broken = ", breaks a constraint" if row.get("feasible") is False else ""
    return f"1. **{found}**, trial {row['number']}, {row['state']}{broken}: {chosen}"


def _short(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
