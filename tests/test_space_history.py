"""A study whose search space changes: what its trials are to the sampler, and what the ledger tells of it."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

import automl
from automl.attempt import Attempt, Ending
from automl.config import StudyConfig
from automl.doctor import audit
from automl.errors import ConfigError
from automl.home import Home
from automl.ledger.writer import create_study
from automl.report import page, summary
from automl.result import SearchResult
from automl.samplers import make
from automl.samplers.optuna_study import OptunaSampler
from automl.space_history import SpaceChange, SpaceHistory
from automl.stopping import Verdict
from automl.study import Study
from automl.trial import AttemptState, Report, Trial, TrialRecord, TrialState
from search_spaces import SearchSpace

OLD = SearchSpace({"x": "0.0..1.0", "opt": "adam|sgd"})
WIDER = SearchSpace({"x": "0.0..4.0", "opt": "adam|sgd|rms"})
NARROW = SearchSpace({"x": "0.5..4.0", "opt": "adam|sgd|rms"})


def objective(trial: Trial) -> dict[str, float]:
    return {"loss": (trial.params["x"] - 3) ** 2 + {"adam": 0.5, "sgd": 1.0, "rms": 0.0}[trial.params["opt"]]}


@pytest.fixture
def storage(storage_url: str) -> str | None:
    """Return where the ledger is to be: a database, or a file in the study's folder."""
    return storage_url if storage_url.startswith("postgresql") else None


@pytest.fixture
def search(tmp_path: Path, storage: str | None) -> Callable[..., SearchResult]:
    """Return a function that searches the space `OLD` for 20 trials; their ledger is in `storage`."""

    def search(**options: Any) -> SearchResult:
        about = {"name": "s", "n_trials": 20, "executor": "local", "tracker": "none", "early_stopping": "none"}
        about |= {"metric": "loss", "seed": 3, "home": tmp_path, "storage": storage, "listeners": ()}
        return automl.search(objective, OLD, **{**about, **options})

    return search


def resume(home: Path, url: str | None, **options: Any) -> SearchResult:
    return automl.resume("s", objective, home=home, storage=url, **{"listeners": (), **options})


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_a_study_goes_on_in_a_wider_space(
    search: Callable[..., SearchResult], tmp_path: Path, storage: str | None, executor: str, request: Any
) -> None:
    """A wider range and one more choice: the sampler knows the 20 trials, and doctor finds nothing wrong."""
    if executor == "ray":
        request.getfixturevalue("ray_cluster")
    before = search(executor=executor)
    events: list[Any] = []

    after = resume(tmp_path, storage, space=WIDER, n_trials=32, listeners=[events.append])

    (changed,) = [event for event in events if event["event"] == "space-changed"]
    assert (changed["trials"], changed["told"], changed["lost"]) == (20, 20, [])
    assert [trial.params for trial in after.trials[:20]] == [trial.params for trial in before.trials]
    later = [trial.params for trial in after.trials[20:]]
    assert len(later) == 12
    assert max(params["x"] for params in later) > 1
    assert audit(Home.find(tmp_path, storage), "s").problems == ()
    with Home.find(tmp_path, storage).read("s") as reader:
        assert SearchSpace.from_dict(reader.study().config["space"]) == WIDER
        (told,) = summary.space_changes(reader)
        assert [change["name"] for change in told["changes"]] == ["x", "opt"]
        assert "was changed before trial 20: `x`, `opt`." in page.description(reader, reader.study())


def test_what_no_longer_fits_is_lost_to_the_sampler_alone(
    search: Callable[..., SearchResult], tmp_path: Path, storage: str | None
) -> None:
    """It is named before anything is written; then the trials stand in the ledger, with a note of doctor's."""
    before = search()
    inside = sum(trial.params["x"] >= 0.5 for trial in before.trials)
    home = Home.find(tmp_path, storage)

    with pytest.raises(ConfigError) as refused:
        resume(tmp_path, storage, space=NARROW, n_trials=22)
    with home.read("s") as reader:
        assert (reader.study().config["n_trials"], reader.events(kind="space-changed")) == (20, [])
    after = resume(tmp_path, storage, space=NARROW, n_trials=22, lose_trials=True)

    assert refused.value.problems[0] == "x: 0.0..1 -> 0.5..4"
    assert f"{inside} of 20 trials go on informing the sampler" in refused.value.problems[-1]
    assert 0 < inside < 20
    assert len(after.trials) == 22
    found = audit(home, "s")
    assert found.problems == ()
    assert f"{20 - inside} trials" in found.notes[0]
    with home.read("s") as reader:
        spaces = SpaceHistory.read(reader)
        assert sum(bool(spaces.shown(record).params) for record in reader.records()) == inside + 2
        back = SpaceChange.look(reader, WIDER)
    assert back is not None
    assert back.lost == {}, "a space that has their values again makes them points again"


def test_the_ledger_says_in_which_space_each_trial_was_asked(
    search: Callable[..., SearchResult], tmp_path: Path, storage: str | None
) -> None:
    """After two changes each trial is judged by its own space, and is shown as a point of the last one."""
    search(n_trials=3)
    resume(tmp_path, storage, space={"x": "0.0..4.0"}, n_trials=5)
    resume(tmp_path, storage, space={"x": "0.0..9.0", "fixed": "=1"}, n_trials=6)

    with Home.find(tmp_path, storage).read("s") as reader:
        spaces, records = SpaceHistory.read(reader), reader.records()

    assert [list(spaces.of(record.number)) for record in records] == [["x", "opt"]] * 3 + [["x"]] * 2 + [["x", "fixed"]]
    assert [list(spaces.shown(record).params) for record in records] == [["x", "fixed"]] * 6
    assert spaces.n_older == 5


def test_a_space_that_stays_is_no_change(
    search: Callable[..., SearchResult], tmp_path: Path, storage: str | None
) -> None:
    """Nothing is recorded, and a finished study has nothing to do."""
    search(n_trials=2)

    assert len(resume(tmp_path, storage, space=OLD).trials) == 2

    with Home.find(tmp_path, storage).read("s") as reader:
        assert reader.events(kind="space-changed") == []
        assert len(reader.events(kind="study-started")) == 1


def test_a_kind_that_keeps_nothing_is_refused(
    search: Callable[..., SearchResult], tmp_path: Path, storage: str | None
) -> None:
    """Also where it was agreed to lose trials: another parameter needs another name."""
    search(n_trials=2)

    with pytest.raises(ConfigError, match=r"x: is a Float \(0.0..1\) and would be a Categorical \(a\|b\).*such as x_2"):
        resume(tmp_path, storage, space={"x": "a|b", "opt": "adam|sgd"}, n_trials=9, lose_trials=True)

    assert len(resume(tmp_path, storage, space={"x_2": "a|b"}, n_trials=2, lose_trials=True).trials) == 2


def test_files_of_the_study_say_the_present_space(tmp_path: Path) -> None:
    """The study's age, by which studies are listed, stays."""
    url, folder = f"sqlite:///{tmp_path}/s/ledger.db", tmp_path / "s"
    about: dict[str, Any] = {"name": "s", "n_trials": 2, "executor": "local", "tracker": "none", "metric": "loss"}
    automl.search(objective, OLD, home=tmp_path, listeners=(), **about)
    made = (folder / "space.yaml").stat().st_mtime_ns

    automl.resume("s", objective, home=tmp_path, listeners=(), space=WIDER, n_trials=3)

    assert "rms" in (folder / "space.yaml").read_text()
    assert "rms" in (folder / "study.yaml").read_text()
    assert (folder / "space.yaml").stat().st_mtime_ns == made
    with sqlite3.connect(url.removeprefix("sqlite:///")) as ledger:
        assert ledger.execute("SELECT count(*) FROM events WHERE kind = 'space-changed'").fetchone() == (1,)


def test_what_began_goes_on_with_its_own_params(tmp_path: Path, storage_url: str) -> None:
    """A trial that is cut, and three that are paused, all outside of the new space: they run on, no sampler hears."""
    config = StudyConfig(
        target="t",
        space=OLD,
        metrics=("loss",),
        directions=("minimize",),
        n_trials=5,
        max_epochs=9,
        early_stopping="asha",
    )
    (tmp_path / "s").mkdir()
    if storage_url.startswith("sqlite"):
        storage_url = f"sqlite:///{tmp_path}/s/ledger.db"
    create_study(storage_url, "s", config.to_dict())
    study = Study.open(storage_url, "s", folder=tmp_path / "s")
    asked = [start(study) for _ in range(4)]
    for attempt in asked[:3]:
        reports = [Report(step=n, values={"loss": 1.0 + attempt.trial}, time=n, checkpoint=n) for n in (1, 2)]
        assert study.report(attempt, reports) is Verdict.PAUSE
        study.end(attempt, Ending(state=AttemptState.PAUSED, checkpoint=2))
    study.close()

    new = SearchSpace({"x": "5.0..6.0", "opt": "adam|sgd"})
    study = Study.open(storage_url, "s", folder=tmp_path / "s", changes={"space": new})
    later = [start(study) for _ in range(3)]
    study.end(later[1], Ending(state=AttemptState.RESULT, trial_state=TrialState.COMPLETE, values={"loss": 0.5}))
    study.close()

    assert [(attempt.trial, attempt.number) for attempt in later] == [(3, 2), (0, 2), (4, 1)], "cut, promoted, new"
    assert [attempt.params for attempt in later[:2]] == [asked[3].params, asked[0].params]
    assert later[2].params["x"] >= 5


def start(study: Study) -> Attempt:
    attempt = study.next_attempt(wait=True)
    assert attempt is not None
    return attempt


def test_a_name_means_what_it_did_when_a_trial_was_asked(tmp_path: Path) -> None:
    """A trial that goes on, like one that is new, gets the value that its choice named in its own space."""
    config = StudyConfig(target="t", space=SearchSpace({"n": "a=[1]|"}), metrics=("loss",), directions=("minimize",))
    url = f"sqlite:///{tmp_path}/s/ledger.db"
    (tmp_path / "s").mkdir()
    create_study(url, "s", config.to_dict())
    study = Study.open(url, "s", folder=tmp_path / "s")
    start(study)
    study.close()

    study = Study.open(url, "s", folder=tmp_path / "s", changes={"space": SearchSpace({"n": "a=[2]|"})})
    again, new = start(study), start(study)
    study.close()

    assert [(attempt.trial, attempt.params) for attempt in (again, new)] == [(0, {"n": [1]}), (1, {"n": [2]})]


class TestSamplers:
    """What each kind of sampler makes of trials of an older space."""

    @pytest.fixture
    def records(self) -> list[TrialRecord]:
        """Twenty trials of `OLD`, as samplers of `NARROW` are shown them: twelve are points of it."""
        spaces = SpaceHistory(current=NARROW, older=((20, OLD),))
        return [
            spaces.shown(
                TrialRecord(
                    number=n,
                    state=TrialState.COMPLETE,
                    params={"x": 0.1 + 0.05 * n, "opt": ["adam", "sgd"][n % 2]},
                    value=abs(0.8 - 0.05 * n),
                )
            )
            for n in range(20)
        ]

    @pytest.mark.parametrize("name", ["random", "qmc", "grid", "tpe", "gp", "nsga2"])
    def test_each_goes_on(self, records: list[TrialRecord], name: str) -> None:
        """New points of the present space, none of them one that was tried."""
        tried = [record.params for record in records if record.params]
        assert len(tried) == 12
        sampler = make(name, space=NARROW, direction="minimize", seed=1, records=records, n_older=20)

        for number in range(20, 26):
            proposal = sampler.propose(number)
            assert proposal is not None
            NARROW.validate(proposal.params)
            assert proposal.params not in tried
            tried.append(proposal.params)
            sampler.observe(
                TrialRecord(number=number, state=TrialState.COMPLETE, params=proposal.params, value=float(number))
            )

    @pytest.mark.parametrize("make_sampler", [optuna.samplers.NSGAIIISampler, optuna.samplers.TPESampler])
    def test_those_of_the_user_go_on(self, records: list[TrialRecord], make_sampler: Callable[[], Any]) -> None:
        """Whatever they noted down about the space before, they begin anew in this one."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sampler = make(make_sampler(), space=NARROW, direction="minimize", seed=1, records=records, n_older=20)

        for number in range(20, 24):
            proposal = sampler.propose(number)
            assert proposal is not None
            NARROW.validate(proposal.params)

    @pytest.mark.parametrize("lost", [[0, 1], [1, 2], [0, 1, 2]])
    def test_one_of_the_user_counts_points_only(self, lost: list[int]) -> None:
        """A sampler that goes through a space ends neither for a trial which is none of its points, nor over one."""
        space = SearchSpace({"x": "1..3", "opt": "adam|sgd"})
        points = [
            TrialRecord(number=n, state=TrialState.COMPLETE, params={"x": n + 1, "opt": "sgd"}, value=1.0, ended=n)
            for n in range(3)
        ]
        gone = [TrialRecord(number=n, state=TrialState.FAIL, params={}, ended=n) for n in lost]
        records = [gone[lost.index(n)] if n in lost else points[n] for n in range(3)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = optuna.samplers.BruteForceSampler(seed=1)
        sampler = make(own, space=space, direction="minimize", seed=1, records=records, n_older=3)

        proposed = []
        while (proposal := sampler.propose(number := 3 + len(proposed))) is not None:
            proposed.append(proposal.params)
            sampler.observe(TrialRecord(number=number, state=TrialState.COMPLETE, params=proposal.params, value=1.0))

        assert len(proposed) == space.size() - 3 + len(lost)

    def test_a_model_learns_from_them(self, records: list[TrialRecord]) -> None:
        """All that is left of the 20 trials is in Optuna's study, in the present distributions: TPE models them."""
        sampler = make("tpe", space=NARROW, direction="minimize", seed=1, records=records, n_older=20)
        assert isinstance(sampler, OptunaSampler)

        shown = sampler._study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
        proposal = sampler.propose(20)

        assert [trial.number for trial in shown] == list(range(8, 20))
        assert {str(trial.distributions["opt"].choices) for trial in shown} == {"('adam', 'sgd', 'rms')"}
        assert proposal is not None
        assert sampler._study.sampler.infer_relative_search_space(sampler._study, shown[0]).keys() == {"x", "opt"}

    def test_a_breeder_breeds_from_them(self, records: list[TrialRecord]) -> None:
        """The older trials are the first generation of nsga2: with 20 points the next trial is a child of theirs."""
        spaces = SpaceHistory(current=WIDER, older=((20, OLD),))
        points = [
            TrialRecord(number=n, state=TrialState.COMPLETE, params={"x": n / 20, "opt": "adam"}, value=float(n))
            for n in range(20)
        ]
        sampler = make(
            "nsga2", space=WIDER, direction="minimize", seed=1, records=[*map(spaces.shown, points)], n_older=20
        )

        proposal = sampler.propose(20)

        assert proposal is not None
        assert [20, "NSGAIISampler:generation", 1] in [list(note) for note in proposal.notes]

    def test_a_grid_leaves_out_what_was_tried(self) -> None:
        """Of the larger grid every point that is new, each once; a resume goes on with the next."""
        old, new = SearchSpace({"a": "x|y", "n": "1..2"}), SearchSpace({"a": "x|y|z", "n": "1..2"})
        spaces = SpaceHistory(current=new, older=((3, old),))
        points = [{"a": "x", "n": 1}, {"a": "x", "n": 2}, {"a": "y", "n": 1}]
        records = [
            spaces.shown(TrialRecord(number=n, state=TrialState.COMPLETE, params=params, value=1.0))
            for n, params in enumerate(points)
        ]

        sampler = make("grid", space=new, direction="minimize", seed=1, records=records, n_older=3)
        later = [sampler.propose(number) for number in range(3, 7)]
        found = [proposal.params for proposal in later if proposal is not None]
        records += [TrialRecord(number=3 + n, state=TrialState.RUNNING, params=p) for n, p in enumerate(found[:2])]
        resumed = make("grid", space=new, direction="minimize", seed=1, records=records, n_older=3).propose(5)

        assert found == [{"a": "y", "n": 2}, {"a": "z", "n": 1}, {"a": "z", "n": 2}]
        assert resumed is not None
        assert resumed.params == found[2]


def test_optuna_alone_loses_the_study() -> None:
    """Why this exists: to a living study of Optuna's one more choice is an error, and so is its model of the past."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(lambda trial: float(trial.suggest_categorical("opt", ["adam", "sgd"]) == "sgd"), n_trials=3)

    with pytest.raises(ValueError, match="CategoricalDistribution does not support dynamic value space"):
        study.optimize(
            lambda trial: float(trial.suggest_categorical("opt", ["adam", "sgd", "rms"]) == "sgd"), n_trials=1
        )
