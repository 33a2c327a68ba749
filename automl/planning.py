"""What is to be searched: settings and an objective, from what a user asks or from what a study has stored.

config, objective = plan("digits", None, n_trials=20)           # checked, all problems at once; nothing is created
name = add(Home.find(), config, None, is_seeded=False)          # "digits-1"
config = stored_config(Home.find(), "digits-1", {"n_trials": 40})
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from automl import samplers, stopping
from automl.attempt import Objective
from automl.config import CHANGEABLE, Direction, StudyConfig, default_direction, unknown
from automl.errors import AutomlError, ConfigError, StudyMismatchError
from automl.goals import find_metric, learnt
from automl.home import Home
from automl.preference import Constraint, several
from search_spaces import SearchSpace, adopt
from search_spaces.scalars import shown

if TYPE_CHECKING:
    import optuna

    from automl.objectives.target import Target
    from automl.tasks import Task


def plan(
    objective: Callable[..., Any] | Task | str,
    space: SearchSpace | Mapping[str, Any] | None,
    *,
    metric: str | Sequence[str] | None = None,
    direction: str | Sequence[str] | None = None,
    constraints: str | Sequence[str] | None = None,
    sampler: str | optuna.samplers.BaseSampler = "auto",
    early_stopping: stopping.Rule = "auto",
    target_column: str | None = None,
    **options: Any,
) -> tuple[StudyConfig, Objective]:
    """Return the checked settings of a study, and its objective ready to run.

    Raises:
        ConfigError: with every problem found.
    """
    from automl.objectives.target import resolve

    problems: list[str] = []
    asked, ways = several(metric or ()), several(direction or ())
    try:
        target = resolve(objective, space, column=target_column, metric=learnt(asked))
    except ConfigError as error:
        problems += error.problems
        target = _stand_in(space)
        options.pop("tries", None)  # points of a space that may not be known
    space = target.space if isinstance(target.space, SearchSpace) else SearchSpace(target.space)
    known = target.metrics or {}
    metrics = [find_metric(each, known) for each in asked or (target.metric,)]
    if target.metrics is not None:
        problems += [unknown("--metric", each, list(known)) for each in metrics if each and each not in known]
    if not ways:
        own = {each: known.get(each) or default_direction(each) for each in metrics}
        needed = [each for each, way in own.items() if way is None] if not problems else []
        other = "" if asked else ", or name the metric that is reported, such as --metric val_loss --direction minimize"
        ask = "--direction is needed: say whether {!r} is to minimize or maximize{}"
        problems += [ask.format(each, other) for each in needed]
        ways = tuple(own[each] or "minimize" for each in metrics)
    limits = _limits(several(constraints or ()), target, problems)
    options = {name: value for name, value in options.items() if value is not None}
    options.setdefault("seed", secrets.randbelow(2**31))
    if target.max_epochs is not None:
        options.setdefault("max_epochs", target.max_epochs)
    try:
        config = StudyConfig(
            target=target.name,
            kind=target.kind,
            target_column=target_column,
            data=target.facts,
            space=space,
            metrics=tuple(metrics),
            directions=cast(tuple[Direction, ...], ways),  # StudyConfig checks them
            constraints=limits,
            sampler=samplers.named(sampler),
            early_stopping=stopping.named(early_stopping),
            **options,
        )
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from error
    if problems:
        raise ConfigError(problems)
    samplers.check(sampler, space, preference=config.preference)
    return config, target.build(config)


def _limits(given: Sequence[str], target: Target, problems: list[str]) -> tuple[str, ...]:
    """Return constraints with the names that the target has for metrics, and add those to `problems` that it lacks."""
    found = []
    for text in given:
        try:
            limit = Constraint.parse(text)
        except ValueError as error:
            problems.append(f"--constraint {error}")
            continue
        metric = find_metric(limit.metric, target.metrics or ())
        if target.metrics is not None and metric not in target.metrics:
            problems.append(unknown(f"--constraint {shown(text)}: metric", metric, list(target.metrics)))
        found.append(str(replace(limit, metric=metric)))
    return tuple(found)


def add(home: Home, config: StudyConfig, name: str | None, *, is_seeded: bool) -> str:
    """Add a study called `name`, or as `Home.add` finds one; return its name. `is_seeded`: the user gave the seed.

    Raises:
        StudyMismatchError: the name is taken; says how that study differs from what is asked.
    """
    try:
        return home.add(config.to_dict(), stem=config.stem, name=name)
    except StudyMismatchError as error:
        differences: list[str] = []
        with contextlib.suppress(AutomlError), home.read(name or "") as reader:  # it may be no study of ours
            stored = StudyConfig.from_dict(reader.study().config)
            differences = stored.differences(config, but=() if is_seeded else ("seed",))
        raise StudyMismatchError([*error.problems, *differences]) from None


def _stand_in(space: SearchSpace | Mapping[str, Any] | None) -> Target:
    """Return a target in the place of one that is wrong, so that what is wrong with other options is found too."""
    from automl.objectives.target import Target

    return Target(name="", kind="function", space=space or {"x": "0..1"}, build=lambda config: lambda trial: None)


def stored_config(home: Home, name: str, changes: Mapping[str, Any]) -> StudyConfig:
    """Return the settings of a study with `changes` to its budget, another `space`, more `tries`, or more studies
    for a `warm_start`.

    Raises:
        StudyMismatchError: a change would make its trials incomparable.
        ConfigError: it was simulated.
    """
    with home.read(name) as reader:
        config = StudyConfig.from_dict(reader.study().config)
        asked = sum(reader.counts().values())
    if config.kind == "simulated":
        raise ConfigError(f"study {name!r} is a simulation, which nothing can go on with: simulate a longer one")
    wanted = {key: value for key, value in changes.items() if value is not None}
    if "n_trials" in wanted:
        wanted["n_trials"] = max(wanted["n_trials"], asked)  # what was asked stays
    if "tries" in wanted or "space" in wanted:
        wanted["tries"] = _tries(config, wanted.get("space", config.space), wanted.get("tries", ()))
    if isinstance(more := wanted.get("warm_start", ()), (list, tuple)):
        wanted["warm_start"] = [*config.warm_start, *more]
    fixed = [key for key in wanted if key not in CHANGEABLE and getattr(config, key, None) != wanted[key]]
    if fixed:
        raise StudyMismatchError(
            [
                f"study {name!r} has {key} {getattr(config, key, None)!r}, not {wanted[key]!r}; start another study"
                for key in fixed
            ]
        )
    return config.changes(**wanted)


def _tries(config: StudyConfig, space: SearchSpace, more: Any) -> Any:
    """Return the points to try first: those of `config` that are points of `space` too, and `more`."""
    if not isinstance(more, (list, tuple)):
        return more  # StudyConfig says what is wrong with it
    adopted = [adopt(point, old=config.space, new=space) for point in config.tries if isinstance(point, Mapping)]
    return [*(point for point, problems in adopted if not problems), *more]


def load(config: StudyConfig) -> Objective:
    """Return the objective of a stored study, ready to run.

    Raises:
        ConfigError: it was a Python callable, which only Python can hand over, or is not found any more.
        StudyMismatchError: its data have changed.
    """
    from automl.objectives.target import resolve

    if config.kind == "callable":
        raise ConfigError(
            f"this study runs the Python callable {config.target}: go on with automl.resume(name, callable)"
        )
    if config.data is not None:
        from automl.tasks.tables import check_unchanged

        check_unchanged(config.target, config.data["sha256"])
    return resolve(config.target, config.space, column=config.target_column, metric=learnt(config.metrics)).build(
        config
    )
