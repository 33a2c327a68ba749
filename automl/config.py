"""What a study is asked to do: built from flags, a file or code, checked once, here, all problems at a time.

    config = StudyConfig(target="digits", space=space, metrics=("val_acc",), directions=("maximize",), n_trials=20)
    config.changes(n_trials=40)         # a resumed study with a larger budget

What a study measures (target, space, metrics, constraints, seed, ...) is fixed when it is made; `BUDGET` lists the
options that a resumed study may change; its space may too, since trials of the one before it stay comparable.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl import stopping
from automl.compute import Budget
from automl.errors import ConfigError
from automl.errors import unknown as unknown
from automl.preference import DIRECTIONS as DIRECTIONS
from automl.preference import Constraint, Preference, several
from automl.preference import Direction as Direction
from automl.redaction import without_password
from automl.trial import LONGEST_NAME
from search_spaces import SearchSpace, SearchSpaceError
from search_spaces.scalars import shown
from trackers.mlflow_address import address_problem

SAMPLERS = ("auto", "random", "tpe", "gp", "grid", "qmc", "nsga2")
OWN_SAMPLER = stopping.OWN
AUTO = "auto"
EARLY_STOPPING = (AUTO, *stopping.RULES)
EXECUTORS = ("ray", "local")
TRACKERS = ("mlflow", "jsonl")
ENDS = ("timeout", "budget", "target_value", "patience", "worth")
"""What may end a search before its trials are through."""
BUDGET = (
    "n_trials",
    *ENDS,
    "confirm",
    "confirm_seeds",
    "grace",
    "trial_timeout",
    "stall_timeout",
    "retries",
    "max_failures",
    "parallel",
    "cpus",
    "gpus",
    "tracking_uri",
    "env",
    "env_block",
)
CHANGEABLE = (*BUDGET, "space", "tries", "warm_start")
SINGULAR = {"metrics": "metric", "directions": "direction"}
"""Fields that options, study files and ledgers call by the name of one, which there mostly is."""
LEAST_GRACE = 1.0
"""Seconds; the state of a study is saved in less."""
MOST = 10**9
"""Of what is counted; whoever wants no end of trials gives a time."""
LEAST_SHARE = 0.01
"""Of a CPU or GPU, for a trial; more than a hundred processes on one are a slip of the pen."""
_LEAST = {"retries": 0, "confirm": 0, "confirm_seeds": 2}
"""Of what may be none, or must be several: one run has no spread."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ANYWHERE = ("executor", "ray_address", "tracker", "isolate")  # which say where a study runs, not what it measures
_MOST_CHANGES = 3  # of a space that are told one by one
_MINIMIZED = ("loss", "error", "rmse", "mae")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig:
    """One study's settings. Raises ConfigError with every problem found."""

    target: str
    """A task's name, `file.py:function`, `package.module:function`, or a Python callable's own name."""
    space: SearchSpace
    metrics: tuple[str, ...]
    """What is to be made small or large; the first stands for the study where there is room for one."""
    directions: tuple[Direction, ...]
    """One for each of `metrics`."""
    constraints: tuple[str, ...] = ()
    """Limits such as `latency_ms <= 5`, on any metric."""
    n_trials: int = 50
    timeout: float | None = None
    """Seconds."""
    budget: str | None = None
    """Compute that all attempts together may use, such as "4cpuh" or "10gpuh"."""
    target_value: float | None = None
    """The search ends when a COMPLETE trial is at least as good."""
    patience: int | None = None
    """The search ends after so many trials in a row without a better COMPLETE one."""
    worth: float | None = None
    """The search ends when an hour more is expected to better the metric by less."""
    confirm: int = 0
    """How many of the best trials run again after the search; 0 for none."""
    confirm_seeds: int = 3
    """How often each of them, with another seed each time."""
    trial_timeout: float | None = None
    """Seconds that one attempt of a trial may take."""
    stall_timeout: float | None = None
    """Seconds that may pass from one report of an attempt to the next."""
    retries: int = 1
    """Times that a trial runs once more because its worker, its node or the memory was lost."""
    max_failures: int | None = None
    """Failed trials, since the driver started, with which a search ends; None for any number."""
    grace: float = 20.0
    """Seconds from a signal to the end of the process."""
    max_epochs: int | None = None
    """The full budget of a trial in steps."""
    tries: Sequence[Mapping[str, Any]] = ()
    """Points to try first. Lines such as "lr=0.1, width=64" are read, and what a point lacks is at its default."""
    warm_start: Sequence[str] = ()
    """Names of other studies to learn from, or "auto" for those of the same home that are most like this one."""
    sampler: str = "auto"
    early_stopping: str = "auto"
    """A rule's name and parameters, such as `asha eta=4`; `automl.stopping` has them all. What auto is says
    `automl.policy`."""
    executor: str = "ray"
    parallel: int | None = None
    """Trials at once; None for as many as the machine holds."""
    cpus: float | None = None
    """A trial's share; None for one, or for its part of the CPUs beside a GPU."""
    gpus: float | None = None
    ray_address: str | None = None
    env: Sequence[str] = ()
    """Variables that workers see although they look like secrets, and on other hosts too."""
    env_block: Sequence[str] = ()
    """Variables that workers do not see."""
    tracker: str = "mlflow"
    """A name of `TRACKERS`, several with commas between them, or "none"."""
    tracking_uri: str | None = None
    """None for the store in the home folder."""
    seed: int = 0
    isolate: bool = False
    kind: str = "function"
    """"task", "table", "function", "callable", which only Python can resume, or "simulated", which nobody can."""
    target_column: str | None = None
    """Of a table, the column to predict."""
    data: Mapping[str, Any] | None = None
    """Of a table, what was found in it (`automl.tasks.tables.facts`)."""

    def __post_init__(self) -> None:
        problems = [*self._wishes(), *self._choices(), *self._numbers()]
        if self.early_stopping != AUTO:
            problems += stopping.problems(self.early_stopping, objectives=len(self.metrics))
        for name in ("ray_address", "tracking_uri"):
            if getattr(self, name) == "":
                problems.append(f"--{name.replace('_', '-')} is empty: give an address, or leave it out")
        if self.tracking_uri and (problem := address_problem(self.tracking_uri)):
            problems.append(f"--tracking-uri {problem}")
        problems += self._variables()
        problems += self._known()
        if not len(self.space):
            problems.append(
                'the search space is empty: give --space, --lr or -p NAME=RANGE, e.g. -p lr="1e-4..1e-1 log"'
            )
        if problems:
            raise ConfigError(problems)

    def _wishes(self) -> list[str]:
        """Return what is wrong with metrics, directions and constraints, which become tuples."""
        for name in ("metrics", "directions", "constraints"):
            object.__setattr__(self, name, several(getattr(self, name)))
        problems = [
            f"--metric must be 1 to {LONGEST_NAME} printable characters, got {shown(metric)}"
            for metric in self.metrics
            if not (isinstance(metric, str) and metric.isprintable() and 0 < len(metric) <= LONGEST_NAME)
        ]
        twice = dict.fromkeys(name for name in self.metrics if self.metrics.count(name) > 1)
        problems += [f"--metric {shown(name)} is given twice" for name in twice]
        problems += [unknown("--direction", each, DIRECTIONS) for each in self.directions if each not in DIRECTIONS]
        if not self.metrics or len(self.metrics) != len(self.directions):
            problems.append(unpaired(self.metrics, self.directions))
        if len(self.metrics) > 1 and self.confirm:
            problems.append(f"--confirm compares means of one metric, and there are {len(self.metrics)} objectives")
        limits = []
        for text in self.constraints:
            try:
                limits.append(Constraint.parse(text))
            except ValueError as error:
                problems.append(f"--constraint {error}")
        object.__setattr__(self, "constraints", tuple(map(str, limits)))
        lows = {each.metric: each for each in limits if each.sign == ">="}
        return problems + [
            f"--constraint {each} and {lows[each.metric]}: no value keeps both"
            for each in limits
            if each.sign == "<=" and each.metric in lows and lows[each.metric].bound > each.bound
        ]

    def _choices(self) -> list[str]:
        allowed = {
            "sampler": SAMPLERS,
            "executor": EXECUTORS,
        }
        problems = [
            unknown(f"--{name.replace('_', '-')}", getattr(self, name), names)
            for name, names in allowed.items()
            if getattr(self, name) not in names and not (name == "sampler" and self.sampler.startswith(OWN_SAMPLER))
        ]
        return problems + _tracker_problems(self.tracker)

    def _numbers(self) -> list[str]:
        problems = []
        for name in (*_LEAST, "n_trials", "max_epochs", "parallel", "max_failures", "patience"):
            value, least = getattr(self, name), _LEAST.get(name, 1)
            if value is not None and not (_is_whole(value) and least <= value <= MOST):
                option = "trials" if name == "n_trials" else name.replace("_", "-")
                problems.append(f"--{option} must be a whole number from {least} to {MOST}, got {shown(value)}")
        for name in ("timeout", "trial_timeout", "stall_timeout"):
            value = getattr(self, name)
            if value is not None and not (_is_finite(value) and value > 0):
                problems.append(f"--{name.replace('_', '-')} must be a time above 0 seconds, got {shown(value)}")
        if self.budget is not None:
            try:
                Budget.parse(self.budget)
            except ValueError as error:
                problems.append(f"--budget {error}")
        if self.target_value is not None and not _is_finite(self.target_value):
            problems.append(f"--target-value must be a number, got {shown(self.target_value)}")
        if self.worth is not None and not (_is_finite(self.worth) and self.worth > 0):
            problems.append(f"--worth must be a number above 0, in units of the metric, got {shown(self.worth)}")
        if not (_is_finite(self.grace) and LEAST_GRACE <= self.grace <= MOST):
            problems.append(f"--grace must be a time of at least {LEAST_GRACE:g} second, got {shown(self.grace)}")
        for name in ("cpus", "gpus"):
            value = getattr(self, name)
            if value is None or (name == "gpus" and value == 0):
                continue
            if not (_is_finite(value) and value >= LEAST_SHARE):
                problems.append(f"--{name} must be a number from {LEAST_SHARE}, got {shown(value)}")
            elif name == "gpus" and value > 1 and value != int(value):
                problems.append(f"--gpus must be a whole number above 1, or a share of one GPU, got {value!r}")
        if self.executor == "local" and _is_whole(self.parallel) and (self.parallel or 1) > 1:
            problems.append(
                f"--executor local runs one trial at a time, got --parallel {self.parallel}; use --executor ray"
            )
        if not (_is_whole(self.seed) and 0 <= self.seed < 2**63):
            problems.append(f"--seed must be a whole number from 0 to 2^63 - 1, got {shown(self.seed)}")
        return problems

    def _variables(self) -> list[str]:
        """Return what is wrong with the names of variables, which become tuples."""
        problems = []
        for name in ("env", "env_block"):
            option, given = f"--{name.replace('_', '-')}", getattr(self, name)
            if isinstance(given, str):
                problems.append(f"{option} must be a list of names, got {shown(given)}")
                continue
            object.__setattr__(self, name, tuple(given))
            for each in given:
                if not (isinstance(each, str) and _VARIABLE.fullmatch(each)):
                    value = "; its value is taken from the environment" if "=" in str(each) else ""
                    seen = shown(str(each).partition("=")[0] if value else each)
                    problems.append(f"{option} takes the name of a variable, such as HF_TOKEN, got {seen}{value}")
        both = sorted({*self.env} & {*self.env_block}) if not problems else []
        return problems + [f"--env {name} and --env-block {name}: give one of them" for name in both]

    def _known(self) -> list[str]:
        """Return what is wrong with points and studies to begin with; the points become points of the space."""
        given = self.tries
        if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
            return [f"--try must be a list of points, such as [{{'lr': 0.1}}], got {shown(given)}"]
        problems: list[str] = []
        points: list[dict[str, Any]] = []
        for each in given:
            try:
                point = self.space.point(each)
                points += [point] if point not in points else []
            except SearchSpaceError as error:
                problems += [f"--try {shown(each)}: {problem}" for problem in error.problems]
        object.__setattr__(self, "tries", tuple(points))
        if isinstance(self.warm_start, str) or not all(isinstance(name, str) and name for name in self.warm_start):
            problems.append(f"--warm-start must be a list of studies' names, got {shown(self.warm_start)}")
        object.__setattr__(self, "warm_start", tuple(dict.fromkeys(self.warm_start)))
        return problems

    @property
    def metric(self) -> str:
        """The first metric."""
        return self.metrics[0]

    @property
    def direction(self) -> Direction:
        """Which way the first metric is better."""
        return self.directions[0]

    @property
    def preference(self) -> Preference:
        """Which of two results is better."""
        return Preference.of(self.metrics, self.directions, self.constraints)

    @property
    def stem(self) -> str:
        """The short name of the target, from which a study gets its own: `train` of `/home/ada/train.py:objective`."""
        file = self.target.rsplit("/", 1)[-1]
        if self.kind == "table":
            return file.partition(".")[0]
        return file.partition(":")[0].removesuffix(".py").rsplit(".", 1)[-1]

    @property
    def trackers(self) -> tuple[str, ...]:
        """The trackers that the study is copied to, as they were named."""
        return tracker_names(self.tracker)

    @property
    def shown_tracking_uri(self) -> str | None:
        """The tracking URI without a password."""
        return None if self.tracking_uri is None else without_password(self.tracking_uri)

    def changes(self, **values: Any) -> StudyConfig:
        """Return a copy with other values."""
        return dataclasses.replace(self, **values)

    def differences(self, other: StudyConfig, *, but: Container[str] = ()) -> list[str]:
        """Return how `other` asks for another study, a line for each option that is fixed when a study is made."""
        lines = []
        for name in (each.name for each in dataclasses.fields(self)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if name not in (*CHANGEABLE, "data", "kind", *_ANYWHERE) and name not in but and mine != theirs:
                lines.append(f"it has {_named(name)} {_listed(mine)}, not {_listed(theirs)}")
        if (self.data or {}).get("sha256") != (other.data or {}).get("sha256"):
            lines.append("its data are others")
        changes = self.space.diff(other.space)
        for change in changes[:_MOST_CHANGES]:
            mine, theirs = (each or "nothing" for each in (change.before, change.after))
            lines.append(f"its space has for {change.label} {mine}, not {theirs}")
        if more := [change.label for change in changes[_MOST_CHANGES:]]:
            lines.append(f"its space differs in {len(more)} more: {', '.join(more)}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON, for the ledger: without a password.

        A single metric and its direction are text, as in ledgers from before there could be several.
        """
        row = {SINGULAR.get(each.name, each.name): getattr(self, each.name) for each in dataclasses.fields(self)}
        row |= {"space": self.space.to_dict(), "tracking_uri": self.shown_tracking_uri}
        row |= {name: one_or_all(row[name]) for name in SINGULAR.values()}
        if not self.constraints:
            del row["constraints"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> StudyConfig:
        """Return the settings that `to_dict` gave."""
        plural = {one: name for name, one in SINGULAR.items()}
        values = {plural.get(name, name): value for name, value in row.items()}
        return cls(**{**values, "space": SearchSpace.from_dict(row["space"])})


def _named(name: str) -> str:
    return SINGULAR.get(name, name).replace("_", " ")


def _listed(value: object) -> str:
    return ", ".join(map(shown, value)) or "none" if isinstance(value, tuple) else shown(value)


def one_or_all(texts: Sequence[str]) -> str | Sequence[str]:
    """Return the only text there is, or all of them."""
    return texts[0] if len(texts) == 1 else texts


def unpaired(metrics: Sequence[str], directions: Sequence[str]) -> str:
    """Say that metrics and directions do not pair."""
    return (
        f"--metric and --direction are paired by position: got {len(metrics)} of the one ({', '.join(metrics)}) and "
        f"{len(directions)} of the other ({', '.join(directions)})"
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf


def tracker_names(tracker: str) -> tuple[str, ...]:
    """Return the trackers that a value of `--tracker` names: none of "none"."""
    return () if tracker == "none" else tuple(part.strip() for part in tracker.split(","))


def _tracker_problems(tracker: str) -> list[str]:
    names = tracker_names(tracker)
    if "none" in names:
        return [f'--tracker {tracker!r} names a tracker and none: give either "none" or {", ".join(TRACKERS)}']
    problems = [unknown("--tracker", name, (*TRACKERS, "none")) for name in names if name not in TRACKERS]
    return problems + [f"--tracker {tracker!r} names {n!r} twice" for n in TRACKERS if names.count(n) > 1]


def default_direction(metric: str) -> Direction | None:
    """Return "minimize" for a metric whose name says that less is better, None where the user must say."""
    words = metric.lower().replace("-", "_").split("_")
    return "minimize" if any(word in _MINIMIZED for word in words) else None
