"""What `automl search` and `automl resume` share: a study runs, and what comes of it is printed, whatever ends it."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from automl import interrupts
from automl.cli import live, output, preflight, result
from automl.cli.output import Format
from automl.cli.values import Problems
from automl.config import StudyConfig
from automl.errors import SearchAbortedError

if TYPE_CHECKING:
    from automl.attempt import Objective
    from automl.executors import Capacity
    from automl.home import Home
    from automl.result import SearchResult
    from automl.samplers import Past


def read_pasts(
    home: Home | None, config: StudyConfig | None, problems: Problems, *, name: str | None = None
) -> list[Past]:
    """Return what a study is to learn of others; the study `name` may have read some of them before."""
    from automl import past_studies

    if home is None or config is None or not config.warm_start:
        return []
    names = past_studies.unread(home, name, config) if name else config.warm_start
    return problems.attempt(lambda: past_studies.read(home, config, names, name=name)) or []


def run(
    home: Home,
    name: str,
    config: StudyConfig,
    objective: Objective,
    before: Mapping[str, Any],
    pasts: Sequence[Past],
    *,
    format: Format,
    json: bool,
    quiet: bool,
    is_guessed: bool = False,
    strict: bool = False,
    takeover: bool = False,
) -> None:
    """Run a study, new when nothing was `before`, show how it goes, and print what came of it."""
    from automl import driver

    began = time.monotonic()
    has_run = False
    end = _Farewell(home, name, began, format=format, json=json)
    with output.unbreakable(), interrupts.raised(), interrupts.limited(config.grace, end.at_once):
        try:
            with (
                live.view(name, config, before, quiet=quiet, json=json) as view,
                contextlib.redirect_stdout(sys.stderr),
            ):

                def ready(capacity: Capacity) -> None:
                    nonlocal has_run
                    has_run = True
                    view.ready(preflight.facts(home, name, config, capacity, is_guessed=is_guessed))

                found = driver.start(
                    home,
                    name,
                    config,
                    objective,
                    listeners=[view.listen],
                    pasts=pasts,
                    is_new=not before,
                    strict=strict,
                    takeover=takeover,
                    on_ready=ready,
                )
        except (SearchAbortedError, KeyboardInterrupt) as error:
            with interrupts.held_back():
                end.early(error)
        finally:
            output.ignore_signals()
    if has_run and found.state == "interrupted":
        output.say(f"stopped by `automl stop`: state saved; go on with: {output.command(home, 'resume', name)}")
    if not has_run and not quiet:
        output.say(f"{name} is finished: nothing to run{result.again(found.ended_by)}")
    result.show(found, format=format, json=json)


class _Farewell:
    """What is said of a search that ends before its time: once, though the process may be ended meanwhile."""

    def __init__(self, home: Home, name: str, began: float, *, format: Format, json: bool) -> None:
        self._home = home
        self._name = name
        self._began = began
        self._format = format
        self._json = json
        self._stdout = sys.stdout  # what an objective prints goes elsewhere
        self._unsaid = threading.Lock()  # taken by whoever says it
        self._telling = threading.Lock()
        self._is_told = False

    def early(self, error: SearchAbortedError | KeyboardInterrupt) -> NoReturn:
        """Say why the search has ended and how to go on, and end with the exit code of `error`."""
        from automl.interrupts import Interrupted

        if self._name not in self._home.studies():
            self._say("error: interrupted before the study was made: nothing is kept")
            raise typer.Exit(getattr(error, "exit_code", 130)) from None
        self._tell()
        if isinstance(error, SearchAbortedError):
            self._say(*error.traceback)
            raise SearchAbortedError(result.aborted(self._found(), error, self._again)) from error
        how = _how(error.by if isinstance(error, Interrupted) else None)
        self._say(f"{how}: state saved; go on with: {self._again}")
        raise typer.Exit(error.exit_code if isinstance(error, Interrupted) else 130) from None

    def at_once(self, code: int, is_saved: bool) -> None:
        """Say what there is to say of a process that is about to be ended, which may be doing so by itself."""
        if self._unsaid.acquire(blocking=False):
            output.show_cursor()
            self._home.discard(self._name)
            if self._name not in self._home.studies():
                output.say("error: interrupted before the study was made: nothing is kept")
                return
            what = "state saved" if is_saved else "what was reported is kept"
            output.say(f"{_how(interrupts.by())}: {what}; go on with: {self._again}")
        self._tell()

    def _say(self, *lines: str) -> None:
        if self._unsaid.acquire(blocking=False):
            output.say(*lines)

    def _tell(self) -> None:
        """Print the result if programs read it; whoever comes second waits for the first."""
        if self._format is Format.TABLE and not self._json:
            return
        with self._telling:
            if not self._is_told:
                text = result.text(self._found(), format=self._format, json=self._json)
                print(text, end="", file=self._stdout, flush=True)
                self._is_told = True

    def _found(self) -> SearchResult:
        from automl.result import read_result

        return read_result(self._home, self._name, seconds=time.monotonic() - self._began)

    @property
    def _again(self) -> str:
        return output.command(self._home, "resume", self._name)


def _how(by: str | None) -> str:
    """Return how a search has ended before its time, for those who read it: `by` whom, None for a signal."""
    return f"stopped by {by}" if by else "interrupted"
