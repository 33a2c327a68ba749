"""Trials in worker processes, on every core and GPU of a machine or a cluster, through Ray Tune.

One Tune trial is one attempt. Tune is asked for nothing but processes: its searcher hook asks the study what to run
next, its scheduler hook brings reports in and verdicts out. It never pauses, restores, retries or stores a trial, so
promotion, retry and resume are simply further attempts.

Tune ends a whole search when a hook raises. Every hook here is guarded: an error is kept, everything stops, and the
main thread raises it.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from automl import guard, halt, interrupts, trial_log
from automl.attempt import Attempt, Ending, Objective, plain
from automl.config import StudyConfig
from automl.errors import ConfigError, LeaseLostError, MissingDependencyError
from automl.executors import Capacity, carried, process
from automl.executors.environment import Environment
from automl.ledger.requests import Request
from automl.running import advice
from automl.stopping import Verdict
from automl.study import Study
from automl.trial import AttemptState, Reason, TrialState

# Set before Ray is imported. Tune's files, tables and signal handlers off; usage statistics off; a trial without a GPU
# sees none; titles of processes do not write over their environment, which carries the guard's mark.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "SPT_NOENV": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "60",
}
CONNECT_SECONDS = 5.0  # that a cluster gets to answer
MOST_PER_CPU = 4
"""Trials at once on a CPU, unless the share is given: more only take each other's time and memory."""
STOP_SECONDS = 3.0  # that workers get to unwind before their processes are ended


class RayExecutor:
    """Runs trials on a Ray cluster: the one at `config.ray_address`, one already connected to, or its own."""

    def __init__(self, config: StudyConfig) -> None:
        self._config = config
        self._capacity: Capacity | None = None
        self._owns_cluster = False

    def check(self, objective: Objective) -> None:
        from ray import cloudpickle

        if problems := carried.problems(objective, dump=cloudpickle.dump):
            raise ConfigError(problems)

    def expect(self) -> Capacity | None:
        if self._address is not None:
            return None
        from automl.executors import ray_private

        have = {"CPU": _cores(), "GPU": ray_private.gpus()}
        return capacity(self._config, [{"Alive": True, "Resources": have}])

    def prepare(self) -> Capacity:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        import ray

        from automl.executors import ray_private

        if not ray.is_initialized():
            self.expect()  # refuses at once what would be refused after the seconds that a start takes
            ray_private.secure_token()
            ray_private.silence()
            preload = threading.Thread(target=_import_tune, name="import-tune")
            preload.start()  # ray.init itself must stay on the main thread: the cluster dies with its thread
            self._connect(ray)
            preload.join()
        ray_private.silence()
        _import_tune()
        try:
            self._capacity = capacity(self._config, ray.nodes())  # type: ignore[no-untyped-call]
        except ConfigError:
            self.close()
            raise
        return self._capacity

    def run(self, study: Study, objective: Objective) -> None:
        assert self._capacity is not None, "prepare() comes first"
        bridge = _Bridge(study, self._capacity.parallel)
        threading.Thread(target=self._fit, args=(bridge, objective), name="tune", daemon=True).start()
        try:
            bridge.over.wait()  # an event, not join: signals get through
        finally:
            with interrupts.held_back(), interrupts.hastened(bridge.ended.set):
                self._end(bridge)
        if bridge.error is not None:
            raise bridge.error

    def _end(self, bridge: _Bridge) -> None:
        """Let workers come to their next report, and end those that do not come to it in time."""
        study, grace = bridge.study, self._config.grace
        bridge.stop()
        if study.request is Request.NOW:
            interrupts.note(signal.SIGINT, by="`automl stop --now`")
        patience = None if study.is_done else STOP_SECONDS
        if (by := interrupts.why()) is not None and not study.is_done:
            patience = halt.left(halt.REPORTING, grace=grace)
            study.interrupt(by=by, seconds=patience)
        if isinstance(bridge.error, LeaseLostError):  # another driver runs these trials now
            bridge.kill()
        bridge.ended.wait(patience)
        if not bridge.has_ended:  # somebody does not report: the cluster may not be ours to shut down, the workers are
            bridge.kill()
            bridge.ended.wait(min(STOP_SECONDS, halt.left(halt.SAVING, grace=grace)))

    def close(self) -> None:
        if self._owns_cluster:
            import ray

            self._owns_cluster = False
            ray.shutdown()

    @property
    def environment(self) -> Environment:
        """What workers see of this process's environment."""
        return Environment.of(os.environ, env=self._config.env, block=self._config.env_block)

    @property
    def _address(self) -> str | None:
        return self._config.ray_address or os.environ.get("RAY_ADDRESS")

    def _connect(self, ray: Any) -> None:
        from automl.executors import ray_private

        address = self._address
        if address is not None:
            _check_answers(address)
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        if address is None:
            options |= {"include_dashboard": False, "num_cpus": _cores(), "_temp_dir": ray_private.new_folder()}
        try:
            with interrupts.shielded(), ray_private.own_signals(), self.environment.inherited():
                ray.init(address=address or "local", **options)  # None would join any cluster on this machine
                self._owns_cluster = True  # signals waited for that: half a cluster cannot be shut down
        except (ConnectionError, RuntimeError, ValueError) as error:
            asks = "" if address is None else "; if that cluster asks for a token, export RAY_AUTH_MODE=token first"
            raise MissingDependencyError(
                f"Ray did not start: {str(error).splitlines()[0]}; see --ray-address{asks}"
            ) from error

    def _fit(self, bridge: _Bridge, objective: Objective) -> None:
        try:
            fit(bridge, objective, isolate=self._config.isolate, environment=self.environment)
        except BaseException as error:
            bridge.fail(error)
        finally:
            bridge.has_ended = True
            bridge.over.set()
            bridge.ended.set()


def _check_answers(address: str) -> None:
    """Refuse a cluster that nobody runs: Ray would try for minutes, and say so on the terminal.

    Raises:
        MissingDependencyError: nothing listens at `address`, if that is HOST:PORT.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "/" in host:
        return  # "auto", or a kind of address that Ray itself judges
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise MissingDependencyError(
            f"no Ray cluster answers at {address} ({error}): start one with `ray start --head`, or see --ray-address"
        ) from error


def capacity(config: StudyConfig, nodes: list[dict[str, Any]]) -> Capacity:
    """Return how many trials fit on the nodes that `ray.nodes()` gave, and what each gets.

    Raises:
        ConfigError: one trial asks for more than any node has, or all at once for more than there is.
    """
    found = [node["Resources"] for node in nodes if node["Alive"]]
    cpus, gpus = (sum(node.get(kind, 0.0) for node in found) for kind in ("CPU", "GPU"))
    places = config.parallel
    gpu = config.gpus if config.gpus is not None else 0.0 if gpus == 0 else min(1.0, gpus / (places or gpus))
    default = cpus / places if places else cpus * gpu / gpus if gpu and gpus else 1.0
    cpu = config.cpus if config.cpus is not None else min(1.0, default)
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    note = {"CPU": "", "GPU": "" if hidden is None else f" (CUDA_VISIBLE_DEVICES={hidden!r})"}
    problems = [
        f"--{kind.lower()}s {asked:g}: that is for one trial, and no node has more than {most:g}{note[kind]}"
        for kind, asked in (("CPU", cpu), ("GPU", gpu))
        if asked > (most := max((node.get(kind, 0.0) for node in found), default=0.0))
    ]
    if problems:
        raise ConfigError(problems)
    fits = min(math.floor(have / share + 1e-9) for have, share in ((cpus, cpu), (gpus, gpu)) if share)
    if places and places > fits:
        raise ConfigError(
            f"--parallel {places} needs {places * cpu:g} CPUs and {places * gpu:g} GPUs, found {cpus:g} and {gpus:g}"
            f"{note['GPU']}; at most {fits} fit"
        )
    if places and config.cpus is None and places > MOST_PER_CPU * cpus:
        raise ConfigError(
            f"--parallel {places} puts more than {MOST_PER_CPU} trials on each of {cpus:g} CPUs; "
            f"give at most {MOST_PER_CPU * cpus:g}, or say with --cpus what share of one a trial needs"
        )
    on = f"{cpus:g} CPUs" + (f", {gpus:g} GPUs" if gpus else "") + (f" on {len(found)} nodes" if len(found) > 1 else "")
    largest = max(node.get("CPU", 0.0) for node in found)
    return Capacity(parallel=places or fits, cpus=cpu, gpus=gpu, devices=on, node_cpus=largest)


@dataclass(frozen=True, slots=True)
class Result:
    """One answer of a worker, as the hooks read it."""

    reports: list[Any]
    ending: Ending | None


class _Bridge:
    """What the hooks share: the study, which attempt each Tune trial is, and whether to go on."""

    def __init__(self, study: Study, parallel: int) -> None:
        self.study = study
        self.parallel = parallel
        self.over = threading.Event()
        """Set when the search must end."""
        self.ended = threading.Event()
        """Set when Tune has ended, or nobody waits for that any more."""
        self.has_ended = False
        self.error: BaseException | None = None
        self.is_stopping = False
        self.controller: Any = None
        """Tune's, once it has one."""
        self._attempts: dict[str, Attempt] = {}
        self._actors: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its hooks into a file that is never read again

    def next_attempt(self, trial_id: str) -> Attempt | None:
        """Return the attempt that a new Tune trial is to run."""
        if self.is_stopping or self._is_full:
            return None
        attempt = self.study.next_attempt(wait=not self.study.running)
        if attempt is not None:
            self._attempts[trial_id] = attempt
        return attempt

    @property
    def _is_full(self) -> bool:
        """Whether nothing more may start: each place is taken, or the next one free is kept for a larger trial.

        Ray would give what becomes free to whoever fits, and a trial that wants a whole node would wait for ever.
        """
        shares, attempts = self.study.shares, self.study.running.values()
        is_kept = any(shares.places(a.resources) > 1 and i not in self._actors for i, a in self._attempts.items())
        return is_kept or sum(shares.places(attempt.resources) for attempt in attempts) >= self.parallel

    def take(self, trial_id: str, result: Result, actor: Any) -> None:
        """Pass a worker's answer to the study, and the study's back."""
        attempt = self._attempts.get(trial_id)
        if attempt is None:
            return
        if actor is not None:  # the last answer comes after Tune has let go of the actor
            self._actors[trial_id] = actor
        verdict = self.study.report(attempt, result.reports) if result.reports else Verdict.CONTINUE
        if result.ending is None:
            if verdict is not Verdict.CONTINUE or self.is_stopping:
                actor.decide.remote((Verdict.STOP if self.is_stopping else verdict).value)
            return
        # A trial that ends because everything ends is not PRUNED: closing the study says what it is.
        if not (self.is_stopping and result.ending.trial_state is TrialState.PRUNED):
            self.study.end(attempt, result.ending)
        self.drop(trial_id)

    def start(self, trial_id: str, actor: Any) -> None:
        """Take in which worker runs an attempt, and that it begins now; when all ends, nothing begins any more."""
        from automl.executors import ray_private

        attempt = self._attempts.get(trial_id)
        if attempt is not None:
            self._actors[trial_id] = actor
            self.study.begun(attempt)
            if self.is_stopping:  # it has waited for a place, which somebody's end has just made free
                ray_private.end_worker(actor)

    def lose(self, trial_id: str, said: str) -> None:
        """Tell the study that the worker of an attempt is gone."""
        from automl.executors import ray_private

        attempt, actor = self._attempts.get(trial_id), self._actors.get(trial_id)
        if attempt is not None and not self.is_stopping:
            if actor is not None and (pid := ray_private.pid_here(actor)):
                process.end_marked(attempt, pid)
            is_node_gone = actor is not None and ray_private.is_node_gone(actor)
            self.study.lose(attempt, explained(attempt, lost(said, is_node_gone=is_node_gone)))
        self.drop(trial_id)

    def end_overdue(self) -> None:
        """End the workers whose attempts have no time left."""
        from automl.executors import ray_private

        for attempt, ending in self.study.overdue():
            for trial_id in [key for key, each in self._attempts.items() if each == attempt]:
                if trial_id in self._actors:  # else it waits for a process, and begins when that is there
                    ray_private.end_worker(self._actors[trial_id])
                    trial_log.limit(Path(attempt.folder) / "log")
                    self.study.lose(attempt, ending)
                    self.drop(trial_id)

    def drop(self, trial_id: str) -> None:
        """Forget a Tune trial that is over."""
        self._attempts.pop(trial_id, None)
        self._actors.pop(trial_id, None)

    def tick(self) -> None:
        """Do what is due, and notice when the search must end."""
        self.study.tick()
        self.end_overdue()
        if self.study.is_done or self.study.should_stop:
            self.over.set()

    def fail(self, error: BaseException) -> None:
        """Keep the first error, and end the search."""
        if self.error is None and not self.is_stopping:
            self.error = error
        self.over.set()

    def stop(self) -> None:
        """Tell every worker to end at its next report, and Tune to start nothing more."""
        self.is_stopping = True
        for actor in list(self._actors.values()):
            actor.decide.remote(Verdict.STOP.value)

    def kill(self) -> None:
        """End the worker processes that are still at it."""
        from automl.executors import ray_private

        for actor in list(self._actors.values()):
            ray_private.end_worker(actor)


def lost(said: str, *, is_node_gone: bool = False) -> Ending:
    """Return the ending of an attempt whose worker cannot tell it.

    Args:
        said: Ray's words.
        is_node_gone: whether the worker's node does not answer any more.
    """
    lines = [line for line in said.splitlines() if line.strip()] or ["the worker process died"]
    reason = Reason.WORKER_LOST
    if "OutOfMemory" in said or "OUT_OF_MEMORY" in said or "running low on memory" in said:
        reason = Reason.OOM
    elif is_node_gone or "NODE_DIED" in said or "its node has died" in said:
        reason = Reason.NODE_LOST
    elif "creation task" in said:  # the objective, or what it refers to, cannot be unpickled there
        reason = Reason.RAISED
    return Ending(state=AttemptState.LOST, trial_state=TrialState.FAIL, reason=reason, message=plain(lines[-1]))


def explained(attempt: Attempt, ending: Ending) -> Ending:
    """Return the ending of a lost worker, corrected by the note that it left if it ended by its own doing."""
    log = Path(attempt.folder) / "log"
    note = process.take_note(attempt)
    if note is not None and ending.reason in (Reason.WORKER_LOST, Reason.RAISED):
        reason, message, trace = note
        trial_log.keep_failure(log, trace or message)
        ending = replace(ending, reason=reason, message=message)
    trial_log.limit(log)
    return replace(ending, message=f"{ending.message}; {advice(attempt)}")


def fit(bridge: _Bridge, objective: Objective, *, isolate: bool, environment: Environment) -> None:
    """Run Tune until the study has nothing left to run; blocks."""
    from ray import tune

    from automl.executors import ray_private
    from automl.executors.ray_hooks import Hooks, Scheduler, Searcher
    from automl.executors.ray_worker import Worker

    worker = tune.with_parameters(Worker, objective=objective, isolate=isolate, environment=environment)
    with (
        tempfile.TemporaryDirectory(prefix="automl-tune-", ignore_cleanup_errors=True) as folder,
        ray_private.uncounted_callbacks(),
        ray_private.remembered_registry(),
        ray_private.unspread_secrets(),
    ):
        guard.remove_later(folder)
        tune.Tuner(
            tune.with_resources(worker, _resources),
            tune_config=tune.TuneConfig(
                search_alg=Searcher(bridge), scheduler=Scheduler(bridge), num_samples=-1, reuse_actors=True
            ),
            run_config=tune.RunConfig(
                storage_path=folder,
                name="study",
                verbose=0,
                callbacks=[Hooks(bridge)],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()


def _resources(config: dict[str, Any]) -> Any:
    """Return what Tune is to reserve for an attempt."""
    from ray import tune

    share = config["attempt"].resources
    wanted = {"CPU": share["cpus"], "GPU": share["gpus"]}
    return tune.PlacementGroupFactory([{kind: amount for kind, amount in wanted.items() if amount}])


def _import_tune() -> None:
    import ray.tune  # noqa: F401


def _cores() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
