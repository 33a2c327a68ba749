"""`automl stop` and `rm`: what a second terminal does to a study."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from automl import interrupts
from automl.cli import completion, options, output, result
from automl.cli.output import Format
from automl.config import tracker_names

if TYPE_CHECKING:
    from automl.home import Home
    from automl.ledger.rows import StudyRow
    from automl.removal import Removable

POLL_SECONDS = 0.3  # between two looks at the ledger: another process's end is no event here

Studies = Annotated[
    list[str],
    typer.Argument(
        metavar="STUDY", help="Names of studies; `automl ls` lists them.", autocompletion=completion.studies
    ),
]
# No environment variable sets these: what one is left with would end or delete something else later.
Now = Annotated[bool, options.option("--now", help="Cut what runs; it goes on at `automl resume`.", envvar=None)]
NoWait = Annotated[bool, options.option("--no-wait", help="Ask, and return at once.", envvar=None)]


def stop(
    study: options.Study,
    now: Now = False,
    no_wait: NoWait = False,
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """End a search from another terminal: trials that run go on to their end, no other begins."""
    from automl.home import Home
    from automl.ledger.requests import Request, send
    from automl.report import summary

    found = Home.find(home, storage)
    with found.read(study) as reader:
        row = reader.study()
    if row.owner is None:
        output.say(f"{study} is not running: it is {row.state}")
    else:
        send(found.ledger_url(study), study, Request.NOW if now else Request.FINISH)
        output.say(f"asked process {row.owner['pid']} on {row.owner['host']} to stop{' now' if now else ''}")
        if not no_wait:
            _wait(found, row)
    with found.read(study) as reader:
        data = summary.status(found, reader) | {"resume": output.command(found, "resume", study)}

    def show() -> None:
        print(f"{study}: {data['state']}, {result.counts(data)}")
        output.facts([("go on", data["resume"])] if data["state"] == "interrupted" else [])

    output.emit(data, format, show)


def rm(
    studies: Studies,
    yes: options.Yes = False,
    home: options.Home = None,
    storage: options.Storage = None,
    format: options.Printed = Format.TABLE,
) -> None:
    """Delete studies for good: files and ledger. What MLflow has of them stays there."""
    from automl import removal
    from automl.home import Home

    found = Home.find(home, storage)
    would_go = [removal.look(found, name) for name in dict.fromkeys(studies)]
    if not yes:
        _ask(would_go)
    for each in would_go:
        removal.remove(found, each.name)
        if each.tracking_uri is not None:
            output.say(
                f"its runs stay in MLflow at {each.tracking_uri}: in experiment {each.experiment}, "
                f"filter by tags.`automl.study` = '{each.name}' and delete them"
            )
    rows = [{"name": each.name, "state": each.state, "trials": each.trials, "bytes": each.bytes} for each in would_go]
    output.emit(rows, format, lambda: output.facts([("removed", _described(each)) for each in would_go]))


def _wait(home: Home, before: StudyRow) -> None:
    """Wait until the driver of `before` has ended and delivered, saying what it waits for."""
    said = None
    try:
        with interrupts.raised():
            while (awaited := _awaited(home, before)) is not None:
                if awaited != said:
                    said = awaited
                    output.say(f"waiting for {awaited}")
                time.sleep(POLL_SECONDS)
    except interrupts.Interrupted as signal:
        output.fail(f"no longer waiting; {before.name} stops all the same", code=signal.exit_code)


def _awaited(home: Home, before: StudyRow) -> str | None:
    """Return what keeps a study from being removed or resumed, in words; None once the driver of `before` is gone."""
    from automl import delivery

    # SQLAlchemy drops a Ctrl-C that comes while it closes a connection.
    with (
        interrupts.shielded(),
        home.read(before.name) as reader,
    ):
        now = reader.study()
        running = reader.counts()["RUNNING"] - len(reader.paused())
    if now.owner == before.owner:
        return f"{running} trial{'' if running == 1 else 's'} and the driver to end" if running else "the driver to end"
    if now.owner is None and home.has_folder(now.name):
        with delivery.only_one(home.study(now.name), tracker_names(now.config["tracker"])) as is_ours:
            return None if is_ours else "what it has found to be delivered to its tracker"
    return None


def _ask(would_go: list[Removable]) -> None:
    """Show what would go, and return if the user wants that."""
    n = len(would_go)
    output.facts([("remove", _described(each)) for each in would_go], file=sys.stderr)
    if not sys.stdin.isatty():
        output.fail("nothing was removed: nobody is here to be asked; give --yes", code=2)
    if not output.is_confirmed(f"Delete {'it' if n == 1 else f'these {n}'} for good?"):
        output.say("nothing was removed")
        raise typer.Exit(0)


def _described(study: Removable) -> str:
    from rich.filesize import decimal

    trials = "" if study.trials is None else f"{study.trials} trial{'' if study.trials == 1 else 's'}, "
    return f"{study.name}: {study.state}, {trials}{decimal(study.bytes)}"
