"""The benchmarks of searches are sound: clocks, tasks, statistics, and rows that are kept as long as they hold."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy import stats

from search_spaces import SearchSpace
from tests.benchmarks.peers.clock import Params, Seen, Values, play
from tests.benchmarks.peers.searchers import Asha, Encoded, RaySearcher
from tests.benchmarks.quality import runs, statistics
from tests.benchmarks.quality.claims import SAME, Side, compare, count_of_tasks, sooner
from tests.benchmarks.quality.figures import FIGURES, REPORT, TUNE, Half
from tests.benchmarks.quality.methods import METHODS, meaning
from tests.benchmarks.quality.rows import Cell, Row, Rows
from tests.benchmarks.quality.runs import regrets
from tests.benchmarks.quality.tasks import Joined, LCBench, Step, named, related_to

TASKS = sorted({cell.task for half in (TUNE, REPORT) for figure in FIGURES.values() for cell in figure.cells(half)})


class Squares:
    """Trials that take a second, and two, and three, ... for each of two steps."""

    n_steps = 2

    def curve(self, params: Params, seed: int) -> Sequence[Step]:
        return [(params["x"], {"loss": 10.0 + params["x"]}), (params["x"], {"loss": float(params["x"])})]

    def regret(self, params: Params) -> float:
        return float(params["x"])


class Counting:
    """Asks for 1, 2, 3, ... and stops the trials named."""

    def __init__(self, *stopped: int) -> None:
        self.ends: list[tuple[int, int, bool]] = []
        self._stopped = stopped

    def ask(self, number: int) -> Params:
        return {"x": number + 1}

    def report(self, number: int, step: int, values: Values) -> bool:
        return number not in self._stopped

    def end(self, number: int, step: int, values: Values, *, is_full: bool) -> None:
        self.ends.append((number, step, is_full))


def test_workers_ask_when_they_are_free() -> None:
    """Two workers: trial 1 is stopped at its first step, so that trial 2 begins then; nothing is seen after the end."""
    peer = Counting(1)

    seen = list(play(peer, Squares(), workers=2, seconds=9))

    assert [(each.time, each.trial, each.step) for each in seen] == [
        *((1, 0, 1), (2, 0, 2), (2, 1, 1)),  # trial 0 is through at 2, trial 1 stopped
        *((5, 2, 1), (6, 3, 1), (8, 2, 2)),  # which leaves place for trials 2 and 3, begun at 2
    ]
    assert peer.ends == [(0, 2, True), (1, 1, False), (2, 2, True)]


def test_a_budget_of_trials_is_used_up() -> None:
    """Without an end in time, all trials that were asked for are seen."""
    seen = list(play(Counting(), Squares(), workers=3, trials=5))

    assert sorted({each.trial for each in seen}) == [0, 1, 2, 3, 4]
    assert len(seen) == 10


def test_the_best_so_far_is_among_those_that_got_furthest() -> None:
    """A value at the first step, however good, gives way to any at the second."""
    reports = [(1, 0, 1, 0.1), (2, 1, 1, 0.05), (3, 2, 2, 0.9), (4, 3, 1, 0.0), (5, 4, 2, 0.5)]
    seen = [Seen(time, trial, step, {"loss": loss}, {"x": trial}) for time, trial, step, loss in reports]

    assert list(regrets(Squares(), seen)) == [(1, 0.0), (2, 1.0), (3, 2.0), (5, 4.0)]  # type: ignore[arg-type]


def test_values_are_read_at_marks() -> None:
    """Each mark has the last value before it, and what stands for nothing before the first."""
    assert runs.at([1, 2, 3, 4], [(1.5, 7.0), (2.5, 5.0), (3.0, 4.0)], before=9.0) == [9.0, 7.0, 4.0, 4.0]


def test_ray_is_told_that_stopped_trials_are_complete() -> None:
    """As OptunaSearch does it: a trial worse than the one before it is stopped, and counts with its last value."""
    space = SearchSpace({"x": "0.0..1.0"})
    peer = RaySearcher(space, 0, Asha(steps=4, eta=4, first=1))

    asked = [peer.ask(number) for number in (0, 1)]
    goes_on = [peer.report(number, 1, {"loss": loss}) for number, loss in ((0, 0.2), (1, 0.7))]
    peer.end(1, 1, {"loss": 0.7}, is_full=False)

    space.validate(asked[0])
    assert goes_on == [True, False]
    told = peer._search._ot_study.trials[1]
    assert (told.state.name, told.value, told.params) == ("COMPLETE", 0.7, asked[1])


def test_ordinals_are_asked_for_by_index() -> None:
    """Optuna has no ordered choices."""
    encoded = Encoded(SearchSpace({"width": "16<32<64", "act": "relu|tanh"}))

    assert str(encoded.space["width"]) == str(SearchSpace({"n": "0..2"})["n"])
    assert encoded.decoded({"width": 2, "act": "tanh"}) == {"width": 64, "act": "tanh"}


@pytest.mark.parametrize("name", TASKS)
def test_nothing_is_better_than_the_best_known(name: str) -> None:
    """Of every task: points of its space have curves, whose regret is never below 0."""
    task, rng = named(name), random.Random(1)
    points = [task.space.sample(rng) for _ in range(20)]

    curves = [list(task.curve(params, seed=1)) for params in points]

    assert {len(curve) for curve in curves} == {task.n_steps}
    assert all(seconds >= 0 for curve in curves for seconds, _ in curve)
    assert min(map(task.regret, points)) >= 0
    assert max(map(task.regret, points)) > 0.5


def test_the_last_step_is_the_true_loss() -> None:
    """Where nothing is noisy, what a full training reports is what it is judged by; seconds add up."""
    rng = random.Random(2)
    for task in (LCBench("3945"), Joined("3945", "34539"), named("lcbench/3945 reversed")):
        params = task.space.sample(rng)

        curve = list(task.curve(params, seed=0))

        assert curve[-1][1]["loss"] == pytest.approx(task.true_loss(params), rel=1e-4)
        assert curve[-1][1]["seconds"] == pytest.approx(sum(seconds for seconds, _ in curve))


def test_reversed_ranks_are_the_opposite_until_late() -> None:
    """Two points whose order is clear have the other order at epoch 13, and their own from 14 on."""
    plain, reversed_ = LCBench("167168"), named("lcbench/167168 reversed")
    rng = random.Random(3)
    pair = [plain.space.sample(rng) for _ in range(2)]

    def is_first_better(task: object, epoch: int) -> bool:
        losses = [list(task.curve(params, seed=0))[epoch - 1][1]["loss"] for params in pair]  # type: ignore[attr-defined]
        return bool(losses[0] < losses[1])

    assert is_first_better(plain, 13) != is_first_better(reversed_, 13)
    assert is_first_better(plain, 14) == is_first_better(reversed_, 14)


def test_paired_intervals_are_those_of_scipy() -> None:
    """Mean and interval of differences agree with a paired t test's."""
    rng = random.Random(4)
    ours, theirs = ([rng.gauss(middle, 1.0) for _ in range(12)] for middle in (0.0, 0.4))

    found = statistics.paired(ours, theirs)

    test = stats.ttest_rel(ours, theirs)
    assert found.mean == pytest.approx(sum(ours) / 12 - sum(theirs) / 12)
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval(0.95)))


def test_area_of_two_objectives() -> None:
    """A staircase: points that others dominate, or that lie beyond the worst, add nothing."""
    points = [(1.0, 3.0), (2.0, 1.0), (2.0, 2.0), (0.5, 5.0), (9.0, 0.0)]

    assert statistics.area(points, worst=(4.0, 4.0)) == (4 - 1) * (4 - 3) + (4 - 2) * (3 - 1)


def _row(cell: Cell, *, version: str = "1", value: float = 0.5) -> Row:
    return {**dataclasses.asdict(cell), "version": version, "regret": [value] * 100}


def _cells(method: str) -> list[Cell]:
    return [Cell("t", method, seed, 4, 25.0, "trainings") for seed in range(3)]


def test_rows_count_until_their_version_changes(tmp_path: Path) -> None:
    """A row is on disk at once; of another version it is missing; without the package whatever there is counts."""
    version: list[str | None] = ["1"]
    first, *_ = cells = _cells("tpe")
    rows = Rows(tmp_path, version_of=lambda method: version[0])

    rows.add(_row(first))
    again = Rows(tmp_path, version_of=lambda method: version[0])

    assert again.missing([*cells, first]) == cells[1:]
    version[0] = "2"
    assert again.missing(cells) == cells
    assert first in again
    version[0] = None
    assert again.missing(cells) == cells[1:]


def test_a_killed_run_loses_no_row(tmp_path: Path) -> None:
    """A line that was cut is left out and does not spoil the next; a row made again takes the old one's place."""
    first, second, third = _cells("tpe")
    rows = Rows(tmp_path, version_of=lambda method: "1")
    rows.add(_row(first))
    rows.add(_row(second))
    file = tmp_path / "tpe.jsonl"
    file.write_text(file.read_text()[:-20])

    again = Rows(tmp_path, version_of=lambda method: "1")
    again.compact()
    again.add(_row(third))
    again.add(_row(first, value=0.25))
    again.compact()

    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["seed"], row["regret"][0]) for row in kept] == [(0, 0.25), (2, 0.5)]
    assert Rows(tmp_path, version_of=lambda method: "1").missing([first, second, third]) == [second]


def _side(method: str, *, value: str = "regret", budget: float = 25.0) -> Side:
    return Side(method, tasks=["t"], seeds=range(3), workers=4, budget=budget, unit="trainings", value=value)


def test_claims_are_met_by_the_whole_interval(tmp_path: Path) -> None:
    """Clearly below, below on average, not above though nothing is sure, and clearly above."""
    rows = Rows(tmp_path, version_of=lambda method: "1")
    for method, values in {"a": (0.1, 0.2, 0.3), "b": (0.5, 0.6, 0.71), "c": (0.4, 0.2, 0.2)}.items():
        for cell, value in zip(_cells(method), values, strict=True):
            rows.add(_row(cell, value=value))

    def met(ours: str, theirs: str, kind: str, factor: float = 1.0) -> str:
        return compare(rows, _side(ours), _side(theirs), at=6.25, factor=factor, kind=kind).met

    assert met("a", "b", "below") == "yes"
    assert met("a", "c", "below") == "on average"
    assert met("c", "a", "not above") == SAME
    assert met("a", "b", "not above") == "yes"
    assert met("b", "a", "not above") == "**no**"
    assert met("a", "b", "below", factor=0.1) == "**no**"
    assert met("a", "nobody", "below") == "not run"


def test_how_much_sooner_and_on_how_many_tasks(tmp_path: Path) -> None:
    """The share of the peer's time until its final value, and the tasks on which a larger value is ours."""
    rows = Rows(tmp_path, version_of=lambda method: "1")
    falling = [1 - mark / 100 for mark in range(1, 101)]
    for cell in (*_cells("a"), *_cells("b")):
        is_ours = cell.method == "a"
        curve = [value**4 for value in falling] if is_ours else [0.5 + value / 2 for value in falling]
        rows.add({**_row(cell), "regret": curve, "volume": curve[::-1]})

    found = sooner(rows, _side("a"), _side("b"), at_most=1 / 6)

    assert (found.ours, found.runs, found.met) == ("0.160", 3, "yes")  # 0.84^4 < 0.5 <= 0.85^4
    line = count_of_tasks(rows, _side("b", value="volume"), _side("a", value="volume"), at=12.5, at_least=1.0)
    assert (line.claim, line.met) == ("larger on 1 of 1", "yes")


def test_a_hash_of_what_a_program_does() -> None:
    """Comments, docstrings and line breaks do not count; a number does."""
    source = 'def f(x):\n    """Double."""\n    return 2 * x  # twice\n'

    assert meaning(source) == meaning("def f(x):\n    return (2\n            * x)\n")
    assert meaning(source) != meaning(source.replace("2 *", "3 *"))


def test_what_is_reported_was_not_looked_at() -> None:
    """The two halves share no task and no seed; every cell of every figure is a method and a task that exist."""

    def of(half: Half) -> tuple[set[str], set[int]]:
        cells = [cell for figure in FIGURES.values() for cell in figure.cells(half)]
        assert {cell.method for cell in cells} <= METHODS.keys()
        return {cell.task for cell in cells}, {cell.seed for cell in cells}

    (tuned, tuning_seeds), (reported, seeds) = of(TUNE), of(REPORT)

    assert not tuned & reported
    assert not tuning_seeds & seeds
    assert not {part for task in tuned for part in task.split("/")[1].split("+")} & {
        part for task in reported for part in task.split("/")[1].split("+")
    }
    assert {*REPORT.unseen} < {*REPORT.lcbench}
    assert {related_to(task) for task in TUNE.lcbench} == {*TUNE.lcbench}
    assert {related_to(task) for task in REPORT.lcbench} == {*REPORT.lcbench}
