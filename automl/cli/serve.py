"""`automl ui`, `sync` and `doctor`: the copy in the tracker, and whether it agrees with the truth."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from automl.cli import completion, options, output
from automl.cli.output import Format
from automl.cli.values import Problems, whole
from automl.errors import ConfigError

if TYPE_CHECKING:
    from automl.home import Home
    from automl.ledger.queries import StudyRow

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


def ui(
    study: UiStudy = None,
    port: Annotated[
        str | None, options.option("--port", metavar="N", help="Of the server.", show_default="a free one from 5000 on")
    ] = None,
    no_open: Annotated[bool, options.option("--no-open", help="Open no browser.")] = False,
    home: options.Home = None,
) -> None:
    """Serve MLflow on the results, on this machine only, until Ctrl-C; print where to look."""
    from automl.cli import mlflow_server
    from automl.home import Home

    problems = Problems()
    number = problems.read("--port", port, whole)
    problems.check()
    found = Home.find(home)
    row = _shown(found, study)
    uri = str(row.config["tracking_uri"] or found.tracking_uri) if row else found.tracking_uri
    if row is not None and uri.startswith(_SERVERS):
        _print_pages(found, row, uri)
        return
    chosen = mlflow_server.free_port(number)
    output.say(f"starting MLflow on {uri}")
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


def sync(
    study: options.Study,
    rebuild: options.Rebuild = False,
    home: options.Home = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Deliver to the tracker whatever it has not got yet."""
    from automl import delivery
    from automl.home import Home
    from automl.report import summary

    found = Home.find(home)
    with found.read(study) as reader:
        uri = summary.tracking_uri(found, reader.study())
        if uri is None:
            raise ConfigError(f"study {study!r} was made with --tracker none: there is nowhere to deliver it")
        folder = found.study(study)
        with delivery.only_one(folder) as is_ours:
            if not is_ours:
                output.fail(f"{study} is being delivered by the search that runs it; it needs no sync", code=1)
            position = delivery.Position() if rebuild else delivery.position_for(found, reader.study())
            before = reader.waiting(position.cursor)
            copier = delivery.Delivery(found, study, rebuild=rebuild)
            with contextlib.closing(copier):
                copier.catch_up()
        after = reader.refresh().waiting(delivery.position_for(found, reader.study()).cursor)
    delivered = max(0, before - after)
    data = {"name": study, "tracking_uri": uri, "delivered": delivered, "waiting": after}
    text = f"{study}: {delivered} points delivered to {uri}, {after} wait"
    output.emit(data, format, lambda: print(output.safe(text)))


def doctor(study: AnyStudy = None, home: options.Home = None, format: options.Printed = Format.TABLE) -> None:
    """Compare ledger, tracker and files, and name what does not agree."""
    from automl.doctor import audit
    from automl.home import Home

    found = Home.find(home)
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
        if problems:
            output.table(problems, (["study"] if study is None else []) + ["code", "trial", "message"])
        for note in notes:
            print(output.safe(f"note: {note}"))
        print(output.safe(f"{study or f'{len(names)} studies'}: {'ok' if is_ok else f'{len(problems)} found'}"))

    output.emit({"ok": is_ok, "problems": problems, "notes": notes}, format, show)
    if not is_ok:
        raise typer.Exit(1)


def _shown(home: Home, study: str | None) -> StudyRow | None:
    """Return the study whose page is wanted: the one named, else the newest one, else None."""
    if study is not None:
        with home.read(study) as reader:
            row = reader.study()
        if row.config["tracker"] == "none":
            raise ConfigError(f"study {study!r} was made with --tracker none: MLflow has nothing of it")
        return row
    rows = []
    for name in home.studies():
        with home.read(name) as reader:
            rows.append(reader.study())
    rows = [row for row in rows if row.config["tracker"] != "none"]
    if not rows and not (home.path / "mlflow.db").is_file():
        raise ConfigError(f"no study in {home.path} is in MLflow; make one with `automl search`, or give --home")
    return max(rows, key=lambda row: row.created, default=None)


def _print_pages(home: Home, row: StudyRow | None, server: str) -> str:
    """Print the address of the study's page and of the front page, and return the first there is."""
    pages = _study_pages(row, server) if row is not None else []
    if row is not None and not pages:
        output.say(f"{row.name} is not in MLflow yet: {output.command(home, 'sync', row.name)}")
    pages.append(("everything", server))
    output.facts(pages)
    sys.stdout.flush()
    return pages[0][1]


def _study_pages(row: StudyRow, server: str) -> list[tuple[str, str]]:
    """Return the addresses of the study's trials, best first, and of its own run; none if MLflow does not know it."""
    from automl.delivery import experiment
    from trackers.mlflow import MlflowTracker, run_page, study_page

    tracker = MlflowTracker(server, experiment=experiment(row.config))
    run = tracker.find_run(row.uid)
    if run is None:
        return []
    experiment_id = tracker.experiment_id
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
