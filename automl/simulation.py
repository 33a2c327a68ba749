"""A search on a simulated clock: what a sampler and an early stopping find on recorded or made-up learning curves.

    def curve(params, seed):                        # yields for each epoch the seconds that it takes, and metrics
        for epoch in range(1, 28):
            yield 2.0, {"loss": (params["x"] - 0.3) ** 2 + 1 / epoch}

    found = automl.simulate(curve, {"x": "0.0..1.0"}, metric="loss", n_trials=100, max_epochs=27, early_stopping="asha")
    found.seconds, found.best_trial.params, found.incumbent_at(60.0)

The study, its samplers, early stopping and ledger are those of `automl.search`; only nothing is trained and nobody
waits. So what is measured here is what a search does.
"""

from __future__ import annotations

import bisect
import contextlib
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl import past_studies, planning, stopping
from automl.config import StudyConfig
from automl.errors import ConfigError
from automl.executors.simulated import Clock, Curve, Incumbent, NoFiles, Point, SimulatedExecutor, incumbents
from automl.home import Home
from automl.ledger.database import connect
from automl.ledger.writer import Writer
from automl.listeners import Listener
from automl.result import SearchResult, read_result
from automl.study import Study
from search_spaces import SearchSpace
from search_spaces.scalars import shown

if TYPE_CHECKING:
    import optuna

NAME = "simulation"
"""Of a study that is not kept."""
GATHERS = 10_000
"""Changes of the ledger that are written together: no crash has to be survived."""


@dataclass(frozen=True, kw_only=True)
class Simulation(SearchResult):
    """What a simulated search found. Its times are simulated seconds since it began, those of its trials too."""

    points: Sequence[Point]
    """All that trials reported, and the results of those that are COMPLETE, in order."""
    decision_seconds: float
    """Real seconds that proposals, verdicts and the ledger have taken."""

    @property
    def reports(self) -> Sequence[Point]:
        """What trials reported: (seconds since the start, trial, step, values by metric), in order of time."""
        return [point for point in self.points if point.step is not None]

    @cached_property
    def incumbents(self) -> Sequence[Incumbent]:
        """The best trial over time by the first objective, an entry for each change.

        That is the COMPLETE trial with the best value; before there is one, the best at the highest step reached. Who
        breaks a constraint comes after who does not; none is a trial that confirms another.
        """
        searched = [point for point in self.points if self.trials[point.trial].confirms is None]
        return incumbents(searched, self.preference)

    def incumbent_at(self, seconds: float) -> Incumbent | None:
        """Return the best trial at a moment; None before anything was reported."""
        n = bisect.bisect_right(self.incumbents, seconds, key=lambda each: each.time)
        return self.incumbents[n - 1] if n else None


def simulate(
    curve: Curve,
    space: SearchSpace | Mapping[str, Any],
    *,
    n_trials: int = 50,
    parallel: int = 4,
    max_epochs: int | None = None,
    metric: str | Sequence[str] | None = None,
    direction: str | Sequence[str] | None = None,
    sampler: str | optuna.samplers.BaseSampler = "auto",
    early_stopping: stopping.Rule = "auto",
    seed: int = 0,
    timeout: float | None = None,
    charge_decisions: bool = False,
    pause_seconds: float = 0.0,
    resume_seconds: float = 0.0,
    home: str | Path | None = None,
    name: str | None = None,
    listeners: Sequence[Listener] = (),
    **options: Any,
) -> Simulation:
    """Search `space` as `automl.search` does, but read what trials would report from `curve`, on a simulated clock.

    Args:
        curve: called with the params and the seed of a trial; yields for each step the seconds that it takes, alone,
            and metrics by name. It is read as far as the trial gets.
        space: what to choose from.
        n_trials: trials to ask for.
        parallel: workers.
        max_epochs: the full budget of a trial in steps; None for as many as its curve has.
        metric: as in `automl.search`; default "value".
        direction: as in `automl.search`.
        sampler: as in `automl.search`.
        early_stopping: as in `automl.search`. Trials can pause at any step.
        seed: of everything random: the same seed gives the same search.
        timeout: simulated seconds after which it ends.
        charge_decisions: whether the real time of proposals and verdicts passes on the simulated clock too. Then two
            simulations are no longer alike.
        pause_seconds: that a worker is busy when its trial pauses, with a checkpoint for one.
        resume_seconds: that pass before a paused trial goes on, on whatever worker.
        home: folder in which to keep the study, for `automl top`, `automl replay` and the like; None to keep nothing.
        name: of a study that is kept; default `<curve>-<n>`.
        listeners: called with each event.
        **options: further fields of `StudyConfig`.

    Raises:
        ConfigError: an argument is wrong; nothing was created.
        StudyMismatchError: the name is taken.
        SearchAbortedError: the first trials failed, all in the same way, or sampler or early stopping did.
    """
    options |= {"n_trials": n_trials, "parallel": parallel, "max_epochs": max_epochs, "seed": seed, "timeout": timeout}
    config = _planned(
        curve,
        space,
        {"pause_seconds": pause_seconds, "resume_seconds": resume_seconds},
        {"metric": metric, "direction": direction, "sampler": sampler, "early_stopping": early_stopping} | options,
    )
    executor = SimulatedExecutor(
        parallel=parallel,
        clock=Clock(),
        pause_seconds=pause_seconds,
        resume_seconds=resume_seconds,
        charges_decisions=charge_decisions,
    )
    own = {
        "sampler": None if isinstance(sampler, str) else sampler,
        "early_stopping": None if isinstance(early_stopping, str) else early_stopping,
    }
    with contextlib.ExitStack() as held:
        if home is None:
            found, name = Home(Path(held.enter_context(tempfile.TemporaryDirectory(prefix="automl-")))), NAME
        else:
            found = Home.find(home)
        return _search(found, name, config, curve, executor, listeners=listeners, **own)


def _search(
    home: Home,
    name: str | None,
    config: StudyConfig,
    curve: Curve,
    executor: SimulatedExecutor,
    **opened: Any,
) -> Simulation:
    """Make a study in `home`, which is opened with what is `opened`, run it to its end, and return what it found."""
    pasts = past_studies.read(home, config, config.warm_start)
    name = planning.add(home, config, name, is_seeded=True)
    engine = connect(home.ledger_url(name), create=True, waits=True, lasts=False)
    study = Study.open(
        home.ledger_url(name),
        name,
        folder=home.study(name),
        pasts=pasts,
        ledger=Writer.open(engine, name, gathers=GATHERS, clock=executor.clock),
        parallel=config.parallel,
        files=NoFiles(),
        works_ahead=False,
        clock=executor.clock,
        **opened,
    )
    try:
        executor.run(study, curve)
        if study.confirm():
            executor.run(study, curve)
    finally:
        study.close()
    if study.failure is not None:
        raise study.failure
    result = read_result(home, name, seconds=executor.clock.now)
    return Simulation(
        **{each.name: getattr(result, each.name) for each in fields(SearchResult)},
        points=executor.points,
        decision_seconds=executor.decision_seconds,
    )


def _planned(
    curve: Curve, space: SearchSpace | Mapping[str, Any], times: Mapping[str, float], options: dict[str, Any]
) -> StudyConfig:
    """Return the settings of a simulated study, checked all at once."""
    if not callable(curve):
        raise ConfigError(f"a curve is called with the params and the seed of a trial, which {shown(curve)} cannot be")
    problems = [
        f"{name} must be a time of 0 seconds or more, got {shown(value)}"
        for name, value in times.items()
        if not (isinstance(value, (int, float)) and 0 <= value < math.inf)
    ]
    try:
        config, _ = planning.plan(curve, space, **options)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from error
    if problems:
        raise ConfigError(problems)
    return config.changes(kind="simulated", tracker="none")
