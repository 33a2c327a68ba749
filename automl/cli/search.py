"""`automl search` and `automl resume`: from a command line to a study, and from its result to what is printed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from automl import interrupts, tasks
from automl.cli import given, live, options, output, plan, preflight, result
from automl.cli.changes import agree
from automl.cli.compose import compose, lines
from automl.cli.output import Format
from automl.cli.values import Problems, duration, number, trial_count, whole
from automl.config import StudyConfig
from automl.errors import SearchAbortedError
from automl.goals import learnt
from automl.tasks import Task
from search_spaces import SearchSpace

if TYPE_CHECKING:
    from automl.attempt import Objective
    from automl.executors import Capacity
    from automl.home import Home
    from automl.samplers import Past
    from automl.trial import TrialRecord

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(StudyConfig)}
_TIMES = ("--timeout", "--trial-timeout", "--stall-timeout", "--grace")
_READERS = dict.fromkeys(_TIMES, duration)  # the others are whole numbers
_READERS |= dict.fromkeys(("--cpus", "--gpus", "--target-value", "--worth"), number)
_SPARE = SearchSpace({"spare": "0..1"})  # stands in for a space with problems, so that those of other options are found


@interrupts.raised()
def search(
    context: typer.Context,
    target: options.Target,
    target_column: options.Column = None,
    name: options.Name = None,
    metric: options.Metric = None,
    direction: options.Direction = None,
    constraint: options.Constraint = None,
    seed: options.Seed = None,
    space: options.Spaces = None,
    arch: options.Arch = None,
    lr: options.Lr = None,
    weight_decay: options.WeightDecay = None,
    dropout: options.Dropout = None,
    optimizer: options.Optimizer = None,
    param: options.Params = None,
    require: options.Require = None,
    forbid: options.Forbid = None,
    tries: options.Tries = None,
    warm_start: options.WarmStart = None,
    trials: options.Trials = str(_DEFAULTS["n_trials"]),
    timeout: options.Timeout = None,
    budget: options.Budget = None,
    target_value: options.TargetValue = None,
    patience: options.Patience = None,
    worth: options.Worth = None,
    confirm: options.Confirm = None,
    confirm_seeds: options.ConfirmSeeds = None,
    trial_timeout: options.TrialTimeout = None,
    stall_timeout: options.StallTimeout = None,
    retries: options.Retries = None,
    max_failures: options.MaxFailures = None,
    grace: options.Grace = f"{_DEFAULTS['grace']:g}s",
    max_epochs: options.MaxEpochs = None,
    sampler: options.Sampler = str(_DEFAULTS["sampler"]),
    early_stopping: options.EarlyStopping = str(_DEFAULTS["early_stopping"]),
    executor: options.Executor = str(_DEFAULTS["executor"]),
    parallel: options.Parallel = None,
    cpus: options.Cpus = None,
    gpus: options.Gpus = None,
    ray_address: options.RayAddress = None,
    env: options.Env = None,
    env_block: options.EnvBlock = None,
    isolate: options.Isolate = False,
    home: options.Home = None,
    storage: options.Storage = None,
    tracker: options.Tracker = str(_DEFAULTS["tracker"]),
    tracking_uri: options.TrackingUri = None,
    dry_run: options.DryRun = False,
    format: options.Printed = Format.TABLE,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Search for the params with the best metric: of a task, of a network for your table, or of your own function."""

    from automl import planning

    problems = Problems()
    problems.add(given.file_of(context).problems)
    settings = _numbers(problems, trials=trials, max_epochs=max_epochs, seed=seed, timeout=timeout, grace=grace)
    settings |= _numbers(problems, trial_timeout=trial_timeout, stall_timeout=stall_timeout)
    settings |= _numbers(problems, retries=retries, max_failures=max_failures, parallel=parallel, cpus=cpus, gpus=gpus)
    settings |= _numbers(problems, target_value=target_value, patience=patience, worth=worth)
    settings |= _numbers(problems, confirm=confirm, confirm_seeds=confirm_seeds) | {"budget": budget}
    metrics, ways, limits = (given.several(context, name) for name in ("metric", "direction", "constraint"))
    settings |= {"metric": metrics, "direction": ways, "constraints": limits}
    settings |= {"sampler": sampler, "early_stopping": early_stopping}
    settings |= {"executor": executor, "ray_address": ray_address, "isolate": isolate}
    settings |= {"env": env, "env_block": env_block, "warm_start": warm_start or []}
    settings["tries"] = given.several(context, "tries")
    settings |= {"tracker": tracker, "tracking_uri": tracking_uri, "target_column": target_column}
    task = (
        problems.attempt(lambda: tasks.find(target, column=target_column, metric=learnt(metrics))) if target else None
    )
    before = len(problems.lines)
    ranges = given.ranges(context, problems)
    layers, relations = given.spaces(context), given.relations(context)
    composed = compose(task, problems, arch=arch, spaces=layers, ranges=ranges, relations=relations)
    if len(problems.lines) > before:  # a space without what could not be read is not what was meant
        composed = None
    found, config, objective, pasts = _planned(
        task or target, composed, settings, problems, name=name, home=home, storage=storage
    )
    is_guessed = not ways and task is None
    if dry_run:
        more = {"name": name, "home": str(found.path) if home else None, "storage": found.where if storage else None}
        plan.show(found, config, objective, pasts, more=more, is_guessed=is_guessed, format=format, json=json)
        return
    name = planning.add(found, config, name, is_seeded=seed is not None)
    _run(found, name, config, objective, {}, pasts, format=format, json=json, quiet=quiet, is_guessed=is_guessed)


@interrupts.raised()
def resume(
    study: options.Study,
    space: options.NewSpaces = None,
    param: options.NewParams = None,
    tries: options.MoreTries = None,
    warm_start: options.MoreWarmStart = None,
    takeover: options.Takeover = False,
    yes: options.Yes = False,
    strict: options.Strict = False,
    trials: options.MoreTrials = None,
    timeout: options.Timeout = None,
    budget: options.Budget = None,
    target_value: options.TargetValue = None,
    patience: options.Patience = None,
    worth: options.Worth = None,
    confirm: options.Confirm = None,
    confirm_seeds: options.ConfirmSeeds = None,
    trial_timeout: options.TrialTimeout = None,
    stall_timeout: options.StallTimeout = None,
    retries: options.Retries = None,
    max_failures: options.MaxFailures = None,
    grace: options.NewGrace = None,
    parallel: options.Parallel = None,
    cpus: options.Cpus = None,
    gpus: options.Gpus = None,
    env: options.Env = None,
    env_block: options.EnvBlock = None,
    home: options.Home = None,
    storage: options.Storage = None,
    tracking_uri: options.TrackingUri = None,
    format: options.Printed = Format.TABLE,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Go on with a study after anything that ended it; with --trials +20 beyond its end, or in another --space."""
    from automl import planning, samplers
    from automl.home import Home
    from automl.ledger import lease
    from automl.report import summary
    from automl.space_history import SpaceChange

    found = Home.find(home, storage)
    stored = planning.stored_config(found, study, {})
    problems = Problems()
    changes = _numbers(problems, timeout=timeout, trial_timeout=trial_timeout, stall_timeout=stall_timeout, grace=grace)
    changes |= _numbers(problems, retries=retries, max_failures=max_failures, parallel=parallel, cpus=cpus, gpus=gpus)
    changes |= _numbers(problems, target_value=target_value, patience=patience, worth=worth)
    changes |= _numbers(problems, confirm=confirm, confirm_seeds=confirm_seeds) | {"budget": budget}
    changes["n_trials"] = problems.read("--trials", trials, functools.partial(trial_count, asked=stored.n_trials))
    changes["space"] = _new_space(stored.space, space, param, problems)
    changes |= {"tracking_uri": tracking_uri, "env": env, "env_block": env_block, "tries": tries}
    changes["warm_start"] = warm_start
    config = problems.attempt(lambda: planning.stored_config(found, study, changes))
    pasts = _pasts(found, config, problems, name=study)
    problems.check()
    assert config is not None
    with found.read(study) as reader:
        before = summary.status(found, reader)
        change = SpaceChange.look(reader, config.space)
        owner = reader.study().owner
        tried = _tried(reader.records(), config.space, tries or [])
    objective = planning.load(config)
    if not quiet:
        output.say(*tried)
    if change is None and (space or param) and not quiet:
        output.say("the search space is as it was")
    if changes["n_trials"] is not None and changes["n_trials"] < config.n_trials and not quiet:
        output.say(f"--trials {trials}: {config.n_trials} trials were asked for before, and stay")
    if change is not None:
        if owner is not None and not takeover:  # said before anybody is asked to agree
            raise lease.refusal(study, owner)
        samplers.check(config.sampler, config.space)
        agree(change, yes=yes, quiet=quiet)
    asked = sum(before["counts"].values())
    if (change is not None or tries) and asked >= config.n_trials:
        new = "space" if change is not None else "points"
        output.say(f"all {asked} trials were asked for before: --trials +20 tries the new {new}")
    more = {"strict": strict, "takeover": takeover}
    _run(found, study, config, objective, before, pasts, format=format, json=json, quiet=quiet, **more)


def _tried(records: Sequence[TrialRecord], space: SearchSpace, tries: Sequence[str]) -> list[str]:
    """Return a line for each point to try that a trial has tried before: it is not tried again."""
    from automl.samplers.base import key

    numbers = {key(record.params): record.number for record in records}
    points = [(text, key(space.point(text))) for text in tries]
    return [f"--try {text!r}: trial {numbers[point]} has tried it" for text, point in points if point in numbers]


def _new_space(
    now: SearchSpace, spaces: list[str] | None, params: list[str] | None, problems: Problems
) -> SearchSpace | None:
    """Return the space that a study is to have instead of the one `now`; None when it is to stay, or is wrong."""
    before = len(problems.lines)
    ranges = lines({}, params or [], problems)
    if len(problems.lines) > before or not (spaces or ranges):
        return None
    return compose(None, problems, spaces=spaces or [now], ranges=ranges)


def _planned(
    target: Task | str,
    space: SearchSpace | None,
    settings: Mapping[str, Any],
    problems: Problems,
    *,
    name: str | None,
    home: str | None,
    storage: str | None,
) -> tuple[Home, StudyConfig, Objective, list[Past]]:
    """Return where and what to search, and what to learn from, or raise all that is wrong with the command line."""
    from automl import planning
    from automl.home import Home

    planned = None
    if target or not problems.lines:  # a target that is wrong, or absent from a study file, has a problem for it
        spare = None if isinstance(target, Task) else _SPARE
        settings = {**settings, "tries": settings["tries"] if space is not None else []}
        planned = problems.attempt(lambda: planning.plan(target, spare if space is None else space, **settings))
    found = problems.attempt(lambda: Home.find(home, storage))
    if found is not None:
        problems.read("--name", name, found.study)
    pasts = _pasts(found, planned[0] if planned else None, problems)
    problems.check()
    assert planned is not None
    assert found is not None
    return found, *planned, pasts


def _pasts(home: Home | None, config: StudyConfig | None, problems: Problems, *, name: str | None = None) -> list[Past]:
    """Return what a study is to learn of others; the study `name` may have read some of them before."""
    from automl import past_studies

    if home is None or config is None or not config.warm_start:
        return []
    names = past_studies.unread(home, name, config) if name else config.warm_start
    return problems.attempt(lambda: past_studies.read(home, config, names, name=name)) or []


def _numbers(problems: Problems, **given: str | None) -> dict[str, Any]:
    """Return the numbers given after options, under the names that `StudyConfig` has for them."""
    read = {}
    for name, text in given.items():
        option = f"--{name.replace('_', '-')}"
        read["n_trials" if name == "trials" else name] = problems.read(option, text, _READERS.get(option, whole))
    return read


def _run(
    home: Home,
    name: str,
    config: StudyConfig,
    objective: Objective,
    before: Mapping[str, Any],
    pasts: Sequence[Past],
    *,
    format: Format,
    json: bool,
    quiet: bool,
    is_guessed: bool = False,
    strict: bool = False,
    takeover: bool = False,
) -> None:
    """Run a study, new when nothing was `before`, show how it goes, and print what came of it."""
    from automl import driver

    began = time.monotonic()
    has_run = False
    end = _Farewell(home, name, began, format=format, json=json)
    with output.unbreakable(), interrupts.raised(), interrupts.limited(config.grace, end.at_once):
        try:
            with (
                live.view(name, config, before, quiet=quiet, json=json) as view,
                contextlib.redirect_stdout(sys.stderr),
            ):

                def ready(capacity: Capacity) -> None:
                    nonlocal has_run
                    has_run = True
                    view.ready(preflight.facts(home, name, config, capacity, is_guessed=is_guessed))

                found = driver.start(
                    home,
                    name,
                    config,
                    objective,
                    listeners=[view.listen],
                    pasts=pasts,
                    is_new=not before,
                    strict=strict,
                    takeover=takeover,
                    on_ready=ready,
                )
        except (SearchAbortedError, KeyboardInterrupt) as error:
            with interrupts.held_back():
                end.early(error)
        finally:
            output.ignore_signals()
    if has_run and found.state == "interrupted":
        output.say(f"stopped by `automl stop`: state saved; go on with: {output.command(home, 'resume', name)}")
    if not has_run and not quiet:
        output.say(f"{name} is finished: nothing to run{result.again(found.ended_by)}")
    result.show(found, format=format, json=json)


class _Farewell:
    """What is said of a search that ends before its time, once."""

    def __init__(self, home: Home, name: str, began: float, *, format: Format, json: bool) -> None:
        self._home = home
        self._name = name
        self._began = began
        self._format = format
        self._json = json
        self._is_said = False

    def early(self, error: SearchAbortedError | KeyboardInterrupt) -> NoReturn:
        """Say why the search has ended and how to go on, and end with the exit code of `error`."""
        from automl.interrupts import Interrupted
        from automl.result import read_result

        self._is_said = True
        if self._name not in self._home.studies():
            code = getattr(error, "exit_code", 130)
            output.fail("interrupted before the study was made: nothing is kept", code=code)
        if self._json or self._format is not Format.TABLE:
            seconds = time.monotonic() - self._began
            result.show(read_result(self._home, self._name, seconds=seconds), format=self._format, json=self._json)
        if isinstance(error, SearchAbortedError):
            output.say(*error.traceback)
            found = read_result(self._home, self._name, seconds=time.monotonic() - self._began)
            raise SearchAbortedError(result.aborted(found, error, self._again)) from error
        what = str(error) if isinstance(error, Interrupted) and error.by else "interrupted"
        output.say(f"{what}: state saved; go on with: {self._again}")
        raise typer.Exit(error.exit_code if isinstance(error, Interrupted) else 130) from None

    def at_once(self, code: int, is_saved: bool) -> None:
        """Say what there is to say of a process that is about to be ended."""
        if not self._is_said:
            self._is_said = True
            output.show_cursor()
            self._home.discard(self._name)
            if self._name not in self._home.studies():
                output.say("error: interrupted before the study was made: nothing is kept")
                return
            what = "state saved" if is_saved else "what was reported is kept"
            output.say(f"interrupted: {what}; go on with: {self._again}")

    @property
    def _again(self) -> str:
        return output.command(self._home, "resume", self._name)
