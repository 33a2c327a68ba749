"""`automl replay` and `repro`: what a search has done, once more, and whether it comes out as it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from automl.cli import options, output
from automl.cli.output import Format
from automl.cli.values import Problems, whole

if TYPE_CHECKING:
    from automl.replay import Difference, Replay
    from automl.repro import Reproduction


def replay(
    study: options.Study,
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Propose all trials once more from the ledger, and name the first that comes out otherwise."""
    from automl.home import Home
    from automl.replay import replay as replayed

    with Home.find(home, storage).read(study) as reader:
        found = replayed(reader)
    data = {
        "study": study,
        "ok": found.difference is None,
        "sampler": found.sampler,
        "proposals": found.proposals,
        "unrecorded": found.unrecorded,
        "difference": _difference(found.difference),
    }
    output.emit(data, format, lambda: _show_replay(study, found))
    if found.difference is not None:
        raise typer.Exit(1)


def repro(
    study: options.Study,
    trial: options.Trial,
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Run one trial once more, from its recorded seed and params, and compare; the study is only read."""
    from automl.home import Home
    from automl.repro import repro as reproduced

    problems = Problems()
    number = problems.read("TRIAL", trial, whole)
    problems.check()
    assert number is not None
    found = reproduced(Home.find(home, storage), study, number)
    told = [change.told(trial=number) for change in found.changes]
    data = {
        "study": study,
        "number": number,
        "same": found.is_same,
        "params": found.record.params,
        "seed": found.record.seed,
        "changes": told,
        "state": {"recorded": found.record.state, "again": found.ending.trial_state},
        "values": {"recorded": found.record.values, "again": found.ending.values},
        "message": found.ending.message,
        "steps": _steps(found),
        "seconds": found.seconds,
    }
    output.emit(data, format, lambda: _show_repro(study, found, told))
    if not found.is_same:
        raise typer.Exit(1)


def _difference(found: Difference | None) -> Mapping[str, Any] | None:
    if found is None:
        return None
    return {"trial": found.trial, "seq": found.seq, "recorded": found.recorded, "replayed": found.replayed}


def _show_replay(study: str, found: Replay) -> None:
    if found.unrecorded:
        print(f"note: {found.unrecorded} trials cannot be proposed again: on which history they were based is unknown")
    if found.difference is None:
        print(output.safe(f"{study}: all {found.proposals} proposals of {found.sampler} come out as they are recorded"))
        return
    trial, seq, replayed = found.difference.trial, found.difference.seq, found.difference.replayed
    print(output.safe(f"{study}: trial {trial} comes out otherwise, from the history up to seq {seq}"))
    if replayed is None:
        print("the sampler has nothing left to propose")
        return
    recorded = found.difference.recorded
    rows = [
        {"param": name, "recorded": recorded.get(name), "replayed": replayed.get(name)}
        for name in {**recorded, **replayed}
        if recorded.get(name) != replayed.get(name)
    ]
    output.table(rows, rows[0])


def _steps(found: Reproduction) -> list[dict[str, Any]]:
    return [
        {"step": each.step, "metric": each.metric, "recorded": each.recorded, "again": each.again, "same": each.is_same}
        for each in found.steps
    ]


def _show_repro(study: str, found: Reproduction, told: list[str]) -> None:
    for line in told:
        print(output.safe(f"note: {line}"))
    record, ending = found.record, found.ending
    has_values = record.values or ending.values  # a trial that was stopped has those of its steps alone
    values = f"{output.short(record.values)}, now {output.short(ending.values)}" if has_values else None
    pairs = [
        ("params", output.short(record.params)),
        ("seed", str(record.seed)),
        ("state", f"{record.state}, now {ending.trial_state}"),
        ("values", values),
        ("message", ending.message),
    ]
    output.facts((name, value) for name, value in pairs if value is not None)
    if found.steps:
        print()
        output.table(_steps(found), ["step", "metric", "recorded", "again", "same"])
        print()
    other = sum(not step.is_same for step in found.steps)
    why = f"{other} of {len(found.steps)} values differ" if other else "it ends in another way"
    result = "comes out as it is recorded" if found.is_same else f"comes out otherwise: {why}"
    print(output.safe(f"trial {record.number} of {study} {result}"))
