"""The one place that puts a study, an executor and delivery together; what the command line and Python users call.

import automl
from search_spaces import Float, SearchSpace

def objective(trial):
    return {"loss": (trial.params["x"] - 0.3) ** 2}

result = automl.search(objective, SearchSpace({"x": Float(0, 1)}), metric="loss", n_trials=20)
result.best_trial.params
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl import executors, guard, interrupts, past_studies, planning, private, samplers, stopping, study_file
from automl.attempt import Objective
from automl.config import AUTO, CHANGEABLE, StudyConfig
from automl.confirming import Confirmation
from automl.courier import beside
from automl.enough import EndedBy, ended_by
from automl.errors import ConfigError, LeaseLostError, StudyMismatchError, StudyNotFoundError
from automl.executors import Capacity
from automl.fingerprint import Fingerprint
from automl.home import Home
from automl.interrupts import Interrupted as Interrupted
from automl.ledger import lease
from automl.ledger.database import connect
from automl.ledger.requests import Request
from automl.ledger.writer import Writer
from automl.listeners import Listener
from automl.result import SearchResult, read_result
from automl.space_history import SpaceChange
from automl.study import Study
from search_spaces import SearchSpace

if TYPE_CHECKING:
    import optuna


def search(
    objective: Callable[..., Any] | str,
    space: SearchSpace | Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    metric: str | Sequence[str] | None = None,
    direction: str | Sequence[str] | None = None,
    constraints: str | Sequence[str] = (),
    n_trials: int = 50,
    sampler: str | optuna.samplers.BaseSampler = "auto",
    early_stopping: stopping.Rule = "auto",
    home: str | Path | None = None,
    storage: str | None = None,
    tries: Sequence[str | Mapping[str, Any]] = (),
    warm_start: Sequence[str | SearchResult] = (),
    listeners: Sequence[Listener] | None = None,
    **options: Any,
) -> SearchResult:
    """Search `space` for the params with the best `metric`, and return what was found.

    Args:
        objective: a callable that takes a Trial, a built-in task's name, a data file (with `target_column`), or
            `file.py:function`.
        space: what to choose from; a built-in task has its own. Where choices are named values, as in
            `{"layers": "small=[64, 64]|big=[256]"}`, `trial.params` holds the value that was chosen, the result and the
            trackers its name (`space.values_of(params)` has the value).
        name: of the study; default `<objective>-<n>`.
        metric: default: the task's own, or "value", which is what a bare number returned is called. Several make a
            study of several objectives, whose result is a set of trials of which none is better than another.
        direction: "minimize" or "maximize", one for each metric; default: the task's own, or "minimize" for a loss or
            error.
        constraints: limits such as "latency_ms <= 5", each on any metric that the objective returns.
        n_trials: trials to ask for.
        sampler: a name of `config.SAMPLERS`, or any Optuna sampler, which may try params twice and may end the search
            with `study.stop()`; give it again to `resume`.
        early_stopping: a rule such as "asha eta=4" (`automl.stopping.RULES` has the names), any Optuna pruner, or an
            object that does what `automl.stopping.EarlyStopping` says (give objects again to `resume`).
        home: folder for everything; default $AUTOML_HOME or ./automl_runs.
        storage: URL of a database for the ledger; default $AUTOML_STORAGE, or a file in the study's folder.
        tries: points to try first, such as `[{"lr": 0.1, "width": 64}]`; what a point lacks is at its default.
        warm_start: studies to learn from, by name or as what a search returned; "auto" for those of this home that are
            most like it.
        listeners: called with each event; default: one progress line.
        **options: further fields of `StudyConfig`.

    Raises:
        ConfigError: an argument is wrong; nothing was created.
        StudyMismatchError: the name is taken.
        SearchAbortedError: the first trials failed, all in the same way.
    """
    options |= {"n_trials": n_trials, "sampler": sampler, "early_stopping": early_stopping, "tries": tries}
    options["constraints"] = constraints
    options["warm_start"] = [each if isinstance(each, str) else each.name for each in warm_start]
    config, call = planning.plan(objective, space, metric=metric, direction=direction, **options)
    found = Home.find(home, storage)
    elsewhere = {each.name: each.home for each in warm_start if not isinstance(each, str)}
    pasts = past_studies.read(found, config, config.warm_start, elsewhere=elsewhere)
    name = planning.add(found, config, name, is_seeded="seed" in options)
    return start(
        found,
        name,
        config,
        call,
        sampler=None if isinstance(sampler, str) else sampler,
        early_stopping=None if isinstance(early_stopping, str) else early_stopping,
        pasts=pasts,
        listeners=_or_progress(listeners, config),
    )


def resume(
    name: str,
    objective: Callable[..., Any] | None = None,
    *,
    space: SearchSpace | Mapping[str, Any] | None = None,
    lose_trials: bool = False,
    takeover: bool = False,
    home: str | Path | None = None,
    storage: str | None = None,
    sampler: optuna.samplers.BaseSampler | None = None,
    early_stopping: stopping.Rule | None = None,
    strict: bool = False,
    listeners: Sequence[Listener] | None = None,
    **changes: Any,
) -> SearchResult:
    """Go on with a study, whatever ended it; of a finished one without a larger budget, return the result.

    Args:
        name: of the study.
        objective: needed only where the study was made with a Python callable.
        space: what to choose from henceforth. Trials that are points of it, with new params at their defaults, go on
            informing the sampler.
        lose_trials: whether to go on where some trials are no points of `space`; they stay in the ledger.
        takeover: whether to take it from a driver that lives, but hangs: whatever that still does is not written.
        home: folder it is in.
        storage: URL of the database that its ledger is in, if its folder does not say.
        sampler: an Optuna sampler: needed where the study was made with one. What it noted down in its trials is there
            again, and its random generator is seeded anew, so that no draw comes twice.
        early_stopping: the object that it was made with as early stopping, if it was.
        strict: whether to refuse to go on where the objective's code, its data, Python or packages have changed.
        listeners: called with each event; default: one progress line.
        **changes: new values for options of `config.BUDGET`, `tries`: more points to try before any other, and
            `warm_start`: more studies of this home to learn from.

    Raises:
        StudyNotFoundError: there is no such study.
        LeaseLostError: another driver runs it, and `takeover` is not given.
        ConfigError: it was made with an object that was not given, or `space` would lose trials.
        StudyMismatchError: what was given is not what it was made with.
    """
    found = Home.find(home, storage)
    rule = None if early_stopping is None else stopping.named(early_stopping)
    space = None if space is None else SearchSpace(space)
    config = planning.stored_config(found, name, {**changes, "early_stopping": rule, "space": space})
    with found.read(name) as reader:
        change = SpaceChange.look(reader, config.space)
    if change is not None and change.lost and not lose_trials:
        raise ConfigError([*map(str, change.changes), f"{change.summary}: go on with lose_trials=True"])
    call = objective or planning.load(config)
    return start(
        found,
        name,
        config,
        call,
        sampler=sampler,
        early_stopping=early_stopping,
        pasts=past_studies.read(found, config, past_studies.unread(found, name, config), name=name),
        is_new=False,
        strict=strict,
        takeover=takeover,
        listeners=_or_progress(listeners, config),
    )


@private.files()
def start(
    home: Home,
    name: str,
    config: StudyConfig,
    objective: Objective,
    *,
    listeners: Sequence[Listener],
    sampler: optuna.samplers.BaseSampler | None = None,
    early_stopping: stopping.Rule | None = None,
    pasts: Sequence[samplers.Past] = (),
    is_new: bool = True,
    strict: bool = False,
    takeover: bool = False,
    on_ready: Callable[[Capacity], None] = lambda capacity: None,
) -> SearchResult:
    """Run a study to its end; one that `is_new` and cannot begin is taken back.

    With `takeover` it is taken from a driver that lives. `pasts` are what it is to learn of other studies.

    `on_ready` is called when the machine was found fit, before trials run.

    Raises:
        StudyMismatchError: `strict`, and code, data, Python or packages have changed since the study ran last.
        Interrupted: by a signal, or by `automl stop --now`; the state is saved.
    """
    began = time.monotonic()
    fingerprint = Fingerprint.of(config, objective)
    if strict:
        _refuse_changes(home, name, fingerprint)
    if not is_new:
        if _has_nothing_to_do(home, name, config, takeover=takeover):
            return read_result(home, name, seconds=0.0)
        samplers.check(sampler or config.sampler, config.space, preference=config.preference)
    executor = executors.make(config)
    holding = _holding(home, name, is_new=is_new, takeover=takeover)
    with guard.beside(), interrupts.raised(), interrupts.saved_by(guard.kill), holding as ledger:
        try:
            if (rule := early_stopping or config.early_stopping) != AUTO:
                stopping.make(rule)  # what is missing is missed before Ray starts
            executor.check(objective)
            capacity = executor.prepare()
            executors.check_budget(config, capacity)
            opened = functools.partial(
                Study.open,
                home.ledger_url(name),
                name,
                folder=home.study(name),
                sampler=sampler,
                early_stopping=early_stopping,
                shares=capacity.shares,
                parallel=capacity.parallel,
                changes={key: getattr(config, key) for key in CHANGEABLE},
                fingerprint=fingerprint,
                pasts=pasts,
                ledger=ledger,
                listeners=listeners,
            )
            _run(opened, home, config, objective, executor, on_ready=lambda: on_ready(capacity))
        finally:
            with interrupts.held_back():
                executor.close()
    return read_result(home, name, seconds=time.monotonic() - began)


@contextlib.contextmanager
def _holding(home: Home, name: str, *, is_new: bool, takeover: bool) -> Iterator[Writer]:
    """Hold a study before anything starts for it, so that nobody else starts the same or deletes it meanwhile.

    A block that fails gives it back, unless that is done; one that `is_new` and has not begun goes.

    Raises:
        LeaseLostError: another driver holds it, or it was deleted since it was found.
    """
    ledger = None
    try:
        with interrupts.shielded():
            home.settle(name)
            ledger = Writer.open(connect(home.ledger_url(name), create=True, waits=True), name, takeover=takeover)
        yield ledger
    except BaseException as error:
        with interrupts.held_back():
            if is_new:
                home.discard(name)
            if ledger is not None:
                ledger.abandon()
        if isinstance(error, StudyNotFoundError):
            raise LeaseLostError(f"study {name!r} was deleted while it was starting; nothing was run") from error
        raise


def _run(
    opened: Callable[[], Study],
    home: Home,
    config: StudyConfig,
    objective: Objective,
    executor: executors.Executor,
    *,
    on_ready: Callable[[], None],
) -> None:
    """Run a study to its end, close and deliver it.

    Once nothing is left to run, a signal changes no more than how long we wait for delivery.
    """
    with contextlib.ExitStack() as held, contextlib.ExitStack() as copying, contextlib.ExitStack() as running:
        with interrupts.shielded():
            study = opened()
            name = study.folder.name
            running.callback(study.close)
            running.callback(lambda: held.enter_context(interrupts.held_back()))
            copying.enter_context(interrupts.saved_by(study.close))
        study_file.leave(home.study(name), name, study.config)
        # Not before: the ledger says where to deliver to, and a study that is resumed may have changed it.
        study.watch = copying.enter_context(
            beside(home, name, config.trackers, tracking_uri=config.tracking_uri, grace=config.grace)
        )
        on_ready()
        try:
            executor.run(study, objective)
            if study.confirm():
                executor.run(study, objective)
            _test_winner(home, name, study, objective)
            held.enter_context(interrupts.held_back())
        except Interrupted:
            if not study.is_finishing or _owes(home, name, study, objective):
                raise
        running.close()
        if study.failure is not None:
            raise study.failure
        if study.request is Request.NOW and not study.is_finishing:
            raise Interrupted(by="`automl stop --now`")


def _refuse_changes(home: Home, name: str, now: Fingerprint) -> None:
    with home.read(name) as reader:
        trial = reader.size() - 1
        found = [each.told(trial=trial) for each in now.differences(Fingerprint.last(reader))]
    if found:
        raise StudyMismatchError([*found, "nothing was done: leave --strict out to go on all the same"])


def _has_nothing_to_do(home: Home, name: str, config: StudyConfig, *, takeover: bool) -> bool:
    with home.read(name) as reader:
        study = reader.study()
        if study.owner is not None and not takeover:  # Ray would take seconds to start, only for the same to be said
            raise lease.refusal(name, study.owner)
        if study.state != "finished":
            return False
        if study.config["kind"] in ("task", "table") and study.result is None and reader.counts()["COMPLETE"]:
            return False  # it was cut before the winner could be tested
        if config.confirm and Confirmation.of(config).left(reader.records()):
            return False
        stored, why = StudyConfig.from_dict(study.config), ended_by(reader)
        keys = ("shown_tracking_uri", "space", "tries", "warm_start")
        if any(getattr(config, key) != getattr(stored, key) for key in keys):
            return False
        if why in (None, EndedBy.TRIALS, EndedBy.EXHAUSTED):
            return config.n_trials <= stored.n_trials and config.timeout == stored.timeout
        assert why.option is not None
        return bool(getattr(config, why.option) == getattr(stored, why.option))  # else it would end again at once


def _owes(home: Home, name: str, study: Study, objective: Objective) -> bool:
    """Say whether anything is to be done after the search, when that is through."""
    left = Confirmation.of(study.config).left(study.records.values())
    return left > 0 or _untested(home, name, study, objective) is not None


def _test_winner(home: Home, name: str, study: Study, objective: Objective) -> None:
    """Measure the winner on the test part, once: a study that is extended without a new winner does not again."""
    evaluate: Any = getattr(objective, "evaluate_winner", None)
    winner = _untested(home, name, study, objective)
    if winner is not None:
        weights = home.trial(name, winner) / "artifacts" / "model.safetensors"
        study.keep_result({"trial": winner, "test": evaluate(study.values_of(winner), weights)})


def _untested(home: Home, name: str, study: Study, objective: Objective) -> int | None:
    """Return the number of the winner of a study that is through, if its objective can test it and it is not tested."""
    winner = Confirmation.of(study.config).winner(study.records.values())
    if not study.is_finishing or not hasattr(objective, "evaluate_winner") or winner is None:
        return None
    with home.read(name) as reader:
        known = reader.study().result
    weights = home.trial(name, winner) / "artifacts" / "model.safetensors"
    is_known = known is not None and known["trial"] == winner
    return winner if not is_known and weights.is_file() else None


def _or_progress(listeners: Sequence[Listener] | None, config: StudyConfig) -> Sequence[Listener]:
    if listeners is not None:
        return listeners
    from automl.report.progress import ProgressLine

    return [ProgressLine(config.n_trials, metric=config.preference.names)]
