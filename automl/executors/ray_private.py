"""The parts of Ray that are not its public interface, in one place, for ray==2.60.0; each has a test.

- `silence`: with `log_to_driver=False` Ray still prints "(raylet) A worker died ..." through a function of its own.
- `uncounted_callbacks`: for usage statistics, which are off, Tune imports mlflow to see whether a callback is mlflow's.
- `remembered_registry`: for every trial Tune asks the cluster five times for the class that it runs.
- `gpus`: how many Ray will find, before it is started.
- `forget_finished`: Tune keeps every trial it ever ran and goes through all of them when it ends.
- `end_worker`: what Ray kills it asks to end, and a process that was stopped does not hear that.
- `unspread_secrets`: Tune hands AWS credentials of the driver to every worker, by way of a log file.
- `own_signals`: Ray takes SIGTERM for itself, and what ends a terminal's processes would end those of a cluster.
- `new_folder`: a cluster's files, logs among them, are open to everyone on the machine, and it leaves them behind.
- `secure_token`: Ray writes its cluster token readable by everyone; made beforehand, it is used as it is.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automl import guard, interrupts
from automl.errors import ConfigError
from automl.executors import process
from automl.redaction import is_secret

LONGEST_BASE = 30
"""Of the folder for temporary files, in bytes: there are sockets below it, whose paths may have no more than 103."""


def silence() -> None:
    """Keep Ray's own messages off the user's terminal; call it before `ray.init` and once more after."""
    import ray._private.worker as worker

    worker.print_to_stdstream = lambda *args, **kwargs: None
    for name in ("ray", "ray.tune", "ray.air", "ray.train", "ray._private"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def gpus() -> float:
    """Return how many GPUs a cluster started here would have."""
    from ray._private.accelerators import get_accelerator_manager_for_resource

    manager = get_accelerator_manager_for_resource("GPU")
    if manager is None:
        return 0.0
    visible = manager.get_current_process_visible_accelerator_ids()
    found = manager.get_current_node_num_accelerators()
    return float(found if visible is None else min(found, len(visible)))


@contextlib.contextmanager
def unspread_secrets() -> Iterator[None]:
    """Keep Tune from handing on what looks like a secret: what workers see is decided in `executors.environment`."""
    from ray.tune.execution import class_cache

    spread = class_cache.ENV_VARS_TO_PROPAGATE
    class_cache.ENV_VARS_TO_PROPAGATE = {name for name in spread if not is_secret(name)}
    try:
        yield
    finally:
        class_cache.ENV_VARS_TO_PROPAGATE = spread


@contextlib.contextmanager
def own_signals() -> Iterator[None]:
    """Leave this process its signals while Ray starts, and keep them from what it starts: workers are ours to end.

    The processes of the cluster get a group of their own, so that a terminal's Ctrl-C and `timeout` do not reach them.
    Batch systems signal every process of a job: those signals that workers need not hear are blocked meanwhile, which
    children inherit.
    """
    from ray._private import services, utils

    taken, popen = utils.set_sigterm_handler, services.ConsolePopen
    utils.set_sigterm_handler = lambda handler: None
    services.ConsolePopen = functools.partial(popen, process_group=0)  # type: ignore[misc,assignment]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, interrupts.POLITE)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        services.ConsolePopen = popen  # type: ignore[misc]
        utils.set_sigterm_handler = taken
        if threading.current_thread() is threading.main_thread():  # nobody else may set handlers
            for number in interrupts.SIGNALS:  # from below Python, too
                signal.signal(number, signal.getsignal(number) or signal.SIG_DFL)


def hear_signals() -> None:
    """In a worker, ignore what `own_signals` has blocked: an objective may handle it, and its children hear it."""
    for number in interrupts.POLITE:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, interrupts.POLITE)


def new_folder() -> str:
    """Return where a cluster is to keep its files: in a folder that is closed to other users, and goes with us.

    Its own are opened to everyone by each process that joins it, so that closing one of them would not last.
    """
    from ray._common.utils import get_default_system_temp_dir

    base: str = get_default_system_temp_dir()  # type: ignore[no-untyped-call]
    closed = tempfile.mkdtemp(prefix="ray-", dir=base if len(base) <= LONGEST_BASE else "/tmp")
    guard.remove_later(closed)
    return f"{closed}/r"


def secure_token() -> None:
    """Make sure that the token of local clusters exists and that only its owner can read it.

    Raises:
        ConfigError: it cannot be written, or belongs to another user.
    """
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_MODE") == "disabled":
        return  # the mode itself is Ray's to set: it reads the variable once, when it is imported
    chosen = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(chosen) if chosen else Path.home() / ".ray" / "auth_token"
    try:
        _write_token(path)
    except PermissionError as error:
        raise ConfigError(
            f"Ray needs a token of yours in {path}, which cannot be written ({error.strerror}): set "
            "RAY_AUTH_TOKEN_PATH to a file in a folder that you can write, or HOME to such a folder"
        ) from error


def _write_token(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))


@contextlib.contextmanager
def uncounted_callbacks() -> Iterator[None]:
    """Spare a search the seconds that Tune takes to classify callbacks."""
    import ray.air._internal.usage as usage

    counted = usage.tag_callbacks
    usage.tag_callbacks = lambda callbacks: False
    try:
        yield
    finally:
        usage.tag_callbacks = counted


@contextlib.contextmanager
def remembered_registry() -> Iterator[None]:
    """Keep in this process what Tune looks up in its registry of trainables, until it is registered anew."""
    from ray.tune.registry import _global_registry as registry

    kept: dict[tuple[str, str], Any] = {}
    get, contains, register = registry.get, registry.contains, registry.register

    def remembered_get(category: str, key: str) -> Any:
        if (category, key) not in kept:
            kept[category, key] = get(category, key)  # type: ignore[no-untyped-call]
        return kept[category, key]

    def remembered_contains(category: str, key: str) -> bool:
        return (category, key) in kept or bool(contains(category, key))  # type: ignore[no-untyped-call]

    def forgetful_register(category: str, key: str, value: Any) -> None:
        kept.pop((category, key), None)
        register(category, key, value)

    ours = {"get": remembered_get, "contains": remembered_contains, "register": forgetful_register}
    for name, function in ours.items():
        setattr(registry, name, function)
    try:
        yield
    finally:
        for name in ours:
            delattr(registry, name)


def forget_finished(trials: list[Any], controller: Any) -> None:
    """Drop finished trials from the lists that Tune goes through, all but the last, which its result needs.

    Args:
        trials: Tune's own list, as callbacks get it.
        controller: the TuneController.
    """
    finished = [trial for trial in trials[:-1] if trial.is_finished()]
    if not finished:
        return
    gone = set(finished)
    trials[:] = [trial for trial in trials if trial not in gone]
    for kept in (controller._live_trials, controller._stopped_trials, controller._failed_trials):
        kept.difference_update(gone)
    controller._trials_to_cache.difference_update(gone)
    for trial in finished:
        controller._trial_metadata.pop(trial.trial_id, None)


def controller_of(wrapper: Any) -> Any:
    """Return the TuneController behind what schedulers are handed."""
    return getattr(wrapper, "_tune_controller", wrapper)


def actor_of(trial: Any) -> Any | None:
    """Return the handle of the actor that runs a Tune trial now."""
    return trial.temporary_state.ray_actor


def process_of(actor: Any) -> tuple[str, int] | None:
    """Return the node and the process id of an actor, alive or dead; None while it has none."""
    import ray._private.state as state

    row: dict[str, Any] = state.actors(actor._actor_id.hex())
    return (row["Address"]["NodeID"], row["Pid"]) if row.get("Pid") else None


def pid_here(actor: Any) -> int | None:
    """Return the process id of an actor on the driver's own node, None for others."""
    import ray

    found = process_of(actor)
    return found[1] if found and found[0] == ray.get_runtime_context().get_node_id() else None


def end_worker(actor: Any) -> None:
    """End the process of an actor, with all that it started, even if it is stopped or never lets Ray's thread in."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    found = process_of(actor)
    if pid := pid_here(actor):
        process.end(pid)
    elif found:
        there = NodeAffinitySchedulingStrategy(found[0], soft=False)
        task: Any = ray.remote(process.end)
        task.options(num_cpus=0, scheduling_strategy=there).remote(found[1])
    ray.kill(actor)


def is_node_gone(actor: Any) -> bool:
    """Say whether the node of an actor does not answer any more; Ray itself takes up to 15 seconds to notice."""
    import ray

    found = process_of(actor)
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    node = next((node for node in nodes if found and node["NodeID"] == found[0]), None)
    if node is None or not node["Alive"]:
        return node is not None
    try:
        socket.create_connection((node["NodeManagerAddress"], node["NodeManagerPort"]), timeout=2.0).close()
    except OSError:
        return True
    return False


def error_of(trial: Any) -> str:
    """Return what ended a Tune trial with an error, in Ray's words; from the text that Tune has just written."""
    with contextlib.suppress(OSError, TypeError):  # without it the trial has failed all the same
        return Path(trial.error_file).read_text(encoding="utf-8", errors="replace").rpartition("Failure # ")[2]
    return ""
