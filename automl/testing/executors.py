"""What every executor does with a study, seen from the ledger: the suite that `local` and `ray` run."""

from __future__ import annotations

import itertools
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from automl import driver
from automl.enough import EndedBy
from automl.errors import SearchAbortedError
from automl.home import Home
from automl.ledger.requests import Request, send
from automl.result import SearchResult
from automl.trial import AttemptState, Reason, Trial, TrialState

EPOCHS = 9


class ExecutorContract:
    """What an `automl.executors.Executor` does.

    Set `executor` to its name in the configuration. Override `survive` if a worker that dies takes the driver along.
    """

    executor: str

    @pytest.fixture
    def run(self, tmp_path: Path) -> Callable[..., SearchResult]:
        """Return a function that searches in a home of its own, four trials of one parameter by default."""

        def run(objective: Callable[[Trial], Any] | str, **options: Any) -> SearchResult:
            settings: dict[str, Any] = {
                "n_trials": 4,
                "metric": "loss",
                "direction": "minimize",
                "early_stopping": "none",
                "listeners": (),
            } | options
            return driver.search(
                objective,
                {"x": "0.0..1.0"},
                name="s",
                home=tmp_path,
                sampler="random",
                seed=1,
                executor=self.executor,
                tracker="none",
                **settings,
            )

        return run

    def survive(self, target: str, home: Path) -> None:
        """Search `target`, whose worker dies in its first attempt, to the end."""
        driver.search(
            target,
            {"x": "0.0..1.0"},
            name="s",
            home=home,
            n_trials=3,
            metric="loss",
            sampler="random",
            executor=self.executor,
            early_stopping="none",
            max_epochs=EPOCHS,
            tracker="none",
            listeners=(),
        )

    def test_what_is_returned_is_the_value(self, run: Callable[..., SearchResult]) -> None:
        """Every trial is COMPLETE with the metrics it returned, and its params are what the objective saw."""

        def objective(trial: Trial) -> dict[str, float]:
            return {"loss": trial.params["x"], "number": trial.number}

        result = run(objective)

        assert [t.state for t in result.trials] == [TrialState.COMPLETE] * 4
        assert [t.value for t in result.trials] == [t.params["x"] for t in result.trials]
        assert [t.values["number"] for t in result.trials] == [0, 1, 2, 3]
        assert result.state == "finished"
        assert result.best_trial.value == min(t.params["x"] for t in result.trials)

    def test_reports_are_recorded_in_order(self, run: Callable[..., SearchResult], tmp_path: Path) -> None:
        """Each report of each metric is in the ledger once, with its step."""

        def objective(trial: Trial) -> None:
            for step in range(1, 6):
                trial.report(step, loss=trial.number + 1 / step, other=step)

        result = run(objective)

        assert [dict(t.reports) for t in result.trials] == [
            {step: t.number + 1 / step for step in range(1, 6)} for t in result.trials
        ]
        assert [t.value for t in result.trials] == [t.number + 1 / 5 for t in result.trials]
        with Home(tmp_path).read("s") as reader:
            assert len(reader.metrics()) == 4 * 5 * 2

    def test_a_stopped_trial_is_pruned(self, run: Callable[..., SearchResult], tmp_path: Path) -> None:
        """Without checkpoints the losers end at a rung, unwinding, with what they reported, and PRUNED."""
        folder = str(tmp_path)

        def objective(trial: Trial) -> float:
            try:
                for step in range(1, EPOCHS + 1):
                    trial.report(step, loss=trial.number + 1 / step)
            finally:
                with open(f"{folder}/unwound", "a") as file:
                    file.write(f"{trial.number}\n")
            return float(trial.number)

        result = run(objective, n_trials=6, early_stopping="asha", max_epochs=EPOCHS)

        states = {t.number: t.state for t in result.trials}
        pruned = [t for t in result.trials if t.state is TrialState.PRUNED]
        assert states[0] is TrialState.COMPLETE
        assert len(pruned) >= 3
        assert {t.reason for t in pruned} == {Reason.EARLY_STOPPING}
        assert {t.value for t in pruned} == {None}
        assert {t.step for t in pruned} <= {2, 6}
        assert sorted(map(int, (tmp_path / "unwound").read_text().split())) == list(range(6))

    def test_a_paused_trial_goes_on_from_its_checkpoint(self, run: Callable[..., SearchResult], tmp_path: Path) -> None:
        """Every trial pauses at the first rung; the promoted ones go on behind it, and one gets to the end."""

        def objective(trial: Trial) -> float:
            first = trial.restored.step + 1 if trial.restored else 1
            for step in range(first, EPOCHS + 1):
                with trial.checkpoint(step) as folder:
                    (folder / "step").write_text(str(step))
                trial.report(step, loss=trial.number + 1 / step)
            return trial.number + 1 / EPOCHS

        result = run(objective, n_trials=6, early_stopping="asha", max_epochs=EPOCHS)

        with Home(tmp_path).read("s") as reader:
            attempts = reader.attempts()
            points = reader.metrics()
        assert {a.state for a in attempts} == {AttemptState.PAUSED, AttemptState.RESULT}
        assert {a.start_step for a in attempts if a.number > 1} <= {2, 6}
        assert len(attempts) > 6
        assert len({(p.trial, p.step) for p in points}) == len(points), "a step was run twice"
        assert any(t.state is TrialState.COMPLETE for t in result.trials)
        assert all(t.state.is_finished for t in result.trials)
        assert [sorted(t.reports) for t in result.trials] == [list(range(1, t.step + 1)) for t in result.trials]

    @pytest.mark.parametrize(
        ("kind", "reason", "words"),
        [
            ("raise", Reason.RAISED, "ZeroDivisionError"),
            ("nan", Reason.NAN, "loss is NaN"),
            ("infinite", Reason.INFINITE, "loss is -inf"),
            ("missing", Reason.MISSING_METRIC, "acc"),
            ("text", Reason.BAD_VALUE, "'0.5'"),
            ("exit", Reason.EXIT, "sys.exit(3)"),
            ("interrupt", Reason.EXIT, "KeyboardInterrupt"),
        ],
    )
    def test_a_failure_has_its_reason_and_ends_nothing(
        self, run: Callable[..., SearchResult], tmp_path: Path, kind: str, reason: Reason, words: str
    ) -> None:
        """One trial fails with its own reason and message; the others are untouched."""

        def objective(trial: Trial) -> object:
            if trial.number == 1:
                if kind == "raise":
                    1 / 0  # noqa: B018
                if kind == "exit":
                    sys.exit(3)
                if kind == "interrupt":
                    raise KeyboardInterrupt
                wrong: dict[str, object] = {
                    "nan": {"loss": math.nan},
                    "infinite": {"loss": -math.inf},
                    "missing": {"acc": 1.0},
                    "text": {"loss": "0.5"},
                }
                return wrong[kind]
            return {"loss": 0.5}

        result = run(objective, n_trials=3)

        assert [t.state for t in result.trials] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]
        assert result.trials[1].reason is reason
        assert words in (result.trials[1].message or "")

    def test_a_trial_that_hangs_is_ended(self, run: Callable[..., SearchResult]) -> None:
        """One reports nothing, one reports for ever: each fails with its reason, and says where it was."""

        def objective(trial: Trial) -> dict[str, float]:
            trial.report(1, loss=1.0)
            if trial.number == 1:
                threading.Event().wait()
            for step in itertools.count(2) if trial.number == 2 else ():
                threading.Event().wait(0.05)
                trial.report(step, loss=1.0)
            return {"loss": 0.5}

        result = run(objective, n_trials=3, trial_timeout=3.0, stall_timeout=1.5)

        reasons = [t.reason for t in result.trials]
        assert reasons == [None, Reason.STALLED, Reason.TIMEOUT]
        assert [t.attempt for t in result.trials] == [1] * 3
        assert "the last report was step 1" in (result.trials[1].message or "")

    def test_what_an_attempt_leaves_is_not_the_next_ones(
        self, run: Callable[..., SearchResult], tmp_path: Path
    ) -> None:
        """Its children end with it; working folder and environment are as before, and what is printed is not lost."""
        folder = str(tmp_path / "elsewhere")
        os.mkdir(folder)

        def objective(trial: Trial) -> dict[str, float]:
            assert "AUTOML_LEFT" not in os.environ
            assert os.getcwd() != folder
            os.environ["AUTOML_LEFT"] = "1"
            os.chdir(folder)
            child = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1000")
            print("printed")
            os.close(1)
            return {"loss": 1.0, "child": child}

        result = run(objective, n_trials=3)

        assert [t.state for t in result.trials] == [TrialState.COMPLETE] * 3
        assert not any(psutil.pid_exists(int(t.values["child"])) for t in result.trials)

    def test_failures_end_a_search_that_allows_so_many(self, run: Callable[..., SearchResult]) -> None:
        """However many trials succeed; the study can be resumed, and the error has the last traceback."""

        def objective(trial: Trial) -> dict[str, float]:
            if trial.number:
                raise ZeroDivisionError(f"in trial {trial.number}")
            return {"loss": 1.0}

        with pytest.raises(SearchAbortedError, match=r"--max-failures.*ZeroDivisionError") as caught:
            run(objective, n_trials=50, max_failures=1, parallel=1)

        assert caught.value.traceback[-1].startswith("ZeroDivisionError: in trial")

    def test_a_search_that_cannot_succeed_ends(self, run: Callable[..., SearchResult]) -> None:
        """Three failures alike before any success end the search, saying what was reported instead."""

        def objective(trial: Trial) -> dict[str, float]:
            return {"acc": 1.0}

        with pytest.raises(SearchAbortedError, match=r"missing-metric.*seen: acc"):
            run(objective, n_trials=50)

    def test_an_unpruned_trial_may_end_itself(self, run: Callable[..., SearchResult]) -> None:
        """An objective that raises TrialPruned of its own accord is PRUNED, not FAIL."""
        from automl.errors import TrialPruned

        def objective(trial: Trial) -> float:
            trial.report(1, loss=1.0)
            raise TrialPruned

        result = run(objective, n_trials=2)

        assert [t.state for t in result.trials] == [TrialState.PRUNED] * 2

    def test_artifacts_are_kept_and_named_in_the_ledger(self, run: Callable[..., SearchResult], tmp_path: Path) -> None:
        """A file that the objective wants to keep lies in the trial's folder, and an event says so."""

        def objective(trial: Trial) -> dict[str, float]:
            import tempfile

            with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
                file.write("kept")
                file.flush()
                trial.artifact(file.name, "note.txt")
            return {"loss": 1.0}

        run(objective, n_trials=1)

        with Home(tmp_path).read("s") as reader:
            (event,) = reader.events(kind="artifact")
        assert (tmp_path / "s" / event.data["path"]).read_text() == "kept"

    def test_a_finished_study_can_be_extended(self, run: Callable[..., SearchResult], tmp_path: Path) -> None:
        """More trials get the next numbers; those there are stay as they are; without more nothing happens."""

        def objective(trial: Trial) -> dict[str, float]:
            return {"loss": trial.params["x"]}

        first = run(objective, n_trials=2)

        same = driver.resume("s", objective, home=tmp_path, listeners=())
        more = driver.resume("s", objective, home=tmp_path, listeners=(), n_trials=4)

        assert same.trials == first.trials
        assert more.trials[:2] == first.trials
        assert [t.number for t in more.trials] == [0, 1, 2, 3]

    def test_the_best_are_confirmed(self, run: Callable[..., SearchResult], tmp_path: Path) -> None:
        """When the search is through, its best trials run again with other seeds, and the winner is chosen by that."""

        def objective(trial: Trial) -> dict[str, float]:
            is_lucky = trial.number == 1  # it seems to be the best, once
            trial.report(1, loss=trial.params["x"])
            return {"loss": trial.params["x"] - is_lucky, "seed": trial.seed}

        result = run(objective, n_trials=3, confirm=2, confirm_seeds=2, early_stopping="asha", max_epochs=EPOCHS)

        searched, runs = result.trials[:3], result.trials[3:]
        lucky, second = sorted(searched, key=lambda t: t.value or 0.0)[:2]
        assert lucky.number == 1
        assert sorted(t.confirms or 0 for t in runs) == sorted([1, 1, second.number, second.number])
        assert all(t.params == result.trials[t.origin].params for t in runs)
        assert len({t.values["seed"] for t in result.trials}) == len(result.trials)
        by_mean = sorted([lucky, second], key=lambda t: t.params["x"])
        assert [each.number for each in result.confirmed] == [t.number for t in by_mean]
        assert result.best_trial == by_mean[0]
        assert (result.state, result.ended_by) == ("finished", EndedBy.TRIALS)
        with Home(tmp_path).read("s") as reader:
            assert sum(reader.counts().values()) == 3

    def test_the_time_budget_prunes_what_runs(self, run: Callable[..., SearchResult]) -> None:
        """At the timeout running trials end PRUNED with reason budget, and the study is finished."""

        def objective(trial: Trial) -> float:
            for step in itertools.count(1):
                threading.Event().wait(0.02)
                trial.report(step, loss=1 / step)
            raise AssertionError

        result = run(objective, n_trials=50, timeout=1.0)

        assert result.state == "finished"
        assert {(t.state, t.reason) for t in result.trials} == {(TrialState.PRUNED, Reason.BUDGET)}

    def test_asked_to_finish(self, run: Callable[..., SearchResult], tmp_path: Path) -> None:
        """What runs goes on to its end, nothing else begins, and the study is interrupted, not finished."""
        asked = Asked(Home(tmp_path).ledger_url("s"), Request.FINISH, tmp_path / "heard")

        result = run(asked.objective(), n_trials=50, listeners=[asked])

        assert result.state == "interrupted"
        assert {t.state for t in result.trials} == {TrialState.COMPLETE}
        assert len(result.trials) == len(asked.running)

    def test_asked_to_stop_now(self, run: Callable[..., SearchResult], tmp_path: Path) -> None:
        """What runs is cut: it is nobody's failure, and waits to be resumed."""
        asked = Asked(Home(tmp_path).ledger_url("s"), Request.NOW, tmp_path / "heard")

        with pytest.raises(driver.Interrupted, match="automl stop --now"):
            run(asked.objective(), n_trials=50, listeners=[asked])

        with Home(tmp_path).read("s") as reader:
            assert reader.study().state == "interrupted"
            assert {record.state for record in reader.records()} == {TrialState.WAITING}
            assert {row.state for row in reader.attempts()} == {AttemptState.LOST}

    def test_a_killed_worker_costs_an_attempt_not_a_trial(self, tmp_path: Path) -> None:
        """A worker that dies in mid-trial loses nothing but time: same number, next attempt, from the checkpoint."""
        script = tmp_path / "dies_once.py"
        script.write_text(_DIES_ONCE)

        self.survive(f"{script}:objective", tmp_path / "home")

        with Home(tmp_path / "home").read("s") as reader:
            records = reader.records()
            attempts = reader.attempts(1)
        assert [t.state for t in records] == [TrialState.COMPLETE] * 3
        assert [a.state for a in attempts] == [AttemptState.LOST, AttemptState.RESULT]
        assert attempts[1].start_step >= 3
        assert [sorted(t.reports) for t in records] == [list(range(1, EPOCHS + 1))] * 3


class Asked:
    """A listener that asks the search to stop as soon as a trial runs, and notes what ran when that was heard."""

    def __init__(self, url: str, request: Request, heard: Path) -> None:
        self.running: list[int] = []
        self._url = url
        self._request = request
        self._heard = heard

    def __call__(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "trial-started":
            send(self._url, "s", self._request)
        elif event["event"] == "stop-requested":
            self.running = event["running"]
            self._heard.touch()

    def objective(self) -> Callable[[Trial], float]:
        """Return an objective that ends when the request to finish was heard, and never when it was to stop now."""
        heard, ends = str(self._heard), self._request is Request.FINISH

        def objective(trial: Trial) -> float:
            for step in itertools.count(1):
                threading.Event().wait(0.02)
                trial.report(step, loss=1 / step)
                if ends and os.path.exists(heard):
                    break
            return 1.0

        return objective


_DIES_ONCE = f"""
import os, signal
from pathlib import Path

def objective(trial):
    first = trial.restored.step + 1 if trial.restored else 1
    marker = Path(__file__).with_name("died")
    for step in range(first, {EPOCHS} + 1):
        with trial.checkpoint(step) as folder:
            (folder / "step").write_text(str(step))
        trial.report(step, loss=trial.number + 1 / step)
        if trial.number == 1 and step == 5 and not marker.exists():
            import time
            time.sleep(1)  # so that the reports have been taken
            marker.touch()
            os.kill(os.getpid(), signal.{signal.SIGKILL.name})
    return {{"loss": trial.number + 1 / {EPOCHS}}}
"""
