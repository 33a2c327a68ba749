"""What a search prints when it has ended: the leaderboard, what it cost, where to look, how to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automl.cli import output
from automl.cli.output import Format
from automl.enough import EndedBy, further
from automl.trial import Reason, TrialRecord, TrialState

if TYPE_CHECKING:
    from automl.errors import SearchAbortedError
    from automl.ledger.queries import Reader
    from automl.ledger.rows import StudyRow
    from automl.mirrors import Mirror
    from automl.preference import Preference
    from automl.result import SearchResult

_TOP = 5  # trials in the leaderboard
_LONGEST = 160  # of a tracker's own words


def show(found: SearchResult, *, format: Format, json: bool) -> None:
    """Print what a search found; with exit code 1 when no trial has a value.

    Args:
        found: the result.
        format: how to print it.
        json: as the last event of a stream instead.
    """
    with found.home.read(found.name) as reader:
        data = _data(found, reader)
        if json or format is not Format.TABLE:
            print(_printed(data, format=format, json=json), end="", flush=True)
        else:
            _show_table(found, reader, data)
    if found.state == "finished" and all(trial.value is None for trial in found.trials):
        last = f"; {failure}" if (failure := last_failure(found.trials)) else ""
        again = "; search again with the right --metric" if lacks_metric(found.trials) else ""
        output.fail(f"no trial of {found.name} has a value: {counts(data)}{last}{again}", code=1)


def text(found: SearchResult, *, format: Format, json: bool) -> str:
    """Return what `show` prints for programs to read."""
    with found.home.read(found.name) as reader:
        return _printed(_data(found, reader), format=format, json=json)


def _printed(data: Mapping[str, Any], *, format: Format, json: bool) -> str:
    return output.line({"event": "result", **data}) + "\n" if json else output.text(data, format)


def _data(found: SearchResult, reader: Reader) -> dict[str, Any]:
    from automl.report import summary

    more = further(found.ended_by, reader.study().config) if found.state == "finished" else []
    return summary.status(found.home, reader) | {
        "test": found.test,
        "seconds": round(found.seconds, 3),
        "resume": output.command(found.home, "resume", found.name, *more),
    }


def _show_table(found: SearchResult, reader: Reader, data: Mapping[str, Any]) -> None:
    from automl import mirrors
    from automl.report import summary

    rows = leaderboard(summary.top(reader, _TOP), found.preference)
    print(f"{found.name}: {found.state}, {counts(data)}")
    print()
    if rows:
        output.table(rows, rows[0])
        print()
    facts = bought(summary.receipt(reader), reader.study())
    if found.confirmed:
        facts.insert(0, ("confirmed", "\n".join(confirmed(data["confirmed"]))))
    facts = [*note(reader), *facts]
    if (why := summary.why_ended(reader)) and found.state == "finished":
        facts.insert(0, ("ended", why))
    copies = mirrors.of(found.home, reader.study())
    ui, sync = (output.command(found.home, verb, found.name) for verb in ("ui", "sync"))
    waiting = [(copy, n) for copy in copies if (n := copy.waiting(reader))]
    facts += [("browse", ui if copy.tracker == "mlflow" else copy.where) for copy in copies]
    facts += [("waiting", f"{n} points wait for {copy.where}: {sync}{_why(copy)}") for copy, n in waiting]
    is_over = found.ended_by is EndedBy.EXHAUSTED or lacks_metric(found.trials)
    more = "" if len(found.trials) < data["trials"] else " --trials +20"  # a better target alone would run nothing
    better = f"{more} --target-value V, with a better V" if found.ended_by is EndedBy.TARGET_VALUE else ""
    output.facts([*facts, *([] if is_over else [("go on", data["resume"] + better)])])


def confirmed(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is to be said of trials that were confirmed, the winner first."""
    first, ties = rows[0], sum(row["tied"] for row in rows)
    if first["mean"] is None:
        return ["every run of them failed: the first is the best by its own value"]
    spread = (
        "" if first["low"] is None else f"95 % from {output.short(first['low'])} to {output.short(first['high'])}, "
    )
    text = f"trial {first['number']}: {output.short(first['mean'])} ({spread}{len(first['runs'])} other seeds)"
    lines = [f"{text}; {output.short(first['value'])} when it was chosen"]
    if ties:
        lines.append(f"the first {ties} cannot be told apart (Welch's t-test, 5 %)")
    if failed := sum(row["failed"] for row in rows):
        lines.append(f"{failed} of these runs failed")
    return lines


def again(why: EndedBy | None) -> str:
    """Return what is to be changed of a finished study for it to go on, unless it is its trials alone."""
    if why is None or why.option in (None, "n_trials"):
        return ""
    return f"; it goes on with another --{why.option.replace('_', '-')}"


def bought(receipt: Mapping[str, Any], study: StudyRow) -> list[tuple[str, str]]:
    """Return what the search came to, in words: the winner's test metrics, if it was tested, and the cost."""
    told = [("cost", cost(receipt, planned=study.config["n_trials"]))]
    if study.result and (test := study.result["test"]):
        # Of several objectives there are several best trials.
        tested = "the winner" if len(study.preference.metrics) == 1 else f"trial {study.result['trial']}"
        text = f"{output.short(test)} ({tested}, on data that no trial saw)"
        told.insert(0, ("test", output.fold(text, indent=9)))
    return told


def lacks_metric(trials: Sequence[TrialRecord]) -> bool:
    """Say whether no trial has a value because the objective does not know the study's metric, which is fixed."""
    failed = {trial.reason for trial in trials if trial.state is TrialState.FAIL}
    return failed == {Reason.MISSING_METRIC} and all(trial.last_value is None for trial in trials)


def last_failure(trials: Sequence[TrialRecord]) -> str | None:
    """Return what the last trial that failed has failed of; None if none has."""
    failed = [trial for trial in trials if trial.reason is not None and trial.state is TrialState.FAIL]
    return f"trial {failed[-1].number}: {failed[-1].reason}: {failed[-1].message}" if failed else None


def how_to_go_on(data: Mapping[str, Any], reader: Reader, resume: str) -> list[tuple[str, str]]:
    """Return how an interrupted study goes on, and what is to be mended before if its trials fail.

    Args:
        data: what `summary.status` says of it.
        reader: of its ledger.
        resume: the command that goes on.
    """
    if not data["counts"]["FAIL"] or (data["best"] and data["ended_by"] is not EndedBy.FAILED):
        return [("go on", resume)]
    trials = reader.records()
    first = "when that is mended"
    if lacks_metric(trials):
        first = "search again with the right --metric (this study keeps its own); or mend the objective, then"
    return [("failed", last_failure(trials) or ""), ("go on", f"{first}: {resume}")]


def aborted(found: SearchResult, error: SearchAbortedError, resume: str) -> str:
    """Return what to say of a search that ended because its trials fail, and what to do."""
    text = str(error)
    advice = f"When that is mended, go on with: {resume}"
    if lacks_metric(found.trials):
        advice = f"Search again with the right --metric; or mend the objective, and go on with: {resume}"
    return f"{text}{'' if text.endswith('?') else '.'} {advice}"


def note(reader: Reader) -> list[tuple[str, str]]:
    """Return why the trial with the best value is not the winner, if one was stopped that had a better value."""
    from automl.report import summary

    found = summary.passed_over(reader)
    if found is None:
        return []
    number, step, value = found
    text = f"trial {number} had {output.short(value)} when it was stopped at step {step}: only a COMPLETE trial can win"
    return [("note", text)]


def _why(copy: Mirror) -> str:
    """Return what a tracker said when it took nothing, as one more line."""
    lines = (copy.position().error or "").splitlines()
    return f"\n{lines[0][:_LONGEST]}" if lines else ""


def leaderboard(rows: list[dict[str, Any]], preference: Preference) -> list[dict[str, Any]]:
    """Return rows of `summary.top` as they are shown: what is the same for all, or empty, left out."""
    if not preference.is_plain:
        return [_compared(row, preference) for row in rows]
    shown = ["number", "state", "value", "step", "attempt", "seconds", "params"]
    if all(row["attempt"] == 1 for row in rows):
        shown.remove("attempt")
    if any(row.get("confirmed") for row in rows):
        shown.insert(shown.index("value") + 1, "confirmed")
    names = {"number": "trial", "value": preference.metrics[0]}
    cells = [{**row, "state": state(row), "confirmed": _mean(row.get("confirmed"))} for row in rows]
    return [{names.get(key, key): row[key] for key in shown} for row in cells]


def _compared(row: Mapping[str, Any], preference: Preference) -> dict[str, Any]:
    """Return a row with a cell for each metric that counts, and marks for the Pareto set and for what is infeasible."""
    cells: dict[str, Any] = {"trial": row["number"], "state": state(row)}
    if "pareto" in row:
        cells["pareto"] = "*" if row["pareto"] else ""
    cells |= {name: _whole(row["values"].get(name)) for name in preference.names}
    if preference.constraints:
        cells["feasible"] = {True: "yes", False: "no", None: "-"}[row["feasible"]]
    if row.get("confirmed"):
        cells["confirmed"] = _mean(row["confirmed"])
    return cells | {"step": row["step"], "took": row["seconds"], "params": row["params"]}


def _whole(value: float | None) -> float | int | None:
    """Return a count, such as that of a network's weights, as the whole number that it is."""
    return int(value) if value is not None and value.is_integer() else value


def _mean(found: Mapping[str, Any] | None) -> str | None:
    """Return the mean of the runs that confirm a trial, with half its interval."""
    if found is None or found["mean"] is None:
        return None
    half = "" if found["low"] is None else f" \u00b1 {found['high'] - found['mean']:.2g}"
    return f"{output.short(found['mean'])}{half}"


def state(row: Mapping[str, Any]) -> str:
    """Return the state of a trial in words: to the ledger one that is paused is RUNNING."""
    return "paused" if row["paused"] else str(row["state"])


def as_it_stands(row: Mapping[str, Any], study: str) -> dict[str, Any]:
    """Return a trial's row as people see it: "cut" if it runs to the ledger, while the state of its study says no."""
    is_cut = row["state"] == "RUNNING" and not row["paused"] and study != "running"
    return {**row, "state": "cut"} if is_cut else {**row}


def counts(data: Mapping[str, Any]) -> str:
    """Return how many trials of each state `summary.status` has: `20 trials (7 COMPLETE, 13 PRUNED)`.

    Those that are paused are counted apart; what runs to the ledger of a study that does not was cut.
    """
    of, paused = data["counts"], data["paused"]
    total = sum(of.values())
    running = "RUNNING" if data["state"] == "running" else "cut"
    states = {**of, "RUNNING": 0, running: of["RUNNING"] - paused, "paused": paused}
    parts = ", ".join(f"{n} {state}" for state, n in states.items() if n)
    return f"{total} trial{'' if total == 1 else 's'}{f' ({parts})' if parts else ''}"


def cost(receipt: Mapping[str, Any], *, planned: int) -> str:
    """Return what a search of so many `planned` trials has cost, and what early stopping has saved of those begun."""
    text = f"{output.duration(receipt['wall_seconds'])}, workers busy {output.duration(receipt['trial_seconds'])}"
    more = f" and {receipt['epochs_confirming']:,} to confirm the best" if receipt["epochs_confirming"] else ""
    if receipt["epochs_full"]:
        share = receipt["epochs"] / receipt["epochs_full"]
        n = receipt["trials"]
        begun = "" if n >= planned else f" of the {n} trial{'' if n == 1 else 's'} begun"
        return f"{receipt['epochs']:,} of {receipt['epochs_full']:,} steps{begun} ({share:.0%}){more} in {text}"
    return f"{receipt['epochs']:,} steps{more} in {text}"
