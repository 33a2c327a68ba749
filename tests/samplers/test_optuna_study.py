"""Optuna's samplers: what they are shown, what they note down, and those of the user's own, which may end a search."""

from __future__ import annotations

import contextlib
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import TrialState as OptunaState

import automl
from automl import samplers
from automl.cli import main
from automl.errors import ConfigError, SearchAbortedError
from automl.result import SearchResult
from automl.samplers import Note, make
from automl.samplers.optuna_study import OptunaSampler, distributions, history
from automl.trial import Reason, Trial, TrialRecord, TrialState
from search_spaces import SearchSpace

SPACE = SearchSpace(
    {"arch": "mlp|cnn", "lr": "1e-4..1e-1 log", "width": "8..64 log when arch=cnn", "n": "1..4", "fixed": "=3"}
)
SIX = SearchSpace({"a": "x|y", "n": "1..3"})


def record(number: int, state: TrialState, **fields: Any) -> TrialRecord:
    params = {"arch": "mlp", "lr": 0.01, "n": 2, "fixed": 3}
    return TrialRecord(number=number, state=state, params=params, **fields)


def quiet(make_sampler: Callable[[], BaseSampler]) -> BaseSampler:
    """Return an experimental sampler without the warning that it is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return make_sampler()


def test_history_tells_each_state_truly() -> None:
    """Only a COMPLETE trial has a value; stopped and paused ones have their reports and no more."""
    reports = {1: 0.9, 2: 0.8}
    records = [
        record(0, TrialState.COMPLETE, value=0.5, reports=reports),
        record(1, TrialState.PRUNED, reports=reports, reason=Reason.EARLY_STOPPING),
        record(2, TrialState.RUNNING, reports=reports, paused=True),
        record(3, TrialState.RUNNING, reports=reports),
        record(4, TrialState.WAITING),
        record(5, TrialState.FAIL, reason=Reason.NAN),
        record(6, TrialState.FAIL, reason=Reason.GPU_OOM, reports=reports),
    ]

    shown = history(records, distributions(SPACE))

    assert [trial.state for trial in shown] == [
        OptunaState.COMPLETE,
        OptunaState.PRUNED,
        OptunaState.PRUNED,
        OptunaState.RUNNING,
        OptunaState.RUNNING,
        OptunaState.FAIL,
        OptunaState.PRUNED,
    ]
    assert [trial.value for trial in shown] == [0.5, None, None, None, None, None, None]
    assert shown[1].intermediate_values == reports
    assert shown[6].intermediate_values == {}, "params that do not fit into memory are worse than all others"
    assert "fixed" not in shown[0].params
    for trial in shown:
        trial._validate()


@pytest.mark.parametrize("reason", [Reason.OOM, Reason.RAISED])
def test_params_that_do_not_fit_into_memory_are_avoided(reason: Reason) -> None:
    """Of what failed for want of memory the default sampler keeps away; other failures say nothing of the params."""
    space = SearchSpace({"width": "0.0..1.0"})
    records = []
    for number in range(40):
        width = number / 40
        told: dict[str, Any] = {"state": TrialState.COMPLETE, "value": 1 - width}  # the wider the better
        if width > 0.5:
            told = {"state": TrialState.FAIL, "reason": reason}
        records.append(TrialRecord(number=number, params={"width": width}, **told))
    sampler = make("tpe", space=space, direction="minimize", seed=3, records=records)

    proposals = [sampler.propose(number) for number in range(40, 70)]

    too_wide = sum(found.params["width"] > 0.7 for found in proposals if found is not None)
    assert too_wide < 4 if reason is Reason.OOM else too_wide >= 4


def test_a_promoted_trial_is_running_again() -> None:
    """A paused trial that goes on is pending once more, and COMPLETE in the end."""
    sampler = make("tpe", space=SPACE, direction="minimize", seed=1, records=[])
    assert isinstance(sampler, OptunaSampler)
    proposal = sampler.propose(0)
    assert proposal is not None
    seen = []

    for state, fields in (
        (TrialState.RUNNING, {"paused": True}),
        (TrialState.RUNNING, {}),
        (TrialState.COMPLETE, {"value": 1.0}),
    ):
        sampler.observe(TrialRecord(number=0, state=state, params=proposal.params, reports={2: 1.0}, **fields))
        seen.append(sampler._study.trials[0].state)

    assert seen == [OptunaState.PRUNED, OptunaState.RUNNING, OptunaState.COMPLETE]


def test_what_runs_is_what_was_proposed() -> None:
    """Where a new point was drawn because the sampler repeated itself, the sampler is shown that point, pending."""
    space = SearchSpace({"n": "1..3"})
    sampler = make("tpe", space=space, direction="minimize", seed=1, records=[])
    assert isinstance(sampler, OptunaSampler)

    proposed = [sampler.propose(number).params for number in range(3)]  # type: ignore[union-attr]

    assert [trial.params for trial in sampler._study.trials] == proposed
    assert all(trial.system_attrs == {} for trial in sampler._study.trials), "TPE's scratch notes are gone"


def test_an_ordinal_is_a_whole_number_to_the_sampler() -> None:
    """Its choices are proposed and recorded as they are, and modelled as positions, live and after a resume."""
    space = SearchSpace({"batch": "16<32<64<128", "opt": "adam|sgd"})
    live = make("tpe", space=space, direction="minimize", seed=1, records=[])
    assert isinstance(live, OptunaSampler)
    records = []
    for number in range(5):
        proposal = live.propose(number)
        assert proposal is not None
        space.validate(proposal.params)
        records.append(
            TrialRecord(number=number, state=TrialState.COMPLETE, params=proposal.params, value=float(number))
        )
        live.observe(records[-1])

    resumed = make("tpe", space=space, direction="minimize", seed=1, records=records)

    assert isinstance(resumed, OptunaSampler)
    choices = space["batch"].grid(1)
    for sampler in (live, resumed):
        seen = [trial.params["batch"] for trial in sampler._study.trials]
        assert seen == [choices.index(record.params["batch"]) for record in records]
        assert isinstance(sampler._study.trials[0].distributions["batch"], IntDistribution)


def test_a_sampler_of_the_users_own_sees_the_choices_of_an_ordinal() -> None:
    """A grid that was written with them finds them."""
    space = SearchSpace({"batch": "16<32<64"})
    own = OptunaSampler(optuna.samplers.GridSampler({"batch": [64]}), space=space, direction="minimize")

    proposal = own.propose(0)

    assert proposal is not None
    assert proposal.params == {"batch": 64}


class Recorder(optuna.samplers.RandomSampler):
    """Remembers how trials ended, and notes something down about the study and about the next trial."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.ended: list[tuple[int, OptunaState, Sequence[float] | None, OptunaState]] = []

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        attrs = study._storage.get_study_system_attrs(study._study_id)
        study._storage.set_study_system_attr(study._study_id, "trials", attrs.get("trials", 0) + 1)
        study._storage.set_trial_system_attr(trial._trial_id, "mark", trial.number * 10)

    def after_trial(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, state: OptunaState, values: Sequence[float] | None
    ) -> None:
        self.ended.append((trial.number, state, values, trial.state))


def test_a_sampler_hears_how_trials_end() -> None:
    """As in Optuna: the final value, or the last report of a pruned trial, while the trial is still running."""
    recorder = Recorder()
    sampler = make(recorder, space=SPACE, direction="maximize", seed=0, records=[])
    ends: list[tuple[TrialState, dict[str, Any]]] = [
        (TrialState.COMPLETE, {"value": 0.5, "reports": {1: 0.4}}),
        (TrialState.PRUNED, {"reports": {1: 0.4, 2: 0.3}}),
        (TrialState.PRUNED, {"reports": {1: float("nan")}}),
        (TrialState.FAIL, {"reports": {1: 0.4}}),
    ]

    for number, (state, fields) in enumerate(ends):
        proposal = sampler.propose(number)
        assert proposal is not None
        sampler.observe(TrialRecord(number=number, state=state, params=proposal.params, **fields))

    running = OptunaState.RUNNING
    assert recorder.ended == [
        (0, OptunaState.COMPLETE, [0.5], running),
        (1, OptunaState.PRUNED, [0.3], running),
        (2, OptunaState.PRUNED, None, running),
        (3, OptunaState.FAIL, None, running),
    ]


def test_notes_come_back() -> None:
    """What a sampler wrote down about the study and its trials is there when the study is resumed."""
    first = make(Recorder(), space=SPACE, direction="minimize", seed=0, records=[])
    proposals = [first.propose(number) for number in range(3)]
    notes: list[Note] = [note for proposal in proposals if proposal for note in proposal.notes]
    records = [TrialRecord(number=n, state=TrialState.RUNNING, params=p.params) for n, p in enumerate(proposals) if p]

    resumed = make(Recorder(), space=SPACE, direction="minimize", seed=0, records=records, notes=notes)

    assert isinstance(resumed, OptunaSampler)
    assert [trial.system_attrs for trial in resumed._study.trials] == [{"mark": 0}, {"mark": 10}, {"mark": 20}]
    assert resumed._storage.get_study_system_attrs(0) == {"trials": 3}
    assert resumed.propose(3).notes == [(None, "trials", 4), (3, "mark", 30)]  # type: ignore[union-attr]


@pytest.mark.parametrize("prefix", ["cma:", "sepcma:", "cmawm:"])
def test_nothing_is_unpickled(prefix: str) -> None:
    """A pickle in the ledger's notes, where CMA-ES looks for its state, is never read; Optuna by itself would."""
    options: dict[str, Any] = {"use_separable_cma": prefix == "sepcma:", "with_margin": prefix == "cmawm:"}
    space = SearchSpace({"x": "0.0..1.0", "y": "0.0..1.0"})
    done = [record(n, TrialState.COMPLETE, value=1.0) for n in range(2)]
    records = [replace(each, params={"x": 0.1, "y": 0.2 + each.number}) for each in done]
    planted = [[1, f"{prefix}optimizer:0", pickle.dumps(print).hex()]]
    own = quiet(lambda: optuna.samplers.CmaEsSampler(n_startup_trials=1, seed=1, **options))

    with unpickled() as found, contextlib.suppress(SearchAbortedError):  # the package cmaes may not be installed
        resumed = make(own, space=space, direction="minimize", seed=0, records=records, notes=planted)
        resumed.propose(2)
    assert isinstance(resumed, OptunaSampler)
    resumed._storage.get_trial(1).system_attrs[planted[0][1]] = planted[0][2]
    with unpickled() as by_optuna, contextlib.suppress(SearchAbortedError):
        resumed.propose(3)

    assert found == []
    assert by_optuna == ["builtins.print"]


def test_pickles_of_a_sampler_are_no_notes() -> None:
    """What CMA-ES would unpickle is not written down in the first place, while its generations are."""
    sampler = make(Recorder(), space=SPACE, direction="minimize", seed=0, records=[])
    assert isinstance(sampler, OptunaSampler)
    sampler.propose(0)

    for key in ("cma:optimizer:0", "cma:generation"):
        sampler._storage.set_trial_system_attr(0, key, "8005")

    assert sampler._storage.take_notes() == [(0, "cma:generation", "8005")]
    assert sampler._storage.get_trial(0).system_attrs["cma:optimizer:0"] == "8005", "this process goes on with it"


_unpickled: list[list[str]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class":
        _unpickled[-1].append(".".join(arguments))


@contextlib.contextmanager
def unpickled() -> Iterator[list[str]]:
    """Yield a list of what pickles of the block refer to; a hook of Python's, once added, stays."""
    if not _unpickled:
        sys.addaudithook(_audit)
        _unpickled.append([])
    _unpickled.append([])
    try:
        yield _unpickled[-1]
    finally:
        _unpickled.pop()


def search(sampler: BaseSampler, space: SearchSpace = SIX, **options: Any) -> SearchResult:
    """Run a study of the user's own sampler in this process."""
    settings: dict[str, Any] = {
        "n_trials": 20,
        "executor": "local",
        "tracker": "none",
        "seed": 1,
        "direction": "minimize",
    }
    return automl.search(objective, space, sampler=sampler, listeners=(), **(settings | options))


def objective(trial: Trial) -> float:
    return sum(value for value in trial.params.values() if isinstance(value, (int, float)))


GRID: dict[str, list[Any]] = {"a": ["x", "y"], "n": [1, 2, 3]}
EXHAUSTIVE: list[Callable[[], BaseSampler]] = [
    lambda: optuna.samplers.GridSampler(GRID, seed=1),
    lambda: quiet(lambda: optuna.samplers.BruteForceSampler(seed=1)),
]


@pytest.mark.parametrize("own", EXHAUSTIVE, ids=["grid", "brute force"])
def test_a_sampler_that_stops_ends_the_study(own: Callable[[], BaseSampler]) -> None:
    """`study.stop()` from within a sampler finishes the study: all six points, once each, across a resume."""
    first = search(own(), n_trials=4)

    whole = automl.resume(first.name, objective, sampler=own(), listeners=(), n_trials=20)
    again = automl.resume(first.name, objective, sampler=own(), listeners=(), n_trials=30)

    assert (first.state, len(first.trials)) == ("finished", 4)
    assert (whole.state, len(whole.trials)) == ("finished", 6)
    assert len({str(trial.params) for trial in whole.trials}) == 6
    assert len(again.trials) == 6, "a sampler that has come to its end knows it when it is resumed"


OTHERS: dict[str, Callable[[], BaseSampler]] = {
    "nsga3": lambda: quiet(lambda: optuna.samplers.NSGAIIISampler(seed=1, population_size=4)),
    "qmc": lambda: quiet(lambda: optuna.samplers.QMCSampler(seed=1, scramble=True, warn_independent_sampling=False)),
    "partial": lambda: quiet(
        lambda: optuna.samplers.PartialFixedSampler({"n": 2}, optuna.samplers.TPESampler(seed=1, n_startup_trials=3))
    ),
    "random": lambda: optuna.samplers.RandomSampler(seed=1),
}


@pytest.mark.parametrize("own", OTHERS.values(), ids=OTHERS.keys())
def test_any_optuna_sampler_goes_on(own: Callable[[], BaseSampler]) -> None:
    """Made anew with the same seed when the study is resumed, it does not repeat what it drew before."""
    space = SearchSpace({"x": "0.0..1.0", "y": "0.0..1.0", "n": "1..3"})
    first = search(own(), space, n_trials=9)

    result = automl.resume(first.name, objective, sampler=own(), listeners=(), n_trials=16)

    assert [trial.state for trial in result.trials] == [TrialState.COMPLETE] * 16
    drawn = [trial.params for trial in result.trials]
    assert drawn[9:13] != drawn[:4]


def test_optunas_sequence_continues() -> None:
    """The position in a sequence is a note about the study, so Optuna's own QMC sampler, too, goes on where it was."""
    space = SearchSpace({"x": "0.0..1.0"})
    first = search(OTHERS["qmc"](), space, n_trials=9)

    result = automl.resume(first.name, objective, sampler=OTHERS["qmc"](), listeners=(), n_trials=17)

    drawn = [trial.params["x"] for trial in result.trials[1:]]  # its first trial is a random one
    assert sorted(int(x * 16) for x in drawn) == list(range(16))


def test_a_study_names_a_sampler_that_only_python_has(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the sampler it was made with a study is not resumed by another one in silence."""
    result = search(OTHERS["random"](), n_trials=2)

    with pytest.raises(ConfigError, match="the sampler RandomSampler is an object"):
        automl.resume(result.name, objective, listeners=(), n_trials=4)
    code = main(["search", "digits", "--sampler", "own:RandomSampler", "--name", "other"])

    assert code == 2
    assert "the sampler RandomSampler is an object that only Python can hand over" in capsys.readouterr().err
    assert main(["show", "other"]) == 2, "nothing was created"


class Fails(optuna.samplers.RandomSampler):
    """Breaks at its fourth trial."""

    def sample_independent(self, study: optuna.Study, trial: optuna.trial.FrozenTrial, *args: Any) -> Any:
        if trial.number == 3:
            raise ZeroDivisionError("no such luck")
        return super().sample_independent(study, trial, *args)


def test_a_sampler_that_breaks_ends_the_search_and_can_be_replaced() -> None:
    """The message names the sampler and its error; the trials are kept, and another sampler goes on."""
    with pytest.raises(SearchAbortedError, match="the sampler Fails failed with ZeroDivisionError: no such luck"):
        search(Fails(seed=1), name="broken")

    result = automl.resume("broken", objective, sampler=OTHERS["random"](), listeners=(), n_trials=5)

    assert [trial.state for trial in result.trials] == [TrialState.COMPLETE] * 5


def test_what_cannot_be_copied_is_not_tried_out() -> None:
    """A sampler that holds a lock or a connection makes its first proposal in the study itself."""

    class Held(optuna.samplers.RandomSampler):
        def __deepcopy__(self, memo: object) -> Held:
            raise TypeError("cannot be copied")

    samplers.check(Held(), SIX)
