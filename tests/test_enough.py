"""When a search has had enough, judged by itself and in a study whose drivers are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import automl
from automl import enough as enough_module
from automl.attempt import Ending
from automl.config import StudyConfig
from automl.enough import LAST, LEAST, EndedBy, Enough, Growth, ended_by, further, said
from automl.ledger.address import sqlite_url
from automl.ledger.database import connect
from automl.ledger.writer import Writer
from automl.preference import Preference, Vector, contribution, hypervolume, reference
from automl.samplers import Proposal, Proposals
from automl.stopping import Verdict
from automl.study import Study
from automl.trial import AttemptState, Reason, TrialRecord, TrialState
from search_spaces import SearchSpace
from tests import strategies
from tests.stopping.test_study import Live
from tests.test_study import SHARES, Bench, complete, report, take

LOSS = Preference.of("loss", "minimize")


def ended(number: int, value: float | None) -> TrialRecord:
    state = TrialState.PRUNED if value is None else TrialState.COMPLETE
    values = {} if value is None else {"loss": value}
    return TrialRecord(number=number, state=state, params={}, value=value, values=values)


def seen(enough: Enough, values: list[float | None]) -> Enough:
    for number, value in enumerate(values):
        enough.see(ended(number, value))
    return enough


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([0.5, 0.6, None], None),
        ([0.5, 0.6, None, 0.7], EndedBy.PATIENCE),
        ([0.5, 0.5, 0.5, 0.5], EndedBy.PATIENCE),
        ([0.5, 0.6, 0.6, 0.4, 0.6, 0.6], None),
        ([None] * 9, None),
    ],
)
def test_patience(values: list[float | None], reason: EndedBy | None) -> None:
    """So many trials in a row that were no better, whatever became of them; but nothing is in vain before the first."""
    assert seen(Enough(LOSS, patience=3), values).reason is reason


@pytest.mark.parametrize("maximize", [False, True])
def test_the_target_is_reached_by_what_is_at_least_as_good(maximize: bool) -> None:
    """Only a COMPLETE trial reaches it, and equal is enough."""
    sign = -1 if maximize else 1
    enough = Enough(Preference.of("loss", "maximize" if maximize else "minimize"), target_value=0.5 * sign)

    seen(enough, [0.6 * sign, None])
    assert enough.reason is None
    seen(enough, [0.5 * sign])

    assert enough.reason is EndedBy.TARGET_VALUE


@given(strategies.endings())
def test_patience_is_a_function_of_the_order_of_ends(values: list[float | None]) -> None:
    """It says what counting back from the end says."""
    enough = seen(Enough(LOSS, patience=4), values)

    is_idle = any(
        min((value for value in values[:start] if value is not None), default=-1.0)
        <= min((value for value in values[start : start + 4] if value is not None), default=2.0)
        for start in range(1, len(values) - 3)
        if any(value is not None for value in values[:start])
    )
    assert (enough.reason is EndedBy.PATIENCE) is is_idle


def test_an_hour_that_is_not_worth_it() -> None:
    """Ten trials in 360 seconds are 100 an hour: each has to promise a hundredth of what an hour is to bring."""
    enough = seen(Enough(LOSS, worth=1.0), [0.5] * 10)

    enough.weigh(None, seconds=360.0)
    enough.weigh(0.011, seconds=360.0)
    assert enough.reason is None
    enough.weigh(0.009, seconds=360.0)

    assert enough.reason is EndedBy.WORTH


def both(number: int, error: float, seconds: float, memory: float = 0.0) -> TrialRecord:
    values = {"error": error, "seconds": seconds, "memory": memory}
    return TrialRecord(number=number, state=TrialState.COMPLETE, params={}, value=error, values=values)


BOTH = Preference.of(["error", "seconds"], ["minimize", "minimize"], ["memory <= 1"])


def test_with_several_metrics_what_is_new_on_the_front_is_better() -> None:
    """Another compromise is no idle trial; what breaks a limit is none beside what keeps it, and reaches no target."""
    enough = Enough(BOTH, patience=2, target_value=0.1)

    for number, (error, seconds, memory) in enumerate(
        [(0.5, 5, 0), (0.6, 4, 0), (0.4, 6, 0), (0.05, 1, 2), (0.3, 7, 0)]
    ):
        enough.see(both(number, error, seconds, memory))
    assert enough.reason is None
    enough.see(both(5, 0.5, 5))
    enough.see(both(6, 0.3, 8))

    assert enough.reason is EndedBy.PATIENCE


def test_with_several_metrics_an_hour_is_worth_what_the_front_grows() -> None:
    """A front that no longer moves promises nothing, one that has moved among the last trials does."""
    still, moving = Enough(BOTH, worth=1e-6), Enough(BOTH, worth=1e-6)
    for number in range(30):
        still.see(both(number, 0.5 + number % 3, 5.0 + number % 2))
        moving.see(both(number, 0.5 - number / 100, 5.0 + number % 2))

    for enough in (still, moving):
        enough.weigh(None, seconds=3600.0)

    assert still.reason is EndedBy.WORTH
    assert moving.reason is None


@given(st.integers(2, 3).flatmap(strategies.loss_endings))
def test_growth_is_the_difference_of_two_hypervolumes(ends: list[Vector | None]) -> None:
    """That of all results and that of those before the last twenty, both from the worst of all."""
    growth = Growth()

    for losses in ends:
        growth.see(losses)

    before, now = ([losses for losses in seen if losses is not None] for seen in (ends[:-LAST], ends))
    corner = reference(now)
    if len(before) < LEAST or any(len({*axis}) == 1 for axis in zip(*now, strict=True)):
        assert growth.each() is None
    else:
        assert growth.each() == pytest.approx((hypervolume(now, corner) - hypervolume(before, corner)) / LAST)


def test_growth_of_a_large_front_is_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is asked, each new point has its volume computed once."""
    computed: list[Vector] = []

    def counted(point: Vector, others: list[Vector], corner: Vector) -> float:
        computed.append(point)
        return contribution(point, others, corner)

    monkeypatch.setattr(enough_module, "contribution", counted)
    growth = Growth()
    growth.see((400.0, 400.0))
    for number in range(400):
        growth.see((float(number), -float(number)))
        for _ in range(3):
            growth.each()

    assert len(computed) == len({*computed}) <= 400


OPTIONS = [{"patience": 4}, {"target_value": 0.2}]


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_a_killed_driver_ends_a_search_where_a_living_one_does(
    tmp_path: Path, storage_url: str, option: dict[str, Any]
) -> None:
    """Replay equals live: killed and resumed again and again, a study ends with the same trial."""
    options: dict[str, Any] = {"n_trials": 60, "early_stopping": "median", **option}
    lived = Live(Bench(tmp_path / "lived", sqlite_url(tmp_path / "lived.db"), **options), seed=3)
    killed = Live(Bench(tmp_path / "killed", storage_url, **options), seed=3)

    for number in range(300):
        lived.act()
        killed.act()
        if number % 20 == 19:
            killed.kill()
        if lived.study.is_finishing:
            break

    assert killed.answers == lived.answers
    assert killed.study.is_finishing
    assert killed.study.ended_by is lived.study.ended_by is EndedBy(next(iter(option)).replace("_", "-"))


def test_what_runs_goes_on_and_nothing_else_begins(tmp_path: Path, storage_url: str) -> None:
    """The target is reached: trials that run, or were cut off as they ran, come to their ends; no other begins."""
    bench = Bench(tmp_path / "s", storage_url, target_value=0.1)
    study = bench.open()
    first, running, lost = take(study), take(study), take(study)
    study.lose(lost, None)
    study.end(lost, Ending(state=AttemptState.LOST))
    study.end(first, complete(0.1))

    assert take(study).trial == lost.trial
    assert study.next_attempt() is None
    assert not study.is_done
    assert study.report(running, [report(1, 0.5)]) is Verdict.CONTINUE
    study.end(running, complete(0.05))
    study.end(study.running[lost.trial], complete(0.5))
    assert study.next_attempt() is None
    assert study.is_done
    assert study.close()

    assert bench.states() == ["COMPLETE"] * 3
    with bench.read() as reader:
        assert ended_by(reader) is EndedBy.TARGET_VALUE
    assert bench.events[-1]["ended_by"] == "target-value"


def test_what_is_not_worth_it_is_not_asked(tmp_path: Path, storage_url: str) -> None:
    """A proposal that promises too little does not become a trial."""

    class Promising:
        def propose(self, number: int) -> Proposal:
            return Proposal(params={"x": number / 10}, gain=0.1 / (number + 1) ** 2 if number else None)

        def observe(self, record: TrialRecord) -> None:
            pass

    bench = Bench(tmp_path / "s", storage_url, worth=36.0)
    study = bench.open()
    study._agenda._proposals = Proposals(Promising(), ahead=False)

    while attempt := study.next_attempt(wait=True):
        bench.clock.now += 1.0  # 3600 trials an hour
        study.end(attempt, complete(0.5))

    # 0.1 / 9 of trial 2 is 40 an hour, 0.1 / 16 of trial 3 is 22.5
    assert len(study.records) == 3
    assert study.ended_by is EndedBy.WORTH


def promising(study: Study, gains: list[float | None]) -> Study:
    """Return a study whose sampler promises so much of its next trials, one after the other."""
    left = iter(gains)

    class Promising:
        def propose(self, number: int) -> Proposal | None:
            return Proposal(params={"x": number / 100}, gain=next(left, None))

        def observe(self, record: TrialRecord) -> None:
            pass

    study._agenda._proposals = Proposals(Promising(), ahead=False)
    return study


def not_worth_it(bench: Bench) -> Study:
    """Return a study that its model ends after two trials, one of which is to be confirmed."""
    study = promising(bench.open(), [None, None, 1e-9])
    while attempt := study.next_attempt(wait=True):
        bench.clock.now += 1.0
        study.end(attempt, complete(0.5))
    assert study.ended_by is EndedBy.WORTH
    return study


def test_what_was_not_worth_it_stays_so_after_a_kill(tmp_path: Path, storage_url: str) -> None:
    """The next driver's model may see it otherwise, and is not asked: nothing new begins, and the best is confirmed."""
    bench = Bench(tmp_path / "s", storage_url, worth=36.0, confirm=1)
    study = not_worth_it(bench)
    assert study.confirm()
    take(study)

    again = bench.open()

    assert again.is_finishing
    assert again.ended_by is EndedBy.WORTH
    assert again.next_attempt() is None
    assert again.confirm()


@pytest.mark.parametrize(
    ("option", "last"), [({"patience": 2}, 0.7), ({"target_value": 0.2}, 0.1)], ids=["patience", "target"]
)
def test_the_first_reason_stands_after_a_kill(
    tmp_path: Path, storage_url: str, option: dict[str, Any], last: float
) -> None:
    """What ran when an hour was not worth it meets another end as it ends: that is not why the search has ended."""
    bench = Bench(tmp_path / "s", storage_url, worth=36.0, **option)
    study = promising(bench.open(), [None, None, None, 1e-9])
    running = [take(study) for _ in range(3)]
    bench.clock.now += 1.0
    study.end(running[0], complete(0.5))
    assert study.next_attempt(wait=True) is None
    for attempt, loss in zip(running[1:], (0.6, last), strict=True):
        study.end(attempt, complete(loss))

    again = bench.open(died=True)

    assert again.is_finishing
    assert again.ended_by is study.ended_by is EndedBy.WORTH


MORE: list[dict[str, Any]] = [
    {"n_trials": 26},
    {"worth": 18.0},
    {"space": SearchSpace({"x": "0.0..2.0"})},
    {"tries": ({"x": 0.75},)},
]


@pytest.mark.parametrize("more", MORE, ids=lambda more: next(iter(more)))
def test_who_asks_for_more_than_was_not_worth_it_is_asked_again(
    tmp_path: Path, storage_url: str, more: dict[str, Any]
) -> None:
    """With more trials, another worth, another space or points to try the model judges anew."""
    bench = Bench(tmp_path / "s", storage_url, worth=36.0)
    not_worth_it(bench).close()

    again = promising(bench.open(**more), [9.0])

    assert not again.is_finishing
    assert take(again).trial == 2


def test_compute_is_counted_over_all_drivers(tmp_path: Path, storage_url: str) -> None:
    """One CPU for 100 s in two attempts of two drivers: then what runs is cut, and a resumed study ends at once."""
    bench = Bench(tmp_path / "s", storage_url, budget="1.5cpumin")
    study = bench.open()
    done = take(study)
    bench.clock.now += 50
    study.end(done, complete(0.5))
    study.close()
    bench.clock.now += 1000  # nobody works

    again = bench.open()
    attempt = take(again)
    bench.clock.now += 39
    assert again.report(attempt, [report(1, 0.5)]) is Verdict.CONTINUE
    bench.clock.now += 1
    assert again.report(attempt, [report(2, 0.5)]) is Verdict.STOP
    again.end(attempt, Ending(state=AttemptState.RESULT, trial_state=TrialState.PRUNED))
    assert again.close()

    with bench.read() as reader:
        assert ended_by(reader) is EndedBy.BUDGET
        assert reader.records()[1].reason is Reason.BUDGET
    third = bench.open()
    assert third.should_stop
    third.close()
    assert take(bench.open(budget="2cpumin")).trial == 2


def test_what_dies_with_its_driver_has_used_compute(tmp_path: Path, storage_url: str) -> None:
    """An attempt that never reports ran as long as the lease says that its driver did, and no longer."""
    bench = Bench(tmp_path / "s", storage_url, budget="1cpumin")
    take(bench.open())
    bench.clock.now += 50

    again = bench.open(died=True)
    attempt = take(again)

    assert again._running.usage.compute("cpus", now=bench.clock.now) == pytest.approx(50, abs=2)
    bench.clock.now += 12
    assert again.report(attempt, [report(1, 0.5)]) is Verdict.STOP


@pytest.mark.parametrize("leave", [Bench.die, None], ids=["dies", "gives up"])
def test_who_runs_nothing_neither_uses_nor_hides_compute(
    tmp_path: Path, storage_url: str, leave: Callable[[Bench], None] | None
) -> None:
    """What is found running under drivers that have only taken the lease ran under the one before, as long as that."""
    bench = Bench(tmp_path / "s", storage_url, budget="1cpumin")
    take(bench.open())
    bench.clock.now += 50
    bench.die()
    for _ in range(2):
        ledger = Writer.open(connect(storage_url, create=True), "s", clock=bench.clock)
        bench.clock.now += 1000
        leave(bench) if leave else ledger.abandon()

    again = Study.open(storage_url, "s", folder=bench.folder, shares=SHARES, clock=bench.clock)

    assert again._running.usage.compute("cpus", now=bench.clock.now) == pytest.approx(50, abs=2)
    attempt = take(again)
    bench.clock.now += 12
    assert again.report(attempt, [report(1, 0.5)]) is Verdict.STOP


def test_a_new_space_is_given_its_patience(tmp_path: Path, storage_url: str) -> None:
    """Trials of the space before count for what is best, not against the new one."""
    bench = Bench(tmp_path / "s", storage_url, patience=2, n_trials=9)
    study = bench.open()
    for loss in (0.1, 0.5, 0.6):
        study.end(take(study), complete(loss))
    study.close()

    again = bench.open(space=SearchSpace({"x": "0.0..2.0"}))
    again.end(take(again), complete(0.5))
    assert again.ended_by is not EndedBy.PATIENCE
    again.end(take(again), complete(0.5))

    assert again.next_attempt() is None
    assert again.ended_by is EndedBy.PATIENCE


def test_why_a_killed_driver_ended_is_not_known(tmp_path: Path, storage_url: str) -> None:
    """The word of the driver before it is not its own."""
    bench = Bench(tmp_path / "s", storage_url, patience=1)
    study = bench.open()
    for loss in (0.1, 0.5):
        study.end(take(study), complete(loss))
    study.close()

    bench.open(patience=5)

    with bench.read() as reader:
        assert ended_by(reader) is None


def test_each_reason_is_said_and_what_goes_on_is_named() -> None:
    """In one line without braces, and with an option that lets the search go on where there is one."""
    space = SearchSpace({"x": "0.0..1.0"})
    given: dict[str, Any] = {"timeout": 60.0, "budget": "4cpuh", "patience": 7, "worth": 0.5, "target_value": 0.25}
    config = StudyConfig(target="t", space=space, metrics=("loss",), directions=("minimize",), **given).to_dict()

    texts = {why: said(why, config, asked=50) for why in EndedBy}

    assert texts[EndedBy.PATIENCE] == "no better trial in the last 7"
    assert said(EndedBy.TIMEOUT, config, asked=2) == "its time of 60 s is up; 2 of 50 trials were tried"
    assert len(set(texts.values())) == len(EndedBy)
    assert [further(why, config) for why in (EndedBy.TRIALS, EndedBy.TIMEOUT, EndedBy.BUDGET)] == [
        ["--trials", "+20"],
        ["--timeout", "120s"],
        ["--budget", "8cpuh"],
    ]
    assert [further(why, config) for why in (EndedBy.PATIENCE, EndedBy.WORTH, EndedBy.EXHAUSTED)] == [
        ["--patience", "14"],
        ["--worth", "0.25"],
        [],
    ]


def bowl(params: Mapping[str, Any], seed: int) -> Iterator[tuple[float, dict[str, float]]]:
    for epoch in range(1, 6):
        yield 12.0, {"loss": (params["x"] - 0.3) ** 2 + 1 / epoch}


@pytest.mark.parametrize("sampler", ["gp", "tpe"])
def test_a_search_ends_when_its_model_expects_nothing_more(sampler: str) -> None:
    """Whatever the sampler, the bottom of a smooth bowl is found, and known to be, long before all trials are run."""
    found = automl.simulate(
        bowl, {"x": "0.0..1.0"}, metric="loss", n_trials=200, max_epochs=5, worth=0.1, sampler=sampler, seed=3
    )

    assert found.ended_by is EndedBy.WORTH
    assert 10 <= len(found.trials) < 100
    assert found.best_trial.value == pytest.approx(0.2, abs=0.01)


def test_compute_is_the_same_however_many_workers_use_it() -> None:
    """Twenty minutes of CPUs are twenty trials of a minute, on one worker or four, but for those that are cut."""
    for parallel in (1, 4):
        options: dict[str, Any] = {"budget": "20cpumin", "parallel": parallel, "early_stopping": "none"}
        found = automl.simulate(bowl, {"x": "0.0..1.0"}, metric="loss", n_trials=99, max_epochs=5, **options)

        assert found.ended_by is EndedBy.BUDGET
        assert sum(trial.seconds for trial in found.trials) == pytest.approx(1200, abs=12 * parallel)
        assert found.seconds == pytest.approx(1200 / parallel, abs=12)


@pytest.mark.parametrize("maximize", [False, True])
def test_a_model_beside_the_sampler_knows_what_is_better(maximize: bool) -> None:
    """The mirror image of a bowl ends where the bowl does."""
    sign = -1 if maximize else 1

    def curve(params: Mapping[str, Any], seed: int) -> Iterator[tuple[float, dict[str, float]]]:
        return ((seconds, {"value": sign * values["loss"]}) for seconds, values in bowl(params, seed))

    direction = "maximize" if maximize else "minimize"
    found = automl.simulate(
        curve, {"x": "0.0..1.0"}, direction=direction, n_trials=99, max_epochs=5, worth=0.1, sampler="random", seed=3
    )

    assert found.ended_by is EndedBy.WORTH


def test_what_an_end_cuts_has_no_part_in_patience(tmp_path: Path) -> None:
    """Trials that are still paused when all are asked end with the search; one that is extended runs on."""
    options: dict[str, Any] = {"home": tmp_path, "listeners": ()}

    def objective(trial: automl.Trial) -> None:
        start = trial.restored.step if trial.restored else 0
        for step in range(start + 1, 10):
            with trial.checkpoint(step):
                pass
            trial.report(step, loss=trial.params["x"] + 1 / step)

    how: dict[str, Any] = {"executor": "local", "tracker": "none", "sampler": "random", "early_stopping": "asha"}
    first = automl.search(
        objective, {"x": "0.0..1.0"}, name="s", metric="loss", n_trials=16, max_epochs=9, patience=8, **how, **options
    )
    again = automl.resume("s", objective, n_trials=18, **options)

    assert first.ended_by is EndedBy.TRIALS
    assert [trial.state for trial in first.trials].count(TrialState.PRUNED) > 8
    assert len(again.trials) == 18


def test_a_point_that_somebody_wants_is_tried_whatever_is_expected_of_it(tmp_path: Path) -> None:
    """Also of a search that has ended because nothing is expected; then it ends again."""
    options: dict[str, Any] = {"home": tmp_path, "listeners": ()}
    how: dict[str, Any] = {"executor": "local", "tracker": "none", "sampler": "random", "early_stopping": "none"}

    def objective(trial: automl.Trial) -> float:
        return float(trial.params["x"])

    first = automl.search(
        objective, {"x": "0.0..1.0"}, name="s", direction="minimize", n_trials=40, worth=1e9, **how, **options
    )
    again = automl.resume("s", objective, tries=[{"x": 0.75}], **options)

    assert first.ended_by is again.ended_by is EndedBy.WORTH
    assert [trial.params["x"] for trial in again.trials[len(first.trials) :]] == [0.75]
