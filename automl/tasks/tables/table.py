"""From a data file to a task: looked through once by the driver, read again by each process that trains.

    task = open_table("churn.csv.gz", column="churn")
    task.facts                  # JSON: what was found, to be said and kept with the study
    task.load(seed=0)           # three parts as tensors

What travels to a worker is the path and the file's hash, not the data; a file that has changed since is refused there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from automl.errors import ConfigError, StudyMismatchError
from automl.goals import Classification, Goal, Regression
from automl.tasks.base import Split, Task, stratified
from automl.tasks.tables import files
from automl.tasks.tables.columns import Column, Kind, Numbers, features
from automl.tasks.tables.files import Source
from automl.tasks.tables.prepare import Preparation
from automl.tasks.tables.target import Target, examine_target, read_target
from search_spaces.errors import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

LISTED = 20  # columns that an error names


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Reads a table into three parts, in whatever process; equal where it reads the same."""

    path: str
    sha256: str
    column: str
    problem: str
    """"classification" or "regression"."""

    def __call__(self, seed: int) -> Split:
        """Return the parts that `seed` chooses: of each class its share, of numbers any rows.

        Raises:
            StudyMismatchError: the file is not what it was when the study was made.
        """
        import torch

        from automl.training import Examples

        path = files.check(self.path)
        check_unchanged(path, self.sha256)
        source = files.read(path)
        target = read_target(source.frame[self.column], problem=self.problem)
        columns = features(source.frame, self.column, source.place)
        frame = source.frame[target.is_there]
        values = target.values[target.is_there]
        strata = np.zeros(len(values)) if target.classes is None else values
        parts = [part.numpy() for part in stratified(torch.from_numpy(strata.astype("int64")), seed=seed)]
        goal, targets = _goal(target, values, train=parts[0])
        preparation = Preparation.fit(frame.iloc[parts[0]], columns)
        inputs = preparation.inputs(frame)
        train, val, test = (Examples(inputs[part], targets[part]) for part in parts)
        kept: dict[str, Any] = {"target": self.column, "classes": target.classes, "columns": preparation.to_dict()}
        if isinstance(goal, Regression):
            kept |= {"mean": goal.mean, "scale": goal.scale}
        return Split(
            train=train, val=val, test=test, goal=goal, cardinalities=preparation.cardinalities, preparation=kept
        )


def open_table(text: str, *, column: str | None, metric: str | None = None) -> Task:
    """Look through the table in a file, and return the task of predicting one of its columns.

    Args:
        text: the file.
        column: to predict.
        metric: what the user asks for, None for what suits the column.

    Raises:
        ConfigError: with every problem of the file, or of the column; nothing can be learnt from it.
    """
    path = files.check(text)
    sha256 = files.digest(path)
    source = files.read(path)
    _check_column(source, column)
    assert column is not None
    problems: list[str] = []
    target = None
    try:
        target = examine_target(source.frame[column], place=source.place, metric=metric)
    except ConfigError as error:
        problems += error.problems
    columns = features(source.frame, column, source.place)
    problems += [f"{path.name}: {each.problem}" for each in columns if each.problem]
    if not problems and all(each.kind is None for each in columns):
        problems.append(f"{path.name} has no column that could help to predict {column!r}: {_reasons(columns)}")
    if problems or target is None:
        raise ConfigError(problems)
    table = Table(path=str(path), sha256=sha256, column=column, problem=target.problem)
    return Task(
        name=path.name.partition(".")[0],
        description=f"{len(source.frame):,} rows of {path}: {target.problem} of {column!r}",
        archs=("mlp",),
        metrics=target.metrics,
        metric=target.metric,
        read=table,
        without=("label_smoothing",) if target.classes is None else (),
        facts=_facts(table, target, columns),
    )


def check_unchanged(path: str | Path, sha256: str) -> None:
    """Check that a file is still what it was.

    Raises:
        StudyMismatchError: it is another.
    """
    if (now := files.digest(files.check(str(path)))) != sha256:
        raise StudyMismatchError(
            f"{path} has changed since the study was made (SHA-256 {sha256[:12]}..., now {now[:12]}...): new trials "
            "could not be compared with the old; put the file back, or start another study"
        )


def _check_column(source: Source, column: str | None) -> None:
    names = list(source.frame.columns)
    listed = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
    if column is None:
        which = f"which column of {source.path.name} is to be predicted? It has {listed}"
        raise ConfigError(f"--target is needed (`target_column:` in a study file): {which}")
    if column not in names:
        near = did_you_mean(column, names)
        raise ConfigError(f"--target {column!r}: {source.path.name} has no such column{near} (it has {listed})")


def _goal(target: Target, values: Numbers, *, train: npt.NDArray[np.int64]) -> tuple[Goal, Tensor]:
    """Return what is to be learnt, and the targets as it wants them."""
    import torch

    if target.classes is not None:
        return Classification(n_classes=len(target.classes)), torch.from_numpy(values.astype("int64"))
    mean, scale = float(values[train].mean()), float(values[train].std()) or 1.0
    return Regression(mean=mean, scale=scale), torch.from_numpy(((values - mean) / scale).astype("float32"))


def _facts(table: Table, target: Target, columns: Iterable[Column]) -> Mapping[str, Any]:
    columns = list(columns)
    there = target.values[target.is_there]
    classes = None
    if target.classes is not None:
        classes = {
            str(label): round(float(share), 4) for label, share in zip(target.classes, target.shares, strict=True)
        }
    return {
        "path": table.path,
        "bytes": Path(table.path).stat().st_size,
        "sha256": table.sha256,
        "rows": len(there),
        "rows_without_target": int((~target.is_there).sum()),
        "problem": target.problem,
        "default_metric": target.metric,
        "hint": target.hint,
        "classes": classes,
        "range": None if classes else [float(there.min()), float(there.max())],
        "columns": {kind.value: [each.name for each in columns if each.kind is kind] for kind in Kind},
        "left_out": {each.name: each.left_out for each in columns if each.left_out},
        "notes": {each.name: each.note for each in columns if each.note},
    }


def _reasons(columns: Iterable[Column]) -> str:
    return "; ".join(f"{each.name}: {each.left_out}" for each in columns) or "it has no other"
