"""Samplers by name: they respect the space, try nothing twice, say what they cannot do, and go on after a resume."""

from __future__ import annotations

import random
from typing import Any

import optuna
import pytest

from automl import samplers
from automl.config import SAMPLERS, StudyConfig
from automl.errors import ConfigError
from automl.samplers import make
from automl.samplers.optuna_study import OptunaSampler
from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace

SPACE = SearchSpace(
    {"arch": "mlp|cnn", "lr": "1e-4..1e-1 log", "width": "8..64 log when arch=cnn", "n": "1..4", "fixed": "=3"}
)
TWELVE = SearchSpace({"kind": "x|y|z", "n": "1..3", "m": "5|6 when kind=z"})


def complete(number: int, params: Any, value: float = 1.0) -> TrialRecord:
    return TrialRecord(number=number, state=TrialState.COMPLETE, params=params, value=value)


def config(sampler: str, space: SearchSpace, **options: Any) -> StudyConfig:
    return StudyConfig(
        target="t", space=space, metrics=("value",), directions=("minimize",), sampler=sampler, **options
    )


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_proposal_is_in_the_space(name: str) -> None:
    """Whatever the sampler, and whatever became of earlier trials, params are valid."""
    space = SPACE.fix(lr=0.01) if name == "grid" else SPACE
    sampler = make(name, space=space, direction="minimize", seed=1, records=[])

    for number in range(14):
        proposal = sampler.propose(number)
        assert proposal is not None
        space.validate(proposal.params)
        state = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL][number % 3]
        value = 0.1 * number if state is TrialState.COMPLETE else None
        told = TrialRecord(number=number, state=state, params=proposal.params, value=value, reports={1: 0.2 * number})
        sampler.observe(told)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_finite_space_is_tried_once_and_whole(name: str) -> None:
    """Twelve points are twelve trials, also when the study is resumed half way; then there is nothing to propose."""
    records: list[TrialRecord] = []

    for last in (6, 99):
        sampler = make(name, space=TWELVE, direction="minimize", seed=1, records=records)
        while len(records) < last and (proposal := sampler.propose(len(records))):
            records.append(complete(len(records), proposal.params, value=float(proposal.params["n"])))
            sampler.observe(records[-1])
    points = {str(sorted(record.params.items())) for record in records}

    assert len(records) == len(points) == TWELVE.size() == 12


@pytest.mark.parametrize("name", ["tpe", "gp", "nsga2"])
def test_a_resumed_sampler_draws_anew(name: str) -> None:
    """With three trials on record the next draw is none of the first ones'."""
    space = SearchSpace({"x": "0.0..1.0"})
    first = make(name, space=space, direction="minimize", seed=1, records=[])
    drawn = [first.propose(number).params["x"] for number in range(3)]  # type: ignore[union-attr]
    records = [complete(number, {"x": x}) for number, x in enumerate(drawn)]

    resumed = make(name, space=space, direction="minimize", seed=1, records=records)
    proposal = resumed.propose(3)

    assert proposal is not None
    assert min(abs(proposal.params["x"] - x) for x in drawn) > 1e-6


GUESSED = SearchSpace(
    {
        "lr": "1e-5..1e-1 log prior 1e-2 high",
        "opt": "adam|sgd default sgd",
        "momentum": "0.0..1 when opt=sgd",
        "n": "1..9",
    }
)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "grid"])
def test_a_best_guess_is_tried_first(name: str) -> None:
    """Where the space states a default or prior, trial 0 takes its default point, once, and what it gave is known."""
    sampler = make(name, space=GUESSED, direction="minimize", seed=1, records=[])

    proposals = [sampler.propose(number) for number in range(3)]
    params = [dict(proposal.params) for proposal in proposals if proposal is not None]
    sampler.observe(complete(0, params[0]))
    plain = make(name, space=SPACE, direction="minimize", seed=1, records=[]).propose(0)

    assert params[0] == {"lr": 0.01, "opt": "sgd", "momentum": 0.5, "n": 5} == GUESSED.default()
    assert params[0] not in params[1:]
    assert plain is not None
    assert plain.params != SPACE.default()
    if isinstance(sampler, OptunaSampler):
        assert sampler._study.trials[0].state is optuna.trial.TrialState.COMPLETE


def test_a_best_guess_that_relations_forbid_is_repaired() -> None:
    """It keeps what can stay, and is tried first all the same."""
    space = SearchSpace({"depth": "1..8 default 8", "width": "16..256 step 16"}, require=["depth * width <= 256"])
    sampler = make("random", space=space, direction="minimize", seed=1, records=[])

    proposal = sampler.propose(0)

    assert proposal is not None
    space.validate(proposal.params)
    assert proposal.params["depth"] == 8 or proposal.params["width"] == space.default()["width"]


@pytest.mark.parametrize("name", [*SAMPLERS, "own"])
def test_what_the_user_knows_is_tried_first(name: str) -> None:
    """Each point to try once, in the order given, also where a resume comes between, or one more is given then."""
    space = SearchSpace({"n": "1..3", "opt": "a|b default b", "size": "1<2"})
    tries = [{"n": 3, "opt": "a", "size": 2}, {"n": 2, "opt": "a", "size": 1}, {"n": 3, "opt": "a", "size": 2}]
    more = [*tries, {"n": 7, "opt": "a", "size": 1}, {"n": 1, "opt": "a", "size": 2}]
    records: list[TrialRecord] = []

    for known, last in ((tries, 1), (tries, 3), (more, 99)):
        one = optuna.samplers.RandomSampler(seed=1) if name == "own" else name
        sampler = make(one, space=space, direction="minimize", seed=1, records=records, tries=known)
        while len(records) < min(last, 12) and (proposal := sampler.propose(len(records))):
            records.append(complete(len(records), dict(proposal.params), value=float(proposal.params["n"])))
            sampler.observe(records[-1])

    tried = [dict(record.params) for record in records]
    assert tried[:2] == tries[:2]
    assert more[-1] in tried[2:4]  # an own sampler may have drawn it before
    assert name in ("grid", "own") or tried[2] == space.default()
    assert name == "own" or len({str(sorted(params.items())) for params in tried}) == len(tried) == 12


def test_a_best_guess_breeds() -> None:
    """nsga2 counts the default point among its first generation, as if it had drawn it itself."""
    sampler = make("nsga2", space=GUESSED, direction="minimize", seed=1, records=[])

    proposal = sampler.propose(0)

    assert proposal is not None
    assert [0, "NSGAIISampler:generation", 0] in [list(note) for note in proposal.notes]


@pytest.mark.parametrize("name", ["random", "tpe", "gp", "nsga2"])
def test_priors_are_where_a_search_begins(name: str) -> None:
    """Before there is a model, draws gather around what is believed: most lie within a decade of 0.01, of four."""
    sampler = make(name, space=GUESSED, direction="minimize", seed=1, records=[])

    rates = [sampler.propose(number).params["lr"] for number in range(40)]  # type: ignore[union-attr]

    assert sum(1e-3 <= lr <= 1e-1 for lr in rates) >= 36


def test_tpe_follows_its_model_once_it_has_one() -> None:
    """A prior that is wrong is left behind: after ten trials the model proposes."""
    space = SearchSpace({"x": "0.0..1.0 prior 0.9 high"})
    sampler = make("tpe", space=space, direction="minimize", seed=3, records=[])
    tried = []

    for number in range(50):
        proposal = sampler.propose(number)
        assert proposal is not None
        tried.append(proposal.params["x"])
        sampler.observe(complete(number, proposal.params, value=abs(tried[-1] - 0.3)))

    assert tried[0] == 0.9
    assert sum(abs(x - 0.3) < 0.2 for x in tried[40:]) >= 7


def test_tpe_learns_from_what_it_is_told() -> None:
    """After forty trials of a bowl, proposals gather at its bottom."""
    sampler = make("tpe", space=SearchSpace({"x": "0.0..1.0"}), direction="minimize", seed=3, records=[])
    tried = []

    for number in range(50):
        proposal = sampler.propose(number)
        assert proposal is not None
        tried.append(proposal.params["x"])
        sampler.observe(complete(number, proposal.params, value=(tried[-1] - 0.3) ** 2))

    assert sum(abs(x - 0.3) < 0.2 for x in tried[40:]) >= 7


def test_tpe_samples_conditional_parameters_together() -> None:
    """What is good is x and y both low or both high: where they exist, TPE proposes them so, which takes groups."""
    space = SearchSpace({"arch": "mlp|cnn", "x": "0.0..1.0 when arch=cnn", "y": "0.0..1.0 when arch=cnn"})
    rng = random.Random(0)
    records = []
    for number in range(150):
        corner = 0.1 if number % 2 else 0.9
        if number % 5 == 0:
            records.append(complete(number, {"arch": "mlp"}, value=1.0))
        elif number % 5 == 1:
            x, y = (corner + rng.uniform(-0.05, 0.05) for _ in "xy")
            records.append(complete(number, {"arch": "cnn", "x": x, "y": y}, value=0.1 * rng.random()))
        else:
            records.append(complete(number, {"arch": "cnn", "x": rng.random(), "y": rng.random()}, value=0.9))

    def together(sampler: samplers.Sampler) -> bool:
        params = sampler.propose(150).params  # type: ignore[union-attr]
        return bool(abs(params.get("x", 0.0) - params.get("y", 1.0)) < 0.5)

    ours = [together(make("tpe", space=space, direction="minimize", seed=seed, records=records)) for seed in range(20)]
    ungrouped = [
        together(
            OptunaSampler(
                optuna.samplers.TPESampler(seed=seed, multivariate=True),
                space=space,
                direction="minimize",
                records=records,
            )
        )
        for seed in range(20)
    ]

    assert sum(ours) >= 19
    assert sum(ungrouped) <= 16


def test_a_generation_survives_a_resume() -> None:
    """A resumed nsga2 knows which trials made up each generation, and breeds from them."""
    space = SearchSpace({f"p{i}": "0.0..1.0" for i in range(6)})
    live = make("nsga2", space=space, direction="minimize", seed=1, records=[])
    records: list[TrialRecord] = []
    notes: list[samplers.Note] = []
    for number in range(2 * samplers.POPULATION + 5):
        proposal = live.propose(number)
        assert proposal is not None
        notes += proposal.notes
        records.append(complete(number, proposal.params, value=sum(proposal.params.values())))
        live.observe(records[-1])

    resumed = make("nsga2", space=space, direction="minimize", seed=1, records=records, notes=notes)
    child = resumed.propose(len(records))

    assert isinstance(live, OptunaSampler)
    assert isinstance(resumed, OptunaSampler)
    shown, known = ([trial.system_attrs for trial in sampler._study.trials] for sampler in (resumed, live))
    assert shown[: len(records)] == known
    assert {attrs["NSGAIISampler:generation"] for attrs in shown} == {0, 1, 2}
    assert child is not None
    inherited = {value for record in records for value in record.params.values()}
    assert sum(value in inherited for value in child.params.values()) >= 3, "most genes are a parent's"


@pytest.mark.parametrize(
    ("name", "space", "said"),
    [
        ("random", TWELVE, "random; ends when every point was tried"),
        (
            "grid",
            SearchSpace({"x": "0.0..1.0", "n": "1..4"}),
            "grid (20 points with 5 values of each continuous parameter); ends when every",
        ),
        ("grid", SearchSpace({"n": "1..80"}), "grid; --trials 50 ends it before the last 30"),
        ("nsga2", SPACE, "20 COMPLETE trials; draws parameters that have a condition at random (1 of 5)"),
        ("tpe", GUESSED, "tpe; begins with the defaults and priors of the space"),
        ("gp", SPACE, "gp; models final values, or early ones until enough trials have ended"),
        ("own:GridSampler", TWELVE, "your GridSampler"),
    ],
)
def test_what_a_sampler_does_is_said_before_it_starts(name: str, space: SearchSpace, said: str) -> None:
    """Which it is, where it ends, and what it leaves to chance."""
    explained = samplers.explain(config(name, space))

    assert said in explained


def test_a_space_without_choices_is_one_trial() -> None:
    """Where everything is fixed there is one point, whatever the sampler is."""
    for name in SAMPLERS:
        sampler = make(name, space=SearchSpace({"x": "=1"}), direction="minimize", seed=0, records=[])

        first = sampler.propose(0)

        assert first is not None
        assert first.params == {"x": 1}
        assert sampler.propose(1) is None


@pytest.mark.parametrize(
    ("sampler", "space", "problem"),
    [
        ("grid", SearchSpace({"n": "1..2000000"}), "--sampler grid: a grid over 1..2000000 has 2000000 values"),
        ("own:CmaEsSampler", TWELVE, "the sampler CmaEsSampler is an object that only Python can hand over"),
        (7, TWELVE, "sampler must be one of auto, random, .*, or an Optuna sampler, got int '7'"),
        (
            optuna.samplers.GridSampler({"kind": ["x"]}),
            TWELVE,
            "GridSampler failed with ValueError: .* n, is not",
        ),
        (
            optuna.samplers.GridSampler({"kind": ["x"], "n": [9], "m": [5]}),
            TWELVE,
            "GridSampler proposes params outside of the search space: n: 9 is outside 1..3",
        ),
    ],
)
def test_a_sampler_that_cannot_work_is_refused(sampler: Any, space: SearchSpace, problem: str) -> None:
    """What it was given and what it would need is said before anything is created."""
    with pytest.raises(ConfigError, match=problem):
        samplers.check(sampler, space)
