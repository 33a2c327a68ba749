"""`automl status STUDY --watch`: a search that another process runs, shown as it goes on, until it ends or Ctrl-C.

On a screen it is the panel of the search itself, in a pipe a line for each trial that is done, with `-f json` the
status of the study as one line each time that it has changed.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from automl import interrupts
from automl.cli import live, output
from automl.cli.output import Format
from automl.errors import ConfigError

if TYPE_CHECKING:
    from automl.home import Home
    from automl.ledger.queries import Reader
    from automl.mirrors import Event

Show = Callable[["Reader", "Sequence[Event]"], None]


def check(format: Format) -> None:
    """Refuse the formats that cannot be printed bit by bit."""
    if format not in (Format.TABLE, Format.JSON):
        raise ConfigError(f"--watch prints a table or json, got -f {format}")


def watch(home: Home, name: str, format: Format) -> None:
    """Show a study until it has ended; a driver that died is followed by the next."""
    from automl.report.follow import follow

    shown = _json(home) if format is Format.JSON else _panel(home) if _is_screen() else _lines(home)
    try:
        with interrupts.raised(), contextlib.closing(follow(home, name)) as looks, shown as show:
            for reader, events in looks:
                show(reader, events)
    except interrupts.Interrupted as signal:
        raise typer.Exit(signal.exit_code) from None


@contextlib.contextmanager
def _json(home: Home) -> Iterator[Show]:
    from automl.report import summary

    last = None

    def show(reader: Reader, events: Sequence[Event]) -> None:
        nonlocal last
        status = output.line(summary.status(home, reader))
        if status != last:
            print(status, flush=True)
        last = status

    yield show


@contextlib.contextmanager
def _lines(home: Home) -> Iterator[Show]:
    from automl.report.progress import ProgressLine

    lines: ProgressLine | None = None

    def show(reader: Reader, events: Sequence[Event]) -> None:
        nonlocal lines
        if lines is None:
            study = reader.study()
            lines = ProgressLine(study.config["n_trials"], metric=study.preference.names)
        for line in filter(None, map(lines.line, events)):
            print(output.safe(line), flush=True)  # a reader that goes away ends the watching, unlike a search

    yield show


@contextlib.contextmanager
def _panel(home: Home) -> Iterator[Show]:
    from automl.config import StudyConfig
    from automl.report import summary

    with contextlib.ExitStack() as stack:
        panel: live.LivePanel | None = None

        def show(reader: Reader, events: Sequence[Event]) -> None:
            nonlocal panel
            if panel is None and events[-1]["event"] == "study-ended":
                return
            if panel is None:
                study = reader.study()
                panel = live.LivePanel(study.name, StudyConfig.from_dict(study.config), summary.status(home, reader))
                stack.enter_context(live.shown(panel))
            for event in events:
                panel(event)

        yield show


def _is_screen() -> bool:
    return sys.stdout.isatty() and live.is_screen()
