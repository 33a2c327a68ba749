"""The incumbent: judged at the highest fidelity by everything that shows one, never by a lucky early value."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from automl.attempt import Ending
from automl.cli.live import LivePanel
from automl.config import StudyConfig
from automl.report import figures, page, summary
from automl.trial import AttemptState, TrialState
from tests.test_study import Bench, complete, report, take
from trackers import Point

PRUNED = Ending(state=AttemptState.RESULT, trial_state=TrialState.PRUNED)


class Curve:
    """Keeps what is logged to a run."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def log(self, points: list[Point]) -> None:
        self.points += points


def shown(panel: LivePanel) -> str:
    console = Console(file=io.StringIO(), width=120)
    with console.capture() as capture:
        console.print(panel.render())
    return capture.get()


def test_an_early_value_leads_nothing(tmp_path: Path, storage_url: str) -> None:
    """Before a trial is COMPLETE who came furthest leads, by what it has there; then the best final value does."""
    bench = Bench(tmp_path / "s", storage_url, early_stopping="none")
    study = bench.open()
    with bench.read() as reader:
        config = StudyConfig.from_dict(reader.study().config)
    panel = LivePanel("s", config, {}, clock=bench.clock)

    lucky, far = take(study), take(study)
    study.report(lucky, [report(1, 0.01)])
    study.report(far, [report(1, 0.2), report(2, 0.9), report(3, 0.8)])
    bench.clock.now += 1
    study.tick()
    with bench.read() as reader:
        early = summary.best(reader), summary.line(reader)["best"]
    study.end(lucky, PRUNED)
    study.end(far, PRUNED)
    last = take(study)
    study.report(last, [report(1, 0.05), report(2, 1.2)])
    study.end(last, complete(1.1))
    study.close()

    assert early == ({"number": 1, "value": 0.8, "params": dict(far.sampled), "step": 3, "partial": True}, 0.8)
    with bench.read() as reader:
        row, records, curve = reader.study(), reader.records(), Curve()
        assert summary.best(reader) == {"number": 2, "value": 1.1, "params": dict(last.sampled), "step": 2}
        assert [trial["number"] for trial in summary.top(reader)] == [2, 1, 0]
        page.curve(reader, row, curve, page.Sent())  # type: ignore[arg-type]
        assert [(point.step, point.value) for point in curve.points] == [(2, 1.1)]
        figure = figures.history(records, row)
        assert figure is not None
        assert [*figure.data[0].y] == [1.1, 1.1]
    for event in bench.events:
        if event["event"] == "trial-ended" and event["trial"] == 2:
            break
        panel(event)
    assert "best loss 0.8 at step 3, trial 1" in shown(panel)
    for event in bench.events:
        panel(event)
    assert "best loss 1.1, trial 2" in shown(panel)
