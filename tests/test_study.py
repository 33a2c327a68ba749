"""The life cycle: what is in the ledger after each step, and that everything can be rebuilt from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa

from automl import durable
from automl.attempt import Attempt, Ending, run
from automl.config import StudyConfig
from automl.errors import TrialPruned
from automl.interrupts import Interrupted
from automl.ledger import schema
from automl.ledger.database import LedgerError, connect
from automl.ledger.queries import Reader
from automl.ledger.requests import Request, send
from automl.ledger.writer import Writer, create_study
from automl.shares import Shares
from automl.stopping import Verdict
from automl.study import POLL_SECONDS, Study
from automl.trial import AttemptState, Reason, Report, Trial, TrialState
from search_spaces import SearchSpace

SHARES = Shares(cpus=1.0, node_cpus=8.0)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A study on disk that can be opened, left as a killed driver leaves it, and opened again."""

    def __init__(self, folder: Path, url: str, **options: Any) -> None:
        self.folder = folder
        self.url = url
        self.clock = Clock()
        self.events: list[Mapping[str, Any]] = []
        settings = {"metrics": ("loss",), "directions": ("minimize",), "sampler": "random", "early_stopping": "asha"}
        settings |= {"max_epochs": 9, "n_trials": 6}
        space = SearchSpace({"x": "0.0..1.0"})
        config = StudyConfig(target="t", space=space, **(settings | options))
        create_study(self.url, "s", config.to_dict(), clock=self.clock)

    def die(self) -> None:
        """Let the driver that holds the study be a process that is no more."""
        with connect(self.url, create=True).begin() as connection:
            (owner,) = connection.scalars(sa.select(schema.studies.c.owner))
            connection.execute(sa.update(schema.studies).values(owner=owner | {"boot": "before"}))

    def open(self, early_stopping: Any = None, sampler: Any = None, *, died: bool = False, **changes: Any) -> Study:
        """Open the study, whatever holds it: the test's own process would count as a living driver.

        With `died` its lease is that of a dead process; else it is as if it had been given back.
        """
        if died:
            self.die()
        else:
            with connect(self.url, create=True).begin() as connection:
                connection.execute(sa.update(schema.studies).values(owner=None))
        return Study.open(
            self.url,
            "s",
            folder=self.folder,
            sampler=sampler,
            early_stopping=early_stopping,
            changes=changes,
            shares=SHARES,
            clock=self.clock,
            listeners=[self.events.append],
        )

    def read(self) -> Reader:
        return Reader.open(self.url, "s")

    def states(self) -> list[str]:
        with self.read() as reader:
            return [record.state.value for record in reader.records()]


@pytest.fixture
def bench(tmp_path: Path, storage_url: str) -> Bench:
    return Bench(tmp_path / "s", storage_url)


def report(step: int, loss: float, checkpoint: int | None = None) -> Report:
    return Report(step=step, values={"loss": loss}, time=1000.0 + step, checkpoint=checkpoint)


def complete(loss: float) -> Ending:
    return Ending(state=AttemptState.RESULT, trial_state=TrialState.COMPLETE, values={"loss": loss})


def take(study: Study) -> Attempt:
    attempt = study.next_attempt(wait=True)
    assert attempt is not None
    return attempt


def pause(study: Study, loss: float) -> Attempt:
    attempt = take(study)
    assert study.report(attempt, [report(1, loss), report(2, loss, checkpoint=2)]) is Verdict.PAUSE
    study.end(attempt, Ending(state=AttemptState.PAUSED, checkpoint=2))
    return attempt


def test_a_killed_driver_leaves_nothing_running(bench: Bench) -> None:
    """What ran when the driver died runs first, under the same number, as the next attempt."""
    study = bench.open()
    done, cut = take(study), take(study)
    study.end(done, complete(0.5))
    study.report(cut, [report(1, 0.9)])
    bench.clock.now += 1
    study.tick()

    again = bench.open()
    attempt = take(again)

    assert (attempt.trial, attempt.number) == (cut.trial, 2)
    assert attempt.params == cut.params
    with bench.read() as reader:
        states = [row.state for row in reader.attempts(cut.trial)]
        assert states == [AttemptState.LOST, AttemptState.STARTED]
        assert reader.attempts(cut.trial)[0].ended == 1001.0, "it ended with its last report, not when it was found"
    assert again.records[done.trial].value == 0.5


def test_a_result_that_its_driver_never_took_is_used(bench: Bench) -> None:
    """A worker's result file, with reports that never got through, stands for the attempt: nothing runs again."""
    study = bench.open()
    attempt = take(study)

    def objective(trial: Trial) -> dict[str, float]:
        for step in (1, 2, 3):
            trial.report(step, loss=1 / step)
        return {"loss": 1 / 3, "extra": 7.0}

    run(attempt, objective, send=lambda report: None)

    bench.open()

    with bench.read() as reader:
        (record,) = reader.records()
        assert (record.state, record.value, record.attempt) == (TrialState.COMPLETE, 1 / 3, 1)
        assert record.reports == {1: 1.0, 2: 0.5, 3: 1 / 3}
        assert {(point.name, point.step) for point in reader.metrics()} >= {("extra", 3)}


def test_a_torn_result_file_is_no_result(bench: Bench) -> None:
    """Half a result file means that the trial runs again."""
    study = bench.open()
    attempt = take(study)
    run(attempt, lambda trial: {"loss": 1.0}, send=lambda report: None)
    path = Path(attempt.folder) / "attempt-1.json"
    path.write_bytes(path.read_bytes()[:-5])

    again = bench.open()

    assert take(again).number == 2


def test_a_cut_trial_goes_on_from_what_was_heard_of(bench: Bench) -> None:
    """A checkpoint beyond the last report in the ledger is not used: its step would be missing for ever."""
    study = bench.open()
    attempt = take(study)
    for step in (1, 2):
        with durable.new_folder(Path(attempt.folder) / "checkpoints" / str(step)) as folder:
            (folder / "state").write_text(str(step))
    study.report(attempt, [report(1, 0.9, checkpoint=1)])
    bench.clock.now += 1
    study.tick()

    again = bench.open()

    assert take(again).start_step == 1


def test_reports_that_never_reached_the_driver_are_taken_from_disk(bench: Bench) -> None:
    """What a worker reported before everything was killed counts, and its newest checkpoint is used."""
    study = bench.open()
    attempt = take(study)

    def objective(trial: Trial) -> None:
        for step in range(1, 6):
            with trial.checkpoint(step) as folder:
                (folder / "state").write_text(str(step))
            trial.report(step, loss=1 / step)
        raise Interrupted  # stands for the kill: it leaves no result

    with pytest.raises(KeyboardInterrupt):
        run(attempt, objective, send=lambda report: None)

    again = bench.open()

    assert again.records[0].reports == {step: 1 / step for step in range(1, 6)}
    assert take(again).start_step == 5


def test_a_trial_that_reports_other_metrics_is_restored(bench: Bench) -> None:
    """How far it came is a matter of steps, not of the study's metric."""
    study = bench.open()
    attempt = take(study)
    with durable.new_folder(Path(attempt.folder) / "checkpoints" / "3") as folder:
        (folder / "state").write_text("3")
    study.report(attempt, [Report(step=3, values={"other": 1.0}, time=1003.0, checkpoint=3)])
    study.end(attempt, Ending(state=AttemptState.LOST, trial_state=TrialState.FAIL, reason=Reason.WORKER_LOST))

    assert take(study).start_step == 3
    assert take(bench.open()).start_step == 3


def test_a_lost_worker_that_left_a_result_is_not_run_again(bench: Bench) -> None:
    """The result file stands for the worker that cannot tell it any more."""
    study = bench.open()
    attempt = take(study)
    run(attempt, lambda trial: {"loss": 0.25}, send=lambda report: None)

    study.lose(attempt, Ending(state=AttemptState.LOST, trial_state=TrialState.FAIL, reason=Reason.WORKER_LOST))

    assert study.records[0].value == 0.25


def test_a_trial_that_was_told_to_stop_goes_on_if_its_driver_died(bench: Bench) -> None:
    """Nobody knows any more why it was to stop; it is not PRUNED for that."""
    study = bench.open()
    attempt = take(study)

    def objective(trial: Trial) -> None:
        raise TrialPruned

    run(attempt, objective, send=lambda report: None)

    assert take(bench.open()).number == 2


def test_a_message_that_no_database_takes_is_made_plain(bench: Bench) -> None:
    """A lone surrogate or a NUL in an exception does not stop the search."""
    study = bench.open()
    attempt = take(study)

    def objective(trial: Trial) -> None:
        raise ValueError("bad \ud800 \0 name")

    study.end(attempt, run(attempt, objective, send=lambda report: None))

    assert study.records[0].message == "ValueError: bad ?  name"


def test_a_study_that_cannot_be_opened_is_given_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that lives on after a failed open does not keep the lease."""
    monkeypatch.setattr("automl.agenda.stopping.make", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.open()
    monkeypatch.undo()

    study = Study.open(bench.url, "s", folder=bench.folder)

    assert take(study).trial == 0


def test_time_between_drivers_does_not_count(bench: Bench) -> None:
    """Only what drivers held the study for is used of the time budget."""
    bench.clock.now = time.time()
    bench.open(timeout=60.0).close()
    bench.clock.now += 86_400

    study = bench.open()

    assert not study.should_stop


def test_finished_trials_leave_no_checkpoints(bench: Bench) -> None:
    """A checkpoint is for going on."""
    study = bench.open()
    attempt = take(study)
    with durable.new_folder(Path(attempt.folder) / "checkpoints" / "1") as folder:
        (folder / "state").write_text("1")

    study.end(attempt, complete(0.5))

    assert list((Path(attempt.folder) / "checkpoints").iterdir()) == []


def test_paused_trials_survive_and_are_promoted(bench: Bench) -> None:
    """After a kill the rungs are as they were: the best of three paused trials goes on."""
    study = bench.open()
    for loss in (0.5, 0.1, 0.9):
        pause(study, loss)

    again = bench.open()
    attempt = take(again)

    assert (attempt.trial, attempt.number) == (1, 2)


def test_grouped_reports_are_written_in_time(bench: Bench) -> None:
    """A report waits half a second at most, and a verdict does not wait for it."""
    study = bench.open()
    attempt = take(study)

    study.report(attempt, [report(1, 0.9)])
    with bench.read() as reader:
        before = len(reader.metrics())
    bench.clock.now += 0.5
    study.tick()

    with bench.read() as reader:
        assert (before, len(reader.metrics())) == (0, 1)


def test_a_report_that_causes_a_pause_is_on_disk_first(bench: Bench) -> None:
    """When the worker hears PAUSE, the value that earned it is safe."""
    study = bench.open()
    attempt = take(study)

    verdict = study.report(attempt, [report(2, 0.9, checkpoint=2)])

    assert verdict is Verdict.PAUSE
    with bench.read() as reader:
        assert len(reader.metrics()) == 1


def test_closing_an_unfinished_study_leaves_trials_waiting(bench: Bench) -> None:
    """An interrupt is nobody's failure: what ran is WAITING, what was paused stays so."""
    study = bench.open()
    pause(study, 0.5)
    take(study)

    is_finished = study.close()

    assert not is_finished
    assert bench.states() == ["RUNNING", "WAITING"]
    with bench.read() as reader:
        assert reader.study().state == "interrupted"
        assert [row.reason for row in reader.attempts()] == [None, None]


def test_a_finished_study_has_no_paused_trial(bench: Bench) -> None:
    """When nothing is left, the best goes to the end and the others are PRUNED."""
    study = bench.open(n_trials=2)
    pause(study, 0.5)
    pause(study, 0.4)
    last = take(study)
    study.report(last, [report(6, 0.3, checkpoint=6)])
    study.end(last, Ending(state=AttemptState.PAUSED, checkpoint=6))
    study.end(take(study), complete(0.2))

    assert study.next_attempt() is None
    assert study.is_done
    assert study.close()
    assert bench.states() == ["PRUNED", "COMPLETE"]
    with bench.read() as reader:
        assert reader.records()[0].reason is Reason.EARLY_STOPPING


def test_machine_trouble_is_retried_once(bench: Bench) -> None:
    """A lost worker costs an attempt; twice, and the trial fails. Two restarts in between change nothing."""
    gone = Ending(state=AttemptState.LOST, trial_state=TrialState.FAIL, reason=Reason.WORKER_LOST)
    study = bench.open()
    study.end(take(study), gone)

    again = bench.open()
    attempt = take(again)
    again.end(attempt, gone)

    assert (attempt.trial, attempt.number) == (0, 2)
    assert bench.states() == ["FAIL"]


def test_a_driver_that_dies_is_never_a_retry(bench: Bench) -> None:
    """However often the driver is killed, the trial keeps its one retry."""
    for _ in range(4):
        take(bench.open())

    study = bench.open()
    attempt = take(study)
    study.end(attempt, Ending(state=AttemptState.LOST, trial_state=TrialState.FAIL, reason=Reason.WORKER_LOST))

    assert attempt.number == 5
    assert take(study).number == 6


def test_late_answers_of_an_old_attempt_are_ignored(bench: Bench) -> None:
    """Only the current attempt of a trial is listened to."""
    study = bench.open()
    attempt = take(study)
    study.end(attempt, complete(0.5))

    verdict = study.report(attempt, [report(1, 0.1)])
    study.end(attempt, complete(0.1))

    assert verdict is Verdict.STOP
    assert study.records[0].value == 0.5


def test_three_failures_alike_end_a_search_without_success(bench: Bench) -> None:
    """The message has the reason, and where to look."""
    study = bench.open()
    for _ in range(3):
        failed = Ending(
            state=AttemptState.RESULT, trial_state=TrialState.FAIL, reason=Reason.RAISED, message="ValueError: x"
        )
        study.end(take(study), failed)

    assert study.next_attempt() is None
    assert study.failure is not None
    assert "raised: ValueError: x" in str(study.failure)
    assert not study.close()


@pytest.mark.parametrize("success", [0, 2])
def test_failures_after_a_success_end_nothing(bench: Bench, success: int) -> None:
    """One good trial, early or late, and failures are only failures."""
    study = bench.open()
    for number in range(5):
        failed = Ending(state=AttemptState.RESULT, trial_state=TrialState.FAIL, reason=Reason.NAN, message="nan")
        study.end(take(study), complete(0.1) if number == success else failed)

    assert study.failure is None


def ask(bench: Bench, study: Study, request: Request) -> None:
    """Ask a study to stop, and let it hear of that."""
    assert send(bench.url, "s", request)
    bench.clock.now += POLL_SECONDS
    study.tick()


def test_asked_to_finish_nothing_begins(bench: Bench) -> None:
    """No retry, no promotion, no new trial; what was to come is there for the next driver."""
    study = bench.open()
    for loss in (0.5, 0.1, 0.9):
        pause(study, loss)
    running = take(study)
    ask(bench, study, Request.FINISH)

    study.end(running, Ending(state=AttemptState.LOST, trial_state=TrialState.FAIL, reason=Reason.WORKER_LOST))

    assert study.next_attempt() is None
    assert study.is_done
    assert not study.should_stop
    assert not study.close()
    with bench.read() as reader:
        assert reader.study().state == "interrupted"
        assert reader.records()[running.trial].state is TrialState.WAITING
        assert sum(record.paused for record in reader.records()) == 2
    assert take(bench.open()).trial == running.trial


def test_asked_to_finish_what_is_last(bench: Bench) -> None:
    """When nothing would have come in any case, the study is finished."""
    study = bench.open(n_trials=1)
    attempt = take(study)
    ask(bench, study, Request.FINISH)

    study.end(attempt, complete(0.5))

    assert study.next_attempt() is None
    assert study.close()


def test_asked_to_stop_now_nothing_is_pruned(bench: Bench) -> None:
    """A trial that was told to stop for that waits; one that early stopping had judged before stays judged."""
    study = bench.open(early_stopping="median")
    first, second = take(study), take(study)
    study.report(first, [report(1, 0.5)])
    ask(bench, study, Request.NOW)

    verdict = study.report(second, [report(1, 0.9)])
    study.end(second, Ending(state=AttemptState.RESULT, trial_state=TrialState.PRUNED))
    study.end(first, complete(0.5))

    assert verdict is Verdict.STOP
    assert study.next_attempt() is None
    assert not study.close()
    assert bench.states() == ["COMPLETE", "WAITING"]


def test_the_next_driver_is_asked_nothing(bench: Bench) -> None:
    """A request is for the driver that was there; of a study without one nothing can be asked."""
    ask(bench, bench.open(), Request.NOW)

    again = bench.open()
    bench.clock.now += POLL_SECONDS
    again.tick()

    assert again.request is None
    again.close()
    assert not send(bench.url, "s", Request.NOW)


def test_the_time_budget_counts_over_drivers(bench: Bench) -> None:
    """A study that was interrupted has only the rest of its time left."""
    bench.clock.now = 0.0
    study = bench.open(timeout=100.0)
    assert not study.should_stop
    bench.clock.now = 101.0

    assert study.should_stop
    assert study.next_attempt() is None
    assert study.close()


def test_a_budget_can_be_raised(bench: Bench) -> None:
    """More trials than at first, and the ledger remembers."""
    study = bench.open(n_trials=1)
    study.end(take(study), complete(0.5))
    assert study.next_attempt() is None
    study.close()

    more = bench.open(n_trials=2)

    assert take(more).trial == 1
    with bench.read() as reader:
        assert reader.study().config["n_trials"] == 2


def test_listeners_hear_of_everything_in_order(bench: Bench) -> None:
    """Events tell the story of a trial."""
    study = bench.open()
    attempt = take(study)
    study.report(attempt, [report(1, 0.5)])
    study.end(attempt, complete(0.5))

    assert [event["event"] for event in bench.events] == ["study-started", "trial-started", "report", "trial-ended"]
    assert bench.events[-1]["state"] == "COMPLETE"


def test_a_grid_ends_the_study(tmp_path: Path, storage_url: str) -> None:
    """A grid smaller than the number of trials asked for is done when it is through."""
    config = StudyConfig(
        target="t",
        space=SearchSpace({"x": "a|b"}),
        metrics=("loss",),
        directions=("minimize",),
        sampler="grid",
        n_trials=9,
    )
    create_study(storage_url, "g", config.to_dict())
    study = Study.open(storage_url, "g", folder=tmp_path / "g")

    seen = []
    while attempt := study.next_attempt(wait=True):
        seen.append(attempt.params["x"])
        study.end(attempt, complete(0.5))

    assert seen == ["a", "b"]
    assert study.is_done


def follow(study: Study, objective: Callable[[Trial], Any]) -> None:
    """Run every trial of a study in place."""
    while attempt := study.next_attempt(wait=True):
        study.end(attempt, run(attempt, objective, send=lambda report: None))


def test_seeds_differ_and_do_not_change(bench: Bench) -> None:
    """Each trial has its own seed, the same in every attempt."""
    seeds: list[int] = []
    study = bench.open()

    follow(study, lambda trial: seeds.append(trial.seed) or {"loss": 1.0})  # type: ignore[func-returns-value]

    assert len(set(seeds)) == 6
    with bench.read() as reader:
        assert [record.seed for record in reader.records()] == seeds


def test_every_driver_moves_the_seq(bench: Bench) -> None:
    """That it came, and how it left the study, is news to readers, even where no trial has changed."""
    seqs = []
    for _ in range(2):
        study = bench.open()
        with bench.read() as reader:
            seqs.append(reader.study().seq)
        study.close()
        with bench.read() as reader:
            seqs.append(reader.study().seq)

    assert seqs == sorted(set(seqs))
    with bench.read() as reader:
        assert [event.kind for event in reader.events()] == ["study-started", "study-ended"] * 2


def test_a_start_that_is_not_written_yet_is_cut_by_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database comes back when the search is ending: the trial that was about to run waits."""
    study = bench.open()
    with monkeypatch.context() as away:
        away.setattr(Writer, "_write", fail)
        with pytest.raises(LedgerError):
            study.next_attempt(wait=True)

    study.close()

    assert bench.states() == ["WAITING"]
    with bench.read() as reader:
        assert [row.state for row in reader.attempts()] == [AttemptState.LOST]


def fail(*_: object) -> None:
    raise sa.exc.OperationalError("UPDATE", {}, Exception("the database is away"))


def test_a_driver_that_dies_leaves_no_checkpoints_of_finished_trials(bench: Bench) -> None:
    """Neither of a trial whose result it never took, nor of one that it had told but not tidied up after."""
    study = bench.open()
    told, left = take(study), take(study)
    study.end(told, complete(0.5))
    for attempt in (told, left):
        with durable.new_folder(Path(attempt.folder) / "checkpoints" / "1") as folder:
            (folder / "state").write_text("1")
    durable.write_json(Path(left.folder) / "attempt-1.json", asdict(complete(0.25)))

    bench.open()

    assert bench.states() == ["COMPLETE", "COMPLETE"]
    assert not list(bench.folder.glob("trials/*/checkpoints/*"))


class Stuck(optuna.samplers.RandomSampler):
    """A sampler that says that it was asked, and answers when it is let."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.asked, self.go = threading.Event(), threading.Event()

    def sample_independent(self, *args: Any) -> Any:
        self.asked.set()
        self.go.wait()
        return super().sample_independent(*args)


def test_a_sampler_that_takes_long_holds_nothing_up(bench: Bench) -> None:
    """While the next trial is waited for, requests are heard, and whoever wants to end the search can."""
    sampler = Stuck()
    study = bench.open(sampler=sampler)
    taken: list[Attempt | None] = []
    taker = threading.Thread(target=lambda: taken.append(study.next_attempt(wait=True)), daemon=True)
    taker.start()
    sampler.asked.wait()

    closer = threading.Thread(target=study.close, daemon=True)
    closer.start()
    closer.join(10)
    taker.join(10)

    assert not closer.is_alive()
    assert taken == [None]
    sampler.go.set()


def test_out_of_memory_runs_again_alone_and_then_is_infeasible(bench: Bench) -> None:
    """The retry has a larger share, a driver that died in between or not; the second time is the trial's end."""
    out = Ending(
        state=AttemptState.RESULT,
        trial_state=TrialState.FAIL,
        reason=Reason.OOM,
        message="MemoryError",
        checkpoint=None,
    )
    study = bench.open()
    first = take(study)
    study.end(first, out)
    again = bench.open()
    second = take(again)

    again.end(second, out)

    assert (first.resources["cpus"], second.resources["cpus"]) == (1.0, 8.0)
    assert (first.trial, second.number) == (second.trial, 2)
    assert again.records[first.trial].is_infeasible
    assert take(again).resources["cpus"] == 1.0, "a trial of its own has an ordinary share"
    with bench.read() as reader:
        assert [row.resources["cpus"] for row in reader.attempts(first.trial)] == [1.0, 8.0]
