"""`automl ls`, `status`, `top` and `show`: what the ledger says. Answered in well under a second."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl import inert
from automl.cli import options, output, preflight, result
from automl.cli.output import Format
from automl.cli.spaces import listed
from automl.cli.values import Problems, positive, whole
from automl.errors import AutomlError, ConfigError
from automl.preference import several

if TYPE_CHECKING:
    from automl.home import Home
    from automl.ledger.queries import Reader
    from automl.ledger.rows import StudyRow


def ls(home: options.Home = None, storage: options.Storage = None, format: options.Printed = Format.TABLE) -> None:
    """List the studies, the oldest first."""
    from automl.home import Home
    from automl.report import summary

    found = Home.find(home, storage)
    rows = []
    with found.reading() as read:
        for name in found.studies(waits=True):
            try:
                with read(name) as reader:
                    rows.append(summary.line(reader))
            except AutomlError as error:  # one damaged ledger hides no other study
                output.say(*(f"warning: {name}: {problem}" for problem in error.problems))
    if not rows:
        output.say(f"no studies in {found.where}")
    output.emit(rows, format, lambda: output.table(rows, rows[0]) if rows else None)


def status(
    study: options.Study,
    watch: Annotated[bool, options.option("--watch", help="Show it as it goes on, until it ends.")] = False,
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Say how a study stands: running, interrupted or finished, and its best trial so far."""
    from automl.cli import watching
    from automl.home import Home
    from automl.report import summary

    if watch:
        watching.check(format)
    found = Home.find(home, storage)
    if watch:
        watching.watch(found, study, format)
        if format is Format.JSON:
            return
    with found.read(study) as reader:
        data = summary.status(found, reader)
        why = summary.why_ended(reader)
        resume = output.command(found, "resume", study)
        more = result.how_to_go_on(data, reader, resume) if data["state"] == "interrupted" else []
    output.emit(data, format, lambda: _show_status(data, why=why, more=more))


def top(
    study: options.Study,
    n: Annotated[str, options.option("-n", metavar="N", help="How many trials.")] = "10",
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """List the best trials of a study: COMPLETE ones first, then those that were cut, the furthest first."""
    from automl.home import Home
    from automl.report import summary

    problems = Problems()
    count = problems.read("-n", n, positive)
    problems.check()
    found = Home.find(home, storage)
    with found.read(study) as reader:
        rows = summary.top(reader, count or 0, _run_ids(found, reader))
        row, note = reader.study(), result.note(reader)
    shown = result.leaderboard([result.as_it_stands(each, row.state) for each in rows], row.preference)
    output.emit(rows, format, lambda: _show_top(shown, note))


def show(
    study: options.Study,
    trial: Annotated[str | None, typer.Argument(metavar="TRIAL", help="Number of a trial.")] = None,
    log: Annotated[bool, options.option("--log", help="Print what the trial printed.")] = False,
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Show how a study was made and what it cost, or all about one trial."""
    from automl.home import Home
    from automl.report import summary

    problems = Problems()
    number = problems.read("TRIAL", trial, whole)
    if log and trial is None:
        problems.add(["--log needs the number of a trial, such as: automl show STUDY 0 --log"])
    problems.check()
    found = Home.find(home, storage)
    with found.read(study) as reader:
        if number is None:
            data, why, row = summary.study(found, reader), summary.why_ended(reader), reader.study()
            output.emit(data, format, lambda: _show_study(data, why, row))
            return
        count = reader.size()
        if not 0 <= number < count:
            raise ConfigError(_no_such_trial(study, number, count))
        rows = summary.trials(reader, [number], _run_ids(found, reader))
        file = found.trial(study, number) / "log"
        if log:
            text = _log(file, study, number)
            output.emit({"number": number, "file": str(file), "log": text}, format, lambda: _print_log(text))
            return
        data = rows[0] | summary.history(reader, number, file.parent) | {"log": str(file) if file.is_file() else None}
        state = reader.study().state
        output.emit(data, format, lambda: _show_trial(result.as_it_stands(data, state)))


def _show_top(rows: Sequence[Mapping[str, Any]], note: Sequence[tuple[str, str]]) -> None:
    if not rows:
        print("no trial has a value yet")
        return
    output.table(rows, rows[0])
    if note:
        print()
        output.facts(note)


def _run_ids(home: Home, reader: Reader) -> dict[int, str]:
    """Return the run id of each trial that has been delivered, MLflow's if there are several trackers."""
    from automl import mirrors

    study = reader.study()
    runs = next((mirror.position().runs for mirror in mirrors.of(home, study)), {})
    uids = (uid.rpartition("/") for uid in runs)
    return {int(number): runs[f"{uid}/{number}"] for uid, _, number in uids if uid == study.uid}


def _no_such_trial(study: str, number: int, count: int) -> str:
    there = f"it has 0 to {count - 1}" if count else "it has none yet"
    return f"study {study!r} has no trial {number}; {there}"


def _log(file: Path, study: str, number: int) -> str:
    if not file.is_file():
        raise ConfigError(
            f"trial {number} of {study} has no log at {file}: it printed nothing, or ran with --executor local, "
            "which leaves its output in the terminal"
        )
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        return lines.read()


def _print_log(text: str) -> None:
    """Print it as it was printed, but nothing of it moves the cursor of a screen or writes on the clipboard."""
    sys.stdout.write(inert.page(text) if sys.stdout.isatty() else text)


def _show_status(data: Mapping[str, Any], *, why: str | None, more: Sequence[tuple[str, str]] = ()) -> None:
    owner = data["owner"]
    by = f" by process {owner['pid']} on {owner['host']}" if owner else ""
    asked = f", asked to stop ({data['request']})" if data["request"] else ""
    pairs = [
        ("study", data["name"]),
        ("state", data["state"] + by + asked),
        ("metric", "\n".join(map(", ".join, zip(several(data["metric"]), data["directions"], strict=True)))),
        *([("constraints", "\n".join(data["constraints"]))] if "constraints" in data else []),
        ("trials", f"{result.counts(data)}, of {data['trials']} asked for"),
        *([("ended", why)] if why and data["state"] == "finished" else []),
        ("best", _best(data)),
        *([("confirmed", "\n".join(result.confirmed(data["confirmed"])))] if data["confirmed"] else []),
        *([("policy", data["policy"]["why"])] if data["policy"] else []),
        ("ledger", data["storage"]),
        ("tracker", data["tracking_uri"]),
    ]
    output.facts([*pairs, *more])


def _best(data: Mapping[str, Any]) -> str:
    found = data["best"] if isinstance(data["best"], list) else [*filter(None, [data["best"]])]
    return "\n".join(map(_one, found)) or "no trial has a value yet"


def _one(best: Mapping[str, Any]) -> str:
    partial = " so far" if best.get("partial") else ""
    broken = ", breaks a constraint" if best.get("feasible") is False else ""
    value = f"{output.short(best.get('values', best['value']))}{partial} at step {best['step']}{broken}"
    return f"trial {best['number']}: {value}\n{output.fold(output.short(best['params']), indent=9)}"


def _show_study(data: Mapping[str, Any], why: str | None, row: StudyRow) -> None:
    _show_status(data, why=why)
    print()
    config = data["config"]
    output.facts((name, value) for name, value in config.items() if value is not None and name != "data")
    if found := preflight.table(config.get("target_column"), config.get("data"), most=sys.maxsize):
        print()
        output.facts(found)
    print()
    output.table([{"param": name, "range": text} for name, text in listed(data["space"])], ["param", "range"])
    for change in data["space_changes"]:
        print()
        lost = f"; of {change['told']} trials {len(change['lost'])} are no points of it" if change["lost"] else ""
        print(f"changed before trial {change['trials']}{lost}")
        columns = {"name": "param", "changes": "change", "before": "was", "after": "becomes"}
        rows = [{columns[key]: value for key, value in each.items() if key in columns} for each in change["changes"]]
        output.table(rows, columns.values())
    print()
    output.facts(result.bought(data["receipt"], row))


def _show_trial(data: Mapping[str, Any]) -> None:
    output.facts(
        (name, value)
        for name, value in {**data, "state": result.state(data)}.items()
        if name not in ("attempts", "reports", "params", "paused") and value not in (None, {})
    )
    print()
    output.table([{"param": name, "value": value} for name, value in data["params"].items()], ["param", "value"])
    if data["attempts"]:
        print()
        output.table(data["attempts"], data["attempts"][0])
    if data["reports"]:
        print()
        output.table(data["reports"], dict.fromkeys(name for row in data["reports"] for name in row))
