"""What a search shows while it runs: the panel of a terminal, as text, and the lines of a pipe."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from automl.cli import live
from automl.cli.live import JsonLines, LivePanel
from automl.config import StudyConfig
from automl.report.progress import ProgressLine
from search_spaces import SearchSpace

CONFIG = StudyConfig(
    target="digits",
    space=SearchSpace({"lr": "0..1"}),
    metrics=("val_acc",),
    directions=("maximize",),
    n_trials=10,
    max_epochs=9,
)


class Clock:
    """Time that stands still until it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A panel, the events it is shown, and what then stands on the screen."""

    def __init__(self, before: Mapping[str, Any] | None = None, config: StudyConfig = CONFIG) -> None:
        self.clock = Clock()
        self.panel = LivePanel("digits-1", config, before or {}, clock=self.clock)

    def show(self, event: str, trial: int = 0, **data: Any) -> None:
        """Let one event come."""
        self.panel({"event": event, "time": self.clock(), "trial": trial, **data})

    def start(self, trial: int, **params: Any) -> None:
        """Let a trial start."""
        self.show("trial-started", trial, attempt=1, params=params, step=0)

    def end(self, trial: int, state: str, value: float | None = None, step: int = 9) -> None:
        """Let a trial end."""
        self.show("trial-ended", trial, state=state, value=value, step=step, reason=None, message=None)

    @property
    def text(self) -> str:
        """What is on the screen, without colours."""
        console = Console(file=io.StringIO(), force_terminal=True, width=100, record=True)
        console.print(self.panel.render())
        return console.export_text()


def test_panel_follows_a_search() -> None:
    """Counts, the best so far and what runs, with the time that has gone and is left."""
    screen = Screen()
    assert "starting the workers" in screen.text
    screen.show("study-started", name="digits-1", n_trials=10, trials=0, ended=0, paused=[], recovered={})
    for trial in range(4):
        screen.start(trial, lr=0.1 * trial)
        screen.show("report", trial, step=1, values={"val_acc": 0.5 + 0.1 * trial, "val_loss": 2.0})
    screen.clock.now += 60

    screen.end(0, "COMPLETE", 0.75)
    screen.end(1, "FAIL")
    screen.show("trial-paused", 2, state="RUNNING", value=None, step=2, reason=None, message=None)

    text = screen.text
    assert "digits-1: maximize val_acc" in text
    assert "3 of 10 trials, 1m 00s, about 2m 20s left" in text
    assert "1 complete   0 pruned   1 paused   1 failed   1 running" in text
    assert "best val_acc 0.75, trial 0: lr=0" in text
    row = next(line for line in text.splitlines() if "1/9" in line)
    assert row.strip("│ ").split() == ["3", "1/9", "0.8", "1m", "00s", "lr=0.3"]

    screen.show("study-ended", finished=True)
    assert "delivering the rest to the tracker" in screen.text


def test_best_is_partial_until_a_trial_is_complete() -> None:
    """Before that the trial that came farthest counts, however well others began."""
    screen = Screen()
    for trial, steps in ((0, 2), (1, 1)):
        screen.start(trial)
        for step in range(1, steps + 1):
            screen.show("report", trial, step=step, values={"val_acc": 0.5 + 0.4 * trial})

    assert "best val_acc 0.5 at step 2, trial 0" in screen.text

    screen.end(1, "COMPLETE", 0.3)
    assert "best val_acc 0.3, trial 1" in screen.text


def test_worse_and_nan_values_are_no_best() -> None:
    """The direction is the study's, and NaN is never best."""
    screen = Screen()
    for trial, value in enumerate([0.5, 0.4, 0.6, float("nan")]):
        screen.start(trial)
        screen.end(trial, "COMPLETE", value)

    assert "best val_acc 0.6, trial 2" in screen.text


def test_paused_trial_that_is_promoted_counts_once() -> None:
    """It runs again, then ends; never two trials."""
    screen = Screen()
    screen.start(0)
    screen.show("trial-paused", 0, state="RUNNING", value=None, step=2, reason=None, message=None)
    screen.start(0)
    assert "0 paused   0 failed   1 running" in screen.text

    screen.end(0, "COMPLETE", 0.5)
    assert "1 of 10 trials" in screen.text


def test_resumed_study_begins_where_it_stood() -> None:
    """Counts and best come from before; the time that is left is judged by this run alone."""
    counts = {"WAITING": 0, "RUNNING": 0, "COMPLETE": 4, "PRUNED": 3, "FAIL": 1}
    best = {"number": 2, "value": 0.9, "step": 9, "params": {"lr": 0.5}}

    screen = Screen({"counts": counts, "best": best})

    assert "8 of 10 trials" in screen.text
    assert "4 complete   3 pruned   0 paused   1 failed" in screen.text
    assert "best val_acc 0.9, trial 2: lr=0.5" in screen.text
    assert "left" not in screen.text


def test_nothing_runs_when_a_search_has_ended() -> None:
    """What ran was cut: it is counted, its row is gone."""
    screen = Screen()
    screen.start(0, lr=0.1)

    screen.show("study-ended", finished=False)

    assert "0 failed   1 cut" in screen.text
    assert "interrupted, the state is saved" in screen.text
    assert "lr=0.1" not in screen.text


def test_many_running_trials_are_cut() -> None:
    """A cluster does not fill the screen."""
    screen = Screen()
    for trial in range(40):
        screen.start(trial, lr=0.1)

    assert "and 32 more" in screen.text
    assert len(screen.text.splitlines()) < 20


def test_a_tracker_that_is_away() -> None:
    """It stands there while it is away; a pipe is told once, and once when it is back."""
    screen, lines = Screen(), ProgressLine(5, metric="loss")
    about = {"tracker": "mlflow", "title": "MLflow", "message": "MLflow at http://h: Connection refused"}

    screen.show("tracker-away", **about)
    while_away = screen.text
    screen.show("tracker-back", **about)

    said = "MLflow at http://h: Connection refused; trials go on, and what they report is delivered later"
    assert said in while_away
    assert said not in screen.text
    assert lines.line({"event": "tracker-away", **about}) == said
    assert lines.line({"event": "tracker-back", **about}) == "MLflow is back: what waits is delivered now"


def test_values_are_no_markup() -> None:
    """Params are shown as they are, and none of them is obeyed."""
    screen = Screen()
    screen.start(0, name="[red]\x1b[31mx[/red]")

    assert "name=[red]\\x1b[31mx[/red]" in screen.text


def test_lines_of_a_pipe() -> None:
    """A line for each trial that is done, with its last value where it has no final one; one for all that paused."""
    stream = io.StringIO()
    line = ProgressLine(7, metric="loss", stream=stream)
    line({"event": "study-started", "n_trials": 7, "ended": 1, "paused": []})
    line({"event": "report", "trial": 1, "step": 2, "values": {"loss": 0.5}})
    line({"event": "trial-paused", "trial": 1, "state": "RUNNING", "value": None, "step": 2, "reason": None})
    line({"event": "trial-ended", "trial": 2, "state": "COMPLETE", "value": 0.25, "step": 9, "reason": None})
    message = "ValueError: bad\x1b[31m\nmore"
    line(
        {
            "event": "trial-ended",
            "trial": 3,
            "state": "FAIL",
            "value": None,
            "step": 0,
            "reason": "raised",
            "message": message,
        }
    )
    line({"event": "trial-retried", "trial": 4, "reason": "oom", "message": None})
    for trial in (5, 6):
        line({"event": "trial-paused", "trial": trial, "state": "RUNNING", "value": None, "step": 2, "reason": None})
    line({"event": "trial-started", "trial": 5, "attempt": 2, "params": {}, "step": 2})
    pruned = {"state": "PRUNED", "value": None, "step": 2, "reason": "early-stopping"}
    for trial in (5, 1, 6):
        line({"event": "trial-ended", "trial": trial, **pruned})
    line({"event": "study-ended", "finished": True})

    assert stream.getvalue().splitlines() == [
        "trial 1 paused loss 0.5 at step 2, 1 of 7 done, 1 paused",
        "trial 2 COMPLETE loss 0.25 at step 9, 2 of 7 done, 1 paused",
        "trial 3 FAIL (raised: ValueError: bad\\x1b[31m), 3 of 7 done, 1 paused",
        "trial 4 runs once more (oom)",
        "trial 5 paused, 3 of 7 done, 2 paused",
        "trial 6 paused, 3 of 7 done, 3 paused",
        "trial 5 PRUNED (early-stopping), 4 of 7 done, 2 paused",
        "2 paused trials end PRUNED, 6 of 7 done",
    ]


@pytest.mark.parametrize("make", [lambda: JsonLines(), lambda: ProgressLine(3)], ids=["json", "lines"])
def test_a_closed_stream_is_no_error(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads has gone: the search never hears of it."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stdout", closed)
    monkeypatch.setattr("sys.stderr", closed)
    listener = make()

    for trial in range(2):
        listener({"event": "trial-ended", "trial": trial, "state": "PRUNED", "value": None, "step": 1, "reason": None})


def test_view_for_each_case(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Events as JSON, nothing, lines or the panel; a trial in this very process is never drawn over."""
    kinds = {}
    monkeypatch.setattr(live, "is_screen", lambda: True)
    for name, config, quiet, json in (
        ("json", CONFIG, True, True),
        ("quiet", CONFIG, True, False),
        ("panel", CONFIG, False, False),
        ("local", CONFIG.changes(executor="local"), False, False),
    ):
        with live.view("s", config, {}, quiet=quiet, json=json) as view:
            kinds[name] = type(view.listen).__name__

    assert kinds == {"json": "JsonLines", "quiet": "function", "panel": "LivePanel", "local": "ProgressLine"}


SEVERAL = {"metrics": ("val_acc", "size"), "directions": ("maximize", "minimize"), "constraints": ("seconds <= 5",)}


def test_of_several_objectives_the_panel_has_the_set() -> None:
    """The trials that none is better than, the best by the first metric first, none that breaks a constraint."""
    best = {
        "number": 0,
        "value": 0.5,
        "values": {"val_acc": 0.5, "size": 10.0, "seconds": 1.0},
        "step": 9,
        "params": {},
    }
    counts = {"COMPLETE": 1, "PRUNED": 0, "FAIL": 0}
    screen = Screen({"counts": counts, "best": [best]}, config=CONFIG.changes(**SEVERAL))
    for trial, values in enumerate([(0.9, 20.0, 1.0), (0.99, 5.0, 9.0), (0.4, 30.0, 1.0)], start=1):
        screen.start(trial, lr=trial)
        named = dict(zip(("val_acc", "size", "seconds"), values, strict=True))
        screen.show("report", trial, step=1, values=named | {"other": 1.0})
        about = {"state": "COMPLETE", "value": values[0], "values": named, "step": 9}
        screen.show("trial-ended", trial, **about, reason=None, message=None)
    screen.start(4, lr=4)
    screen.show("report", 4, step=1, values={"val_acc": 0.3, "size": 1.0})

    shown = [line.strip("\u2502 ") for line in screen.text.splitlines()]

    assert "digits-1: maximize val_acc, minimize size, seconds <= 5" in shown[0]
    assert [line for line in shown if line.startswith("best")] == [
        "best val_acc 0.9, size 20, seconds 1, trial 1: lr=1",
        "best val_acc 0.5, size 10, seconds 1, trial 0: -",
    ]
    assert any(line.split()[:5] == ["4", "1/9", "0.3", "1", "-"] for line in shown)


def test_of_several_objectives_a_line_has_every_metric() -> None:
    """Those that count, in their order, final or as last reported."""
    lines = ProgressLine(3, metric=("val_acc", "size", "seconds"))
    lines.line({"event": "report", "trial": 0, "step": 1, "values": {"size": 7.0, "loss": 1.0}})
    lines.line({"event": "report", "trial": 0, "step": 2, "values": {"val_acc": 0.5}})
    about = {"reason": None, "message": None}
    values = {"seconds": 2.5, "val_acc": 0.5, "size": 7.0, "loss": 1.0}

    paused = lines.line({"event": "trial-paused", "trial": 0, "state": "RUNNING", "value": None, "step": 2, **about})
    ended = lines.line(
        {"event": "trial-ended", "trial": 1, "state": "COMPLETE", "value": 0.5, "values": values, "step": 9, **about}
    )

    assert paused == "trial 0 paused val_acc 0.5, size 7 at step 2, 0 of 3 done, 1 paused"
    assert ended == "trial 1 COMPLETE val_acc 0.5, size 7, seconds 2.5 at step 9, 1 of 3 done, 1 paused"
