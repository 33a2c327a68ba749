"""Searches on a simulated clock: that they are the searches that production runs, and what passes on the clock."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import automl
from automl.cli import main
from automl.errors import ConfigError, SearchAbortedError
from automl.executors.simulated import Clock, NoFiles, Point, SimulatedExecutor, incumbents
from automl.ledger.address import sqlite_url
from automl.preference import Preference
from automl.study import Study
from automl.trial import AttemptState, Reason, Trial, TrialRecord, TrialState
from tests.test_study import Bench

EPOCHS = 9
SPACE = {"x": "0.0..1.0"}


def curve(params: Mapping[str, Any], seed: int) -> Iterator[tuple[float, dict[str, float]]]:
    """Nine steps of `1 + x` seconds, whose order is the same at each."""
    for step in range(1, EPOCHS + 1):
        yield 1 + params["x"], {"loss": params["x"] + 1 / step, "other": seed}


def simulate(*args: Any, **options: Any) -> automl.Simulation:
    settings = {"metric": "loss", "n_trials": 12, "max_epochs": EPOCHS, "sampler": "random", "early_stopping": "none"}
    return automl.simulate(*(args or (curve, SPACE)), **(settings | options))


def told(trial: TrialRecord) -> tuple[object, ...]:
    return trial.number, dict(trial.params), trial.state, trial.value, dict(trial.reports), trial.seed, trial.attempt


def test_it_finds_what_a_search_finds(tmp_path: Path) -> None:
    """With one worker each trial has the params, reports, pauses and end that it has where it really runs."""

    def objective(trial: Trial) -> None:
        for step, (_, values) in enumerate(curve(trial.params, trial.seed), start=1):
            if trial.restored and step <= trial.restored.step:
                continue
            with trial.checkpoint(step) as folder:
                (folder / "step").write_text(str(step))
            trial.report(step, **values)

    options = {"n_trials": 15, "max_epochs": EPOCHS, "early_stopping": "asha", "sampler": "random", "seed": 3}
    ran = automl.search(
        objective, SPACE, metric="loss", home=tmp_path, executor="local", tracker="none", listeners=(), **options
    )

    read = simulate(parallel=1, **options)

    assert [told(trial) for trial in read.trials] == [told(trial) for trial in ran.trials]
    assert {trial.state for trial in read.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert max(trial.attempt for trial in read.trials) > 1


def test_time_passes_for_steps_alone() -> None:
    """Workers are busy as long as their curves say, side by side; the study takes none of the clock's time."""
    found = simulate(n_trials=5, parallel=2)

    lasts = [EPOCHS * (1 + trial.params["x"]) for trial in found.trials]
    assert [trial.seconds for trial in found.trials] == pytest.approx(lasts)
    assert [trial.started for trial in found.trials[:2]] == [0.0, 0.0]
    assert found.trials[2].started == min(trial.ended for trial in found.trials[:2])
    assert found.seconds == max(trial.ended for trial in found.trials)
    assert found.decision_seconds > 0


def test_pauses_cost_what_is_said() -> None:
    """What a pause and going on take is added to a trial's time."""
    paused = {"early_stopping": "asha", "n_trials": 9, "parallel": 1}
    free, costly = simulate(**paused), simulate(pause_seconds=10.0, resume_seconds=100.0, **paused)

    pauses = sum(trial.attempt - (trial.state is TrialState.COMPLETE) for trial in free.trials)
    resumes = sum(trial.attempt - 1 for trial in free.trials)
    assert resumes > 0
    assert costly.seconds == pytest.approx(free.seconds + 10 * pauses + 100 * resumes)


@pytest.mark.parametrize("rule", ["asha", "guarded", "screen", "hyperband"])
@pytest.mark.parametrize(
    "wish",
    [
        {"constraints": ["latency <= 1.8"]},
        {"metric": ["loss", "latency"], "direction": ["minimize", "minimize"]},
    ],
)
def test_what_is_known_only_in_the_end_ends_no_trial(rule: str, wish: dict[str, Any]) -> None:
    """Trials are ranked at a rung by what they have reported: of what they cost nothing may be known there."""

    def weighed_at_last(params: dict[str, Any], seed: int) -> Iterator[tuple[float, dict[str, float]]]:
        for step in range(1, EPOCHS + 1):
            yield 1.0, {"loss": params["x"] + 1 / step} | ({"latency": 1 + params["x"]} if step == EPOCHS else {})

    found = simulate(weighed_at_last, SPACE, n_trials=30, early_stopping=rule, **wish)

    complete = [trial.number for trial in found.trials if trial.state is TrialState.COMPLETE]
    assert complete
    assert min(found.trials, key=lambda trial: trial.params["x"]).number in complete


def test_decisions_come_one_after_the_other_when_they_are_charged(tmp_path: Path) -> None:
    """Each takes a second here, steps take none: a worker waits for all that were begun before its own."""
    bench, clock = Bench(tmp_path, sqlite_url(tmp_path / "s.db"), n_trials=3, early_stopping="none"), Clock()
    study = Study.open(bench.url, "s", folder=tmp_path, files=NoFiles(), works_ahead=False, clock=clock)
    stopwatch = map(float, itertools.count())
    executor = SimulatedExecutor(parallel=2, clock=clock, charges_decisions=True, stopwatch=lambda: next(stopwatch))

    executor.run(study, lambda params, seed: [(0.0, {"loss": 1.0})])
    study.close()

    assert [(point.trial, point.time) for point in executor.points if point.step] == [(0, 1.0), (1, 2.0), (2, 5.0)]
    assert executor.decision_seconds == 11.0


def test_decisions_take_time_on_the_clock() -> None:
    """Nothing else does where steps take none."""
    found = simulate(lambda params, seed: [(0.0, {"loss": 1.0})], SPACE, charge_decisions=True)

    assert 0 < found.seconds <= found.decision_seconds


def test_it_comes_out_the_same_each_time() -> None:
    """With several workers, pauses and a sampler that learns; where everything happens at the same moments, too."""

    def even(params: Mapping[str, Any], seed: int) -> Iterator[tuple[float, dict[str, float]]]:
        return ((1.0, values) for _, values in curve(params, seed))

    for each in (curve, even):
        options = {"n_trials": 30, "sampler": "tpe", "early_stopping": "asha", "seed": 5, "parallel": 4}
        first, second = simulate(each, SPACE, **options), simulate(each, SPACE, **options)

        assert first.trials == second.trials
        assert first.points == second.points
        assert first.trials != simulate(each, SPACE, **(options | {"seed": 6})).trials


def test_the_time_is_up_on_the_simulated_clock() -> None:
    """What runs then is PRUNED at that moment; nothing is reported later."""
    found = simulate(n_trials=1000, parallel=3, timeout=100.0)

    cut = [trial for trial in found.trials if trial.state is TrialState.PRUNED]
    assert found.state == "finished"
    assert found.seconds == 100.0
    assert [(trial.reason, trial.ended) for trial in cut] == [(Reason.BUDGET, 100.0)] * 3
    assert all(point.time < 100.0 for point in found.points)


@pytest.mark.parametrize(
    ("last", "reason", "words"),
    [
        (ZeroDivisionError("no"), Reason.RAISED, "ZeroDivisionError: no"),
        ((1.0, {"loss": float("nan")}), Reason.NAN, "loss is NaN"),
        ((1.0, {"loss": "0.5"}), Reason.BAD_VALUE, "'0.5'"),
        ((-1.0, {"loss": 0.5}), Reason.BAD_VALUE, "must be a time from 0, got -1"),
    ],
    ids=["raises", "nan", "text", "seconds"],
)
def test_a_failure_has_its_reason_and_ends_nothing(last: Any, reason: Reason, words: str) -> None:
    """One trial fails after a step, as an objective would; when all do, the search ends, and the error says why."""
    numbers = iter(range(100))

    def failing(params: Mapping[str, Any], seed: int) -> Iterator[tuple[float, dict[str, float]]]:
        is_second = next(numbers) % alike
        yield 1.0, {"loss": 0.5}
        if is_second:
            return
        if isinstance(last, Exception):
            raise last
        yield last

    alike = 2
    found = simulate(failing, SPACE, n_trials=2, parallel=1)

    assert [trial.state for trial in found.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert found.trials[0].reason is reason
    assert words in (found.trials[0].message or "")
    alike = 1
    with pytest.raises(SearchAbortedError, match=reason.value):
        simulate(failing, SPACE)


def test_the_incumbent_is_judged_at_the_highest_step() -> None:
    """A lucky early value is no better than one that got further; once a trial is COMPLETE, only such count."""
    points = [
        Point(1.0, 0, 1, {"loss": 0.1}),
        Point(2.0, 1, 1, {"loss": 0.3}),
        Point(3.0, 1, 2, {"loss": 0.5}),
        Point(4.0, 0, 2, {"loss": float("nan")}),
        Point(5.0, 2, 2, {"loss": 0.4}),
        Point(6.0, 3, None, {"loss": 0.9}),
        Point(7.0, 2, 9, {"loss": 0.2}),
        Point(8.0, 2, None, {"loss": 0.2}),
    ]

    least = incumbents(points, Preference.of("loss", "minimize"))
    most = incumbents(points, Preference.of("loss", "maximize"))
    bounded = incumbents(points, Preference.of("loss", "minimize", ["loss >= 0.3"]))

    assert [(each.time, each.trial, each.is_final) for each in least] == [
        (1.0, 0, False),
        (3.0, 1, False),
        (5.0, 2, False),
        (6.0, 3, True),
        (8.0, 2, True),
    ]
    assert [(each.time, each.trial) for each in bounded] == [(1.0, 0), (2.0, 1), (3.0, 1), (5.0, 2), (6.0, 3)]
    assert [(each.time, each.trial) for each in most] == [(1.0, 0), (2.0, 1), (3.0, 1), (6.0, 3)]


def test_the_best_at_a_moment() -> None:
    """The incumbent ends as the best trial; before the first report there is none."""
    found = simulate(early_stopping="asha", n_trials=20)

    assert found.incumbent_at(0.5) is None
    assert found.incumbents[0].step == 1
    assert found.incumbents[-1].trial == found.best_trial.number
    assert found.incumbent_at(found.seconds) == found.incumbents[-1]


def test_what_is_wrong_is_said_at_once_and_makes_nothing(tmp_path: Path) -> None:
    """All arguments are checked before a study is made."""
    with pytest.raises(ConfigError) as caught:
        simulate(parallel=0, timeout=-1.0, resume_seconds=-2.0, home=tmp_path / "home")
    with pytest.raises(ConfigError, match="called with the params"):
        simulate("digits", SPACE)

    assert [problem.split()[0] for problem in caught.value.problems] == ["resume_seconds", "--parallel", "--timeout"]
    assert not (tmp_path / "home").exists()


def test_a_simulation_can_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a study like others to whoever looks, with simulated times; only nobody goes on with it."""
    found = simulate(home=tmp_path, name="kept", early_stopping="asha")

    assert main(["top", "kept", "--home", str(tmp_path), "-f", "json"]) == 0
    assert main(["resume", "kept", "--home", str(tmp_path), "--trials", "+5"]) == 2
    with found.home.read("kept") as reader:
        states = {attempt.state for attempt in reader.attempts()}
    out = capsys.readouterr()
    assert f'"number": {found.best_trial.number}' in out.out
    assert "is a simulation" in out.err
    assert states == {AttemptState.PAUSED, AttemptState.RESULT}
