"""What a search prints when it has ended: the leaderboard, what it cost, where to look, how to go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automl.cli import output
from automl.cli.output import Format
from automl.trial import Reason, TrialState

if TYPE_CHECKING:
    from automl.errors import SearchAbortedError
    from automl.ledger.queries import Reader
    from automl.mirrors import Mirror
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
    from automl.report import summary

    resume = "resume", found.name, *(["--trials", "+20"] if found.state == "finished" else [])
    with found.home.read(found.name) as reader:
        status = summary.status(found.home, reader)
        data = status | {
            "test": found.test,
            "seconds": round(found.seconds, 3),
            "resume": output.command(found.home, *resume),
        }
        if json:
            print(output.line({"event": "result", **data}), flush=True)
        else:
            output.emit(data, format, lambda: _show_table(found, reader, data))
    if found.state == "finished" and all(trial.value is None for trial in found.trials):
        failed = [trial for trial in found.trials if trial.reason is not None and trial.state is TrialState.FAIL]
        last = f"; trial {failed[-1].number}: {failed[-1].reason}: {failed[-1].message}" if failed else ""
        again = "; search again with the right --metric" if lacks_metric(found) else ""
        output.fail(f"no trial of {found.name} has a value: {counts(data['counts'])}{last}{again}", code=1)


def _show_table(found: SearchResult, reader: Reader, data: Mapping[str, Any]) -> None:
    from automl import mirrors
    from automl.report import summary

    rows = leaderboard(summary.top(reader, _TOP), found.metric)
    print(f"{found.name}: {found.state}, {counts(data['counts'], data['paused'])}")
    print()
    if rows:
        output.table(rows, rows[0])
        print()
    facts = bought(summary.receipt(reader), found.test)
    copies = mirrors.of(found.home, reader.study())
    ui, sync = (output.command(found.home, verb, found.name) for verb in ("ui", "sync"))
    waiting = [(copy, n) for copy in copies if (n := copy.waiting(reader))]
    facts += [("browse", ui if copy.tracker == "mlflow" else copy.where) for copy in copies]
    facts += [("waiting", f"{n} points wait for {copy.where}: {sync}{_why(copy)}") for copy, n in waiting]
    go_on = "nothing is left to try in this space" if found.is_exhausted else data["resume"]
    output.facts([*facts, *([] if lacks_metric(found) else [("go on", go_on)])])


def bought(receipt: Mapping[str, Any], test: Mapping[str, float] | None) -> list[tuple[str, str]]:
    """Return what the search came to, in words: the winner's test metrics, if it was tested, and the cost."""
    told = [("cost", cost(receipt))]
    if test:
        text = f"{output.short(test)} (the winner, on data that no trial saw)"
        told.insert(0, ("test", output.fold(text, indent=9)))
    return told


def lacks_metric(found: SearchResult) -> bool:
    """Say whether no trial has a value because the objective does not know the study's metric, which is fixed."""
    failed = {trial.reason for trial in found.trials if trial.state is TrialState.FAIL}
    return failed == {Reason.MISSING_METRIC} and all(trial.last_value is None for trial in found.trials)


def aborted(found: SearchResult, error: SearchAbortedError, resume: str) -> str:
    """Return what to say of a search that ended because its trials fail, and what to do."""
    text = str(error)
    advice = f"When that is mended, go on with: {resume}"
    if lacks_metric(found):
        advice = f"Search again with the right --metric; or mend the objective, and go on with: {resume}"
    return f"{text}{'' if text.endswith('?') else '.'} {advice}"


def _why(copy: Mirror) -> str:
    """Return what a tracker said when it took nothing, as one more line."""
    lines = (copy.position().error or "").splitlines()
    return f"\n{lines[0][:_LONGEST]}" if lines else ""


def leaderboard(rows: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """Return rows of `summary.top` as they are shown: what is the same for all, or empty, left out."""
    shown = ["number", "state", "value", "step", "attempt", "seconds", "params"]
    if all(row["attempt"] == 1 for row in rows):
        shown.remove("attempt")
    names = {"number": "trial", "value": metric}
    return [{names.get(key, key): {**row, "state": state(row)}[key] for key in shown} for row in rows]


def state(row: Mapping[str, Any]) -> str:
    """Return the state of a trial in words: to the ledger one that is paused is RUNNING."""
    return "paused" if row["paused"] else str(row["state"])


def counts(of: Mapping[str, int], paused: int = 0) -> str:
    """Return how many trials there are of each state: `20 trials (7 COMPLETE, 13 PRUNED)`; `paused` ones apart."""
    total = sum(of.values())
    states = {**of, "RUNNING": of["RUNNING"] - paused, "paused": paused}
    parts = ", ".join(f"{n} {state}" for state, n in states.items() if n)
    return f"{total} trial{'' if total == 1 else 's'}{f' ({parts})' if parts else ''}"


def cost(receipt: Mapping[str, Any]) -> str:
    """Return what a search has cost, and what early stopping has saved of it."""
    text = f"{output.duration(receipt['wall_seconds'])}, workers busy {output.duration(receipt['trial_seconds'])}"
    if receipt["epochs_full"]:
        share = receipt["epochs"] / receipt["epochs_full"]
        return f"{receipt['epochs']:,} of {receipt['epochs_full']:,} steps ({share:.0%}) in {text}"
    return f"{receipt['epochs']:,} steps in {text}"
