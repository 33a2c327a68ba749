"""`automl resume`: a study goes on, with a larger budget or in another space if it is told so."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from automl import interrupts
from automl.cli import given, options, output
from automl.cli.changes import agree
from automl.cli.compose import compose, lines
from automl.cli.output import Format
from automl.cli.run import read_pasts, run
from automl.cli.values import Problems, trial_count
from search_spaces import SearchSpace

if TYPE_CHECKING:
    from automl.trial import TrialRecord


@interrupts.raised()
def resume(
    context: typer.Context,
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
    grace: options.Grace = None,
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
    changes = given.settings(context, problems)
    changes["n_trials"] = problems.read("--trials", trials, functools.partial(trial_count, asked=stored.n_trials))
    changes["space"] = _new_space(stored.space, space, param, problems)
    config = problems.attempt(lambda: planning.stored_config(found, study, changes))
    pasts = read_pasts(found, config, problems, name=study)
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
    run(found, study, config, objective, before, pasts, format=format, json=json, quiet=quiet, **more)


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
