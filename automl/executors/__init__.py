"""Executors: where trials run. All of them do the same thing with a study: fill free places with attempts, pass reports
to it and verdicts back, and hand over how each attempt ended.

    executor = make(config)
    executor.check(objective)           # refuses what cannot be sent to a worker
    executor.prepare()                  # starts what it needs, refuses what the machine cannot hold
    executor.run(study, objective)      # returns when the study is done, its time is up, or it has failed
    executor.close()

`local` runs one trial at a time in this process, for debugging; `ray_tune` runs them in worker processes on every core
and GPU of a machine or a cluster. `automl.testing.ExecutorContract` is what each must do. `simulated` is another thing:
it reads curves instead of running objectives, for `automl.simulate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from automl.attempt import Objective
from automl.compute import Budget
from automl.config import StudyConfig
from automl.errors import ConfigError
from automl.shares import Shares
from automl.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What an executor found to run trials on."""

    parallel: int
    """Trials at once."""
    cpus: float
    """Of one trial."""
    gpus: float
    """Of one trial."""
    devices: str
    """In words, for the pre-flight lines."""
    node_cpus: float = 0.0
    """Of the largest node."""

    @property
    def shares(self) -> Shares:
        """What each trial gets, and the most that there is for one."""
        return Shares(cpus=self.cpus, gpus=self.gpus, node_cpus=self.node_cpus)


class Executor(Protocol):
    """Runs the trials of a study."""

    def check(self, objective: Objective) -> None:
        """Refuse an objective that cannot run here; starts nothing.

        Raises:
            ConfigError: it cannot be sent to where trials run.
        """

    def expect(self) -> Capacity | None:
        """Say what `prepare` would find, without starting anything; None where only a running cluster can tell.

        Raises:
            ConfigError: a trial asks for more than exists.
        """

    def prepare(self) -> Capacity:
        """Start what is needed and say what there is.

        Raises:
            ConfigError: a trial asks for more than exists.
        """

    def run(self, study: Study, objective: Objective) -> None:
        """Run trials until the study has none left or should stop. Called in the main thread.

        An exception, KeyboardInterrupt included, ends the attempts that run and passes; the study stays open.
        """

    def close(self) -> None:
        """Stop what `prepare` started."""


def check_budget(config: StudyConfig, capacity: Capacity) -> None:
    """Refuse a budget of what trials do not get: it would never be spent.

    Raises:
        ConfigError: it is of GPUs, and trials have none.
    """
    if config.budget and Budget.parse(config.budget).kind == "gpus" and not capacity.gpus:
        raise ConfigError(f"--budget {config.budget}: trials get no GPU here; give CPU hours, such as --budget 4cpuh")


def make(config: StudyConfig) -> Executor:
    """Return the executor that `config` names."""
    if config.executor == "local":
        from automl.executors.local import LocalExecutor

        return LocalExecutor()
    from automl.executors.ray_tune import RayExecutor

    return RayExecutor(config)
