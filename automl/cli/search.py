"""`automl search`: from a command line to a new study, which runs at once, or is shown with `--dry-run`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from automl import interrupts, tasks
from automl.cli import given, options, plan
from automl.cli.compose import compose
from automl.cli.output import Format
from automl.cli.run import read_pasts, run
from automl.cli.values import Problems
from automl.config import StudyConfig
from automl.goals import learnt
from automl.tasks import Task
from search_spaces import SearchSpace

if TYPE_CHECKING:
    from automl.attempt import Objective
    from automl.home import Home
    from automl.samplers import Past

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(StudyConfig)}
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
    is_misread = bool(problems.lines)
    settings = given.settings(context, problems)
    metrics, ways, limits = (given.several(context, name) for name in ("metric", "direction", "constraint"))
    settings |= {"metric": metrics, "direction": ways, "constraints": limits}
    settings |= {"tries": given.several(context, "tries"), "warm_start": warm_start or []}
    task = (
        problems.attempt(lambda: tasks.find(target, column=target_column, metric=learnt(metrics))) if target else None
    )
    before = len(problems.lines)
    ranges = given.ranges(context, problems)
    layers, relations, labels = given.spaces(context), given.relations(context), given.labels(context)
    composed = compose(task, problems, arch=arch, spaces=layers, ranges=ranges, relations=relations, labels=labels)
    if is_misread or len(problems.lines) > before:  # a space without what could not be read is not what was meant
        composed = None
    found, config, objective, pasts = _planned(
        task or target, composed, settings, problems, name=name, home=home, storage=storage
    )
    is_guessed = not ways and task is None
    if dry_run:
        more = {"name": name, "home": str(found.path) if home else None, "storage": found.where if storage else None}
        known = {"is_guessed": is_guessed, "is_seeded": seed is not None}
        plan.show(found, config, objective, pasts, more=more, **known, format=format, json=json)
        return
    name = planning.add(found, config, name, is_seeded=seed is not None)
    run(found, name, config, objective, {}, pasts, format=format, json=json, quiet=quiet, is_guessed=is_guessed)


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
    pasts = read_pasts(found, planned[0] if planned else None, problems)
    problems.check()
    assert planned is not None
    assert found is not None
    return found, *planned, pasts
