"""What a search shows while it runs: one panel on a terminal, plain lines in a pipe, events as JSON, or nothing.

    with make_view(name, config, quiet=False, json=False) as view:
        driver.start(..., listeners=[view], on_ready=lambda capacity: view.ready(facts))

Each is a listener of the study's events. What it shows goes to standard error, JSON to standard output. A reader that
goes away ends the view, never the search.
"""

from __future__ import annotations

import contextlib
import functools
import math
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO, cast

from automl.cli import output
from automl.confirming import CONFIRMING
from automl.report.progress import ProgressLine, away, confirming, damaged, fenced, found, lost, stopping

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from automl.config import StudyConfig

REFRESHES = 8  # a second, at most
SHOWN_RUNNING = 8
SHOWN_NOTES = 3
SHOWN_BEST = 4
ENDED = ("COMPLETE", "PRUNED", "FAIL")

Facts = Sequence[tuple[str, str]]
Listener = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown of a search: its pre-flight lines, and its events as they come."""

    ready: Callable[[Facts], None]
    listen: Listener


@contextlib.contextmanager
def view(name: str, config: StudyConfig, before: Mapping[str, Any], *, quiet: bool, json: bool) -> Iterator[View]:
    """Yield what to show a search with, and clear the screen of it at the end.

    Args:
        name: of the study.
        config: its settings.
        before: what `summary.status` says of a study that is resumed, empty for a new one.
        quiet: show nothing.
        json: print the events on standard output instead.
    """

    def print_facts(facts: Facts) -> None:
        with contextlib.suppress(OSError):
            output.facts(facts, file=sys.stderr)

    def nothing(facts: object) -> None: ...

    ready = nothing if quiet else print_facts
    if json:
        yield View(ready=ready, listen=JsonLines())
    elif quiet:
        yield View(ready=ready, listen=nothing)
    elif config.executor == "ray" and is_screen():
        # A trial that runs in this process may stop at a breakpoint or print: no panel above that.
        panel = LivePanel(name, config, before)
        with shown(panel) as above:
            yield View(ready=functools.partial(output.facts, file=above), listen=panel)
    else:
        yield View(ready=ready, listen=ProgressLine(config.n_trials, metric=config.preference.names))


class JsonLines:
    """Prints each event as a line of JSON on what standard output was when it was made."""

    def __init__(self) -> None:
        self._stream = sys.stdout
        self._is_open = True

    def __call__(self, event: Mapping[str, Any]) -> None:
        if self._is_open:
            try:
                print(output.line(event), file=self._stream, flush=True)
            except (OSError, ValueError):
                self._is_open = False


@dataclass(slots=True)
class _Running:
    """A trial that runs now."""

    params: Mapping[str, Any]
    started: float
    step: int = 0
    values: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Best:
    """One of the best trials so far."""

    trial: int
    values: Mapping[str, float]
    step: int
    is_partial: bool
    params: Mapping[str, Any] = field(default_factory=dict)


class LivePanel:
    """The state of a search, from its events, and how it looks. Thread-safe.

    Args:
        name: of the study.
        config: its settings.
        before: of a study that is resumed, how it stood.
        clock: seconds since the epoch.
    """

    def __init__(
        self, name: str, config: StudyConfig, before: Mapping[str, Any], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._name = name
        self._config = config
        self._clock = clock
        self._began = self._shown = clock()
        self._n_trials = config.n_trials
        self._stage = "starting the workers"
        self._is_confirming = False
        self._trouble = ""  # what keeps the ledger from being written
        self._away: dict[str, str] = {}  # tracker -> what is said of it while it is away
        self._notes: deque[str] = deque(maxlen=SHOWN_NOTES)
        self._lock = threading.Lock()
        self._ended = Counter({state: before["counts"][state] for state in ENDED} if before else {})
        self._done_before = sum(self._ended.values())
        self._paused: set[int] = set()
        self._running: dict[int, _Running] = {}
        self._cut = 0  # that ran when the search ended
        self._params: dict[int, Mapping[str, Any]] = {}
        self._preference = config.preference
        best = before.get("best") or []
        self._best = [self._known(one) for one in (best if isinstance(best, list) else [best])]

    def __call__(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            kind, trial = event["event"], event.get("trial")
            if kind == "study-started":
                self._take_start(event)
            elif kind == "study-ended":
                self._stage = "finished" if event["finished"] else "interrupted, the state is saved"
                self._cut, self._running = len(self._running), {}
                self._stage += ", delivering the rest to the tracker" if self._config.trackers else ""
            elif kind == CONFIRMING:
                self._take_confirming(event)
            elif kind == "stop-requested":
                self._stage = stopping(event)
            elif kind == "driver-lost":
                self._stage = lost(event)
            elif kind == "taken-over":
                self._notes.append(fenced(event))
            elif kind == "ledger-trouble":
                self._trouble = "" if event["over"] else event["message"]
            elif kind == "tracker-away":
                self._away[event["tracker"]] = away(event)
            elif kind == "tracker-back":
                self._away.pop(event["tracker"], None)
            elif kind == "checkpoint-damaged":
                self._notes.append(damaged(event))
            elif kind == "study-differs":
                self._notes.append(event["message"])
            elif kind == "trial-started":
                self._paused.discard(event["trial"])
                self._running[event["trial"]] = _Running(event["params"], event["time"], event["step"])
            elif kind == "report" and trial in self._running:
                self._take_report(event["trial"], event["step"], event["values"])
            elif kind in ("trial-ended", "trial-paused", "trial-retried", "trial-cut"):
                self._take_end(kind, event)

    def _take_start(self, event: Mapping[str, Any]) -> None:
        """Take in that a driver began, maybe long before this panel was shown."""
        self._stage = ""
        self._notes.extend(filter(None, [found(event)]))
        self._n_trials = event["n_trials"]
        self._paused = {*event["paused"]}
        self._began, self._shown = event["time"], self._clock()
        self._done_before = sum(self._ended.values()) + len(self._paused)

    def _take_confirming(self, event: Mapping[str, Any]) -> None:
        """Take in that the search is over, and what runs now is counted by itself."""
        self._is_confirming = True
        self._ended, self._n_trials, self._done_before = Counter(), event["left"], 0
        self._paused, self._shown = set(), self._clock()
        self._notes.append(confirming(event))

    def _known(self, best: Mapping[str, Any]) -> _Best:
        values = best.get("values") or {self._config.metric: best["value"]}
        return _Best(best["number"], values, best["step"], "partial" in best, best["params"])

    def _take_report(self, trial: int, step: int, values: Mapping[str, float]) -> None:
        running = self._running[trial]
        running.step = step
        running.values |= {name: values[name] for name in self._preference.names if name in values}
        if self._config.metric in values:
            self._consider(_Best(trial, dict(running.values), step, True, running.params))

    def _take_end(self, kind: str, event: Mapping[str, Any]) -> None:
        trial = event["trial"]
        running = self._running.pop(trial, None)
        self._paused.discard(trial)
        if kind == "trial-paused":
            self._paused.add(trial)
        elif kind == "trial-ended" and ("confirms" in event) == self._is_confirming:
            self._ended[event["state"]] += 1
            if event["state"] == "COMPLETE" and event["value"] is not None:
                values = {self._config.metric: event["value"], **event.get("values", {})}
                self._consider(_Best(trial, values, event["step"], False, running.params if running else {}))

    def _consider(self, new: _Best) -> None:
        """Take a better trial: COMPLETE ones before others, those by how far they came, then by values."""
        if self._is_confirming or math.isnan(new.values[self._config.metric]):
            return  # the best is what the runs say that confirm it, when all are there
        known = [*(best for best in self._best if best.trial != new.trial), new]

        def stage(best: _Best) -> tuple[bool, int]:
            return best.is_partial, -best.step * best.is_partial

        first = min(map(stage, known))
        compared = [best for best in known if stage(best) == first]
        front = [compared[at] for at in self._preference.pareto(best.values for best in compared)]
        self._best = front if len(self._preference.metrics) > 1 else front[:1]

    def render(self) -> RenderableType:
        """Return the panel as it is now."""
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        with self._lock:
            parts: list[RenderableType] = [self._progress(), self._states()]
            parts += self._best_lines()
            if self._trouble:
                parts.append(Text(output.safe(self._trouble), style="yellow"))
            if self._running:
                parts += [Text(), self._running_table()]
            parts += [Text(output.safe(note), style="yellow") for note in (*self._notes, *self._away.values())]
            title = Text(output.safe(f"{self._name}: {self._preference}"))
            return Panel(Group(*parts), title=title, title_align="left", border_style="dim")

    def _progress(self) -> Table:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        n = self._n_trials
        done = sum(self._ended.values()) + len(self._paused)
        elapsed = self._clock() - self._began
        what = "runs that confirm the best" if self._is_confirming else "trials"
        text = f"{done} of {n} {what}, {self._stage or output.duration(elapsed)}"
        new = done - self._done_before
        if new > 0 and done < n and not self._stage:
            left = (self._clock() - self._shown) / new * (n - done)
            if self._config.timeout is not None and not self._is_confirming:
                left = min(left, max(0.0, self._config.timeout - elapsed))
            text += f", about {output.duration(left)} left"
        row = Table.grid(padding=(0, 2))
        row.add_row(ProgressBar(total=n, completed=min(done, n), width=30), text)
        return row

    def _states(self) -> RenderableType:
        from rich.text import Text

        ended = self._ended
        parts = [
            (ended["COMPLETE"], "complete", "green"),
            (ended["PRUNED"], "pruned", ""),
            (len(self._paused), "paused", ""),
            (ended["FAIL"], "failed", "red"),
            (self._cut, "cut", "") if self._cut else (len(self._running), "running", "cyan"),
        ]
        return Text("   ").join(Text(f"{n} {what}", style=style if n else "dim") for n, what, style in parts)

    def _best_lines(self) -> list[RenderableType]:
        from rich.text import Text

        names = self._preference.names
        lines: list[RenderableType] = []
        for best in self._best[:SHOWN_BEST]:
            at = f" at step {best.step}" if best.is_partial else ""
            values = ", ".join(f"{name} {best.values[name]:.5g}" for name in names if name in best.values)
            head = Text(f"best {output.safe(values)}", style="bold")
            lines.append(head.append(f"{at}, trial {best.trial}: {output.short(best.params)}", style="not bold"))
        if len(self._best) > SHOWN_BEST:
            lines.append(Text(f"and {len(self._best) - SHOWN_BEST} more of which none is better", style="dim"))
        return lines

    def _running_table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        made = Table(box=None, pad_edge=False, header_style="dim", expand=True)
        metrics = [(output.safe(name), 8) for name in self._preference.names]
        for name, width in (("trial", 5), ("step", 7), *metrics, ("time", 7)):
            made.add_column(Text(name), no_wrap=True, width=max(width, min(len(name), 16)))
        made.add_column(Text("params"), no_wrap=True, overflow="ellipsis", ratio=1)
        budget = f"/{self._config.max_epochs}" if self._config.max_epochs else ""
        for trial, running in sorted(self._running.items())[:SHOWN_RUNNING]:
            seconds = output.duration(self._clock() - running.started)
            values = [output.short(running.values.get(name)) for name in self._preference.names]
            params = output.short(running.params)
            made.add_row(*map(Text, (str(trial), f"{running.step}{budget}", *values, seconds, params)))
        if len(self._running) > SHOWN_RUNNING:
            more = Text(f"and {len(self._running) - SHOWN_RUNNING} more", style="dim")
            made.add_row(*[""] * (3 + len(metrics)), more)
        return made


@contextlib.contextmanager
def shown(panel: LivePanel) -> Iterator[TextIO]:
    """Keep the panel on the screen; yield a stream that writes above it."""
    from rich.console import Console
    from rich.file_proxy import FileProxy
    from rich.live import Live

    console = Console(stderr=True)
    # Terminals echo ^C where the cursor is: behind the panel there has to be room for it, or all moves down a line.
    console.width -= 4
    with Live(
        console=console,
        get_renderable=panel.render,
        refresh_per_second=REFRESHES,
        transient=True,
        redirect_stdout=False,  # libraries that are imported meanwhile would keep Rich's stand-in for ever
        redirect_stderr=False,
    ):
        yield cast(TextIO, FileProxy(console, sys.stderr))


def is_screen() -> bool:
    """Say whether standard error is a terminal on which a panel can move."""
    from rich.console import Console

    return sys.stderr.isatty() and not Console(stderr=True).is_dumb_terminal
