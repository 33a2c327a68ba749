"""A full disk: nothing is lost that memory can hold, nothing new begins, and all goes on when there is space."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from automl import attempt as attempts
from automl.attempt import Attempt, Ending
from automl.config import StudyConfig
from automl.errors import ResourceExhaustedError
from automl.executors.local import LocalExecutor
from automl.ledger.address import sqlite_url
from automl.ledger.queries import Reader
from automl.ledger.writer import create_study
from automl.study import Study
from automl.trial import AttemptState, Reason, Report, Trial, TrialState
from search_spaces import SearchSpace


@contextlib.contextmanager
def full_disk(largest: int = 4096) -> Iterator[None]:
    """Let no file grow beyond `largest` bytes in the block, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Bench:
    """A study in a folder, and what its listeners were told of the disk."""

    def __init__(self, folder: Path, n_trials: int = 3) -> None:
        self.folder = folder / "s"
        self.url = sqlite_url(self.folder / "ledger.db")
        self.now = 1000.0
        self.told: list[Mapping[str, Any]] = []
        space = SearchSpace({"x": "0.0..1.0"})
        options: Any = {
            "metrics": ("loss",),
            "directions": ("minimize",),
            "sampler": "random",
            "early_stopping": "none",
        }
        config = StudyConfig(target="t", space=space, n_trials=n_trials, **options)
        create_study(self.url, "s", config.to_dict())

    def open(self) -> Study:
        return Study.open(self.url, "s", folder=self.folder, listeners=[self._listen], clock=lambda: self.now)

    def wait(self, study: Study) -> None:
        """Let the time pass after which a study tries again."""
        self.now += 1.0
        study.tick()

    def values(self) -> dict[int, float | None]:
        """Return the values of the COMPLETE trials."""
        with Reader.open(self.url, "s") as reader:
            return {record.number: record.value for record in reader.records() if record.state == "COMPLETE"}

    def states(self) -> list[str]:
        with Reader.open(self.url, "s") as reader:
            return [record.state.value for record in reader.records()]

    def _listen(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "ledger-trouble":
            self.told.append(event)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def done(value: float) -> Ending:
    return Ending(state=AttemptState.RESULT, trial_state=TrialState.COMPLETE, values={"loss": value})


def full(**more: Any) -> Ending:
    failed = {"trial_state": TrialState.FAIL, "reason": Reason.RAISED, "message": "OSError: full"}
    return Ending(state=AttemptState.RESULT, no_space="/disk: No space left on device", **(failed | more))


def begun(study: Study) -> Attempt:
    attempt = study.next_attempt()
    assert attempt is not None
    return attempt


def test_what_ends_on_a_full_disk_is_written_later(bench: Bench) -> None:
    """A trial's end waits in memory, nothing begins meanwhile, and with space again the search goes on."""
    study = bench.open()
    first, second = begun(study), begun(study)

    with full_disk():
        study.end(first, done(0.25))
        assert study.next_attempt() is None
        assert study.records[0].state is TrialState.COMPLETE
        bench.wait(study)
        assert bench.states() == ["RUNNING", "RUNNING"]
    bench.wait(study)
    third = begun(study)

    assert (third.trial, bench.states()) == (2, ["COMPLETE", "RUNNING", "RUNNING"])
    assert [event["over"] for event in bench.told] == [False, True]
    assert "ledger.db cannot be written" in bench.told[0]["message"]
    assert "bytes are free there" in bench.told[0]["message"]
    study.end(second, done(0.5))
    study.end(third, done(0.75))
    assert study.next_attempt() is None
    assert study.close()


def test_a_search_ends_when_nothing_runs_any_more(bench: Bench) -> None:
    """It says where there is no space; the attempt that could not begin is handed out by nobody, and begins later."""
    study = bench.open()
    first = begun(study)

    with full_disk():
        assert study.next_attempt() is None
        study.end(first, done(0.25))
        with pytest.raises(ResourceExhaustedError, match=r"ledger\.db cannot be written .* bytes are free"):
            study.next_attempt()
        assert bench.states() == ["RUNNING"]
    study.close()

    assert bench.states() == ["COMPLETE", "WAITING"]
    again = bench.open()
    assert (begun(again).number, begun(again).trial) == (2, 2)
    again.close()


def test_a_trial_that_had_no_space_runs_once_more(bench: Bench) -> None:
    """The failure is not its own; the second time it is, so that one trial cannot fill a disk for ever."""
    study = bench.open()
    study.end(begun(study), full())
    again = begun(study)

    assert (again.trial, again.number, study.records[0].state) == (0, 2, TrialState.RUNNING)
    study.end(again, full())
    assert (study.records[0].state, study.records[0].reason) == (TrialState.FAIL, Reason.RAISED)
    with Reader.open(bench.url, "s") as reader:
        assert [(row.state, row.reason) for row in reader.attempts()] == [("LOST", None), ("RESULT", Reason.RAISED)]
    study.close()


def test_a_result_whose_file_could_not_be_written_counts(bench: Bench) -> None:
    """The worker says it all the same; only what would begin next is held back until a file can be written."""
    study = bench.open()
    first, _second = begun(study), begun(study)
    with full_disk(largest=0):
        study.end(first, full(trial_state=TrialState.COMPLETE, values={"loss": 1.0}, reason=None, message=None))
        bench.wait(study)
        assert study.next_attempt() is None

    bench.wait(study)
    assert begun(study).trial == 2
    assert study.records[0].value == 1.0
    study.close()


def attempt_in(folder: Path) -> Attempt:
    return Attempt(
        trial=0, number=1, params={}, seed=0, metrics=("loss",), max_epochs=None, folder=str(folder), start_step=0,
        decision_steps=frozenset(),
    )  # fmt: skip


def test_a_worker_on_a_full_disk_hands_over_all_that_it_has(tmp_path: Path) -> None:
    """Reports and ending reach the driver though no file takes them; lines that waited are written in the end."""
    heard: list[Report] = []

    def objective(trial: Trial) -> float:
        with full_disk(largest=150):
            trial.report(1, loss=3.0)
            trial.report(2, loss=2.0)
        trial.report(3, loss=1.0)
        return 1.0

    ending = attempts.run(attempt_in(tmp_path), objective, send=heard.append)
    with full_disk(largest=0):
        unwritten = attempts.run(attempt_in(tmp_path / "other"), lambda trial: {"loss": 1.0}, send=heard.append)

    assert [report.step for report in heard] == [1, 2, 3]
    assert attempts.read_reports(tmp_path, 1) == heard
    assert (ending.trial_state, ending.no_space) == (TrialState.COMPLETE, None)
    assert attempts.read_result(tmp_path, 1, metrics=["loss"]) == ending
    assert (unwritten.trial_state, unwritten.values) == (TrialState.COMPLETE, {"loss": 1.0})
    assert "File too large" in str(unwritten.no_space)


@pytest.mark.parametrize("is_wrapped", [False, True], ids=["as it is", "as another error's cause"])
def test_no_space_in_the_objective_is_no_fault_of_it(tmp_path: Path, is_wrapped: bool) -> None:
    """An OSError of a full disk is told apart from failures, and leaves no result that a resume would take."""

    def objective(trial: Trial) -> float:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/disk/weights")
        except OSError as error:
            raise (RuntimeError("cannot save") if is_wrapped else error) from error

    ending = attempts.run(attempt_in(tmp_path), objective, send=lambda report: None)

    assert (ending.trial_state, ending.no_space) == (TrialState.FAIL, "/disk/weights: No space left on device")
    assert not (tmp_path / "attempt-1.json").exists()


@pytest.mark.parametrize("largest", range(60_000, 240_000, 30_000))
def test_wherever_the_disk_is_full_the_search_can_be_resumed(tmp_path: Path, largest: int) -> None:
    """Every file ends at some size; what was finished stays, and with space the rest is run."""

    def objective(trial: Trial) -> dict[str, float]:
        for step in range(trial.restored.step + 1 if trial.restored else 1, 4):
            with trial.checkpoint(step) as folder:
                (folder / "weights").write_bytes(bytes(largest // 2))
            trial.report(step, loss=trial.params["x"] / step, noise=[0.5, 1.5][step % 2])
        return {"loss": trial.params["x"]}

    bench = Bench(tmp_path, n_trials=30)
    study = bench.open()
    with full_disk(largest), contextlib.suppress(ResourceExhaustedError):
        LocalExecutor().run(study, objective)
        study.close()
    with contextlib.suppress(ResourceExhaustedError):
        study.close()
    before = bench.values()

    resumed = bench.open()
    LocalExecutor().run(resumed, objective)
    resumed.close()

    assert bench.states() == ["COMPLETE"] * 30
    after = bench.values()
    assert {number: after[number] for number in before} == before
