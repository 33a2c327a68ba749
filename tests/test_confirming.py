"""Confirming the best trials: which run again, what their runs say, and that a kill in the middle loses nothing."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import scipy.stats

import automl
from automl.config import StudyConfig
from automl.confirming import Confirmation, Confirmed, can_tell
from automl.enough import EndedBy
from automl.home import Home
from automl.preference import Preference
from automl.replay import replay
from automl.report import page, summary
from automl.study import Study
from automl.trial import Trial, TrialRecord, TrialState
from search_spaces import SearchSpace
from tests.test_study import Bench, complete, report, take

BOTH = Confirmation(k=2, seeds=3, preference=Preference.of("loss", "minimize"))


def ended(number: int, value: float | None, *, confirms: int | None = None) -> TrialRecord:
    state = TrialState.FAIL if value is None else TrialState.COMPLETE
    return TrialRecord(number=number, state=state, params={}, value=value, confirms=confirms)


def confirmed(*runs: Iterable[float | None], of: Iterable[float]) -> list[TrialRecord]:
    """Return trials with the values `of`, of which the first ones were run again."""
    searched = [ended(number, value) for number, value in enumerate(of)]
    again = [(number, value) for number, values in enumerate(runs) for value in values]
    return searched + [ended(n, value, confirms=of) for n, (of, value) in enumerate(again, len(searched))]


def test_the_best_run_again_one_seed_after_the_other() -> None:
    """What is cut off in the middle has said something of each; runs that are there are not asked for again."""
    searched = confirmed(of=[0.3, 0.1, 0.2])
    begun = [*searched, ended(3, 0.5, confirms=1), ended(4, 0.5, confirms=2), ended(5, None, confirms=1)]

    assert BOTH.outstanding(searched) == [1, 2, 1, 2, 1, 2]
    assert BOTH.outstanding(begun) == [2, 1, 2]
    assert BOTH.judged(begun) == []
    assert BOTH.winner(begun) == 1
    assert Confirmation(k=0, seeds=3, preference=Preference.of("loss", "minimize")).outstanding(searched) == []


def test_the_winner_is_chosen_by_the_mean_of_its_other_runs() -> None:
    """The value for which a trial was chosen is left out, or luck would win."""
    records = confirmed([0.5, 0.5, 0.5], [0.2, 0.2, 0.3], of=[0.0, 0.1, 0.9])

    first, second = BOTH.judged(records)

    assert (first.number, first.value, first.runs) == (1, 0.1, (0.2, 0.2, 0.3))
    assert first.mean == pytest.approx(0.7 / 3)
    assert not second.is_tied
    assert BOTH.winner(records) == 1


@pytest.mark.parametrize("maximize", [False, True])
def test_ties_are_those_that_nothing_tells_from_the_first(maximize: bool) -> None:
    """Contiguous from the top; what failed every time is last and tied with nobody."""
    sign = -1 if maximize else 1
    runs: list[list[float | None]] = [[0.1, 0.2, 0.3], [0.15, 0.25, 0.35], [5.0, 5.1, 5.2], [None] * 3]
    signed = [[None if value is None else value * sign for value in each] for each in runs]
    records = confirmed(*signed, of=[sign * value for value in (0.0, 0.1, 0.2, 0.3)])

    found = Confirmation(k=4, seeds=3, preference=Preference.of("loss", "maximize" if maximize else "minimize")).judged(
        records
    )

    assert [(each.number, each.is_tied, each.failed) for each in found] == [
        (0, True, 0),
        (1, True, 0),
        (2, False, 0),
        (3, False, 3),
    ]


def test_intervals_and_tests_are_those_of_scipy() -> None:
    """Student's interval of the mean, and Welch's test, on samples of all sizes."""
    rng = random.Random(0)
    for _ in range(50):
        one = [rng.gauss(0, 1) for _ in range(rng.randint(2, 6))]
        other = [rng.gauss(2, 3) for _ in range(rng.randint(2, 6))]
        found = Confirmed(number=0, value=0.0, runs=tuple(one))

        spread = statistics.stdev(one) / len(one) ** 0.5
        expected = scipy.stats.t.interval(0.95, len(one) - 1, loc=statistics.fmean(one), scale=spread)
        assert found.interval == pytest.approx(expected)
        assert can_tell(one, other) is bool(scipy.stats.ttest_ind(one, other, equal_var=False).pvalue < 0.05)


def test_what_has_no_spread_is_told_apart_by_any_difference() -> None:
    """An objective without chance gives the same value each time; a single run tells nothing."""
    assert can_tell([0.1, 0.1], [0.2, 0.2])
    assert not can_tell([0.1, 0.1], [0.1, 0.1])
    assert not can_tell([0.1], [0.2, 0.2])
    assert Confirmed(number=0, value=0.0, runs=(0.1,)).interval is None


def search(bench: Bench, losses: Iterable[float], **changes: Any) -> Study:
    """Return a study whose trials have ended with these losses."""
    study = bench.open(**changes)
    for loss in losses:
        study.end(take(study), complete(loss))
    assert study.next_attempt() is None
    return study


def test_a_kill_while_confirming_loses_nothing(tmp_path: Path, storage_url: str) -> None:
    """What ran goes on as the next attempt, what has ended is not run again, and nothing counts as a trial."""
    bench = Bench(tmp_path / "s", storage_url, n_trials=3, confirm=2, confirm_seeds=2, early_stopping="asha")
    study = search(bench, [0.3, 0.1, 0.2])
    assert study.confirm()
    first, cut = take(study), take(study)
    assert [study.records[each.trial].confirms for each in (first, cut)] == [1, 2]
    study.end(first, complete(0.4))
    study.report(cut, [report(1, 0.9)])
    bench.clock.now += 1
    study.tick()

    again = bench.open()
    assert again.next_attempt() is None, "the search is through"
    assert again.confirm()
    attempts = []
    while attempt := again.next_attempt(wait=True):
        attempts.append((attempt.trial, attempt.number, again.records[attempt.trial].confirms))
        again.end(attempt, complete(0.5 if again.records[attempt.trial].confirms == 1 else 0.2))
    assert again.close()

    assert attempts == [(4, 2, 2), (5, 1, 1), (6, 1, 2)]
    with bench.read() as reader:
        assert sum(reader.counts().values()) == 3
        assert reader.confirmations() == {3: 1, 4: 2, 5: 1, 6: 2}
        assert [number for number, *_ in reader.ranking()] == [1, 2, 0]
        assert [row["number"] for row in summary.top(reader)] == [2, 1, 0]
        assert (summary.best(reader) or {})["number"] == 2
        assert summary.ended_by(reader) is EndedBy.TRIALS
    seeds = [record.seed for record in again.records.values()]
    assert len({*seeds}) == len(seeds)


def test_trials_that_confirm_teach_nobody(tmp_path: Path, storage_url: str) -> None:
    """Sampler, early stopping, patience and budget go on as if they had not been."""
    bench = Bench(tmp_path / "s", storage_url, n_trials=3, patience=3, budget="100cpumin", early_stopping="none")
    search(bench, [0.3, 0.1, 0.2]).close()
    plain = bench.open(n_trials=5)
    expected = take(plain).params
    used = plain._running.usage.compute("cpus", now=bench.clock.now)
    bench = Bench(tmp_path / "t", f"sqlite:///{tmp_path}/t.db", n_trials=3, patience=3, budget="100cpumin", confirm=2)
    study = search(bench, [0.3, 0.1, 0.2])
    study.confirm()
    while attempt := study.next_attempt(wait=True):
        bench.clock.now += 60
        study.end(attempt, complete(0.9))
    study.close()

    more = bench.open(n_trials=5)

    assert not more.is_finishing
    attempt = take(more)
    assert attempt.trial == 9
    with bench.read() as reader:
        replayed = replay(reader)
        assert (replayed.proposals, replayed.unrecorded, replayed.difference) == (4, 0, None)
    assert attempt.params.keys() == expected.keys()
    assert more._running.usage.compute("cpus", now=bench.clock.now) == used


def test_time_that_is_up_ends_the_search_but_not_what_confirms_it(tmp_path: Path, storage_url: str) -> None:
    """What ran is PRUNED first; its reason stays why the search has ended, also when another driver goes on."""
    bench = Bench(tmp_path / "s", storage_url, timeout=60.0, confirm=1, confirm_seeds=2)
    study = bench.open()
    study.end(take(study), complete(0.5))
    running = take(study)
    bench.clock.now += 60
    assert study.should_stop

    assert study.confirm()

    assert not study.should_stop
    assert study.records[running.trial].state is TrialState.PRUNED
    study.end(take(study), complete(0.6))
    bench.clock.now += 100
    assert not study.close(), "a run is missing: it is interrupted"
    again = bench.open()
    assert again.confirm()
    study = again
    study.end(take(study), complete(0.7))
    assert study.next_attempt() is None
    assert study.close()
    assert bench.events[-1]["ended_by"] == "timeout"
    assert bench.open(timeout=61.0).should_stop is False, "the time of confirming is not that of the search"


def test_a_kill_while_confirming_leaves_the_time_of_the_search_as_it_was(tmp_path: Path, storage_url: str) -> None:
    """Neither is any of it searched again, nor is the time of confirming added to it."""
    bench = Bench(tmp_path / "s", storage_url, timeout=60.0, confirm=1, confirm_seeds=2)
    study = bench.open()
    study.end(take(study), complete(0.5))
    bench.clock.now += 60
    assert study.confirm()
    take(study)
    bench.clock.now += 100
    study.tick()

    again = bench.open(died=True)

    assert again._ledger.used_seconds == 60.0
    assert again.should_stop
    assert again.confirm()


def test_a_confirmed_search_from_end_to_end(tmp_path: Path) -> None:
    """From Python: a finished study confirms when asked later, once, and what it found goes to its tracker."""

    def objective(trial: Trial) -> float:
        return trial.params["x"] + random.Random(trial.seed).gauss(0, 0.5)

    options: dict[str, Any] = {"home": tmp_path, "listeners": (), "executor": "local", "tracker": "none"}
    plain = automl.search(objective, {"x": "0.0..1.0"}, direction="minimize", name="s", n_trials=5, seed=1, **options)
    found = automl.resume("s", objective, home=tmp_path, listeners=(), confirm=2)
    same = automl.resume("s", objective, home=tmp_path, listeners=())

    assert plain.confirmed == ()
    assert found.best_trial.number == found.confirmed[0].number == same.best_trial.number
    assert len(found.trials) == len(same.trials) == 5 + 6
    first = found.confirmed[0]
    low, high = first.interval or (0.0, 0.0)
    with Home(tmp_path).read("s") as reader:
        points = {point.name: point.value for point in page.confirmed_points(reader, reader.study())[:3]}
        assert f"Trial {first.number} was confirmed by 3 runs" in page.description(reader, reader.study())
    assert points == {"confirmed/value": first.mean, "confirmed/value/low": low, "confirmed/value/high": high}


def test_a_study_of_an_older_version_asks_for_nothing_to_be_confirmed() -> None:
    """Its settings lack the options, which then have their defaults."""
    space = SearchSpace({"x": "0..1"})
    config = StudyConfig(target="t", space=space, metrics=("m",), directions=("minimize",))
    row = {name: value for name, value in config.to_dict().items() if not name.startswith("confirm")}

    assert Confirmation.of(StudyConfig.from_dict(row)).k == 0


def test_a_simulated_search_is_confirmed_after_its_time() -> None:
    """On a simulated clock too: what time cuts is PRUNED, the best run again, and nothing of it counts as search."""

    def curve(params: Mapping[str, Any], seed: int) -> Iterator[tuple[float, dict[str, float]]]:
        for _ in range(3):
            yield 1.0 + params["x"], {"loss": params["x"] + random.Random(seed).gauss(0, 0.2)}

    found = automl.simulate(
        curve, {"x": "0.0..1.0"}, metric="loss", n_trials=400, max_epochs=3, parallel=4, timeout=50.0, confirm=3, seed=2
    )

    searched = [trial for trial in found.trials if trial.confirms is None]
    assert found.ended_by is EndedBy.TIMEOUT
    assert len(found.trials) - len(searched) == 9
    assert all(trial.state.is_finished for trial in found.trials)
    assert found.seconds > 50.0
    assert max(each.time for each in found.incumbents) <= 50.0
    assert found.to_pandas()["confirms"].notna().sum() == 9
    assert found.best_trial.number == found.confirmed[0].number
    assert {trial.state for trial in found.trials if trial.confirms is not None} == {TrialState.COMPLETE}
