"""`automl ui`, `sync` and `doctor`: the copy in the tracker, and whether it agrees with the truth."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl import private
from automl.cli import completion, options, output
from automl.cli.output import Format
from automl.cli.values import Problems, whole
from automl.config import tracker_names
from automl.errors import ConfigError
from automl.redaction import without_password
from trackers import TrackerError

if TYPE_CHECKING:
    from automl.home import Home
    from automl.ledger.rows import StudyRow
    from automl.mirrors import Mirror

_SERVERS = ("http://", "https://", "databricks")

UiStudy = Annotated[
    str | None,
    typer.Argument(
        metavar="STUDY", help="Name of a study.", show_default="the newest", autocompletion=completion.studies
    ),
]
AnyStudy = Annotated[
    str | None,
    typer.Argument(
        metavar="STUDY", help="Name of a study.", show_default="all of them", autocompletion=completion.studies
    ),
]
# No environment variable sets it: what one is left with would repair something else later.
Fix = Annotated[bool, options.option("--fix", help="Repair what is safe, and say each thing done.", envvar=None)]


def ui(
    study: UiStudy = None,
    port: Annotated[
        str | None, options.option("--port", metavar="N", help="Of the server.", show_default="a free one from 5000 on")
    ] = None,
    no_open: Annotated[bool, options.option("--no-open", help="Open no browser.")] = False,
    home: options.Home = None,
    storage: options.Storage = None,
) -> None:
    """Serve MLflow on the results, on this machine only, until Ctrl-C; print where to look."""
    from automl.cli import mlflow_server
    from automl.home import Home
    from automl.mirrors import MlflowMirror

    problems = Problems()
    number = problems.read("--port", port, whole)
    problems.check()
    found = Home.find(home, storage)
    row = _shown(found, study)
    uri = MlflowMirror(home=found, study=row).store if row else found.tracking_uri
    if row is not None and uri.startswith(_SERVERS):
        _print_pages(found, row, uri)
        return
    chosen = mlflow_server.free_port(number)
    output.say(f"starting MLflow on {without_password(uri)}")
    with (
        _ended_by_signals(),
        mlflow_server.serving(uri, artifacts=found.artifacts, port=chosen) as server,
    ):
        page = _print_pages(found, row, server.address)
        output.say("Ctrl-C ends it")
        if not no_open and _is_desktop():
            import webbrowser

            webbrowser.open(page)
        code = server.process.wait()
        output.fail(f"MLflow's server ended with code {code}", code=1)


@private.files()
def sync(
    study: options.Study,
    rebuild: options.Rebuild = False,
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Deliver to each tracker whatever it has not got yet."""
    from automl import delivery, mirrors
    from automl.home import Home

    found = Home.find(home, storage)
    with found.read(study) as reader:
        wanted = mirrors.of(found, reader.study())
    if not wanted:
        raise ConfigError(f"study {study!r} was made with --tracker none: there is nowhere to deliver it")
    rows, problems = [], []
    for mirror in wanted:
        with delivery.only_one(found.study(study), [mirror.tracker]) as is_ours:
            if not is_ours:
                output.fail(f"{study} is being delivered by the search that runs it; it needs no sync", code=1)
            try:
                rows.append(_synced(mirror, rebuild=rebuild))
            except TrackerError as error:  # one that is down is no reason to leave out the others
                problems.append(str(error))
    if rows:
        total = {name: sum(row[name] for row in rows) for name in ("delivered", "waiting")}
        data = {"name": study, "tracking_uri": wanted[0].where, **total, "trackers": rows}
        output.emit(data, format, lambda: print("\n".join(_said(study, row) for row in rows)))
    if problems:
        output.fail(*problems, code=1)


def doctor(
    study: AnyStudy = None,
    fix: Fix = False,
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Compare ledger, trackers, files and processes, and name what does not agree."""
    from automl.doctor import audit
    from automl.home import Home
    from automl.mending import mend

    if fix and study is None:
        raise ConfigError("--fix needs the name of a study, such as: automl doctor STUDY --fix")
    found = Home.find(home, storage)
    fixed = mend(found, study) if fix and study is not None else []
    names = found.studies() if study is None else [study]
    reports = {name: audit(found, name) for name in names}
    problems = [
        {"code": problem.code, "trial": problem.trial, "message": problem.message}
        | ({"study": name} if study is None else {})
        for name, report in reports.items()
        for problem in report.problems
    ]
    notes = [f"{name}: {note}" if study is None else note for name, report in reports.items() for note in report.notes]
    is_ok = all(report.ok for report in reports.values())

    def show() -> None:
        for done in fixed:
            trial = "" if done.trial is None else f" trial {done.trial}:"
            print(output.safe(f"fixed: {done.code}:{trial} {done.message}"))
        if problems:
            output.table(problems, (["study"] if study is None else []) + ["code", "trial", "message"])
        for note in notes:
            print(output.safe(f"note: {note}"))
        if problems and not fix:
            print(f"what is safe to repair: {output.command(found, 'doctor', study or 'STUDY', '--fix')}")
        print(output.safe(f"{study or f'{len(names)} studies'}: {'ok' if is_ok else f'{len(problems)} found'}"))

    data = {"ok": is_ok, "problems": problems, "notes": notes}
    if fix:
        data["fixed"] = [{"code": done.code, "trial": done.trial, "message": done.message} for done in fixed]
    output.emit(data, format, show)
    if not is_ok:
        raise typer.Exit(1)


def _synced(mirror: Mirror, *, rebuild: bool) -> dict[str, Any]:
    """Deliver what one tracker has not got yet; return where it is, and how many points it got and lacks."""
    from automl.delivery import Delivery

    with contextlib.closing(Delivery(mirror, rebuild=rebuild)) as delivery:
        before = delivery.waiting
        delivery.catch_up()
        after = delivery.waiting
        refused = {"refused": delivery.refused} if delivery.refused else {}
    about = {"tracker": mirror.tracker, "where": mirror.where}
    return about | {"delivered": max(0, before - after), "waiting": after} | refused


def _said(study: str, row: Mapping[str, Any]) -> str:
    said = [f"{study}: {row['delivered']} points delivered to {row['where']}, {row['waiting']} wait"]
    said += [f"{study}: refused for good, {why}" for why in row.get("refused", ())]
    return "\n".join(map(output.safe, said))


def _shown(home: Home, study: str | None) -> StudyRow | None:
    """Return the study whose page is wanted: the one named, else the newest one, else None."""
    if study is not None:
        with home.read(study) as reader:
            row = reader.study()
        if not _is_in_mlflow(row):
            instead = f"; its runs are text files in {home.runs(study)}" if row.config["tracker"] == "jsonl" else ""
            raise ConfigError(
                f"study {study!r} was made with --tracker {row.config['tracker']}: MLflow has nothing of it{instead}"
            )
        return row
    rows = []
    with home.reading() as read:
        for name in home.studies():
            with read(name) as reader:
                rows.append(reader.study())
    rows = [row for row in rows if _is_in_mlflow(row)]
    if not rows and not (home.path / "mlflow.db").is_file():
        raise ConfigError(f"no study in {home.where} is in MLflow; make one with `automl search`, or give --home")
    return max(rows, key=lambda row: row.created, default=None)


def _is_in_mlflow(row: StudyRow) -> bool:
    return "mlflow" in tracker_names(row.config["tracker"])


def _print_pages(home: Home, row: StudyRow | None, server: str) -> str:
    """Print the address of the study's page and of the front page, and return the first there is."""
    pages = _study_pages(row, server) if row is not None else []
    server = without_password(server)
    if row is not None and not pages:
        output.say(f"{row.name} is not in MLflow yet: {output.command(home, 'sync', row.name)}")
    pages.append(("everything", server))
    output.facts(pages)
    sys.stdout.flush()
    return pages[0][1]


def _study_pages(row: StudyRow, server: str) -> list[tuple[str, str]]:
    """Return the addresses of the study's trials, best first, and of its own run; none if MLflow does not know it."""
    from automl.mirrors import experiment
    from trackers.mlflow import MlflowTracker, run_page, study_page

    tracker = MlflowTracker(server, experiment=experiment(row))
    run = tracker.find_run(row.uid)
    if run is None:
        return []
    experiment_id = tracker.experiment_id
    server = without_password(server)
    trials = study_page(server, experiment_id, run.run_id, f"best/{row.metric}", row.config["direction"])
    return [(row.name, trials), ("parent", run_page(server, experiment_id, run.run_id))]


def _is_desktop() -> bool:
    has_screen = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return has_screen and sys.stdout.isatty()


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM, the usual ways to end a server, leave the block."""

    def end(number: int, frame: FrameType | None) -> None:
        raise _Ended

    kept = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except _Ended:
        pass
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


class _Ended(BaseException):
    """A signal asked for the end."""
