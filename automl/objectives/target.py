"""From what the user names to what a worker runs: a task, a table, a function in a file or module, a Python callable.

target = resolve("digits", None)
target.metric, target.direction, target.max_epochs      # "val_acc", "maximize", 30
objective = target.build(config)                        # small, picklable, loads its heavy parts in the worker
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl import tasks
from automl.config import StudyConfig
from automl.errors import ConfigError
from automl.goals import COSTS, learnt
from automl.objectives import Objective
from automl.objectives.function import check_target, load_objective, resolve_target
from automl.objectives.task import TaskObjective
from automl.study_file import SUFFIXES
from automl.tasks import Task
from automl.trial import Trial
from search_spaces import SearchSpace
from search_spaces.errors import did_you_mean

TASK_EPOCHS = 30


@dataclass(frozen=True, slots=True)
class FunctionObjective:
    """A function by name, imported where it runs: the driver needs none of what it imports."""

    target: str

    def load(self) -> Objective:
        """Import it; what that changes in the process stays."""
        return load_objective(self.target)

    def __call__(self, trial: Trial) -> float | Mapping[str, float] | None:
        return self.load()(trial)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a study is to evaluate."""

    name: str
    kind: str
    """"task", "table", "function" or "callable"."""
    space: SearchSpace | Mapping[str, Any]
    build: Callable[[StudyConfig], Objective]
    metric: str = "value"
    metrics: Mapping[str, str] | None = None
    """Metric -> direction, of a task; a function's are its own affair."""
    max_epochs: int | None = None
    facts: Mapping[str, Any] | None = None
    """JSON: what was found in the user's data."""


def resolve(
    objective: Callable[..., Any] | Task | str,
    space: SearchSpace | Mapping[str, Any] | None,
    *,
    column: str | None = None,
    metric: str | None = None,
) -> Target:
    """Return what `objective` names.

    Args:
        objective: a callable, a task or its name, a data file, `file.py:function` or `package.module:function`.
        space: what to choose from, None for a task's own.
        column: of a data file, the one to predict.
        metric: what the user asks for, None for the task's own.

    Raises:
        ConfigError: it names nothing that can be evaluated.
    """
    if isinstance(objective, Task):
        return _of_task(objective, space)
    if not isinstance(objective, str):
        call: Callable[..., Any] = objective
        if column is not None:
            raise ConfigError(f"target_column {column!r} names a column, but {call!r:.80} is no data file")
        name = getattr(call, "__qualname__", type(call).__qualname__)
        return Target(name=name, kind="callable", space=space or {}, build=lambda config: call)
    if task := tasks.find(objective, column=column, metric=metric):
        return _of_task(task, space)
    if is_study_file(objective):
        raise ConfigError(f"{objective!r} is a study file, which `automl search {objective}` runs")
    if _is_function(objective):
        name = resolve_target(objective, Path.cwd())
        check_target(name)
        return Target(name=name, kind="function", space=space or {}, build=lambda config: FunctionObjective(name))
    raise ConfigError(
        f"{objective!r} is no task ({', '.join(tasks.names())}), data file ({', '.join(tasks.TABLES)}) "
        f"or function (file.py:function){did_you_mean(objective, tasks.names())}"
    )


def _of_task(task: Task, space: SearchSpace | Mapping[str, Any] | None) -> Target:
    space = task.space() if space is None else SearchSpace(space)
    if problems := task.problems(space):
        raise ConfigError(problems)
    return Target(
        name=task.name if task.facts is None else task.facts["path"],
        kind="task" if task.facts is None else "table",
        space=space,
        build=lambda config: TaskObjective(
            task=task,
            seed=config.seed,
            metric=learnt(config.metrics) or task.metric,
            costs=tuple(name for name in config.preference.names if name in COSTS),
        ),
        metric=task.metric,
        metrics={**task.directions, **COSTS},
        max_epochs=TASK_EPOCHS,
        facts=task.facts,
    )


def locate(text: str, folder: Path) -> str:
    """Return a target that is written in a file of `folder` so that it means the same in every other folder.

    Raises:
        ConfigError: there is no such function, or it is another study file.
    """
    if is_study_file(text):
        raise ConfigError(f"target {text!r} is a study file; write what that file has for a target")
    if tasks.is_table(text) and "://" not in text:
        return str(folder / Path(text).expanduser())
    return resolve_target(text, folder) if _is_function(text) else text


def is_study_file(text: str) -> bool:
    """Say whether a target is the path of a study file; it need not exist."""
    return text.lower().endswith(SUFFIXES) and not _is_function(text)


def _is_function(text: str) -> bool:
    return ":" in text or text.endswith(".py")
