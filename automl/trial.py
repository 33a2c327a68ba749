"""One evaluation of the objective: what an objective is handed, what is recorded of it, and the words for both.

An objective is any callable that takes a `Trial` and returns a number, a dict of metrics, or None:

    def objective(trial: Trial) -> None:
        start = 1
        if trial.restored:                          # an earlier attempt was cut: go on from its checkpoint
            start = trial.restored.step + 1
        for step in range(start, trial.max_epochs + 1):
            loss = train_one_epoch(trial.params["lr"])
            with trial.checkpoint(step) as folder:
                save_everything(folder)
            trial.report(step, val_loss=loss)       # raises TrialPruned or TrialPaused when told to end here
        # returning nothing, the last report is the result

How states are called elsewhere:

    ours       Optuna     Ray Tune (an attempt)   MLflow
    WAITING    WAITING    PENDING                 SCHEDULED
    RUNNING    RUNNING    RUNNING                 RUNNING      (a paused trial is RUNNING)
    COMPLETE   COMPLETE   TERMINATED              FINISHED
    PRUNED     PRUNED     TERMINATED              KILLED, with the tag automl.state=PRUNED
    FAIL       FAIL       TERMINATED or ERROR     FAILED
"""

from __future__ import annotations

import contextlib
import enum
import math
import operator
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from automl import crash, durable
from search_spaces.errors import did_you_mean
from search_spaces.scalars import shown

KEPT_CHECKPOINTS = 2  # the newest may be ahead of the last report, which comes after it; the one before is not
LARGEST_STEP = 2**63 - 1  # that databases hold
LONGEST_NAME = 250  # of a metric


class TrialState(enum.StrEnum):
    """Where a trial stands; Optuna's five states."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to the trial."""
        return self in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class AttemptState(enum.StrEnum):
    """Where one execution of a trial stands."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    RESULT = "RESULT"
    LOST = "LOST"


class Reason(enum.StrEnum):
    """Why a trial ended FAIL or PRUNED."""

    RAISED = "raised"
    NAN = "nan"
    INFINITE = "infinite"
    MISSING_METRIC = "missing-metric"
    BAD_VALUE = "bad-value"
    EXIT = "exit"
    SIGNAL = "signal"
    OOM = "oom"
    GPU_OOM = "gpu-oom"
    TIMEOUT = "timeout"
    STALLED = "stalled"
    WORKER_LOST = "worker-lost"
    NODE_LOST = "node-lost"
    EARLY_STOPPING = "early-stopping"
    BUDGET = "budget"

    @property
    def is_retried(self) -> bool:
        """Whether the machine rather than the objective is to blame, so that one more attempt is fair."""
        return self in (Reason.OOM, Reason.GPU_OOM, Reason.WORKER_LOST, Reason.NODE_LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one call of `Trial.report` said."""

    step: int
    values: Mapping[str, float]
    time: float
    """Seconds since the epoch, by the worker's clock."""
    checkpoint: int | None = None
    """Step of the newest checkpoint when the report was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """A frozen copy of all that the ledger knows of one trial."""

    number: int
    state: TrialState
    params: Mapping[str, Any]
    value: float | None = None
    """What the objective returned for the study's metric; only of a COMPLETE trial."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Every metric the objective returned."""
    reports: Mapping[int, float] = field(default_factory=dict)
    """Step -> the study's metric, the first if it has several, as last reported at it."""
    points: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """Step -> what was last reported at it of all metrics that objectives and constraints are about, by name.

    Empty in a study of one metric without constraints, whose `reports` say it all.
    """
    reached: int = 0
    """The last step at which any metric was reported, in whatever attempt."""
    attempt: int = 0
    """Number of attempts begun."""
    paused: bool = False
    reason: Reason | None = None
    message: str | None = None
    seed: int = 0
    checkpoint: int | None = None
    """Step of the newest checkpoint the ledger heard of."""
    started: float | None = None
    ended: float | None = None
    seconds: float = 0.0
    """Time spent in all attempts."""
    confirms: int | None = None
    """The trial that this one runs again with another seed; None for a trial of the search."""

    @property
    def origin(self) -> int:
        """The trial for which the params were chosen: the one that this confirms, or itself."""
        return self.number if self.confirms is None else self.confirms

    @property
    def step(self) -> int:
        """The last step reported, 0 before the first."""
        return max(self.reports, default=0)

    @property
    def is_infeasible(self) -> bool:
        """Whether the trial needs more memory than there is; that it ran out of it with less was retried."""
        return self.state is TrialState.FAIL and self.reason in (Reason.OOM, Reason.GPU_OOM)

    def known(self, step: int) -> dict[str, float]:
        """Return what had been reported by `step` of the metrics that `points` has: of each the last."""
        found: dict[str, float] = {}
        for at in sorted(at for at in self.points if at <= step):
            found |= self.points[at]
        return found

    @property
    def standing(self) -> Mapping[str, float]:
        """What is compared where a study has several objectives, or constraints: final values, or the last ones."""
        return self.values if self.state is TrialState.COMPLETE else self.known(LARGEST_STEP)

    def told(self) -> dict[str, Any]:
        """Return what events say of a trial that has ended or paused."""
        about: dict[str, Any] = {"trial": self.number, "state": self.state, "value": self.value}
        about |= {"values": dict(self.standing)} if self.points else {}
        about |= {"step": self.step}
        confirms = {} if self.confirms is None else {"confirms": self.confirms}
        return about | {"reason": self.reason, "message": self.message} | confirms

    @property
    def last_value(self) -> float | None:
        """The final value, or before there is one the last one reported."""
        return self.value if self.value is not None else self.reports.get(self.step)


class Restored(NamedTuple):
    """The checkpoint that an attempt goes on from."""

    step: int
    folder: Path


class BadValueError(TypeError):
    """Report and return numbers: an int, a float, or a tensor or array with a single element."""


def as_number(value: Any, name: str) -> float:
    """Return `value` as a float. Python and numpy numbers, Decimals and one-element tensors are numbers.

    Raises:
        BadValueError: it is anything else, text that looks like a number included.
    """
    if not isinstance(value, (str, bytes, bytearray)):
        try:
            return float(value.item() if hasattr(value, "item") else value)  # of numpy, torch, jax: the one element
        except (TypeError, ValueError, OverflowError, RuntimeError):
            pass
    raise BadValueError(f"{name} must be a number, got {_shown(value)} ({type(value).__name__})")


def _shown(value: Any) -> str:
    """Return a value of the user's as a message shows it; its own `repr` may fail in any way."""
    try:
        return shown(value)
    except Exception as error:
        return f"that cannot be shown ({type(error).__name__})"


def _as_step(step: Any) -> int | None:
    """Return `step` as an int, numpy's whole numbers included, or None if it is not whole."""
    if isinstance(step, bool):
        return None
    try:
        return operator.index(step)
    except TypeError:
        return None


class Trial:
    """The handle an objective works with. Executors make it; tests may make it by hand.

    Args:
        number: position in the study, from 0.
        params: the sampled values, by name; of a choice that has a name ("small=[64, 64]|big=[256]"), the value.
        folder: where this trial's files go.
        seed: for the objective's own random generators; differs from trial to trial.
        max_epochs: the full budget in steps, or None when the study has none.
        restore_step: newest step whose checkpoint may be used; later ones are damaged, or were never heard of, and are
            removed.
        last_values: what had been reported at that step.
        decision_steps: steps whose report waits for the verdict of early stopping.
        send: called with each report; raises TrialPruned or TrialPaused to end the trial there.
        check: called before files are kept; raises TrialPruned where another attempt has taken over.
    """

    def __init__(
        self,
        *,
        number: int,
        params: Mapping[str, Any],
        folder: Path,
        seed: int = 0,
        max_epochs: int | None = None,
        restore_step: int = 0,
        last_values: Mapping[str, float] | None = None,
        decision_steps: frozenset[int] = frozenset(),
        send: Callable[[Report], None] | None = None,
        check: Callable[[], None] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.number = number
        self.params = dict(params)
        self.seed = seed
        self.max_epochs = max_epochs
        remove_checkpoints(folder, above=restore_step)
        self.restored = newest_checkpoint(folder, restore_step, thorough=False)  # whoever chose the step read it all
        self.last_step = self.restored.step if self.restored else 0
        self.last_values = dict(last_values or {}) if self.restored else {}
        self.artifacts: dict[str, str] = {}
        self.folder = folder
        self.newest = self.restored.step if self.restored else None  # step of the newest checkpoint
        self._decision_steps = decision_steps
        self._send = send or (lambda report: None)
        self._check = check or (lambda: None)
        self._clock = clock or time.time

    def report(self, step: int, /, **metrics: float) -> None:
        """Tell the search what was measured after `step` units of work (epochs, for built-in tasks).

        Args:
            step: whole number from 1, larger at each call.
            **metrics: numbers by name; the study's metric among them is what early stopping sees.

        Raises:
            TrialPruned: early stopping or the budget ends the trial here.
            TrialPaused: the trial waits at its checkpoint for promotion.
            BadValueError: a metric is not a number, or `step` does not grow.
        """
        whole = _as_step(step)
        if whole is None or not self.last_step < whole <= LARGEST_STEP:
            raise BadValueError(
                f"step must be a whole number above {self.last_step}, the last one, and below 2^63, got {_shown(step)}"
            )
        values = as_metrics(metrics)
        self.last_step = whole
        self.last_values.update(values)
        self._send(Report(step=whole, values=values, time=self._clock(), checkpoint=self.newest))

    def artifact(self, path: str | Path, name: str | None = None) -> None:
        """Keep a copy of the file `path`, under `name` (default: its own name), with the trial."""
        source = Path(path)
        name = name or source.name
        if not re.fullmatch(r"[\w .\-]+(/[\w .\-]+)*", name) or ".." in name.split("/"):
            raise ValueError(f"artifact name must be made of letters, digits, '.', '_', '-' and '/', got {name!r}")
        self._check()
        target = self.folder / "artifacts" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.resolve() != target.resolve():
            shutil.copyfile(source, target)
        self.artifacts[name] = str(target.relative_to(self.folder))

    @contextlib.contextmanager
    def checkpoint(self, step: int) -> Iterator[Path]:
        """Yield an empty folder; what the block puts there is what an attempt can go on from after `step`.

        Save before you report the step. Written atomically and verified before use; the newest two are kept.
        """
        with durable.new_folder(_checkpoints(self.folder) / str(step), check=self._check) as folder:
            yield folder
            crash.here(crash.Point.WORKER_WITHIN_CHECKPOINT)
        crash.here(crash.Point.WORKER_AFTER_CHECKPOINT)
        self.newest = step
        for old in sorted(_checkpoint_steps(self.folder))[:-KEPT_CHECKPOINTS]:
            durable.remove(_checkpoints(self.folder) / str(old))

    def decides_at(self, step: int) -> bool:
        """Whether early stopping judges `step`: a good moment for a checkpoint, since a pause needs one."""
        return step in self._decision_steps


def as_metrics(values: Mapping[Any, Any]) -> dict[str, float]:
    """Return metrics by name, as floats.

    Raises:
        BadValueError: a value is no number, or a name is empty, too long or unprintable.
    """
    found = {}
    for key, value in values.items():
        name = str(key)
        if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
            raise BadValueError(f"a metric's name must be 1 to {LONGEST_NAME} printable characters, got {name[:80]!r}")
        found[name] = as_number(value, f"metric {name!r}")
    return found


def remove_checkpoints(folder: Path, *, above: int | None = None) -> None:
    """Remove the checkpoints of the trial in `folder` at steps beyond `above`; by default all, half-made ones too."""
    if above is None:
        path = _checkpoints(folder)
        for entry in path.iterdir() if path.is_dir() else ():
            durable.remove(entry)
        return
    for step in _checkpoint_steps(folder):
        if step > above:
            durable.remove(_checkpoints(folder) / str(step))


def newest_checkpoint(folder: Path, up_to: int, *, thorough: bool = True) -> Restored | None:
    """Return the newest whole checkpoint of the trial in `folder` at a step <= `up_to`.

    Unless `thorough`, the content of its files is not read: right where somebody has done so a moment ago.
    """
    for step in checkpoint_steps(folder, up_to):
        path = _checkpoints(folder) / str(step)
        if durable.is_whole(path, thorough=thorough):
            return Restored(step, path)
    return None


def checkpoint_steps(folder: Path, up_to: int, *, heard_of: int | None = None) -> list[int]:
    """Return the steps <= `up_to` at which the trial in `folder` ought to have a whole checkpoint, the newest first.

    Args:
        folder: the trial's.
        up_to: the last step that was reported.
        heard_of: the newest checkpoint that the ledger knows; it counts though it is gone, unless newer ones took its
            place.
    """
    steps = _checkpoint_steps(folder)
    if heard_of is not None and heard_of > max(steps, default=0):
        steps.append(heard_of)
    return sorted((step for step in steps if step <= up_to), reverse=True)


def outcome(
    returned: Any, *, metrics: Sequence[str], last: Mapping[str, float]
) -> tuple[dict[str, float], Reason | None, str]:
    """Judge what an objective returned: its metrics, and why they make no valid result if they do not.

    Args:
        returned: a dict of metrics, a number, or None (then `last` stands). A number is the first metric where the
            objective reported that too, else the metric "value".
        metrics: all that the study's objectives and constraints are about; each of them has to be there.
        last: the last reported value of each metric.
    """
    if returned is None:
        values = {metric: last[metric] for metric in metrics if metric in last}
    elif isinstance(returned, Mapping):
        values = as_metrics(returned)
    else:
        values = {metrics[0] if metrics[0] in last else "value": as_number(returned, "the returned value")}
    for metric in metrics:
        if metric not in values:
            return values, Reason.MISSING_METRIC, _missing(metric, values, last, returned)
    for metric in metrics:
        if math.isnan(values[metric]):
            return values, Reason.NAN, f"{metric} is NaN"
        if math.isinf(values[metric]):
            return values, Reason.INFINITE, f"{metric} is {values[metric]}"
    return values, None, ""


def _missing(metric: str, values: Mapping[str, float], last: Mapping[str, float], returned: Any) -> str:
    """Say that a metric is not among the `values` of a trial, and what to do."""
    names = sorted({*values, *last})
    seen = ", ".join(names) or "nothing"
    if metric in last:
        return (
            f"metric {metric!r} was reported, but is not in what was returned; seen: {seen}; return it too, or nothing"
        )
    near = did_you_mean(metric, names) or f"; return {{{metric!r}: number}}"
    bare = "" if returned is None or isinstance(returned, Mapping) else " (a bare number is the metric 'value')"
    return f"metric {metric!r} was never reported nor returned; seen: {seen}{bare}{near}"


def _checkpoints(folder: Path) -> Path:
    return folder / "checkpoints"


def _checkpoint_steps(folder: Path) -> list[int]:
    path = _checkpoints(folder)
    names = [entry.name for entry in path.iterdir()] if path.is_dir() else []
    return [int(name) for name in names if re.fullmatch(r"[1-9][0-9]{0,18}", name)]
