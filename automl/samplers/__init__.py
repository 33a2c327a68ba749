"""Samplers: which params to try next, given what happened so far.

Every sampler here is a function of history: `observe` takes in what became of a trial, `propose` gives params for the
next. A resumed study rebuilds its sampler from the ledger, and goes on as if nothing had been.

    sampler = make("tpe", space=space, direction="minimize", seed=7, records=[])
    sampler.propose(0).params

`random`, `qmc` and `grid` learn nothing (`plain`); `gp` is a Gaussian process of ours (`gp`, with its `model`); `tpe`,
`nsga2` and samplers of the user's own are Optuna's (`optuna_study`). Those that have a name try nothing twice, and end
when nothing is left. `auto` is `gp`, unless `automl.policy` has chosen another one.

What somebody already knows comes first, with every sampler: the points that the user wants tried, then the best ones of
past studies, then the default point of a space that states any default or prior. The sampler is told of them as usual;
to one of the user's own they are trials that were enqueued. Priors are at work, too, in the draws of `random` and in
those that `tpe`, `gp` and `nsga2` start with, which are samples of the space. `gp` learns from all results of past
studies (`trends`).
"""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from automl.config import AUTO, OWN_SAMPLER, SAMPLERS, Direction, StudyConfig
from automl.errors import ConfigError, SearchAbortedError
from automl.preference import Preference
from automl.samplers.ahead import Proposals, still
from automl.samplers.base import Gauged, Note, Params, Proposal, Sampler, Untried, best_guess, is_point
from automl.samplers.past import Past, best_points
from automl.samplers.plain import PER_AXIS, GridSampler, QmcSampler, RandomSampler
from automl.trial import TrialRecord
from search_spaces import Categorical, Float, SearchSpace, SearchSpaceError

if TYPE_CHECKING:
    import optuna

__all__ = [
    "GridSampler",
    "Note",
    "Params",
    "Past",
    "Proposal",
    "Proposals",
    "QmcSampler",
    "RandomSampler",
    "Sampler",
    "Untried",
    "check",
    "explain",
    "make",
    "named",
    "still",
]

STARTUP = 10
"""Trials that inform the model of tpe before it proposes anything; Optuna's own number."""

POPULATION = 20
"""Trials in a generation of nsga2. With Optuna's 50, most studies would end before anything was bred."""


def make(
    sampler: str | optuna.samplers.BaseSampler,
    *,
    space: SearchSpace,
    direction: Direction = "minimize",
    preference: Preference | None = None,
    seed: int,
    records: Sequence[TrialRecord],
    n_older: int = 0,
    notes: Iterable[Note] = (),
    tries: Sequence[Params] = (),
    pasts: Sequence[Past] = (),
    is_gauged: bool = False,
) -> Sampler:
    """Return a sampler by its name in `config.SAMPLERS`, or any Optuna sampler, that knows what has happened.

    Args:
        sampler: its name, or an object.
        space: what it chooses from.
        direction: of a study with one metric.
        preference: which of two results is better, where that is said by more than a direction.
        seed: of the study; a resumed study draws other numbers from it, not the same ones again.
        records: the trials so far, as `SpaceHistory.shown` has them.
        n_older: how many of them, the first ones, were asked before `space` was the study's.
        notes: of all proposals since then.
        tries: points to try first; those that lie no more in `space`, which may have changed, are left out.
        pasts: what other studies found: their best points come after `tries`, and gp believes their results as far as
            they rank those at hand.
        is_gauged: whether its proposals are to say what they promise, for `--worth`.
    """
    if is_gauged and sampler not in ("gp", AUTO):
        from automl.samplers.gp import GpSampler

        given: dict[str, Any] = {"space": space, "seed": seed, "records": records}
        given |= {"direction": direction, "preference": preference}
        known: dict[str, Any] = {"n_older": n_older, "notes": notes, "tries": tries, "pasts": pasts}
        return Gauged(make(sampler, **given, **known), GpSampler(**given))
    told = [*(point for point in tries if is_point(space, point)), *best_points(pasts, space, seed=seed)]
    if sampler == "grid":
        return GridSampler(space, records=records, first=told)  # the default point has its place in the order
    first = [*told, *best_guess(space, seed=seed)]
    if sampler in ("random", "qmc"):
        return (RandomSampler if sampler == "random" else QmcSampler)(space, seed=seed, records=records, first=first)
    if sampler in ("gp", AUTO):
        from automl.samplers.gp import GpSampler

        aim: dict[str, Any] = {"direction": direction, "preference": preference}
        return GpSampler(space, **aim, seed=seed, records=records, first=first, pasts=pasts)
    from automl.samplers.optuna_study import OptunaSampler, first_generation

    untried, startup = None, 0
    if isinstance(sampler, str):
        untried = Untried(space, seed=seed, records=records, first=first)
        startup = POPULATION if sampler == "nsga2" else STARTUP
        sampler = _optuna_sampler(sampler, space, random.Random(f"{seed}-{len(records)}").randrange(2**32))
    elif records:
        sampler.reseed_rng()
    return OptunaSampler(
        sampler,
        space=space,
        direction=direction,
        preference=preference,
        records=records,
        notes=[*first_generation(sampler, n_older), *notes],
        untried=untried,
        first=told,
        startup=startup,
    )


def _optuna_sampler(name: str, space: SearchSpace, seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION)
        # Without groups a parameter that some trials lack would be sampled on its own, never with the others.
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP, multivariate=True, group=bool(space.conditions)
        )


def named(sampler: str | optuna.samplers.BaseSampler) -> str:
    """Return what a study calls its sampler: the name it has here, or "own:" and the class of an Optuna sampler."""
    return sampler if isinstance(sampler, str) else OWN_SAMPLER + type(sampler).__name__


def check(
    sampler: str | optuna.samplers.BaseSampler, space: SearchSpace, *, preference: Preference | None = None
) -> None:
    """Refuse a sampler that cannot work on `space`, or for such a `preference`, before anything is created.

    Raises:
        ConfigError: it cannot, or next to no point of the space fulfils its relations.
    """
    try:
        space.check_feasible(random.Random(0))
    except SearchSpaceError as error:
        raise ConfigError(error.problems) from error
    if isinstance(sampler, str):
        if sampler.startswith(OWN_SAMPLER):
            kind = sampler.removeprefix(OWN_SAMPLER)
            raise ConfigError(
                f"the sampler {kind} is an object that only Python can hand over: "
                f"automl.search(..., sampler=...), automl.resume(name, sampler=...)"
            )
        if sampler == "grid":
            try:
                first = GridSampler(space).propose(0)
            except SearchSpaceError as error:
                raise ConfigError([f"--sampler grid: {problem}" for problem in error.problems]) from error
            if first is None:
                raise ConfigError(f"--sampler grid: no point of a grid of {PER_AXIS} values fulfils the relations")
        return
    _try_out(sampler, space, preference or Preference.of("value", "minimize"))


def _try_out(sampler: object, space: SearchSpace, preference: Preference) -> None:
    """Let a copy of the user's own sampler make a first proposal."""
    import optuna

    from automl.samplers.optuna_study import OptunaSampler

    if not isinstance(sampler, optuna.samplers.BaseSampler):
        kind = f"{type(sampler).__name__} {str(sampler)[:80]!r}"
        raise ConfigError(f"sampler must be one of {', '.join(SAMPLERS)}, or an Optuna sampler, got {kind}")
    try:
        tried = copy.deepcopy(sampler)
    except Exception:  # it holds a lock or a connection: its first proposal will be the real one
        return
    try:
        OptunaSampler(tried, space=space, preference=preference).propose(0)
    except SearchAbortedError as error:
        raise ConfigError(error.problems) from error


def explain(config: StudyConfig) -> str:
    """Return which sampler a study has, how far it will get, and what it cannot do, in a few words."""
    name, space = config.sampler, config.space
    size = space.size()
    said = [name.replace(OWN_SAMPLER, "your ")]
    if name == "grid" and isinstance(size, str):
        size = _grid_size(space)
        said = [f"grid ({size:,} points with {PER_AXIS} values of each continuous parameter)"]
    if name == "nsga2":
        said.append(f"breeds from generations of {POPULATION} COMPLETE trials")
    if name == "gp":
        said.append("models final values, or early ones until enough trials have ended")
    if name == "nsga2" and space.conditions:
        said.append(f"draws parameters that have a condition at random ({len(space.conditions)} of {len(space)})")
    known = [_known(config)] if config.tries else []
    if name in SAMPLERS and name != "grid" and space.has_guess:
        known.append("the defaults and priors of the space")
    if known:
        said.append(f"begins with {', then '.join(known)}")
    if name in SAMPLERS and isinstance(size, int):
        if size <= config.n_trials:
            said.append("ends when every point was tried")
        elif name == "grid":
            said.append(f"--trials {config.n_trials} ends it before the last {size - config.n_trials:,}")
    return "; ".join(said)


def _known(config: StudyConfig) -> str:
    """Return how many points come first, and how many of them come too late."""
    n, left = len(config.tries), len(config.tries) - config.n_trials
    points = f"{n} points of yours" if n > 1 else "your point"
    return points + (f" (--trials {config.n_trials} ends it before the last {left})" if left > 0 else "")


def _grid_size(space: SearchSpace) -> int:
    continuous = {name: Categorical(d.grid(PER_AXIS)) for name, d in space.items() if isinstance(d, Float)}
    size = space.override(continuous).size()
    assert isinstance(size, int)
    return size
