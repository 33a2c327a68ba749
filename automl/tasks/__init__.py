"""The built-in tasks: data and a goal, so that `automl search digits` needs no code of the user's.

    names()                               # ("digits",)
    task("digits").space(["mlp"])         # what is searched
    task("digits").load(seed=0).train     # what is trained on
    find("churn.csv", column="churn")     # a task made of a table: which column is to be predicted

Nothing here loads torch or data before `load` does; a table is looked through when it becomes a task.
"""

from __future__ import annotations

import importlib
from typing import cast

from automl.errors import ConfigError
from automl.tasks.base import PREPARATION, Split, Task
from search_spaces.errors import did_you_mean

__all__ = ["PREPARATION", "TABLES", "Split", "Task", "find", "is_table", "names", "task"]

TASKS = {"digits": "automl.tasks.digits:DIGITS"}

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
"""How the names of data files end."""


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


def is_table(text: str) -> bool:
    """Say whether `text` names a data file, whether there is one or not."""
    return text.lower().endswith(TABLES)


def find(text: str, *, column: str | None = None, metric: str | None = None) -> Task | None:
    """Return the task that `text` names: a built-in one, or the table in a data file; None when it is neither.

    Args:
        text: what the user wrote as the target of a search.
        column: of a table, the one to predict.
        metric: what the user asks for, None for the task's own. A table's whole numbers are classes to some metrics and
            numbers to others.

    Raises:
        ConfigError: the table cannot be used, with every problem found; or `column` is given for what has none.
    """
    if is_table(text):
        from automl.tasks import tables

        return tables.open_table(text, column=column, metric=metric)
    if column is not None:
        raise ConfigError(f"--target {column!r} names a column, but {text!r} is no data file ({', '.join(TABLES)})")
    return task(text) if text in TASKS else None
