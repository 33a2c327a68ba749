"""The built-in tasks by name: data and a goal, so that `automl search digits` needs no code of the user's.

    names()                               # ("digits",)
    task("digits").space(["mlp"])         # what is searched
    task("digits").load(seed=0).train     # what is trained on

Nothing here loads torch or data before `load` does.
"""

from __future__ import annotations

import importlib
from typing import cast

from automl.errors import ConfigError
from automl.tasks.base import METRICS, Split, Task
from search_spaces.errors import did_you_mean

__all__ = ["METRICS", "Split", "Task", "names", "task"]

TASKS = {"digits": "automl.tasks.digits:DIGITS"}


def names() -> tuple[str, ...]:
    """Return the names of all tasks."""
    return tuple(TASKS)


def task(name: str) -> Task:
    """Return the task called `name`.

    Raises:
        ConfigError: there is none.
    """
    if name not in TASKS:
        raise ConfigError(f"no task {name!r}; the tasks are {', '.join(TASKS)}{did_you_mean(name, TASKS)}")
    module, _, attribute = TASKS[name].partition(":")
    return cast(Task, getattr(importlib.import_module(module), attribute))
